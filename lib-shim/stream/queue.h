/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * queue.h - connects the LogWriter's queue to the core, if it is a reliable disk queue:
 * then the core acknowledges what is taken out of it (failover.h, failover_queue), and
 * nothing is taken out while the connection takes nothing.
 *
 * Belongs to the sender.  Main thread.
 */
#ifndef FAILOVER_QUEUE_H_INCLUDED
#define FAILOVER_QUEUE_H_INCLUDED

#include "failover-queue.h"
#include "host-version.h"

typedef struct _FailoverQueue FailoverQueue;

FailoverQueue *failover_queue_new(failover_destination *core);
void failover_queue_free(FailoverQueue *self);

/* At init, once the LogWriter has its queue.  Lets it take out again what has been taken
 * out before and nobody knows of any more.  From then on it is not rewound as a whole, as
 * the driver does at each init.  `destination`: for the log. */
void failover_queue_attach(FailoverQueue *self, LogWriter *writer, const gchar *destination);

/* The LogWriter's queue is released, or was. */
void failover_queue_detach(FailoverQueue *self);

#endif
