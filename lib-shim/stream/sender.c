/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "sender.h"

#include "log.h"
#include "queue.h"
#include "tcp-state.h"
#include "timers.h"
#include "turns.h"

#include <iv.h>
#include <iv_event.h>

typedef struct _Timer
{
  FailoverSender *owner;
  failover_timer id;
  struct iv_timer timer;
  FailoverTurn turn; /* once it is due */
} Timer;

struct _FailoverSender
{
  gatomicrefcount references;
  failover_destination *core;
  FailoverQueue *queue;
  gchar *destination; /* its name, for the log */
  gboolean tls;
  gsize buffer_size;
  Timer timers[FAILOVER_TIMER_COUNT];
  struct iv_event quiet;

  /* of the connection in use */
  gint fd;
  gint error;
};

void
failover_sender_check(FailoverSender *self, failover_status status)
{
  if (status != FAILOVER_OK)
    failover_log_error("failover: internal error, please report it",
                       evt_tag_str("destination", self->destination),
                       evt_tag_int("status", status));
}

/* ------------------------------------------------------------------------
 * What the core needs for all of its life
 */

static gint64
_now(void)
{
  return g_get_monotonic_time() / 1000;
}

static int64_t
_now_ms(void *user_data G_GNUC_UNUSED)
{
  return _now();
}

static uint32_t
_random(void *user_data G_GNUC_UNUSED)
{
  return g_random_int();
}

static void
_timer_due(gpointer s)
{
  Timer *self = s;
  turn_request(&self->turn);
}

/* The last connection may end in there. */
static void
_timer_turn(gpointer s)
{
  Timer *self = s;
  FailoverSender *owner = failover_sender_ref(self->owner);

  failover_sender_check(owner, failover_destination_timer_due(owner->core, self->id));
  failover_sender_unref(owner);
}

static void
_cancel_timer(void *user_data, failover_timer id)
{
  FailoverSender *self = user_data;

  timer_cancel(&self->timers[id].timer);
  turn_cancel(&self->timers[id].turn);
}

static void
_set_timer(void *user_data, failover_timer id, int64_t due_ms)
{
  FailoverSender *self = user_data;

  turn_cancel(&self->timers[id].turn);
  timer_arm(&self->timers[id].timer, MAX(due_ms - _now(), 0));
}

static void
_lost(void *user_data, uint64_t messages, failover_loss why)
{
  FailoverSender *self = user_data;

  if (why == FAILOVER_LOSS_MEMORY)
    failover_log_error("failover: out of memory, messages that were to be sent again are lost",
                       evt_tag_str("destination", self->destination),
                       evt_tag_printf("messages", "%" G_GUINT64_FORMAT, messages));
  else
    failover_log_warning("failover: reload dropped messages that no log server has confirmed",
                         evt_tag_str("destination", self->destination),
                         evt_tag_printf("messages", "%" G_GUINT64_FORMAT, messages));
}

static void
_quiet(gpointer s)
{
  FailoverSender *self = s;
  failover_sender_check(self, failover_destination_quiet(self->core));
}

/* ------------------------------------------------------------------------
 * Life
 */

static void
_timers_init(FailoverSender *self)
{
  for (gint i = 0; i < FAILOVER_TIMER_COUNT; i++)
    {
      Timer *timer = &self->timers[i];

      timer->owner = self;
      timer->id = i;
      IV_TIMER_INIT(&timer->timer);
      timer->timer.cookie = timer;
      timer->timer.handler = _timer_due;
      turn_init(&timer->turn, _timer_turn, timer);
    }
}

FailoverSender *
failover_sender_new(void)
{
  FailoverSender *self = g_new0(FailoverSender, 1);
  failover_loop loop =
  {
    .user_data = self,
    .now_ms = _now_ms,
    .random = _random,
    .set_timer = _set_timer,
    .cancel_timer = _cancel_timer,
    .lost = _lost,
  };

  g_atomic_ref_count_init(&self->references);
  self->fd = -1;
  _timers_init(self);
  IV_EVENT_INIT(&self->quiet);
  self->quiet.cookie = self;
  self->quiet.handler = _quiet;
  iv_event_register(&self->quiet);
  if (failover_destination_new(&loop, &self->core) != FAILOVER_OK)
    g_error("failover: out of memory"); /* as GLib does */
  self->queue = failover_queue_new(self->core);
  return self;
}

FailoverSender *
failover_sender_ref(FailoverSender *self)
{
  g_atomic_ref_count_inc(&self->references);
  return self;
}

void
failover_sender_unref(FailoverSender *self)
{
  if (!self || !g_atomic_ref_count_dec(&self->references))
    return;
  failover_queue_free(self->queue);
  failover_destination_free(self->core);
  iv_event_unregister(&self->quiet);
  g_free(self->destination);
  g_free(self);
}

failover_destination *
failover_sender_get_core(FailoverSender *self)
{
  return self->core;
}

void
failover_sender_configure(FailoverSender *self, const gchar *destination, gboolean tls, gsize buffer_size)
{
  g_free(self->destination);
  self->destination = g_strdup(destination);
  self->tls = tls;
  self->buffer_size = buffer_size;
}

void
failover_sender_attach_queue(FailoverSender *self, LogWriter *writer, const gchar *destination)
{
  failover_queue_attach(self->queue, writer, destination);
}

void
failover_sender_detach_queue(FailoverSender *self)
{
  failover_queue_detach(self->queue);
}

guint64
failover_sender_finish(FailoverSender *self, gint64 deadline_ms)
{
  /* once in any case: other destinations may have used up the time */
  while (failover_destination_finish(self->core) && _now() < deadline_ms)
    g_usleep(1000);
  /* unread input would make the kernel reset the connection */
  if (self->fd >= 0)
    tcp_discard_input(self->fd);
  return failover_destination_finished(self->core);
}

/* ------------------------------------------------------------------------
 * The connection in use
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
  return self->buffer_size;
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
