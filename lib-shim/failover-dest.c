/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "failover-dest-private.h"

#include "messages.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What goes from one configuration to the next.  If nobody fetches it, then
 * failover() is gone from the destination: syslog-ng's own driver would keep
 * the connection to a failover server for ever, so it is ended. */
typedef struct _FailoverDestSaved
{
  failover_snapshot *snapshot;
  gint fd;          /* of the connection in use, as the LogWriter's proto knows it */
  gint fd_shutdown; /* duplicate, -1 if the primary is in use */
} FailoverDestSaved;

static void
_saved_free(FailoverDestSaved *self)
{
  if (self->fd_shutdown >= 0)
    close(self->fd_shutdown);
  failover_snapshot_free(self->snapshot);
  g_free(self);
}

static void
_saved_not_wanted(gpointer s)
{
  FailoverDestSaved *self = s;

  if (self->fd_shutdown >= 0)
    shutdown(self->fd_shutdown, SHUT_RDWR);
  _saved_free(self);
}

static gchar *
_saved_key(FailoverDest *self)
{
  return g_strdup_printf("failover(%s)", log_pipe_get_persist_name((LogPipe *) self->dest));
}

static void
_save(FailoverDest *self)
{
  GlobalConfig *cfg = log_pipe_get_config((LogPipe *) self->dest);
  failover_snapshot *snapshot;
  guint32 server;

  if (!cfg->persist || failover_engine_save(self->engine, &snapshot) != FAILOVER_OK)
    return;

  FailoverDestSaved *saved = g_new0(FailoverDestSaved, 1);
  saved->snapshot = snapshot;
  saved->fd = self->fd_in_use;
  saved->fd_shutdown = -1;
  if (failover_engine_in_use(self->engine, NULL, &server) && server != 0)
    saved->fd_shutdown = fcntl(self->fd_in_use, F_DUPFD_CLOEXEC, 0);

  gchar *key = _saved_key(self);
  cfg_persist_config_add(cfg, key, saved, _saved_not_wanted, FALSE);
  g_free(key);
}

static void
_fetch_saved(FailoverDest *self)
{
  gchar *key = _saved_key(self);
  self->saved = cfg_persist_config_fetch(log_pipe_get_config((LogPipe *) self->dest), key);
  g_free(key);
}

/* ------------------------------------------------------------------------
 * The hooks on the driver
 */

static FailoverDest *
_of_driver(LogDriver *driver)
{
  return (FailoverDest *) log_driver_lookup_plugin(driver, FAILOVER_DEST_NAME);
}

void
failover_dest_check_engine(FailoverDest *self, failover_status status)
{
  if (status != FAILOVER_OK)
    msg_error("failover: internal error, please report it",
              evt_tag_str("destination", self->dest->super.super.super.id),
              evt_tag_int("status", status));
}

static gboolean
_engine_new(FailoverDest *self)
{
  HostInetDest *dest = self->dest;
  HostTransportMapperInet *mapper = (HostTransportMapperInet *) dest->super.transport_mapper;

  if (dest->super.proto_factory->default_inet_port)
    mapper->server_port = dest->super.proto_factory->default_inet_port;

  failover_destination destination =
  {
    .struct_size = sizeof(destination),
    .host = { dest->primary, strlen(dest->primary) },
    .port = host_inet_dest_port(dest),
    .time_reopen_ms = (int64_t) dest->super.writer_options.time_reopen * 1000,
  };
  failover_host host = failover_dest_host_callbacks(self);

  if (failover_options_check_primary(self->options, destination.host.data, destination.host.length,
                                     destination.port) != FAILOVER_OK)
    {
      msg_error("failover: the servers do not go together",
                evt_tag_str("destination", dest->super.super.super.id),
                evt_tag_str("error", failover_options_error(self->options)));
      return FALSE;
    }
  failover_status status = failover_engine_new(self->options, &destination, &host, &self->engine);
  failover_dest_check_engine(self, status);
  return status == FAILOVER_OK;
}

/* The driver has its writer, and its TLS context is ready: where syslog-ng's
 * own would connect. */
static gboolean
_start(gpointer arg)
{
  FailoverDest *self = _of_driver((LogDriver *) arg);
  LogWriter *writer = self->dest->super.writer;
  gboolean connection_open = log_writer_opened(writer);

  if (!_engine_new(self))
    return FALSE;
  self->dest->super.connection_initialized = TRUE; /* or it would not be kept at a reload */

  if (!self->saved && connection_open)
    {
      /* made by syslog-ng's own driver, to whichever server it liked */
      log_writer_reopen(writer, NULL);
      connection_open = FALSE;
    }
  if (self->saved && connection_open)
    self->fd_in_use = self->dest->super.fd = self->saved->fd;

  failover_dest_check_engine(self, failover_engine_start(self->engine, self->saved ? self->saved->snapshot : NULL,
                                                         connection_open));
  g_clear_pointer(&self->saved, _saved_free);
  return TRUE;
}

/* `func` would make the driver connect by itself: it is never called. */
static gboolean
_async_init(HostTransportMapper *mapper, HostAsyncInitFunc func G_GNUC_UNUSED, gpointer arg)
{
  FailoverDest *self = _of_driver((LogDriver *) arg);

  _fetch_saved(self);
  return self->mapper_async_init(mapper, _start, arg);
}

