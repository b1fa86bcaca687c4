/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "host-version.h"

#include "stats/stats-cluster-single.h"
#include "stats/stats-query.h"
#include "stats/stats-registry.h"
#include "transport/transport-socket.h"
#include "transport/transport-tls.h"

/* ------------------------------------------------------------------------
 * What a transport mapper has no room for
 */

#if FAILOVER_HOST_SERIES < 412
#define SET_UP_TRANSPORT construct_log_transport
typedef LogTransport *(*SetUpTransport)(HostTransportMapper *mapper, gint fd);
#else
#define SET_UP_TRANSPORT setup_stack
typedef gboolean (*SetUpTransport)(HostTransportMapper *mapper, LogTransportStack *stack);
#endif

typedef struct _TransportHook
{
  SetUpTransport original;
  HostTakeTlsSession take_session;
  gpointer user_data;
  const gchar *proto_name; /* interned */
} TransportHook;

static GHashTable *transport_hooks; /* HostTransportMapper * -> TransportHook * */

/* ------------------------------------------------------------------------
 * The transport of a connection whose TLS is established already
 */

#if FAILOVER_HOST_SERIES < 412

static LogTransport *
_set_up_transport(HostTransportMapper *mapper, gint fd)
{
  TransportHook *hook = g_hash_table_lookup(transport_hooks, mapper);
  TLSSession *session = hook->take_session(hook->user_data);

  return session ? log_transport_tls_new(session, fd) : hook->original(mapper, fd);
}

#else

static gboolean
_set_up_transport(HostTransportMapper *mapper, LogTransportStack *stack)
{
  TransportHook *hook = g_hash_table_lookup(transport_hooks, mapper);
  TLSSession *session = hook->take_session(hook->user_data);

  if (!session)
    return hook->original(mapper, stack);
  log_transport_stack_add_transport(stack, LOG_TRANSPORT_SOCKET, log_transport_stream_socket_new(stack->fd));
  log_transport_stack_add_transport(stack, LOG_TRANSPORT_TLS, log_transport_tls_new(session, LOG_TRANSPORT_SOCKET));
  return log_transport_stack_switch(stack, LOG_TRANSPORT_TLS);
}

#endif

void
host_hook_transport(HostTransportMapper *mapper, HostTakeTlsSession take_session, gpointer user_data)
{
  TransportHook *hook = g_new0(TransportHook, 1);

  hook->original = mapper->SET_UP_TRANSPORT;
  hook->take_session = take_session;
  hook->user_data = user_data;
  mapper->SET_UP_TRANSPORT = _set_up_transport;
  if (!transport_hooks)
    transport_hooks = g_hash_table_new_full(NULL, NULL, NULL, g_free);
  g_hash_table_insert(transport_hooks, mapper, hook);
}

void
host_unhook_transport(HostTransportMapper *mapper)
{
  g_hash_table_remove(transport_hooks, mapper);
}

/* ------------------------------------------------------------------------
 * Which connections a reload keeps
 */

#if FAILOVER_HOST_SERIES >= 412

/* the same in all inet destinations */
static void (*save_connection)(HostSocketDest *self);
static gboolean (*should_restore_connection)(HostSocketDest *self, gpointer connection);

/* The name is looked at here and nowhere else, once there is a factory. */
static void
_use_proto_name(HostSocketDest *dest)
{
  TransportHook *hook = g_hash_table_lookup(transport_hooks, dest->transport_mapper);

  dest->transport_mapper->logproto = hook->proto_name;
}

static void
_save_connection(HostSocketDest *dest)
{
  _use_proto_name(dest);
  save_connection(dest);
}

static gboolean
_should_restore_connection(HostSocketDest *dest, gpointer connection)
{
  _use_proto_name(dest);
  return should_restore_connection(dest, connection);
}

void
host_name_proto(HostSocketDest *dest, const gchar *name)
{
  TransportHook *hook = g_hash_table_lookup(transport_hooks, dest->transport_mapper);

  hook->proto_name = g_intern_string(name);
  if (dest->save_connection == _save_connection)
    return;
  save_connection = dest->save_connection;
  dest->save_connection = _save_connection;
  should_restore_connection = dest->should_restore_connection;
  dest->should_restore_connection = _should_restore_connection;
}

#endif

/* ------------------------------------------------------------------------
 * Metrics
 */

#if FAILOVER_HOST_SERIES < 408

static void
_set_key(StatsClusterKey *key, const HostMetric *metric)
{
  stats_cluster_single_key_set_with_name(key, SCS_DESTINATION | stats_register_type(metric->component),
                                         metric->id, metric->instance, metric->legacy_name);
}

/* Or queries would go on to list it, and read it after its memory was freed. */
static void
_prepare_removal(const StatsClusterKey *key)
{
  stats_query_deindex_cluster(stats_get_cluster(key));
}

static void
_remove(const StatsClusterKey *key)
{
  (void) key; /* queries may be reading it, without the lock */
}

#else

static void
_set_key(StatsClusterKey *key, const HostMetric *metric)
{
  static StatsClusterLabel labels[HOST_METRIC_LABELS_MOST]; /* copied, when the key is */

  g_assert(metric->label_count <= G_N_ELEMENTS(labels));
  for (gsize i = 0; i < metric->label_count; i++)
    labels[i] = stats_cluster_label(metric->labels[i].name, metric->labels[i].value);
  stats_cluster_single_key_set(key, metric->name, labels, metric->label_count);
  stats_cluster_single_key_add_legacy_alias_with_name(key, SCS_DESTINATION | stats_register_type(metric->component),
                                                      metric->id, metric->instance, metric->legacy_name);
}

static void
_prepare_removal(const StatsClusterKey *key)
{
  (void) key;
}

/* Or it would come back with the labels that it had, though they may be others then. */
static void
_remove(const StatsClusterKey *key)
{
  stats_remove_cluster(key);
}

#endif

gboolean
host_metric_register(const HostMetric *metric, const intptr_t *value)
{
  gboolean registered = FALSE;
  StatsClusterKey key;

  _set_key(&key, metric);
  stats_lock();
  if (!stats_contains_counter(&key, SC_TYPE_SINGLE_VALUE)) /* with another address it would abort */
    registered = stats_register_external_counter(0, &key, SC_TYPE_SINGLE_VALUE, (atomic_gssize *) value) != NULL;
  stats_unlock();
  return registered;
}

void
host_metric_unregister(const HostMetric *metric, const intptr_t *value)
{
  StatsClusterKey key;

  _set_key(&key, metric);
  stats_lock();
  _prepare_removal(&key);
  stats_unregister_external_counter(&key, SC_TYPE_SINGLE_VALUE, (atomic_gssize *) value);
  _remove(&key);
  stats_unlock();
}
