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
  host_.set_timer(timers_.deadline, started_ms_ + limit_ms);
  host_.resolve(lookup_, server.host, server.port);
}

void
Attempt::cancel()
{
  if (!running_)
    return;

  host_.cancel_timer(timers_.deadline);
  host_.cancel_timer(timers_.next_address);
  for (const Pending &pending : pending_)
    host_.close(pending.connection);
  host_.release_lookup(lookup_);

  pending_.clear();
  addresses_.clear();
  next_ = 0;
  running_ = false;
}

AttemptResult
Attempt::resolved(Id lookup, std::vector<std::string> addresses)
{
  if (!running_ || lookup != lookup_ || !addresses_.empty())
    return {};
  if (addresses.empty())
    return fail(FAILOVER_REASON_NOT_RESOLVED, "", "");

  addresses_ = std::move(addresses);
  addresses_.resize(std::min(addresses_.size(), most_addresses));
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
  result.took_ms = host_.now_ms() - started_ms_;
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
    host_.set_timer(timers_.next_address, host_.now_ms() + next_address_after_ms);
  else
    host_.cancel_timer(timers_.next_address);
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
