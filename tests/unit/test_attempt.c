/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One attempt on one server: look-up, addresses, deadline, what is reported.
 */
#include "fake_host.h"

#include <criterion/criterion.h>

static const FakeConfig two_servers = { .primary = "p", .time_reopen_ms = 1000, .servers = { "a", "b" } };

static void
_begin(FakeHost *host)
{
  fake_host_init(host);
  fake_host_configure(host, &two_servers);
  fake_host_start(host, false);
}

static void
_end(FakeHost *host)
{
  fake_host_stop(host, false);
  cr_expect_eq(fake_host_any_timer(host), false, "a timer survives stop");
  cr_expect_eq(fake_host_connecting(host, FAKE_ATTEMPT), 0u, "a connection in the making survives stop");
  cr_expect_str_eq(fake_host_trying(host, FAKE_ATTEMPT), "", "a look-up survives stop");
  fake_host_done(host);
}

static void
_expect_failed(const FakeHost *host, failover_reason reason, const char *address, int64_t took_ms)
{
  const FakeEvent *event = fake_host_last_event(host, FAILOVER_EVENT_SERVER_FAILED);

  cr_expect_eq(event->reason, reason, "the reason is %s, expected %s", failover_reason_code(event->reason),
               failover_reason_code(reason));
  cr_expect_str_eq(event->server, "p:514");
  cr_expect_str_eq(event->next, "a:514");
  cr_expect_str_eq(event->address, address);
  cr_expect_eq(event->took_ms, took_ms);
  cr_expect_eq(event->in_use_ms, -1);
  cr_expect_eq(fake_host_timer_in(host, FAILOVER_TIMER_ATTEMPT_DEADLINE), -1,
               "the deadline outlives the attempt");
  cr_expect_eq(fake_host_timer_in(host, FAILOVER_TIMER_ATTEMPT_NEXT), -1,
               "a next address outlives the attempt");
  cr_expect_eq(fake_host_connecting(host, FAKE_ATTEMPT), 0u, "a connection outlives the attempt");
  cr_expect_str_eq(fake_host_trying(host, FAKE_ATTEMPT), "", "the look-up outlives the attempt");
}

Test(attempt, the_first_that_connects_wins)
{
  FakeHost host;

  _begin(&host);
  fake_host_resolved(&host, FAKE_ATTEMPT, 3);
  cr_expect_eq(fake_host_connecting(&host, FAKE_ATTEMPT), 1u);
  fake_host_advance(&host, FAKE_NEXT_MS - 1);
  cr_expect_eq(fake_host_connecting(&host, FAKE_ATTEMPT), 1u, "the second address comes too early");
  fake_host_advance(&host, 1);
  cr_expect_eq(fake_host_connecting(&host, FAKE_ATTEMPT), 2u, "the second address does not come");
  fake_host_advance(&host, FAKE_NEXT_MS);
  cr_expect_eq(fake_host_connecting(&host, FAKE_ATTEMPT), 3u);
  fake_host_connected(&host, FAKE_ATTEMPT, 1);

  const FakeEvent *event = fake_host_last_event(&host, FAILOVER_EVENT_CONNECTED);
  cr_expect_eq(event->reason, FAILOVER_REASON_START);
  cr_expect_str_eq(event->server, "p:514");
  cr_expect_str_eq(event->address, "192.0.2.2:514");
  cr_expect_eq(event->took_ms, 2 * FAKE_NEXT_MS);
  cr_expect_str_eq(host.handed_over, "p", "TLS checks the name without the port");
  cr_expect_eq(fake_host_connecting(&host, FAKE_ATTEMPT), 0u, "the others are left open");
  cr_expect_str_eq(fake_host_trying(&host, FAKE_ATTEMPT), "", "the look-up is not released");
  cr_expect_eq(fake_host_any_timer(&host), false);
  _end(&host);
}

