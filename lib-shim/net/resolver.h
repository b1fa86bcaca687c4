/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * resolver.h - looks up the addresses of a host without blocking syslog-ng's
 * main thread: getaddrinfo(), and so nsswitch.conf, in threads.  A name is asked
 * for once at a time, for all look-ups of it.
 * A look-up is used from the main thread only and its callback runs there.
 */
#ifndef FAILOVER_RESOLVER_H_INCLUDED
#define FAILOVER_RESOLVER_H_INCLUDED

#include "gsockaddr.h"

typedef struct _FailoverLookup FailoverLookup;

/* Called once, from the event loop, never from failover_lookup_start(), when it is
 * this look-up's turn. */
typedef void (*FailoverLookupDone)(FailoverLookup *lookup, gpointer user_data);

/* `family`: AF_INET or AF_INET6 for names; an address is taken as it is. */
FailoverLookup *failover_lookup_start(const gchar *host, guint16 port, gint family,
                                      FailoverLookupDone done, gpointer user_data);

/* Also before it is done: then `done` is not called any more, and nobody waits
 * for the thread. */
void failover_lookup_free(FailoverLookup *self);

/* After it is done.  No addresses: the reason is in failover_lookup_error(). */
guint failover_lookup_get_count(FailoverLookup *self);
GSockAddr *failover_lookup_get_address(FailoverLookup *self, guint index); /* borrowed */
const gchar *failover_lookup_get_text(FailoverLookup *self, guint index);  /* "ip:port" */
const gchar *failover_lookup_get_error(FailoverLookup *self);

#endif
