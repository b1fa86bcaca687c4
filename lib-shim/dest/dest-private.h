/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * dest-private.h - shared by dest.c (the hooks on the driver), dest-host.c (what
 * its core needs from this configuration) and dest-saved.c (from one configuration to the
 * next).  Main thread.
 */
#ifndef FAILOVER_DEST_PRIVATE_H_INCLUDED
#define FAILOVER_DEST_PRIVATE_H_INCLUDED

#include "dest.h"
#include "failover-status.h"
#include "metrics.h"
#include "sender.h"

typedef struct _FailoverDestSaved FailoverDestSaved;

struct _FailoverDest
{
  LogDriverPlugin super;
  CFG_LTYPE location;
  failover_options *options;
  HostInetDest *dest; /* the driver, from attach() on */

  /* what the hooks replace */
  HostTransportMapper *mapper; /* NULL until then */
  gboolean (*driver_deinit)(LogPipe *self);
  gboolean (*mapper_async_init)(HostTransportMapper *self, HostAsyncInitFunc func, gpointer arg);
  gboolean decorated;     /* the LogProto is: messages are kept */
  gboolean waits_for_key; /* the mapper does: it starts when the password is there */

  FailoverDestSaved *saved; /* of the configuration before, from init to the start */

  /* from the start to deinit */
  FailoverSender *sender;
  FailoverMetrics *metrics;
  TLSSession *tls_session; /* established, while its connection is handed over */
  GHashTable *lookups;     /* id -> Lookup */
  GHashTable *connections; /* id -> Connection that is being made or waits to be used */
};

/* dest-host.c */
void failover_dest_host_init(FailoverDest *self);
void failover_dest_host_clear(FailoverDest *self);
failover_host failover_dest_host_callbacks(FailoverDest *self);
failover_watcher failover_dest_host_watcher(FailoverDest *self);

/* dest-saved.c: what goes from one configuration to the next. */
void failover_dest_saved_put(FailoverDest *self); /* after the core was stopped */
void failover_dest_saved_fetch(FailoverDest *self);
void failover_dest_saved_put_back(FailoverDest *self);
FailoverSender *failover_dest_saved_get_sender(FailoverDestSaved *self); /* borrowed */
FailoverSender *failover_dest_saved_take_sender(FailoverDestSaved *self); /* frees it */

/* event-log.c */
void failover_dest_log_event(const gchar *destination, const failover_event *event);

#endif
