/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * What the core needs from one configuration: look-ups, connections, and the
 * LogWriter.
 */
#include "dest-private.h"

#include "connector.h"
#include "control.h"
#include "link.h"
#include "resolver.h"
#include "tcp-state.h"
#include "tls-handshake.h"

#include "logqueue.h"

#include <string.h>
#include <sys/socket.h>

typedef struct _Lookup
{
  FailoverDest *owner;
  guint64 id;
  FailoverLookup *lookup;
} Lookup;

typedef struct _Connection
{
  FailoverDest *owner;
  guint64 id;
  FailoverConnector *connector;
} Connection;

static failover_destination *
_core(FailoverDest *self)
{
  return failover_sender_get_core(self->sender);
}

/* ------------------------------------------------------------------------
 * Look-ups
 */

static void
_lookup_done(FailoverLookup *lookup, gpointer user_data)
{
  Lookup *self = user_data;
  FailoverDest *owner = self->owner;
  guint count = failover_lookup_get_count(lookup);

  if (count == 0)
    {
      const gchar *error = failover_lookup_get_error(lookup);
      failover_sender_check(owner->sender, failover_destination_not_resolved(_core(owner), self->id,
                            (failover_text) { error, strlen(error) }));
      return;
    }

  failover_text *texts = g_new(failover_text, count);
  for (guint i = 0; i < count; i++)
    {
      texts[i].data = failover_lookup_get_text(lookup, i);
      texts[i].length = strlen(texts[i].data);
    }
  failover_sender_check(owner->sender, failover_destination_resolved(_core(owner), self->id, texts, count));
  g_free(texts);
}

static void
_lookup_free(gpointer s)
{
  Lookup *self = s;
  failover_lookup_free(self->lookup);
  g_free(self);
}

static void
_resolve(void *user_data, uint64_t id, failover_text host, uint16_t port)
{
  FailoverDest *owner = user_data;
  Lookup *self = g_new0(Lookup, 1);
  gchar *name = g_strndup(host.data, host.length);

  self->owner = owner;
  self->id = id;
  self->lookup = failover_lookup_start(name, port, owner->dest->super.transport_mapper->address_family,
                                       _lookup_done, self);
  g_hash_table_insert(owner->lookups, &self->id, self);
  g_free(name);
}

static void
_release_lookup(void *user_data, uint64_t id)
{
  FailoverDest *self = user_data;
  g_hash_table_remove(self->lookups, &id);
}

/* ------------------------------------------------------------------------
 * Connections
 */

static void
_connection_free(gpointer s)
{
  Connection *self = s;
  if (self->connector)
    failover_connector_free(self->connector);
  g_free(self);
}

static void
_connect_done(FailoverConnector *connector G_GNUC_UNUSED, const FailoverConnectorResult *result, gpointer user_data)
{
  Connection *self = user_data;
  FailoverDest *owner = self->owner;
  uint64_t id = self->id;

  if (result->connected)
    {
      gint64 certificate_end = failover_connector_get_certificate_end(self->connector);
      if (certificate_end)
        failover_destination_set_certificate_end(_core(owner), id, certificate_end);
      failover_sender_check(owner->sender, failover_destination_connected(_core(owner), id));
      return;
    }
  g_hash_table_steal(owner->connections, &id); /* the detail is the connector's */
  failover_sender_check(owner->sender, failover_destination_connect_failed(_core(owner), id, result->reason,
                        (failover_text) { result->detail, strlen(result->detail) }));
  _connection_free(self);
}

static void
_connect(void *user_data, uint64_t id, uint64_t lookup_id, uint32_t address, failover_text server,
         failover_purpose purpose)
{
  FailoverDest *owner = user_data;
  Lookup *lookup = g_hash_table_lookup(owner->lookups, &lookup_id);
  Connection *self = g_new0(Connection, 1);

  g_assert(lookup);
  gchar *name = g_strndup(server.data, server.length);
  FailoverConnectorOptions options =
  {
    .server = name,
    .purpose = purpose,
    .dead_peer_timeout_ms = failover_options_get_dead_peer_timeout_ms(owner->options),
    .kernel_watches = !owner->decorated,
  };
  self->owner = owner;
  self->id = id;
  self->connector = failover_connector_start(owner->dest,
                                             failover_lookup_get_address(lookup->lookup, address),
                                             &options, _connect_done, self);
  g_hash_table_insert(owner->connections, &self->id, self);
  g_free(name);
}

static void
_close(void *user_data, uint64_t id)
{
  FailoverDest *self = user_data;
  g_hash_table_remove(self->connections, &id);
}

/* ------------------------------------------------------------------------
 * The LogWriter
 */

