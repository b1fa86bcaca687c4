/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The connection that the LogWriter has: its end, how it is handed from one
 * configuration to the next, and what becomes of its messages.  From one server to the
 * next: test_hand_over.c.
 */
#include "count_allocations.h"
#include "scenes.h"

#include <criterion/criterion.h>
#include <string.h>

enum
{
  DEAD_PEER_MS = 30000,
};

/* ------------------------------------------------------------------------
 * The end of the connection in use
 */

Test(destination, the_end_of_a_connection_tells_what_waits)
{
  FakeHost host;

  scene_begin_with_a(&host);
  cr_assert(fake_writer_post(&host, "one") && fake_writer_post(&host, "two"));
  fake_host_advance(&host, 1000);
  fake_host_disconnected(&host, FAILOVER_REASON_RESET);
  const FakeEvent *event = fake_host_last_event(&host, FAILOVER_EVENT_ALL_FAILED);
  cr_expect_eq(event->reason, FAILOVER_REASON_RESET);
  cr_expect_eq(event->to_resend, 2u);
  cr_expect(event->fruitless);

  fake_host_advance(&host, 1000);
  scene_accept(&host);
  fake_writer_flush(&host);
  cr_expect_str_eq(host.writer.written, "one two one two");
  cr_expect_eq(failover_destination_get_stream(host.destination).resent, 2u);
  scene_end(&host);
}

/* Not every LogWriter looks for it. */
Test(destination, a_peer_that_closes_its_side_has_ended_the_connection)
{
  FakeHost host;
  FakeConnection *a = scene_begin_with_a(&host);

  a->tcp.open = false;
  host.writer.end.tcp_known = true;
  fake_host_advance(&host, 1000);
  cr_expect_eq(a->state, FAKE_GONE);
  cr_expect_eq(host.events[2].reason, FAILOVER_REASON_CLOSED);
  scene_end(&host);
}

Test(destination, a_peer_that_was_given_up_has_timed_out)
{
  FakeHost host;
  FakeConnection *a = scene_begin_with_a(&host);

  a->tcp.in_flight = true;
  cr_assert(fake_writer_post(&host, "one"));
  fake_host_advance(&host, 2000);
  fake_host_advance(&host, DEAD_PEER_MS);
  fake_host_disconnected(&host, FAILOVER_REASON_RESET); /* says the kernel */
  cr_expect_eq(host.events[host.event_count - 1].reason, FAILOVER_REASON_TIMEOUT);
  scene_end(&host);
}

/* A window may widen while it is filled: after 128 messages or 64 KiB at the latest it is looked at. */
Test(destination, the_window_is_looked_at_often_while_much_is_posted)
{
  static char large[40000 + 1];
  FakeHost host;
  FakeConnection *a = scene_begin_with_a(&host);
  const uint32_t before = a->tcp_read_count;

  memset(large, 'x', sizeof large - 1);
  cr_assert(fake_writer_post(&host, large));
  cr_expect_eq(a->tcp_read_count, before);
  cr_assert(fake_writer_post(&host, large));
  cr_expect_eq(a->tcp_read_count, before + 1);
  for (int i = 1; i < 128; i++)
    cr_assert(fake_writer_post(&host, "small"));
  cr_expect_eq(a->tcp_read_count, before + 1);
  cr_assert(fake_writer_post(&host, "small"));
  cr_expect_eq(a->tcp_read_count, before + 2);
  scene_end(&host);
}

/* ------------------------------------------------------------------------
 * Start and stop
 */

/* syslog-ng's own driver made one, to whichever server it liked. */
static FakeConnection *
_add_foreign(FakeHost *host)
{
  FakeConnection *foreign = &host->connections[host->connection_count++];

  *foreign = (FakeConnection){ .number = 1000000, .state = FAKE_IN_USE, .host = host };
  return foreign;
}

Test(destination, a_connection_of_somebody_else_is_taken_away)
{
  FakeHost host;

  fake_host_init(&host);
  FakeConnection *foreign = _add_foreign(&host);
  fake_host_configure(&host, &scene_config);
  fake_host_start(&host, true);
  cr_expect_eq(foreign->state, FAKE_GONE);
  cr_expect_str_eq(fake_host_trying(&host, FAKE_ATTEMPT), "p:514");
  scene_accept(&host);
  cr_expect_eq(fake_host_last_event(&host, FAILOVER_EVENT_CONNECTED)->reason, FAILOVER_REASON_START);
  scene_end(&host);
}

