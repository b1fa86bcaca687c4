/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * host-version.h - every difference between versions of syslog-ng that is not a
 * private layout.  Only this and host-version.c have an #if on a version.
 *
 * Which one it is, FAILOVER_HOST_..., stands in host-built-for.h, made by CMake.
 *
 * What differs has one name for all versions, host_...; host-version.c has what
 * is too long to be inline.  Main thread, but for what a LogProto calls.
 */
#ifndef FAILOVER_HOST_VERSION_H_INCLUDED
#define FAILOVER_HOST_VERSION_H_INCLUDED

#include "host-built-for.h"

#include "syslog-ng.h"
#include "cfg.h"
#include "driver.h"
#include "gsockaddr.h"
#include "logproto/logproto-client.h"
#include "logwriter.h"
#include "transport/logtransport.h"

#include <iv.h>
#include <stddef.h>

#if FAILOVER_HOST_SERIES < 408
#include "tlscontext.h"
#else
#include "transport/tls-context.h"
#endif
#include FAILOVER_HOST_LAYOUT

/* ------------------------------------------------------------------------
 * Pipes: what notify() returns
 */

#if FAILOVER_HOST_SERIES < 408
typedef void HostNotifyResult;
#define HOST_NOTIFY_OK
#else
typedef gint HostNotifyResult;
#define HOST_NOTIFY_OK NR_OK
#endif

/* ------------------------------------------------------------------------
 * Configurations
 */

/* What is kept for the next configuration. */
static inline void
host_persist_config_add(GlobalConfig *cfg, const gchar *name, gpointer value, GDestroyNotify destroy)
{
#if FAILOVER_HOST_SERIES < 408
  cfg_persist_config_add(cfg, name, value, destroy, FALSE);
#else
  cfg_persist_config_add(cfg, name, value, destroy);
#endif
}

/* ------------------------------------------------------------------------
 * Disk queues
 */

/* What tells mem-buf-size(). */
#if FAILOVER_HOST_SERIES < 408
#define HOST_QDISK_GET_RESERVED "qdisk_get_memory_size"
#else
#define HOST_QDISK_GET_RESERVED "qdisk_get_flow_control_window_bytes"
#endif

/* ------------------------------------------------------------------------
 * LogProtos
 */

#if FAILOVER_HOST_SERIES < 412
typedef LogProtoClientOptions HostProtoOptions;
#else
typedef LogProtoClientOptionsStorage HostProtoOptions;
#endif

/* What a LogProto wants to be polled for; TRUE: it has something to write. */
#if FAILOVER_HOST_SERIES < 412
#define HOST_POLL_PARAMETERS gint *fd, GIOCondition *cond, gint *timeout
#define HOST_POLL_ARGUMENTS fd, cond, timeout
#else
#define HOST_POLL_PARAMETERS GIOCondition *cond, GIOCondition *idle_cond, gint *timeout
#define HOST_POLL_ARGUMENTS cond, idle_cond, timeout
#endif
typedef gboolean (*HostPollFunc)(LogProtoClient *self, HOST_POLL_PARAMETERS);

/* Where a LogProto has that function. */
static inline HostPollFunc *
host_proto_poll_func(LogProtoClient *proto)
{
#if FAILOVER_HOST_SERIES < 412
  return &proto->prepare;
#else
  return &proto->poll_prepare;
#endif
}

static inline gboolean
host_proto_has_pending(LogProtoClient *proto, HostPollFunc poll)
{
#if FAILOVER_HOST_SERIES < 412
  gint fd;
#define HOST_UNUSED_CONDITION &fd, &cond
#else
  GIOCondition idle_cond;
#define HOST_UNUSED_CONDITION &cond, &idle_cond
#endif
  GIOCondition cond;
  gint timeout = -1;

  return poll(proto, HOST_UNUSED_CONDITION, &timeout);
#undef HOST_UNUSED_CONDITION
}

/* With TLS nothing is read, as it is in all versions but the newest.  Its LogProto would
 * take the peer's close_notify for the end while TCP is still open, and the log would
 * say that TLS was refused; without it the stream's own look sees the end. */
