/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "turns.h"

#include <iv.h>

enum { ROUND_US = 2000 };

static GQueue waiting = G_QUEUE_INIT;
static struct iv_task next_round;

static void _serve(gpointer s);

static void
_request_round(void)
{
  if (!next_round.handler)
    {
      IV_TASK_INIT(&next_round);
      next_round.handler = _serve;
    }
  if (!iv_task_registered(&next_round))
    iv_task_register(&next_round);
}

/* What a turn requests is served in the same round if there is time, and with the
 * next otherwise: a task that is registered by a task runs after the next poll. */
static void
_serve(gpointer s G_GNUC_UNUSED)
{
  gint64 end = g_get_monotonic_time() + ROUND_US;

  do
    {
      FailoverTurn *turn = g_queue_pop_head_link(&waiting)->data;
      turn->waiting = FALSE;
      turn->handler(turn->cookie);
    }
  while (!g_queue_is_empty(&waiting) && g_get_monotonic_time() < end);

  if (!g_queue_is_empty(&waiting))
    _request_round();
  else if (iv_task_registered(&next_round))
    iv_task_unregister(&next_round);
}

void
turn_init(FailoverTurn *self, void (*handler)(gpointer cookie), gpointer cookie)
{
  *self = (FailoverTurn) { .link.data = self, .handler = handler, .cookie = cookie };
}

void
turn_request(FailoverTurn *self)
{
  if (self->waiting)
    return;
  self->waiting = TRUE;
  g_queue_push_tail_link(&waiting, &self->link);
  _request_round();
}

void
turn_cancel(FailoverTurn *self)
{
  if (!self->waiting)
    return;
  self->waiting = FALSE;
  g_queue_unlink(&waiting, &self->link);
  if (g_queue_is_empty(&waiting) && iv_task_registered(&next_round))
    iv_task_unregister(&next_round);
}
