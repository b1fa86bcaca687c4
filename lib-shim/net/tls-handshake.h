/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * tls-handshake.h - establishes TLS on an open TCP connection before it is taken
 * into use, with the TLS settings of its destination and the name of its server.
 * syslog-ng would do it inside its first write.  Main thread; the callback runs
 * from the event loop.
 */
#ifndef FAILOVER_TLS_HANDSHAKE_H_INCLUDED
#define FAILOVER_TLS_HANDSHAKE_H_INCLUDED

#include "host.h"

#include <openssl/ssl.h>

typedef struct _FailoverTlsHandshake FailoverTlsHandshake;

/* Called once, never from failover_tls_handshake_start().  `error`: NULL when
 * TLS is established, otherwise what is wrong in OpenSSL's words. */
typedef void (*FailoverTlsHandshakeDone)(FailoverTlsHandshake *handshake, const gchar *error,
                                         gpointer user_data);

/* Does the destination speak TLS from the first byte? */
gboolean failover_tls_is_used(HostInetDest *dest);

/* `fd` stays the caller's.  NULL if TLS cannot be set up. */
FailoverTlsHandshake *failover_tls_handshake_start(HostInetDest *dest, gint fd, const gchar *server,
                                                   FailoverTlsHandshakeDone done, gpointer user_data);
void failover_tls_handshake_free(FailoverTlsHandshake *self);

/* Once TLS is established, as long as its session was not taken: */

/* Reads and drops what the server has sent, such as session tickets.  FALSE: it has
 * ended the connection, and `error` says what is wrong, NULL if nothing is. */
gboolean failover_tls_handshake_discard_input(FailoverTlsHandshake *self, const gchar **error);
/* Says close_notify. */
void failover_tls_handshake_end(FailoverTlsHandshake *self);
/* When the server's certificate ends, in seconds since 1970; 0: it has none. */
gint64 failover_tls_handshake_get_certificate_end(FailoverTlsHandshake *self);
/* The established session now belongs to the caller. */
TLSSession *failover_tls_handshake_take_session(FailoverTlsHandshake *self);

/* TLS of a connection that is drained must not end before everything is confirmed, and
 * its session is freed before: failover_tls_put_off_end() lets the SSL go on with
 * `fd` and keeps it silent meanwhile, failover_tls_end() says close_notify.  The caller
 * has a reference of its own to `ssl` (SSL_up_ref()). */
void failover_tls_put_off_end(SSL *ssl, gint fd);
void failover_tls_end(SSL *ssl);

#endif
