/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * resend-stream.h - the messages of one destination on their way out: decorates
 * the LogProto of each connection so that a copy of each message is kept until
 * the peer has it, and posted again on the next connection if it does not.
 *
 * Reference counted: the destination holds one, and so do the LogProto, which
 * outlives its destination over a reload, and what is drained.  The last one that
 * lets go of it drops what is still to be posted, and says so.  All functions are
 * for the main thread.  The decorated LogProto runs where syslog-ng runs it, one
 * thread at a time; while a worker may run it, the main thread only sets `quiesce`.
 */
#ifndef FAILOVER_RESEND_STREAM_H_INCLUDED
#define FAILOVER_RESEND_STREAM_H_INCLUDED

#include "failover.h"
#include "host.h"

typedef struct _FailoverStream FailoverStream;

/* What the destination wants to hear of its stream. */
typedef struct _FailoverStreamCallbacks
{
  gpointer user_data;
  void (*quiet)(gpointer user_data);       /* after failover_stream_quiesce() */
  void (*half_closed)(gpointer user_data); /* the peer has closed, and the LogWriter did not notice */
} FailoverStreamCallbacks;

/* `dead_peer_timeout_ms`: a connection on which nothing is acknowledged for this
 * long, although something is on its way, is ended; 0: never. */
FailoverStream *failover_stream_new(const failover_resend_settings *settings, gint64 dead_peer_timeout_ms);
FailoverStream *failover_stream_ref(FailoverStream *self);
void failover_stream_unref(FailoverStream *self);

/* For the connections that come. */
void failover_stream_set_settings(FailoverStream *self, const failover_resend_settings *settings,
                                  gint64 dead_peer_timeout_ms);

/* Joins the stream to a destination and its LogWriter, or parts it from them
 * (NULL, NULL) until the next one. */
void failover_stream_bind(FailoverStream *self, LogWriter *writer, const FailoverStreamCallbacks *callbacks);

/* For the log. */
void failover_stream_set_destination(FailoverStream *self, const gchar *destination);

/* The connections that come speak TLS. */
void failover_stream_set_tls(FailoverStream *self, gboolean tls);

/* A factory that decorates what `original` makes.  One and the same for the
 * same original and TLS or not, as keep-alive() over a reload compares them. */
LogProtoClientFactory *failover_stream_wrap_factory(LogProtoClientFactory *original, gboolean tls);

/* Around the call that makes the LogProto of a new connection.  `session`: of TLS, or
 * NULL. */
void failover_stream_begin_connection(FailoverStream *self, gint fd, const TLSSession *session);
void failover_stream_end_connection(void);

/* The LogWriter has a LogProto that is decorated. */
gboolean failover_stream_is_connected(const FailoverStream *self);

/* Stop at the end of a message, so that another connection can take over.  TRUE:
 * it has stopped; FALSE: callbacks.quiet tells when.  failover_stream_drain()
 * then: when the LogProto is freed its connection stays until everything is
 * confirmed.  If it ends before that, or the peer makes no progress for
 * dead_peer_timeout_ms, what is left is posted on the new one. */
gboolean failover_stream_quiesce(FailoverStream *self);
void failover_stream_drain(FailoverStream *self);
/* No other connection takes over after all. */
void failover_stream_resume(FailoverStream *self);

/* How the connection in use ended. */
typedef struct _FailoverStreamEnd
{
  gboolean silent;    /* it was given up: the peer acknowledged nothing any more */
  gint error;         /* of the socket, if it was met while reading */
  gboolean fruitless; /* messages were posted on it, and none was confirmed */
} FailoverStreamEnd;

/* Before its LogProto is freed.  If the peer has only closed its own side, what the
 * socket takes of a message that was begun is written; nothing is waited for. */
FailoverStreamEnd failover_stream_end(FailoverStream *self);

/* At the end of syslog-ng, when no worker runs: gives the peer until `deadline_ms`
 * (CLOCK_MONOTONIC) to acknowledge what is on its way.  Returns how many messages it
 * has not, and how many wait to be posted once more. */
guint64 failover_stream_finish(FailoverStream *self, gint64 deadline_ms);

/* Messages waiting to be posted once more. */
guint64 failover_stream_count_waiting(FailoverStream *self);

#endif
