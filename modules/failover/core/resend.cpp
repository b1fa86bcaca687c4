// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "resend.hpp"

#include <algorithm>
#include <cassert>

namespace failover {

namespace {

// With dead-peer-timeout(0) no drain may hold back for ever what another server could
// have: the default of that option.
constexpr int64_t default_patience_ms = 30'000;

} // namespace

bool
Resend::keep(std::string_view message)
{
  const std::size_t needed = sizeof(Length) + message.size();
  if (has_orders())
    reserve_order();
  if (has_next() || (!fits(needed) && !make_room(needed)))
    return false;
  append_posted(message);
  return true;
}

bool
Resend::make_room(std::size_t length)
{
  // one message may be larger than the limit: alone it is let in
  while (!bytes_.reserve(length, kept() == 0 ? std::max(limit_, length) : limit_))
    {
      // the grace yields, oldest first; what is unacknowledged never does
      if (marks_.empty() || !marks_.front().acked)
        return false;
      counters_.grace_cut += marks_.front().end.message - front_.message;
      drop_until(marks_.front().end);
      marks_.pop();
    }
  return true;
}

void
Resend::forget_last()
{
  assert(!has_next() && end_.message > std::max(front_.message, marked_)); // kept, and no sample since
  bytes_.drop_back(last_posted_);
  end_.message--;
  end_.byte -= last_posted_;
  posted_ = end_;
  last_posted_ = posted_before_; // it may be the one that is partly written
}

void
Resend::set_order(uint64_t order)
{
  const uint64_t message = end_.message - 1;
  if (orders_.empty() && order == 0)
    return;
  if (!orders_.empty())
    {
      const Numbering &last = orders_[orders_.size() - 1];
      const uint64_t next = last.order > 0 ? last.order + (message - last.message) : 0;
      if (order == next)
        return;
    }
  orders_.push({ message, order });
}

std::optional<Orders>
Resend::next_confirmed()
{
  while (!orders_.empty() && orders_.front().message < front_.message)
    {
      Numbering &numbering = orders_.front();
      const bool is_last = orders_.size() == 1;
      const uint64_t end = is_last ? front_.message : std::min(front_.message, orders_[1].message);
      const Orders confirmed = { numbering.order, end - numbering.message };
      if (!is_last && end == orders_[1].message)
        orders_.pop();
      else
        numbering = { end, confirmed.first > 0 ? confirmed.first + confirmed.count : 0 };
      if (confirmed.first > 0 && confirmed.count > 0)
        return confirmed;
    }
  return std::nullopt;
}

// Messages are asked for in order, and only once.
uint64_t
Resend::take_order(uint64_t message)
{
  while (orders_.size() > 1 && orders_[1].message <= message)
    orders_.pop();
  if (orders_.empty() || orders_.front().message > message || orders_.front().order == 0)
    return 0;
  return orders_.front().order + (message - orders_.front().message);
}

uint64_t
Resend::unnumbered(uint64_t order) const
{
  const uint64_t first = std::max(acked_.message, front_.message);
  uint64_t numbered = 0;
  for (std::size_t i = 0; i < orders_.size(); i++)
    {
      const Numbering &numbering = orders_[i];
      const uint64_t end = i + 1 < orders_.size() ? orders_[i + 1].message : end_.message;
      uint64_t begin = std::max(first, numbering.message);
      if (numbering.order > 0 && order >= numbering.order)
        begin = std::max(begin, numbering.message + (order + 1 - numbering.order));
      if (numbering.order > 0 && begin < end)
        numbered += end - begin;
    }
  return end_.message - first - numbered;
}

Resend::Length
Resend::length_at(const Place &place) const
{
  Length length = 0;
  bytes_.read(place.byte - front_.byte, &length, sizeof(length));
  return length;
}

Resend::Place
Resend::behind(const Place &place) const
{
  return { place.message + 1, place.byte + sizeof(Length) + length_at(place) };
}

std::size_t
Resend::next_length() const
{
  assert(has_next());
  return length_at(posted_);
}

void
Resend::copy_next(char *out) const
{
  bytes_.read(posted_.byte - front_.byte + sizeof(Length), out, next_length());
}

void
Resend::copy_last(char *out) const
{
  bytes_.read(posted_.byte - last_length() - front_.byte, out, last_length());
}

void
Resend::next_posted()
{
  last_posted_ = sizeof(Length) + next_length();
  posted_ = behind(posted_);
  throttle_.count();
  counters_.resent++;
}

void
Resend::sample(const TransportSample &sample)
{
  clock_.sample(sample);
  last_is_partial_ = sample.last_is_partial;
  sampled_ms_ = sample.now_ms;

  // `written` bounds the stream from above, an acknowledgement that comes while
  // it is read makes it too large: a later, smaller one is closer to the truth
  for (std::size_t i = marks_.size(); i > 0 && marks_[i - 1].position > sample.written; i--)
    marks_[i - 1].position = sample.written;
  Place in_kernel = posted_;
  if (sample.last_is_partial && posted_.message > front_.message)
    in_kernel = { posted_.message - 1, posted_.byte - last_posted_ };
  if (in_kernel.message > marked_)
    {
      marks_.push({ in_kernel, sample.written, sample.now_ms });
      marked_ = in_kernel.message;
    }
  mark_acknowledged(sample.acked);
  mark_read();
  drop_graced();
}

Drain
Resend::drain(int64_t now_ms, int64_t patience_ms)
{
  // a half message is never confirmed
  if (posted_.message - front_.message <= (last_is_partial_ ? 1 : 0))
    return Drain::done;
  if (!drains_since_ms_)
    drains_since_ms_ = now_ms;
  const int64_t still_ms = now_ms - std::max(*drains_since_ms_, clock_.progress_ms());
  return still_ms < (patience_ms > 0 ? patience_ms : default_patience_ms) ? Drain::goes_on : Drain::stuck;
}

void
Resend::mark_acknowledged(uint64_t acked)
{
  // from the end: behind the last one that was acknowledged there are few
  std::size_t first = marks_.size();
  while (first > 0 && !marks_[first - 1].acked)
    first--;
  for (std::size_t i = first; i < marks_.size() && marks_[i].position <= acked; i++)
    {
      marks_[i].acked = true;
      acked_ = marks_[i].end;
    }
}

void
Resend::mark_read()
{
  std::size_t first = marks_.size();
  while (first > 0 && marks_[first - 1].grace_from < 0)
    first--;
  for (std::size_t i = first;
       i < marks_.size() && marks_[i].acked && marks_[i].position <= clock_.read_position(); i++)
    marks_[i].grace_from = clock_.ms();
}

void
Resend::drop_graced()
{
  while (!marks_.empty())
    {
      const Mark &mark = marks_.front();
      if (mark.grace_from < 0 || clock_.ms() - mark.grace_from < grace_ms_
          || mark.position > clock_.certain_position())
        return;
      drop_until(mark.end);
      marks_.pop();
    }
}

// Messages before `place` are confirmed; they were posted.
void
Resend::drop_until(const Place &place)
{
  assert(place.message >= front_.message && place.message <= posted_.message);
  counters_.confirmed += place.message - front_.message;
  bytes_.drop_front(place.byte - front_.byte);
  front_ = place;
}

// Those without a mark came after the last sample.
int64_t
Resend::oldest_ms() const
{
  if (front_.message < kept_since_.message)
    return kept_since_.ms;
  return marks_.empty() ? sampled_ms_ : marks_.front().since_ms;
}

void
Resend::connection_lost()
{
  kept_since_ = { end_.message, oldest_ms() };
  posted_ = front_;
  marks_.clear();
  marked_ = front_.message;
  acked_ = front_;
  clock_.next_connection();
}

void
Resend::take_over(Resend &from)
{
  const bool reserved =
      bytes_.reserve(from.bytes_.size(), std::max(limit_, bytes_.size() + from.bytes_.size()));
  assert(reserved);
  std::vector<char> message;
  from.connection_lost();
  const int64_t oldest_ms = kept() > 0 ? std::min(this->oldest_ms(), from.oldest_ms()) : from.oldest_ms();
  for (; from.has_next(); from.posted_ = from.behind(from.posted_))
    {
      message.resize(from.next_length());
      from.copy_next(message.data());
      if (has_orders() || from.has_orders())
        reserve_order();
      append({ message.data(), message.size() });
      set_order(from.take_order(from.posted_.message));
    }
  from.orders_.clear();
  from.bytes_.drop_front(from.bytes_.size());
  from.front_ = from.end_;
  from.connection_lost(); // nothing is posted, marked or acknowledged in it
  kept_since_ = { end_.message, oldest_ms };
}

} // namespace failover