Test(attempt, after_a_failure_the_next_address_follows_at_once)
{
  FakeHost host;

  _begin(&host);
  fake_host_resolved(&host, FAKE_ATTEMPT, 3);
  fake_host_advance(&host, 100);
  fake_host_connect_failed(&host, FAKE_ATTEMPT, 0, FAILOVER_REASON_REFUSED);
  cr_expect_eq(fake_host_connecting(&host, FAKE_ATTEMPT), 1u);
  cr_expect_eq(fake_host_timer_in(&host, FAILOVER_TIMER_ATTEMPT_NEXT), FAKE_NEXT_MS,
               "the third address has to give the second its time");
  fake_host_connect_failed(&host, FAKE_ATTEMPT, 1, FAILOVER_REASON_REFUSED);
  fake_host_connect_failed(&host, FAKE_ATTEMPT, 2, FAILOVER_REASON_UNREACHABLE);
  _expect_failed(&host, FAILOVER_REASON_UNREACHABLE, "[2001:db8::3]:514", 100);
  _end(&host);
}

Test(attempt, after_a_failure_the_next_address_does_not_wait_for_the_others)
{
  FakeHost host;

  _begin(&host);
  fake_host_resolved(&host, FAKE_ATTEMPT, 3);
  fake_host_advance(&host, FAKE_NEXT_MS);
  fake_host_connect_failed(&host, FAKE_ATTEMPT, 1, FAILOVER_REASON_REFUSED);
  cr_expect_eq(fake_host_connecting(&host, FAKE_ATTEMPT), 2u, "addresses 0 and 2");
  fake_host_connected(&host, FAKE_ATTEMPT, 2);
  cr_expect_str_eq(fake_host_last_event(&host, FAILOVER_EVENT_CONNECTED)->address, "[2001:db8::3]:514");
  _end(&host);
}

Test(attempt, it_fails_only_when_all_addresses_have_failed)
{
  FakeHost host;

  _begin(&host);
  fake_host_resolved(&host, FAKE_ATTEMPT, 2);
  fake_host_advance(&host, FAKE_NEXT_MS);
  fake_host_connect_failed(&host, FAKE_ATTEMPT, 1, FAILOVER_REASON_REFUSED);
  cr_expect_eq(host.event_count, (size_t) 0);
  fake_host_connect_failed(&host, FAKE_ATTEMPT, 0, FAILOVER_REASON_UNREACHABLE);
  _expect_failed(&host, FAILOVER_REASON_UNREACHABLE, "192.0.2.1:514", FAKE_NEXT_MS);
  cr_expect_str_eq(host.events[0].detail, "says the host at length");
  _end(&host);
}

Test(attempt, sixteen_addresses_are_enough)
{
  FakeHost host;

  _begin(&host);
  fake_host_resolved(&host, FAKE_ATTEMPT, 20);
  fake_host_advance(&host, FAKE_DEADLINE_MS - 1);
  cr_expect_eq(fake_host_connecting(&host, FAKE_ATTEMPT), 16u);
  for (uint32_t i = 0; i < 16; i++)
    fake_host_connect_failed(&host, FAKE_ATTEMPT, i, FAILOVER_REASON_REFUSED);
  _expect_failed(&host, FAILOVER_REASON_REFUSED, "192.0.2.4:514", FAKE_DEADLINE_MS - 1);
  _end(&host);
}

Test(attempt, the_deadline_holds_for_the_look_up)
{
  FakeHost host;

  _begin(&host);
  cr_expect_eq(fake_host_timer_in(&host, FAILOVER_TIMER_ATTEMPT_DEADLINE), FAKE_DEADLINE_MS);
  fake_host_advance(&host, FAKE_DEADLINE_MS);
  _expect_failed(&host, FAILOVER_REASON_TIMEOUT, "", FAKE_DEADLINE_MS);
  _end(&host);
}

Test(attempt, the_deadline_holds_for_look_up_and_connections_together)
{
  FakeHost host;

  _begin(&host);
  fake_host_advance(&host, 9000);
  fake_host_resolved(&host, FAKE_ATTEMPT, 2);
  fake_host_advance(&host, 999);
  cr_expect_eq(fake_host_connecting(&host, FAKE_ATTEMPT), 2u);
  fake_host_advance(&host, 1);
  _expect_failed(&host, FAILOVER_REASON_TIMEOUT, "192.0.2.2:514", FAKE_DEADLINE_MS);
  _end(&host);
}

Test(attempt, a_name_without_an_address_is_a_failure)
{
  FakeHost host;

  _begin(&host);
  fake_host_advance(&host, 30);
  fake_host_not_resolved(&host, FAKE_ATTEMPT);
  _expect_failed(&host, FAILOVER_REASON_NOT_RESOLVED, "", 30);
  cr_expect_str_eq(host.events[0].detail, "there is no such name");
  _end(&host);
}

