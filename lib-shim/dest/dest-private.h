/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * dest-private.h - shared by dest.c (the driver's side) and
 * dest-host.c (the engine's side).
 */
#ifndef FAILOVER_DEST_PRIVATE_H_INCLUDED
#define FAILOVER_DEST_PRIVATE_H_INCLUDED

#include "connector.h"
#include "dest.h"
#include "sender.h"
#include "turns.h"

typedef struct _FailoverDestTimer
{
  FailoverDest *owner;
  failover_timer id;
  struct iv_timer timer;
  FailoverTurn turn; /* once it is due */
} FailoverDestTimer;

/* What goes from one configuration to the next.  If nobody fetches it, then
 * failover() is gone from the destination: syslog-ng's own driver would keep
 * the connection to a failover server for ever, so it is ended.  With a decorated
 * LogProto syslog-ng does that. */
typedef struct _FailoverDestSaved
{
  failover_snapshot *snapshot;
  FailoverSender *sender; /* NULL with resend(no) */
  gint fd;          /* of the connection in use, as the LogWriter's proto knows it */
  gint fd_shutdown; /* duplicate, -1 if the primary is in use or the LogProto is decorated */
} FailoverDestSaved;

/* An open connection on its way to the LogWriter. */
typedef struct _FailoverDestHandOver
{
  FailoverConnector *connector;
  struct iv_timer limit; /* for the old connection to be quiet */
  struct iv_task at_once;
} FailoverDestHandOver;

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

  /* from init to deinit */
  failover_engine *engine;
  FailoverDestSaved *saved; /* of the configuration before, until the start */
  gint fd_in_use;                   /* belongs to the LogWriter's proto, -1: none */
  FailoverSender *sender;           /* NULL with resend(no) */
  TLSSession *tls_session;          /* established, while its connection is handed over */
  FailoverDestHandOver *hand_over;  /* waits for the connection in use to come to the end of a message */
  FailoverDestTimer timers[FAILOVER_TIMER_COUNT];
  GHashTable *lookups;     /* id -> Lookup */
  GHashTable *connections; /* id -> Connection in the making */
};

/* dest-host.c */
void failover_dest_host_init(FailoverDest *self);
void failover_dest_host_clear(FailoverDest *self);
failover_host failover_dest_host_callbacks(FailoverDest *self);
/* Takes the connection that waits to be handed over into use now, or soon. */
void failover_dest_complete_hand_over(FailoverDest *self);
void failover_dest_complete_hand_over_soon(FailoverDest *self);

/* dest.c */
/* The LogWriter has a LogProto whose messages are kept. */
gboolean failover_dest_is_connected(const FailoverDest *self);

/* dest-saved.c */
void failover_dest_save(FailoverDest *self);
void failover_dest_fetch_saved(FailoverDest *self);
void failover_dest_put_back_saved(FailoverDest *self);
void failover_dest_saved_free(FailoverDestSaved *self);
void failover_dest_saved_not_wanted(gpointer s);

/* event-log.c */
void failover_dest_log_event(FailoverDest *self, const failover_event *event);

/* An engine call that fails is a defect or lack of memory: say so. */
void failover_dest_check_engine(FailoverDest *self, failover_status status);

#endif
