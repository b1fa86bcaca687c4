// SPDX-License-Identifier: GPL-2.0-or-later
//
// The simulated clock and what is going to happen, in the order of time and,
// at the same time, of scheduling.  Owned by the world of one seed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

namespace failover::sim {

class EventQueue
{
public:
  using Action = std::function<void()>;
  using Ticket = std::pair<int64_t, uint64_t>; // due, sequence

  int64_t now_ms() const { return now_ms_; }

  Ticket schedule(int64_t due_ms, Action action)
  {
    Ticket ticket{ due_ms, sequence_++ };
    actions_.emplace(ticket, std::move(action));
    return ticket;
  }

  void cancel(const Ticket &ticket) { actions_.erase(ticket); }

  // Nothing is due at this moment.
  bool settled() const { return actions_.empty() || actions_.begin()->first.first > now_ms_; }

  // The clock moves to the next action, or to `until_ms` if there is none before.
  // False: there was none.
  bool run_next(int64_t until_ms)
  {
    if (actions_.empty() || actions_.begin()->first.first > until_ms)
      {
        now_ms_ = until_ms > now_ms_ ? until_ms : now_ms_;
        return false;
      }
    auto first = actions_.extract(actions_.begin());
    now_ms_ = first.key().first > now_ms_ ? first.key().first : now_ms_;
    first.mapped()();
    return true;
  }

  // Time passes and nobody notices: all that was due meanwhile is overdue now.
  void leap(int64_t ms) { now_ms_ += ms; }

private:
  // not 0: an engine that forgets to ask for the time must be noticed
  int64_t now_ms_ = 1'000'000;
  uint64_t sequence_ = 0;
  std::map<Ticket, Action> actions_;
};

} // namespace failover::sim
