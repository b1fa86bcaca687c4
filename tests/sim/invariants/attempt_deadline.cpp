// SPDX-License-Identifier: GPL-2.0-or-later
//
// Each attempt and each probe ends by its connect-timeout(), with all that belongs
// to it.  When the clock leaps it ends as soon as its timer can fire at all.
#include "all.hpp"

namespace failover::sim {

namespace {

class AttemptDeadline final : public Invariant
{
public:
  const char *name() const override { return "attempt_deadline"; }
  int exit_code() const override { return 12; }
  const char *rule() const override { return "each attempt ends by its connect-timeout()"; }

  void settled(const Books &books) override
  {
    for (const auto &[number, lookup] : books.lookups)
      if (books.now_ms >= lookup.started_ms + books.config.connect_timeout_ms
                              + (lookup.role == Role::check ? FAILOVER_CHECK_OPEN_MS : 0))
        fail(books, "the attempt on " + lookup.server.text() + " goes on for "
                        + std::to_string(books.now_ms - lookup.started_ms) + " ms");
  }

  void release_lookup(const Books &books, uint64_t number) override
  {
    auto found = books.lookups.find(number);
    if (books.call.kind != Call::Kind::timer_due || found == books.lookups.end())
      return;
    const bool deadline = books.call.timer
                          == (found->second.role == Role::rotation ? FAILOVER_TIMER_ATTEMPT_DEADLINE
                              : found->second.role == Role::probe  ? FAILOVER_TIMER_PROBE_DEADLINE
                              : found->second.role == Role::move   ? FAILOVER_TIMER_MOVE_DEADLINE
                                                                   : FAILOVER_TIMER_COUNT);
    if (deadline && books.now_ms < found->second.started_ms + books.config.connect_timeout_ms)
      fail(books, "the deadline of " + found->second.server.text() + " comes too early");
  }

  void returned(const Books &books) override
  {
    for (const auto &[number, connection] : books.connections)
      if (connection.flow < 0 && !books.lookups.contains(connection.lookup))
        fail(books, "a connection to " + connection.server.text() + " outlives the attempt it was made for");
  }
};

} // namespace

std::unique_ptr<Invariant>
attempt_deadline()
{
  return std::make_unique<AttemptDeadline>();
}

} // namespace failover::sim
