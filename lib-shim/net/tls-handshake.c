/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "tls-handshake.h"

#include "timers.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <string.h>
#include <time.h>

enum
{
  VERDICT_MS = 500, /* most that a server may take to refuse our certificate */
};

struct _FailoverTlsHandshake
{
  FailoverTlsHandshakeDone done;
  gpointer user_data;
  TLSSession *session;
  gboolean certificate_requested;
  struct iv_fd watch;
  struct iv_timer verdict;
};

gboolean
failover_tls_is_used(HostInetDest *dest)
{
  HostTransportMapperInet *mapper = (HostTransportMapperInet *) dest->super.transport_mapper;

  return host_starts_with_tls(mapper);
}

/* What went wrong, in the words of whoever knows best.  What the verification found may
 * be accepted all the same, as with peer-verify(optional-untrusted): it explains
 * nothing then. */
static const gchar *
_explain(SSL *ssl)
{
  glong verified = SSL_get_verify_result(ssl);
  gulong error = ERR_peek_last_error();
  gboolean refused = ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED;
  const gchar *text = error ? ERR_reason_error_string(error) : NULL;

  if (refused && verified != X509_V_OK)
    return X509_verify_cert_error_string(verified);
  return text ? text : "the server ended the TLS handshake";
}

static void
_finish(FailoverTlsHandshake *self, gboolean established)
{
  iv_fd_unregister(&self->watch);
  timer_cancel(&self->verdict);
  SSL_set_cert_cb(self->session->ssl, NULL, NULL);
  const gchar *error = established ? NULL : _explain(self->session->ssl);
  ERR_clear_error();
  self->done(self, error, self->user_data);
}

/* With TLS 1.3 the client is through before the server has seen its certificate.
 * What it says next, a session ticket or an alert, is the verdict. */
static void
_hear_verdict(gpointer s)
{
  FailoverTlsHandshake *self = s;
  SSL *ssl = self->session->ssl;
  gchar byte;

  ERR_clear_error();
  gint result = SSL_peek(ssl, &byte, sizeof(byte));
  _finish(self, result > 0 || SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ);
}

/* A server that sends no tickets says nothing when it is content. */
static void
_verdict_due(gpointer s)
{
  _finish(s, TRUE);
}

static void
_await_verdict(FailoverTlsHandshake *self)
{
  iv_fd_set_handler_out(&self->watch, NULL);
  iv_fd_set_handler_in(&self->watch, _hear_verdict);
  timer_arm(&self->verdict, VERDICT_MS);
}

static gint
_certificate_requested(SSL *ssl G_GNUC_UNUSED, gpointer s)
{
  FailoverTlsHandshake *self = s;

  self->certificate_requested = TRUE;
  return 1;
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
  if (result == 1 && self->certificate_requested && SSL_version(ssl) == TLS1_3_VERSION)
    _await_verdict(self);
  else
    _finish(self, result == 1);
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
  host_configure_tls_session(mapper, session);
  _set_verifier(dest, session, server);
  _set_server_name(session->ssl, server);
  SSL_set_fd(session->ssl, fd);

  FailoverTlsHandshake *self = g_new0(FailoverTlsHandshake, 1);
  self->done = done;
  self->user_data = user_data;
  self->session = session;
  SSL_set_cert_cb(session->ssl, _certificate_requested, self);
  IV_TIMER_INIT(&self->verdict);
  self->verdict.cookie = self;
  self->verdict.handler = _verdict_due;
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
  timer_cancel(&self->verdict);
  if (self->session)
    tls_session_free(self->session);
  g_free(self);
}

gboolean
failover_tls_handshake_discard_input(FailoverTlsHandshake *self, const gchar **error)
{
  SSL *ssl = self->session->ssl;
  gchar input[4096];
  gint result;

  ERR_clear_error();
  while ((result = SSL_read(ssl, input, sizeof(input))) > 0)
    ;
  gint wants = SSL_get_error(ssl, result);
  *error = wants == SSL_ERROR_SSL ? _explain(ssl) : NULL;
  ERR_clear_error();
  return wants == SSL_ERROR_WANT_READ || wants == SSL_ERROR_WANT_WRITE;
}

void
failover_tls_handshake_end(FailoverTlsHandshake *self)
{
  failover_tls_end(self->session->ssl);
}

gint64
failover_tls_handshake_get_certificate_end(FailoverTlsHandshake *self)
{
  X509 *certificate = SSL_get1_peer_certificate(self->session->ssl);
  struct tm end;
  gint64 result = 0;

  if (certificate && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end))
    result = timegm(&end);
  X509_free(certificate);
  return result;
}

TLSSession *
failover_tls_handshake_take_session(FailoverTlsHandshake *self)
{
  return g_steal_pointer(&self->session);
}

void
failover_tls_put_off_end(SSL *ssl, gint fd)
{
  SSL_set_info_callback(ssl, NULL); /* it knows the session */
  SSL_set_fd(ssl, fd);
  SSL_set_quiet_shutdown(ssl, 1);
}

void
failover_tls_end(SSL *ssl)
{
  SSL_set_quiet_shutdown(ssl, 0);
  SSL_set_shutdown(ssl, 0);
  ERR_clear_error();
  SSL_shutdown(ssl);
  ERR_clear_error();
}
