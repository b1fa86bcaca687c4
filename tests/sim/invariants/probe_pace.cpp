// SPDX-License-Identifier: GPL-2.0-or-later
//
// The first probe comes one interval after the primary was left, the next one an
// interval after the start of the last, or when that has its result if it takes
// longer: not earlier, and not later than ten percent more.  A reload keeps the
// time of the next one, or a configuration reloaded often would never get there;
// a shorter interval counts from the reload.
#include "all.hpp"

#include <algorithm>

namespace failover::sim {

namespace {

class ProbePace final : public Invariant
{
public:
  const char *name() const override { return "probe_pace"; }
  int exit_code() const override { return 23; }
  const char *rule() const override { return "probes of the primary keep their interval, over a reload too"; }

  void calling(const Books &books) override
  {
    may_be_anew_ = false;
    if (books.call.kind == Call::Kind::stop)
      {
        interrupted_ = books.lookup(Role::probe) != nullptr;
        stopped_ms_ = books.now_ms;
      }
    if (books.call.kind == Call::Kind::start)
      start(books);
  }

  void resolve(const Books &books, const Lookup &lookup) override
  {
    if (lookup.role != Role::probe)
      return;
    if (due_ && books.now_ms < due_->earliest_ms)
      fail(books, "a probe comes " + std::to_string(due_->earliest_ms - books.now_ms) + " ms too early");
    due_ = one_interval_from_now(books);
  }

  void returned(const Books &books) override
  {
    if (!books.running)
      return;
    const Lookup *attempt = books.lookup(Role::rotation);
    const bool primary_is_tried = attempt && attempt->server == books.config.servers.front();
    const ServerName &primary = books.config.servers.front();
    if (!books.config.failback || books.primary_in_use() || primary_is_tried
        || books.admin_of(primary) == FAILOVER_ADMIN_MAINT)
      due_.reset();
    else if (!due_ || (books.call.admin_changes && books.call.server == primary))
      due_ = one_interval_from_now(books);
    else if (may_be_anew_)
      due_->latest_ms = std::max(due_->latest_ms, one_interval_from_now(books).latest_ms);
  }

  // The primary is gone back to after a fresh count if another one was asked for.
  void hand_over(const Books &books, uint64_t number, bool accepted) override
  {
    const Connection *connection = books.connection(number);
    if (accepted && connection && connection->role != Role::probe)
      may_be_anew_ = connection->role == Role::move || !books.requests.empty();
  }

  void settled(const Books &books) override
  {
    if (books.running && due_ && books.now_ms > due_->latest_ms && !books.lookup(Role::probe))
      fail(books, "a probe is " + std::to_string(books.now_ms - due_->latest_ms) + " ms late");
  }

private:
  struct Due
  {
    int64_t earliest_ms;
    int64_t latest_ms;
  };

  static Due one_interval_from_now(const Books &books)
  {
    return { books.now_ms + books.config.probe_interval_ms,
             books.now_ms + books.config.longest_probe_interval_ms() };
  }

  void start(const Books &books)
  {
    const Config &now = books.config;
    if (!books.call.with_snapshot || !before_.failback || !(now.servers.front() == before_.servers.front()))
      due_.reset();
    // the way back to it had not ended at the stop, and failed there: one interval from then on
    else if (!due_ && !books.primary_in_use())
      due_ = Due{ stopped_ms_ + before_.probe_interval_ms, one_interval_from_now(books).latest_ms };
    if (due_)
      {
        const Due anew = one_interval_from_now(books);
        // an interrupted probe has no result: it may be repeated at once
        due_->earliest_ms = interrupted_ ? books.now_ms : std::min(due_->earliest_ms, anew.earliest_ms);
        due_->latest_ms = std::min(due_->latest_ms, anew.latest_ms);
      }
    before_ = now;
  }

  std::optional<Due> due_; // the next probe, if the primary is probed
  int64_t stopped_ms_ = 0;
  bool interrupted_ = false;
  bool may_be_anew_ = false; // in the call that is going on
  Config before_;
};

} // namespace

std::unique_ptr<Invariant>
probe_pace()
{
  return std::make_unique<ProbePace>();
}

} // namespace failover::sim
