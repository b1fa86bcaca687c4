// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "engine.hpp"

#include "jitter.hpp"

#include <cassert>

namespace failover {

namespace {

// A connection that ends sooner than this after it was taken into use counts
// as one more failed attempt of the round: servers that accept and hang up at
// once would otherwise be tried in a tight loop with switch-delay(0).  So does one
// on which messages were sent and none was confirmed: servers that hang up before
// the grace is over would otherwise get the same messages again and again.
constexpr int64_t proven_after_ms = 1'000;

} // namespace

Engine::Engine(const Settings &settings, std::string_view primary_host, uint16_t port, int64_t time_reopen_ms,
               const Host &host, IdSequence &ids, Status &status, ConnectionInUse &connection_in_use)
  : settings_(settings), status_(status), roster_(settings_, primary_host, port, status),
    time_reopen_ms_(time_reopen_ms), switch_delay_ms_(settings.switch_delay_ms.value_or(time_reopen_ms)),
    host_(host), connection_in_use_(connection_in_use),
    rotation_(host_, ids, AttemptTimers{ FAILOVER_TIMER_ATTEMPT_DEADLINE, FAILOVER_TIMER_ATTEMPT_NEXT }),
    probe_(host_, ids, AttemptTimers{ FAILOVER_TIMER_PROBE_DEADLINE, FAILOVER_TIMER_PROBE_NEXT }),
    move_(host_, ids, AttemptTimers{ FAILOVER_TIMER_MOVE_DEADLINE, FAILOVER_TIMER_MOVE_NEXT }),
    checks_(settings_, roster_, host_, ids, *this)
{
  status_.begin(roster_.names(), settings_.resend ? settings_.resend_buffer_size : 0);
}

// ---- start, stop, reload

void
Engine::start(const Snapshot *snapshot, bool connection_open)
{
  assert(!running_);
  running_ = true;
  if (roster_.count_usable() == 0)
    make_ready(primary); // a list of servers in maint only would be none
  if (snapshot)
    resume(*snapshot, connection_open);
  else
    attempt(primary, FAILOVER_REASON_START);
  if (!probe_due_ms_)
    probe_afresh(); // the primary may be drained
  checks_.start();
}

void
Engine::resume(const Snapshot &snapshot, bool connection_open)
{
  auto server = roster_.find(snapshot.server);

  if (!snapshot.in_use)
    {
      consecutive_failures_ = snapshot.consecutive_failures;
      current_ = roster_.choose(server.value_or(primary));
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
      host_.emit(event(FAILOVER_EVENT_KEPT, FAILOVER_REASON_RELOAD, *server, in_use_->address));
      leave_unready();
    }
  else
    {
      if (connection_open)
        connection_in_use_.let_go();
      attempt(primary, FAILOVER_REASON_RELOAD);
      resume_probing(snapshot); // if that was another one
    }
}

// The probes counted stay counted as long as they are about the same primary.
void
Engine::resume_probing(const Snapshot &snapshot)
{
  if (!settings_.failback || current_ == primary || roster_.admin(primary) == FAILOVER_ADMIN_MAINT)
    return;
  if (!snapshot.probe_due_ms || !(snapshot.primary == roster_[primary]))
    {
      start_probing();
      return;
    }
  probe_successes_ = std::min(snapshot.probe_successes, settings_.probes_required - 1);
  probe_due_ms_ =
      std::min(*snapshot.probe_due_ms, host_.now_ms() + with_jitter_ms(host_, settings_.probe_interval_ms));
  host_.set_timer(FAILOVER_TIMER_PROBE, *probe_due_ms_);
}

void
Engine::stop()
{
  if (!running_)
    return;
  stop_rotation();
  stop_probing();
  end_move(FAILOVER_ANSWER_STOPPED);
  checks_.stop();
  for (const auto &server : status_.servers())
    status_.answer_leaving(*server, FAILOVER_ANSWER_STOPPED);
  running_ = false;
}

Snapshot
Engine::save() const
{
  assert(running_);
  Snapshot snapshot;
  snapshot.server = roster_[current_];
  snapshot.primary = roster_[primary];
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
      switch_due_ms_.reset();
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
    case FAILOVER_TIMER_MOVE_DEADLINE:
      move_result(move_.deadline_passed());
      return;
    case FAILOVER_TIMER_MOVE_NEXT:
      move_.next_address_due();
      return;
    case FAILOVER_TIMER_CHECK:
      checks_.timer_due();
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
  move_result(move_.resolved(lookup, addresses));
  checks_.resolved(lookup, addresses);
}

void
Engine::not_resolved(Id lookup, std::string_view detail)
{
  rotation_result(rotation_.not_resolved(lookup, detail));
  probe_result(probe_.not_resolved(lookup, detail));
  move_result(move_.not_resolved(lookup, detail));
  checks_.not_resolved(lookup, detail);
}

void
Engine::connected(Id connection)
{
  rotation_result(rotation_.connected(connection));
  probe_result(probe_.connected(connection));
  move_result(move_.connected(connection));
  checks_.connected(connection);
}

void
Engine::connect_failed(Id connection, failover_reason reason, std::string_view detail)
{
  rotation_result(rotation_.connect_failed(connection, reason, detail));
  probe_result(probe_.connect_failed(connection, reason, detail));
  move_result(move_.connect_failed(connection, reason, detail));
  checks_.connect_failed(connection, reason, detail);
}

void
Engine::disconnected(Id connection, failover_reason reason, std::string_view detail, bool fruitless)
{
  if (!running_ || !in_use_ || in_use_->connection != connection)
    return;

  int64_t in_use_ms = host_.now_ms() - in_use_->since_ms;
  const bool lasted = in_use_ms >= proven_after_ms;
  if (lasted && !fruitless)
    begin_round();
  std::string address = std::move(in_use_->address);
  in_use_.reset();
  server_failed({ reason, detail, std::move(address), -1, in_use_ms, lasted && fruitless });
}

void
Engine::set_certificate_end(Id connection, int64_t end_s)
{
  if (rotation_.is_making(connection))
    status_.set_certificate_end(current_, end_s);
  else if (probe_.is_making(connection))
    status_.set_certificate_end(primary, end_s);
  else if (move_.is_making(connection))
    status_.set_certificate_end(moving_->server(), end_s);
  else if (const auto server = checks_.server_of(connection))
    status_.set_certificate_end(*server, end_s);
}

void
Engine::recover() noexcept
{
  if (!running_)
    return;
  rotation_.cancel();
  stop_probing();
  end_move(FAILOVER_ANSWER_FAILED);
  if (in_use_)
    status_.answer_leaving(status_.server(in_use_->server), FAILOVER_ANSWER_STAYS);
  checks_.recover();
  if (!in_use_)
    schedule_switch(host_.now_ms() + with_jitter_ms(host_, time_reopen_ms_));
  probe_afresh();
}

NextStep
Engine::next_step() const
{
  NextStep step;
  step.successes = probe_successes_;
  step.required = settings_.probes_required;
  if (moving_)
    {
      step.what = NextStep::What::attempt;
      step.server = moving_->server();
    }
  else if (rotation_.running())
    {
      step.what = NextStep::What::attempt;
      step.server = current_;
    }
  else if (switch_due_ms_)
    {
      step.what = NextStep::What::attempt_later;
      step.server = roster_.choose(current_);
      step.due_ms = *switch_due_ms_;
    }
  else if (probe_due_ms_)
    {
      step.what = NextStep::What::probe;
      step.server = primary;
      step.due_ms = *probe_due_ms_;
    }
  return step;
}

// ---- the rotation

void
Engine::attempt(std::size_t from, failover_reason why)
{
  current_ = roster_.choose(from);
  why_ = why;
  if (current_ == primary)
    stop_probing(); // this attempt is worth as much as a probe
  checks_.cancel(current_);
  rotation_.start(roster_[current_], FAILOVER_PURPOSE_USE, settings_.connect_timeout_ms);
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
      failover_event connected = event(FAILOVER_EVENT_CONNECTED, why_, current_, in_use_->address);
      connected.took_ms = result.took_ms;
      host_.emit(connected);
      moved(current_);
      return;
    }
}

