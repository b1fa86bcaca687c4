/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Probing the primary: when, how often, and what becomes of the count.
 */
#include "fake_host.h"

#include <criterion/criterion.h>

static const FakeConfig with_failback = { .primary = "p",
                                          .time_reopen_ms = 1000,
                                          .servers = { "a", "b" },
                                          .switch_delay = "0",
                                          .failback = true,
                                          .probe_interval = "20",
                                          .probes_required = "3" };

/* The primary refuses, server a is in use from then on. */
static void
_leave_primary(FakeHost *host, const FakeConfig *config)
{
  fake_host_init(host);
  fake_host_configure(host, config);
  fake_host_start(host, false);
  fake_host_refuse(host, FAKE_ATTEMPT, FAILOVER_REASON_REFUSED);
  fake_host_advance(host, 0);
  fake_host_accept(host, FAKE_ATTEMPT);
}

static void
_end(FakeHost *host)
{
  fake_host_stop(host, false);
  cr_expect_eq(fake_host_any_timer(host), false, "a timer survives stop");
  fake_host_done(host);
}

static void
_expect_probe_in(const FakeHost *host, int64_t ms)
{
  cr_expect_eq(fake_host_timer_in(host, FAILOVER_TIMER_PROBE), ms,
               "the next probe is in %lld ms, expected %lld",
               (long long) fake_host_timer_in(host, FAILOVER_TIMER_PROBE), (long long) ms);
}

static void
_next_probe(FakeHost *host)
{
  fake_host_advance(host, fake_host_timer_in(host, FAILOVER_TIMER_PROBE));
  cr_assert_str_eq(fake_host_trying(host, FAKE_PROBE), "p:514");
}

Test(probes, the_first_comes_one_interval_after_the_primary_was_left)
{
  FakeHost host;

  fake_host_init(&host);
  fake_host_configure(&host, &with_failback);
  fake_host_start(&host, false);
  fake_host_accept(&host, FAKE_ATTEMPT);
  fake_host_advance(&host, 3600000);
  cr_expect_eq(fake_host_any_timer(&host), false, "a timer runs though the primary is in use");
  fake_host_disconnected(&host, FAILOVER_REASON_RESET);
  _expect_probe_in(&host, 20000);

  /* it stays one interval after leaving, whatever the rotation does meanwhile */
  fake_host_advance(&host, 0);
  fake_host_advance(&host, 7000);
  fake_host_accept(&host, FAKE_ATTEMPT);
  _expect_probe_in(&host, 13000);
  fake_host_disconnected(&host, FAILOVER_REASON_RESET);
  _expect_probe_in(&host, 13000);
  _end(&host);
}

Test(probes, the_connection_of_the_last_one_is_taken_into_use)
{
  FakeHost host;

  _leave_primary(&host, &with_failback);
  const FakeConnection *old = fake_host_in_use(&host);
  for (unsigned i = 1; i <= 3; i++)
    {
      _next_probe(&host);
      cr_expect_eq(fake_host_in_use(&host), old, "the old connection is given up too early");
      fake_host_resolved(&host, FAKE_PROBE, 1);
      fake_host_advance(&host, 35);
      fake_host_connected(&host, FAKE_PROBE, 0);
      const FakeEvent *event = &host.events[host.event_count - (i == 3 ? 2 : 1)];
      cr_expect_eq(event->kind, FAILOVER_EVENT_PROBE_SUCCEEDED);
      cr_expect_eq(event->reason, FAILOVER_REASON_PROBE);
      cr_expect_str_eq(event->server, "p:514");
      cr_expect_eq(event->took_ms, 35);
      cr_expect_eq(event->successes, i);
      cr_expect_eq(event->required, 3u);
    }

  const FakeEvent *back = fake_host_last_event(&host, FAILOVER_EVENT_FAILED_BACK);
  cr_expect_eq(back->reason, FAILOVER_REASON_FAILBACK);
  cr_expect_str_eq(back->server, "p:514");
  cr_expect_str_eq(back->address, "192.0.2.1:514");
  cr_expect_eq(back->took_ms, 35);
  cr_expect_eq(back->successes, 3u);
  cr_expect_eq(back->required, 3u);
  cr_expect_str_eq(host.handed_over, "p");

  uint64_t connection = 0;
  uint32_t server = 99;
  cr_expect_eq(failover_destination_in_use(host.destination, &connection, &server), true);
  cr_expect_eq(server, 0u);
  cr_expect_eq(connection, fake_host_in_use(&host)->number);
  cr_expect_eq(fake_host_any_timer(&host), false, "a timer runs though the primary is in use");
  _end(&host);
}

