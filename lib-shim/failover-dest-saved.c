/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * What a destination hands from one configuration to the next.
 */
#include "failover-dest-private.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

void
failover_dest_saved_free(FailoverDestSaved *self)
{
  if (self->fd_shutdown >= 0)
    close(self->fd_shutdown);
  failover_snapshot_free(self->snapshot);
  failover_stream_unref(self->stream);
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

void
failover_dest_save(FailoverDest *self)
{
  GlobalConfig *cfg = log_pipe_get_config((LogPipe *) self->dest);
  failover_snapshot *snapshot;
  guint32 server;

  if (!cfg->persist || failover_engine_save(self->engine, &snapshot) != FAILOVER_OK)
    return;

  FailoverDestSaved *saved = g_new0(FailoverDestSaved, 1);
  saved->snapshot = snapshot;
  saved->stream = self->stream ? failover_stream_ref(self->stream) : NULL;
  saved->fd = self->fd_in_use;
  saved->fd_shutdown = -1;
  if (failover_engine_in_use(self->engine, NULL, &server) && server != 0)
    saved->fd_shutdown = fcntl(self->fd_in_use, F_DUPFD_CLOEXEC, 0);

  gchar *key = _saved_key(self);
  host_persist_config_add(cfg, key, saved, failover_dest_saved_not_wanted);
  g_free(key);
}

void
failover_dest_fetch_saved(FailoverDest *self)
{
  gchar *key = _saved_key(self);
  self->saved = cfg_persist_config_fetch(log_pipe_get_config((LogPipe *) self->dest), key);
  g_free(key);
}
