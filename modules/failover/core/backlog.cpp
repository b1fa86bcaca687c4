// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "backlog.hpp"

#include <algorithm>
#include <cassert>
#include <new>
#include <utility>

namespace failover {

namespace {

// The queue is locked for each: two system calls a record.
constexpr uint64_t portion = 128;

constexpr uint64_t least_free_share = 4; // of the file: a quarter

} // namespace

void
Backlog::attach_to(std::optional<failover_queue> queue)
{
  const std::lock_guard lock(mutex_);
  queue_ = queue;
  block(false);
}

uint64_t
Backlog::attach(const failover_queue &queue, bool same)
{
  attach_to(queue);
  uint64_t unknown = 0;
  {
    const std::lock_guard lock(mutex_);
    const uint64_t records = taken_out();
    const bool used_by_another = std::exchange(used_by_another_, false);
    if (!same || used_by_another || records < known())
      forget();
    unknown = records - known();
    settle();
  }
  watch_room();
  return unknown;
}

void
Backlog::forget()
{
  acknowledged_ = last_;
  unconfirmed_ = 0;
  skipped_ = 0;
  gaps_.clear();
  confirmed_.clear();
}

void
Backlog::forget_other_file()
{
  if (queue_ && taken_out() < known())
    forget();
}

void
Backlog::look_at_file()
{
  const std::lock_guard lock(mutex_);
  forget_other_file();
}

Backlog::Order
Backlog::accept()
{
  const std::lock_guard lock(mutex_);
  const uint64_t records = taken_out();
  if (records <= known())
    forget();
  if (records == 0)
    return 0;
  if (is_short_)
    {
      acknowledge_records(records);
      forget();
      return 0;
    }
  if (const uint64_t skipped = records - known() - 1; skipped > 0)
    {
      try
        {
          gaps_.push({ last_ + 1, skipped });
        }
      catch (const std::bad_alloc &)
        {
          acknowledge_records(records);
          forget();
          return 0;
        }
      skipped_ += skipped;
    }
  unconfirmed_++;
  return ++last_;
}

void
Backlog::confirm(Order first, uint64_t count)
{
  const std::lock_guard lock(mutex_);
  const Interval confirmed = { std::max(first, acknowledged_ + 1), first + count };
  if (confirmed.first >= confirmed.end)
    return; // forgotten
  assert(confirmed.end <= last_ + 1 && confirmed.end - confirmed.first <= unconfirmed_);
  unconfirmed_ -= confirmed.end - confirmed.first;
  try
    {
      add(confirmed);
    }
  catch (const std::bad_alloc &)
    {
      // what comes after it is acknowledged when all are confirmed, or there is no room
    }
  settle();
}

// Mostly the oldest ones, or joined to the newest.
void
Backlog::add(Interval confirmed)
{
  const auto next =
      std::lower_bound(confirmed_.begin(), confirmed_.end(), confirmed.first,
                       [](const Interval &interval, Order order) { return interval.first < order; });
  const bool joins_next = next != confirmed_.end() && next->first == confirmed.end;
  const bool joins_previous = next != confirmed_.begin() && std::prev(next)->end == confirmed.first;
  if (joins_previous && joins_next)
    {
      std::prev(next)->end = next->end;
      confirmed_.erase(next);
    }
  else if (joins_previous)
    std::prev(next)->end = confirmed.end;
  else if (joins_next)
    next->first = confirmed.first;
  else
    confirmed_.insert(next, confirmed);
}

void
Backlog::settle()
{
  if (!queue_)
    return;
  if (unconfirmed_ == 0)
    {
      confirmed_.clear();
      advance(last_);
      return;
    }
  if (!confirmed_.empty() && confirmed_.front().first == acknowledged_ + 1)
    {
      const Order last = confirmed_.front().end - 1;
      confirmed_.erase(confirmed_.begin());
      advance(last);
    }
}

void
Backlog::advance(Order last)
{
  uint64_t records = last - acknowledged_;
  if (records == 0)
    return;
  for (; !gaps_.empty() && gaps_.front().before <= last; gaps_.pop())
    {
      records += gaps_.front().records;
      skipped_ -= gaps_.front().records;
    }
  const bool is_same_file = taken_out() >= records + (last_ - last) + skipped_;
  acknowledged_ = last;
  if (is_same_file)
    acknowledge_records(records);
  else
    forget();
}

void
Backlog::acknowledge_records(uint64_t records)
{
  while (records > 0)
    {
      const uint64_t some = std::min(records, portion);
      queue_->acknowledge(queue_->user_data, some);
      records -= some;
    }
}

void
Backlog::acknowledge_all()
{
  confirmed_.clear();
  unconfirmed_ = 0;
  advance(last_);
}

void
Backlog::watch_room()
{
  if (!queue_)
    return;
  const std::lock_guard lock(mutex_);
  forget_other_file();
  const failover_queue_room room = queue_->room(queue_->user_data);
  is_short_ = room.free < std::max(room.reserved, room.size / least_free_share);
  if (is_short_)
    acknowledge_all();
}

Backlog::Order
Backlog::acknowledged() const
{
  const std::lock_guard lock(mutex_);
  return acknowledged_;
}

bool
Backlog::has_unconfirmed() const
{
  const std::lock_guard lock(mutex_);
  return unconfirmed_ > 0;
}

bool
Backlog::tells_of_shortage()
{
  const std::lock_guard lock(mutex_);
  return is_short_ && !std::exchange(shortage_told_, true);
}

} // namespace failover
