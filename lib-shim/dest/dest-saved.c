/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "dest-private.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

struct _FailoverDestSaved
{
  FailoverSender *sender;
  gint fd_shutdown; /* duplicate of the connection that ends if nobody wants this; -1: none does */
};

static void
_free(FailoverDestSaved *self)
{
  if (self->fd_shutdown >= 0)
    close(self->fd_shutdown);
  failover_sender_unref(self->sender);
  g_free(self);
}

/* failover() is gone from the destination. */
static void
_not_wanted(gpointer s)
{
  FailoverDestSaved *self = s;

  if (self->fd_shutdown >= 0)
    shutdown(self->fd_shutdown, SHUT_RDWR);
  _free(self);
}

static gchar *
_key(FailoverDest *self)
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
  gchar *key = _key(self);

  if (cfg->persist)
    {
      host_persist_config_add(cfg, key, saved, _not_wanted);
      g_free(key);
      return;
    }
  if (!without_store)
    without_store = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, _not_wanted);
  g_hash_table_replace(without_store, key, saved);
}

void
failover_dest_saved_put(FailoverDest *self)
{
  GlobalConfig *cfg = log_pipe_get_config((LogPipe *) self->dest);

  if (cfg_is_shutting_down(cfg))
    return;
  FailoverDestSaved *saved = g_new0(FailoverDestSaved, 1);
  saved->sender = failover_sender_ref(self->sender);
  saved->fd_shutdown = -1;
  if (cfg->persist && failover_destination_ends_if_removed(failover_sender_get_core(self->sender)))
    saved->fd_shutdown = fcntl(failover_sender_get_fd(self->sender), F_DUPFD_CLOEXEC, 0);
  _store(self, saved);
}

void
failover_dest_saved_put_back(FailoverDest *self)
{
  FailoverDestSaved *saved = g_steal_pointer(&self->saved);

  if (!saved)
    return;
  failover_sender_detach_queue(saved->sender); /* it may be of this configuration */
  if (cfg_is_shutting_down(log_pipe_get_config((LogPipe *) self->dest)))
    _not_wanted(saved);
  else
    _store(self, saved);
}

void
failover_dest_saved_fetch(FailoverDest *self)
{
  gchar *key = _key(self), *stored_key;
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

FailoverSender *
failover_dest_saved_get_sender(FailoverDestSaved *self)
{
  return self->sender;
}

FailoverSender *
failover_dest_saved_take_sender(FailoverDestSaved *self)
{
  FailoverSender *sender = failover_sender_ref(self->sender);

  _free(self);
  return sender;
}
