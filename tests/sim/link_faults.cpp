// SPDX-License-Identifier: GPL-2.0-or-later
//
// What happens to the receiver and the path of a connection; see link.hpp.
#include "link.hpp"

#include <utility>

namespace failover::sim {

// A load balancer does not hang: for how long it holds what it has read is drawn.
void
Link::freeze()
{
  if (config_.passes_on_ms > 0)
    return;
  frozen_ = true;
  frozen_since_ms_ = queue_.now_ms();
  note_stillness();
}

void
Link::thaw()
{
  was_frozen_ = was_frozen_ || frozen_;
  frozen_ = false;
  frozen_since_ms_ = never;
  note_stillness();
  read_soon();
}

void
Link::speed_up()
{
  make_fast(config_);
}

void
Link::stay()
{
  close_when_read_ = asked_to_end_;
}

void
Link::kill()
{
  end_process();
}

void
Link::close_when_read()
{
  close_when_read_ = true;
  if (received_ != read_ || gone_)
    return;
  end_process();
}

void
Link::close_at_once(bool resets)
{
  if (gone_)
    return;
  answer(Answer::Kind::fin);
  if (resets && received_ != read_)
    answer(Answer::Kind::reset);
  gone_ = true;
}

void
Link::reboot()
{
  gone_ = true;
}

void
Link::clog()
{
  clogged_ = true;
  note_stillness();
  is_mute();
}

void
Link::unclog()
{
  clogged_ = false;
  unclogged_ms_ = queue_.now_ms();
  note_stillness();
  if (!cut_)
    mute_since_ms_.reset();
  for (Segment segment : std::exchange(held_segments_, {}))
    {
      segment.due_ms = arrival_ms(0);
      send(segment);
    }
  for (Answer answer : std::exchange(held_answers_, {}))
    {
      answer.due_ms = arrival_ms(0);
      send_back(answer);
    }
}

void
Link::is_mute()
{
  if (mute_since_ms_)
    return;
  mute_since_ms_ = queue_.now_ms();
  watch_answers();
}

void
Link::cut(int64_t timeout_ms)
{
  if (cut_)
    return;
  cut_ = true;
  is_mute();
  held_segments_.clear();
  held_answers_.clear();
  segments_.clear();
  answers_.clear();
  time_out(timeout_ms);
}

void
Link::cut_own_network(int64_t timeout_ms)
{
  if (cut_ || own_cut_)
    return;
  own_cut_ = true;
  time_out(timeout_ms);
}

// The sender's kernel has waited for long enough.
void
Link::time_out(int64_t timeout_ms)
{
  queue_.schedule(queue_.now_ms() + timeout_ms, [this] {
    if (reset_)
      return;
    reset_ = true;
    if (!closed_)
      events_.reset_arrived(*this);
  });
}

void
Link::cut_path(int64_t timeout_ms)
{
  cut(timeout_ms);
}

void
Link::cut_power(int64_t timeout_ms)
{
  silent_ = true;
  gone_ = true;
  cut(timeout_ms);
}

} // namespace failover::sim