Test(destination, stop_completes_a_hand_over)
{
  FakeHost host;
  FakeConnection *a = scene_begin_with_half_a_message(&host);

  FakeConnection *primary = scene_go_back(&host);
  fake_host_stop(&host, true);
  cr_expect_eq(fake_host_in_use(&host), primary);
  cr_expect_eq(fake_host_timer_in(&host, FAILOVER_TIMER_HAND_OVER), -1);
  cr_expect_eq(a->state, FAKE_DRAINED);

  fake_host_configure(&host, &scene_config);
  fake_host_start(&host, true);
  cr_expect_str_eq(fake_host_last_event(&host, FAILOVER_EVENT_KEPT)->server, "p:514");
  cr_expect_eq(fake_host_in_use(&host), primary);
  scene_end(&host);
}

Test(destination, stop_completes_a_hand_over_that_fails)
{
  FakeHost host;

  scene_begin_with_half_a_message(&host);
  scene_go_back(&host);
  host.writer.refuses_connections = true;
  fake_host_stop(&host, true);
  fake_host_last_event(&host, FAILOVER_EVENT_SERVER_FAILED);
  cr_expect_null(fake_host_in_use(&host));

  fake_host_configure(&host, &scene_config);
  fake_host_start(&host, false);
  cr_expect_str_eq(fake_host_trying(&host, FAKE_ATTEMPT), "a:514");
  scene_end(&host);
}

static void
_expect_confirmed(FakeHost *host, FakeConnection *connection)
{
  cr_expect_eq(connection->state, FAKE_DRAINED);
  fake_writer_acknowledge(connection);
  fake_host_advance(host, 2000);
  cr_expect_eq(connection->state, FAKE_GONE);
  cr_expect_eq(connection->closed, FAILOVER_CLOSE_CONFIRMED);
  cr_expect_eq(failover_destination_get_stream(host->destination).waiting, 0u);
}

Test(destination, a_connection_that_no_configuration_keeps_is_drained)
{
  FakeHost host;
  FakeConnection *a = scene_begin_with_a(&host);

  cr_assert(fake_writer_post(&host, "one"));
  fake_host_stop(&host, true);
  fake_writer_free(&host);
  _expect_confirmed(&host, a);
  fake_host_done(&host);
}

/* The LogWriter of a configuration is freed when the next one has begun. */
Test(destination, a_connection_that_is_not_kept_is_drained)
{
  FakeHost host;
  FakeConnection *a = scene_begin_with_a(&host);

  cr_assert(fake_writer_post(&host, "one"));
  fake_host_stop(&host, false);
  fake_host_configure(&host, &scene_config);
  fake_host_start(&host, false);
  fake_writer_free(&host);
  _expect_confirmed(&host, a);
  scene_end(&host);
}

Test(destination, a_connection_to_a_server_that_is_gone_is_drained)
{
  FakeHost host;
  FakeConfig other = scene_config;
  FakeConnection *a = scene_begin_with_a(&host);

  other.servers[0] = "b";
  cr_assert(fake_writer_post(&host, "one"));
  fake_host_reload(&host, &other, true);
  _expect_confirmed(&host, a);
  scene_end(&host);
}

Test(destination, but_not_in_the_middle_of_a_message)
{
  FakeHost host;
  FakeConfig other = scene_config;
  FakeConnection *a = scene_begin_with_half_a_message(&host);

  other.servers[0] = "b";
  fake_host_reload(&host, &other, true);
  cr_expect_eq(a->state, FAKE_GONE);
  cr_expect_eq(failover_destination_get_stream(host.destination).waiting, 1u);
  scene_end(&host);
}

Test(destination, what_comes_after_stop_is_ignored)
{
  FakeHost host;
  const failover_text address = fake_text("192.0.2.9:514");

  scene_begin_with_a(&host);
  fake_host_advance(&host, PROBE_INTERVAL_MS);
  fake_host_resolved(&host, FAKE_PROBE, 1);
  const uint64_t lookup = fake_host_lookup(&host, FAKE_PROBE)->number;
  const uint64_t probe = host.connections[host.connection_count - 1].number;
  fake_host_stop(&host, true);
  const size_t events = host.event_count;

  /* not one call may come out of what follows */
  for (int timer = 0; timer < FAILOVER_TIMER_STREAM; timer++)
    cr_expect_eq(failover_destination_timer_due(host.destination, (failover_timer) timer), FAILOVER_OK);
  cr_expect_eq(failover_destination_resolved(host.destination, lookup, &address, 1), FAILOVER_OK);
  cr_expect_eq(failover_destination_not_resolved(host.destination, lookup, fake_text("")), FAILOVER_OK);
  cr_expect_eq(failover_destination_connected(host.destination, probe), FAILOVER_OK);
  cr_expect_eq(failover_destination_connect_failed(host.destination, probe, FAILOVER_REASON_REFUSED, fake_text("")),
               FAILOVER_OK);
  cr_expect_eq(failover_destination_ended(host.destination), FAILOVER_OK);
  cr_expect_eq(failover_destination_quiet(host.destination), FAILOVER_OK);
  cr_expect_not(failover_destination_in_use(host.destination, NULL, NULL));
  fake_host_advance(&host, 3600000);
  cr_expect_eq(host.event_count, events);
  fake_host_done(&host);
}

