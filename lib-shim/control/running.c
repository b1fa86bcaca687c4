/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "running.h"

#include <string.h>

static GPtrArray *running; /* NULL until there was one */

FailoverRunning *
failover_running_ref(FailoverRunning *self)
{
  self->references++;
  return self;
}

void
failover_running_unref(FailoverRunning *self)
{
  if (--self->references > 0)
    return;
  g_free(self->id);
  g_free(self);
}

void
failover_running_add(const gchar *id, failover_destination *core)
{
  FailoverRunning *self = g_new0(FailoverRunning, 1);

  self->references = 1;
  self->id = g_strdup(id);
  self->core = core;
  if (!running)
    running = g_ptr_array_new();
  g_ptr_array_add(running, self);
}

void
failover_running_remove(failover_destination *core)
{
  for (guint i = 0; running && i < running->len; i++)
    {
      FailoverRunning *self = g_ptr_array_index(running, i);
      if (self->core != core)
        continue;
      self->core = NULL;
      g_ptr_array_remove_index(running, i);
      failover_running_unref(self);
      return;
    }
}

/* ------------------------------------------------------------------------
 * Names
 */

static gboolean
_is(failover_text name, const gchar *text, gsize length)
{
  return name.length == length && memcmp(name.data, text, length) == 0;
}

/* In syslog-ng's own words for a destination that has no name. */
static gboolean
_is_anonymous(const FailoverRunning *self)
{
  return g_str_has_prefix(self->id, "#anon-");
}

static gboolean
_is_number(failover_text name)
{
  for (gsize i = 0; i < name.length; i++)
    if (!g_ascii_isdigit(name.data[i]))
      return FALSE;
  return TRUE;
}

static gboolean
_fits(const FailoverRunning *self, failover_text name)
{
  const gchar *driver = strrchr(self->id, '#');
  uint32_t server;

  if (driver && _is(name, self->id, driver - self->id))
    return TRUE;
  return _is_anonymous(self) && !_is_number(name)
         && failover_destination_find_server(self->core, name, &server) && server == 0;
}

GPtrArray *
failover_running_find(failover_text name)
{
  GPtrArray *found = g_ptr_array_new_with_free_func((GDestroyNotify) failover_running_unref);

  for (guint i = 0; running && i < running->len; i++)
    {
      FailoverRunning *self = g_ptr_array_index(running, i);
      if (_is(name, self->id, strlen(self->id)))
        {
          g_ptr_array_set_size(found, 0);
          g_ptr_array_add(found, failover_running_ref(self));
          return found;
        }
      if (name.length == 0 || _fits(self, name))
        g_ptr_array_add(found, failover_running_ref(self));
    }
  return found;
}
