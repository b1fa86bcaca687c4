/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A destination that gets no memory, once, at any moment: it goes on trying.
 */
#include "count_allocations.h"
#include "fake_host.h"

#include <criterion/criterion.h>
#include <string.h>

enum
{
  STEPS = 80,           /* through all that can happen */
  STEPS_TO_RETURN = 40, /* to the primary, once nothing fails any more */
};

/* names too long for a std::string without memory of its own */
static const FakeConfig config = { .primary = "primary.example.com",
                                   .time_reopen_ms = 1000,
                                   .servers = { "second.example.com", "third.example.com" },
                                   .switch_delay = "0",
                                   .failback = true,
                                   .probe_interval = "3",
                                   .probes_required = "2" };

typedef enum Fate
{
  ACCEPTED,
  REFUSED,
  SILENT,
  NOT_RESOLVED,
} Fate;

static const Fate attempts[] = { REFUSED, NOT_RESOLVED, SILENT, ACCEPTED, ACCEPTED };
static const Fate probes[] = { ACCEPTED, SILENT, NOT_RESOLVED, REFUSED, ACCEPTED, ACCEPTED };

/* Each look-up has the next fate of the table, over and over. */
static Fate
_fate(const FakeHost *host, FakeRole role, bool all_is_well)
{
  size_t count = 0;

  for (size_t i = 0; i < host->lookup_count; i++)
    count += host->lookups[i].role == role;
  if (all_is_well)
    return ACCEPTED;
  return role == FAKE_PROBE ? probes[(count - 1) % (sizeof(probes) / sizeof(probes[0]))]
                            : attempts[(count - 1) % (sizeof(attempts) / sizeof(attempts[0]))];
}

static void
_to_the_next_timer(FakeHost *host)
{
  int64_t next_ms = INT64_MAX;

  for (int i = 0; i < FAILOVER_TIMER_COUNT; i++)
    {
      int64_t ms = fake_host_timer_in(host, (failover_timer) i);
      if (ms >= 0 && ms < next_ms)
        next_ms = ms;
    }
  cr_assert_neq(next_ms, INT64_MAX, "nothing will ever happen");
  fake_host_advance(host, next_ms);
}

/* The connection in the making that was begun last; there are three addresses. */
static uint32_t
_address(const FakeHost *host, FakeRole role)
{
  for (size_t i = host->connection_count; i-- > 0;)
    if (host->connections[i].role == role && host->connections[i].state == FAKE_MAKING)
      return host->connections[i].address;
  return 0;
}

/* One thing happens to the look-up or the connections of this role.  False: nothing. */
static bool
_happens(FakeHost *host, FakeRole role, bool all_is_well)
{
  const FakeLookup *lookup = fake_host_lookup(host, role);

  if (!lookup)
    return false;
  switch (_fate(host, role, all_is_well))
    {
    case NOT_RESOLVED:
      fake_host_not_resolved(host, role);
      return true;
    case SILENT:
      if (lookup->answered)
        return false;
      fake_host_resolved(host, role, 3);
      return true;
    case REFUSED:
    case ACCEPTED:
      break;
    }
  if (!lookup->answered)
    fake_host_resolved(host, role, 3);
  else if (_address(host, role) < 2 || _fate(host, role, all_is_well) == REFUSED)
    fake_host_connect_failed(host, role, _address(host, role), FAILOVER_REASON_REFUSED);
  else
    fake_host_connected(host, role, 2); /* the address that is long */
  return true;
}

static bool
_primary_is_in_use(const FakeHost *host)
{
  uint32_t server = 99;

  return failover_destination_in_use(host->destination, NULL, &server) && server == 0;
}

/* What the core says and what its host has agree, and there is something to wait for. */
static void
_check(const FakeHost *host)
{
  const FakeConnection *in_use = fake_host_in_use(host);
  const FakeLookup *attempt = fake_host_lookup(host, FAKE_ATTEMPT), *probe = fake_host_lookup(host, FAKE_PROBE);
  uint64_t connection = 0;

  cr_assert_str_eq(host->breach, "");
  for (size_t i = 0; i < host->connection_count; i++)
    cr_assert_neq(host->connections[i].state, FAKE_OPEN, "a connection is left open");
  cr_assert_eq(failover_destination_in_use(host->destination, &connection, NULL), in_use != NULL);
  cr_assert(!in_use || in_use->number == connection);

  cr_assert(in_use || attempt || fake_host_timer_in(host, FAILOVER_TIMER_SWITCH) >= 0,
            "nothing is tried any more");
  cr_assert(!attempt || fake_host_timer_in(host, FAILOVER_TIMER_ATTEMPT_DEADLINE) >= 0);
  cr_assert(!probe || fake_host_timer_in(host, FAILOVER_TIMER_PROBE_DEADLINE) >= 0);
  if (_primary_is_in_use(host) || (attempt && strcmp(attempt->server, "primary.example.com:514") == 0))
    return;
  cr_assert(probe || fake_host_timer_in(host, FAILOVER_TIMER_PROBE) >= 0, "the primary is not probed any more");
}

