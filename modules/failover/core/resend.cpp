// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "resend.hpp"

namespace failover {

namespace {

using Length = uint32_t;

} // namespace

bool
Resend::make_room(std::size_t length)
{
  // one message may be larger than the limit: alone it is let in
  const std::size_t limit = kept() == 0 ? std::max(limit_, length) : limit_;
  while (!bytes_.reserve(length, limit))
    {
      // the grace yields, oldest first; what is unacknowledged never does
      if (marks_.empty() || marks_.front().acked_at < 0)
        return false;
      counters_.grace_cut += marks_.front().end.message - front_.message;
      drop_until(marks_.front().end);
      marks_.pop();
    }
  return true;
}

void
Resend::append(std::string_view message)
{
  const auto length = static_cast<Length>(message.size());
  bytes_.append(&length, sizeof(length));
  bytes_.append(message.data(), message.size());
  last_kept_ = sizeof(length) + message.size();
  end_.message++;
  end_.byte += last_kept_;
}

bool
Resend::keep(std::string_view message)
{
  if (has_next() || !make_room(sizeof(Length) + message.size()))
    return false;
  append(message);
  posted_ = end_;
  last_posted_ = last_kept_;
  return true;
}

void
Resend::forget_last()
{
  bytes_.drop_back(last_kept_);
  end_.message--;
  end_.byte -= last_kept_;
  posted_ = end_;
}

std::size_t
Resend::next_length() const
{
  Length length = 0;
  bytes_.read(offset_of_next(), &length, sizeof(length));
  return length;
}

void
Resend::copy_next(char *out) const
{
  bytes_.read(offset_of_next() + sizeof(Length), out, next_length());
}

void
Resend::next_posted()
{
  last_posted_ = sizeof(Length) + next_length();
  posted_.message++;
  posted_.byte += last_posted_;
  counters_.resent++;
}

void
Resend::sample(const TransportSample &sample)
{
  widest_window_ = std::max(widest_window_, sample.window);
  const bool keeps_up = uint64_t{ sample.window } * 2 >= widest_window_;
  if (sampled_at_ms_ >= 0 && keeps_up && kept_up_)
    grace_clock_ms_ += sample.now_ms - sampled_at_ms_;
  sampled_at_ms_ = sample.now_ms;
  kept_up_ = keeps_up;

  Place in_kernel = posted_;
  if (sample.last_is_partial && posted_.message > front_.message)
    in_kernel = { posted_.message - 1, posted_.byte - last_posted_ };
  if (in_kernel.message > marked_)
    {
      marks_.push({ in_kernel, sample.written, -1 });
      marked_ = in_kernel.message;
    }
  // `written` bounds the stream from above, an acknowledgement that comes while
  // it is read makes it too large: a later, smaller one is closer to the truth
  for (std::size_t i = marks_.size(); i > 0 && marks_[i - 1].position > sample.written; i--)
    marks_[i - 1].position = sample.written;
  mark_acknowledged(sample.acked);
  drop_graced();
}

void
Resend::mark_acknowledged(uint64_t acked)
{
  // from the end: behind the last one that was acknowledged there are few
  std::size_t first = marks_.size();
  while (first > 0 && marks_[first - 1].acked_at < 0)
    first--;
  for (std::size_t i = first; i < marks_.size() && marks_[i].position <= acked; i++)
    {
      marks_[i].acked_at = grace_clock_ms_;
      acked_ = marks_[i].end;
    }
}

void
Resend::drop_graced()
{
  while (!marks_.empty())
    {
      const Mark &mark = marks_.front();
      if (mark.acked_at < 0 || grace_clock_ms_ - mark.acked_at < grace_ms_)
        return;
      drop_until(mark.end);
      marks_.pop();
    }
}

// Messages before `place` are confirmed; they were posted.
void
Resend::drop_until(const Place &place)
{
  counters_.confirmed += place.message - front_.message;
  bytes_.drop_front(place.byte - front_.byte);
  front_ = place;
}

void
Resend::connection_lost(bool orderly)
{
  if (orderly && acked_.message > front_.message)
    drop_until(acked_);

  posted_ = front_;
  marks_.clear();
  marked_ = front_.message;
  acked_ = front_;
  sampled_at_ms_ = -1;
  widest_window_ = 0;
  kept_up_ = true;
}

void
Resend::take_over(Resend &from)
{
  bytes_.reserve(from.bytes_.size(), std::max(limit_, bytes_.size() + from.bytes_.size()));
  std::vector<char> message;
  from.connection_lost(false);
  for (; from.has_next(); from.posted_.message++, from.posted_.byte += sizeof(Length) + message.size())
    {
      message.resize(from.next_length());
      from.copy_next(message.data());
      append({ message.data(), message.size() });
    }
  from.bytes_.drop_front(from.bytes_.size());
  from.front_ = from.end_;
}

} // namespace failover
