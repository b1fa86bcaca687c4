/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * host-queue.h - what the module uses of syslog-ng's disk queues.  They are of a module
 * of their own, whose functions are looked up by name.
 */
#ifndef FAILOVER_HOST_QUEUE_H_INCLUDED
#define FAILOVER_HOST_QUEUE_H_INCLUDED

#include "host-version.h"

#include "logqueue.h"

/* One with disk-buffer(reliable(yes)), that we know how to ask: it keeps in its file what
 * was taken out of it until that is acknowledged.  Main thread. */
gboolean host_queue_is_reliable(LogQueue *queue);

/* Of such a one, between its start and its release. */
const gchar *host_queue_get_file(LogQueue *queue);

/* Messages that were taken out and are not acknowledged. */
guint64 host_queue_get_backlog(LogQueue *queue);

typedef struct _HostQueueRoom
{
  guint64 size;     /* of the file at most, in bytes */
  guint64 free;     /* of that */
  guint64 reserved; /* mem-buf-size(), flow-control-window-bytes() */
} HostQueueRoom;

HostQueueRoom host_queue_get_room(LogQueue *queue);

#endif
