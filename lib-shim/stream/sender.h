/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * sender.h - the host of one destination's stream (failover.h, "Streams"): its timer,
 * its LogWriter, its messages to the log.  What happens to a message is decided in the
 * core.
 *
 * Reference counted: the destination holds one, and so does each connection, which
 * outlives its destination over a reload and while it is drained.  The last one that
 * lets go of it drops what is still to be posted, and says so.  Main thread, but for
 * what is marked.
 */
#ifndef FAILOVER_SENDER_H_INCLUDED
#define FAILOVER_SENDER_H_INCLUDED

#include "failover.h"
#include "host.h"

typedef struct _FailoverSender FailoverSender;

/* What the destination wants to hear of its stream. */
typedef struct _FailoverSenderCallbacks
{
  gpointer user_data;
  void (*quiet)(gpointer user_data);       /* after failover_stream_quiesce() */
  void (*half_closed)(gpointer user_data); /* the peer has closed, and the LogWriter did not notice */
} FailoverSenderCallbacks;

FailoverSender *failover_sender_new(const failover_stream_settings *settings);
FailoverSender *failover_sender_ref(FailoverSender *self);
void failover_sender_unref(FailoverSender *self);

failover_stream *failover_sender_get_stream(FailoverSender *self);

/* For the connections that come.  `tls`: they speak it; `destination`: for the log. */
void failover_sender_configure(FailoverSender *self, const failover_stream_settings *settings,
                               const gchar *destination, gboolean tls);

/* Joins it to a destination and its LogWriter, or parts it from them (NULL, NULL)
 * until the next one. */
void failover_sender_bind(FailoverSender *self, LogWriter *writer, const FailoverSenderCallbacks *callbacks);

/* At the end of syslog-ng: gives peers until `deadline_ms` (CLOCK_MONOTONIC) to
 * acknowledge what is on its way.  Returns how many messages none has. */
guint64 failover_sender_finish(FailoverSender *self, gint64 deadline_ms);

/* ------------------------------------------------------------------------
 * For the connections
 */

/* One is in use now; -1: none. */
void failover_sender_set_fd(FailoverSender *self, gint fd);
gint failover_sender_get_fd(const FailoverSender *self);
gboolean failover_sender_uses_tls(const FailoverSender *self);
gsize failover_sender_get_buffer_size(const FailoverSender *self);
/* Posting side: callbacks.quiet is called on the main thread. */
void failover_sender_post_quiet(FailoverSender *self);
/* Posting side: an error of the socket that was met while reading.  0 until then. */
void failover_sender_set_error(FailoverSender *self, gint error);
gint failover_sender_get_error(const FailoverSender *self);

#endif
