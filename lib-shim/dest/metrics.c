/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "metrics.h"

#include "host-version.h"

struct _FailoverMetrics
{
  const failover_destination *core;
  gchar *id;
  gchar *transport;
  GPtrArray *series; /* Series, registered */
};

typedef struct _Series
{
  HostMetric metric; /* made of the strings below */
  HostMetricLabel labels[HOST_METRIC_LABELS_MOST];
  gchar *name;
  gchar *instance;
  gchar *legacy_name;
  gchar *server;
  const intptr_t *value;
} Series;

typedef struct _Kind
{
  const gchar *name;
  const gchar *label; /* what failover_watcher calls its label; NULL: it has none */
  const gchar *(*label_value)(uint32_t label);
} Kind;

static const gchar *
_admin(uint32_t label)
{
  return failover_admin_code((failover_admin) label);
}

static const gchar *
_reason(uint32_t label)
{
  return failover_reason_code((failover_reason) label);
}

static const Kind kinds[FAILOVER_METRIC_COUNT] =
{
  [FAILOVER_METRIC_ACTIVE] = { "active", NULL, NULL },
  [FAILOVER_METRIC_UP] = { "up", NULL, NULL },
  [FAILOVER_METRIC_CERTIFICATE_END] = { "certificate_expiry_timestamp_seconds", NULL, NULL },
  [FAILOVER_METRIC_ADMIN] = { "admin_state", "state", _admin },
  [FAILOVER_METRIC_FAILURES] = { "failures_total", "reason", _reason },
  [FAILOVER_METRIC_SWITCHES] = { "switches_total", "reason", _reason },
  [FAILOVER_METRIC_RESENT] = { "resent_events_total", NULL, NULL },
  [FAILOVER_METRIC_UNCONFIRMED_MESSAGES] = { "unconfirmed_events", NULL, NULL },
  [FAILOVER_METRIC_UNCONFIRMED_BYTES] = { "unconfirmed_bytes", NULL, NULL },
  [FAILOVER_METRIC_BUFFER_BYTES] = { "resend_buffer_bytes", NULL, NULL },
  [FAILOVER_METRIC_LOST] = { "lost_events_total", NULL, NULL },
  [FAILOVER_METRIC_LAST_SWITCH] = { "last_switch_timestamp_seconds", NULL, NULL },
};

static void
_label(Series *self, const gchar *name, const gchar *value)
{
  self->labels[self->metric.label_count++] = (HostMetricLabel) { name, value };
}

/* The names that older versions have must tell all series apart. */
static Series *
_series_new(const FailoverMetrics *owner, failover_metric metric, uint32_t server, uint32_t label)
{
  const Kind *kind = &kinds[metric];
  Series *self = g_new0(Series, 1);

  _label(self, "id", owner->id);
  _label(self, "driver", "afsocket");
  _label(self, "transport", owner->transport);
  if (server != FAILOVER_NONE)
    {
      failover_text name = failover_destination_get_server_name(owner->core, server);
      self->server = g_strndup(name.data, name.length);
      _label(self, "address", self->server);
      _label(self, "role", server == 0 ? "primary" : "standby");
    }
  if (kind->label)
    _label(self, kind->label, kind->label_value(label));

  self->name = g_strconcat("output_failover_", self->server ? "server_" : "", kind->name, NULL);
  self->instance = self->server ? g_strconcat(owner->transport, ",", self->server, NULL) : g_strdup(owner->transport);
  self->legacy_name = kind->label ? g_strconcat(kind->name, "_", kind->label_value(label), NULL) : g_strdup(kind->name);
  self->metric.component = "failover";
  self->metric.id = owner->id;
  self->metric.instance = self->instance;
  self->metric.legacy_name = self->legacy_name;
  self->metric.name = self->name;
  self->metric.labels = self->labels;
  return self;
}

static void
_series_free(gpointer s)
{
  Series *self = s;

  if (self->value)
    host_metric_unregister(&self->metric, self->value);
  g_free(self->name);
  g_free(self->instance);
  g_free(self->legacy_name);
  g_free(self->server);
  g_free(self);
}

FailoverMetrics *
failover_metrics_new(const failover_destination *core, const gchar *id, const gchar *transport)
{
  FailoverMetrics *self = g_new0(FailoverMetrics, 1);

  self->core = core;
  self->id = g_strdup(id);
  self->transport = g_strdup(transport);
  self->series = g_ptr_array_new_with_free_func(_series_free);
  return self;
}

void
failover_metrics_add(FailoverMetrics *self, failover_metric metric, uint32_t server, uint32_t label,
                     const intptr_t *value)
{
  Series *series = _series_new(self, metric, server, label);

  if (host_metric_register(&series->metric, value))
    series->value = value;
  g_ptr_array_add(self->series, series);
}

void
failover_metrics_free(FailoverMetrics *self)
{
  if (!self)
    return;
  g_ptr_array_unref(self->series);
  g_free(self->id);
  g_free(self->transport);
  g_free(self);
}
