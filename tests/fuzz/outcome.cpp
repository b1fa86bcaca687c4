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

// The host of one engine.  It answers nothing by itself and keeps what was asked last.
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

failover_host
callbacks(Host *host)
{
  failover_host result = {};
  result.user_data = host;
  result.now_ms = [](void *data) { return host_of(data).now_ms; };
  result.random = [](void *) { return uint32_t{ 0 }; };
  result.set_timer = [](void *data, failover_timer timer, int64_t due_ms) {
    host_of(data).timers[timer] = due_ms;
  };
  result.cancel_timer = [](void *data, failover_timer timer) { host_of(data).timers[timer].reset(); };
  result.resolve = [](void *data, uint64_t lookup, failover_text name, uint16_t port) {
    host_of(data).lookup = lookup;
    host_of(data).looked_up = string_of(name);
    host_of(data).port = port;
  };
  result.release_lookup = [](void *, uint64_t) {};
  result.connect = [](void *data, uint64_t connection, uint64_t, uint32_t, failover_text, failover_purpose) {
    host_of(data).connection = connection;
  };
  result.hand_over = [](void *, uint64_t) { return FAILOVER_OK; };
  result.close = [](void *, uint64_t) {};
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

void
let_timer_be_due(failover_engine *engine, Host &host, failover_timer timer)
{
  host.now_ms += std::max<int64_t>(host.timer_in_ms(timer), 0);
  host.timers[timer].reset();
  expect_ok(failover_engine_timer_due(engine, timer), "timer");
}

// The primary has no address, the first of servers() answers, a probe of the primary fails.
void
run(failover_engine *engine, Host &host, Outcome &outcome)
{
  const failover_text address = { "192.0.2.1", 9 };

  expect_ok(failover_engine_start(engine, nullptr, false), "start");
  outcome.connect_timeout_ms = host.timer_in_ms(FAILOVER_TIMER_ATTEMPT_DEADLINE);
  expect_ok(failover_engine_not_resolved(engine, host.lookup, {}), "no address");
  outcome.name = host.next;
  outcome.switch_delay_ms = host.timer_in_ms(FAILOVER_TIMER_SWITCH);
  outcome.probe_interval_ms = host.timer_in_ms(FAILOVER_TIMER_PROBE);

  let_timer_be_due(engine, host, FAILOVER_TIMER_SWITCH);
  outcome.host = host.looked_up;
  outcome.port = host.port;
  expect_ok(failover_engine_resolved(engine, host.lookup, &address, 1), "address");
  expect_ok(failover_engine_connected(engine, host.connection), "connected");

  let_timer_be_due(engine, host, FAILOVER_TIMER_PROBE);
  expect_ok(failover_engine_not_resolved(engine, host.lookup, {}), "no address for the probe");
  outcome.probes_required = host.probes_required;
  expect_ok(failover_engine_stop(engine), "stop");
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
  const failover_stream_settings resend = failover_options_get_stream(options);
  outcome.resend = resend.resend;
  outcome.resend_grace_ms = resend.grace_ms;
  outcome.resend_buffer_size = static_cast<int64_t>(resend.buffer_size);

  Host host;
  const failover_host host_callbacks = callbacks(&host);
  const failover_destination destination = { { primary.data(), primary.size() },
                                             default_port,
                                             time_reopen_ms };
  failover_engine *engine = nullptr;
  expect_ok(failover_engine_new(options, &destination, &host_callbacks, &engine), "engine");
  run(engine, host, outcome);
  failover_engine_free(engine);
  return outcome;
}

} // namespace failover::fuzz
