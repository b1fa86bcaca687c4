/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "dest-private.h"

#include "link.h"
#include "log.h"
#include "tcp-state.h"
#include "tls-handshake.h"

#include "logqueue-fifo.h"

#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum { SHUTDOWN_MS = 800 }; /* with syslog-ng's own 100 ms: gone within a second */

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
    failover_log_error("failover: internal error, please report it",
                       evt_tag_str("destination", self->dest->super.super.super.id),
                       evt_tag_int("status", status));
}

/* The LogWriter has taken the error of a write that failed; what the kernel still
 * knows has to tell. */
static failover_reason
_reason_of_end(FailoverDest *self, gboolean silent)
{
  failover_tcp tcp = { 0 };
  gint error = self->sender ? failover_sender_get_error(self->sender) : 0;
  failover_end end =
  {
    .silent = silent,
    .error = error ? error : tcp_take_error(self->fd_in_use),
    .tls = failover_tls_is_used(self->dest),
    .tcp_known = tcp_state_read(self->fd_in_use, &tcp),
  };

  end.tcp_open = tcp.open;
  end.tcp_reset = tcp.reset;
  end.has_input = tcp.has_input;
  return failover_reason_from_end(&end);
}

gboolean
failover_dest_is_connected(const FailoverDest *self)
{
  return self->sender && failover_stream_is_connected(failover_sender_get_stream(self->sender));
}

static void
_connection_ended(FailoverDest *self)
{
  failover_stream_end end = { 0 };
  uint64_t connection;

  if (self->sender)
    end = failover_stream_end_of_connection(failover_sender_get_stream(self->sender));
  failover_reason reason = _reason_of_end(self, end.silent);

  log_writer_reopen(self->dest->super.writer, NULL); /* frees the proto, which closes the connection */
  self->fd_in_use = -1;
  if (self->hand_over)
    {
      /* its successor waits already; not from in here, the LogWriter is not ready for it */
      failover_dest_complete_hand_over_soon(self);
      return;
    }
  if (failover_engine_in_use(self->engine, &connection, NULL))
    failover_dest_check_engine(self, failover_engine_disconnected(self->engine, connection, reason,
                                                                  (failover_text) { NULL, 0 }, end.fruitless));
}

static void
_stream_is_quiet(gpointer user_data)
{
  failover_dest_complete_hand_over(user_data);
}

static void
_stream_is_half_closed(gpointer user_data)
{
  _connection_ended(user_data);
}

