/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "tls-handshake.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <string.h>

struct _FailoverTlsHandshake
{
  FailoverTlsHandshakeDone done;
  gpointer user_data;
  TLSSession *session;
  struct iv_fd watch;
};

gboolean
failover_tls_is_used(HostInetDest *dest)
{
  HostTransportMapperInet *mapper = (HostTransportMapperInet *) dest->super.transport_mapper;

  return mapper->tls_context && (mapper->require_tls || mapper->require_tls_when_has_tls_context);
}

/* What went wrong, in the words of whoever knows best. */
static const gchar *
_explain(SSL *ssl)
{
  glong verified = SSL_get_verify_result(ssl);
  gulong error = ERR_peek_last_error();
  const gchar *text = error ? ERR_reason_error_string(error) : NULL;

  if (verified != X509_V_OK)
    return X509_verify_cert_error_string(verified);
  return text ? text : "the server ended the TLS handshake";
}

static void
_step(gpointer s)
{
  FailoverTlsHandshake *self = s;
  SSL *ssl = self->session->ssl;

  ERR_clear_error();
  gint result = SSL_do_handshake(ssl);
  gint wants = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl, result);

  iv_fd_set_handler_in(&self->watch, wants == SSL_ERROR_WANT_READ ? _step : NULL);
  iv_fd_set_handler_out(&self->watch, wants == SSL_ERROR_WANT_WRITE ? _step : NULL);
  if (wants == SSL_ERROR_WANT_READ || wants == SSL_ERROR_WANT_WRITE)
    return;

  iv_fd_unregister(&self->watch);
  const gchar *error = result == 1 ? NULL : _explain(ssl);
  ERR_clear_error();
  self->done(self, error, self->user_data);
}

/* sni(yes) was fixed to the primary's name when the configuration was parsed.
 * An address is no server name (RFC 6066). */
static void
_set_server_name(SSL *ssl, const gchar *server)
{
  guchar address[sizeof(struct in6_addr)];

  if (!SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name))
    return;
  gboolean is_address = strchr(server, ':') || inet_pton(AF_INET, server, address) == 1;
  gchar *name = is_address ? NULL : (gchar *) server;
  SSL_set_tlsext_host_name(ssl, name);
}

/* The host name that the driver's verifier asks for is that of its primary. */
static void
_set_verifier(HostInetDest *dest, TLSSession *session, const gchar *server)
{
  HostTransportMapperInet *mapper = (HostTransportMapperInet *) dest->super.transport_mapper;
  gchar *primary = dest->primary;

  dest->primary = g_strdup(server);
  host_api.afinet_dd_setup_tls_verifier(dest);
  g_free(dest->primary);
  dest->primary = primary;
  tls_session_set_verifier(session, mapper->tls_verifier);
}

FailoverTlsHandshake *
failover_tls_handshake_start(HostInetDest *dest, gint fd, const gchar *server,
                             FailoverTlsHandshakeDone done, gpointer user_data)
{
  HostTransportMapperInet *mapper = (HostTransportMapperInet *) dest->super.transport_mapper;
  TLSSession *session = tls_context_setup_session(mapper->tls_context);

  if (!session)
    return NULL;
  tls_session_configure_allow_compress(session, host_allows_tls_compression(mapper));
  _set_verifier(dest, session, server);
  _set_server_name(session->ssl, server);
  SSL_set_fd(session->ssl, fd);

  FailoverTlsHandshake *self = g_new0(FailoverTlsHandshake, 1);
  self->done = done;
  self->user_data = user_data;
  self->session = session;
  IV_FD_INIT(&self->watch);
  self->watch.fd = fd;
  self->watch.cookie = self;
  self->watch.handler_out = _step; /* the first step is a write */
  iv_fd_register(&self->watch);
  return self;
}

void
failover_tls_handshake_free(FailoverTlsHandshake *self)
{
  if (iv_fd_registered(&self->watch))
    iv_fd_unregister(&self->watch);
  if (self->session)
    tls_session_free(self->session);
  g_free(self);
}

TLSSession *
failover_tls_handshake_take_session(FailoverTlsHandshake *self)
{
  return g_steal_pointer(&self->session);
}