Test(probes, all_but_the_last_are_closed)
{
  FakeHost host;

  _leave_primary(&host, &with_failback);
  _next_probe(&host);
  fake_host_accept(&host, FAKE_PROBE);
  cr_expect_eq(host.connections[host.connection_count - 1].state, FAKE_GONE, "the probe is left open");
  cr_expect_str_eq(fake_host_trying(&host, FAKE_PROBE), "", "the look-up is not released");
  _expect_probe_in(&host, 20000);
  _end(&host);
}

/* From the start of one to the start of the next. */
Test(probes, the_interval_does_not_grow_with_the_duration)
{
  FakeHost host;

  _leave_primary(&host, &with_failback);
  _next_probe(&host);
  fake_host_resolved(&host, FAKE_PROBE, 1);
  fake_host_advance(&host, 4000);
  fake_host_connected(&host, FAKE_PROBE, 0);
  _expect_probe_in(&host, 16000);
  _end(&host);
}

Test(probes, the_next_waits_for_the_result_of_the_last)
{
  FakeHost host;
  FakeConfig config = with_failback;

  config.probe_interval = "1";
  _leave_primary(&host, &config);
  _next_probe(&host);
  fake_host_advance(&host, 9999);
  cr_expect_eq(fake_host_timer_in(&host, FAILOVER_TIMER_PROBE), -1, "two probes at once");
  fake_host_advance(&host, 1);
  fake_host_advance(&host, 0);
  cr_expect_eq(fake_host_count_events(&host, FAILOVER_EVENT_PROBE_FAILED), (size_t) 1);
  cr_expect_str_eq(fake_host_trying(&host, FAKE_PROBE), "p:514", "overdue, so the next one follows at once");
  _end(&host);
}

Test(probes, one_without_an_answer_ends_at_its_deadline)
{
  FakeHost host;

  _leave_primary(&host, &with_failback);
  _next_probe(&host);
  fake_host_advance(&host, 3000);
  fake_host_resolved(&host, FAKE_PROBE, 2);
  fake_host_advance(&host, 6999);
  cr_expect_eq(fake_host_connecting(&host, FAKE_PROBE), 2u);
  fake_host_advance(&host, 1);
  cr_expect_eq(fake_host_connecting(&host, FAKE_PROBE), 0u);
  const FakeEvent *event = fake_host_last_event(&host, FAILOVER_EVENT_PROBE_FAILED);
  cr_expect_eq(event->reason, FAILOVER_REASON_TIMEOUT);
  cr_expect_eq(event->took_ms, FAKE_DEADLINE_MS);
  cr_expect_eq(event->repeated, false);
  cr_expect_not_null(fake_host_in_use(&host), "the server in use was given up for a probe");
  _expect_probe_in(&host, 10000);
  _end(&host);
}

Test(probes, a_failure_starts_the_count_again)
{
  FakeHost host;

  _leave_primary(&host, &with_failback);
  for (int i = 0; i < 2; i++)
    {
      _next_probe(&host);
      fake_host_accept(&host, FAKE_PROBE);
    }
  _next_probe(&host);
  fake_host_not_resolved(&host, FAKE_PROBE);
  const FakeEvent *event = fake_host_last_event(&host, FAILOVER_EVENT_PROBE_FAILED);
  cr_expect_eq(event->reason, FAILOVER_REASON_NOT_RESOLVED);
  cr_expect_str_eq(event->detail, "there is no such name");
  cr_expect_eq(event->successes, 0u);
  for (unsigned i = 1; i <= 2; i++)
    {
      _next_probe(&host);
      fake_host_accept(&host, FAKE_PROBE);
      cr_expect_eq(fake_host_last_event(&host, FAILOVER_EVENT_PROBE_SUCCEEDED)->successes, i);
    }
  _next_probe(&host);
  fake_host_accept(&host, FAKE_PROBE);
  fake_host_last_event(&host, FAILOVER_EVENT_FAILED_BACK);
  _end(&host);
}

