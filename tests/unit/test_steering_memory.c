/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is steered while there is no memory, once, at any moment.
 */
#include "count_allocations.h"
#include "fake_steer.h"

#include <criterion/criterion.h>
#include <string.h>

enum { REQUESTS = 6 };

/* names too long for a std::string without memory of its own */
static const FakeConfig config = { .primary = "primary.example.com",
                                   .time_reopen_ms = 1000,
                                   .servers = { "a.server.example.com", "b.server.example.com" },
                                   .switch_delay = "0",
                                   .standby_probe_interval = "60",
                                   .failback = true,
                                   .probe_interval = "20",
                                   .probes_required = "2" };

/* Answers whatever is asked for: each server accepts. */
static void
_let_happen(FakeHost *host)
{
  failover_text address = fake_text("[2001:db8:1111:2222::3]:514");
  FakeLookup *lookup = NULL;

  for (size_t i = 0; i < host->lookup_count && !lookup; i++)
    if (!host->lookups[i].released)
      lookup = &host->lookups[i];
  if (!lookup)
    {
      fake_host_advance(host, 500);
      return;
    }
  host->role = lookup->role;
  fake_host_enter(host);
  if (!lookup->answered)
    {
      lookup->answered = true;
      lookup->address_count = 1;
      fake_host_leave(host, failover_destination_resolved(host->destination, lookup->number, &address, 1));
      return;
    }
  FakeConnection *connection = NULL;
  for (size_t i = 0; i < host->connection_count; i++)
    if (host->connections[i].lookup == lookup->number && host->connections[i].state == FAKE_MAKING)
      connection = &host->connections[i];
  if (!connection)
    {
      fake_host_leave(host, FAILOVER_OK);
      fake_host_advance(host, 500); /* a deadline comes */
      return;
    }
  connection->state = FAKE_OPEN;
  fake_host_leave(host, failover_destination_connected(host->destination, connection->number));
}

static void
_ask(FakeSteer *steer, uint64_t request)
{
  failover_destination *destination = steer->host.destination;
  failover_status status = FAILOVER_OK;

  steer->host.role = FAKE_MOVE;
  fake_host_enter(&steer->host);
  switch (request)
    {
    case 1:
      status = failover_destination_check(destination, request);
      break;
    case 2:
      status = failover_destination_switch(destination, 2, request);
      break;
    case 3:
      status = failover_destination_set_admin(destination, 2, FAILOVER_ADMIN_DRAIN, request);
      break;
    case 4:
      status = failover_destination_set_admin(destination, 1, FAILOVER_ADMIN_MAINT, request);
      break;
    case 5:
      status = failover_destination_set_admin(destination, 2, FAILOVER_ADMIN_READY, request);
      break;
    default:
      status = failover_destination_check(destination, request);
    }
  fake_host_leave(&steer->host, status);
}

/* False: there are not so many allocations. */
static bool
_steer_without(uint64_t number)
{
  static FakeSteer steer;

  fake_steer_init(&steer, &config);
  fake_steer_play(&steer, "p+");
  steer.host.short_of_memory = true;
  fail_allocation(number);
  for (uint64_t request = 1; request <= REQUESTS; request++)
    {
      _ask(&steer, request);
      for (int i = 0; i < 30; i++)
        _let_happen(&steer.host);
    }
  bool failed = fail_allocation(0);
  for (int i = 0; i < 200; i++)
    _let_happen(&steer.host);
  cr_assert_not_null(fake_host_in_use(&steer.host), "nothing is in use, allocation %d", (int) number);
  fake_steer_play(&steer, "reload"); /* the rest is answered, and said */
  for (uint64_t request = 1; request <= REQUESTS; request++)
    {
      char answer[] = { (char) ('0' + request), ':', 0 };
      const char *found = strstr(steer.trace, answer);
      cr_assert(found && !strstr(found + 1, answer), "request %d, allocation %d: %s", (int) request, (int) number,
                steer.trace);
    }
  fake_steer_done(&steer);
  return failed;
}

Test(steering_memory, none_for_one_allocation)
{
  uint64_t number = 1;

  while (_steer_without(number))
    number++;
  cr_expect_gt(number, 20u, "only %d allocations", (int) number);
}
