/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * timers.h - timers of ivykis in milliseconds from now.  In the thread whose
 * event loop runs them.
 */
#ifndef FAILOVER_TIMERS_H_INCLUDED
#define FAILOVER_TIMERS_H_INCLUDED

#include <glib.h>
#include <iv.h>

/* Sets it, or sets it anew. */
void timer_arm(struct iv_timer *timer, gint64 after_ms);

/* It need not be set. */
void timer_cancel(struct iv_timer *timer);

#endif
