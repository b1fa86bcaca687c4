/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command line that steers.
 */
#include "failover-status.h"

#include <criterion/criterion.h>
#include <string.h>

static failover_text
_text(const char *text)
{
  return (failover_text){ text, strlen(text) };
}

static void
_expect_text(const char *line, failover_text text, const char *expected)
{
  cr_expect(text.length == strlen(expected) && memcmp(text.data ? text.data : "", expected, text.length) == 0,
            "%s: \"%.*s\", expected \"%s\"", line, (int) text.length, text.data, expected);
}

Test(command, accepted)
{
  static const struct
  {
    const char *line;
    failover_verb verb;
    const char *destination;
    const char *server;
    bool json;
  } cases[] = {
    { "FAILOVER status", FAILOVER_VERB_STATUS, "", "", false },
    { "FAILOVER status\n", FAILOVER_VERB_STATUS, "", "", false },
    { "FAILOVER status d#0", FAILOVER_VERB_STATUS, "d#0", "", false },
    { "FAILOVER status --json d#0", FAILOVER_VERB_STATUS, "d#0", "", true },
    { "FAILOVER status --json", FAILOVER_VERB_STATUS, "", "", true },
    { "FAILOVER check d --json", FAILOVER_VERB_CHECK, "d", "", true },
    { "  FAILOVER   switch  d#0   [2001:db8::1]:514  ", FAILOVER_VERB_SWITCH, "d#0", "[2001:db8::1]:514", false },
    { "FAILOVER drain all logs1", FAILOVER_VERB_DRAIN, "all", "logs1", false },
    { "FAILOVER maint d 0", FAILOVER_VERB_MAINT, "d", "0", false },
    { "FAILOVER ready d\xc3\xa4 s\xff", FAILOVER_VERB_READY, "d\xc3\xa4", "s\xff", false },
    { "FAILOVER status -", FAILOVER_VERB_STATUS, "-", "", false },
  };

  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    {
      failover_command command;
      const char *error = failover_command_parse(_text(cases[i].line), &command);

      cr_expect_null(error, "%s: %s", cases[i].line, error);
      cr_expect_eq(command.verb, cases[i].verb, "%s", cases[i].line);
      cr_expect_eq(command.json, cases[i].json, "%s", cases[i].line);
      _expect_text(cases[i].line, command.destination, cases[i].destination);
      _expect_text(cases[i].line, command.server, cases[i].server);
    }
}

Test(command, refused)
{
  static const struct
  {
    const char *line;
    const char *error;
  } cases[] = {
    { "", "does not begin with FAILOVER" },
    { "FAILOVERS status", "does not begin with FAILOVER" },
    { "failover status", "does not begin with FAILOVER" },
    { "FAILOVER", "no such command; allowed: status" },
    { "FAILOVER Status", "no such command" },
    { "FAILOVER stat", "no such command" },
    { "FAILOVER switch", "a destination and a server" },
    { "FAILOVER switch d", "a destination and a server" },
    { "FAILOVER switch d s t", "too many" },
    { "FAILOVER switch d s --json", "no such flag" },
    { "FAILOVER status --xml", "no such flag" },
    { "FAILOVER status --", "no such flag" },
    { "FAILOVER status --json --json", "twice" },
    { "FAILOVER status d s", "one destination" },
    { "FAILOVER status a b c d e f g", "too many" },
    { "FAILOVER status d\ts", "control character" },
    { "FAILOVER status\nFAILOVER drain d s", "control character" },
    { "FAILOVER status \x1b", "control character" },
  };

  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    {
      failover_command command;
      const char *error = failover_command_parse(_text(cases[i].line), &command);

      cr_assert_not_null(error, "\"%s\" is accepted", cases[i].line);
      cr_expect_not_null(strstr(error, cases[i].error), "\"%s\": %s", cases[i].line, error);
    }
}

Test(command, is_bounded)
{
  char line[FAILOVER_COMMAND_LONGEST + 2];
  failover_command command;

  memset(line, 'x', sizeof(line));
  memcpy(line, "FAILOVER status ", 16);
  cr_expect_null(failover_command_parse((failover_text){ line, FAILOVER_COMMAND_LONGEST }, &command));
  cr_expect_not_null(failover_command_parse((failover_text){ line, FAILOVER_COMMAND_LONGEST + 1 }, &command));
  cr_expect_not_null(failover_command_parse((failover_text){ "FAILOVER\0status", 15 }, &command));
}
