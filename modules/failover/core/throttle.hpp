// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// throttle() for messages that are sent again: at most so many a second, as
// syslog-ng's queue does it for new ones.  Plain value, no clock and no thread of its
// own.
#pragma once

#include <algorithm>
#include <cstdint>

namespace failover {

class Throttle
{
public:
  // 0: as many as there are
  explicit Throttle(uint32_t messages_per_s) : per_s_(messages_per_s) {}

  void change(uint32_t messages_per_s) { per_s_ = messages_per_s; }
  bool allows(int64_t now_ms)
  {
    if (per_s_ == 0)
      return true;
    if (counted_to_ms_ >= 0)
      credit_ = std::min(credit_ + (now_ms - counted_to_ms_) * per_s_, one * per_s_);
    counted_to_ms_ = now_ms;
    return credit_ >= one;
  }
  // A message was sent.
  void count() { credit_ = std::max<int64_t>(credit_ - one, 0); }

private:
  static constexpr int64_t one = 1'000; // message, in thousandths: a millisecond is worth per_s_ of them

  int64_t per_s_;
  int64_t credit_ = one;
  int64_t counted_to_ms_ = -1;
};

} // namespace failover
