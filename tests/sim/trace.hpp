// SPDX-License-Identifier: GPL-2.0-or-later
//
// Prints what happens, a line each, for a person who replays a seed:
//
//   time      > what the destination is told
//   time      < what it asks for
//   time      ! what it tells the administrator
//   time      ~ what happens in the world
//   time      - what becomes of messages
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
  void hand_over_completes(const Books &books, uint64_t connection, bool accepted) override;
  void take_from_writer(const Books &books, bool ended) override;
  void close(const Books &books, uint64_t connection) override;
  void event(const Books &books, const failover_event &event) override;
  void answered(const Books &books, const Request &request, failover_answer answer) override;
  void calling(const Books &books) override;

  void posted(const Books &books, const Flow &where, uint32_t message) override;
  void tcp_read(const Books &books, const Flow &where, const TcpState &tcp) override;
  void confirmed(const Books &books, const Flow &where, std::size_t place, bool early) override;
  void given_up(const Books &books, const Flow &where) override;
  void ended(const Books &books, const Flow &where) override;
  void lost(const Books &books, uint64_t told, uint64_t with_cause) override;
  void acknowledged_to_queue(const Books &books, uint32_t message, bool short_of_room) override;
  void given_out_again(const Books &books, uint32_t message) override;
  void dropped_by_queue(const Books &books, uint32_t message) override;
  void delivered(const Books &books, const Flow &where, uint32_t message) override;
  void finished(const Books &books, uint64_t unacknowledged, bool all_done) override;

private:
  void line(int64_t now_ms, char direction, const std::string &text);

  bool on_;
};

} // namespace failover::sim
