/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * sender.h - one destination's core, for all of its life: its clock and timers, its
 * messages to the log.  What is decided about servers, connections and messages is
 * decided in the core.
 *
 * Reference counted: the destination's plugin holds one, and so does each connection,
 * which outlives the plugin over a reload and while it is drained.  The last one that
 * lets go of it drops what is still to be posted, and the core says so.  Main thread,
 * but for what is marked.
 */
#ifndef FAILOVER_SENDER_H_INCLUDED
#define FAILOVER_SENDER_H_INCLUDED

#include "failover.h"
#include "host.h"

#include <glib.h>

typedef struct _FailoverSender FailoverSender;

FailoverSender *failover_sender_new(void);
FailoverSender *failover_sender_ref(FailoverSender *self);
void failover_sender_unref(FailoverSender *self);

failover_destination *failover_sender_get_core(FailoverSender *self);

/* A call of the core that fails is a defect or lack of memory: says so. */
void failover_sender_check(FailoverSender *self, failover_status status);

/* For the connections that come.  `destination`: its name, for the log; `tls`: they speak
 * it; `buffer_size`: resend-buffer-size(). */
void failover_sender_configure(FailoverSender *self, const gchar *destination, gboolean tls, gsize buffer_size);

/* The LogWriter has its queue, and nothing was taken out of it since its init; or the
 * queue is released, or was.  `destination`: for the log. */
void failover_sender_attach_queue(FailoverSender *self, LogWriter *writer, const gchar *destination);
void failover_sender_detach_queue(FailoverSender *self);

/* At the end of syslog-ng: gives peers until `deadline_ms` (CLOCK_MONOTONIC) to
 * acknowledge what is on its way.  Returns how many messages none has, and no queue keeps. */
guint64 failover_sender_finish(FailoverSender *self, gint64 deadline_ms);

/* ------------------------------------------------------------------------
 * The connection in use
 */

/* As the LogWriter's proto knows it, which owns it; -1: none. */
void failover_sender_set_fd(FailoverSender *self, gint fd);
gint failover_sender_get_fd(const FailoverSender *self);
gboolean failover_sender_uses_tls(const FailoverSender *self);
gsize failover_sender_get_buffer_size(const FailoverSender *self);
/* Posting side: failover_destination_quiet() is called on the main thread. */
void failover_sender_post_quiet(FailoverSender *self);
/* Posting side: an error of the socket that was met while reading.  0 until then. */
void failover_sender_set_error(FailoverSender *self, gint error);
gint failover_sender_get_error(const FailoverSender *self);

#endif
