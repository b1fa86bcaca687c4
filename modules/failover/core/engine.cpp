// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "engine.hpp"

#include <algorithm>
#include <cassert>

namespace failover {

namespace {

// A connection that ends sooner than this after it was taken into use counts
// as one more failed attempt of the round: servers that accept and hang up at
// once would otherwise be tried in a tight loop with switch-delay(0).  So does one
// on which messages were sent and none was confirmed: servers that hang up before
// the grace is over would otherwise get the same messages again and again.
constexpr int64_t proven_after_ms = 1'000;

// The rounds of many clients, when all is down, and their probes should not fall together.
constexpr uint32_t jitter_percent = 10;

} // namespace

Engine::Engine(const Settings &settings, std::string_view primary_host, uint16_t port, int64_t time_reopen_ms,
               const Host &host, IdSequence &ids, ConnectionInUse &connection_in_use)
  : settings_(settings), time_reopen_ms_(time_reopen_ms),
    switch_delay_ms_(settings.switch_delay_ms.value_or(time_reopen_ms)), host_(host),
    connection_in_use_(connection_in_use),
    rotation_(host_, ids, { FAILOVER_TIMER_ATTEMPT_DEADLINE, FAILOVER_TIMER_ATTEMPT_NEXT }),
    probe_(host_, ids, { FAILOVER_TIMER_PROBE_DEADLINE, FAILOVER_TIMER_PROBE_NEXT })
{
  servers_.push_back({ canonical_host(primary_host), port });
  for (const ServerSpec &spec : settings_.servers)
    servers_.push_back(with_default_port(spec, port));
  for (const Server &server : servers_)
    names_.push_back(server.name());
}

// ---- start, stop, reload

void
Engine::start(const Snapshot *snapshot, bool connection_open)
{
  assert(!running_);
  running_ = true;
  if (snapshot)
    resume(*snapshot, connection_open);
  else
    attempt(primary, FAILOVER_REASON_START);
}

void
Engine::resume(const Snapshot &snapshot, bool connection_open)
{
  auto server = find(snapshot.server);

  if (!snapshot.in_use)
    {
      consecutive_failures_ = snapshot.consecutive_failures;
      current_ = server.value_or(primary);
      resume_probing(snapshot);
      attempt(current_, FAILOVER_REASON_RELOAD);
    }
  else if (connection_open && server)
    {
      consecutive_failures_ = snapshot.consecutive_failures;
      current_ = *server;
      in_use_ = { snapshot.in_use->connection, *server, {}, snapshot.in_use->since_ms };
      in_use_->address = snapshot.in_use->address; // without memory for it, it is in use all the same
      resume_probing(snapshot);
      host_.emit(event(FAILOVER_EVENT_KEPT, FAILOVER_REASON_RELOAD, names_[*server], in_use_->address));
    }
  else
    {
      if (connection_open)
        connection_in_use_.let_go();
      attempt(primary, FAILOVER_REASON_RELOAD);
    }
}

// The probes counted stay counted as long as they are about the same primary.
void
Engine::resume_probing(const Snapshot &snapshot)
{
  if (!settings_.failback || current_ == primary)
    return;
  if (!snapshot.probe_due_ms || !(snapshot.primary == servers_[primary]))
    {
      start_probing();
      return;
    }
  probe_successes_ = std::min(snapshot.probe_successes, settings_.probes_required - 1);
  probe_due_ms_ =
      std::min(*snapshot.probe_due_ms, host_.now_ms() + with_jitter_ms(settings_.probe_interval_ms));
  host_.set_timer(FAILOVER_TIMER_PROBE, *probe_due_ms_);
}

std::optional<std::size_t>
Engine::find(const Server &server) const
{
  auto found = std::find(servers_.begin(), servers_.end(), server);
  if (found == servers_.end())
    return std::nullopt;
  return found - servers_.begin();
}

void
Engine::stop()
{
  if (!running_)
    return;
  rotation_.cancel();
  stop_probing();
  host_.cancel_timer(FAILOVER_TIMER_SWITCH);
  running_ = false;
}

Snapshot
Engine::save() const
{
  assert(running_);
  Snapshot snapshot;
  snapshot.server = servers_[current_];
  snapshot.primary = servers_[primary];
  if (in_use_)
    snapshot.in_use = { in_use_->connection, in_use_->address, in_use_->since_ms };
  snapshot.consecutive_failures = consecutive_failures_;
  snapshot.probe_due_ms = probe_due_ms_;
  snapshot.probe_successes = probe_successes_;
  return snapshot;
}

// ---- what happened

void
Engine::timer_due(failover_timer timer)
{
  assert(timer < FAILOVER_TIMER_COUNT);
  if (!running_)
    return;
  switch (timer)
    {
    case FAILOVER_TIMER_SWITCH:
      attempt(current_, FAILOVER_REASON_ROTATION);
      return;
    case FAILOVER_TIMER_ATTEMPT_DEADLINE:
      rotation_result(rotation_.deadline_passed());
      return;
    case FAILOVER_TIMER_ATTEMPT_NEXT:
      rotation_.next_address_due();
      return;
    case FAILOVER_TIMER_PROBE:
      probe();
      return;
    case FAILOVER_TIMER_PROBE_DEADLINE:
      probe_result(probe_.deadline_passed());
      return;
    case FAILOVER_TIMER_PROBE_NEXT:
      probe_.next_address_due();
      return;
    case FAILOVER_TIMER_HAND_OVER:
    case FAILOVER_TIMER_STREAM:
    case FAILOVER_TIMER_COUNT:
      return;
    }
}

void
Engine::resolved(Id lookup, const std::vector<std::string> &addresses)
{
  rotation_result(rotation_.resolved(lookup, addresses));
  probe_result(probe_.resolved(lookup, addresses));
}

void
Engine::not_resolved(Id lookup, std::string_view detail)
{
  rotation_result(rotation_.not_resolved(lookup, detail));
  probe_result(probe_.not_resolved(lookup, detail));
}

void
Engine::connected(Id connection)
{
  rotation_result(rotation_.connected(connection));
  probe_result(probe_.connected(connection));
}

void
Engine::connect_failed(Id connection, failover_reason reason, std::string_view detail)
{
  rotation_result(rotation_.connect_failed(connection, reason, detail));
  probe_result(probe_.connect_failed(connection, reason, detail));
}

void
Engine::disconnected(Id connection, failover_reason reason, std::string_view detail, bool fruitless)
{
  if (!running_ || !in_use_ || in_use_->connection != connection)
    return;

  int64_t in_use_ms = host_.now_ms() - in_use_->since_ms;
  const bool lasted = in_use_ms >= proven_after_ms;
  if (lasted && !fruitless)
    consecutive_failures_ = 0;
  std::string address = std::move(in_use_->address);
  in_use_.reset();
  server_failed({ reason, detail, std::move(address), -1, in_use_ms, lasted && fruitless });
}

void
Engine::recover() noexcept
{
  if (!running_)
    return;
  rotation_.cancel();
  stop_probing();
  if (!in_use_)
    host_.set_timer(FAILOVER_TIMER_SWITCH, host_.now_ms() + with_jitter_ms(time_reopen_ms_));
  if (!in_use_ || in_use_->server != primary)
    start_probing();
}

// ---- the rotation

void
Engine::attempt(std::size_t server, failover_reason why)
{
  assert(server < servers_.size());
  current_ = server;
  why_ = why;
  if (server == primary)
    stop_probing(); // this attempt is worth as much as a probe
  rotation_.start(servers_[server], FAILOVER_PURPOSE_USE, settings_.connect_timeout_ms);
}

void
Engine::rotation_result(AttemptResult result)
{
  switch (result.state)
    {
    case AttemptResult::State::pending:
      return;
    case AttemptResult::State::failed:
      server_failed({ result.reason, result.detail, std::move(result.address), result.took_ms, -1, false });
      return;
    case AttemptResult::State::connected:
      if (!take_into_use(current_, result))
        {
          server_failed({ FAILOVER_REASON_LOCAL, "", std::move(result.address), result.took_ms, -1, false });
          return;
        }
      failover_event connected = event(FAILOVER_EVENT_CONNECTED, why_, names_[current_], in_use_->address);
      connected.took_ms = result.took_ms;
      host_.emit(connected);
      return;
    }
}

bool
Engine::take_into_use(std::size_t server, AttemptResult &result)
{
  if (!connection_in_use_.hand_over(result.connection))
    return false;

  in_use_ = { result.connection, server, std::move(result.address), host_.now_ms() };
  current_ = server;
  if (server == primary)
    stop_probing();
  return true;
}

void
Engine::server_failed(const Failure &failure)
{
  const std::size_t failed = current_;
  consecutive_failures_++;
  const bool round_is_over = consecutive_failures_ % servers_.size() == 0;
  const int64_t wait_ms = round_is_over ? with_jitter_ms(time_reopen_ms_) : switch_delay_ms_;

  current_ = (failed + 1) % servers_.size();
  host_.set_timer(FAILOVER_TIMER_SWITCH, host_.now_ms() + wait_ms);
  if (failed == primary)
    start_probing();

  failover_event lost = event(round_is_over ? FAILOVER_EVENT_ALL_FAILED : FAILOVER_EVENT_SERVER_FAILED,
                              failure.reason, names_[failed], failure.address);
  lost.detail = to_text(failure.detail);
  lost.next = to_text(names_[current_]);
  lost.wait_ms = wait_ms;
  lost.took_ms = failure.took_ms;
  lost.in_use_ms = failure.in_use_ms;
  lost.fruitless = failure.fruitless;
  lost.to_resend = connection_in_use_.to_resend();
  host_.emit(lost);
}

int64_t
Engine::with_jitter_ms(int64_t least_ms) const
{
  const uint64_t most = static_cast<uint64_t>(least_ms) * jitter_percent / 100;
  return least_ms + static_cast<int64_t>(host_.random() % (most + 1));
}

// ---- the way back to the primary

void
Engine::start_probing()
{
  if (!settings_.failback)
    return;
  probe_successes_ = 0;
  last_probe_failure_.reset();
  probe_due_ms_ = host_.now_ms() + with_jitter_ms(settings_.probe_interval_ms);
  host_.set_timer(FAILOVER_TIMER_PROBE, *probe_due_ms_);
}

void
Engine::stop_probing()
{
  probe_.cancel();
  host_.cancel_timer(FAILOVER_TIMER_PROBE);
  probe_due_ms_.reset();
  probe_successes_ = 0;
}

void
Engine::probe()
{
  probe_due_ms_ = host_.now_ms(); // a reload repeats a probe that it interrupts
  // the last one is to be used: it has to be as good as any connection in use
  const bool last = probe_successes_ + 1 >= settings_.probes_required;
  probe_.start(servers_[primary], last ? FAILOVER_PURPOSE_USE : FAILOVER_PURPOSE_PROBE,
               settings_.connect_timeout_ms);
}

void
Engine::schedule_probe()
{
  probe_due_ms_ = std::max(host_.now_ms(), probe_.started_ms() + with_jitter_ms(settings_.probe_interval_ms));
  host_.set_timer(FAILOVER_TIMER_PROBE, *probe_due_ms_);
}

void
Engine::probe_result(AttemptResult result)
{
  switch (result.state)
    {
    case AttemptResult::State::pending:
      return;
    case AttemptResult::State::failed:
      probe_failed(result);
      return;
    case AttemptResult::State::connected:
      probe_successes_++;
      last_probe_failure_.reset();
      failover_event success =
          event(FAILOVER_EVENT_PROBE_SUCCEEDED, FAILOVER_REASON_PROBE, names_[primary], result.address);
      success.took_ms = result.took_ms;
      host_.emit(success);

      if (probe_successes_ >= settings_.probes_required)
        {
          go_back(result);
          return;
        }
      host_.close(result.connection);
      schedule_probe();
      return;
    }
}

void
Engine::probe_failed(const AttemptResult &result)
{
  const bool repeated = probe_successes_ == 0 && last_probe_failure_ == result.reason;
  probe_successes_ = 0;
  last_probe_failure_ = result.reason;
  schedule_probe();

  failover_event failure = event(FAILOVER_EVENT_PROBE_FAILED, result.reason, names_[primary], result.address);
  failure.detail = to_text(result.detail);
  failure.took_ms = result.took_ms;
  failure.repeated = repeated;
  host_.emit(failure);
}

// Make before break: whatever is in use or being tried is given up only when
// the primary has been taken.
void
Engine::go_back(AttemptResult &result)
{
  const uint32_t successes = probe_successes_;
  if (!take_into_use(primary, result))
    {
      result.reason = FAILOVER_REASON_LOCAL;
      probe_failed(result);
      return;
    }

  rotation_.cancel();
  host_.cancel_timer(FAILOVER_TIMER_SWITCH);
  consecutive_failures_ = 0;

  failover_event back =
      event(FAILOVER_EVENT_FAILED_BACK, FAILOVER_REASON_FAILBACK, names_[primary], in_use_->address);
  back.took_ms = result.took_ms;
  back.successes = successes;
  host_.emit(back);
}

failover_event
Engine::event(failover_event_kind kind, failover_reason reason, const std::string &server,
              const std::string &address) const
{
  failover_event result = {};
  result.kind = kind;
  result.reason = reason;
  result.server = to_text(server);
  result.address = to_text(address);
  result.took_ms = -1;
  result.in_use_ms = -1;
  result.successes = probe_successes_;
  result.required = settings_.probes_required;
  return result;
}

} // namespace failover