Test(attempt, an_empty_list_of_addresses_is_the_same)
{
  FakeHost host;

  _begin(&host);
  fake_host_resolved(&host, FAKE_ATTEMPT, 0);
  _expect_failed(&host, FAILOVER_REASON_NOT_RESOLVED, "", 0);
  _end(&host);
}

Test(attempt, a_connection_that_cannot_be_handed_over_is_a_failure)
{
  FakeHost host;

  _begin(&host);
  host.writer.refuses_connections = true;
  fake_host_accept(&host, FAKE_ATTEMPT);
  _expect_failed(&host, FAILOVER_REASON_LOCAL, "192.0.2.1:514", 0);
  cr_expect_eq(failover_destination_in_use(host.destination, NULL, NULL), false);
  _end(&host);
}

Test(attempt, the_end_of_a_connection_is_told_with_its_duration)
{
  FakeHost host;

  _begin(&host);
  fake_host_accept(&host, FAKE_ATTEMPT);
  fake_host_advance(&host, 1234);
  fake_host_disconnected(&host, FAILOVER_REASON_RESET);
  const FakeEvent *event = fake_host_last_event(&host, FAILOVER_EVENT_SERVER_FAILED);
  cr_expect_eq(event->reason, FAILOVER_REASON_RESET);
  cr_expect_str_eq(event->server, "p:514");
  cr_expect_str_eq(event->address, "192.0.2.1:514");
  cr_expect_str_eq(event->detail, "");
  cr_expect_str_eq(event->next, "a:514");
  cr_expect_eq(event->in_use_ms, 1234);
  cr_expect_eq(event->took_ms, -1);
  cr_expect_eq(failover_destination_in_use(host.destination, NULL, NULL), false);
  _end(&host);
}

/* After a suspend everything is overdue at once. */
Test(attempt, a_leap_of_the_clock_ends_it)
{
  FakeHost host;

  _begin(&host);
  fake_host_resolved(&host, FAKE_ATTEMPT, 3);
  fake_host_leap(&host, 3600000);
  _expect_failed(&host, FAILOVER_REASON_TIMEOUT, "192.0.2.2:514", 3600000);
  cr_expect_eq(fake_host_timer_in(&host, FAILOVER_TIMER_SWITCH), 1000,
               "the wait starts when the failure is seen");
  _end(&host);
}

/* "A number that was given up meanwhile is ignored." */
Test(attempt, late_answers_are_ignored)
{
  FakeHost host;
  const failover_text address = fake_text("192.0.2.9:514");

  _begin(&host);
  fake_host_resolved(&host, FAKE_ATTEMPT, 2);
  fake_host_advance(&host, FAKE_NEXT_MS);
  fake_host_connected(&host, FAKE_ATTEMPT, 0);
  cr_assert_eq(host.event_count, (size_t) 1);

  const uint64_t used = host.connections[0].number, closed = host.connections[1].number;
  const uint64_t numbers[] = { host.lookups[0].number, closed, 0, UINT64_MAX };
  host.stopped = true; /* not one call may come out of what follows */
  for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
    {
      cr_expect_eq(failover_destination_resolved(host.destination, numbers[i], &address, 1), FAILOVER_OK);
      cr_expect_eq(failover_destination_not_resolved(host.destination, numbers[i], fake_text("")), FAILOVER_OK);
      cr_expect_eq(failover_destination_connected(host.destination, numbers[i]), FAILOVER_OK);
      cr_expect_eq(failover_destination_connect_failed(host.destination, numbers[i], FAILOVER_REASON_REFUSED,
                                                       fake_text("")),
                   FAILOVER_OK);
    }
  cr_expect_eq(failover_destination_connected(host.destination, used), FAILOVER_OK);
  cr_expect_eq(failover_destination_connect_failed(host.destination, used, FAILOVER_REASON_RESET, fake_text("")),
               FAILOVER_OK);
  host.stopped = false;

  uint64_t connection = 0;
  cr_expect_eq(failover_destination_in_use(host.destination, &connection, NULL), true);
  cr_expect_eq(connection, used);
  _end(&host);
}