/* A primary that is down for a week is one line in the log, not ten thousand. */
Test(probes, a_failure_is_repeated_if_the_one_before_had_the_same_reason)
{
  static const struct
  {
    failover_reason reason; /* FAILOVER_REASON_PROBE: it succeeds */
    bool repeated;
  } table[] = {
    { FAILOVER_REASON_REFUSED, false },
    { FAILOVER_REASON_REFUSED, true },
    { FAILOVER_REASON_REFUSED, true },
    { FAILOVER_REASON_UNREACHABLE, false },
    { FAILOVER_REASON_REFUSED, false },
    { FAILOVER_REASON_REFUSED, true },
    { FAILOVER_REASON_PROBE, false },
    { FAILOVER_REASON_REFUSED, false },
  };
  FakeHost host;

  _leave_primary(&host, &with_failback);
  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
    {
      _next_probe(&host);
      if (table[i].reason == FAILOVER_REASON_PROBE)
        {
          fake_host_accept(&host, FAKE_PROBE);
          continue;
        }
      fake_host_refuse(&host, FAKE_PROBE, table[i].reason);
      const FakeEvent *event = fake_host_last_event(&host, FAILOVER_EVENT_PROBE_FAILED);
      cr_expect_eq(event->reason, table[i].reason, "probe %zu", i);
      cr_expect_eq(event->repeated, table[i].repeated, "probe %zu", i);
    }

  /* since the primary was left: after it was left again, the first is news */
  for (int i = 0; i < 3; i++)
    {
      _next_probe(&host);
      fake_host_accept(&host, FAKE_PROBE);
    }
  fake_host_disconnected(&host, FAILOVER_REASON_RESET);
  _next_probe(&host);
  fake_host_refuse(&host, FAKE_PROBE, FAILOVER_REASON_REFUSED);
  cr_expect_eq(fake_host_last_event(&host, FAILOVER_EVENT_PROBE_FAILED)->repeated, false);
  _end(&host);
}

Test(probes, a_turn_of_the_primary_makes_the_next_failure_news)
{
  FakeHost host;
  FakeConfig config = with_failback;

  config.servers[1] = NULL;
  _leave_primary(&host, &config);
  for (int i = 0; i < 2; i++)
    {
      _next_probe(&host);
      fake_host_refuse(&host, FAKE_PROBE, FAILOVER_REASON_REFUSED);
    }
  cr_assert_eq(fake_host_last_event(&host, FAILOVER_EVENT_PROBE_FAILED)->repeated, true);

  fake_host_disconnected(&host, FAILOVER_REASON_RESET);
  fake_host_advance(&host, 0);
  cr_assert_str_eq(fake_host_trying(&host, FAKE_ATTEMPT), "p:514");
  fake_host_refuse(&host, FAKE_ATTEMPT, FAILOVER_REASON_REFUSED);
  fake_host_advance(&host, config.time_reopen_ms);
  fake_host_accept(&host, FAKE_ATTEMPT);
  _next_probe(&host);
  fake_host_refuse(&host, FAKE_PROBE, FAILOVER_REASON_REFUSED);
  cr_expect_eq(fake_host_last_event(&host, FAILOVER_EVENT_PROBE_FAILED)->repeated, false);
  _end(&host);
}

Test(probes, one_that_cannot_be_handed_over_is_a_failure)
{
  FakeHost host;
  FakeConfig config = with_failback;

  config.probes_required = "1";
  _leave_primary(&host, &config);
  const FakeConnection *old = fake_host_in_use(&host);
  host.writer.refuses_connections = true;
  _next_probe(&host);
  fake_host_accept(&host, FAKE_PROBE);
  const FakeEvent *event = fake_host_last_event(&host, FAILOVER_EVENT_PROBE_FAILED);
  cr_expect_eq(event->reason, FAILOVER_REASON_LOCAL);
  cr_expect_eq(event->successes, 0u);
  cr_expect_eq(fake_host_in_use(&host), old, "the old connection is given up for one that is not there");
  _expect_probe_in(&host, 20000);

  host.writer.refuses_connections = false;
  _next_probe(&host);
  fake_host_accept(&host, FAKE_PROBE);
  fake_host_last_event(&host, FAILOVER_EVENT_FAILED_BACK);
  _end(&host);
}

