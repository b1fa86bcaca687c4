// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "checks.hpp"

#include "jitter.hpp"

#include <algorithm>

namespace failover {

Checks::Checks(const Settings &settings, const Roster &roster, const Host &host, IdSequence &ids,
               Checked &checked)
  : settings_(settings), roster_(roster), host_(host), ids_(ids), checked_(checked)
{}

// The first round at any moment of the interval: many clients start together.
void
Checks::start()
{
  if (settings_.standby_probe_interval_ms <= 0)
    return;
  const auto interval_ms = static_cast<uint64_t>(settings_.standby_probe_interval_ms);
  round_due_ms_ = host_.now_ms() + static_cast<int64_t>(host_.random() % interval_ms);
  arm();
}

void
Checks::stop()
{
  for (Check &check : running_)
    check.attempt.cancel();
  running_.clear();
  round_due_ms_.reset();
  next_.reset();
  arm();
  checked_.checks_done(FAILOVER_ANSWER_STOPPED);
}

void
Checks::recover() noexcept
{
  stop();
  if (settings_.standby_probe_interval_ms > 0)
    round_due_ms_ = host_.now_ms() + with_jitter_ms(host_, settings_.standby_probe_interval_ms);
  arm();
}

void
Checks::check_all()
{
  for (std::size_t server = 0; server < roster_.size(); server++)
    {
      const bool is_running = std::any_of(running_.begin(), running_.end(),
                                          [&](const Check &check) { return check.server == server; });
      if (checked_.is_checkable(server) && !is_running)
        begin(server);
    }
  go_on();
}

void
Checks::cancel(std::size_t server)
{
  for (auto check = running_.begin(); check != running_.end();)
    {
      if (check->server == server)
        {
          check->attempt.cancel();
          check = running_.erase(check);
        }
      else
        ++check;
    }
  if (running_.empty())
    checked_.checks_done(FAILOVER_ANSWER_DONE);
  arm(); // the round goes on from there: what begins may find no memory
}

void
Checks::begin(std::size_t server)
{
  running_.push_back({ server, Attempt(host_, ids_, std::nullopt) });
  running_.back().attempt.start(roster_[server], FAILOVER_PURPOSE_CHECK, settings_.connect_timeout_ms);
}

// ---- what happened

// At most one knows the number.
template <typename Tell>
void
Checks::tell(Tell tell)
{
  if (running_.empty())
    return;
  for (auto check = running_.begin(); check != running_.end(); ++check)
    {
      AttemptResult result = tell(check->attempt);
      if (result.state != AttemptResult::State::pending)
        {
          finished(check, result);
          break;
        }
    }
  arm();
}

void
Checks::finished(List::iterator check, AttemptResult &result)
{
  const std::size_t server = check->server;
  running_.erase(check);
  if (result.state == AttemptResult::State::connected)
    host_.close(result.connection);
  checked_.checked(server, result);
  go_on();
}

void
Checks::timer_due()
{
  const int64_t now_ms = host_.now_ms();
  armed_ms_.reset();
  if (round_due_ms_ && *round_due_ms_ <= now_ms)
    {
      round_due_ms_.reset();
      round_began_ms_ = now_ms;
      next_ = 0;
    }
  for (auto check = running_.begin(); check != running_.end();)
    {
      const auto current = check++; // checks that begin stand behind
      AttemptResult result = current->attempt.timer_due(now_ms);
      if (result.state != AttemptResult::State::pending)
        finished(current, result);
    }
  go_on();
}

void
Checks::resolved(Id lookup, const std::vector<std::string> &addresses)
{
  tell([&](Attempt &attempt) { return attempt.resolved(lookup, addresses); });
}

void
Checks::not_resolved(Id lookup, std::string_view detail)
{
  tell([&](Attempt &attempt) { return attempt.not_resolved(lookup, detail); });
}

void
Checks::connected(Id connection)
{
  tell([&](Attempt &attempt) { return attempt.connected(connection); });
}

void
Checks::connect_failed(Id connection, failover_reason reason, std::string_view detail)
{
  tell([&](Attempt &attempt) { return attempt.connect_failed(connection, reason, detail); });
}

std::optional<std::size_t>
Checks::server_of(Id connection) const
{
  for (const Check &check : running_)
    if (check.attempt.is_making(connection))
      return check.server;
  return std::nullopt;
}

// ---- what comes next

// With nothing running: what was asked for is done, and the round goes on.
void
Checks::go_on()
{
  if (running_.empty())
    checked_.checks_done(FAILOVER_ANSWER_DONE);
  while (running_.empty() && next_)
    {
      if (*next_ == roster_.size())
        {
          next_.reset();
          round_due_ms_ = round_began_ms_ + with_jitter_ms(host_, settings_.standby_probe_interval_ms);
          break;
        }
      const std::size_t server = (*next_)++;
      if (checked_.is_checkable(server) && !checked_.has_own_probes(server))
        begin(server);
    }
  arm();
}

void
Checks::arm()
{
  std::optional<int64_t> due_ms = round_due_ms_;
  if (running_.empty() && next_)
    due_ms = host_.now_ms();
  for (const Check &check : running_)
    due_ms = std::min(due_ms.value_or(check.attempt.due_ms()), check.attempt.due_ms());
  if (due_ms == armed_ms_)
    return;
  armed_ms_ = due_ms;
  if (due_ms)
    host_.set_timer(FAILOVER_TIMER_CHECK, *due_ms);
  else
    host_.cancel_timer(FAILOVER_TIMER_CHECK);
}

} // namespace failover
