/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which server comes next, and after what time: tables for both modes.
 *
 * A row is a configuration, a script of what the network does, and the trace
 * that must come out of it.
 *
 *   script   refused reset unresolved silent   the attempt fails this way
 *            local                             it connects, the LogWriter refuses it
 *            accept                            it connects
 *            end:MS                            what is in use ends after MS
 *            fruitless:MS                      the same, and nothing sent on it is confirmed
 *            ok fail                           the next probe succeeds or fails
 *   trace    p a b c d e                       an attempt on this server
 *            p+                                it is in use
 *            500 or 1000!                      the wait before the next; all failed
 *            1/3                               a probe succeeded, that many of so many
 *            -                                 a probe failed
 *            back                              the primary was taken back
 */
#include "fake_host.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

typedef struct Row
{
  const char *what;
  FakeConfig config;
  uint32_t random;
  const char *script;
  const char *trace;
} Row;

typedef struct Trace
{
  char text[1024];
  size_t events_read;
} Trace;

static void
_say(Trace *self, const char *word)
{
  size_t length = strlen(self->text);

  snprintf(self->text + length, sizeof(self->text) - length, "%s%s", length ? " " : "", word);
}

static void
_say_event(Trace *self, const FakeEvent *event)
{
  char word[64] = "";

  switch (event->kind)
    {
    case FAILOVER_EVENT_CONNECTED:
      snprintf(word, sizeof(word), "%c+", event->server[0]);
      break;
    case FAILOVER_EVENT_FAILED_BACK:
      snprintf(word, sizeof(word), "back");
      break;
    case FAILOVER_EVENT_SERVER_FAILED:
      snprintf(word, sizeof(word), "%lld", (long long) event->wait_ms);
      break;
    case FAILOVER_EVENT_ALL_FAILED:
      snprintf(word, sizeof(word), "%lld!", (long long) event->wait_ms);
      break;
    case FAILOVER_EVENT_PROBE_SUCCEEDED:
      snprintf(word, sizeof(word), "%u/%u", event->successes, event->required);
      break;
    case FAILOVER_EVENT_PROBE_FAILED:
      snprintf(word, sizeof(word), "-");
      break;
    case FAILOVER_EVENT_KEPT:
      snprintf(word, sizeof(word), "kept");
      break;
    default:
      snprintf(word, sizeof(word), "%s", fake_event_name(event->kind));
    }
  _say(self, word);
}

static void
_say_events(Trace *self, const FakeHost *host)
{
  for (; self->events_read < host->event_count; self->events_read++)
    _say_event(self, &host->events[self->events_read]);
}

/* After a failure: the wait is what the event said, and so is the server. */
static void
_follow(Trace *trace, FakeHost *host, const char *what)
{
  if (fake_host_in_use(host) || fake_host_trying(host, FAKE_ATTEMPT)[0])
    return;

  const FakeEvent *failure = &host->events[host->event_count - 1];
  int64_t wait_ms = fake_host_timer_in(host, FAILOVER_TIMER_SWITCH);
  cr_expect_eq(wait_ms, failure->wait_ms, "%s: waits %lld ms, says %lld", what, (long long) wait_ms,
               (long long) failure->wait_ms);
  cr_assert_geq(wait_ms, 0, "%s: nothing in use, nothing tried, nothing awaited", what);
  if (wait_ms > 0)
    {
      fake_host_advance(host, wait_ms - 1);
      cr_expect_str_eq(fake_host_trying(host, FAKE_ATTEMPT), "", "%s: the wait is cut short", what);
      fake_host_advance(host, 1);
    }
  else
    fake_host_advance(host, 0);
  cr_expect_str_eq(fake_host_trying(host, FAKE_ATTEMPT), failure->next, "%s: another server than said", what);
  _say(trace, (char[]){ fake_host_trying(host, FAKE_ATTEMPT)[0], '\0' });
}

static void
_await_probe(FakeHost *host, const char *what)
{
  int64_t ms = fake_host_timer_in(host, FAILOVER_TIMER_PROBE);

  cr_assert_geq(ms, 0, "%s: no probe is planned", what);
  fake_host_advance(host, ms);
  cr_assert_str_neq(fake_host_trying(host, FAKE_PROBE), "", "%s: no probe at its time", what);
}

