// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "peer_watch.hpp"

#include <algorithm>
#include <utility>

namespace failover {

namespace {

// The edge follows if it moved by more than this part of what was acknowledged.  That of a
// process that reads nothing moves too: a kernel that had counted a byte for more than it
// takes gives some room back (up to a fifth was measured), and rounds windows up.
constexpr uint64_t follows_part = 3;

// Linux opens a full window when this part of the buffer is free again; of less than that
// of its window a peer cannot be told to have read nothing.
constexpr uint64_t opens_part = 16;

// Times the timeout, for a peer that may be slow.
constexpr int64_t slow_factor = 5;

// A look that comes late says nothing of the time in between, we may have slept: it counts
// for half of the timeout, between these two.
constexpr int64_t shortest_look_ms = 100;
constexpr int64_t longest_look_ms = 1'000;
// Nor does a peer with little to read keep up for longer than this from one to the next.
constexpr int64_t longest_kept_up_ms = 200;
constexpr int64_t shortest_kept_up_ms = 1'000;

} // namespace

struct PeerWatch::Change
{
  int64_t elapsed_ms;
  int64_t waited_ms; // of it, for the peer
  uint64_t acked;
  bool answered;       // the peer's kernel was heard of
  bool window_limited; // nothing but the window keeps data from being sent
};

Peer
PeerWatch::look(const failover_tcp &tcp, int64_t now_ms, int64_t timeout_ms, bool doubted)
{
  const int64_t longest_ms = std::clamp(timeout_ms / 2, shortest_look_ms, longest_look_ms);
  const uint64_t limited_us = std::exchange(limited_us_, tcp.window_limited_us);
  // what was posted since nothing was to be answered may have been posted just now
  const bool was_idle = std::exchange(idle_, tcp.acked >= tcp.written);
  const int64_t before_ms = std::exchange(looked_ms_, now_ms).value_or(now_ms);
  const int64_t elapsed_ms = std::min(now_ms - before_ms, longest_ms);
  const Change change = {
    .elapsed_ms = elapsed_ms,
    .waited_ms = was_idle ? 0 : elapsed_ms,
    .acked = tcp.acked - acked_,
    .answered = tcp.acked != acked_ || tcp.window > window_,
    .window_limited = tcp.unsent && !tcp.in_flight && tcp.window_limited_us != limited_us,
  };
  time_silence(tcp, change);
  time_stillness(tcp, change);
  acked_ = tcp.acked;
  window_ = tcp.window;

  if (timeout_ms <= 0)
    return Peer::alive;
  if (silent_ms_ >= timeout_ms)
    return Peer::silent;
  const bool slow = doubted || !keeps_up(timeout_ms);
  const int64_t limit_ms = slow ? std::max(slow_factor * timeout_ms, 2 * longest_still_ms_) : timeout_ms;
  return still_ms_ >= limit_ms && tells(tcp) ? Peer::hung : Peer::alive;
}

void
PeerWatch::time_silence(const failover_tcp &tcp, const Change &change)
{
  const bool silent = !idle_ && !change.answered && (tcp.in_flight || (tcp.unsent && !change.window_limited));
  silent_ms_ = silent ? silent_ms_ + change.waited_ms : 0;
}

void
PeerWatch::time_stillness(const failover_tcp &tcp, const Change &change)
{
  const bool widens = tcp.window > widest_window_;
  widest_window_ = std::max(widest_window_, tcp.window);
  has_window_ = tcp.has_window;
  if (idle_ && change.acked == 0)
    {
      restart(tcp);
      return;
    }

  const uint64_t edge = tcp.acked + tcp.window;
  const uint64_t moved = edge - std::min(mark_edge_, edge);
  if (moved * follows_part > tcp.acked - mark_acked_)
    {
      longest_still_ms_ = std::max(longest_still_ms_, still_ms_);
      kept_up_ms_ = std::max<int64_t>(kept_up_ms_ - still_ms_, 0);
      // a young connection's window widens, whether or not anything is read
      if (change.acked > 0 && !widens && uint64_t{ tcp.window } * 2 >= widest_window_)
        kept_up_ms_ += std::min(change.elapsed_ms, longest_kept_up_ms);
      restart(tcp);
    }
  else if (change.acked > 0 || change.window_limited)
    still_ms_ += change.waited_ms;
  // from now on nothing comes without room for it
  if (change.window_limited)
    mark(tcp);
}

void
PeerWatch::mark(const failover_tcp &tcp)
{
  mark_acked_ = tcp.acked;
  mark_edge_ = tcp.acked + tcp.window;
}

void
PeerWatch::restart(const failover_tcp &tcp)
{
  mark(tcp);
  still_ms_ = 0;
}

// So it did for longer than it was still, by half of the timeout and a second at least, and
// was never still for half of it.
bool
PeerWatch::keeps_up(int64_t timeout_ms) const
{
  return has_window_ && kept_up_ms_ >= std::max(timeout_ms / 2, shortest_kept_up_ms)
         && 2 * longest_still_ms_ < timeout_ms;
}

// A few bytes that came are too few to tell anything by.
bool
PeerWatch::tells(const failover_tcp &tcp) const
{
  const bool is_full = tcp.unsent && !tcp.in_flight;
  return is_full || (tcp.acked - mark_acked_) * opens_part >= widest_window_;
}

} // namespace failover
