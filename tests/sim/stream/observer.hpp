// SPDX-License-Identifier: GPL-2.0-or-later
//
// Who watches the world of byte streams.  The books are up to date in each hook.
#pragma once

#include "failover.h"
#include "stream/books.hpp"

#include <deque>
#include <set>

namespace failover::sim::stream {

// What must be in a buffer, from the calls that were made.
struct BufferBooks
{
  uint32_t number = 0;
  std::deque<uint32_t> messages;
  std::size_t posted = 0;        // of these, on the connection in use
  std::set<uint32_t> run_starts; // messages before which another order was taken over
  uint64_t confirmed = 0;
  uint64_t resent = 0;
  uint64_t grace_cut = 0;
  std::size_t bytes = 0;
};

enum class LetGo
{
  by_sample,
  for_room,
  at_end,
};

class Observer
{
public:
  virtual ~Observer() = default;

  // the sender
  virtual void posted(const Books &, const Connection &, const BufferBooks &, uint32_t /* message */) {}
  virtual void sampled(const Books &, const Connection &, const TcpState &) {}
  // `connection`: the one the buffer follows, nullptr if there is none
  virtual void let_go(const Books &, const Connection *, uint32_t /* message */, LetGo) {}
  // before `room` was asked for there were `bytes`; `taken`: it was found
  virtual void asked_for_room(const Books &, const BufferBooks &, std::size_t /* bytes */,
                              std::size_t /* room */, bool /* taken */)
  {}
  virtual void told(const Books &, const BufferBooks &, const failover_resend_state &) {}
  virtual void other_bytes(const Books &, uint32_t /* message */) {}
  // what is left of it in the buffer is to be posted once more
  virtual void ended(const Books &, const Connection &, const BufferBooks &) {}

  // the receiver
  virtual void delivered(const Books &, const Connection &, uint32_t /* message */) {}
  virtual void torn(const Books &, const Connection &, const std::string & /* what */) {}

  // at the end, for each buffer there is
  virtual void left(const Books &, const BufferBooks &) {}
  virtual void finished(const Books &) {}
};

} // namespace failover::sim::stream
