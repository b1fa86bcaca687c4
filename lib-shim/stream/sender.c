/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "sender.h"

#include "log.h"
#include "tcp-state.h"
#include "timers.h"

#include "logqueue.h"

#include <iv.h>
#include <iv_event.h>

struct _FailoverSender
{
  gatomicrefcount references;
  failover_stream *stream;
  failover_stream_settings settings;
  gboolean tls;
  gboolean finished;  /* syslog-ng ends: what is unconfirmed was told */
  gchar *destination; /* its name, for the log */
  LogWriter *writer;  /* borrowed, NULL while between configurations */
  FailoverSenderCallbacks callbacks;
  struct iv_timer timer;
  struct iv_event quiet;

  /* of the connection in use */
  gint fd;
  gint error;
};

static gint64
_now(void)
{
  return g_get_monotonic_time() / 1000;
}

/* ------------------------------------------------------------------------
 * The host of the stream
 */

static int64_t
_now_ms(void *user_data G_GNUC_UNUSED)
{
  return _now();
}

static void
_timer_due(gpointer s)
{
  FailoverSender *self = failover_sender_ref(s);

  failover_stream_timer_due(self->stream);
  failover_sender_unref(self);
}

static void
_set_timer(void *user_data, int64_t due_ms)
{
  FailoverSender *self = user_data;
  timer_arm(&self->timer, MAX(due_ms - _now(), 0));
}

static void
_cancel_timer(void *user_data)
{
  FailoverSender *self = user_data;
  timer_cancel(&self->timer);
}

static bool
_is_idle(void *user_data)
{
  FailoverSender *self = user_data;
  return self->writer && !log_writer_has_pending_writes(self->writer);
}

/* Makes an idle LogWriter look at its LogProto again. */
static void
_wake_writer(void *user_data)
{
  FailoverSender *self = user_data;
  LogQueue *queue = self->writer ? log_writer_get_queue(self->writer) : NULL;

  if (!queue)
    return;
  g_mutex_lock(&queue->lock);
  log_queue_push_notify(queue);
  g_mutex_unlock(&queue->lock);
  log_queue_unref(queue);
}

static void
_half_closed(void *user_data)
{
  FailoverSender *self = user_data;

  if (self->callbacks.half_closed)
    self->callbacks.half_closed(self->callbacks.user_data);
}

static void
_lost(void *user_data, uint64_t messages)
{
  FailoverSender *self = user_data;

  failover_log_error("failover: out of memory, messages that were to be sent again are lost",
                     evt_tag_str("destination", self->destination),
                     evt_tag_printf("messages", "%" G_GUINT64_FORMAT, messages));
}

static void
_quiet(gpointer s)
{
  FailoverSender *self = s;

  if (self->callbacks.quiet)
    self->callbacks.quiet(self->callbacks.user_data);
}

/* ------------------------------------------------------------------------
 * Life
 */

FailoverSender *
failover_sender_new(const failover_stream_settings *settings)
{
  FailoverSender *self = g_new0(FailoverSender, 1);
  failover_stream_host host =
  {
    .user_data = self,
    .now_ms = _now_ms,
    .set_timer = _set_timer,
    .cancel_timer = _cancel_timer,
    .is_idle = _is_idle,
    .wake_writer = _wake_writer,
    .half_closed = _half_closed,
    .lost = _lost,
  };

  g_atomic_ref_count_init(&self->references);
  self->fd = -1;
  self->settings = *settings;
  IV_TIMER_INIT(&self->timer);
  self->timer.cookie = self;
  self->timer.handler = _timer_due;
  IV_EVENT_INIT(&self->quiet);
  self->quiet.cookie = self;
  self->quiet.handler = _quiet;
  iv_event_register(&self->quiet);
  if (failover_stream_new(settings, &host, &self->stream) != FAILOVER_OK)
    g_error("failover: out of memory"); /* as GLib does */
  return self;
}

FailoverSender *
failover_sender_ref(FailoverSender *self)
{
  g_atomic_ref_count_inc(&self->references);
  return self;
}

/* Neither a configuration nor a connection has it any more: what still waits is not
 * posted again. */
void
failover_sender_unref(FailoverSender *self)
{
  if (!self || !g_atomic_ref_count_dec(&self->references))
    return;
  guint64 dropped = failover_stream_get_state(self->stream).waiting;
  if (dropped > 0 && !self->finished)
    failover_log_warning("failover: reload dropped messages that no log server has confirmed",
                         evt_tag_str("destination", self->destination),
                         evt_tag_printf("messages", "%" G_GUINT64_FORMAT, dropped));
  failover_stream_free(self->stream);
  iv_event_unregister(&self->quiet);
  g_free(self->destination);
  g_free(self);
}

failover_stream *
failover_sender_get_stream(FailoverSender *self)
{
  return self->stream;
}

void
failover_sender_configure(FailoverSender *self, const failover_stream_settings *settings, const gchar *destination,
                          gboolean tls)
{
  self->settings = *settings;
  failover_stream_set_settings(self->stream, settings);
  g_free(self->destination);
  self->destination = g_strdup(destination);
  self->tls = tls;
}

static const FailoverSenderCallbacks no_callbacks;

void
failover_sender_bind(FailoverSender *self, LogWriter *writer, const FailoverSenderCallbacks *callbacks)
{
  self->writer = writer;
  self->callbacks = callbacks ? *callbacks : no_callbacks;
  failover_stream_bind(self->stream, writer != NULL);
}

guint64
failover_sender_finish(FailoverSender *self, gint64 deadline_ms)
{
  /* once in any case: other destinations may have used up the time */
  while (failover_stream_finish(self->stream) && _now() < deadline_ms)
    g_usleep(1000);
  /* unread input would make the kernel reset the connection */
  if (self->fd >= 0)
    tcp_discard_input(self->fd);
  self->finished = TRUE;
  guint64 unacknowledged = failover_stream_get_state(self->stream).unacknowledged;
  failover_stream_finished(self->stream);
  return unacknowledged;
}

/* ------------------------------------------------------------------------
 * For the connections
 */

void
failover_sender_set_fd(FailoverSender *self, gint fd)
{
  self->fd = fd;
  self->error = 0;
}

gint
failover_sender_get_fd(const FailoverSender *self)
{
  return self->fd;
}

gboolean
failover_sender_uses_tls(const FailoverSender *self)
{
  return self->tls;
}

gsize
failover_sender_get_buffer_size(const FailoverSender *self)
{
  return self->settings.buffer_size;
}

void
failover_sender_post_quiet(FailoverSender *self)
{
  iv_event_post(&self->quiet);
}

void
failover_sender_set_error(FailoverSender *self, gint error)
{
  self->error = error;
}

gint
failover_sender_get_error(const FailoverSender *self)
{
  return self->error;
}
