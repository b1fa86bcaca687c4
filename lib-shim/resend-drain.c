/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * resend-drain.c - connections that are not in use any more but not done yet: not
 * everything on them is confirmed.  Main thread.
 */
#include "resend-stream-private.h"

#include "timers.h"

#include <unistd.h>

enum
{
  DRAIN_FIRST_MS = 1, /* doubles up to */
  DRAIN_SLOWEST_MS = 50,
};

typedef struct _Drain
{
  FailoverStream *stream; /* a reference: no destination need have it any more */
  failover_resend *resend;
  gint fd;
  SSL *ssl; /* NULL without TLS */
  gboolean last_is_partial;
  gint interval_ms;
  struct iv_timer timer;
} Drain;

typedef enum _DrainResult
{
  DRAIN_GOES_ON,
  DRAIN_CONFIRMED, /* everything */
  DRAIN_ENDED,     /* by the peer, or by our stop */
  DRAIN_STUCK,     /* the peer makes no progress any more */
} DrainResult;

static void
_finish(Drain *self, DrainResult result)
{
  FailoverStream *stream = self->stream;

  timer_cancel(&self->timer);
  stream->drains = g_list_remove(stream->drains, self);
  if (result == DRAIN_CONFIRMED)
    {
      /* unread input would make the kernel reset the connection */
      tcp_discard_input(self->fd);
      if (self->ssl && !self->last_is_partial)
        failover_tls_end(self->ssl);
    }
  else if (result == DRAIN_STUCK)
    tcp_give_up(self->fd);
  SSL_free(self->ssl);
  close(self->fd);
  failover_resend_connection_lost(self->resend);
  failover_stream_give_back(stream, self->resend);
  g_free(self);
  failover_stream_unref(stream);
}

static DrainResult
_look_at(Drain *self)
{
  TcpState tcp;

  if (!tcp_state_read(self->fd, &tcp) || !tcp.open)
    return DRAIN_ENDED;
  failover_stream_sample_resend(self->resend, &tcp, self->last_is_partial);
  switch (failover_resend_drain(self->resend, failover_stream_now_ms(), self->stream->dead_peer_timeout_ms))
    {
    case FAILOVER_DRAIN_DONE:
      return DRAIN_CONFIRMED;
    case FAILOVER_DRAIN_STUCK:
      return DRAIN_STUCK;
    default:
      return DRAIN_GOES_ON;
    }
}

/* TRUE: it is done. */
static gboolean
_step(Drain *self)
{
  DrainResult result = _look_at(self);

  if (result == DRAIN_GOES_ON)
    return FALSE;
  _finish(self, result);
  return TRUE;
}

static void
_due(gpointer s)
{
  Drain *self = s;
  FailoverStream *stream = failover_stream_ref(self->stream);

  if (!_step(self))
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

  self->stream = failover_stream_ref(stream);
  self->resend = g_steal_pointer(&connection->resend);
  self->fd = connection->drain_fd;
  self->last_is_partial = failover_stream_last_is_partial(connection);
  self->interval_ms = DRAIN_FIRST_MS;
  IV_TIMER_INIT(&self->timer);
  self->timer.cookie = self;
  self->timer.handler = _due;
  stream->drains = g_list_append(stream->drains, self);
  timer_arm(&self->timer, self->interval_ms);
  self->ssl = g_steal_pointer(&connection->ssl);
  if (self->ssl)
    failover_tls_put_off_end(self->ssl, self->fd);
  /* the LogProto shuts its socket down when it is freed, the server would see an
   * end and close the connection before everything is confirmed */
  tcp_replace(connection->fd);
}

void
failover_stream_stop_draining(FailoverStream *self)
{
  while (self->drains)
    _finish(self->drains->data, DRAIN_ENDED);
}

guint64
failover_stream_count_draining(FailoverStream *self)
{
  guint64 count = 0;

  for (GList *next = self->drains; next; next = next->next)
    count += failover_stream_count_unacknowledged(((Drain *) next->data)->resend);
  return count;
}

void
failover_stream_finish_draining(FailoverStream *self, gint64 deadline_ms)
{
  for (;;)
    {
      for (GList *next = self->drains; next;)
        {
          Drain *drain = next->data;
          next = next->next;
          _step(drain);
        }
      if (failover_stream_count_draining(self) == 0 || failover_stream_now_ms() >= deadline_ms)
        return;
      g_usleep(1000);
    }
}
