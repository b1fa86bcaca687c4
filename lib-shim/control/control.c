/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * A command is carried out for one destination after the other, each in a turn of its own,
 * and so is its reply written: with many of them the main loop serves everything else in
 * between.  The client may hang up at any time, which shows when the reply is written; until
 * then its connection is held.
 */
#include "control.h"

#include "command.h"
#include "log.h"
#include "timers.h"

#include "control/control-commands.h"

static const gchar name[] = "FAILOVER"; /* is not copied */

static GHashTable *requests; /* request -> FailoverControlPart that waits for its answer */

static void
_free(FailoverControlCommand *self)
{
  turn_cancel(&self->turn);
  timer_cancel(&self->limit);
  control_connection_unref(self->connection);
  g_ptr_array_unref(self->parts);
  g_string_free(self->summary, TRUE);
  g_string_free(self->text, TRUE);
  g_free(self);
}

/* ------------------------------------------------------------------------
 * Requests and their answers
 */

static void
_settle(FailoverControlPart *part)
{
  FailoverControlCommand *command = part->command;

  part->waits = FALSE;
  g_hash_table_remove(requests, &part->request);
  command->waiting--;
  turn_request(&command->turn); /* and not now: the destination is in the middle of something */
}

void
failover_control_answer(uint64_t request, failover_answer answer)
{
  FailoverControlPart *part = requests ? g_hash_table_lookup(requests, &request) : NULL;

  if (!part)
    return; /* it took too long */
  part->answered = TRUE;
  part->answer = answer;
  _settle(part);
}

/* It is not asked for any more. */
static void
_limit_reached(gpointer s)
{
  FailoverControlCommand *self = s;

  for (guint i = 0; i < self->parts->len; i++)
    {
      FailoverControlPart *part = g_ptr_array_index(self->parts, i);
      if (part->waits)
        _settle(part);
    }
}

static failover_status
_ask(FailoverControlPart *part)
{
  failover_destination *core = part->running->core;

  switch (part->command->verb)
    {
    case FAILOVER_VERB_CHECK:
      return failover_destination_check(core, part->request);
    case FAILOVER_VERB_SWITCH:
      return failover_destination_switch(core, part->server, part->request);
    case FAILOVER_VERB_DRAIN:
      return failover_destination_set_admin(core, part->server, FAILOVER_ADMIN_DRAIN, part->request);
    case FAILOVER_VERB_MAINT:
      return failover_destination_set_admin(core, part->server, FAILOVER_ADMIN_MAINT, part->request);
    case FAILOVER_VERB_READY:
      return failover_destination_set_admin(core, part->server, FAILOVER_ADMIN_READY, part->request);
    case FAILOVER_VERB_STATUS:
      break;
    }
  g_assert_not_reached();
}

static void
_start_part(FailoverControlPart *part)
{
  static uint64_t last_request;

  if (part->command->verb == FAILOVER_VERB_STATUS)
    return;
  if (!part->running->core)
    {
      part->answered = TRUE;
      part->answer = FAILOVER_ANSWER_STOPPED;
      return;
    }
  part->request = ++last_request;
  part->waits = TRUE;
  part->command->waiting++;
  g_hash_table_insert(requests, &part->request, part);
  failover_status status = _ask(part);
  if (status != FAILOVER_OK)
    failover_log_error("failover: internal error, please report it",
                       evt_tag_str("destination", part->running->id),
                       evt_tag_int("status", status));
}

/* ------------------------------------------------------------------------
 * Commands
 */

static void
_step(gpointer s)
{
  FailoverControlCommand *self = s;

  if (self->started < self->parts->len)
    _start_part(g_ptr_array_index(self->parts, self->started++));
  else if (self->waiting > 0)
    return;
  else if (self->written < self->parts->len)
    failover_control_write_part(self, g_ptr_array_index(self->parts, self->written++));
  else
    {
      failover_control_write_end(self);
      failover_control_reply(self->connection, self->exit_code, self->summary->str, self->text->str);
      _free(self);
      return;
    }
  turn_request(&self->turn);
}

static FailoverControlCommand *
_new(ControlConnection *connection, const failover_command *command)
{
  FailoverControlCommand *self = g_new0(FailoverControlCommand, 1);

  self->connection = control_connection_ref(connection);
  self->verb = command->verb;
  self->json = command->json;
  self->summary = g_string_new(NULL);
  self->text = g_string_new(NULL);
  turn_init(&self->turn, _step, self);
  IV_TIMER_INIT(&self->limit);
  self->limit.cookie = self;
  self->limit.handler = _limit_reached;
  return self;
}

static void
_run(ControlConnection *connection, GString *line, gpointer user_data G_GNUC_UNUSED,
     gboolean *cancelled G_GNUC_UNUSED)
{
  failover_command command;
  const gchar *mistake = failover_command_parse((failover_text) { line->str, line->len }, &command);

  if (mistake)
    {
      failover_control_reply(connection, CONTROL_EXIT_CANNOT_TELL, mistake, "");
      return;
    }
  FailoverControlCommand *self = _new(connection, &command);
  GString *error = failover_control_find(self, &command);
  if (error)
    {
      failover_control_reply(connection, CONTROL_EXIT_CANNOT_TELL, error->str, "");
      g_string_free(error, TRUE);
      _free(self);
      return;
    }
  timer_arm(&self->limit, CONTROL_LONGEST_WAIT_MS);
  turn_request(&self->turn);
}

void
failover_control_register(void)
{
  if (!requests)
    requests = g_hash_table_new(g_int64_hash, g_int64_equal);
  if (!control_find_command(name))
    control_register_command(name, _run, NULL, FALSE);
}
