/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * connector.h - one connection in the making: TCP with the socket options of its
 * destination, from its localip(), which may be a name, then TLS if the destination
 * speaks it and it is to be used.  Main thread; the callback runs from the event loop.
 */
#ifndef FAILOVER_CONNECTOR_H_INCLUDED
#define FAILOVER_CONNECTOR_H_INCLUDED

#include "failover-status.h"
#include "host.h"

typedef struct _FailoverConnector FailoverConnector;

typedef struct _FailoverConnectorOptions
{
  const gchar *server;           /* the name of the peer, for TLS */
  failover_purpose purpose;
  gint64 dead_peer_timeout_ms;   /* 0: the kernel's own */
  gboolean kernel_watches;       /* its progress: no stream does (failover.h, "Connections") */
} FailoverConnectorOptions;

/* Called once, never from failover_connector_start(). */
typedef struct _FailoverConnectorResult
{
  gboolean connected;
  failover_reason reason; /* if not */
  const gchar *detail;    /* lives as long as the connector */
} FailoverConnectorResult;

typedef void (*FailoverConnectorDone)(FailoverConnector *connector, const FailoverConnectorResult *result,
                                      gpointer user_data);

FailoverConnector *failover_connector_start(HostInetDest *dest, GSockAddr *address,
                                            const FailoverConnectorOptions *options,
                                            FailoverConnectorDone done, gpointer user_data);

/* Closes the connection unless its descriptor was taken; in order if it was a check. */
void failover_connector_free(FailoverConnector *self);

/* After it is done: the open connection, and its TLS session if there is one,
 * now belong to the caller. */
gint failover_connector_take_fd(FailoverConnector *self);
TLSSession *failover_connector_take_tls_session(FailoverConnector *self);

/* When the server's certificate ends, in seconds since 1970; 0: without TLS. */
gint64 failover_connector_get_certificate_end(FailoverConnector *self);

GSockAddr *failover_connector_get_address(FailoverConnector *self);      /* borrowed */
GSockAddr *failover_connector_get_bind_address(FailoverConnector *self); /* borrowed */

#endif
