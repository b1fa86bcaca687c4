/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * The names in a command: destinations and servers.
 */
#include "command.h"

#include <string.h>

enum { MOST_LISTED = 10 };

#define TEXT_FORMAT "%.*s"
#define TEXT_ARGUMENTS(text) (gint) (text).length, (text).data

static gboolean
_is_all(failover_text name)
{
  return name.length == strlen("all") && memcmp(name.data, "all", name.length) == 0;
}

static void
_append_to_list(GString *list, guint position, guint count, const gchar *name, gsize length)
{
  if (position < MOST_LISTED)
    {
      g_string_append(list, position == 0 ? "" : ", ");
      g_string_append_len(list, name, length);
    }
  else if (position == MOST_LISTED)
    g_string_append_printf(list, " and %u more", count - position);
}

static GString *
_list_destinations(const GPtrArray *running, const gchar *format, failover_text name)
{
  GString *list = g_string_new(NULL);

  g_string_printf(list, format, TEXT_ARGUMENTS(name));
  for (guint i = 0; i < running->len; i++)
    {
      const FailoverRunning *one = g_ptr_array_index(running, i);
      _append_to_list(list, i, running->len, one->id, strlen(one->id));
    }
  return list;
}

static GString *
_no_such_destination(failover_text name)
{
  GPtrArray *all = failover_running_find((failover_text) { NULL, 0 });
  GString *error = all->len > 0
                   ? _list_destinations(all, "no destination '" TEXT_FORMAT "' has failover(); these have: ", name)
                   : g_string_new("no destination has failover(), or it is in no log path");

  g_ptr_array_unref(all);
  return error;
}

static GString *
_no_such_server(const FailoverRunning *running, failover_text name)
{
  guint count = failover_destination_count_servers(running->core);
  GString *error = g_string_new(NULL);

  g_string_printf(error, "%s has no server '" TEXT_FORMAT "'; it has: ", running->id, TEXT_ARGUMENTS(name));
  for (guint i = 0; i < count; i++)
    {
      failover_text server = failover_destination_get_server_name(running->core, i);
      _append_to_list(error, i, count, server.data, server.length);
    }
  return error;
}

static void
_part_free(gpointer s)
{
  FailoverControlPart *self = s;

  failover_running_unref(self->running);
  g_free(self->server_name);
  g_free(self);
}

static FailoverControlPart *
_add_part(FailoverControlCommand *self, FailoverRunning *running)
{
  FailoverControlPart *part = g_new0(FailoverControlPart, 1);

  part->command = self;
  part->running = failover_running_ref(running);
  g_ptr_array_add(self->parts, part);
  return part;
}

/* Each destination that has the server. */
static void
_add_servers(FailoverControlCommand *self, const GPtrArray *found, failover_text name)
{
  for (guint i = 0; i < found->len; i++)
    {
      FailoverRunning *running = g_ptr_array_index(found, i);
      uint32_t server;
      if (!failover_destination_find_server(running->core, name, &server))
        continue;
      FailoverControlPart *part = _add_part(self, running);
      failover_text server_name = failover_destination_get_server_name(running->core, server);
      part->server = server;
      part->server_name = g_strndup(server_name.data, server_name.length);
    }
}

static GString *
_find(FailoverControlCommand *self, const failover_command *command, const GPtrArray *found, gboolean all)
{
  failover_text server = command->server;

  if (found->len == 0)
    return _no_such_destination(command->destination);
  if (found->len > 1 && !all)
    return _list_destinations(found, "'" TEXT_FORMAT "' fits more than one destination: ", command->destination);
  if (server.length == 0)
    {
      for (guint i = 0; i < found->len; i++)
        _add_part(self, g_ptr_array_index(found, i));
      return NULL;
    }
  _add_servers(self, found, server);
  if (self->parts->len > 0)
    return NULL;
  if (!all)
    return _no_such_server(g_ptr_array_index(found, 0), server);
  return _list_destinations(found, "no destination has a server '" TEXT_FORMAT "'; the destinations are: ", server);
}

GString *
failover_control_find(FailoverControlCommand *self, const failover_command *command)
{
  gboolean all = command->destination.length == 0 || _is_all(command->destination);
  GPtrArray *found = failover_running_find(all ? (failover_text) { NULL, 0 } : command->destination);

  self->parts = g_ptr_array_new_with_free_func(_part_free);
  GString *error = _find(self, command, found, all);
  g_ptr_array_unref(found);
  return error;
}