static bool
_give_to_writer(void *user_data, uint64_t id)
{
  FailoverDest *self = user_data;
  HostSocketDest *dest = &self->dest->super;
  Connection *connection = g_hash_table_lookup(self->connections, &id);
  gint fd_before = failover_sender_get_fd(self->sender);

  g_assert(connection);
  FailoverConnector *connector = connection->connector;
  gint fd = failover_connector_take_fd(connector);

  g_sockaddr_unref(dest->bind_addr);
  dest->bind_addr = g_sockaddr_ref(failover_connector_get_bind_address(connector));

  self->tls_session = failover_connector_take_tls_session(connector);
  if (self->decorated)
    failover_link_begin_connection(self->sender, fd, self->tls_session);
  host_api.afsocket_dd_connected_with_fd(dest, fd, g_sockaddr_ref(failover_connector_get_address(connector)));
  failover_link_end_connection();
  g_clear_pointer(&self->tls_session, tls_session_free);
  g_hash_table_remove(self->connections, &id);

  bool given = dest->fd == fd;
  if (!given)
    {
      /* it was closed, and the driver has set its own timer to try again */
      host_api.afsocket_dd_stop_watches(dest);
      dest->fd = fd_before;
    }
  failover_sender_set_fd(self->sender, dest->fd);
  return given;
}

static void
_take_from_writer(void *user_data)
{
  FailoverDest *self = user_data;

  log_writer_reopen(self->dest->super.writer, NULL); /* frees the proto, which closes the connection */
  failover_sender_set_fd(self->sender, -1);
}

static void
_shut_down(void *user_data)
{
  FailoverDest *self = user_data;
  shutdown(failover_sender_get_fd(self->sender), SHUT_RDWR);
}

/* The LogWriter has taken the error of a write that failed; what the kernel still
 * knows has to tell. */
static void
_read_end(void *user_data, failover_end *end)
{
  FailoverDest *self = user_data;
  gint fd = failover_sender_get_fd(self->sender);
  gint error = failover_sender_get_error(self->sender);
  failover_tcp tcp = { 0 };

  end->error = error ? error : tcp_take_error(fd);
  end->tls = failover_tls_is_used(self->dest);
  end->tcp_known = tcp_state_read(fd, &tcp);
  end->tcp_open = tcp.open;
  end->tcp_reset = tcp.reset;
  end->has_input = tcp.has_input;
}

static bool
_is_idle(void *user_data)
{
  FailoverDest *self = user_data;
  HostSocketDest *dest = &self->dest->super;

  return !(dest->writer_options.options & LWO_THREADED) || !log_writer_has_pending_writes(dest->writer);
}

/* Makes an idle LogWriter look at its LogProto again. */
static void
_wake_writer(void *user_data)
{
  FailoverDest *self = user_data;
  LogQueue *queue = log_writer_get_queue(self->dest->super.writer);

  if (!queue)
    return;
  g_mutex_lock(&queue->lock);
  log_queue_push_notify(queue);
  g_mutex_unlock(&queue->lock);
  log_queue_unref(queue);
}

static void
_event(void *user_data, const failover_event *event)
{
  FailoverDest *self = user_data;

  if (event->kind == FAILOVER_EVENT_SERVER_FAILED || event->kind == FAILOVER_EVENT_ALL_FAILED)
    host_count_unreachable(&self->dest->super);
  failover_dest_log_event(self->dest->super.super.super.id, event);
}

/* ------------------------------------------------------------------------
 * What is known, and what became of a request
 */

static int64_t
_wall_ms(void *user_data G_GNUC_UNUSED)
{
  return g_get_real_time() / 1000;
}

static void
_counter(void *user_data, failover_metric metric, uint32_t server, uint32_t label, const intptr_t *value)
{
  FailoverDest *self = user_data;
  failover_metrics_add(self->metrics, metric, server, label, value);
}

static void
_answer(void *user_data G_GNUC_UNUSED, uint64_t request, failover_answer answer)
{
  failover_control_answer(request, answer);
}

failover_watcher
failover_dest_host_watcher(FailoverDest *self)
{
  return (failover_watcher)
  {
    .user_data = self,
    .wall_ms = _wall_ms,
    .counter = _counter,
    .answer = _answer,
  };
}

/* ------------------------------------------------------------------------ */

failover_host
failover_dest_host_callbacks(FailoverDest *self)
{
  return (failover_host)
  {
    .user_data = self,
    .resolve = _resolve,
    .release_lookup = _release_lookup,
    .connect = _connect,
    .close = _close,
    .give_to_writer = _give_to_writer,
    .take_from_writer = _take_from_writer,
    .shut_down = _shut_down,
    .read_end = _read_end,
    .is_idle = _is_idle,
    .wake_writer = _wake_writer,
    .event = _event,
  };
}

void
failover_dest_host_init(FailoverDest *self)
{
  self->lookups = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, _lookup_free);
  self->connections = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, _connection_free);
}

void
failover_dest_host_clear(FailoverDest *self)
{
  g_hash_table_remove_all(self->connections);
  g_hash_table_remove_all(self->lookups);
}
