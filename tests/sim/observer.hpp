// SPDX-License-Identifier: GPL-2.0-or-later
//
// Who watches the world.  Each hook gets the books; those of the first group
// come before the world has carried out what the engine asks for.
#pragma once

#include "books.hpp"

namespace failover::sim {

class Observer
{
public:
  virtual ~Observer() = default;

  // the engine asks: for anything at all, then what it is
  virtual void asks(const Books &, const char * /* what */) {}
  virtual void set_timer(const Books &, failover_timer, int64_t /* due_ms */) {}
  virtual void cancel_timer(const Books &, failover_timer) {}
  virtual void resolve(const Books &, const Lookup &) {}
  virtual void release_lookup(const Books &, uint64_t /* lookup */) {}
  virtual void connect(const Books &, const Connection &) {}
  virtual void hand_over(const Books &, uint64_t /* connection */, bool /* accepted */) {}
  virtual void close(const Books &, uint64_t /* connection */) {}
  virtual void event(const Books &, const failover_event &) {}

  // The engine is told something, see Books::call.  A connection that is told to
  // have failed or ended is still in the books at the first of these two.
  virtual void calling(const Books &) {}
  virtual void returned(const Books &) {}

  // all that was due by now has happened
  virtual void settled(const Books &) {}
  // time has passed, and nobody has noticed
  virtual void leapt(const Books &) {}
  // from now on every server is well
  virtual void healed(const Books &) {}
  // the host gives up the connection in use, which it may: stop without reload
  virtual void forgotten(const Books &) {}
};

} // namespace failover::sim
