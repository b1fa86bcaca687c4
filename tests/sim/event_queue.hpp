// SPDX-License-Identifier: GPL-2.0-or-later
//
// The simulated clock and what is going to happen, in the order of time and,
// at the same time, of scheduling.  What our own process does waits while that
// is not let run; the world goes on.  Owned by the world of one seed.
#pragma once

#include <algorithm>
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

  Ticket schedule(int64_t due_ms, Action action) { return schedule(due_ms, false, std::move(action)); }
  Ticket schedule_for_process(int64_t due_ms, Action action)
  {
    return schedule(due_ms, true, std::move(action));
  }

  void cancel(const Ticket &ticket)
  {
    if (actions_.erase(ticket) == 0)
      held_.erase(ticket);
  }

  // Nothing is due at this moment.
  bool settled() const { return !asleep_ && (actions_.empty() || actions_.begin()->first.first > now_ms_); }

  // The clock moves to the next action, or to `until_ms` if there is none before.
  // False: there was none.
  bool run_next(int64_t until_ms)
  {
    if (actions_.empty() || actions_.begin()->first.first > until_ms)
      {
        now_ms_ = std::max(until_ms, now_ms_);
        return false;
      }
    auto first = actions_.extract(actions_.begin());
    now_ms_ = std::max(first.key().first, now_ms_);
    if (asleep_ && first.mapped().of_process)
      held_.insert(std::move(first));
    else
      first.mapped().action();
    return true;
  }

  // The process is not let run: all that is due meanwhile is overdue when it wakes.
  void sleep() { asleep_ = true; }
  void wake()
  {
    asleep_ = false;
    actions_.merge(held_);
  }
  bool asleep() const { return asleep_; }

private:
  struct Entry
  {
    bool of_process;
    Action action;
  };

  Ticket schedule(int64_t due_ms, bool of_process, Action action)
  {
    Ticket ticket{ due_ms, sequence_++ };
    actions_.emplace(ticket, Entry{ of_process, std::move(action) });
    return ticket;
  }

  // not 0: a destination that forgets to ask for the time must be noticed
  int64_t now_ms_ = 1'000'000;
  uint64_t sequence_ = 0;
  bool asleep_ = false;
  std::map<Ticket, Entry> actions_;
  std::map<Ticket, Entry> held_;
};

} // namespace failover::sim
