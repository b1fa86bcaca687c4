/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * metrics.h - the numbers of one destination among syslog-ng's own statistics, in one
 * configuration.  Syslog-ng reads them where the core has them; nothing is copied.  Main thread.
 */
#ifndef FAILOVER_METRICS_H_INCLUDED
#define FAILOVER_METRICS_H_INCLUDED

#include "failover-status.h"

#include <glib.h>

typedef struct _FailoverMetrics FailoverMetrics;

/* `id`, `transport`: the destination's. */
FailoverMetrics *failover_metrics_new(const failover_destination *core, const gchar *id, const gchar *transport);

/* As failover_watcher's counter(). */
void failover_metrics_add(FailoverMetrics *self, failover_metric metric, uint32_t server, uint32_t label,
                          const intptr_t *value);

/* The statistics have none of them any more.  NULL is fine. */
void failover_metrics_free(FailoverMetrics *self);

#endif
