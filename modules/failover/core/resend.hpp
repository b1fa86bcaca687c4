// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// Keeps a copy of each posted message until the peer's TCP has acknowledged it,
// and resend-grace() longer; gives the kept ones out again, in order, on the
// next connection.
//
// One of these belongs to a destination.  It is on the path of each message and
// is used by whoever runs the LogWriter at the moment, a worker or the main
// thread, never by both: see failover.h.  No allocation once it has grown.
#pragma once

#include "grace_clock.hpp"
#include "ring.hpp"
#include "throttle.hpp"

#include <cassert>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace failover {

struct ResendCounters
{
  uint64_t confirmed = 0; // messages that need not be kept any more
  uint64_t resent = 0;    // messages posted once more
  uint64_t grace_cut = 0; // messages whose grace was cut short for lack of room
};

// Consecutive numbers of messages that a queue keeps too (backlog.hpp).
struct Orders
{
  uint64_t first;
  uint64_t count;
};

// How a connection stands that is not in use any more.
enum class Drain
{
  goes_on,
  done, // all that was posted on it is confirmed
  stuck // nothing more is to be hoped for
};

class Resend
{
public:
  Resend(std::size_t limit_bytes, int64_t grace_ms, uint32_t throttle = 0)
    : limit_(limit_bytes), grace_ms_(grace_ms), throttle_(throttle), clock_(grace_ms)
  {}

  // ---- while a connection is in use

  // Before a new message is posted.  False: everything in here is unacknowledged
  // and there is no room; or older messages have to be resent first.
  bool keep(std::string_view message);
  // The same for what needs neither more memory nor a number.  False: keep() has to see.
  bool keep_in_place(std::string_view message);
  // It was not posted after all.
  void forget_last();
  // The number of the message kept last, for the queue that keeps it too; 0: it has none.
  // After reserve_order(), which is called before keep().
  void reserve_order() { orders_.reserve(); }
  void set_order(uint64_t order);
  bool has_orders() const { return !orders_.empty(); }

  // The message posted last, to be written once more.
  std::size_t last_length() const { return last_posted_ - sizeof(Length); }
  void copy_last(char *out) const;

  // The next message to post once more, until there is none; `posted` after it.
  bool has_next() const { return posted_.message < end_.message; }
  void set_throttle(uint32_t messages_per_s) { throttle_.change(messages_per_s); }
  bool next_is_due(int64_t now_ms) { return has_next() && throttle_.allows(now_ms); }
  std::size_t next_length() const;
  void copy_next(char *out) const;
  void next_posted();

  void sample(const TransportSample &sample);

  // Of the confirmed messages, the next that have numbers; until there are none.
  std::optional<Orders> next_confirmed();

  // ---- when connections change

  // The connection ended, however orderly it looked: what is kept is to be posted
  // once more.
  void connection_lost();

  // Messages were posted on this connection and none was confirmed.
  bool is_fruitless() const { return posted_.message > front_.message && counters_.confirmed == 0; }

  // After a sample.  Stuck: for `patience_ms` the peer has neither read anything nor
  // let the grace go on; 0: as the option has it by default.
  Drain drain(int64_t now_ms, int64_t patience_ms);

  // Adds all that `from` keeps behind what is in here, to be posted once more.
  // The limit does not count: what was accepted is not given up.
  void take_over(Resend &from);

  // Messages that are kept, and of these the ones to be posted once more.
  uint64_t kept() const { return end_.message - front_.message; }
  uint64_t to_resend() const { return end_.message - posted_.message; }
  uint64_t unacknowledged() const { return posted_.message - std::max(acked_.message, front_.message); }
  // Of those not acknowledged by the peer: how many have no number beyond this one.
  uint64_t unnumbered(uint64_t order) const;
  std::size_t bytes() const { return bytes_.size(); }
  // When the oldest that is kept was posted first, as far as samples tell; with kept().
  int64_t oldest_ms() const;
  const ResendCounters &counters() const { return counters_; }
  const GraceClock &clock() const { return clock_; } // of the connection

private:
  using Length = uint32_t; // stands before each message in the buffer

  // A place between two messages: how many messages and how many bytes of the
  // buffer were before it since the beginning.
  struct Place
  {
    uint64_t message = 0;
    uint64_t byte = 0;
  };

  // All messages before `end` had entered the kernel at `position`.
  struct Mark
  {
    Place end;
    uint64_t position;
    int64_t since_ms; // when it was set
    bool acked = false;
    int64_t grace_from = -1; // on the grace clock, -1: the receiver may not have read it
  };

  // From this message on, up to the next of these, numbers are consecutive; or there are
  // none, with 0.  Before the first there are none.
  struct Numbering
  {
    uint64_t message;
    uint64_t order;
  };

  bool make_room(std::size_t length);
  bool fits(std::size_t length) const { return bytes_.has_room(length) && bytes_.size() + length <= limit_; }
  void append_posted(std::string_view message);
  std::size_t append(std::string_view message);
  void mark_acknowledged(uint64_t acked);
  void mark_read();
  void drop_graced();
  void drop_until(const Place &place);
  Length length_at(const Place &place) const;
  Place behind(const Place &place) const;
  uint64_t take_order(uint64_t message);

  std::size_t limit_;
  int64_t grace_ms_;
  Throttle throttle_; // of what is posted once more

  // Messages before posted_ were posted on the connection in use, the others
  // wait to be posted on it.
  ByteRing bytes_; // each message with its length before it
  Place front_;
  Place posted_;
  Place end_;
  std::size_t posted_before_ = 0; // last_posted_ before the message kept last
  std::size_t last_posted_ = 0;   // bytes of the message posted last

  Ring<Mark> marks_;
  uint64_t marked_ = 0; // messages before this one have a mark
  Place acked_;         // what is before is acknowledged; never before front_ with marks

  Ring<Numbering> orders_;

  // Messages before kept_since_.message were posted on connections before this one.
  struct
  {
    uint64_t message = 0;
    int64_t ms = 0;
  } kept_since_;
  int64_t sampled_ms_ = 0; // the last sample

  GraceClock clock_;
  std::optional<int64_t> drains_since_ms_;
  bool last_is_partial_ = false; // at the last sample

  ResendCounters counters_;
};

// On the path of each message.
inline bool
Resend::keep_in_place(std::string_view message)
{
  if (has_next() || has_orders() || !fits(sizeof(Length) + message.size()))
    return false;
  append_posted(message);
  return true;
}

inline void
Resend::append_posted(std::string_view message)
{
  posted_before_ = last_posted_;
  last_posted_ = append(message);
  posted_ = end_;
}

// Returns the bytes that it takes.
inline std::size_t
Resend::append(std::string_view message)
{
  assert(message.size() <= std::numeric_limits<Length>::max());
  const auto length = static_cast<Length>(message.size());
  bytes_.append(length, message);
  end_.message++;
  end_.byte += sizeof(length) + message.size();
  return sizeof(length) + message.size();
}

} // namespace failover
