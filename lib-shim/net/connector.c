/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "connector.h"

#include "resolver.h"
#include "tcp-state.h"
#include "timers.h"
#include "tls-handshake.h"

#include "gsocket.h"
#include "host-resolve.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

struct _FailoverConnector
{
  HostInetDest *dest;
  gchar *server;
  failover_purpose purpose;
  gint64 dead_peer_timeout_ms;
  gboolean kernel_watches;
  FailoverConnectorDone done;
  gpointer user_data;
  gint fd;
  gint error;
  FailoverTlsHandshake *handshake;
  GSockAddr *address;
  GSockAddr *bind_address;
  FailoverLookup *localip;
  gchar *localip_error;
  struct iv_fd watch;
  struct iv_task failed;
  struct iv_timer checked; /* the peer has left it open long enough */
  gboolean is_checked;
};

static gint
_local_port(HostInetDest *dest)
{
  return dest->bind_port ? host_api.afinet_determine_port(dest->super.transport_mapper, dest->bind_port) : 0;
}

/* The mapper makes sockets of one family, servers may be of either. */
static gint
_open_socket(HostInetDest *dest, GSockAddr *bind_address, GSockAddr *address)
{
  HostTransportMapper *mapper = dest->super.transport_mapper;
  gint family = mapper->address_family;
  gint fd = -1;

  mapper->address_family = address->sa.sa_family;
  errno = 0;
  if (!host_api.transport_mapper_open_socket(mapper, dest->super.socket_options, bind_address, address,
                                             HOST_DIR_SEND, &fd))
    fd = -1;
  mapper->address_family = family;
  return fd;
}

static void
_report_error(FailoverConnector *self, gint error)
{
  FailoverConnectorResult result =
  {
    .reason = failover_reason_from_errno(error),
    .detail = g_strerror(error),
  };
  self->done(self, &result, self->user_data);
}

static void
_report_connected(FailoverConnector *self)
{
  FailoverConnectorResult result = { .connected = TRUE };
  self->done(self, &result, self->user_data);
}

/* ------------------------------------------------------------------------
 * A check: the peer has to leave the connection open for a moment
 */

static void
_stop_check(FailoverConnector *self)
{
  timer_cancel(&self->checked);
  if (iv_fd_registered(&self->watch))
    iv_fd_unregister(&self->watch);
}

static void
_hear(gpointer s)
{
  FailoverConnector *self = s;
  FailoverConnectorResult result =
  {
    .reason = FAILOVER_REASON_CLOSED,
    .detail = "the server closed the connection at once: is it at its max-connections()?",
  };

  if (self->handshake)
    {
      const gchar *error = NULL;
      if (failover_tls_handshake_discard_input(self->handshake, &error))
        return;
      if (error)
        {
          result.reason = FAILOVER_REASON_TLS;
          result.detail = error;
        }
    }
  else
    {
      gint error = tcp_discard_input(self->fd);
      if (error == 0)
        return;
      if (error != ENODATA)
        {
          result.reason = failover_reason_from_errno(error);
          result.detail = g_strerror(error);
        }
    }
  _stop_check(self);
  self->done(self, &result, self->user_data);
}

static void
_checked(gpointer s)
{
  FailoverConnector *self = s;

  _stop_check(self);
  self->is_checked = TRUE;
  _report_connected(self);
}

/* It can be used. */
static void
_ready(FailoverConnector *self)
{
  if (self->purpose != FAILOVER_PURPOSE_CHECK)
    {
      _report_connected(self);
      return;
    }
  self->watch.handler_out = NULL;
  self->watch.handler_in = _hear;
  iv_fd_register(&self->watch);
  timer_arm(&self->checked, FAILOVER_CHECK_OPEN_MS);
}

/* Nothing is left unread, or the kernel would reset it. */
static void
_end_check(FailoverConnector *self)
{
  const gchar *error;

  if (self->handshake && failover_tls_handshake_discard_input(self->handshake, &error))
    failover_tls_handshake_end(self->handshake);
  tcp_discard_input(self->fd);
}

/* ------------------------------------------------------------------------
 * TCP and TLS
 */

static void
_handshake_done(FailoverTlsHandshake *handshake G_GNUC_UNUSED, const gchar *error, gpointer user_data)
{
  FailoverConnector *self = user_data;

  if (error)
    {
      FailoverConnectorResult result = { .reason = FAILOVER_REASON_TLS, .detail = error };
      self->done(self, &result, self->user_data);
      return;
    }
  _ready(self);
}

static void
_start_handshake(FailoverConnector *self)
{
  self->handshake = failover_tls_handshake_start(self->dest, self->fd, self->server, _handshake_done, self);
  if (!self->handshake)
    {
      FailoverConnectorResult result = { .reason = FAILOVER_REASON_LOCAL, .detail = "TLS could not be set up" };
      self->done(self, &result, self->user_data);
    }
}

