// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "attempt.hpp"

#include <algorithm>
#include <cassert>

namespace failover {

namespace {

constexpr int64_t next_address_after_ms = 250; // RFC 8305, Connection Attempt Delay
constexpr std::size_t most_addresses = 16;     // a name with more would eat the deadline anyway

} // namespace

void
Attempt::start(const Server &server, failover_purpose purpose, int64_t limit_ms)
{
  cancel();
  host_name_ = server.host; // may throw, so first
  running_ = true;
  purpose_ = purpose;
  started_ms_ = host_.now_ms();
  lookup_ = ids_.take();
  deadline_ms_ = started_ms_ + limit_ms + open_ms();
  if (timers_)
    host_.set_timer(timers_->deadline, deadline_ms_);
  host_.resolve(lookup_, server.host, server.port);
}

void
Attempt::cancel()
{
  if (!running_)
    return;

  if (timers_)
    host_.cancel_timer(timers_->deadline);
  set_next_address(std::nullopt);
  for (const Pending &pending : pending_)
    host_.close(pending.connection);
  host_.release_lookup(lookup_);

  pending_.clear();
  addresses_.clear();
  next_ = 0;
  running_ = false;
}

AttemptResult
Attempt::resolved(Id lookup, const std::vector<std::string> &addresses)
{
  if (!running_ || lookup != lookup_ || !addresses_.empty())
    return {};
  if (addresses.empty())
    return fail(FAILOVER_REASON_NOT_RESOLVED, "", "");

  addresses_.assign(addresses.begin(), addresses.begin() + std::min(addresses.size(), most_addresses));
  pending_.reserve(addresses_.size());
  connect_next();
  return {};
}

AttemptResult
Attempt::not_resolved(Id lookup, std::string_view detail)
{
  if (!running_ || lookup != lookup_ || !addresses_.empty())
    return {};
  return fail(FAILOVER_REASON_NOT_RESOLVED, detail, "");
}

AttemptResult
Attempt::connected(Id connection)
{
  Pending pending;
  if (!take_pending(connection, pending))
    return {};

  AttemptResult result;
  result.state = AttemptResult::State::connected;
  result.connection = connection;
  result.address = std::move(addresses_[pending.address]);
  result.took_ms = std::max<int64_t>(host_.now_ms() - started_ms_ - open_ms(), 0);
  cancel();
  return result;
}

AttemptResult
Attempt::connect_failed(Id connection, failover_reason reason, std::string_view detail)
{
  Pending pending;
  if (!take_pending(connection, pending))
    return {};

  if (next_ < addresses_.size())
    connect_next();
  else if (pending_.empty())
    return fail(reason, detail, std::move(addresses_[pending.address]));
  return {};
}

AttemptResult
Attempt::deadline_passed()
{
  if (!running_)
    return {};
  // the one started last: the others have had more time
  return fail(FAILOVER_REASON_TIMEOUT, "",
              pending_.empty() ? std::string() : std::move(addresses_[pending_.back().address]));
}

void
Attempt::next_address_due()
{
  if (running_ && next_ < addresses_.size())
    connect_next();
}

void
Attempt::connect_next()
{
  assert(next_ < addresses_.size());
  Pending pending = { ids_.take(), next_++ };
  pending_.push_back(pending);
  host_.connect(pending.connection, lookup_, static_cast<uint32_t>(pending.address), host_name_, purpose_);
  if (next_ < addresses_.size())
    set_next_address(host_.now_ms() + next_address_after_ms);
  else
    set_next_address(std::nullopt);
}

void
Attempt::set_next_address(std::optional<int64_t> due_ms)
{
  next_address_ms_ = due_ms;
  if (timers_ && due_ms)
    host_.set_timer(timers_->next_address, *due_ms);
  else if (timers_)
    host_.cancel_timer(timers_->next_address);
}

AttemptResult
Attempt::timer_due(int64_t now_ms)
{
  if (!running_)
    return {};
  if (deadline_ms_ <= now_ms)
    return deadline_passed();
  if (next_address_ms_ && *next_address_ms_ <= now_ms)
    next_address_due();
  return {};
}

bool
Attempt::is_making(Id connection) const
{
  return std::any_of(pending_.begin(), pending_.end(),
                     [&](const Pending &p) { return p.connection == connection; });
}

bool
Attempt::take_pending(Id connection, Pending &pending)
{
  auto found = std::find_if(pending_.begin(), pending_.end(),
                            [&](const Pending &p) { return p.connection == connection; });
  if (found == pending_.end())
    return false;
  pending = *found;
  pending_.erase(found);
  return true;
}

AttemptResult
Attempt::fail(failover_reason reason, std::string_view detail, std::string address)
{
  AttemptResult result;
  result.state = AttemptResult::State::failed;
  result.reason = reason;
  result.detail = detail;
  result.address = std::move(address);
  result.took_ms = host_.now_ms() - started_ms_;
  cancel();
  return result;
}

} // namespace failover
