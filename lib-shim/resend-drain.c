/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * resend-drain.c - connections that are not in use any more but not done yet: the
 * peer still has to acknowledge what is on its way.  Main thread.
 */
#include "resend-stream-private.h"

#include "timers.h"

#include <unistd.h>

enum
{
  DRAIN_FIRST_MS = 1, /* doubles up to */
  DRAIN_SLOWEST_MS = 50,
  DRAIN_FAILBACK_MS = 10000, /* a healthy connection that is given up */
  DRAIN_CLOSED_MS = 1000,    /* one that the peer has closed */
};

typedef struct _Drain
{
  FailoverStream *stream;
  failover_resend *resend;
  gint fd;
  gboolean closed_by_peer;
  gboolean last_is_partial;
  guint64 received; /* as in the decoration: to see the peer's FIN */
  gint64 deadline_ms;
  gint interval_ms;
  struct iv_timer timer;
} Drain;

/* `died`: also what is acknowledged may not have been read. */
static void
_drain_finish(Drain *self, gboolean died)
{
  FailoverStream *stream = self->stream;
  gboolean closed_by_peer = self->closed_by_peer;

  timer_cancel(&self->timer);
  stream->drains = g_list_remove(stream->drains, self);
  close(self->fd);
  failover_resend_connection_lost(self->resend, !died);
  failover_stream_give_back(stream, self->resend);
  g_free(self);

  if (closed_by_peer && stream->callbacks.drained)
    stream->callbacks.drained(stream->callbacks.user_data);
}

/* TRUE: it is done. */
static gboolean
_drain_step(Drain *self)
{
  TcpState tcp = { .reset = TRUE };
  gboolean readable = tcp_state_read_all(self->fd, &tcp);
  /* with TLS too: the LogProto said close_notify when it was freed, and most peers
   * answer that with a FIN alone */
  gboolean closed_by_peer = self->closed_by_peer || (readable && tcp.received == self->received + 1);

  if (readable)
    failover_stream_sample_resend(self->resend, &tcp, self->last_is_partial);
  /* a peer that has closed has read what it acknowledged; of one that has not,
   * also the grace is waited for; a half message stays in any case */
  guint64 stays = self->last_is_partial ? 1 : 0;
  gboolean done = readable && tcp.acked >= tcp.written
                  && (closed_by_peer || failover_stream_count_kept(self->resend) <= stays);
  if (!done && readable && !tcp.reset && failover_stream_now_ms() < self->deadline_ms)
    return FALSE;
  _drain_finish(self, !done && !closed_by_peer);
  return TRUE;
}

static void
_drain_due(gpointer s)
{
  Drain *self = s;
  FailoverStream *stream = failover_stream_ref(self->stream);

  if (!_drain_step(self))
    {
      self->interval_ms = MIN(self->interval_ms * 2, DRAIN_SLOWEST_MS);
      timer_arm(&self->timer, self->interval_ms);
    }
  failover_stream_unref(stream);
}

void
failover_stream_start_draining(FailoverStream *stream, Decoration *connection)
{
  Drain *self = g_new0(Drain, 1);

  self->stream = stream;
  self->resend = g_steal_pointer(&connection->resend);
  self->fd = connection->drain_fd;
  self->closed_by_peer = connection->closed_by_peer;
  self->last_is_partial = failover_stream_last_is_partial(connection);
  self->received = connection->received;
  self->deadline_ms = failover_stream_now_ms() + (self->closed_by_peer ? DRAIN_CLOSED_MS : DRAIN_FAILBACK_MS);
  self->interval_ms = DRAIN_FIRST_MS;
  IV_TIMER_INIT(&self->timer);
  self->timer.cookie = self;
  self->timer.handler = _drain_due;
  stream->drains = g_list_append(stream->drains, self);
  timer_arm(&self->timer, self->interval_ms);
}

void
failover_stream_stop_draining_closed(FailoverStream *self)
{
  for (GList *next = self->drains; next;)
    {
      Drain *drain = next->data;
      next = next->next;
      if (drain->closed_by_peer)
        _drain_finish(drain, FALSE);
    }
}

void
failover_stream_stop_draining(FailoverStream *self)
{
  while (self->drains)
    {
      Drain *drain = self->drains->data;
      _drain_finish(drain, FALSE);
    }
}

void
failover_stream_finish_draining(FailoverStream *self, gint64 deadline_ms)
{
  while (self->drains && failover_stream_now_ms() < deadline_ms)
    if (!_drain_step(self->drains->data))
      g_usleep(1000);
  failover_stream_stop_draining(self);
}
