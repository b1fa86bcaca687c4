// SPDX-License-Identifier: GPL-2.0-or-later
//
// The world's own books: which message was posted where, when it was acknowledged, and
// who has it.  The world writes them, invariants read them; they know what happened,
// not what the module thinks of it.
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
  bool confirmed = false; // let go by the sender
  bool cut = false;       // to make room
  uint32_t delivered = 0;
  uint32_t posted = 0;
  int connection = -1;   // of the last posting so far
  std::size_t place = 0; // there
  int before = -1;       // the connection of the posting before that
};

struct Connection
{
  int number = 0;
  const Link *link = nullptr;
  std::vector<uint32_t> posted;  // messages
  std::vector<uint64_t> ends;    // their places in the stream
  std::vector<int64_t> acked_ms; // when the sender's kernel knew that they were acknowledged
  std::size_t acked = 0;         // of posted
  std::size_t confirmed = 0;     // of posted
  bool left_for_another = false; // healthy, at the end of a message, by a return to the primary
  bool ended = false;            // the sender has closed it
  bool in_trouble = false;       // by then something had happened to it
  bool stuck = false;            // it was drained, until nothing moved any more
  std::size_t read = 0;          // messages
};

struct Books
{
  Config config;
  int64_t now_ms = 0;
  bool healed = false;
  bool settled = false;   // at the end: nothing was left to do, and every grace is over
  uint64_t confirmed = 0; // messages
  std::vector<Message> messages;
  std::deque<Connection> connections; // none moves when another comes
  const Connection *in_use = nullptr; // by the LogWriter
};

// The text of a message is its number and a filling, and a newline where that ends it.
std::string message_text(const Books &books, uint32_t number);

} // namespace failover::sim::stream
