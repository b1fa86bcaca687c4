// SPDX-License-Identifier: GPL-2.0-or-later
//
// Who watches the world.  Each hook gets the books; those of the first group
// come before the world has carried out what the destination asks for, in the others the
// books are up to date.
#pragma once

#include "books.hpp"

namespace failover::sim {

class Observer
{
public:
  virtual ~Observer() = default;

  // the destination asks: for anything at all, then what it is
  virtual void asks(const Books &, const char * /* what */) {}
  virtual void set_timer(const Books &, failover_timer, int64_t /* due_ms */) {}
  virtual void cancel_timer(const Books &, failover_timer) {}
  virtual void resolve(const Books &, const Lookup &) {}
  virtual void release_lookup(const Books &, uint64_t /* lookup */) {}
  virtual void connect(const Books &, const Connection &) {}
  // The connection is in use from now on, though the LogWriter may get it later.
  virtual void hand_over(const Books &, uint64_t /* connection */, bool /* accepted */) {}
  // The LogWriter gets it later than that.
  virtual void hand_over_completes(const Books &, uint64_t /* connection */, bool /* accepted */) {}
  // What the LogWriter has is taken from it.
  virtual void take_from_writer(const Books &, bool /* ended */) {}
  virtual void close(const Books &, uint64_t /* connection */) {}
  virtual void event(const Books &, const failover_event &) {}

  // The destination is told something, see Books::call.  A connection that is told to
  // have failed or ended is still in the books at the first of these two.
  virtual void calling(const Books &) {}
  virtual void returned(const Books &) {}

  // the LogWriter, and the connections it has or had
  virtual void posted(const Books &, const Flow &, uint32_t /* message */) {}
  virtual void tcp_read(const Books &, const Flow &, const TcpState &) {} // the kernel was asked
  // the one in that place of what was posted on it is let go; `early`: for lack of room
  virtual void confirmed(const Books &, const Flow &, std::size_t /* place */, bool /* early */) {}
  virtual void confirmed_too_many(const Books &, const Flow &) {}
  virtual void other_bytes(const Books &, const std::string & /* text */) {}
  virtual void given_up(const Books &, const Flow &) {} // its peer passes for dead
  virtual void ended(const Books &, const Flow &) {}
  virtual void worked(const Books &, const failover_stream_state &) {}
  virtual void lost(const Books &, uint64_t /* told */, uint64_t /* with cause */) {}

  // its reliable queue; `short_of_room`: as it was told not long ago
  virtual void acknowledged_to_queue(const Books &, uint32_t /* message */, bool /* short_of_room */) {}
  virtual void acknowledged_too_many(const Books &) {}
  virtual void given_out_again(const Books &, uint32_t /* message */) {}
  // not taken now, though in the buffer of the connection there is room
  virtual void given_back_to_queue(const Books &, const Flow &, uint32_t /* message */) {}
  virtual void dropped_by_queue(const Books &, uint32_t /* message */) {}

  // the receivers
  virtual void delivered(const Books &, const Flow &, uint32_t /* message */) {}
  virtual void torn(const Books &, const Flow &, const std::string & /* what */) {}

  // an administrator has the answer
  virtual void answered(const Books &, const Request &, failover_answer) {}

  // all that was due by now has happened
  virtual void settled(const Books &) {}
  // our process is not let run for a while
  virtual void sleeps(const Books &) {}
  // from now on every server is well
  virtual void healed(const Books &) {}
  // the end of syslog-ng: messages that no peer is said to have acknowledged
  virtual void finished(const Books &, uint64_t /* unacknowledged */, bool /* all_done */) {}
  // the end of the world
  virtual void judged(const Books &, const failover_stream_state &) {}
};

} // namespace failover::sim