static void
_do(FakeHost *host, const char *what, const char *input)
{
  if (strcmp(input, "refused") == 0)
    fake_host_refuse(host, FAKE_ATTEMPT, FAILOVER_REASON_REFUSED);
  else if (strcmp(input, "reset") == 0)
    fake_host_refuse(host, FAKE_ATTEMPT, FAILOVER_REASON_RESET);
  else if (strcmp(input, "unresolved") == 0)
    fake_host_not_resolved(host, FAKE_ATTEMPT);
  else if (strcmp(input, "silent") == 0)
    fake_host_advance(host, fake_host_timer_in(host, FAILOVER_TIMER_ATTEMPT_DEADLINE));
  else if (strcmp(input, "local") == 0)
    {
      host->writer.refuses_connections = true;
      fake_host_accept(host, FAKE_ATTEMPT);
      host->writer.refuses_connections = false;
    }
  else if (strcmp(input, "accept") == 0)
    fake_host_accept(host, FAKE_ATTEMPT);
  else if (strncmp(input, "end:", 4) == 0)
    {
      fake_host_advance(host, atoi(input + 4));
      fake_host_disconnected(host, FAILOVER_REASON_CLOSED);
    }
  else if (strncmp(input, "fruitless:", 10) == 0)
    {
      fake_host_advance(host, atoi(input + 10));
      fake_host_disconnected_fruitless(host, FAILOVER_REASON_CLOSED);
    }
  else if (strcmp(input, "ok") == 0)
    {
      _await_probe(host, what);
      fake_host_accept(host, FAKE_PROBE);
    }
  else if (strcmp(input, "fail") == 0)
    {
      _await_probe(host, what);
      fake_host_refuse(host, FAKE_PROBE, FAILOVER_REASON_REFUSED);
    }
  else
    cr_assert_fail("%s: the script says %s", what, input);
}

static void
_run(const Row *row)
{
  FakeHost host;
  Trace trace = { "", 0 };
  char script[512];
  char *rest = script;

  fake_host_init(&host);
  host.random_answer = row->random;
  host.writer.keeps_messages = strstr(row->script, "fruitless") != NULL;
  fake_host_configure(&host, &row->config);
  fake_host_start(&host, false);
  _say(&trace, (char[]){ fake_host_trying(&host, FAKE_ATTEMPT)[0], '\0' });

  snprintf(script, sizeof(script), "%s", row->script);
  for (char *input; (input = strsep(&rest, " ")) != NULL;)
    {
      _do(&host, row->what, input);
      _say_events(&trace, &host);
      _follow(&trace, &host, row->what);
    }
  cr_expect_str_eq(trace.text, row->trace, "%s\n  script:   %s\n  trace:    %s\n  expected: %s", row->what,
                   row->script, trace.text, row->trace);
  fake_host_stop(&host, false);
  fake_host_done(&host);
}

#define ONE .servers = { "a" }
#define TWO .servers = { "a", "b" }
#define FIVE .servers = { "a", "b", "c", "d", "e" }

/* ------------------------------------------------------------------------
 * Without failback()
 */

static const Row round_robin[] = {
  { "the primary comes first", { .primary = "p", .time_reopen_ms = 1000, ONE }, 0, "accept", "p p+" },
  { "one server: the wait is time-reopen()",
    { .primary = "p", .time_reopen_ms = 7000, ONE }, 0,
    "refused accept", "p 7000 a a+" },
  { "one server: all down",
    { .primary = "p", .time_reopen_ms = 7000, ONE, .switch_delay = "0.5" }, 0,
    "refused refused refused refused refused", "p 500 a 7000! p 500 a 7000! p 500 a" },
  { "one server: back and forth as they end",
    { .primary = "p", .time_reopen_ms = 7000, ONE, .switch_delay = "0.5" }, 0,
    "accept end:5000 accept end:5000 accept end:5000", "p p+ 500 a a+ 500 p p+ 500 a" },
  { "two servers: every way to fail goes on to the next",
    { .primary = "p", .time_reopen_ms = 60000, TWO, .switch_delay = "1" }, 0,
    "refused unresolved silent local reset accept", "p 1000 a 1000 b 60000! p 1000 a 1000 b b+" },
  { "two servers: a primary that is back is left alone",
    { .primary = "p", .time_reopen_ms = 60000, TWO, .switch_delay = "1" }, 0,
    "refused accept end:3600000 accept end:3600000 accept", "p 1000 a a+ 1000 b b+ 1000 p p+" },
  { "two servers: one that was in use starts a new round",
    { .primary = "p", .time_reopen_ms = 60000, TWO, .switch_delay = "1" }, 0,
    "refused accept end:1000 refused refused", "p 1000 a a+ 1000 b 1000 p 60000! a" },
  { "two servers: one that hangs up at once does not",
    { .primary = "p", .time_reopen_ms = 60000, TWO, .switch_delay = "0" }, 0,
    "refused accept end:999 refused accept end:0 refused", "p 0 a a+ 0 b 60000! p p+ 0 a 0 b" },
  { "two servers: all hang up at once",
    { .primary = "p", .time_reopen_ms = 60000, TWO, .switch_delay = "0" }, 0,
    "accept end:0 accept end:0 accept end:0 accept end:0", "p p+ 0 a a+ 0 b b+ 60000! p p+ 0 a" },
  { "two servers: all hang up before they have confirmed anything",
    { .primary = "p", .time_reopen_ms = 60000, TWO, .switch_delay = "0" }, 0,
    "accept fruitless:2000 accept fruitless:2000 accept fruitless:2000 accept end:2000 refused",
    "p p+ 0 a a+ 0 b b+ 60000! p p+ 0 a 0 b" },
  { "two servers: a connection that cannot be handed over is a failure",
    { .primary = "p", .time_reopen_ms = 60000, TWO, .switch_delay = "0" }, 0,
    "local local local local", "p 0 a 0 b 60000! p 0 a" },
  { "five servers: in the order of the list",
    { .primary = "p", .time_reopen_ms = 60000, FIVE, .switch_delay = "0.25" }, 0,
    "refused refused refused refused refused accept", "p 250 a 250 b 250 c 250 d 250 e e+" },
  { "five servers: a round is six attempts, wherever it starts",
    { .primary = "p", .time_reopen_ms = 60000, FIVE, .switch_delay = "0" }, 0,
    "refused refused accept end:9000 refused refused refused refused refused refused",
    "p 0 a 0 b b+ 0 c 0 d 0 e 0 p 0 a 60000! b 0 c" },
  { "five servers: the wait after a round does not depend on switch-delay()",
    { .primary = "p", .time_reopen_ms = 1000, ONE, .switch_delay = "30" }, 0,
    "refused refused refused", "p 30000 a 1000! p 30000 a" },
  { "the jitter is part of the wait after a round only",
    { .primary = "p", .time_reopen_ms = 60000, ONE }, 6000, "refused refused refused",
    "p 60000 a 66000! p 60000 a" },
};

