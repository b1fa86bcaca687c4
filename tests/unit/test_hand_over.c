/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How the LogWriter is handed from the connection to one server to that to the next.
 */
#include "scenes.h"

#include <criterion/criterion.h>

enum
{
  HAND_OVER_LIMIT_MS = 10000,
};

static void
_expect_in_use(const FakeHost *host, const FakeConnection *writer_has, uint32_t chosen)
{
  uint32_t server = 99;

  cr_expect_eq(fake_host_in_use(host), writer_has, "the LogWriter has another connection");
  cr_expect(failover_destination_in_use(host->destination, NULL, &server));
  cr_expect_eq(server, chosen, "server %u is chosen, expected %u", server, chosen);
}

static void
_expect_waits(const FakeHost *host, const FakeConnection *a)
{
  _expect_in_use(host, a, 0);
  fake_host_last_event(host, FAILOVER_EVENT_FAILED_BACK);
  cr_expect_eq(fake_host_timer_in(host, FAILOVER_TIMER_HAND_OVER), HAND_OVER_LIMIT_MS);
}

/* Nothing is said of the end of the connection that was left. */
static void
_expect_handed_over(const FakeHost *host, const FakeConnection *primary)
{
  _expect_in_use(host, primary, 0);
  fake_host_last_event(host, FAILOVER_EVENT_FAILED_BACK);
  cr_expect_eq(fake_host_timer_in(host, FAILOVER_TIMER_HAND_OVER), -1);
}

Test(hand_over, to_a_log_writer_that_has_none_waits_for_nothing)
{
  FakeHost host;

  fake_host_init(&host);
  fake_host_configure(&host, &scene_config);
  host.writer.busy = true;
  fake_host_start(&host, false);
  _expect_in_use(&host, scene_accept(&host), 0);
  cr_expect_eq(host.writer.shut_down_count, (size_t) 0);
  scene_end(&host);
}

Test(hand_over, between_messages_is_made_at_once)
{
  FakeHost host;
  FakeConnection *a = scene_begin_with_a(&host);

  fake_host_advance(&host, PROBE_INTERVAL_MS);
  cr_assert(fake_writer_post(&host, "one"));
  FakeConnection *primary = scene_go_back(&host);
  _expect_handed_over(&host, primary);
  cr_assert_eq(a->state, FAKE_DRAINED);

  fake_writer_acknowledge(a);
  fake_host_advance(&host, 2000);
  cr_expect_eq(a->state, FAKE_GONE);
  cr_expect_eq(a->closed, FAILOVER_CLOSE_CONFIRMED);
  scene_end(&host);
}

Test(hand_over, waits_for_the_end_of_a_message)
{
  FakeHost host;
  FakeConnection *a = scene_begin_with_half_a_message(&host);

  FakeConnection *primary = scene_go_back(&host);
  _expect_waits(&host, a);
  cr_expect_not(fake_writer_post(&host, "two"), "a message is begun that would be waited for");
  fake_writer_flush(&host);
  cr_expect_eq(host.writer.woke_main_count, (size_t) 0);

  a->blocked = false;
  fake_writer_flush(&host);
  cr_expect_eq(host.writer.woke_main_count, (size_t) 1);
  _expect_waits(&host, a);
  fake_host_quiet(&host);
  _expect_handed_over(&host, primary);
  cr_expect_eq(a->state, FAKE_DRAINED);
  cr_expect(fake_writer_post(&host, "two"));
  cr_expect_str_eq(host.writer.written, "one two");
  scene_end(&host);
}

/* It may be in a message whatever it looks like from outside. */
Test(hand_over, waits_for_a_worker)
{
  FakeHost host;
  FakeConnection *a = scene_begin_with_a(&host);

  fake_host_advance(&host, PROBE_INTERVAL_MS);
  host.writer.busy = true;
  FakeConnection *primary = scene_go_back(&host);
  _expect_waits(&host, a);
  fake_host_quiet(&host); /* the last that the worker does */
  _expect_handed_over(&host, primary);
  scene_end(&host);
}

/* A worker's job had flushed before it could know, and its end had not been told yet. */
Test(hand_over, needs_no_message_after_a_job_that_was_about_to_end)
{
  FakeHost host;
  FakeConnection *a = scene_begin_with_a(&host);

  fake_host_advance(&host, PROBE_INTERVAL_MS);
  cr_assert(fake_writer_post(&host, "one"));
  host.writer.busy = true;
  FakeConnection *primary = scene_go_back(&host);
  _expect_waits(&host, a);
  host.writer.busy = false;
  fake_host_advance(&host, 500);
  _expect_handed_over(&host, primary);
  cr_expect_eq(a->state, FAKE_DRAINED);
  cr_expect_eq(host.writer.shut_down_count, (size_t) 0);
  scene_end(&host);
}

Test(hand_over, quiet_without_a_hand_over_is_ignored)
{
  FakeHost host;
  FakeConnection *a = scene_begin_with_a(&host);

  host.stopped = true; /* not one call may come out of what follows */
  fake_host_quiet(&host);
  host.stopped = false;
  _expect_in_use(&host, a, 1);
  scene_end(&host);
}

