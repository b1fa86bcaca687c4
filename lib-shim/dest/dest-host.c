/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * The engine's host inside syslog-ng: timers of ivykis, look-ups, connections,
 * and the hand-over of a connection to the LogWriter.
 */
#include "dest-private.h"

#include "link.h"
#include "resolver.h"
#include "timers.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum
{
  HAND_OVER_LIMIT_MS = 10000, /* for the connection in use to come to the end of a message */
};

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

/* ------------------------------------------------------------------------
 * Time
 */

static int64_t
_now_ms(void *user_data G_GNUC_UNUSED)
{
  iv_invalidate_now();
  iv_validate_now();
  return (int64_t) iv_now.tv_sec * 1000 + iv_now.tv_nsec / 1000000;
}

static uint32_t
_random(void *user_data G_GNUC_UNUSED)
{
  return g_random_int();
}

static void
_timer_due(gpointer s)
{
  FailoverDestTimer *self = s;
  turn_request(&self->turn);
}

static void
_timer_turn(gpointer s)
{
  FailoverDestTimer *self = s;
  failover_dest_check_engine(self->owner, failover_engine_timer_due(self->owner->engine, self->id));
}

static void
_cancel_timer(void *user_data, failover_timer id)
{
  FailoverDest *self = user_data;

  timer_cancel(&self->timers[id].timer);
  turn_cancel(&self->timers[id].turn);
}

static void
_set_timer(void *user_data, failover_timer id, int64_t due_ms)
{
  FailoverDest *self = user_data;

  turn_cancel(&self->timers[id].turn);
  timer_arm(&self->timers[id].timer, MAX(due_ms - _now_ms(self), 0));
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
      failover_dest_check_engine(owner, failover_engine_not_resolved(owner->engine, self->id,
                                 (failover_text) { error, strlen(error) }));
      return;
    }

  failover_text *texts = g_new(failover_text, count);
  for (guint i = 0; i < count; i++)
    {
      texts[i].data = failover_lookup_get_text(lookup, i);
      texts[i].length = strlen(texts[i].data);
    }
  failover_dest_check_engine(owner, failover_engine_resolved(owner->engine, self->id, texts, count));
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
      failover_dest_check_engine(owner, failover_engine_connected(owner->engine, id));
      return;
    }
  g_hash_table_steal(owner->connections, &id); /* the detail is the connector's */
  failover_dest_check_engine(owner, failover_engine_connect_failed(owner->engine, id, result->reason,
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
    .watched = owner->sender != NULL,
  };
  self->owner = owner;
  self->id = id;
  self->connector = failover_connector_start(owner->dest,
                                             failover_lookup_get_address(lookup->lookup, address),
                                             &options, _connect_done, self);
  g_hash_table_insert(owner->connections, &self->id, self);
  g_free(name);
}

/* The LogWriter notices, and notifies when it has done with it. */
static void
_end_connection_in_use(FailoverDest *self)
{
  if (self->sender)
    failover_stream_drain(failover_sender_get_stream(self->sender));
  shutdown(self->fd_in_use, SHUT_RDWR);
}

/* Make before break: it is left at the end of a message.  FALSE: that is yet to come.
 *
 * A LogWriter that is given another LogProto while a job of it runs takes it at the end
 * of the job, and then reports an error that the job met on the old one as one of the
 * new one.  So it is given it when no job runs, or only one that has ended well: what
 * makes the stream quiet is the last that a job does.  Without a stream nothing tells. */
static gboolean
_leave_connection_in_use(FailoverDest *self)
{
  HostSocketDest *dest = &self->dest->super;

  if (failover_dest_is_connected(self))
    return failover_stream_quiesce(failover_sender_get_stream(self->sender));
  if (!(dest->writer_options.options & LWO_THREADED) || !log_writer_has_pending_writes(dest->writer))
    return TRUE;
  _end_connection_in_use(self);
  return FALSE;
}

/* FALSE: it could not be used and was closed; what was in use before still is. */
static gboolean
_give_to_writer(FailoverDest *self, FailoverConnector *connector)
{
  HostSocketDest *dest = &self->dest->super;
  gint fd = failover_connector_take_fd(connector);

  g_sockaddr_unref(dest->bind_addr);
  dest->bind_addr = g_sockaddr_ref(failover_connector_get_bind_address(connector));

  self->tls_session = failover_connector_take_tls_session(connector);
  if (self->sender)
    {
      failover_stream_drain(failover_sender_get_stream(self->sender));
      failover_link_begin_connection(self->sender, fd, self->tls_session);
    }
  host_api.afsocket_dd_connected_with_fd(dest, fd, g_sockaddr_ref(failover_connector_get_address(connector)));
  failover_link_end_connection();
  g_clear_pointer(&self->tls_session, tls_session_free);

  if (dest->fd == fd)
    {
      self->fd_in_use = fd;
      return TRUE;
    }
  /* it was closed, and the driver has set its own timer to try again */
  host_api.afsocket_dd_stop_watches(dest);
  dest->fd = self->fd_in_use;
  if (self->sender)
    {
      failover_sender_set_fd(self->sender, self->fd_in_use);
      failover_stream_resume(failover_sender_get_stream(self->sender));
    }
  return FALSE;
}

