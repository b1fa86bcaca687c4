/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "timers.h"

void
timer_arm(struct iv_timer *timer, gint64 after_ms)
{
  timer_cancel(timer);
  iv_invalidate_now();
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

void
timer_cancel(struct iv_timer *timer)
{
  if (iv_timer_registered(timer))
    iv_timer_unregister(timer);
}
