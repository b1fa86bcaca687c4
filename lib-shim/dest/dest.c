/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "dest-private.h"

#include "link.h"
#include "log.h"
#include "running.h"
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

static failover_destination_config
_core_config(FailoverDest *self)
{
  HostInetDest *dest = self->dest;
  HostTransportMapperInet *mapper = (HostTransportMapperInet *) dest->super.transport_mapper;

  if (dest->super.proto_factory->default_inet_port)
    mapper->server_port = dest->super.proto_factory->default_inet_port;
  return (failover_destination_config)
  {
    .host = { dest->primary, strlen(dest->primary) },
    .port = host_inet_dest_port(dest),
    .time_reopen_ms = (int64_t) dest->super.writer_options.time_reopen * 1000,
    .throttle = MAX(dest->super.super.throttle, 0),
  };
}

/* The driver has its writer, and its TLS context is ready: where syslog-ng's
 * own would connect. */
static gboolean
_start(gpointer arg)
{
  FailoverDest *self = _of_driver((LogDriver *) arg);
  HostInetDest *dest = self->dest;
  const gchar *id = dest->super.super.super.id;
  failover_destination_config config = _core_config(self);
  failover_host host = failover_dest_host_callbacks(self);
  failover_watcher watcher = failover_dest_host_watcher(self);
  gboolean connection_open = log_writer_opened(dest->super.writer);

  self->waits_for_key = FALSE;
  if (failover_options_check_primary(self->options, config.host.data, config.host.length, config.port) != FAILOVER_OK)
    {
      failover_log_error("failover: destination cannot start, servers() names a server twice or the primary itself",
                         evt_tag_str("destination", id),
                         evt_tag_str("error", failover_options_error(self->options)));
      return FALSE;
    }
  dest->super.connection_initialized = TRUE; /* or it would not be kept at a reload */

  FailoverDestSaved *saved = g_steal_pointer(&self->saved);
  self->sender = saved ? failover_dest_saved_take_sender(saved) : failover_sender_new();
  if (!saved && self->decorated)
    failover_sender_attach_queue(self->sender, dest->super.writer, id);
  if (connection_open)
    dest->super.fd = failover_sender_get_fd(self->sender);
  else
    failover_sender_set_fd(self->sender, -1);
  failover_sender_configure(self->sender, id, failover_tls_is_used(dest),
                            failover_options_get_resend_buffer_size(self->options));

  self->metrics = failover_metrics_new(failover_sender_get_core(self->sender), id,
                                       dest->super.transport_mapper->transport);
  failover_destination_watch(failover_sender_get_core(self->sender), &watcher);
  failover_status status = failover_destination_start(failover_sender_get_core(self->sender), self->options, &config,
                                                      &host, connection_open);
  if (status == FAILOVER_OK)
    {
      failover_running_add(id, failover_sender_get_core(self->sender));
      return TRUE;
    }
  failover_sender_check(self->sender, status);
  g_clear_pointer(&self->metrics, failover_metrics_free);
  failover_dest_saved_put(self); /* as it was */
  g_clear_pointer(&self->sender, failover_sender_unref);
  return FALSE;
}

/* `func` would make the driver connect by itself: it is never called.
 *
 * While the password of a key is awaited _start() is subscribed for, and a deinit does not
 * end that.  When the configuration is then taken back it must not be subscribed for once
 * more: it would be called twice, and the mapper withdraws only the last when it is freed. */
static gboolean
_async_init(HostTransportMapper *mapper, HostAsyncInitFunc func G_GNUC_UNUSED, gpointer arg)
{
  FailoverDest *self = _of_driver((LogDriver *) arg);

  failover_dest_saved_fetch(self);
  /* not as late as in _start(): a connection that was kept may post before */
  if (self->saved && self->decorated)
    failover_sender_attach_queue(failover_dest_saved_get_sender(self->saved), self->dest->super.writer,
                                 self->dest->super.super.super.id);
  if (self->waits_for_key)
    return TRUE;
  self->waits_for_key = TRUE; /* unless _start() is called at once */
  if (self->mapper_async_init(mapper, _start, arg))
    return TRUE;
  self->waits_for_key = FALSE;
  failover_dest_saved_put_back(self); /* the configuration before goes on with it */
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
    failover_log_warning("failover: stopped before a log server confirmed the last messages, they may be lost",
                         evt_tag_str("destination", self->dest->super.super.super.id),
                         evt_tag_printf("messages", "%" G_GUINT64_FORMAT, unconfirmed),
                         evt_tag_printf("queued", "%" G_GINT64_FORMAT, queued));
}

static gboolean
_deinit(LogPipe *s)
{
  FailoverDest *self = _of_driver((LogDriver *) s);
  gboolean shutting_down = cfg_is_shutting_down(log_pipe_get_config(s));

  if (self->sender)
    {
      failover_destination_stop(failover_sender_get_core(self->sender),
                                shutting_down || self->dest->super.connections_kept_alive_across_reloads);
      g_clear_pointer(&self->metrics, failover_metrics_free); /* before another configuration has them */
      failover_running_remove(failover_sender_get_core(self->sender));
      failover_dest_host_clear(self);
      failover_dest_saved_put(self);
    }
  failover_dest_saved_put_back(self);

  if (self->dest->super.writer && shutting_down)
    _finish(self);
  gboolean success = self->driver_deinit(s);
  if (self->sender)
    {
      failover_sender_detach_queue(self->sender);
      g_clear_pointer(&self->sender, failover_sender_unref);
    }
  return success;
}

/* The driver's own does nothing for any other code.  From syslog-ng 4.9 on one comes
 * after each message, in the worker: it must cost nothing.  NC_REOPEN_REQUIRED is of
 * the LogWriter's own timer: the core decides when. */
static HostNotifyResult
_notify(LogPipe *s, gint notify_code, gpointer user_data G_GNUC_UNUSED)
{
  if (notify_code == NC_CLOSE || notify_code == NC_WRITE_ERROR)
    {
      FailoverDest *self = _of_driver((LogDriver *) s);
      if (self->sender)
        failover_sender_check(self->sender, failover_destination_ended(failover_sender_get_core(self->sender)));
      else
        log_writer_reopen(self->dest->super.writer, NULL); /* one that was kept: the start must not take it for open */
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

  self->decorated = TRUE;
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

  self->decorated = FALSE;
  if (!host_apply_transport(mapper, cfg))
    return FALSE;
  if (!failover_options_get_resend(self->options))
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
  g_clear_pointer(&self->metrics, failover_metrics_free);
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
  "failover() needs a TCP or TLS transport: with UDP a dead server is not noticed; "
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
    return "flags(ignore-errors) and failover() cannot be used together: "
           "with that flag, messages that could not be sent are dropped; "
           "allowed: flags() without ignore-errors";
  if (failover_options_check_primary(self->options, dest->primary, strlen(dest->primary),
                                     host_inet_dest_port(dest)) != FAILOVER_OK)
    return failover_options_error(self->options);
  return NULL;
}
