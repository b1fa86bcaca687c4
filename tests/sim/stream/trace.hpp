// SPDX-License-Identifier: GPL-2.0-or-later
//
// Prints what happens to the streams, a line each, for a person who replays a
// seed:
//
//   time      > what the sender does
//   time      < what a receiver has
//   time      ! what the buffer lets go
//   time      ~ what happens in the world
#pragma once

#include "stream/observer.hpp"

namespace failover::sim::stream {

class Trace final : public Observer
{
public:
  explicit Trace(bool on) : on_(on) {}

  void note(const Books &books, const std::string &text);

  void posted(const Books &books, const Connection &where, uint32_t message) override;
  void asked(const Books &books, const Connection &where, const TcpState &tcp) override;
  void confirmed(const Books &books, const Connection &where, std::size_t place, bool early) override;
  void given_up(const Books &books, const Connection &where) override;
  void ended(const Books &books, const Connection &where) override;
  void delivered(const Books &books, const Connection &where, uint32_t message) override;

private:
  void line(const Books &books, char direction, const std::string &text);

  bool on_;
};

} // namespace failover::sim::stream
