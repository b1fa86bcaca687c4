// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// Is the peer of a connection alive?  Judged from what the kernel says at one look after
// the other, about every 100 ms.  Times in milliseconds of the caller's clock.
//
// Two clocks, each compared with dead-peer-timeout().  One runs while what was sent is not
// answered, or nothing gets out although the window is open: the peer, the path or our own
// network is gone.  The other one runs while the peer's kernel answers, or has no room, and
// the far edge of the window (acknowledged position + window) does not follow: the process
// does not read.  A slow one looks like that for a while too, so only a peer that has kept
// up is judged by the timeout itself.  Evidence: docs/decisions.md, "A hang is seen by the
// edge of the window".
#pragma once

#include "failover.h"

#include <cstdint>
#include <optional>

namespace failover {

enum class Peer
{
  alive,
  silent, // answers nothing, or nothing reaches it
  hung,   // its kernel answers, its process does not read
};

class PeerWatch
{
public:
  // First before anything is sent.  `doubted`: another one has hung just before, so that all
  // may only be slow.
  Peer look(const failover_tcp &tcp, int64_t now_ms, int64_t timeout_ms, bool doubted);

private:
  struct Change; // since the last look

  void time_silence(const failover_tcp &tcp, const Change &change);
  void time_stillness(const failover_tcp &tcp, const Change &change);
  void mark(const failover_tcp &tcp);
  void restart(const failover_tcp &tcp);
  bool keeps_up(int64_t timeout_ms) const;
  bool tells(const failover_tcp &tcp) const;

  // at the last look
  std::optional<int64_t> looked_ms_;
  bool idle_ = true; // nothing was to be answered
  uint64_t acked_ = 0;
  uint32_t window_ = 0;
  uint64_t limited_us_ = 0;

  int64_t silent_ms_ = 0;

  // where the edge was when it followed last
  uint64_t mark_acked_ = 0;
  uint64_t mark_edge_ = 0;
  int64_t still_ms_ = 0;
  int64_t longest_still_ms_ = 0; // of those that ended
  int64_t kept_up_ms_ = 0;
  uint32_t widest_window_ = 0;
  bool has_window_ = false;
};

} // namespace failover
