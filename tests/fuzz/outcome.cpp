// SPDX-License-Identifier: GPL-2.0-or-later
//
// See outcome.hpp.
#include "outcome.hpp"

#include "require.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace failover::fuzz {

namespace {

// The host of one destination.  It answers nothing by itself and keeps what was asked last.
struct Host
{
  int64_t now_ms = 1;
  std::array<std::optional<int64_t>, FAILOVER_TIMER_COUNT> timers;
  uint64_t lookup = 0;
  uint64_t connection = 0;
  std::string looked_up;
  uint16_t port = 0;
  std::string next;
  uint32_t probes_required = 0;

  int64_t timer_in_ms(failover_timer timer) const
  {
    REQUIRE(timers[timer], "timer %d is not set", timer);
    return *timers[timer] - now_ms;
  }
};

Host &
host_of(void *user_data)
{
  return *static_cast<Host *>(user_data);
}

std::string
string_of(failover_text text)
{
  return text.length ? std::string(text.data, text.length) : "";
}

failover_loop
loop_callbacks(Host *host)
{
  failover_loop result = {};
  result.user_data = host;
  result.now_ms = [](void *data) { return host_of(data).now_ms; };
  result.random = [](void *) { return uint32_t{ 0 }; };
  result.set_timer = [](void *data, failover_timer timer, int64_t due_ms) {
    host_of(data).timers[timer] = due_ms;
  };
  result.cancel_timer = [](void *data, failover_timer timer) { host_of(data).timers[timer].reset(); };
  result.lost = [](void *, uint64_t, failover_loss) {};
  return result;
}

failover_host
callbacks(Host *host)
{
  failover_host result = {};
  result.user_data = host;
  result.resolve = [](void *data, uint64_t lookup, failover_text name, uint16_t port) {
    host_of(data).lookup = lookup;
    host_of(data).looked_up = string_of(name);
    host_of(data).port = port;
  };
  result.release_lookup = [](void *, uint64_t) {};
  result.connect = [](void *data, uint64_t connection, uint64_t, uint32_t, failover_text, failover_purpose) {
    host_of(data).connection = connection;
  };
  result.close = [](void *, uint64_t) {};
  result.give_to_writer = [](void *, uint64_t) { return true; };
  result.take_from_writer = [](void *) {};
  result.shut_down = [](void *) {};
  result.read_end = [](void *, failover_end *) {};
  result.is_idle = [](void *) { return true; };
  result.wake_writer = [](void *) {};
  result.event = [](void *data, const failover_event *event) {
    if (event->kind == FAILOVER_EVENT_SERVER_FAILED)
      host_of(data).next = string_of(event->next);
    if (event->kind == FAILOVER_EVENT_PROBE_FAILED)
      host_of(data).probes_required = event->required;
  };
  return result;
}

void
expect_ok(failover_status status, const char *what)
{
  REQUIRE(status == FAILOVER_OK, "%s: status %d", what, status);
}

struct FreeDestination
{
  void operator()(failover_destination *destination) const { failover_destination_free(destination); }
};
using Destination = std::unique_ptr<failover_destination, FreeDestination>;

// Started with these options.
Destination
new_destination(const failover_options *options, Host &host)
{
  const failover_loop loop = loop_callbacks(&host);
  const failover_host host_callbacks = callbacks(&host);
  const failover_destination_config config = {
    { primary.data(), primary.size() }, default_port, time_reopen_ms, 0
  };
  failover_destination *destination = nullptr;
  expect_ok(failover_destination_new(&loop, &destination), "destination");
  expect_ok(failover_destination_start(destination, options, &config, &host_callbacks, false), "start");
  return Destination(destination);
}

void
let_timer_be_due(failover_destination *destination, Host &host, failover_timer timer)
{
  host.now_ms += std::max<int64_t>(host.timer_in_ms(timer), 0);
  host.timers[timer].reset();
  expect_ok(failover_destination_timer_due(destination, timer), "timer");
}

// The primary has no address, the first of servers() answers, a probe of the primary fails.
void
run(const failover_options *options, Outcome &outcome)
{
  const failover_text address = { "192.0.2.1", 9 };
  Host host;
  const Destination owner = new_destination(options, host);
  failover_destination *destination = owner.get();

  outcome.connect_timeout_ms = host.timer_in_ms(FAILOVER_TIMER_ATTEMPT_DEADLINE);
  expect_ok(failover_destination_not_resolved(destination, host.lookup, {}), "no address");
  outcome.name = host.next;
  outcome.switch_delay_ms = host.timer_in_ms(FAILOVER_TIMER_SWITCH);
  outcome.probe_interval_ms = host.timer_in_ms(FAILOVER_TIMER_PROBE);

  let_timer_be_due(destination, host, FAILOVER_TIMER_SWITCH);
  outcome.host = host.looked_up;
  outcome.port = host.port;
  expect_ok(failover_destination_resolved(destination, host.lookup, &address, 1), "address");
  expect_ok(failover_destination_connected(destination, host.connection), "connected");

  let_timer_be_due(destination, host, FAILOVER_TIMER_PROBE);
  expect_ok(failover_destination_not_resolved(destination, host.lookup, {}), "no address for the probe");
  outcome.probes_required = host.probes_required;
  failover_destination_stop(destination, false);
}

// A peer that acknowledges and reads at once.
failover_connection_host
connection_callbacks(uint64_t *written)
{
  failover_connection_host result = {};
  result.user_data = written;
  result.write = [](void *data, const char *, size_t length, bool *consumed) {
    *static_cast<uint64_t *>(data) += length;
    return *consumed = true;
  };
  result.flush = [](void *) { return true; };
  result.has_partial = [](void *) { return false; };
  result.acknowledge = [](void *) {};
  result.wake_main = [](void *) {};
  result.read_tcp = [](void *data, failover_tcp *tcp) {
    const uint64_t position = *static_cast<uint64_t *>(data);
    *tcp = {};
    tcp->open = true;
    tcp->acked = position;
    tcp->written = position;
    tcp->window = 65'535;
    return true;
  };
  result.give_up = [](void *) {};
  result.close = [](void *, failover_close) {};
  return result;
}

// A message that was acknowledged is confirmed when its peer has read on for so long.
bool
is_confirmed_after(const failover_options *options, int64_t ms)
{
  Host host;
  uint64_t written = 0;
  bool consumed = false;
  failover_connection *connection = nullptr;
  const failover_connection_host calls = connection_callbacks(&written);
  const Destination destination = new_destination(options, host);

  expect_ok(failover_destination_open(destination.get(), &calls, &connection), "connection");
  REQUIRE(failover_connection_post(connection, "a message", 9, &consumed) && consumed, "it is not posted");
  failover_destination_stop(destination.get(), true);
  // this looks at the connection
  REQUIRE(!failover_destination_finish(destination.get()), "it is not acknowledged");
  host.now_ms += ms;
  REQUIRE(!failover_destination_finish(destination.get()), "it is not acknowledged any more");
  const bool is_confirmed = failover_destination_get_stream(destination.get()).confirmed > 0;
  REQUIRE(!failover_destination_release(destination.get(), connection), "it is drained");
  return is_confirmed;
}

int64_t
resend_grace_ms(const failover_options *options)
{
  int64_t most = 1;
  while (!is_confirmed_after(options, most))
    {
      most *= 2;
      REQUIRE(most < int64_t{ 1 } << 40, "it is never confirmed");
    }
  int64_t least = most / 2;
  while (least < most)
    {
      const int64_t middle = (least + most) / 2;
      if (is_confirmed_after(options, middle))
        most = middle;
      else
        least = middle + 1;
    }
  return least;
}

// From one round of checks to the next; the only server that is not tried has no address.
int64_t
standby_probe_interval_ms(const failover_options *options)
{
  Host host;
  const Destination destination = new_destination(options, host);
  int64_t interval_ms = 0;
  if (host.timers[FAILOVER_TIMER_CHECK])
    {
      let_timer_be_due(destination.get(), host, FAILOVER_TIMER_CHECK);
      expect_ok(failover_destination_not_resolved(destination.get(), host.lookup, {}), "no address");
      interval_ms = host.timer_in_ms(FAILOVER_TIMER_CHECK);
    }
  failover_destination_stop(destination.get(), false);
  return interval_ms;
}

} // namespace

Options
new_options()
{
  failover_options *options = nullptr;
  expect_ok(failover_options_new(&options), "options");
  return Options(options);
}

Outcome
outcome_of(const failover_options *options)
{
  Outcome outcome;
  outcome.dead_peer_timeout_ms = failover_options_get_dead_peer_timeout_ms(options);
  outcome.resend = failover_options_get_resend(options);
  outcome.resend_buffer_size = static_cast<int64_t>(failover_options_get_resend_buffer_size(options));
  outcome.resend_grace_ms = resend_grace_ms(options);
  outcome.standby_probe_interval_ms = standby_probe_interval_ms(options);
  run(options, outcome);
  return outcome;
}

} // namespace failover::fuzz
