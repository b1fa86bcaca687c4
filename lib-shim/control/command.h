/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * command.h - one command that is being carried out, shared by control.c, which does it,
 * names.c, which knows whom it is about, and reply.c, which says what became of it.  Main
 * thread.
 */
#ifndef FAILOVER_CONTROL_COMMAND_H_INCLUDED
#define FAILOVER_CONTROL_COMMAND_H_INCLUDED

#include "running.h"
#include "turns.h"

#include "control/control-connection.h"

#include <iv.h>

/* The client's; those of a check are what monitoring plugins have. */
typedef enum _ControlExit
{
  CONTROL_EXIT_WELL = 0,
  CONTROL_EXIT_SOME = 1,
  CONTROL_EXIT_NONE = 2,
  CONTROL_EXIT_CANNOT_TELL = 3,
} ControlExit;

enum { CONTROL_LONGEST_WAIT_MS = 60000 };

typedef struct _FailoverControlCommand FailoverControlCommand;

/* What it means for one destination. */
typedef struct _FailoverControlPart
{
  FailoverControlCommand *command;
  FailoverRunning *running;
  uint32_t server;
  gchar *server_name; /* NULL: it is about all of them */
  uint64_t request;
  gboolean waits;    /* for its answer */
  gboolean answered; /* FALSE at the end: it took too long */
  failover_answer answer;
} FailoverControlPart;

struct _FailoverControlCommand
{
  ControlConnection *connection;
  failover_verb verb;
  gboolean json;
  GPtrArray *parts;
  guint started, waiting, written; /* how many of the parts */
  FailoverTurn turn;
  struct iv_timer limit;
  /* the reply, as it grows */
  ControlExit exit_code;
  GString *summary;
  GString *text;
  failover_health_count servers; /* that a check has seen; those in use are up */
};

/* reply.c */
void failover_control_write_part(FailoverControlCommand *self, const FailoverControlPart *part);
void failover_control_write_end(FailoverControlCommand *self);
/* `text` may be empty. */
void failover_control_reply(ControlConnection *connection, ControlExit exit_code, const gchar *summary,
                            const gchar *text);

/* names.c: NULL, or what is wrong with the names of the command, and what there is. */
GString *failover_control_find(FailoverControlCommand *self, const failover_command *command);

#endif