static void
_writable(gpointer s)
{
  FailoverConnector *self = s;
  gint error = 0;
  socklen_t length = sizeof(error);

  iv_fd_unregister(&self->watch);
  if (getsockopt(self->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
    error = errno;
  if (error)
    {
      _report_error(self, error);
      return;
    }
  host_set_up_peer_socket(self->dest, self->fd, self->address);
  if (self->dead_peer_timeout_ms > 0 && !host_has_own_keepalive(self->dest))
    tcp_set_keepalive(self->fd, self->dead_peer_timeout_ms);
  if (self->dead_peer_timeout_ms > 0 && self->kernel_watches)
    tcp_set_user_timeout(self->fd, self->dead_peer_timeout_ms);
  if (self->purpose != FAILOVER_PURPOSE_PROBE && failover_tls_is_used(self->dest))
    _start_handshake(self);
  else
    _ready(self);
}

static void
_failed(gpointer s)
{
  FailoverConnector *self = s;
  _report_error(self, self->error);
}

static gint
_open_and_connect(FailoverConnector *self)
{
  self->fd = _open_socket(self->dest, self->bind_address, self->address);
  if (self->fd < 0)
    return errno ? errno : EADDRNOTAVAIL;

  if (g_connect(self->fd, self->address) == G_IO_STATUS_ERROR && errno != EINPROGRESS)
    return errno;
  return 0;
}

static void
_connect(FailoverConnector *self)
{
  self->error = _open_and_connect(self);
  if (self->error)
    {
      iv_task_register(&self->failed);
      return;
    }
  self->watch.fd = self->fd;
  iv_fd_register(&self->watch);
}

static void
_localip_known(FailoverLookup *lookup, gpointer user_data)
{
  FailoverConnector *self = user_data;

  if (failover_lookup_get_count(lookup) == 0)
    {
      self->localip_error = g_strdup_printf("localip(\"%s\"): %s", self->dest->bind_ip,
                                            failover_lookup_get_error(lookup));
      FailoverConnectorResult result = { .reason = FAILOVER_REASON_LOCAL, .detail = self->localip_error };
      self->done(self, &result, self->user_data);
      return;
    }
  self->bind_address = g_sockaddr_ref(failover_lookup_get_address(lookup, 0));
  _connect(self);
}

/* From localip() and localport(), or any address of the peer's family. */
static void
_bind_and_connect(FailoverConnector *self)
{
  HostInetDest *dest = self->dest;
  gint family = self->address->sa.sa_family;

  if (dest->bind_ip && dest->bind_ip[0])
    {
      self->localip = failover_lookup_start(dest->bind_ip, _local_port(dest), family, _localip_known, self);
      return;
    }
  resolve_hostname_to_sockaddr(&self->bind_address, family, NULL); /* looks nothing up */
  g_sockaddr_set_port(self->bind_address, _local_port(dest));
  _connect(self);
}

FailoverConnector *
failover_connector_start(HostInetDest *dest, GSockAddr *address, const FailoverConnectorOptions *options,
                         FailoverConnectorDone done, gpointer user_data)
{
  FailoverConnector *self = g_new0(FailoverConnector, 1);

  self->dest = dest;
  self->server = g_strdup(options->server);
  self->purpose = options->purpose;
  self->dead_peer_timeout_ms = options->dead_peer_timeout_ms;
  self->kernel_watches = options->kernel_watches;
  self->done = done;
  self->user_data = user_data;
  self->fd = -1;
  self->address = g_sockaddr_ref(address);

  IV_TASK_INIT(&self->failed);
  self->failed.cookie = self;
  self->failed.handler = _failed;
  IV_FD_INIT(&self->watch);
  self->watch.cookie = self;
  self->watch.handler_out = _writable;
  IV_TIMER_INIT(&self->checked);
  self->checked.cookie = self;
  self->checked.handler = _checked;

  _bind_and_connect(self);
  return self;
}

gint
failover_connector_take_fd(FailoverConnector *self)
{
  gint fd = self->fd;
  self->fd = -1;
  return fd;
}

TLSSession *
failover_connector_take_tls_session(FailoverConnector *self)
{
  return self->handshake ? failover_tls_handshake_take_session(self->handshake) : NULL;
}

gint64
failover_connector_get_certificate_end(FailoverConnector *self)
{
  return self->handshake ? failover_tls_handshake_get_certificate_end(self->handshake) : 0;
}

GSockAddr *
failover_connector_get_address(FailoverConnector *self)
{
  return self->address;
}

GSockAddr *
failover_connector_get_bind_address(FailoverConnector *self)
{
  return self->bind_address;
}

void
failover_connector_free(FailoverConnector *self)
{
  if (iv_fd_registered(&self->watch))
    iv_fd_unregister(&self->watch);
  timer_cancel(&self->checked);
  if (iv_task_registered(&self->failed))
    iv_task_unregister(&self->failed);
  if (self->localip)
    failover_lookup_free(self->localip);
  if (self->is_checked && self->fd >= 0)
    _end_check(self);
  if (self->handshake)
    failover_tls_handshake_free(self->handshake);
  if (self->fd >= 0)
    close(self->fd);
  g_free(self->server);
  g_free(self->localip_error);
  g_sockaddr_unref(self->address);
  g_sockaddr_unref(self->bind_address);
  g_free(self);
}
