// SPDX-License-Identifier: GPL-2.0-or-later
//
// Who watches the world of byte streams.  The books are up to date in each hook.
#pragma once

#include "failover.h"
#include "stream/books.hpp"

#include <string>

namespace failover::sim::stream {

class Observer
{
public:
  virtual ~Observer() = default;

  // the sender
  virtual void posted(const Books &, const Connection &, uint32_t /* message */) {}
  virtual void asked(const Books &, const Connection &, const TcpState &) {} // the kernel
  // the one in that place of what was posted on it is let go; `early`: for lack of room
  virtual void confirmed(const Books &, const Connection &, std::size_t /* place */, bool /* early */) {}
  virtual void confirmed_too_many(const Books &, const Connection &) {}
  virtual void other_bytes(const Books &, const std::string & /* text */) {}
  virtual void given_up(const Books &, const Connection &) {} // its peer passes for dead
  virtual void ended(const Books &, const Connection &) {}
  virtual void worked(const Books &, const failover_stream_state &) {}

  // the receiver
  virtual void delivered(const Books &, const Connection &, uint32_t /* message */) {}
  virtual void torn(const Books &, const Connection &, const std::string & /* what */) {}

  // at the end
  virtual void finished(const Books &, const failover_stream_state &) {}
};

} // namespace failover::sim::stream
