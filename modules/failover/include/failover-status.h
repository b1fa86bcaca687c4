/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * failover-status.h - a destination seen and steered: its facts as numbers and as text,
 * and what an administrator may ask of it.  The conventions are those of failover.h.
 */
#ifndef FAILOVER_STATUS_H_INCLUDED
#define FAILOVER_STATUS_H_INCLUDED

#include "failover.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------
 * Steering.  Servers are given by their position, 0 is the primary.
 */

/* A short stable code ("drain").  NUL-terminated, static. */
const char *failover_admin_code(failover_admin admin);

/* What became of a request. */
typedef enum failover_answer
{
  FAILOVER_ANSWER_DONE,
  FAILOVER_ANSWER_FAILED,    /* that server does not work: its last failure says why */
  FAILOVER_ANSWER_NOT_READY, /* that server is drained or in maint */
  FAILOVER_ANSWER_LAST,      /* it is the last one that is not in maint: nothing was changed */
  FAILOVER_ANSWER_STAYS,     /* no other server works: it is drained, or in maint, and stays in use until one does */
  FAILOVER_ANSWER_REPLACED,  /* a later request replaced it */
  FAILOVER_ANSWER_STOPPED,   /* a reload, or the end: what was set stays set */
  FAILOVER_ANSWER_COUNT
} failover_answer;

/* A short stable code ("stays") and a sentence for people.  NUL-terminated, static. */
const char *failover_answer_code(failover_answer answer);
const char *failover_answer_text(failover_answer answer);

/* `request` is a number that the host chooses.  Each request has one answer
 * (failover_watcher), which may come before the function returns, also if that fails.  Only
 * while the destination is stopped it has none: nobody watches. */

/* That server now, make before break: DONE when it is in use. */
FAILOVER_WARN_UNUSED failover_status failover_destination_switch(failover_destination *destination, uint32_t server,
                                                                 uint64_t request);
/* DRAIN, MAINT: another one takes over if it is in use; DONE when no connection to it is
 * left that has messages to confirm.  READY: DONE at once. */
FAILOVER_WARN_UNUSED failover_status failover_destination_set_admin(failover_destination *destination,
                                                                    uint32_t server, failover_admin admin,
                                                                    uint64_t request);
/* Checks all servers that are neither in use nor in maint, in parallel: DONE when all have
 * a result, which is among the facts. */
FAILOVER_WARN_UNUSED failover_status failover_destination_check(failover_destination *destination, uint64_t request);

/* A connection of FAILOVER_PURPOSE_CHECK is as good as one in use would be, and is connected
 * when its peer has left it open for so long: a server at its limit accepts and closes.  It
 * is closed in order, with nothing unread. */
enum { FAILOVER_CHECK_OPEN_MS = 100 };

/* ------------------------------------------------------------------------
 * Numbers, to be read by any thread.
 */

typedef enum failover_metric
{
  /* of a server */
  FAILOVER_METRIC_ACTIVE,          /* 1: it is in use, 0: it is not */
  FAILOVER_METRIC_UP,              /* 1: up, 0: down; once known */
  FAILOVER_METRIC_CERTIFICATE_END, /* seconds since 1970; once known */
  FAILOVER_METRIC_ADMIN,           /* label: a failover_admin; 1: it has that state */
  FAILOVER_METRIC_FAILURES,        /* label: a failover_reason */
  /* of the destination */
  FAILOVER_METRIC_SWITCHES, /* label: a failover_reason, from the first on */
  FAILOVER_METRIC_RESENT,
  FAILOVER_METRIC_UNCONFIRMED_MESSAGES,
  FAILOVER_METRIC_UNCONFIRMED_BYTES,
  FAILOVER_METRIC_BUFFER_BYTES, /* most that there may be of these */
  FAILOVER_METRIC_LOST,
  FAILOVER_METRIC_LAST_SWITCH, /* seconds since 1970; once there was one */
  FAILOVER_METRIC_COUNT
} failover_metric;

