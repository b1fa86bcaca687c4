/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * resend-stream-private.h - shared by resend-stream.c (the main thread's side)
 * and resend-proto.c (the LogProto's side, on the path of each message).
 */
#ifndef FAILOVER_RESEND_STREAM_PRIVATE_H_INCLUDED
#define FAILOVER_RESEND_STREAM_PRIVATE_H_INCLUDED

#include "log.h"
#include "resend-stream.h"
#include "tcp-state.h"
#include "tls-handshake.h"

#include <iv_event.h>

/* What is added to one LogProto. */
typedef struct _Decoration
{
  FailoverStream *stream;
  LogProtoClient *proto;
  failover_resend *resend;
  gint fd;
  SSL *ssl; /* NULL without TLS */

  /* what it replaces */
  HostPollFunc poll;
  LogProtoStatus (*post)(LogProtoClient *self, LogMessage *message, guchar *text, gsize length,
                         gboolean *consumed);
  LogProtoStatus (*flush)(LogProtoClient *self);
  LogProtoStatus (*process_in)(LogProtoClient *self);
  void (*free_fn)(LogProtoClient *self);
  LogProtoClientFlowControlFuncs writer; /* the LogWriter's own callbacks */

  gboolean mid_message;  /* a message was begun: the next post has to be the same one */
  gboolean failed_with;  /* a write failed with a message that went back to the queue */
  gint error;            /* of the socket, met while reading */
  guint unsampled;       /* messages since the last sample */
  gint quiesce;          /* atomic, set by the main thread */
  gboolean half_closed;  /* a sample has seen that the peer closed its side */

  /* the main thread's: is the peer alive? */
  guint64 acked;
  guint32 window;
  gint64 alive_at_ms;
  gboolean silent;

  gint drain_fd; /* duplicate, -1: it is not drained; set by the main thread when it ends */
} Decoration;

struct _FailoverStream
{
  gatomicrefcount references;
  failover_resend_settings settings;
  gint64 dead_peer_timeout_ms;
  gboolean tls;
  gboolean finished;  /* syslog-ng ends: what is unconfirmed was told */
  gchar *destination; /* its name, for the log */
  LogWriter *writer; /* borrowed, NULL while between configurations */
  FailoverStreamCallbacks callbacks;
  Decoration *active;       /* of the LogProto that the LogWriter has */
  failover_resend *waiting; /* atomic: to be posted by the next who can */
  GList *drains;
  struct iv_timer watch;
  struct iv_event quiet;
};

/* resend-stream.c */
gint64 failover_stream_now_ms(void);
void failover_stream_watch(FailoverStream *self);
void failover_stream_give_back(FailoverStream *self, failover_resend *resend);
guint64 failover_stream_count_kept(failover_resend *resend);
guint64 failover_stream_count_unacknowledged(failover_resend *resend);
void failover_stream_connection_freed(FailoverStream *self, Decoration *connection);

/* resend-drain.c */
void failover_stream_start_draining(FailoverStream *stream, Decoration *connection);
void failover_stream_stop_draining(FailoverStream *self);
/* At the end of syslog-ng: until all is acknowledged; nobody needs the grace any more. */
void failover_stream_finish_draining(FailoverStream *self, gint64 deadline_ms);
guint64 failover_stream_count_draining(FailoverStream *self);

/* resend-proto.c */
failover_resend *failover_stream_take_waiting(FailoverStream *self);
void failover_stream_sample_resend(failover_resend *resend, const TcpState *tcp, gboolean last_is_partial);
gboolean failover_stream_sample(Decoration *self, TcpState *tcp);
gboolean failover_stream_has_partial(Decoration *self);
gboolean failover_stream_last_is_partial(Decoration *self);
gboolean failover_stream_is_between_messages(Decoration *self);
LogProtoStatus failover_stream_flush(Decoration *self);

#endif
