/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * link.h - connects the LogProto of a connection to the core: decorates it, so that the
 * core decides what is posted when (failover.h, "Connections"), and is the core's host of
 * that connection.
 *
 * A link belongs to the LogProto, and to nobody but the core once that is freed and its
 * connection is drained.  Its LogProto runs where the LogWriter runs it: in a worker with
 * threaded(yes), in the main thread otherwise, never in both.
 */
#ifndef FAILOVER_LINK_H_INCLUDED
#define FAILOVER_LINK_H_INCLUDED

#include "host.h"
#include "sender.h"

/* A factory that decorates what `original` makes.  One and the same for the same
 * original and TLS or not, as keep-alive() over a reload compares them. */
LogProtoClientFactory *failover_link_wrap_factory(LogProtoClientFactory *original, gboolean tls);

/* Around the call that makes the LogProto of a new connection.  `session`: of TLS, or
 * NULL. */
void failover_link_begin_connection(FailoverSender *sender, gint fd, const TLSSession *session);
void failover_link_end_connection(void);

#endif
