// SPDX-License-Identifier: GPL-2.0-or-later
//
// A reachable server is never left unused: while nothing is in use, an attempt
// goes on or the next one has its time.  With failback() the same holds for the
// probes of the primary, unless it is in use or being tried itself.
#include "all.hpp"

namespace failover::sim {

namespace {

class AlwaysTrying final : public Invariant
{
public:
  const char *name() const override { return "always_trying"; }
  int exit_code() const override { return 15; }
  const char *rule() const override { return "there is always an attempt, or a time for the next"; }

  void settled(const Books &books) override
  {
    if (!books.running)
      return;
    const Lookup *attempt = books.lookup(Role::rotation);
    if (!books.in_use && !attempt && !books.timers[FAILOVER_TIMER_SWITCH])
      fail(books, "nothing is in use, nothing is tried, and nothing will be");

    const bool primary_is_tried = attempt && attempt->server == books.config.servers.front();
    const bool in_maint = books.admin_of(books.config.servers.front()) == FAILOVER_ADMIN_MAINT;
    if (books.config.failback && !in_maint && !books.primary_in_use() && !primary_is_tried
        && !books.lookup(Role::probe) && !books.timers[FAILOVER_TIMER_PROBE])
      fail(books, "the primary is not in use, not probed, and never will be");
  }
};

} // namespace

std::unique_ptr<Invariant>
always_trying()
{
  return std::make_unique<AlwaysTrying>();
}

} // namespace failover::sim