Test(hand_over, does_not_wait_longer_than_its_limit)
{
  FakeHost host;
  FakeConnection *a = scene_begin_with_half_a_message(&host);

  FakeConnection *primary = scene_go_back(&host);
  fake_host_advance(&host, HAND_OVER_LIMIT_MS - 1);
  cr_expect_eq(host.writer.shut_down_count, (size_t) 0);
  fake_host_advance(&host, 1);
  cr_expect_eq(host.writer.shut_down_count, (size_t) 1);
  _expect_in_use(&host, a, 0);

  a->tcp.open = false;
  fake_host_disconnected(&host, FAILOVER_REASON_CLOSED);
  cr_expect_null(fake_host_in_use(&host), "the LogWriter is given a connection while it tells of the end of one");
  cr_expect_eq(a->state, FAKE_DRAINED);
  fake_host_advance(&host, 0);
  _expect_handed_over(&host, primary);

  /* the message that was cut goes to the next */
  fake_host_advance(&host, 100);
  cr_expect_eq(a->closed, FAILOVER_CLOSE_ENDED);
  fake_writer_flush(&host);
  cr_expect_str_eq(host.writer.written, "one one");
  scene_end(&host);
}

Test(hand_over, what_ends_while_another_one_waits_has_not_failed)
{
  FakeHost host;
  FakeConnection *a = scene_begin_with_half_a_message(&host);

  FakeConnection *primary = scene_go_back(&host);
  fake_host_disconnected(&host, FAILOVER_REASON_RESET);
  cr_expect_null(fake_host_in_use(&host));
  cr_expect_eq(a->state, FAKE_GONE, "there is nothing to be drained");
  cr_expect_eq(failover_destination_get_stream(host.destination).waiting, 1u);
  fake_host_advance(&host, 0);
  _expect_handed_over(&host, primary);
  fake_writer_flush(&host);
  cr_expect_str_eq(host.writer.written, "one one");
  scene_end(&host);
}

/* Without a copy of its messages nothing tells when it comes to the end of one. */
Test(hand_over, a_busy_connection_that_keeps_no_messages_is_shut_down)
{
  FakeHost host;

  fake_host_init(&host);
  fake_host_configure(&host, &scene_config);
  fake_host_start(&host, false);
  fake_host_refuse(&host, FAKE_ATTEMPT, FAILOVER_REASON_REFUSED);
  fake_host_advance(&host, 0);
  FakeConnection *a = scene_accept(&host);
  fake_host_advance(&host, PROBE_INTERVAL_MS);
  host.writer.busy = true;
  FakeConnection *primary = scene_go_back(&host);
  _expect_waits(&host, a);
  cr_expect_eq(host.writer.shut_down_count, (size_t) 1);
  fake_host_disconnected(&host, FAILOVER_REASON_CLOSED);
  fake_host_advance(&host, 0);
  _expect_handed_over(&host, primary);
  scene_end(&host);
}

/* ------------------------------------------------------------------------
 * A connection that cannot be used
 */

static void
_expect_primary_failed(const FakeHost *host, int64_t in_use_ms)
{
  const FakeEvent *event = fake_host_last_event(host, FAILOVER_EVENT_SERVER_FAILED);

  cr_expect_str_eq(event->server, "p:514");
  cr_expect_eq(event->reason, FAILOVER_REASON_LOCAL);
  cr_expect_eq(event->in_use_ms, in_use_ms);
  cr_expect_null(fake_host_in_use(host));
  cr_expect_not(failover_destination_in_use(host->destination, NULL, NULL));
  cr_expect_eq(fake_host_timer_in(host, FAILOVER_TIMER_SWITCH), 0);
}

Test(hand_over, at_once_that_fails_keeps_the_one_before)
{
  FakeHost host;
  FakeConnection *a = scene_begin_with_a(&host);

  fake_host_advance(&host, PROBE_INTERVAL_MS);
  host.writer.refuses_connections = true;
  scene_go_back(&host);
  fake_host_last_event(&host, FAILOVER_EVENT_PROBE_FAILED);
  _expect_in_use(&host, a, 1);
  cr_expect_eq(host.writer.woken_count, (size_t) 1, "it was told to be quiet");
  cr_expect(fake_writer_post(&host, "one"));

  fake_host_disconnected(&host, FAILOVER_REASON_RESET);
  cr_expect_eq(a->state, FAKE_GONE, "it is drained though it was not left");
  scene_end(&host);
}

Test(hand_over, one_that_was_waited_for_and_fails_is_a_failure_of_its_server)
{
  FakeHost host;
  FakeConnection *a = scene_begin_with_half_a_message(&host);

  scene_go_back(&host);
  fake_host_advance(&host, 500);
  host.writer.refuses_connections = true;
  fake_host_quiet(&host);
  cr_expect_eq(a->state, FAKE_GONE);
  _expect_primary_failed(&host, 500);
  cr_expect_eq(fake_host_last_event(&host, FAILOVER_EVENT_SERVER_FAILED)->to_resend, 1u);
  scene_end(&host);
}

Test(hand_over, and_so_it_is_when_the_one_before_has_ended)
{
  FakeHost host;

  scene_begin_with_half_a_message(&host);
  scene_go_back(&host);
  fake_host_disconnected(&host, FAILOVER_REASON_RESET);
  host.writer.refuses_connections = true;
  fake_host_advance(&host, 0);
  cr_expect_eq(fake_host_last_event(&host, FAILOVER_EVENT_SERVER_FAILED)->in_use_ms, 0);
  cr_expect_str_eq(fake_host_trying(&host, FAKE_ATTEMPT), "a:514");
  scene_end(&host);
}
