// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// What the window of a receiver tells about its reading: how far it has read, and for
// how long it has been reading since, the grace clock.  One for each connection; it
// lives with the buffer whose messages it judges.  Times in milliseconds of the
// caller's clock.
//
// The grace clock runs only while the receiver reads and keeps up, and what it has
// done is known from one answer to the next.  What is read moves the far edge of the
// window (acknowledged position + window) on as far as what is acknowledged; a window
// under half of the widest seen means that unread bytes piled up over there.  A kernel
// widens the window of a young connection whether or not anything is read, so that does
// not count.  Nor need a kernel ever show all of its buffer, and a full one opens now and
// then: a receiver that has fallen behind may have as much unread as Linux gives it by
// default, until its window stays wide for the grace.  Evidence: docs/decisions.md, "Doubled
// rather than lost".
#pragma once

#include <cstdint>

namespace failover {

// What the kernel says about a connection.  Both positions count from the same
// start; `written` is what had entered the kernel when `acked` was read.
struct TransportSample
{
  uint64_t written = 0;
  uint64_t acked = 0;
  uint32_t window = 0; // the peer's advertised window; 0 is a full one
  int64_t now_ms = 0;
  bool last_is_partial = false; // the message posted last has not entered the kernel to its end
};

class GraceClock
{
public:
  // A grace of 0: what is acknowledged passes for read.
  explicit GraceClock(int64_t grace_ms) : grace_ms_(grace_ms) {}

  // Another connection: its receiver has shown nothing yet; ms() goes on from where it is.
  void next_connection();
  void sample(const TransportSample &sample);

  int64_t ms() const { return ms_; }
  // The receiver is believed to have read to there.
  uint64_t read_position() const { return read_position_; }
  // The same, and certain also of one that has fallen behind; not beyond read_position().
  uint64_t certain_position() const { return certain_position_; }
  // The last sample that showed progress: the clock ran, or the edge of the window moved.
  int64_t progress_ms() const { return progress_ms_; }

private:
  void count(const TransportSample &sample, uint64_t acknowledged, bool keeps_up);
  void estimate_read(const TransportSample &sample, uint64_t acknowledged, bool keeps_up);
  void watch_lag(const TransportSample &sample, bool keeps_up);

  int64_t grace_ms_;
  int64_t ms_ = 0;
  int64_t counted_to_ms_ = 0; // time until then was counted, or not
  bool counts_ = false;       // nothing speaks against the time since then
  bool idle_ = false;         // then nothing was left to be answered
  uint64_t edge_ = 0;         // then: the receiver took bytes before this place
  uint64_t acked_ = 0;        // at the last sample

  // what the receiver's window lacks of the widest seen may be unread over there
  uint32_t widest_window_ = 0;
  uint64_t read_position_ = 0;
  uint64_t certain_position_ = 0;
  bool lags_ = false;
  int64_t narrow_ms_ = 0; // the last sample with a narrow window

  uint64_t furthest_edge_ = 0;
  int64_t progress_ms_ = 0;
};

} // namespace failover