#define FAILOVER_NONE UINT32_MAX

/* Who wants to know. */
typedef struct failover_watcher
{
  void *user_data; /* first argument of every function below; may be NULL */

  int64_t (*wall_ms)(void *user_data); /* milliseconds since 1970 */
  /* `value` is known from now on: any thread may read it with __atomic_load_n(), as long as
   * its server is in the list of a configuration that runs.  All that are known are told
   * at each start.  `server`, `label`: FAILOVER_NONE if the metric has none. */
  void (*counter)(void *user_data, failover_metric metric, uint32_t server, uint32_t label, const intptr_t *value);
  void (*answer)(void *user_data, uint64_t request, failover_answer answer);
} failover_watcher;

/* While it is stopped: from the next start to the stop after it.  `watcher` is copied. */
void failover_destination_watch(failover_destination *destination, const failover_watcher *watcher);

/* What the certificate of a connection says of its end, in seconds since 1970; before
 * failover_destination_connected(). */
void failover_destination_set_certificate_end(failover_destination *destination, uint64_t connection,
                                              int64_t end_s);

/* ------------------------------------------------------------------------
 * Facts.  These may be called from within failover_watcher's functions.  While the
 * destination is stopped it has no servers.
 */

uint32_t failover_destination_count_servers(const failover_destination *destination);
/* "host:port"; valid until the next stop. */
failover_text failover_destination_get_server_name(const failover_destination *destination, uint32_t server);
failover_admin failover_destination_get_admin(const failover_destination *destination, uint32_t server);
/* Messages sent to it that it has not confirmed. */
uint64_t failover_destination_get_unconfirmed(const failover_destination *destination, uint32_t server);
/* Why an attempt to use or check it, or its use, failed last: a failover_reason_code(), and details
 * until the next call.  False: never. */
bool failover_destination_get_last_failure(const failover_destination *destination, uint32_t server,
                                           const char **reason, failover_text *detail);
/* A server as a person names it: by its number, or as in servers(), without its port if
 * that is the destination's own.  False: there is none. */
bool failover_destination_find_server(const failover_destination *destination, failover_text name,
                                      uint32_t *server);

/* How the servers that are neither in use nor in maint are. */
typedef struct failover_health_count
{
  uint32_t up;
  uint32_t down;
  uint32_t unknown;
} failover_health_count;

failover_health_count failover_destination_count_health(const failover_destination *destination);

typedef enum failover_format
{
  FAILOVER_FORMAT_ROWS, /* for people: lines of up to 100 columns */
  FAILOVER_FORMAT_JSON, /* an object, in one line and without a newline */
} failover_format;

/* The facts of one destination.  `id` is its name, `wall_offset_ms` what has to be added to
 * now_ms() of failover_loop to have milliseconds since 1970.  `take` is called with the text. */
FAILOVER_WARN_UNUSED failover_status failover_destination_write_status(
    const failover_destination *destination, failover_text id, int64_t wall_offset_ms, failover_format format,
    void (*take)(void *user_data, failover_text text), void *user_data);

/* ------------------------------------------------------------------------
 * The command line that steers: "FAILOVER verb [destination [server]] [--json]".
 */

typedef enum failover_verb
{
  FAILOVER_VERB_STATUS,
  FAILOVER_VERB_CHECK,
  FAILOVER_VERB_SWITCH,
  FAILOVER_VERB_DRAIN,
  FAILOVER_VERB_MAINT,
  FAILOVER_VERB_READY,
} failover_verb;

typedef struct failover_command
{
  failover_verb verb;
  failover_text destination; /* empty: all; in the line */
  failover_text server;      /* empty: none; in the line */
  bool json;
} failover_command;

enum { FAILOVER_COMMAND_LONGEST = 1024 }; /* a longer line is refused */

/* NULL, or what is wrong with it, in a sentence: NUL-terminated, static. */
const char *failover_command_parse(failover_text line, failover_command *command);

#ifdef __cplusplus
}
#endif

#endif
