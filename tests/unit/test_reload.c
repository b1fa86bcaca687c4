/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What survives a reload, and what the new list of servers changes.  The count
 * of probes over a reload is in test_probes.c.
 */
#include "fake_host.h"

#include <criterion/criterion.h>

static const FakeConfig old_config = {
  .primary = "p", .time_reopen_ms = 60000, .servers = { "a", "b" }, .switch_delay = "0"
};

static void
_start(FakeHost *host)
{
  fake_host_init(host);
  fake_host_configure(host, &old_config);
  fake_host_start(host, false);
}

static void
_fail(FakeHost *host)
{
  fake_host_refuse(host, FAKE_ATTEMPT, FAILOVER_REASON_REFUSED);
  fake_host_advance(host, 0);
}

static void
_end(FakeHost *host)
{
  fake_host_stop(host, false);
  fake_host_done(host);
}

/* Server b, the second of the list, is in use. */
static void
_start_with_b(FakeHost *host)
{
  _start(host);
  _fail(host);
  _fail(host);
  fake_host_accept(host, FAKE_ATTEMPT);
  cr_assert_str_eq(fake_host_last_event(host, FAILOVER_EVENT_CONNECTED)->server, "b:514");
}

static void
_expect_kept(FakeHost *host, const FakeConnection *connection, uint32_t position)
{
  uint64_t number = 0;
  uint32_t server = 99;
  const FakeEvent *event = fake_host_last_event(host, FAILOVER_EVENT_KEPT);

  cr_expect_eq(event->reason, FAILOVER_REASON_RELOAD);
  cr_expect_str_eq(event->server, "b:514");
  cr_expect_str_eq(event->address, "192.0.2.1:514");
  cr_expect_eq(fake_host_in_use(host), connection);
  cr_expect_eq(failover_destination_in_use(host->destination, &number, &server), true);
  cr_expect_eq(number, connection->number);
  cr_expect_eq(server, position, "it is number %u in the new list, expected %u", server, position);
  cr_expect_str_eq(fake_host_trying(host, FAKE_ATTEMPT), "");
}

static void
_expect_primary_tried(FakeHost *host)
{
  cr_expect_null(fake_host_in_use(host));
  cr_expect_eq(failover_destination_in_use(host->destination, NULL, NULL), false);
  cr_assert_str_eq(fake_host_trying(host, FAKE_ATTEMPT), "p:514");
  fake_host_accept(host, FAKE_ATTEMPT);
  cr_expect_eq(fake_host_last_event(host, FAILOVER_EVENT_CONNECTED)->reason, FAILOVER_REASON_RELOAD);
}

Test(reload, keeps_the_connection)
{
  FakeHost host;

  _start_with_b(&host);
  const FakeConnection *connection = fake_host_in_use(&host);
  for (int i = 0; i < 2; i++)
    {
      fake_host_reload(&host, &old_config, true);
      _expect_kept(&host, connection, 2);
    }

  /* and goes on from it */
  fake_host_advance(&host, 5000);
  fake_host_disconnected(&host, FAILOVER_REASON_CLOSED);
  cr_expect_eq(fake_host_last_event(&host, FAILOVER_EVENT_SERVER_FAILED)->in_use_ms, 5000,
               "it was in use before the reload too");
  fake_host_advance(&host, 0);
  cr_expect_str_eq(fake_host_trying(&host, FAKE_ATTEMPT), "p:514");
  _end(&host);
}

Test(reload, finds_the_server_at_its_new_place)
{
  static const struct
  {
    FakeConfig config;
    uint32_t position;
  } table[] = {
    { { .primary = "p", .time_reopen_ms = 1000, .servers = { "b", "a" } }, 1 },
    { { .primary = "p", .time_reopen_ms = 1000, .servers = { "c", "d", "e", "b" } }, 4 },
    { { .primary = "p", .time_reopen_ms = 1000, .servers = { "a", "b:514" } }, 2 },
    { { .primary = "p", .port = 601, .time_reopen_ms = 1000, .servers = { "b:514", "b" } }, 1 },
    { { .primary = "b", .time_reopen_ms = 1000, .servers = { "p" } }, 0 },
  };

  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
    {
      FakeHost host;

      _start_with_b(&host);
      const FakeConnection *connection = fake_host_in_use(&host);
      fake_host_reload(&host, &table[i].config, true);
      _expect_kept(&host, connection, table[i].position);
      _end(&host);
    }
}