Test(probes, they_stop_while_the_rotation_tries_the_primary)
{
  FakeHost host;
  FakeConfig config = with_failback;

  config.servers[1] = NULL;
  _leave_primary(&host, &config);
  _next_probe(&host);
  fake_host_resolved(&host, FAKE_PROBE, 1);

  /* a round is over: first a alone, then the primary's turn */
  fake_host_disconnected(&host, FAILOVER_REASON_CLOSED);
  fake_host_advance(&host, 0);
  cr_assert_str_eq(fake_host_trying(&host, FAKE_ATTEMPT), "p:514");
  cr_expect_eq(fake_host_connecting(&host, FAKE_PROBE), 0u, "the probe goes on beside the attempt");
  cr_expect_str_eq(fake_host_trying(&host, FAKE_PROBE), "");
  cr_expect_eq(fake_host_timer_in(&host, FAILOVER_TIMER_PROBE), -1);
  cr_expect_eq(fake_host_timer_in(&host, FAILOVER_TIMER_PROBE_DEADLINE), -1);

  /* and begin anew when it fails */
  fake_host_advance(&host, 5000);
  fake_host_refuse(&host, FAKE_ATTEMPT, FAILOVER_REASON_REFUSED);
  _expect_probe_in(&host, 20000);
  _end(&host);
}

Test(probes, there_are_none_without_failback)
{
  FakeHost host;
  FakeConfig config = with_failback;

  config.failback = false;
  _leave_primary(&host, &config);
  fake_host_advance(&host, 3600000);
  cr_expect_eq(fake_host_any_timer(&host), false);
  cr_expect_eq(fake_host_count_events(&host, FAILOVER_EVENT_PROBE_FAILED), (size_t) 0);
  _end(&host);
}

Test(probes, all_addresses_of_the_primary_are_tried)
{
  FakeHost host;
  FakeConfig config = with_failback;

  config.probes_required = "1";
  _leave_primary(&host, &config);
  _next_probe(&host);
  fake_host_resolved(&host, FAKE_PROBE, 3);
  fake_host_connect_failed(&host, FAKE_PROBE, 0, FAILOVER_REASON_UNREACHABLE);
  cr_expect_eq(fake_host_count_events(&host, FAILOVER_EVENT_PROBE_FAILED), (size_t) 0);
  fake_host_advance(&host, FAKE_NEXT_MS);
  cr_expect_eq(fake_host_connecting(&host, FAKE_PROBE), 2u);
  fake_host_connected(&host, FAKE_PROBE, 2);
  cr_expect_eq(fake_host_connecting(&host, FAKE_PROBE), 0u);
  cr_expect_str_eq(fake_host_last_event(&host, FAILOVER_EVENT_FAILED_BACK)->address, "[2001:db8::3]:514");
  _end(&host);
}

Test(probes, a_probe_and_an_attempt_do_not_disturb_each_other)
{
  FakeHost host;

  _leave_primary(&host, &with_failback);
  fake_host_advance(&host, 19000);
  fake_host_disconnected(&host, FAILOVER_REASON_RESET);
  fake_host_advance(&host, 0);
  cr_assert_str_eq(fake_host_trying(&host, FAKE_ATTEMPT), "b:514");
  fake_host_resolved(&host, FAKE_ATTEMPT, 2);
  fake_host_advance(&host, 1000);
  fake_host_resolved(&host, FAKE_PROBE, 2);

  fake_host_connect_failed(&host, FAKE_PROBE, 0, FAILOVER_REASON_REFUSED);
  fake_host_connect_failed(&host, FAKE_PROBE, 1, FAILOVER_REASON_REFUSED);
  fake_host_last_event(&host, FAILOVER_EVENT_PROBE_FAILED);
  cr_expect_eq(fake_host_connecting(&host, FAKE_ATTEMPT), 2u);
  fake_host_connected(&host, FAKE_ATTEMPT, 1);
  cr_expect_str_eq(fake_host_last_event(&host, FAILOVER_EVENT_CONNECTED)->server, "b:514");
  _end(&host);
}

/* ------------------------------------------------------------------------
 * Reload
 */