Test(attempt, a_second_answer_to_a_look_up_is_ignored)
{
  FakeHost host;
  const failover_text address = fake_text("192.0.2.9:514");

  _begin(&host);
  fake_host_resolved(&host, FAKE_ATTEMPT, 1);
  host.stopped = true; /* not one call may come out of what follows */
  cr_expect_eq(failover_destination_resolved(host.destination, host.lookups[0].number, &address, 1), FAILOVER_OK);
  cr_expect_eq(failover_destination_not_resolved(host.destination, host.lookups[0].number, fake_text("")), FAILOVER_OK);
  host.stopped = false;
  fake_host_connected(&host, FAKE_ATTEMPT, 0);
  fake_host_last_event(&host, FAILOVER_EVENT_CONNECTED);
  _end(&host);
}

Test(attempt, the_end_of_a_connection_that_is_not_there_is_ignored)
{
  FakeHost host;

  _begin(&host);
  host.stopped = true; /* not one call may come out of what follows */
  cr_expect_eq(failover_destination_ended(host.destination), FAILOVER_OK);
  host.stopped = false;
  fake_host_accept(&host, FAKE_ATTEMPT);
  fake_host_disconnected(&host, FAILOVER_REASON_RESET);
  cr_assert_eq(host.event_count, (size_t) 2);
  host.stopped = true;
  cr_expect_eq(failover_destination_ended(host.destination), FAILOVER_OK);
  host.stopped = false;
  _end(&host);
}

/* ------------------------------------------------------------------------
 * Stop
 */

Test(attempt, stop_leaves_nothing_in_any_state)
{
  enum
  {
    RESOLVING,
    CONNECTING,
    WAITING,
    IN_USE,
    PROBING,
    STATES,
  };

  for (int state = 0; state < STATES; state++)
    {
      FakeHost host;
      FakeConfig config = two_servers;

      config.failback = true;
      config.probe_interval = "1";
      config.switch_delay = "0";
      fake_host_init(&host);
      fake_host_configure(&host, &config);
      fake_host_start(&host, false);
      if (state == CONNECTING || state == IN_USE)
        fake_host_resolved(&host, FAKE_ATTEMPT, 2);
      if (state == CONNECTING)
        fake_host_advance(&host, FAKE_NEXT_MS);
      if (state == IN_USE)
        fake_host_connected(&host, FAKE_ATTEMPT, 0);
      if (state >= WAITING && state != IN_USE)
        fake_host_not_resolved(&host, FAKE_ATTEMPT);
      if (state == PROBING)
        {
          fake_host_advance(&host, 1000);
          fake_host_resolved(&host, FAKE_PROBE, 3);
          fake_host_advance(&host, FAKE_NEXT_MS);
        }

      fake_host_stop(&host, false);
      cr_expect_eq(fake_host_any_timer(&host), false, "state %d: a timer survives", state);
      cr_expect_eq(fake_host_connecting(&host, FAKE_ATTEMPT), 0u, "state %d: a connection survives", state);
      cr_expect_eq(fake_host_connecting(&host, FAKE_PROBE), 0u, "state %d: a probe survives", state);
      cr_expect_str_eq(fake_host_trying(&host, FAKE_ATTEMPT), "", "state %d: a look-up survives", state);
      cr_expect_str_eq(fake_host_trying(&host, FAKE_PROBE), "", "state %d: a look-up survives", state);
      cr_expect_eq(fake_host_in_use(&host) != NULL, state == IN_USE, "state %d: what was in use", state);
      fake_host_done(&host);
    }
}

/* What is in use is the host's from then on, and so is its end. */
Test(attempt, the_end_of_a_connection_after_stop_is_ignored)
{
  FakeHost host;

  _begin(&host);
  fake_host_accept(&host, FAKE_ATTEMPT);
  fake_host_stop(&host, false);
  fake_host_disconnected(&host, FAILOVER_REASON_RESET);
  cr_expect_eq(host.event_count, (size_t) 1, "an event after stop");
  fake_host_done(&host);
}

Test(attempt, stop_twice_is_stop_once)
{
  FakeHost host;

  _begin(&host);
  fake_host_stop(&host, false);
  fake_host_stop(&host, false);
  cr_expect_eq(failover_destination_timer_due(host.destination, FAILOVER_TIMER_SWITCH), FAILOVER_OK);
  fake_host_done(&host);
}

Test(attempt, stop_without_start)
{
  FakeHost host;

  fake_host_init(&host);
  failover_destination_stop(host.destination, false);
  fake_host_done(&host);
}
