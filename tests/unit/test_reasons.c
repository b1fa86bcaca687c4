/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The table of reasons: what a log line, a counter or a status may say.
 */
#include "failover.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

Test(reasons, codes_and_texts_are_distinct)
{
  for (int i = 0; i < FAILOVER_REASON_COUNT; i++)
    for (int j = 0; j < i; j++)
      {
        cr_expect_str_neq(failover_reason_code((failover_reason) i),
                          failover_reason_code((failover_reason) j),
                          "reasons %d and %d have the same code", i, j);
        cr_expect_str_neq(failover_reason_text((failover_reason) i),
                          failover_reason_text((failover_reason) j),
                          "reasons %d and %d have the same text", i, j);
      }
}

/* Codes go into counters and scripts of administrators: no blanks, no quoting. */
Test(reasons, codes_are_plain_words)
{
  for (int i = 0; i < FAILOVER_REASON_COUNT; i++)
    {
      const char *code = failover_reason_code((failover_reason) i);

      cr_expect(code[0] != '\0', "reason %d has an empty code", i);
      cr_expect_str_neq(code, "unknown", "reason %d is not in the table", i);
      for (const char *c = code; *c; c++)
        cr_expect(islower((unsigned char) *c) || *c == '-', "reason %d: '%c' in the code %s", i, *c, code);
      cr_expect_gt(strlen(failover_reason_text((failover_reason) i)), strlen(code),
                   "the text of %s does not say more than its code", code);
    }
}

Test(reasons, out_of_range_is_unknown)
{
  const failover_reason beyond[] = { FAILOVER_REASON_COUNT, (failover_reason) 1000, (failover_reason) -1 };

  for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++)
    {
      cr_expect_str_eq(failover_reason_code(beyond[i]), "unknown");
      cr_expect_str_eq(failover_reason_text(beyond[i]), "unknown");
    }
}

Test(reasons, an_end_becomes_a_reason)
{
  static const struct
  {
    failover_end end;
    failover_reason reason;
  } table[] = {
    { { .tcp_known = true }, FAILOVER_REASON_CLOSED },
    { { .tcp_known = true, .tcp_reset = true }, FAILOVER_REASON_RESET },
    { { .tcp_known = true, .tcp_reset = true, .error = ETIMEDOUT }, FAILOVER_REASON_TIMEOUT },
    { { .tcp_known = true, .tcp_reset = true, .error = ECONNABORTED, .silent = true }, FAILOVER_REASON_TIMEOUT },
    /* TCP has nothing against it: syslog-ng itself ends it, for what came in or for TLS */
    { { .tcp_known = true, .tcp_open = true, .has_input = true }, FAILOVER_REASON_SENT_DATA },
    { { .tcp_known = true, .tcp_open = true, .has_input = true, .tls = true }, FAILOVER_REASON_TLS },
    { { .tcp_known = true, .tcp_open = true }, FAILOVER_REASON_BROKEN },
    /* a server that ended it may have spoken before: that it ended it counts */
    { { .tcp_known = true, .has_input = true }, FAILOVER_REASON_CLOSED },
    { { .tcp_known = true, .tcp_reset = true, .has_input = true }, FAILOVER_REASON_RESET },
    { { .error = 0 }, FAILOVER_REASON_BROKEN },
  };

  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
    cr_expect_eq(failover_reason_from_end(&table[i].end), table[i].reason, "row %zu is %s, expected %s", i,
                 failover_reason_code(failover_reason_from_end(&table[i].end)), failover_reason_code(table[i].reason));
}

Test(reasons, an_errno_becomes_a_reason)
{
  static const struct
  {
    int error;
    failover_reason reason;
  } table[] = {
    { ECONNREFUSED, FAILOVER_REASON_REFUSED },
    { ETIMEDOUT, FAILOVER_REASON_TIMEOUT },
    { EHOSTUNREACH, FAILOVER_REASON_UNREACHABLE },
    { ENETUNREACH, FAILOVER_REASON_UNREACHABLE },
    { EHOSTDOWN, FAILOVER_REASON_UNREACHABLE },
    { ENETDOWN, FAILOVER_REASON_UNREACHABLE },
    { ECONNRESET, FAILOVER_REASON_RESET },
    { EPIPE, FAILOVER_REASON_RESET },
    { EADDRNOTAVAIL, FAILOVER_REASON_LOCAL },
    { EADDRINUSE, FAILOVER_REASON_LOCAL },
    { EACCES, FAILOVER_REASON_LOCAL },
    { EMFILE, FAILOVER_REASON_LOCAL },
    { ENOBUFS, FAILOVER_REASON_LOCAL },
    { 0, FAILOVER_REASON_LOCAL },
    { -1, FAILOVER_REASON_LOCAL },
  };

  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
    cr_expect_eq(failover_reason_from_errno(table[i].error), table[i].reason,
                 "errno %d (%s) is %s, expected %s",
                 table[i].error, strerror(table[i].error),
                 failover_reason_code(failover_reason_from_errno(table[i].error)),
                 failover_reason_code(table[i].reason));
}
