/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * What became of a command, in words and as an exit code.
 */
#include "command.h"

#include <string.h>

void
failover_control_reply(ControlConnection *connection, ControlExit exit_code, const gchar *summary, const gchar *text)
{
  GString *reply = g_string_new(NULL);

  g_string_printf(reply, "%d %s", exit_code, summary);
  for (gchar *c = reply->str; *c; c++) /* for a terminal */
    if (g_ascii_iscntrl(*c))
      *c = '?';
  g_string_append_c(reply, '\n');
  g_string_append(reply, text);
  control_connection_send_reply(connection, reply);
}

/* ------------------------------------------------------------------------
 * Facts
 */

static void
_append(void *user_data, failover_text text)
{
  g_string_append_len(user_data, text.data, text.length);
}

static gint64
_wall_offset_ms(void)
{
  return (g_get_real_time() - g_get_monotonic_time()) / 1000;
}

static void
_write_facts(FailoverControlCommand *self, const FailoverRunning *running)
{
  gsize length = self->text->len;

  if (!running->core)
    return;
  if (self->json)
    g_string_append(self->text, length == 0 ? "[" : ",\n");
  else if (length > 0)
    g_string_append_c(self->text, '\n');
  if (failover_destination_write_status(running->core, (failover_text) { running->id, strlen(running->id) },
                                        _wall_offset_ms(), self->json ? FAILOVER_FORMAT_JSON : FAILOVER_FORMAT_ROWS,
                                        _append, self->text) != FAILOVER_OK)
    g_string_truncate(self->text, length);
}

/* ------------------------------------------------------------------------
 * Checks
 */

static gboolean
_is_in_use(const failover_destination *core)
{
  return failover_destination_in_use(core, NULL, NULL);
}

/* The worst of all destinations: none works, some do not, nobody knows. */
static ControlExit
_judge(failover_health_count servers)
{
  if (servers.up == 0)
    return servers.down > 0 ? CONTROL_EXIT_NONE : CONTROL_EXIT_CANNOT_TELL;
  return servers.down + servers.unknown > 0 ? CONTROL_EXIT_SOME : CONTROL_EXIT_WELL;
}

static ControlExit
_worse(ControlExit a, ControlExit b)
{
  static const guint badness[] =
  {
    [CONTROL_EXIT_WELL] = 0, [CONTROL_EXIT_CANNOT_TELL] = 1, [CONTROL_EXIT_SOME] = 2, [CONTROL_EXIT_NONE] = 3,
  };
  return badness[a] > badness[b] ? a : b;
}

static void
_write_check(FailoverControlCommand *self, const FailoverControlPart *part)
{
  if (!part->running->core)
    {
      self->exit_code = _worse(self->exit_code, CONTROL_EXIT_CANNOT_TELL);
      return;
    }
  failover_health_count servers = failover_destination_count_health(part->running->core);

  servers.up += _is_in_use(part->running->core);
  self->servers.up += servers.up;
  self->servers.down += servers.down;
  self->servers.unknown += servers.unknown;
  self->exit_code = _worse(self->exit_code, part->answered && part->answer == FAILOVER_ANSWER_DONE ? _judge(servers)
                           : CONTROL_EXIT_CANNOT_TELL);
  _write_facts(self, part->running);
}

static void
_summarize_check(FailoverControlCommand *self)
{
  failover_health_count servers = self->servers;

  g_string_printf(self->summary, "%u of %u servers work", servers.up, servers.up + servers.down + servers.unknown);
  if (servers.unknown > 0)
    g_string_append_printf(self->summary, ", of %u it is not known", servers.unknown);
  if (self->exit_code == CONTROL_EXIT_CANNOT_TELL)
    g_string_append(self->summary, "; not all were checked: a reload came between, or it took too long");
}

/* ------------------------------------------------------------------------
 * Steering
 */

static ControlExit
_exit_code(const FailoverControlPart *part)
{
  if (!part->answered)
    return CONTROL_EXIT_SOME;
  switch (part->answer)
    {
    case FAILOVER_ANSWER_DONE:
      return CONTROL_EXIT_WELL;
    case FAILOVER_ANSWER_STOPPED:
      return CONTROL_EXIT_CANNOT_TELL;
    default:
      return CONTROL_EXIT_SOME;
    }
}

static const gchar *
_done(failover_verb verb)
{
  switch (verb)
    {
    case FAILOVER_VERB_SWITCH:
      return "in use";
    case FAILOVER_VERB_DRAIN:
      return "drained, nothing waits for it any more: it is safe to stop";
    case FAILOVER_VERB_MAINT:
      return "in maintenance, nothing waits for it any more: it is safe to stop";
    default:
      return "ready";
    }
}

static void
_append_failure(GString *line, const FailoverControlPart *part)
{
  const char *reason;
  failover_text detail;

  if (!part->running->core
      || !failover_destination_get_last_failure(part->running->core, part->server, &reason, &detail))
    return;
  g_string_append_printf(line, ": %s", reason);
  if (detail.length > 0)
    g_string_append_printf(line, ", %.*s", (gint) detail.length, detail.data);
}

static void
_append_unconfirmed(GString *line, const FailoverControlPart *part)
{
  if (part->command->verb == FAILOVER_VERB_SWITCH || !part->running->core)
    return;
  guint64 unconfirmed = failover_destination_get_unconfirmed(part->running->core, part->server);
  g_string_append_printf(line, "; %" G_GUINT64_FORMAT " messages sent to it are not confirmed", unconfirmed);
}

/* "d#0: logs1:514: in use" */
static void
_append_outcome(GString *line, const FailoverControlPart *part)
{
  g_string_append_printf(line, "%s: %s: ", part->running->id, part->server_name);
  if (part->answered && part->answer == FAILOVER_ANSWER_DONE)
    {
      g_string_append(line, _done(part->command->verb));
      return;
    }
  g_string_append(line, part->answered ? failover_answer_text(part->answer)
                                       : "not finished within a minute, it goes on");
  if (part->answered && part->answer == FAILOVER_ANSWER_FAILED)
    _append_failure(line, part);
  if (!part->answered || part->answer == FAILOVER_ANSWER_STAYS)
    _append_unconfirmed(line, part);
}

static void
_write_outcome(FailoverControlCommand *self, const FailoverControlPart *part)
{
  self->exit_code = _worse(self->exit_code, _exit_code(part));
  if (self->parts->len > 1)
    {
      _append_outcome(self->text, part);
      g_string_append_c(self->text, '\n');
      self->servers.up += part->answered && part->answer == FAILOVER_ANSWER_DONE;
      return;
    }
  _append_outcome(self->summary, part);
  _write_facts(self, part->running);
}

/* ------------------------------------------------------------------------ */

void
failover_control_write_part(FailoverControlCommand *self, const FailoverControlPart *part)
{
  switch (self->verb)
    {
    case FAILOVER_VERB_STATUS:
      _write_facts(self, part->running);
      break;
    case FAILOVER_VERB_CHECK:
      _write_check(self, part);
      break;
    default:
      _write_outcome(self, part);
    }
}

void
failover_control_write_end(FailoverControlCommand *self)
{
  if (self->json)
    g_string_append(self->text, self->text->len == 0 ? "[]\n" : "]\n");
  else if (self->verb == FAILOVER_VERB_CHECK)
    _summarize_check(self);
  else if (self->verb != FAILOVER_VERB_STATUS && self->parts->len > 1)
    g_string_printf(self->summary, "done for %u of %u destinations", self->servers.up, self->parts->len);
}
