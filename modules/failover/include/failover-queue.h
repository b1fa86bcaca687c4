/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * failover-queue.h - a reliable disk queue, which a destination (failover.h) acknowledges when
 * messages are confirmed.  The conventions are those of failover.h.
 */
#ifndef FAILOVER_QUEUE_HOST_H_INCLUDED
#define FAILOVER_QUEUE_HOST_H_INCLUDED

#include "failover.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How much a disk queue's file holds, in bytes. */
typedef struct failover_queue_room
{
  uint64_t size;     /* at most */
  uint64_t free;     /* of that */
  uint64_t reserved; /* with less free than this its sources wait for acknowledgements */
} failover_queue_room;

/* The LogWriter's queue, if it keeps in a file what was taken out of it until that is
 * acknowledged, by number and oldest first.  Either side calls it, never two at a time.
 * All are required. */
typedef struct failover_queue
{
  void *user_data; /* first argument of every function below; may be NULL */

  /* Messages that were taken out and are not acknowledged, the one that is being posted
   * among them. */
  uint64_t (*backlog)(void *user_data);
  failover_queue_room (*room)(void *user_data);
  void (*acknowledge)(void *user_data, uint64_t messages);
  /* Main side.  Once: its file has so little room that messages are acknowledged as soon
   * as they are accepted. */
  void (*short_of_room)(void *user_data);
} failover_queue;

/* The posting side does not run.  From now on messages are acknowledged to this queue
 * when they are confirmed, and not by failover_connection_host.acknowledge(), until
 * failover_destination_detach_queue().  `same`: it is the one that was attached before, and
 * nobody else has used it.  Returns how many of the messages taken out last must be taken
 * out again: it is not known what has become of them. */
FAILOVER_WARN_UNUSED uint64_t failover_destination_attach_queue(failover_destination *destination, const failover_queue *queue,
                                                           bool same);
void failover_destination_detach_queue(failover_destination *destination);

/* Posting side.  With a queue that is attached: would one more message be taken now?  It
 * costs such a queue dearly to have one given back.  If not, the end of the job, which
 * flushes, makes it so when it can be. */
FAILOVER_WARN_UNUSED bool failover_destination_takes_messages(const failover_destination *destination);

#ifdef __cplusplus
}
#endif

#endif