static void
_step(FakeHost *host, bool all_is_well)
{
  if (!_happens(host, FAKE_ATTEMPT, all_is_well) && !_happens(host, FAKE_PROBE, all_is_well))
    {
      if (_primary_is_in_use(host) && !all_is_well)
        fake_host_disconnected(host, FAILOVER_REASON_RESET);
      else
        _to_the_next_timer(host);
    }
  _check(host);
}

static void
_expect_to_return(FakeHost *host)
{
  for (int i = 0; i < STEPS_TO_RETURN && !_primary_is_in_use(host); i++)
    _step(host, true);
  cr_assert(_primary_is_in_use(host), "the primary is not in use again");
  host->short_of_memory = false;
  fake_host_stop(host, false);
  cr_assert_not(fake_host_any_timer(host));
  fake_host_done(host);
}

/* One that fails has not begun: the next one goes on as if it had not been.  It is not
 * short of the same memory. */
static void
_start(FakeHost *host, bool connection_open)
{
  if (fake_host_start(host, connection_open))
    return;
  cr_assert_not(fake_host_any_timer(host), "a timer is left of a start that failed");
  cr_assert_null(fake_host_lookup(host, FAKE_ATTEMPT), "a look-up is left of a start that failed");
  cr_assert(fake_host_start(host, connection_open));
}

/* Everything that can happen, with no memory for the `number`th allocation of it.
 * False: there are not so many. */
static bool
_live_without(uint64_t number)
{
  FakeHost host;

  fake_host_init(&host);
  fake_host_configure(&host, &config);
  host.short_of_memory = true;
  fail_allocation(number);
  _start(&host, false);
  _check(&host);
  for (int i = 0; i < STEPS; i++)
    _step(&host, false);
  bool failed = fail_allocation(0);
  cr_assert_gt(fake_host_count_events(&host, FAILOVER_EVENT_FAILED_BACK), (size_t) 0, "the steps are too few");
  _expect_to_return(&host);
  return failed;
}

static void
_start_with_the_second(FakeHost *host)
{
  fake_host_init(host);
  fake_host_configure(host, &config);
  fake_host_start(host, false);
  fake_host_not_resolved(host, FAKE_ATTEMPT);
  fake_host_advance(host, 0);
  fake_host_resolved(host, FAKE_ATTEMPT, 3);
  fake_host_advance(host, 2 * FAKE_NEXT_MS);
  fake_host_connected(host, FAKE_ATTEMPT, 2);
}

/* A reload with a connection in use, and the same question. */
static bool
_reload_without(uint64_t number)
{
  FakeHost host;

  _start_with_the_second(&host);
  fake_host_stop(&host, true);

  fake_host_configure(&host, &config);
  host.short_of_memory = true;
  fail_allocation(number);
  _start(&host, true);
  bool failed = fail_allocation(0);
  cr_assert_not_null(fake_host_in_use(&host), "the connection in use was given up");
  fake_host_last_event(&host, FAILOVER_EVENT_KEPT);
  _check(&host);
  _expect_to_return(&host);
  return failed;
}

/* And without the connection: what was being tried is remembered. */
static bool
_reload_while_trying_without(uint64_t number)
{
  FakeHost host;

  fake_host_init(&host);
  fake_host_configure(&host, &config);
  fake_host_start(&host, false);
  fake_host_not_resolved(&host, FAKE_ATTEMPT);
  fake_host_stop(&host, false);

  fake_host_configure(&host, &config);
  host.short_of_memory = true;
  fail_allocation(number);
  _start(&host, false);
  bool failed = fail_allocation(0);
  cr_assert_str_eq(fake_host_trying(&host, FAKE_ATTEMPT), "second.example.com:514");
  _check(&host);
  _expect_to_return(&host);
  return failed;
}

/* A stop that can remember nothing: the next configuration starts anew. */
static bool
_stop_without(uint64_t number)
{
  FakeHost host;

  _start_with_the_second(&host);
  fail_allocation(number);
  fake_host_stop(&host, true);
  bool failed = fail_allocation(0);

  fake_host_configure(&host, &config);
  fake_host_start(&host, true);
  cr_assert_eq(fake_host_in_use(&host) == NULL, failed);
  if (failed)
    cr_assert_str_eq(fake_host_trying(&host, FAKE_ATTEMPT), "primary.example.com:514");
  _check(&host);
  _expect_to_return(&host);
  return failed;
}

Test(memory, none_for_one_allocation_of_a_life)
{
  uint64_t number = 1;

  while (_live_without(number))
    number++;
  cr_expect_gt(number, 20u, "only %llu allocations", (unsigned long long) number);
}

Test(memory, none_for_one_allocation_of_a_reload)
{
  uint64_t number = 1;

  while (_reload_without(number))
    number++;
  cr_expect_gt(number, 1u);
}

Test(memory, none_for_one_allocation_of_a_reload_while_trying)
{
  uint64_t number = 1;

  while (_reload_while_trying_without(number))
    number++;
  cr_expect_gt(number, 1u);
}

Test(memory, none_for_one_allocation_of_a_stop)
{
  uint64_t number = 1;

  while (_stop_without(number))
    number++;
  cr_expect_gt(number, 1u);
}