/* The stream of the configuration before goes on, with what waits in it. */
static void
_set_up_sender(FailoverDest *self)
{
  failover_stream_settings settings = failover_options_get_stream(self->options);
  gint throttle = self->dest->super.super.throttle;
  FailoverSenderCallbacks callbacks =
  {
    .user_data = self,
    .quiet = _stream_is_quiet,
    .half_closed = _stream_is_half_closed,
  };

  if (!settings.resend)
    return;
  settings.throttle = MAX(throttle, 0);
  if (self->saved && self->saved->sender)
    self->sender = failover_sender_ref(self->saved->sender);
  else
    self->sender = failover_sender_new(&settings);
  failover_sender_configure(self->sender, &settings, self->dest->super.super.super.id,
                            failover_tls_is_used(self->dest));
  failover_sender_bind(self->sender, self->dest->super.writer, &callbacks);
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
    .host = { dest->primary, strlen(dest->primary) },
    .port = host_inet_dest_port(dest),
    .time_reopen_ms = (int64_t) dest->super.writer_options.time_reopen * 1000,
  };
  failover_host host = failover_dest_host_callbacks(self);

  if (failover_options_check_primary(self->options, destination.host.data, destination.host.length,
                                     destination.port) != FAILOVER_OK)
    {
      failover_log_error("failover: the servers do not go together",
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

  _set_up_sender(self);
  failover_dest_check_engine(self, failover_engine_start(self->engine, self->saved ? self->saved->snapshot : NULL,
                                                         connection_open));
  g_clear_pointer(&self->saved, failover_dest_saved_free);
  return TRUE;
}

/* `func` would make the driver connect by itself: it is never called. */
static gboolean
_async_init(HostTransportMapper *mapper, HostAsyncInitFunc func G_GNUC_UNUSED, gpointer arg)
{
  FailoverDest *self = _of_driver((LogDriver *) arg);

  failover_dest_fetch_saved(self);
  if (self->mapper_async_init(mapper, _start, arg))
    return TRUE;
  failover_dest_put_back_saved(self); /* the configuration before goes on with it */
  return FALSE;
}

/* One second for all destinations together. */
static gint64
_shutdown_deadline_ms(void)
{
  static gint64 deadline_ms;

  if (!deadline_ms)
    deadline_ms = g_get_monotonic_time() / 1000 + SHUTDOWN_MS;
  return deadline_ms;
}

/* What has not been sent and ends with the process; a queue on disk does not. */
static gint64
_count_queued(FailoverDest *self)
{
  LogQueue *queue = log_writer_get_queue(self->dest->super.writer);
  gint64 count = log_queue_has_type(queue, log_queue_fifo_get_type()) ? log_queue_get_length(queue) : 0;

  log_queue_unref(queue);
  return count;
}

static void
_finish(FailoverDest *self)
{
  guint64 unconfirmed = 0;

  /* it writes what it has; the driver would free its LogProto then */
  log_pipe_deinit((LogPipe *) self->dest->super.writer);
  if (self->sender)
    unconfirmed = failover_sender_finish(self->sender, _shutdown_deadline_ms());
  gint64 queued = _count_queued(self);
  if (unconfirmed > 0 || queued > 0)
    failover_log_warning("failover: stopped before a log server has confirmed the last messages",
                         evt_tag_str("destination", self->dest->super.super.super.id),
                         evt_tag_printf("messages", "%" G_GUINT64_FORMAT, unconfirmed),
                         evt_tag_printf("queued", "%" G_GINT64_FORMAT, queued));
}

static gboolean
_deinit(LogPipe *s)
{
  FailoverDest *self = _of_driver((LogDriver *) s);
  GlobalConfig *cfg = log_pipe_get_config(s);

  if (self->engine)
    {
      failover_dest_complete_hand_over(self);
      failover_dest_save(self);
      failover_dest_check_engine(self, failover_engine_stop(self->engine));
      failover_dest_host_clear(self);
      failover_engine_free(self->engine);
      self->engine = NULL;
      self->fd_in_use = -1; /* if this configuration is taken back, another one may have ended it */
    }
  failover_dest_put_back_saved(self);

  if (self->dest->super.writer && cfg_is_shutting_down(cfg))
    _finish(self);
  gboolean success = self->driver_deinit(s);
  if (self->sender)
    {
      if (!self->dest->super.connections_kept_alive_across_reloads)
        failover_stream_drain(failover_sender_get_stream(self->sender));
      failover_sender_bind(self->sender, NULL, NULL);
      g_clear_pointer(&self->sender, failover_sender_unref);
    }
  return success;
}

/* The driver's own does nothing for any other code.  From syslog-ng 4.9 on one comes
 * after each message, in the worker: it must cost nothing.  NC_REOPEN_REQUIRED is of
 * the LogWriter's own timer: the engine decides when. */
static HostNotifyResult
_notify(LogPipe *s, gint notify_code, gpointer user_data G_GNUC_UNUSED)
{
  if (notify_code == NC_CLOSE || notify_code == NC_WRITE_ERROR)
    {
      FailoverDest *self = _of_driver((LogDriver *) s);
      if (self->engine)
        _connection_ended(self);
    }
  return HOST_NOTIFY_OK;
}

/* The LogProto is decorated: the driver has to find our factory when it looks
 * for the one of its transport.  Other transports than these two bring a
 * LogProto that we know nothing of. */
static void
_decorate_proto(FailoverDest *self, HostTransportMapper *mapper, GlobalConfig *cfg)
{
  gboolean tls = failover_tls_is_used(self->dest);
  gchar *name = g_strdup_printf("failover-%s%s", mapper->logproto, tls ? "-tls" : "");

  host_name_proto(&self->dest->super, name);
  g_free(name);
  if (!self->dest->super.proto_factory)
    {
      LogProtoClientFactory *factory = log_proto_client_get_factory(&cfg->plugin_context, mapper->logproto);
      if (factory)
        self->dest->super.proto_factory = failover_link_wrap_factory(factory, tls);
    }
}

static gboolean
_set_up_proto_factory(FailoverDest *self)
{
  HostTransportMapper *mapper = self->dest->super.transport_mapper;
  GlobalConfig *cfg = log_pipe_get_config((LogPipe *) self->dest);
  failover_stream_settings settings = failover_options_get_stream(self->options);

  if (!host_apply_transport(mapper, cfg))
    return FALSE;
  if (!settings.resend)
    return TRUE;
  if (strcmp(mapper->logproto, "text") != 0 && strcmp(mapper->logproto, "framed") != 0)
    {
      failover_log_warning("failover: resend() has no effect with this transport, messages can be lost on a switch",
                           evt_tag_str("destination", self->dest->super.super.super.id),
                           evt_tag_str("transport", mapper->transport));
      return TRUE;
    }
  _decorate_proto(self, mapper, cfg);
  return TRUE;
}

/* Of the connection that is being handed over. */
static TLSSession *
_take_tls_session(gpointer s)
{
  FailoverDest *self = s;
  return g_steal_pointer(&self->tls_session);
}

static void
_hook(FailoverDest *self, LogDriver *driver)
{
  self->dest = (HostInetDest *) driver;

  driver->super.notify = _notify;
  self->driver_deinit = driver->super.deinit;
  driver->super.deinit = _deinit;
  HostTransportMapper *mapper = self->dest->super.transport_mapper;
  self->mapper_async_init = mapper->async_init;
  mapper->async_init = _async_init;
  host_hook_transport(mapper, _take_tls_session, self);
  self->mapper = mapper;
}

/* Before each init, also when the configuration before is taken back. */
static gboolean
_attach(LogDriverPlugin *s, LogDriver *driver)
{
  FailoverDest *self = (FailoverDest *) s;

  if (!self->mapper)
    _hook(self, driver);
  return _set_up_proto_factory(self);
}

static void
_free(LogDriverPlugin *s)
{
  FailoverDest *self = (FailoverDest *) s;

  failover_dest_host_clear(self);
  if (self->mapper)
    host_unhook_transport(self->mapper);
  failover_engine_free(self->engine);
  failover_sender_unref(self->sender);
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
  if (dest->super.writer_options.options & LWO_IGNORE_ERRORS)
    return "flags(ignore-errors) and failover() cannot be used together: it takes messages for sent that were not; "
           "allowed: flags() without ignore-errors";
  if (failover_options_check_primary(self->options, dest->primary, strlen(dest->primary),
                                     host_inet_dest_port(dest)) != FAILOVER_OK)
    return failover_options_error(self->options);
  return NULL;
}
