/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A thousand clients of a primary that comes back do not come in the same second:
 * each interval between probes is up to ten percent longer.
 */
#include "fake_host.h"

#include <criterion/criterion.h>

static const FakeConfig every_20_s = { .primary = "p",
                                       .time_reopen_ms = 1000,
                                       .servers = { "a" },
                                       .switch_delay = "0",
                                       .failback = true,
                                       .probe_interval = "20",
                                       .probes_required = "3" };

/* The primary refuses, server a is in use from then on. */
static void
_leave_primary(FakeHost *host, uint32_t random)
{
  fake_host_init(host);
  host->random_answer = random;
  fake_host_configure(host, &every_20_s);
  fake_host_start(host, false);
  fake_host_refuse(host, FAKE_ATTEMPT, FAILOVER_REASON_REFUSED);
  fake_host_advance(host, 0);
  fake_host_accept(host, FAKE_ATTEMPT);
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

static void
_end(FakeHost *host)
{
  fake_host_stop(host, false);
  fake_host_done(host);
}

Test(jitter, of_every_interval)
{
  static const struct
  {
    uint32_t random;
    int64_t interval_ms;
  } table[] = { { 0, 20000 }, { 1, 20001 }, { 2000, 22000 }, { 2001, 20000 }, { 4001, 22000 } };

  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
    {
      FakeHost host;

      _leave_primary(&host, table[i].random);
      _expect_probe_in(&host, table[i].interval_ms);
      _next_probe(&host);
      fake_host_resolved(&host, FAKE_PROBE, 1);
      fake_host_advance(&host, 500);
      fake_host_connected(&host, FAKE_PROBE, 0);
      _expect_probe_in(&host, table[i].interval_ms - 500);
      _next_probe(&host);
      fake_host_refuse(&host, FAKE_PROBE, FAILOVER_REASON_REFUSED);
      _expect_probe_in(&host, table[i].interval_ms);
      _end(&host);
    }
}

/* Clients that are reloaded together do not fall in step. */
Test(jitter, stays_over_a_reload)
{
  FakeHost host;
  FakeConfig every_10_s = every_20_s;

  every_10_s.probe_interval = "10";
  _leave_primary(&host, 2000);
  fake_host_advance(&host, 100);
  fake_host_reload(&host, &every_20_s, true);
  _expect_probe_in(&host, 21900);
  host.random_answer = 1000;
  fake_host_reload(&host, &every_10_s, true);
  _expect_probe_in(&host, 11000);
  _end(&host);
}
