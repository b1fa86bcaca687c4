// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "grace_clock.hpp"

#include <algorithm>
#include <cassert>

namespace failover {

namespace {

// A receiver may wait so long for more to acknowledge (Linux: 40 ms).
constexpr int64_t longest_answer_ms = 100;

// The largest receive buffer by Linux's default (net.ipv4.tcp_rmem).
constexpr uint64_t largest_buffer = uint64_t{ 6 } << 20;

} // namespace

void
GraceClock::sample(const TransportSample &sample)
{
  assert(sample.acked >= acked_); // of the same connection
  const int64_t before_ms = ms_;
  const uint64_t acknowledged = sample.acked - acked_;
  const bool widens = sample.window > widest_window_;
  widest_window_ = std::max(widest_window_, sample.window);
  const bool keeps_up = uint64_t{ sample.window } * 2 >= widest_window_;
  counts_ = counts_ && !widens;
  count(sample, acknowledged, keeps_up);
  estimate_read(sample, acknowledged, keeps_up);
  watch_lag(sample, keeps_up);
  acked_ = sample.acked;

  const uint64_t edge = sample.acked + sample.window;
  if (edge > furthest_edge_ || ms_ > before_ms)
    progress_ms_ = sample.now_ms;
  furthest_edge_ = std::max(furthest_edge_, edge);
}

// What is read moves the far edge of the window, but so does a kernel that widens it.
void
GraceClock::count(const TransportSample &sample, uint64_t acknowledged, bool keeps_up)
{
  const int64_t elapsed_ms = sample.now_ms - counted_to_ms_;
  const bool idle = sample.acked >= sample.written;
  const bool answers = acknowledged > 0 || idle;
  const uint64_t edge = sample.acked + sample.window;
  // without an acknowledgement the edge says nothing, but the window does
  const bool reads = acknowledged > 0 ? edge >= edge_ + acknowledged - acknowledged / 8 : keeps_up;

  if (!answers && elapsed_ms <= longest_answer_ms)
    return;
  if (counts_ && answers && reads)
    ms_ += idle_ ? elapsed_ms : std::min(elapsed_ms, 2 * longest_answer_ms);
  counted_to_ms_ = sample.now_ms;
  idle_ = idle;
  counts_ = true;
  edge_ = edge;
}

// A kernel may count an unread byte as half a one.  When nothing is under way it
// need not tell that the receiver has caught up.
void
GraceClock::estimate_read(const TransportSample &sample, uint64_t acknowledged, bool keeps_up)
{
  const uint64_t unread = grace_ms_ > 0 ? uint64_t{ widest_window_ - sample.window } * 2 : 0;
  if (acknowledged > 0)
    read_position_ = std::max(read_position_, sample.acked - std::min(unread, sample.acked));
  else if (sample.acked >= sample.written && keeps_up)
    read_position_ = sample.acked;
}

// A full buffer opens a little now and then, and the window with it: only one that stays wide
// for a while tells that the receiver has caught up.
void
GraceClock::watch_lag(const TransportSample &sample, bool keeps_up)
{
  if (!keeps_up)
    narrow_ms_ = sample.now_ms;
  lags_ = !keeps_up || (lags_ && sample.now_ms - narrow_ms_ < std::max(grace_ms_, 2 * longest_answer_ms));
  const uint64_t unread = lags_ && grace_ms_ > 0 ? largest_buffer : 0;
  certain_position_ = std::min(read_position_, sample.acked - std::min(unread, sample.acked));
}

void
GraceClock::next_connection()
{
  const int64_t ms = ms_;
  *this = GraceClock(grace_ms_);
  ms_ = ms;
}

} // namespace failover
