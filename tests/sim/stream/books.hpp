// SPDX-License-Identifier: GPL-2.0-or-later
//
// The world's own books: which message was posted where, what the sender knew
// of it, and who has it.  The world writes them, invariants read them; nothing
// here comes from what the buffer says about itself.
#pragma once

#include "stream/link.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>
#include <string>
#include <vector>

namespace failover::sim::stream {

constexpr int64_t never = std::numeric_limits<int64_t>::max();

struct Message
{
  uint32_t length = 0;
  bool accepted = false;  // taken from the queue of the LogWriter: ours to deliver
  bool grace_cut = false; // let go for lack of room
  uint32_t delivered = 0;
  uint32_t posted = 0;

  // the posting that is the last so far
  int connection = -1;
  uint64_t end = 0;           // its place in the stream
  bool acked = false;         // a sample saw it acknowledged
  int64_t grace_from = never; // on the grace clock: the first sample that let it pass for read
};

// The grace clock as failover.h and the design tell it: it runs from one answer of
// the receiver to the next, or while it has nothing to answer, if at each sample the
// window was at least half of the widest and not wider than any before, and if its
// far edge has moved on with the acknowledgements, but for an eighth of them.  An
// answer that takes longer than 100 ms, and the time before it, does not count, nor
// does more than 200 ms of a time that nobody has looked at.  The receiver shows the
// first window before the first byte.
//
// And from where on it counts: of what is acknowledged, twice what the window lacks
// of the widest may be unread, unless nothing was acknowledged since the last sample
// and nothing is left to be.
class GraceClock
{
public:
  explicit GraceClock(uint32_t first_window = 0) : widest_(first_window) {}

  void sample(const TcpState &tcp, int64_t now_ms, int64_t grace_ms)
  {
    const bool widens = tcp.window > widest_;
    widest_ = std::max(widest_, tcp.window);
    const bool keeps_up = uint64_t{ tcp.window } * 2 >= widest_;
    const bool answers = tcp.acked > acked_ || tcp.acked >= tcp.written;
    const uint64_t acknowledged = tcp.acked - acked_;
    const bool reads = tcp.acked + tcp.window >= edge_ + (acknowledged - acknowledged / 8);
    well_ = well_ && keeps_up && !widens;
    if (answers && well_ && reads)
      ms_ += idle_ ? now_ms - known_to_ms_ : std::min<int64_t>(now_ms - known_to_ms_, 200);
    const uint64_t unread = grace_ms > 0 ? uint64_t{ widest_ - tcp.window } * 2 : 0;
    if (acknowledged > 0)
      read_ = std::max(read_, tcp.acked - std::min(unread, tcp.acked));
    else if (tcp.acked >= tcp.written && keeps_up)
      read_ = tcp.acked;
    acked_ = tcp.acked;
    if (!answers && now_ms - known_to_ms_ <= 100)
      return;
    known_to_ms_ = now_ms;
    well_ = keeps_up;
    idle_ = tcp.acked >= tcp.written;
    edge_ = tcp.acked + tcp.window;
  }

  int64_t ms() const { return ms_; }
  uint32_t widest() const { return widest_; }
  int64_t known_to_ms() const { return known_to_ms_; }
  uint64_t read() const { return read_; } // the place in the stream

private:
  uint32_t widest_;
  int64_t ms_ = 0;
  int64_t known_to_ms_ = 0;
  bool well_ = false;
  bool idle_ = false;
  uint64_t acked_ = 0;
  uint64_t edge_ = 0;
  uint64_t read_ = 0;
};

struct Connection
{
  // Messages before `count` were in the kernel when a sample said `written`.
  struct Mark
  {
    std::size_t count;
    uint64_t written;
    int64_t grace_from;
  };

  int number = 0;
  const Link *link = nullptr;
  std::vector<uint32_t> posted; // messages
  std::vector<uint64_t> ends;   // their places
  std::size_t acked = 0;        // of posted, as known from samples
  std::size_t graced = 0;       // of these, whose grace has begun
  std::vector<Mark> marks;
  std::size_t acked_marks = 0;
  std::size_t graced_marks = 0;
  GraceClock clock;
  uint64_t sampled_acked = 0;
  uint64_t race = 0;             // most that a sample gave as written beyond what was
  bool ended = false;            // the host has given it up
  bool left_for_another = false; // healthy, at the end of a message, by a return to the primary
  bool stuck = false;            // then drained, until nothing moved any more
  std::size_t read = 0;          // messages
};

struct Books
{
  Config config;
  int64_t now_ms = 0;
  bool healed = false;
  bool settled = false; // at the end: nothing was left to do, and every grace is over
  std::vector<Message> messages;
  std::deque<Connection> connections; // none moves when another comes
};

// The text of a message is its number and a filling, and a newline where that ends it.
std::string message_text(const Books &books, uint32_t number);

} // namespace failover::sim::stream