Test(policy, round_robin)
{
  for (size_t i = 0; i < COUNT(round_robin); i++)
    _run(&round_robin[i]);
}

/* Whatever the host's random number is, and for every size of time-reopen(). */
Test(policy, the_jitter_is_at_most_ten_percent)
{
  static const uint32_t randoms[] = { 0, 1, 99, 100, 101, 6000, 6001, 0x7fffffff, 0x80000000, 0xffffffff };
  static const int64_t reopens_ms[] = { 0, 1, 9, 10, 1000, 60000, 86400000 };
  int64_t most = 0;

  for (size_t i = 0; i < COUNT(randoms); i++)
    for (size_t j = 0; j < COUNT(reopens_ms); j++)
      {
        FakeHost host;
        FakeConfig config = { .primary = "p", .time_reopen_ms = reopens_ms[j], ONE, .switch_delay = "0" };

        fake_host_init(&host);
        host.random_answer = randoms[i];
        fake_host_configure(&host, &config);
        fake_host_start(&host, false);
        fake_host_not_resolved(&host, FAKE_ATTEMPT);
        fake_host_advance(&host, 0);
        fake_host_not_resolved(&host, FAKE_ATTEMPT);
        int64_t wait_ms = fake_host_timer_in(&host, FAILOVER_TIMER_SWITCH);
        cr_expect_geq(wait_ms, reopens_ms[j], "random %u", randoms[i]);
        cr_expect_leq(wait_ms, reopens_ms[j] + reopens_ms[j] / 10, "random %u", randoms[i]);
        if (reopens_ms[j] == 60000 && wait_ms > most)
          most = wait_ms;
        fake_host_stop(&host, false);
        fake_host_done(&host);
      }
  cr_expect_gt(most, 60000, "there is no jitter at all");
}

/* ------------------------------------------------------------------------
 * With failback()
 */

#define BACK .failback = true, .probe_interval = "100", .probes_required = "2"