static inline void
host_poll_ignore_input(HOST_POLL_PARAMETERS)
{
#if FAILOVER_HOST_SERIES < 412
  (void) fd;
  (void) cond;
#else
  *cond &= ~G_IO_IN;
  *idle_cond &= ~G_IO_IN;
#endif
  (void) timeout;
}

/* ------------------------------------------------------------------------
 * Transports
 */

/* apply_transport(), once more than the driver does. */
static inline gboolean
host_apply_transport(HostTransportMapper *mapper, GlobalConfig *cfg)
{
  gboolean success = mapper->apply_transport(mapper, cfg);
#if FAILOVER_HOST_SERIES >= 408
  g_clear_pointer(&mapper->transport_name, g_free); /* the driver's call makes it anew */
#endif
  return success;
}

/* TLS from the first byte on? */
static inline gboolean
host_starts_with_tls(const HostTransportMapperInet *mapper)
{
#if FAILOVER_HOST_SERIES < 412
  return mapper->tls_context && (mapper->require_tls || mapper->require_tls_when_has_tls_context);
#else
  return mapper->tls_context && (mapper->require_tls_configuration || mapper->allow_tls_configuration)
         && !mapper->delegate_tls_start_to_logproto;
#endif
}

static inline void
host_configure_tls_session(const HostTransportMapperInet *mapper, TLSSession *session)
{
#if FAILOVER_HOST_SERIES < 412
  tls_session_configure_allow_compress(session, mapper->flags & TMI_ALLOW_COMPRESS);
#else
  (void) mapper; /* the TLS context does it */
  (void) session;
#endif
}

/* When the driver sets up the transport of a new connection `take_session` is
 * asked for an established TLS session; NULL: the driver's own way. */
typedef TLSSession *(*HostTakeTlsSession)(gpointer user_data);
void host_hook_transport(HostTransportMapper *mapper, HostTakeTlsSession take_session, gpointer user_data);
void host_unhook_transport(HostTransportMapper *mapper);

/* ------------------------------------------------------------------------
 * Reload: which connections are kept
 */

/* A connection is kept if its LogProto fits: older versions compare what constructs
 * it, the newest one its name.  This one is for a LogProto that is not the transport's own. */
#if FAILOVER_HOST_SERIES < 412
static inline void
host_name_proto(HostSocketDest *dest, const gchar *name)
{
  (void) dest;
  (void) name;
}
#else
void host_name_proto(HostSocketDest *dest, const gchar *name);
#endif

/* The functions that it replaces. */
static inline gboolean
host_can_name_proto(const HostSocketDest *dest, gboolean (*is_readable)(gconstpointer memory, gsize length))
{
#if FAILOVER_HOST_SERIES < 412
  (void) dest;
  (void) is_readable;
  return TRUE;
#else
  return is_readable((gconstpointer) dest->save_connection, 1)
         && is_readable((gconstpointer) dest->should_restore_connection, 1);
#endif
}

/* ------------------------------------------------------------------------
 * Metrics
 */

/* No server is connected: the driver's own code, which would count it, does not
 * run.  When one is connected, it does. */
static inline void
host_count_unreachable(HostSocketDest *dest)
{
#if FAILOVER_HOST_SERIES < 408
  (void) dest;
#else
  stats_counter_set(dest->metrics.output_unreachable, 1);
#endif
}

typedef struct _HostMetricLabel
{
  const gchar *name;
  const gchar *value;
} HostMetricLabel;

/* One series.  All versions have it as component;id;instance;...;legacy_name in CSV and
 * queries, newer ones under name{labels} too, and take it for the same if those four are. */
typedef struct _HostMetric
{
  const gchar *component;
  const gchar *id;
  const gchar *instance;
  const gchar *legacy_name;
  const gchar *name;
  const HostMetricLabel *labels;
  gsize label_count;
} HostMetric;

enum { HOST_METRIC_LABELS_MOST = 8 };

/* `value` is read from any thread until it is unregistered.  FALSE: there is one of that
 * name already, or the statistics are off. */
gboolean host_metric_register(const HostMetric *metric, const intptr_t *value);
/* One that was registered: no trace of it is left. */
void host_metric_unregister(const HostMetric *metric, const intptr_t *value);

#endif