static gboolean
_deinit(LogPipe *s)
{
  FailoverDest *self = _of_driver((LogDriver *) s);

  if (self->engine)
    {
      _save(self);
      failover_dest_check_engine(self, failover_engine_stop(self->engine));
      failover_dest_host_clear(self);
      failover_engine_free(self->engine);
      self->engine = NULL;
    }
  g_clear_pointer(&self->saved, _saved_not_wanted);
  return self->driver_deinit(s);
}

static failover_reason
_reason_of_end(gint fd, gboolean tls, failover_text *detail)
{
  struct tcp_info info;
  socklen_t length = sizeof(info);

  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0)
    return FAILOVER_REASON_BROKEN;
  switch (info.tcpi_state)
    {
    case TCP_CLOSE_WAIT:
    case TCP_LAST_ACK:
      return FAILOVER_REASON_CLOSED;
    case TCP_CLOSE:
      return FAILOVER_REASON_RESET;
    case TCP_ESTABLISHED:
      *detail = (failover_text) { "see the TLS error before", tls ? 24 : 0 };
      return tls ? FAILOVER_REASON_TLS : FAILOVER_REASON_BROKEN;
    default:
      return FAILOVER_REASON_BROKEN;
    }
}

static void
_connection_ended(FailoverDest *self)
{
  HostTransportMapperInet *mapper = (HostTransportMapperInet *) self->dest->super.transport_mapper;
  failover_text detail = { NULL, 0 };
  uint64_t connection;

  failover_reason reason = _reason_of_end(self->fd_in_use, mapper->tls_context != NULL, &detail);
  log_writer_reopen(self->dest->super.writer, NULL); /* frees the proto, which closes the connection */
  self->fd_in_use = -1;
  if (failover_engine_in_use(self->engine, &connection, NULL))
    failover_dest_check_engine(self, failover_engine_disconnected(self->engine, connection, reason, detail));
}

static void
_notify(LogPipe *s, gint notify_code, gpointer user_data)
{
  FailoverDest *self = _of_driver((LogDriver *) s);

  switch (notify_code)
    {
    case NC_CLOSE:
    case NC_WRITE_ERROR:
      if (self->engine)
        _connection_ended(self);
      break;
    case NC_REOPEN_REQUIRED:
      break; /* of the LogWriter's own timer: the engine decides when */
    default:
      self->driver_notify(s, notify_code, user_data);
    }
}

/* Before each init, also when the configuration before is taken back. */
static gboolean
_attach(LogDriverPlugin *s, LogDriver *driver)
{
  FailoverDest *self = (FailoverDest *) s;

  if (self->hooked)
    return TRUE;
  self->hooked = TRUE;
  self->dest = (HostInetDest *) driver;

  self->driver_notify = driver->super.notify;
  driver->super.notify = _notify;
  self->driver_deinit = driver->super.deinit;
  driver->super.deinit = _deinit;
  HostTransportMapper *mapper = self->dest->super.transport_mapper;
  self->mapper_async_init = mapper->async_init;
  mapper->async_init = _async_init;
  return TRUE;
}

static void
_free(LogDriverPlugin *s)
{
  FailoverDest *self = (FailoverDest *) s;

  failover_dest_host_clear(self);
  failover_engine_free(self->engine);
  failover_options_free(self->options);
  g_hash_table_unref(self->lookups);
  g_hash_table_unref(self->connections);
  log_driver_plugin_free_method(s);
}

/* ------------------------------------------------------------------------
 * Parsing
 */

FailoverDest *
failover_dest_new(const CFG_LTYPE *location)
{
  FailoverDest *self = g_new0(FailoverDest, 1);

  if (failover_options_new(&self->options) != FAILOVER_OK)
    g_error("failover: out of memory"); /* as GLib does */
  log_driver_plugin_init_instance(&self->super, FAILOVER_DEST_NAME);
  self->super.attach = _attach;
  self->super.free_fn = _free;
  self->location = *location;
  self->fd_in_use = -1;
  failover_dest_host_init(self);
  return self;
}

LogDriverPlugin *
failover_dest_as_plugin(FailoverDest *self)
{
  return &self->super;
}

failover_options *
failover_dest_get_options(FailoverDest *self)
{
  return self->options;
}

static gboolean
_is_datagram(HostInetDest *dest)
{
  return dest->super.transport_mapper->sock_type == SOCK_DGRAM
         || strcasecmp(dest->super.transport_mapper->transport, "udp") == 0;
}

static const gchar *const needs_stream =
  "failover() needs a TCP or TLS transport: with UDP nothing tells that a server is dead; "
  "allowed: transport(\"tcp\"), transport(\"tls\")";

const gchar *
failover_dest_check_driver(LogDriver *driver)
{
  if (!host_is_inet_dest(driver))
    return "failover() works in network(), syslog(), tcp() and tcp6() only";
  if (_is_datagram((HostInetDest *) driver))
    return needs_stream;
  if (_of_driver(driver))
    return "failover() is given twice, it is allowed once in a destination";
  return NULL;
}

const gchar *
failover_dest_check_parsed(LogDriver *driver, const CFG_LTYPE **location)
{
  FailoverDest *self = _of_driver(driver);
  HostInetDest *dest = (HostInetDest *) driver;

  if (!self)
    return NULL;
  *location = &self->location;
  if (_is_datagram(dest))
    return needs_stream;
  if (dest->failover)
    return "failover-servers() and failover() cannot be used together; allowed: failover(servers(...))";
  if (failover_options_check_primary(self->options, dest->primary, strlen(dest->primary),
                                     host_inet_dest_port(dest)) != FAILOVER_OK)
    return failover_options_error(self->options);
  return NULL;
}
