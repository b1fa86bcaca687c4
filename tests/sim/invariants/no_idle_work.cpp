// SPDX-License-Identifier: GPL-2.0-or-later
//
// Nothing goes on that is not wanted: no attempt beside a connection in use, no
// probe without failback() or beside the primary, no two of a kind, no timer of
// an attempt that is over.
#include "all.hpp"

namespace failover::sim {

namespace {

class NoIdleWork final : public Invariant
{
public:
  const char *name() const override { return "no_idle_work"; }
  int exit_code() const override { return 16; }
  const char *rule() const override { return "no attempt, probe or timer that nobody wants"; }

  void calling(const Books &books) override
  {
    // the room in a queue's file is, as long as something waits in there
    const bool file_waits =
        books.file_attached
        && (books.file->backlog() > 0 || books.counters.accepted > books.counters.confirmed);
    nothing_to_look_at_ = !books.writer_has && books.draining == 0 && !file_waits;
  }

  void returned(const Books &books) override
  {
    std::map<Role, int> count;
    for (const auto &[number, lookup] : books.lookups)
      count[lookup.role]++;
    const int attempts = count[Role::rotation], probes = count[Role::probe], moves = count[Role::move];

    if (attempts > 1 || probes > 1 || moves > 1)
      fail(books, "two attempts, or two probes, at once");
    if (!moves && (set(books, FAILOVER_TIMER_MOVE_DEADLINE) || set(books, FAILOVER_TIMER_MOVE_NEXT)))
      fail(books, "what was asked for is over, a timer of it is not");
    if (!count[Role::check] && set(books, FAILOVER_TIMER_CHECK) && books.config.standby_interval_ms == 0)
      fail(books, "checks are over, their timer is not");
    if (books.in_use && (attempts || set(books, FAILOVER_TIMER_SWITCH)))
      fail(books, "another server is tried, or will be, beside the one in use");
    if (attempts && set(books, FAILOVER_TIMER_SWITCH))
      fail(books, "the next server has its time while one is tried");
    if (probes && set(books, FAILOVER_TIMER_PROBE))
      fail(books, "the next probe has its time before the result of the last");
    if (!attempts && (set(books, FAILOVER_TIMER_ATTEMPT_DEADLINE) || set(books, FAILOVER_TIMER_ATTEMPT_NEXT)))
      fail(books, "an attempt is over, a timer of it is not");
    if (!probes && (set(books, FAILOVER_TIMER_PROBE_DEADLINE) || set(books, FAILOVER_TIMER_PROBE_NEXT)))
      fail(books, "a probe is over, a timer of it is not");

    const Flow *left = books.flow_in_use();
    if (set(books, FAILOVER_TIMER_HAND_OVER) && !books.hand_over_waits())
      fail(books, "a hand-over has its time and none waits");
    if (books.hand_over_waits() && !set(books, FAILOVER_TIMER_HAND_OVER) && !(left && left->link->is_over()))
      fail(books, "a hand-over waits for ever");
    // once more is nothing that anybody notices
    if (books.call.timer == FAILOVER_TIMER_STREAM && set(books, FAILOVER_TIMER_STREAM) && nothing_to_look_at_)
      fail(books, "connections are looked at, and there are none");

    const Lookup *attempt = books.lookup(Role::rotation);
    const bool unwanted = !books.config.failback || books.primary_in_use()
                          || books.admin_of(books.config.servers.front()) == FAILOVER_ADMIN_MAINT
                          || (attempt && attempt->server == books.config.servers.front());
    if (unwanted && (probes || set(books, FAILOVER_TIMER_PROBE)))
      fail(books, "the primary is probed without need");
  }

private:
  static bool set(const Books &books, failover_timer timer) { return books.timers[timer].has_value(); }

  bool nothing_to_look_at_ = false; // when the call that is going on began
};

} // namespace

std::unique_ptr<Invariant>
no_idle_work()
{
  return std::make_unique<NoIdleWork>();
}

} // namespace failover::sim
