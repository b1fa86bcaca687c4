// SPDX-License-Identifier: GPL-2.0-or-later
//
// Prints what happens, a line each, for a person who replays a seed:
//
//   time      > what the engine is told
//   time      < what the engine asks for
//   time      ! what the engine tells the administrator
//   time      ~ what happens in the world
#pragma once

#include "observer.hpp"

#include <string>

namespace failover::sim {

class Trace final : public Observer
{
public:
  explicit Trace(bool on) : on_(on) {}

  void note(const Books &books, const std::string &text);

  void set_timer(const Books &books, failover_timer timer, int64_t due_ms) override;
  void cancel_timer(const Books &books, failover_timer timer) override;
  void resolve(const Books &books, const Lookup &lookup) override;
  void release_lookup(const Books &books, uint64_t lookup) override;
  void connect(const Books &books, const Connection &connection) override;
  void hand_over(const Books &books, uint64_t connection, bool accepted) override;
  void close(const Books &books, uint64_t connection) override;
  void event(const Books &books, const failover_event &event) override;
  void calling(const Books &books) override;

private:
  void line(int64_t now_ms, char direction, const std::string &text);

  bool on_;
};

} // namespace failover::sim
