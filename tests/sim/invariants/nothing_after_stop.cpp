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
    const Call &call = books.call;
    const bool looks_after_drained = call.kind == Call::Kind::release || call.kind == Call::Kind::finish
                                     || call.timer == FAILOVER_TIMER_STREAM;
    if (call.kind == Call::Kind::none
        || (!books.running && call.kind != Call::Kind::stop && !looks_after_drained))
      fail(books, std::string("asked to ") + what + (books.running ? " outside of a call" : " after stop"));
  }

  void set_timer(const Books &books, failover_timer timer, int64_t) override
  {
    if (!books.running && books.call.kind != Call::Kind::stop && timer != FAILOVER_TIMER_STREAM)
      fail(books, "timer " + std::to_string(timer) + " is set after stop");
  }

  // Unless another one was to be given to the LogWriter, and could not be.
  void take_from_writer(const Books &books, bool) override
  {
    if (books.call.kind == Call::Kind::stop && books.in_use)
      fail(books, "stop takes the connection in use");
  }

  void returned(const Books &books) override
  {
    if (books.running)
      return;
    for (int timer = 0; timer < FAILOVER_TIMER_COUNT; timer++)
      if (books.timers[timer]
          && (timer != FAILOVER_TIMER_STREAM
              || (books.draining == 0 && books.call.kind != Call::Kind::finish)))
        fail(books, "timer " + std::to_string(timer) + " survives stop");
    for (const auto &[number, lookup] : books.lookups)
      fail(books, "the look-up of " + lookup.server.text() + " survives stop");
    for (const auto &[number, connection] : books.connections)
      if (connection.flow < 0)
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
