/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "resend-stream-private.h"

#include "logqueue.h"

#include <fcntl.h>
#include <iv.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum
{
  WATCH_BUSY_MS = 100,    /* while something is kept: acknowledgements, the grace */
  WATCH_IDLE_MS = 1000,   /* otherwise: has the peer closed? */
  DRAIN_FIRST_MS = 1,     /* doubles up to */
  DRAIN_SLOWEST_MS = 50,
  DRAIN_FAILBACK_MS = 10000, /* a healthy connection that is given up */
  DRAIN_CLOSED_MS = 1000,    /* one that the peer has closed */
};

/* A connection that is not in use any more, but not done yet. */
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

gint64
failover_stream_now_ms(void)
{
  return g_get_monotonic_time() / 1000;
}

static void
_arm(struct iv_timer *timer, gint after_ms)
{
  if (iv_timer_registered(timer))
    iv_timer_unregister(timer);
  iv_validate_now();
  timer->expires = iv_now;
  timer->expires.tv_sec += after_ms / 1000;
  timer->expires.tv_nsec += after_ms % 1000 * 1000000;
  if (timer->expires.tv_nsec >= 1000000000)
    {
      timer->expires.tv_sec++;
      timer->expires.tv_nsec -= 1000000000;
    }
  iv_timer_register(timer);
}

/* ------------------------------------------------------------------------
 * Messages that wait for a connection
 */

/* Makes an idle LogWriter look at its LogProto again. */
static void
_wake_writer(FailoverStream *self)
{
  if (!self->writer)
    return;
  LogQueue *queue = log_writer_get_queue(self->writer);
  if (!queue)
    return;
  g_mutex_lock(&queue->lock);
  log_queue_push_notify(queue);
  g_mutex_unlock(&queue->lock);
  log_queue_unref(queue);
}

static guint64
_count_to_resend(failover_resend *resend)
{
  failover_resend_state state = { .struct_size = sizeof(state) };

  if (!resend || failover_resend_get_state(resend, &state) != FAILOVER_OK)
    return 0;
  return state.to_resend;
}

static gboolean
_has_kept(failover_resend *resend)
{
  failover_resend_state state = { .struct_size = sizeof(state) };

  return failover_resend_get_state(resend, &state) == FAILOVER_OK && state.kept > 0;
}

/* `resend` is of a connection that was lost.  Takes it. */
static void
_give_back(FailoverStream *self, failover_resend *resend)
{
  if (!failover_resend_has_next(resend))
    {
      failover_resend_free(resend);
      return;
    }
  failover_resend *waiting = failover_stream_take_waiting(self);
  if (!waiting)
    waiting = resend;
  else
    {
      if (failover_resend_take_over(waiting, resend) != FAILOVER_OK)
        msg_error("failover: out of memory, messages that were to be sent again are lost",
                  evt_tag_long("messages", _count_to_resend(resend)));
      failover_resend_free(resend);
    }
  g_atomic_pointer_set(&self->waiting, waiting);
  if (self->active)
    _wake_writer(self);
}

guint64
failover_stream_count_waiting(FailoverStream *self)
{
  return _count_to_resend(g_atomic_pointer_get(&self->waiting));
}

/* ------------------------------------------------------------------------
 * Draining
 */

/* `died`: also what is acknowledged may not have been read. */
static void
_drain_finish(Drain *self, gboolean died)
{
  FailoverStream *stream = self->stream;
  gboolean closed_by_peer = self->closed_by_peer;

  if (iv_timer_registered(&self->timer))
    iv_timer_unregister(&self->timer);
  stream->drains = g_list_remove(stream->drains, self);
  close(self->fd);
  failover_resend_connection_lost(self->resend, !died);
  _give_back(stream, self->resend);
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
  gboolean closed_by_peer = self->closed_by_peer || (readable && tcp.received == self->received + 1);

  if (readable)
    failover_stream_sample_resend(self->resend, &tcp, self->last_is_partial);
  /* a peer that has closed has read what it acknowledged; of one that has not,
   * also the grace is waited for */
  gboolean done = readable && tcp.acked >= tcp.written
                  && (closed_by_peer || !_has_kept(self->resend) || self->last_is_partial);
  if (!done && readable && !tcp.reset && failover_stream_now_ms() < self->deadline_ms)
    return FALSE;
  _drain_finish(self, tcp.reset && !closed_by_peer);
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
      _arm(&self->timer, self->interval_ms);
    }
  failover_stream_unref(stream);
}