bool
Engine::take_into_use(std::size_t server, AttemptResult &result)
{
  if (!connection_in_use_.hand_over(result.connection, server))
    return false;

  in_use_ = { result.connection, server, std::move(result.address), host_.now_ms() };
  current_ = server;
  if (server == primary)
    stop_probing();
  checks_.cancel(server);
  if (!roster_.is_ready(server))
    status_.server(server).leaving = true;
  return true;
}

void
Engine::begin_round()
{
  consecutive_failures_ = 0;
  roster_.begin_round();
}

void
Engine::stop_rotation()
{
  rotation_.cancel();
  host_.cancel_timer(FAILOVER_TIMER_SWITCH);
  switch_due_ms_.reset();
}

void
Engine::schedule_switch(int64_t due_ms)
{
  switch_due_ms_ = due_ms;
  host_.set_timer(FAILOVER_TIMER_SWITCH, due_ms);
}

void
Engine::server_failed(const Failure &failure)
{
  const std::size_t failed = current_;
  roster_.tried(failed);
  const bool round_is_over = ++consecutive_failures_ >= roster_.count_usable();
  if (round_is_over)
    begin_round();
  const int64_t wait_ms = round_is_over ? with_jitter_ms(host_, time_reopen_ms_) : switch_delay_ms_;

  failover_event lost = event(round_is_over ? FAILOVER_EVENT_ALL_FAILED : FAILOVER_EVENT_SERVER_FAILED,
                              failure.reason, failed, failure.address);
  current_ = roster_.choose_after(failed);
  schedule_switch(host_.now_ms() + wait_ms);
  if (failed == primary)
    start_probing();

  lost.detail = to_text(failure.detail);
  lost.next = to_text(roster_.name(current_));
  lost.wait_ms = wait_ms;
  lost.took_ms = failure.took_ms;
  lost.in_use_ms = failure.in_use_ms;
  lost.fruitless = failure.fruitless;
  lost.to_resend = connection_in_use_.to_resend();
  host_.emit(lost);
}

failover_event
Engine::event(failover_event_kind kind, failover_reason reason, std::size_t server,
              const std::string &address) const
{
  failover_event result = {};
  result.kind = kind;
  result.reason = reason;
  result.position = static_cast<uint32_t>(server);
  result.admin = roster_.admin(server);
  result.server = to_text(roster_.name(server));
  result.address = to_text(address);
  result.took_ms = -1;
  result.in_use_ms = -1;
  result.successes = probe_successes_;
  result.required = settings_.probes_required;
  return result;
}

} // namespace failover
