/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * What a destination hands from one configuration to the next.
 */
#include "dest-private.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

void
failover_dest_saved_free(FailoverDestSaved *self)
{
  if (self->fd_shutdown >= 0)
    close(self->fd_shutdown);
  failover_snapshot_free(self->snapshot);
  failover_sender_unref(self->sender);
  g_free(self);
}

void
failover_dest_saved_not_wanted(gpointer s)
{
  FailoverDestSaved *self = s;

  if (self->fd_shutdown >= 0)
    shutdown(self->fd_shutdown, SHUT_RDWR);
  failover_dest_saved_free(self);
}

static gchar *
_saved_key(FailoverDest *self)
{
  return g_strdup_printf("failover(%s)", log_pipe_get_persist_name((LogPipe *) self->dest));
}

/* When a configuration is given up in favour of the one before, some versions of
 * syslog-ng have taken away its store before it is deinitialized. */
static GHashTable *without_store; /* key -> FailoverDestSaved */

static void
_store(FailoverDest *self, FailoverDestSaved *saved)
{
  GlobalConfig *cfg = log_pipe_get_config((LogPipe *) self->dest);
  gchar *key = _saved_key(self);

  if (cfg->persist)
    {
      host_persist_config_add(cfg, key, saved, failover_dest_saved_not_wanted);
      g_free(key);
      return;
    }
  if (!without_store)
    without_store = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, failover_dest_saved_not_wanted);
  g_hash_table_replace(without_store, key, saved);
}

void
failover_dest_put_back_saved(FailoverDest *self)
{
  FailoverDestSaved *saved = g_steal_pointer(&self->saved);

  if (!saved)
    return;
  if (cfg_is_shutting_down(log_pipe_get_config((LogPipe *) self->dest)))
    failover_dest_saved_not_wanted(saved);
  else
    _store(self, saved);
}

void
failover_dest_save(FailoverDest *self)
{
  GlobalConfig *cfg = log_pipe_get_config((LogPipe *) self->dest);
  failover_snapshot *snapshot;
  guint32 server;

  if (cfg_is_shutting_down(cfg) || failover_engine_save(self->engine, &snapshot) != FAILOVER_OK)
    return;

  FailoverDestSaved *saved = g_new0(FailoverDestSaved, 1);
  saved->snapshot = snapshot;
  saved->sender = self->sender ? failover_sender_ref(self->sender) : NULL;
  saved->fd = self->fd_in_use;
  saved->fd_shutdown = -1;
  /* a decorated LogProto is not kept without failover(), but drained */
  gboolean decorated = failover_dest_is_connected(self);
  if (cfg->persist && !decorated && failover_engine_in_use(self->engine, NULL, &server) && server != 0)
    saved->fd_shutdown = fcntl(self->fd_in_use, F_DUPFD_CLOEXEC, 0);
  _store(self, saved);
}

void
failover_dest_fetch_saved(FailoverDest *self)
{
  gchar *key = _saved_key(self), *stored_key;
  gpointer saved;

  self->saved = cfg_persist_config_fetch(log_pipe_get_config((LogPipe *) self->dest), key);
  if (!self->saved && without_store
      && g_hash_table_steal_extended(without_store, key, (gpointer *) &stored_key, &saved))
    {
      self->saved = saved;
      g_free(stored_key);
    }
  g_free(key);
}
