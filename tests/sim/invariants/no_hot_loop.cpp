// SPDX-License-Identifier: GPL-2.0-or-later
//
// However bad the network is, work is bounded.  Within one second at most one
// round of attempts starts: after a round the engine waits time-reopen(), which
// is a second or more in every world.  Each failback in that second allows
// another round, for it ends the one before; each start or reload begins anew.
// An attempt makes at most 16 connections.  A world that is well comes to rest:
// after some thousand calls it must have.  Connections in use and drained ones are looked at
// a few dozen times a second at the most.  The pace of probes is the
// administrator's choice, see probe_pace.cpp.
#include "all.hpp"

#include <deque>

namespace failover::sim {

namespace {

class NoHotLoop final : public Invariant
{
public:
  const char *name() const override { return "no_hot_loop"; }
  int exit_code() const override { return 17; }
  const char *rule() const override { return "a bounded number of attempts in any second"; }

  void calling(const Books &books) override
  {
    if (books.call.timer == FAILOVER_TIMER_STREAM)
      look_at_connections(books);
    else if (books.healed && books.call.kind != Call::Kind::finish && ++healed_calls_ > most_healed_calls)
      fail(books, "every server is well, and the destination does not come to rest");
    if (books.call.kind == Call::Kind::steered)
      failbacks_.push_back(books.now_ms); // a server that is tried may be left for the next one
    if (books.call.kind != Call::Kind::start)
      return;
    attempts_.clear();
    failbacks_.clear();
  }

  void resolve(const Books &books, const Lookup &lookup) override
  {
    connections_[lookup.number] = 0;
    if (lookup.role != Role::rotation)
      return;

    attempts_.push_back(books.now_ms);
    forget(attempts_, books.now_ms);
    forget(failbacks_, books.now_ms);
    const std::size_t most = books.config.servers.size() * (1 + failbacks_.size());
    if (attempts_.size() > most)
      fail(books, std::to_string(attempts_.size()) + " attempts within a second, " + std::to_string(most)
                      + " are a round");
  }

  void connect(const Books &books, const Connection &connection) override
  {
    if (++connections_[connection.lookup] > most_addresses)
      fail(books, "more than 16 connections in one attempt on " + connection.server.text());
  }

  void hand_over(const Books &books, uint64_t number, bool accepted) override
  {
    const Connection *connection = books.connection(number);
    if (accepted && connection && connection->role != Role::rotation)
      failbacks_.push_back(books.now_ms);
  }

  void ended(const Books &books, const Flow &) override { ended_.push_back(books.now_ms); }

private:
  static constexpr uint64_t most_healed_calls = 5'000;

  static constexpr std::size_t looks_at_one = 40; // in a second: at first often, when it is drained

  // In use, drained, or ended within that second.
  void look_at_connections(const Books &books)
  {
    looks_.push_back(books.now_ms);
    forget(looks_, books.now_ms);
    forget(ended_, books.now_ms);
    if (looks_.size() > looks_at_one * (1 + books.draining + ended_.size()))
      fail(books, std::to_string(looks_.size()) + " looks at connections within a second");
  }

  static void forget(std::deque<int64_t> &times, int64_t now_ms)
  {
    while (!times.empty() && times.front() <= now_ms - 1000)
      times.pop_front();
  }

  std::deque<int64_t> attempts_;
  std::deque<int64_t> failbacks_;
  std::deque<int64_t> looks_;
  std::deque<int64_t> ended_;
  uint64_t healed_calls_ = 0;
  std::map<uint64_t, uint32_t> connections_; // of each look-up
};

} // namespace

std::unique_ptr<Invariant>
no_hot_loop()
{
  return std::make_unique<NoHotLoop>();
}

} // namespace failover::sim