static const Row failback[] = {
  { "the primary is not probed while it is in use",
    { .primary = "p", .time_reopen_ms = 1000, ONE, BACK }, 0, "accept", "p p+" },
  { "one server: back after the required successes",
    { .primary = "p", .time_reopen_ms = 1000, ONE, BACK }, 0,
    "refused accept ok ok", "p 1000 a a+ 1/2 2/2 back" },
  { "one server: back, and away again",
    { .primary = "p", .time_reopen_ms = 1000, ONE, BACK }, 0,
    "refused accept ok ok end:5000 accept ok ok", "p 1000 a a+ 1/2 2/2 back 1000 a a+ 1/2 2/2 back" },
  { "one server: all down is a turn of the primary too",
    { .primary = "p", .time_reopen_ms = 1000, ONE, BACK }, 0,
    "refused refused accept", "p 1000 a 1000! p p+" },
  { "two servers: one failure starts the count again",
    { .primary = "p", .time_reopen_ms = 1000, TWO, BACK }, 0,
    "refused accept fail ok fail ok ok", "p 1000 a a+ - 1/2 - 1/2 2/2 back" },
  { "two servers: the count goes on while others fail",
    { .primary = "p", .time_reopen_ms = 1000, TWO, BACK, .switch_delay = "1" }, 0,
    "refused accept ok end:5000 accept ok", "p 1000 a a+ 1/2 1000 b b+ 2/2 back" },
  { "two servers: an attempt on the primary starts the count again",
    { .primary = "p", .time_reopen_ms = 1000, TWO, BACK, .switch_delay = "1" }, 0,
    "refused accept ok end:5000 refused refused accept ok ok",
    "p 1000 a a+ 1/2 1000 b 1000 p 1000! a a+ 1/2 2/2 back" },
  { "two servers: the primary's turn ends the probing",
    { .primary = "p", .time_reopen_ms = 1000, TWO, BACK, .switch_delay = "1" }, 0,
    "refused accept ok end:5000 refused accept end:5000", "p 1000 a a+ 1/2 1000 b 1000 p p+ 1000 a" },
  { "two servers: a primary that was taken back starts a new round",
    { .primary = "p", .time_reopen_ms = 50000, TWO, BACK, .switch_delay = "0" }, 0,
    "refused accept ok ok end:2000 refused refused", "p 0 a a+ 1/2 2/2 back 0 a 0 b 50000! p" },
  { "five servers: back from the last one",
    { .primary = "p", .time_reopen_ms = 1000, FIVE, BACK, .switch_delay = "0" }, 0,
    "refused refused refused refused refused accept ok ok",
    "p 0 a 0 b 0 c 0 d 0 e e+ 1/2 2/2 back" },
  { "one probe is enough if one is required",
    { .primary = "p", .time_reopen_ms = 1000, FIVE, .failback = true, .probes_required = "1",
      .probe_interval = "0.001", .switch_delay = "0" }, 0,
    "refused accept ok", "p 0 a a+ 1/1 back" },
};

Test(policy, failback)
{
  for (size_t i = 0; i < COUNT(failback); i++)
    _run(&failback[i]);
}

/* A primary that is well again is not kept waiting for the rotation. */
Test(policy, failback_cancels_the_wait_for_the_next_server)
{
  FakeHost host;
  FakeConfig config = { .primary = "p", .time_reopen_ms = 600000, ONE, .switch_delay = "0", .failback = true,
                        .probe_interval = "1", .probes_required = "1" };

  fake_host_init(&host);
  fake_host_configure(&host, &config);
  fake_host_start(&host, false);
  fake_host_refuse(&host, FAKE_ATTEMPT, FAILOVER_REASON_REFUSED);
  fake_host_advance(&host, 0);
  fake_host_refuse(&host, FAKE_ATTEMPT, FAILOVER_REASON_REFUSED);
  fake_host_last_event(&host, FAILOVER_EVENT_ALL_FAILED);

  fake_host_advance(&host, 1000);
  fake_host_accept(&host, FAKE_PROBE);
  fake_host_last_event(&host, FAILOVER_EVENT_FAILED_BACK);
  cr_expect_not_null(fake_host_in_use(&host));
  cr_expect_eq(fake_host_any_timer(&host), false, "a timer is left though the primary is in use");
  fake_host_stop(&host, false);
  fake_host_done(&host);
}

Test(policy, failback_cancels_the_attempt_on_the_next_server)
{
  FakeHost host;
  FakeConfig config = { .primary = "p", .time_reopen_ms = 600000, ONE, .switch_delay = "0", .failback = true,
                        .probe_interval = "1", .probes_required = "1" };

  fake_host_init(&host);
  fake_host_configure(&host, &config);
  fake_host_start(&host, false);
  fake_host_refuse(&host, FAKE_ATTEMPT, FAILOVER_REASON_REFUSED);
  fake_host_advance(&host, 0);
  fake_host_resolved(&host, FAKE_ATTEMPT, 2);
  fake_host_advance(&host, 1000);
  cr_assert_eq(fake_host_connecting(&host, FAKE_ATTEMPT), 2u);

  fake_host_accept(&host, FAKE_PROBE);
  fake_host_last_event(&host, FAILOVER_EVENT_FAILED_BACK);
  cr_expect_eq(fake_host_connecting(&host, FAKE_ATTEMPT), 0u);
  cr_expect_str_eq(fake_host_trying(&host, FAKE_ATTEMPT), "");
  cr_expect_eq(fake_host_any_timer(&host), false, "a timer is left though the primary is in use");
  fake_host_stop(&host, false);
  fake_host_done(&host);
}