static void
_hand_over_free(FailoverDestHandOver *self)
{
  timer_cancel(&self->limit);
  if (iv_task_registered(&self->at_once))
    iv_task_unregister(&self->at_once);
  failover_connector_free(self->connector);
  g_free(self);
}

void
failover_dest_complete_hand_over(FailoverDest *self)
{
  FailoverDestHandOver *hand_over = g_steal_pointer(&self->hand_over);
  uint64_t connection;

  if (!hand_over)
    return;
  gboolean given = _give_to_writer(self, hand_over->connector);
  _hand_over_free(hand_over);
  if (given)
    return;

  /* the engine believes it in use, and has given up the one before */
  log_writer_reopen(self->dest->super.writer, NULL);
  self->fd_in_use = -1;
  if (failover_engine_in_use(self->engine, &connection, NULL))
    failover_dest_check_engine(self, failover_engine_disconnected(self->engine, connection, FAILOVER_REASON_LOCAL,
                                                                  (failover_text) { NULL, 0 }, false));
}

static void
_hand_over_due(gpointer s)
{
  failover_dest_complete_hand_over(s);
}

/* It does not come to the end of its message, and a job may be at it. */
static void
_hand_over_late(gpointer s)
{
  FailoverDest *self = s;

  if (self->fd_in_use >= 0)
    _end_connection_in_use(self);
}

void
failover_dest_complete_hand_over_soon(FailoverDest *self)
{
  if (self->hand_over && !iv_task_registered(&self->hand_over->at_once))
    iv_task_register(&self->hand_over->at_once);
}

static void
_wait_for_hand_over(FailoverDest *self, FailoverConnector *connector)
{
  FailoverDestHandOver *hand_over = g_new0(FailoverDestHandOver, 1);

  hand_over->connector = connector;
  IV_TIMER_INIT(&hand_over->limit);
  hand_over->limit.cookie = self;
  hand_over->limit.handler = _hand_over_late;
  IV_TASK_INIT(&hand_over->at_once);
  hand_over->at_once.cookie = self;
  hand_over->at_once.handler = _hand_over_due;
  timer_arm(&hand_over->limit, HAND_OVER_LIMIT_MS);
  self->hand_over = hand_over;
}

static failover_status
_hand_over(void *user_data, uint64_t id)
{
  FailoverDest *self = user_data;
  Connection *connection = g_hash_table_lookup(self->connections, &id);
  failover_status status = FAILOVER_OK;

  g_assert(connection);
  FailoverConnector *connector = g_steal_pointer(&connection->connector);
  g_hash_table_remove(self->connections, &id);

  if (self->fd_in_use >= 0 && !_leave_connection_in_use(self))
    {
      _wait_for_hand_over(self, connector);
    }
  else
    {
      if (!_give_to_writer(self, connector))
        status = FAILOVER_ERROR_INTERNAL;
      failover_connector_free(connector);
    }
  return status;
}

static void
_close(void *user_data, uint64_t id)
{
  FailoverDest *self = user_data;

  if (g_hash_table_remove(self->connections, &id))
    return;
  /* the one in use: its server is healthy */
  if (failover_dest_is_connected(self) && failover_stream_quiesce(failover_sender_get_stream(self->sender)))
    failover_stream_drain(failover_sender_get_stream(self->sender));
  log_writer_reopen(self->dest->super.writer, NULL);
  self->fd_in_use = -1;
}

static void
_event(void *user_data, const failover_event *event)
{
  FailoverDest *self = user_data;

  if (event->kind == FAILOVER_EVENT_SERVER_FAILED || event->kind == FAILOVER_EVENT_ALL_FAILED)
    host_count_unreachable(&self->dest->super);
  failover_dest_log_event(self, event);
}

/* ------------------------------------------------------------------------ */

failover_host
failover_dest_host_callbacks(FailoverDest *self)
{
  return (failover_host)
  {
    .user_data = self,
    .now_ms = _now_ms,
    .random = _random,
    .set_timer = _set_timer,
    .cancel_timer = _cancel_timer,
    .resolve = _resolve,
    .release_lookup = _release_lookup,
    .connect = _connect,
    .hand_over = _hand_over,
    .close = _close,
    .event = _event,
  };
}

void
failover_dest_host_init(FailoverDest *self)
{
  self->lookups = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, _lookup_free);
  self->connections = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, _connection_free);
  for (gint i = 0; i < FAILOVER_TIMER_COUNT; i++)
    {
      FailoverDestTimer *timer = &self->timers[i];
      timer->owner = self;
      timer->id = i;
      IV_TIMER_INIT(&timer->timer);
      timer->timer.cookie = timer;
      timer->timer.handler = _timer_due;
      turn_init(&timer->turn, _timer_turn, timer);
    }
}

void
failover_dest_host_clear(FailoverDest *self)
{
  for (gint i = 0; i < FAILOVER_TIMER_COUNT; i++)
    _cancel_timer(self, i);
  g_clear_pointer(&self->hand_over, _hand_over_free);
  g_hash_table_remove_all(self->connections);
  g_hash_table_remove_all(self->lookups);
}
