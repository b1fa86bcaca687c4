/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * connector.h - one TCP connection in the making, with the socket options of
 * its destination.  Main thread; the callback runs from the event loop.
 */
#ifndef FAILOVER_CONNECTOR_H_INCLUDED
#define FAILOVER_CONNECTOR_H_INCLUDED

#include "host.h"

typedef struct _FailoverConnector FailoverConnector;

/* Called once, never from failover_connector_start().  `error`: 0 when the
 * connection is open, otherwise an errno. */
typedef void (*FailoverConnectorDone)(FailoverConnector *connector, gint error, gpointer user_data);

FailoverConnector *failover_connector_start(HostInetDest *dest, GSockAddr *address,
                                            FailoverConnectorDone done, gpointer user_data);

/* Closes the connection unless its descriptor was taken. */
void failover_connector_free(FailoverConnector *self);

/* After it is done: the open connection now belongs to the caller. */
gint failover_connector_take_fd(FailoverConnector *self);

GSockAddr *failover_connector_get_address(FailoverConnector *self);      /* borrowed */
GSockAddr *failover_connector_get_bind_address(FailoverConnector *self); /* borrowed */

#endif