Test(probes, a_reload_keeps_the_count_and_the_time_of_the_next)
{
  FakeHost host;

  _leave_primary(&host, &with_failback);
  for (int i = 0; i < 2; i++)
    {
      _next_probe(&host);
      fake_host_accept(&host, FAKE_PROBE);
    }
  fake_host_advance(&host, 5000);
  fake_host_reload(&host, &with_failback, true);
  fake_host_last_event(&host, FAILOVER_EVENT_KEPT);
  _expect_probe_in(&host, 15000);
  _next_probe(&host);
  fake_host_accept(&host, FAKE_PROBE);
  cr_expect_eq(fake_host_last_event(&host, FAILOVER_EVENT_FAILED_BACK)->successes, 3u);
  _end(&host);
}

Test(probes, a_reload_in_the_middle_of_one_does_not_lose_the_count)
{
  FakeHost host;

  _leave_primary(&host, &with_failback);
  _next_probe(&host);
  fake_host_accept(&host, FAKE_PROBE);
  _next_probe(&host);
  fake_host_resolved(&host, FAKE_PROBE, 1);
  fake_host_reload(&host, &with_failback, true);
  cr_expect_eq(fake_host_connecting(&host, FAKE_PROBE), 0u, "the probe goes on after stop");
  int64_t ms = fake_host_timer_in(&host, FAILOVER_TIMER_PROBE);
  cr_expect(ms >= 0 && ms <= 20000, "the next probe is in %lld ms", (long long) ms);
  _next_probe(&host);
  fake_host_accept(&host, FAKE_PROBE);
  cr_expect_eq(fake_host_last_event(&host, FAILOVER_EVENT_PROBE_SUCCEEDED)->successes, 2u);
  _end(&host);
}

Test(probes, a_reload_with_another_primary_counts_anew)
{
  FakeHost host;
  FakeConfig other = with_failback;

  other.primary = "q";
  _leave_primary(&host, &with_failback);
  for (int i = 0; i < 2; i++)
    {
      _next_probe(&host);
      fake_host_accept(&host, FAKE_PROBE);
    }
  fake_host_advance(&host, 5000);
  fake_host_reload(&host, &other, true);
  fake_host_last_event(&host, FAILOVER_EVENT_KEPT);
  _expect_probe_in(&host, 20000);
  fake_host_advance(&host, 20000);
  cr_expect_str_eq(fake_host_trying(&host, FAKE_PROBE), "q:514");
  fake_host_accept(&host, FAKE_PROBE);
  cr_expect_eq(fake_host_last_event(&host, FAILOVER_EVENT_PROBE_SUCCEEDED)->successes, 1u);
  _end(&host);
}

Test(probes, a_reload_that_turns_failback_on_or_off)
{
  FakeHost host;
  FakeConfig without = with_failback;

  without.failback = false;
  _leave_primary(&host, &with_failback);
  _next_probe(&host);
  fake_host_accept(&host, FAKE_PROBE);
  fake_host_reload(&host, &without, true);
  cr_expect_eq(fake_host_any_timer(&host), false, "the primary is probed without failback()");
  fake_host_reload(&host, &with_failback, true);
  _expect_probe_in(&host, 20000);
  _next_probe(&host);
  fake_host_accept(&host, FAKE_PROBE);
  cr_expect_eq(fake_host_last_event(&host, FAILOVER_EVENT_PROBE_SUCCEEDED)->successes, 1u);
  _end(&host);
}

/* Successes that are enough now do not replace the probe whose connection is
 * taken into use, and an event never counts more of them than are required. */
Test(probes, a_reload_that_requires_fewer_waits_for_the_next_one)
{
  FakeHost host;
  FakeConfig fewer = with_failback;

  fewer.probes_required = "1";
  _leave_primary(&host, &with_failback);
  for (int i = 0; i < 2; i++)
    {
      _next_probe(&host);
      fake_host_accept(&host, FAKE_PROBE);
    }
  fake_host_reload(&host, &fewer, true);
  fake_host_last_event(&host, FAILOVER_EVENT_KEPT);
  _next_probe(&host);
  fake_host_accept(&host, FAKE_PROBE);
  const FakeEvent *back = fake_host_last_event(&host, FAILOVER_EVENT_FAILED_BACK);
  cr_expect_eq(back->successes, 1u);
  cr_expect_eq(back->required, 1u);
  _end(&host);
}