/* ------------------------------------------------------------------------
 * failover() is gone from the configuration
 */

Test(destination, a_connection_ends_if_removed_to_a_failover_server)
{
  static const struct
  {
    bool keeps_messages, primary_refuses, accepts, ends;
  } table[] = {
    { false, true, true, true },
    { false, true, false, false },
    { false, false, true, false },
    { true, true, true, false }, /* it is drained, which is an end too */
    { true, false, true, false },
  };

  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
    {
      FakeHost host;

      fake_host_init(&host);
      cr_expect_not(failover_destination_ends_if_removed(host.destination));
      host.writer.keeps_messages = table[i].keeps_messages;
      fake_host_configure(&host, &scene_config);
      fake_host_start(&host, false);
      if (table[i].primary_refuses)
        fake_host_refuse(&host, FAKE_ATTEMPT, FAILOVER_REASON_REFUSED);
      fake_host_advance(&host, 0);
      if (table[i].accepts)
        scene_accept(&host);
      fake_host_stop(&host, true);
      cr_expect_eq(failover_destination_ends_if_removed(host.destination), table[i].ends, "row %zu", i);
      fake_host_done(&host);
    }
}

/* ------------------------------------------------------------------------
 * What is lost
 */

/* A message waits for a connection. */
static void
_begin_with_one_that_waits(FakeHost *host)
{
  scene_begin_with_a(host);
  cr_assert(fake_writer_post(host, "one"));
  fake_host_disconnected(host, FAILOVER_REASON_RESET);
  cr_assert_eq(failover_destination_get_stream(host->destination).waiting, 1u);
}

static void
_expect_lost(const FakeHost *host, uint64_t messages)
{
  cr_expect_eq(host->lost[FAILOVER_LOSS_RELOAD], messages);
  cr_expect_eq(host->lost[FAILOVER_LOSS_MEMORY], 0u);
}

Test(destination, what_waits_is_lost_without_resend)
{
  FakeHost host;
  FakeConfig without = scene_config;

  without.resend = "no";
  _begin_with_one_that_waits(&host);
  fake_host_stop(&host, false);
  _expect_lost(&host, 0);
  fake_host_configure(&host, &without);
  fake_host_start(&host, false);
  _expect_lost(&host, 1);
  cr_expect_eq(failover_destination_get_stream(host.destination).kept, 0u);
  scene_end(&host);
  _expect_lost(&host, 1);
}

/* The connection outlives the configuration that kept its messages. */
Test(destination, and_so_is_what_would_wait)
{
  FakeHost host;
  FakeConfig without = scene_config;

  without.resend = "no";
  scene_begin_with_a(&host);
  cr_assert(fake_writer_post(&host, "one"));
  fake_host_reload(&host, &without, true);
  _expect_lost(&host, 0);
  fake_host_disconnected(&host, FAILOVER_REASON_RESET);
  _expect_lost(&host, 1);
  cr_expect_eq(host.events[host.event_count - 1].to_resend, 0u);
  scene_end(&host);
  _expect_lost(&host, 1);
}

Test(destination, what_waits_is_lost_with_the_destination)
{
  FakeHost host;

  _begin_with_one_that_waits(&host);
  fake_host_stop(&host, false);
  _expect_lost(&host, 0);
  fake_host_done(&host);
  _expect_lost(&host, 1);
}

/* Whoever ends syslog-ng is told how many there are. */
Test(destination, at_the_end_of_syslog_ng_it_is_unacknowledged_and_not_lost)
{
  FakeHost host;

  _begin_with_one_that_waits(&host);
  fake_host_stop(&host, false);
  fake_host_enter(&host);
  cr_expect_not(failover_destination_finish(host.destination), "there is nothing to wait for");
  cr_expect_eq(failover_destination_finished(host.destination), 1u);
  fake_host_leave(&host, FAILOVER_OK);
  fake_host_done(&host);
  _expect_lost(&host, 0);
}