Test(reload, closes_the_connection_to_a_server_that_is_gone)
{
  static const FakeConfig table[] = {
    { .primary = "p", .time_reopen_ms = 1000, .servers = { "a" } },
    { .primary = "p", .time_reopen_ms = 1000, .servers = { "a", "b:601" } },
    { .primary = "p", .time_reopen_ms = 1000, .servers = { "b.example.com" } },
  };

  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
    {
      FakeHost host;

      _start_with_b(&host);
      fake_host_reload(&host, &table[i], true);
      cr_expect_eq(fake_host_count_events(&host, FAILOVER_EVENT_KEPT), (size_t) 0, "row %zu", i);
      _expect_primary_tried(&host);
      _end(&host);
    }
}

/* The host could not keep it, because the destination itself has changed. */
Test(reload, without_the_connection_starts_with_the_primary)
{
  FakeHost host;

  _start_with_b(&host);
  host.connections[host.connection_count - 1].state = FAKE_GONE; /* closed by the host itself */
  fake_host_reload(&host, &old_config, false);
  _expect_primary_tried(&host);
  _end(&host);
}

Test(reload, while_waiting_tries_the_next_server_at_once)
{
  FakeHost host;
  FakeConfig slow = old_config;

  slow.switch_delay = "30";
  fake_host_init(&host);
  fake_host_configure(&host, &slow);
  fake_host_start(&host, false);
  fake_host_refuse(&host, FAKE_ATTEMPT, FAILOVER_REASON_REFUSED);
  fake_host_reload(&host, &slow, false);
  cr_expect_str_eq(fake_host_trying(&host, FAKE_ATTEMPT), "a:514");
  cr_expect_eq(fake_host_timer_in(&host, FAILOVER_TIMER_SWITCH), -1);
  fake_host_accept(&host, FAKE_ATTEMPT);
  cr_expect_eq(fake_host_last_event(&host, FAILOVER_EVENT_CONNECTED)->reason, FAILOVER_REASON_RELOAD);
  _end(&host);
}

Test(reload, while_connecting_tries_the_same_server_again)
{
  FakeHost host;

  _start(&host);
  _fail(&host);
  _fail(&host);
  fake_host_resolved(&host, FAKE_ATTEMPT, 2);
  fake_host_reload(&host, &old_config, false);
  cr_expect_str_eq(fake_host_trying(&host, FAKE_ATTEMPT), "b:514");
  cr_expect_eq(fake_host_connecting(&host, FAKE_ATTEMPT), 0u, "the connection in the making survives");
  _end(&host);
}

Test(reload, while_waiting_for_a_server_that_is_gone_tries_the_primary)
{
  FakeHost host;
  FakeConfig config = old_config;

  config.servers[0] = "c";
  _start(&host);
  fake_host_refuse(&host, FAKE_ATTEMPT, FAILOVER_REASON_REFUSED);
  fake_host_reload(&host, &config, false);
  _expect_primary_tried(&host);
  _end(&host);
}

Test(reload, with_failback_probes_the_primary_from_the_next_server_too)
{
  FakeHost host;
  FakeConfig config = old_config;

  config.failback = true;
  config.probe_interval = "5";
  fake_host_init(&host);
  fake_host_configure(&host, &config);
  fake_host_start(&host, false);
  fake_host_refuse(&host, FAKE_ATTEMPT, FAILOVER_REASON_REFUSED);
  fake_host_advance(&host, 0);
  fake_host_advance(&host, 2000);
  fake_host_reload(&host, &config, false);
  cr_expect_str_eq(fake_host_trying(&host, FAKE_ATTEMPT), "a:514");
  cr_expect_eq(fake_host_timer_in(&host, FAILOVER_TIMER_PROBE), 3000, "the interval counts from leaving");
  _end(&host);
}

/* Numbers of look-ups and connections are never used twice: the fake host
 * fails the test if they are. */
Test(reload, many_times_in_every_state)
{
  FakeHost host;
  FakeConfig config = old_config;

  config.failback = true;
  config.probe_interval = "1";
  config.probes_required = "2";
  fake_host_init(&host);
  fake_host_configure(&host, &config);
  fake_host_start(&host, false);
  for (int i = 0; i < 60; i++)
    {
      if (i % 2 == 0 && fake_host_trying(&host, FAKE_ATTEMPT)[0])
        fake_host_refuse(&host, FAKE_ATTEMPT, FAILOVER_REASON_REFUSED);
      else if (i % 3 == 0 && fake_host_trying(&host, FAKE_ATTEMPT)[0])
        fake_host_accept(&host, FAKE_ATTEMPT);
      if (i % 5 == 0 && fake_host_in_use(&host))
        fake_host_disconnected(&host, FAILOVER_REASON_RESET);
      fake_host_advance(&host, i % 4 * 400);
      fake_host_reload(&host, &config, fake_host_in_use(&host) != NULL);
      cr_expect(fake_host_in_use(&host) || fake_host_trying(&host, FAKE_ATTEMPT)[0],
                "reload %d: nothing in use and nothing tried", i);
    }
  _end(&host);
}
