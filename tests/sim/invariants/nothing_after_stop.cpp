// SPDX-License-Identifier: GPL-2.0-or-later
//
// Stop leaves no timer, no look-up and no connection in the making; what is in
// use is the host's and stays.  After it, and outside of its calls, the engine
// does nothing at all, whatever it is told.
#include "all.hpp"

namespace failover::sim {

namespace {

class NothingAfterStop final : public Invariant
{
public:
  const char *name() const override { return "nothing_after_stop"; }
  int exit_code() const override { return 18; }
  const char *rule() const override { return "no timer, look-up or connection survives stop"; }

  void asks(const Books &books, const char *what) override
  {
    if (books.call.kind == Call::Kind::none || (!books.running && books.call.kind != Call::Kind::stop))
      fail(books, std::string("asked to ") + what + (books.running ? " outside of a call" : " after stop"));
  }

  void close(const Books &books, uint64_t connection) override
  {
    if (books.call.kind == Call::Kind::stop && books.in_use == connection)
      fail(books, "stop closes the connection in use");
  }

  void returned(const Books &books) override
  {
    if (books.running)
      return;
    for (int timer = 0; timer < FAILOVER_TIMER_COUNT; timer++)
      if (books.timers[timer])
        fail(books, "timer " + std::to_string(timer) + " survives stop");
    for (const auto &[number, lookup] : books.lookups)
      fail(books, "the look-up of " + lookup.server.text() + " survives stop");
    for (const auto &[number, connection] : books.connections)
      if (connection.state != Connection::State::in_use)
        fail(books, "a connection in the making to " + connection.server.text() + " survives stop");
  }
};

} // namespace

std::unique_ptr<Invariant>
nothing_after_stop()
{
  return std::make_unique<NothingAfterStop>();
}

} // namespace failover::sim
