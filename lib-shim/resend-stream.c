/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "resend-stream-private.h"

#include "timers.h"

#include "logqueue.h"

#include <fcntl.h>
#include <iv.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum
{
  CLOSED_WINDOW_FACTOR = 5, /* times dead-peer-timeout() */
  WATCH_BUSY_MS = 100,    /* while something is kept: acknowledgements, the grace */
  WATCH_IDLE_MS = 1000,   /* otherwise: has the peer closed? */
};

gint64
failover_stream_now_ms(void)
{
  return g_get_monotonic_time() / 1000;
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

static failover_resend_state
_state_of(failover_resend *resend)
{
  return resend ? failover_resend_get_state(resend) : (failover_resend_state) { 0 };
}

static guint64
_count_to_resend(failover_resend *resend)
{
  return _state_of(resend).to_resend;
}

guint64
failover_stream_count_kept(failover_resend *resend)
{
  return _state_of(resend).kept;
}

/* Its grace does not count. */
guint64
failover_stream_count_unacknowledged(failover_resend *resend)
{
  failover_resend_state state = _state_of(resend);

  return state.to_resend + state.unacknowledged;
}

/* `resend` is of a connection that was lost.  Takes it. */
void
failover_stream_give_back(FailoverStream *self, failover_resend *resend)
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
        failover_log_error("failover: out of memory, messages that were to be sent again are lost",
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
 * The connection in use
 */

/* The LogProto is about to be freed. */
void
failover_stream_connection_freed(FailoverStream *self, Decoration *connection)
{
  if (self->active == connection)
    {
      if (!self->writer && !self->finished)
        failover_stream_drain(self); /* at a reload: it is well, but no configuration keeps it */
      self->active = NULL;
    }
  if (connection->drain_fd >= 0)
    {
      failover_stream_start_draining(self, connection);
      return;
    }
  failover_resend_connection_lost(connection->resend);
  failover_stream_give_back(self, g_steal_pointer(&connection->resend));
}

/* No worker runs the LogProto, and none is about to. */
static gboolean
_is_idle(FailoverStream *self)
{
  return self->writer && !log_writer_has_pending_writes(self->writer);
}

/* A slow receiver acknowledges or opens its window now and then; a dead one, and
 * one that hangs with a full buffer, never.  Linux opens a closed window when a
 * sixteenth of the buffer is free again, which takes a receiver of 64 KiB a second
 * up to six seconds: a closed window is given more time.  TCP_USER_TIMEOUT cannot
 * tell: while the window is nearly closed it also ends connections on which bytes
 * are acknowledged.  Only asks the kernel: a worker may be posting meanwhile. */
static void
_watch_progress(FailoverStream *self)
{
  Decoration *active = self->active;
  gint64 now_ms = failover_stream_now_ms();
  TcpState tcp;

  if (active->silent || !tcp_state_read(active->fd, &tcp))
    return;
  if (tcp.acked >= tcp.written || tcp.acked != active->acked || tcp.window > active->window
      || !active->alive_at_ms)
    {
      active->acked = tcp.acked;
      active->alive_at_ms = now_ms;
    }
  active->window = tcp.window;
  gint64 limit_ms = self->dead_peer_timeout_ms * (tcp.in_flight ? 1 : CLOSED_WINDOW_FACTOR);
  if (limit_ms > 0 && now_ms - active->alive_at_ms >= limit_ms)
    {
      active->silent = TRUE;
      tcp_give_up(active->fd); /* the LogWriter sees it, wherever it runs */
    }
}

static void
_watch_due(gpointer s)
{
  FailoverStream *self = s;
  gint next_ms = WATCH_BUSY_MS;
  TcpState tcp;

  if (!self->active)
    return; /* the next connection starts it again */
  _watch_progress(self);
  if (_is_idle(self))
    {
      gboolean half_closed = failover_stream_sample(self->active, &tcp) && !tcp.open && !tcp.reset;
      if (failover_stream_count_kept(self->active->resend) == 0)
        next_ms = WATCH_IDLE_MS;
      else if (failover_resend_has_next(self->active->resend))
        _wake_writer(self); /* throttle() may let the next one go */
      if (half_closed && self->callbacks.half_closed)
        {
          timer_arm(&self->watch, next_ms);
          self->callbacks.half_closed(self->callbacks.user_data);
          return;
        }
    }
  timer_arm(&self->watch, next_ms);
}

void
failover_stream_watch(FailoverStream *self)
{
  timer_arm(&self->watch, WATCH_BUSY_MS);
}

gboolean
failover_stream_is_connected(const FailoverStream *self)
{
  return self->active != NULL;
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
  if (self->active && self->active->drain_fd < 0)
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

/* A peer that may still read gets the rest of a message that was begun, as far as
 * the socket takes it: it would store a torn one otherwise. */
static void
_finish_message(Decoration *active)
{
  TcpState tcp;

  if (failover_stream_has_partial(active) && tcp_state_read(active->fd, &tcp) && !tcp.open && !tcp.reset)
    active->flush(active->proto);
}

FailoverStreamEnd
failover_stream_end(FailoverStream *self)
{
  Decoration *active = self->active;

  if (!active)
    return (FailoverStreamEnd) { 0 };
  _finish_message(active);
  return (FailoverStreamEnd)
  {
    .silent = active->silent,
    .error = active->error,
    .fruitless = failover_resend_is_fruitless(active->resend),
  };
}

guint64
failover_stream_finish(FailoverStream *self, gint64 deadline_ms)
{
  TcpState tcp;

  /* once in any case: other destinations may have used up the time */
  while (self->active)
    {
      LogProtoStatus status = failover_stream_flush(self->active);
      if (!failover_stream_sample(self->active, &tcp) || tcp.reset || status == LPS_ERROR
          || failover_stream_now_ms() >= deadline_ms
          || (tcp.acked >= tcp.written && failover_stream_is_between_messages(self->active)))
        break;
      struct pollfd writable = { .fd = self->active->fd,
                                 .events = failover_stream_is_between_messages(self->active) ? 0 : POLLOUT };
      poll(&writable, 1, 2);
    }
  if (self->active)
    tcp_discard_input(self->active->fd);
  failover_stream_finish_draining(self, deadline_ms);
  self->finished = TRUE;
  guint64 unacknowledged = failover_stream_count_waiting(self) + failover_stream_count_draining(self)
                           + failover_stream_count_unacknowledged(self->active ? self->active->resend : NULL);
  failover_stream_stop_draining(self);
  return unacknowledged;
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
    failover_stream_watch(self);
  else
    timer_cancel(&self->watch);
}

FailoverStream *
failover_stream_new(const failover_resend_settings *settings, gint64 dead_peer_timeout_ms)
{
  FailoverStream *self = g_new0(FailoverStream, 1);

  g_atomic_ref_count_init(&self->references);
  failover_stream_set_settings(self, settings, dead_peer_timeout_ms);
  IV_TIMER_INIT(&self->watch);
  self->watch.cookie = self;
  self->watch.handler = _watch_due;
  IV_EVENT_INIT(&self->quiet);
  self->quiet.cookie = self;
  self->quiet.handler = _quiet;
  iv_event_register(&self->quiet);
  return self;
}

void
failover_stream_set_settings(FailoverStream *self, const failover_resend_settings *settings,
                             gint64 dead_peer_timeout_ms)
{
  self->settings = *settings;
  self->dead_peer_timeout_ms = dead_peer_timeout_ms;
}

void
failover_stream_set_destination(FailoverStream *self, const gchar *destination)
{
  g_free(self->destination);
  self->destination = g_strdup(destination);
}

void
failover_stream_set_tls(FailoverStream *self, gboolean tls)
{
  self->tls = tls;
}

FailoverStream *
failover_stream_ref(FailoverStream *self)
{
  g_atomic_ref_count_inc(&self->references);
  return self;
}

/* Neither a configuration nor a LogProto nor a drain has it any more: what still
 * waits is not posted again. */
void
failover_stream_unref(FailoverStream *self)
{
  if (!self || !g_atomic_ref_count_dec(&self->references))
    return;
  guint64 dropped = failover_stream_count_waiting(self);
  if (dropped > 0 && !self->finished)
    failover_log_warning("failover: reload dropped messages that no log server has confirmed",
                         evt_tag_str("destination", self->destination),
                         evt_tag_printf("messages", "%" G_GUINT64_FORMAT, dropped));
  failover_stream_bind(self, NULL, NULL);
  iv_event_unregister(&self->quiet);
  failover_resend_free(self->waiting);
  g_free(self->destination);
  g_free(self);
}