/* Three messages are to be sent again to server a, and throttle() has let the first of them go. */
static FakeConnection *
_begin_with_throttled_ones(FakeHost *host)
{
  fake_host_init(host);
  host->writer.keeps_messages = true;
  fake_host_configure(host, &scene_config);
  host->config.throttle = 1;
  fake_host_start(host, false);
  scene_accept(host);
  cr_assert(fake_writer_post(host, "one"));
  cr_assert(fake_writer_post(host, "two"));
  cr_assert(fake_writer_post(host, "three"));
  fake_host_disconnected(host, FAILOVER_REASON_RESET);
  fake_host_advance(host, 0);
  FakeConnection *a = scene_accept(host);
  cr_assert_not(fake_writer_post(host, "four"), "it overtakes older ones");
  cr_assert_str_eq(host->writer.written, "one two three one");
  return a;
}

/* The LogWriter writes all that it has then, whatever throttle() says, and older messages come first. */
Test(destination, at_the_end_of_syslog_ng_throttle_holds_nothing_back)
{
  FakeHost host;
  FakeConnection *a = _begin_with_throttled_ones(&host);

  fake_host_stop(&host, true);
  cr_expect(fake_writer_post(&host, "four"));
  cr_expect_str_eq(host.writer.written, "one two three one two three four");
  fake_writer_acknowledge(a);
  fake_host_enter(&host);
  cr_expect_not(failover_destination_finish(host.destination));
  cr_expect_eq(failover_destination_finished(host.destination), 0u);
  fake_host_leave(&host, FAILOVER_OK);
  fake_host_done(&host);
}

/* It goes to the connection in use when the one that had taken it over is drained. */
Test(destination, at_the_end_of_syslog_ng_what_a_drained_connection_has_not_posted_is_waited_for)
{
  FakeHost host;
  FakeConnection *a = _begin_with_throttled_ones(&host);

  fake_host_advance(&host, PROBE_INTERVAL_MS);
  FakeConnection *p = scene_go_back(&host);
  cr_assert_eq(a->state, FAKE_DRAINED);
  fake_host_stop(&host, true);
  fake_writer_acknowledge(a);
  for (int i = 0; i < 10; i++)
    {
      fake_host_enter(&host);
      cr_assert(failover_destination_finish(host.destination), "after %d ms", 100 * i);
      fake_host_leave(&host, FAILOVER_OK);
      fake_host_advance(&host, 100);
    }
  cr_expect_str_eq(host.writer.written, "one two three one two three");
  fake_writer_acknowledge(p);
  fake_host_enter(&host);
  cr_expect_not(failover_destination_finish(host.destination));
  cr_expect_eq(failover_destination_finished(host.destination), 0u);
  fake_host_leave(&host, FAILOVER_OK);
  fake_host_done(&host);
}

/* Nobody is there to drain it. */
Test(destination, at_the_end_of_syslog_ng_nothing_is_drained_any_more)
{
  FakeHost host;
  FakeConnection *a = scene_begin_with_a(&host);

  cr_assert(fake_writer_post(&host, "one"));
  fake_host_stop(&host, false);
  fake_host_enter(&host);
  cr_expect(failover_destination_finish(host.destination), "its peer has not acknowledged it");
  fake_writer_acknowledge(a);
  cr_expect_not(failover_destination_finish(host.destination));
  cr_expect_eq(failover_destination_finished(host.destination), 0u);
  fake_host_leave(&host, FAILOVER_OK);
  fake_writer_free(&host);
  cr_expect_eq(a->state, FAKE_GONE);
  fake_host_done(&host);
  _expect_lost(&host, 0);
}

/* What else it keeps: test_memory.c. */
Test(destination, a_start_that_fails_keeps_what_waits)
{
  FakeHost host;

  _begin_with_one_that_waits(&host);
  fake_host_stop(&host, false);
  fake_host_configure(&host, &scene_config);
  host.short_of_memory = true;
  fail_allocation(1);
  cr_assert_not(fake_host_start(&host, false));
  cr_expect_eq(failover_destination_get_stream(host.destination).waiting, 1u);
  cr_assert(fake_host_start(&host, false));
  scene_accept(&host);
  fake_writer_flush(&host);
  cr_expect_str_eq(host.writer.written, "one one");
  _expect_lost(&host, 0);
  scene_end(&host);
}