static void
_drain_start(FailoverStream *stream, Decoration *connection)
{
  Drain *self = g_new0(Drain, 1);

  self->stream = stream;
  self->resend = g_steal_pointer(&connection->resend);
  self->fd = connection->drain_fd;
  self->closed_by_peer = connection->closed_by_peer;
  self->last_is_partial = failover_stream_has_partial(connection);
  self->received = connection->received;
  self->deadline_ms = failover_stream_now_ms() + (self->closed_by_peer ? DRAIN_CLOSED_MS : DRAIN_FAILBACK_MS);
  self->interval_ms = DRAIN_FIRST_MS;
  IV_TIMER_INIT(&self->timer);
  self->timer.cookie = self;
  self->timer.handler = _drain_due;
  stream->drains = g_list_append(stream->drains, self);
  _arm(&self->timer, self->interval_ms);
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

/* ------------------------------------------------------------------------
 * The connection in use
 */

/* The LogProto is about to be freed. */
void
failover_stream_connection_freed(FailoverStream *self, Decoration *connection)
{
  if (self->active == connection)
    {
      self->active = NULL;
      if (iv_timer_registered(&self->finishing))
        iv_timer_unregister(&self->finishing);
    }
  if (connection->drain_fd >= 0)
    {
      _drain_start(self, connection);
      return;
    }
  failover_resend_connection_lost(connection->resend, connection->closed_by_peer);
  _give_back(self, g_steal_pointer(&connection->resend));
}

/* No worker runs the LogProto, and none is about to. */
static gboolean
_is_idle(FailoverStream *self)
{
  return self->writer && !log_writer_has_pending_writes(self->writer);
}

static void
_watch_due(gpointer s)
{
  FailoverStream *self = s;
  gint next_ms = WATCH_BUSY_MS;
  TcpState tcp;

  if (self->active && _is_idle(self))
    {
      gboolean half_closed = failover_stream_sample(self->active, &tcp) && !tcp.open && !tcp.reset;
      if (!_has_kept(self->active->resend))
        next_ms = WATCH_IDLE_MS;
      if (half_closed && self->callbacks.half_closed)
        {
          _arm(&self->watch, next_ms);
          self->callbacks.half_closed(self->callbacks.user_data);
          return;
        }
    }
  _arm(&self->watch, next_ms);
}

gboolean
failover_stream_quiesce(FailoverStream *self)
{
  if (!self->active)
    return TRUE;
  g_atomic_int_set(&self->active->quiesce, TRUE);
  return _is_idle(self) && failover_stream_is_between_messages(self->active);
}

void
failover_stream_drain(FailoverStream *self)
{
  if (self->active)
    self->active->drain_fd = fcntl(self->active->fd, F_DUPFD_CLOEXEC, 0);
}

void
failover_stream_resume(FailoverStream *self)
{
  Decoration *active = self->active;

  if (!active)
    return;
  if (active->drain_fd >= 0)
    close(active->drain_fd);
  active->drain_fd = -1;
  g_atomic_int_set(&active->quiesce, FALSE);
  _wake_writer(self);
}

static void
_finishing_due(gpointer s)
{
  FailoverStream *self = s;
  Decoration *active = self->active;
  TcpState tcp;

  if (!active)
    return;
  if (active->flush(active->proto) != LPS_ERROR
      && failover_stream_has_partial(active)
      && tcp_state_read(active->fd, &tcp) && !tcp.reset
      && failover_stream_now_ms() < active->finish_until_ms)
    {
      _arm(&self->finishing, DRAIN_FIRST_MS);
      return;
    }
  if (self->callbacks.half_closed)
    self->callbacks.half_closed(self->callbacks.user_data);
}

gboolean
failover_stream_finish_message(FailoverStream *self)
{
  Decoration *active = self->active;
  TcpState tcp;

  if (!active || active->finish_until_ms || !failover_stream_has_partial(active)
      || !tcp_state_read(active->fd, &tcp) || tcp.open || tcp.reset)
    return FALSE;
  active->finish_until_ms = failover_stream_now_ms() + DRAIN_CLOSED_MS;
  _arm(&self->finishing, DRAIN_FIRST_MS);
  return TRUE;
}

FailoverStreamEnd
failover_stream_end(FailoverStream *self)
{
  Decoration *active = self->active;
  FailoverStreamEnd end = { .reason = FAILOVER_REASON_BROKEN };
  TcpState tcp;

  if (!active || !tcp_state_read_all(active->fd, &tcp))
    return end;

  failover_stream_sample_resend(active->resend, &tcp, failover_stream_has_partial(active));
  /* the kernel counts the peer's FIN as one more byte received */
  active->closed_by_peer = tcp.received == active->received + 1;
  if (active->closed_by_peer)
    end.reason = FAILOVER_REASON_CLOSED;
  else if (tcp.reset)
    end.reason = FAILOVER_REASON_RESET;

  if (active->closed_by_peer && !tcp.reset && tcp.acked < tcp.written)
    {
      failover_stream_drain(self);
      end.draining = active->drain_fd >= 0;
    }
  return end;
}

void
failover_stream_finish(FailoverStream *self, gint64 deadline_ms)
{
  TcpState tcp;

  while (self->active && failover_stream_now_ms() < deadline_ms)
    {
      if (failover_stream_flush(self->active) == LPS_ERROR)
        break;
      if (!tcp_state_read(self->active->fd, &tcp)
          || (tcp.acked >= tcp.written && failover_stream_is_between_messages(self->active)))
        break;
      struct pollfd writable = { .fd = self->active->fd,
                                 .events = failover_stream_is_between_messages(self->active) ? 0 : POLLOUT };
      poll(&writable, 1, 2);
    }
  while (self->drains && failover_stream_now_ms() < deadline_ms)
    if (!_drain_step(self->drains->data))
      g_usleep(1000);
  failover_stream_stop_draining(self);
}

/* ------------------------------------------------------------------------ */

static void
_quiet(gpointer s)
{
  FailoverStream *self = s;

  if (self->callbacks.quiet)
    self->callbacks.quiet(self->callbacks.user_data);
}

static const FailoverStreamCallbacks no_callbacks;

void
failover_stream_bind(FailoverStream *self, LogWriter *writer, const FailoverStreamCallbacks *callbacks)
{
  self->writer = writer;
  self->callbacks = callbacks ? *callbacks : no_callbacks;
  if (writer)
    _arm(&self->watch, WATCH_BUSY_MS);
  else
    {
      if (iv_timer_registered(&self->watch))
        iv_timer_unregister(&self->watch);
      if (iv_timer_registered(&self->finishing))
        iv_timer_unregister(&self->finishing);
    }
}

FailoverStream *
failover_stream_new(const failover_resend_settings *settings)
{
  FailoverStream *self = g_new0(FailoverStream, 1);

  g_atomic_ref_count_init(&self->references);
  self->settings = *settings;
  IV_TIMER_INIT(&self->watch);
  self->watch.cookie = self;
  self->watch.handler = _watch_due;
  IV_TIMER_INIT(&self->finishing);
  self->finishing.cookie = self;
  self->finishing.handler = _finishing_due;
  IV_EVENT_INIT(&self->quiet);
  self->quiet.cookie = self;
  self->quiet.handler = _quiet;
  iv_event_register(&self->quiet);
  return self;
}

void
failover_stream_set_settings(FailoverStream *self, const failover_resend_settings *settings)
{
  self->settings = *settings;
}

FailoverStream *
failover_stream_ref(FailoverStream *self)
{
  g_atomic_ref_count_inc(&self->references);
  return self;
}

void
failover_stream_unref(FailoverStream *self)
{
  if (!self || !g_atomic_ref_count_dec(&self->references))
    return;
  self->callbacks = no_callbacks;
  failover_stream_stop_draining(self);
  failover_stream_bind(self, NULL, NULL);
  iv_event_unregister(&self->quiet);
  failover_resend_free(self->waiting);
  g_free(self);
}
