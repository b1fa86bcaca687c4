// SPDX-License-Identifier: GPL-2.0-or-later
//
// Back to the primary by failback only after exactly the required successes in
// a row.  The count is made from what the world answered to the probes: a probe
// is a look-up that the engine starts when the probe timer is due; it succeeded
// if a connection of it was reported open, and failed if it ended otherwise.
//
// The count starts again at a failure, at a hand_over() that fails, when the
// rotation tries the primary, and over a reload that changes the primary or
// does not have failback() on both sides.  Over other reloads it goes on; where
// fewer are required now, one more success is.
#include "all.hpp"

#include <algorithm>

namespace failover::sim {

namespace {

class FailbackCount final : public Invariant
{
public:
  const char *name() const override { return "failback_count"; }
  int exit_code() const override { return 13; }
  const char *rule() const override { return "failback after exactly the required successes in a row"; }

  void calling(const Books &books) override
  {
    succeeded_ = ended_ = handed_over_ = refused_ = asked_for_ = false;
    if (books.call.kind == Call::Kind::start)
      {
        const Config &now = books.config;
        if (!books.call.with_snapshot || !now.failback || !before_.failback
            || !(now.servers.front() == before_.servers.front()))
          in_a_row_ = 0;
        in_a_row_ = std::min(in_a_row_, now.probes_required - 1);
        before_ = now;
      }
    if (books.call.kind == Call::Kind::connected)
      {
        const Connection *connection = books.connection(books.call.number);
        succeeded_ = connection && connection->role == Role::probe;
        in_a_row_ += succeeded_ && is_ready(books);
      }
  }

  void resolve(const Books &books, const Lookup &lookup) override
  {
    if (lookup.role == Role::rotation && lookup.server == books.config.servers.front())
      in_a_row_ = 0;
    if (lookup.role == Role::probe && !(lookup.server == books.config.servers.front()))
      fail(books, "a probe of " + lookup.server.text() + ", which is not the primary");
  }

  void release_lookup(const Books &books, uint64_t number) override
  {
    auto found = books.lookups.find(number);
    if (found != books.lookups.end() && found->second.role == Role::probe)
      ended_ = true;
  }

  void hand_over(const Books &books, uint64_t number, bool accepted) override
  {
    const Connection *connection = books.connection(number);
    if (!connection)
      return;
    for (const auto &[asked, request] : books.requests)
      asked_for_ =
          asked_for_ || (accepted && request.wish == Wish::use && request.server == connection->server);
    if (connection->role != Role::probe)
      return;
    handed_over_ = true;
    if (!is_ready(books))
      fail(books, "back to the primary, which is drained or in maintenance");
    refused_ = !accepted;
    if (in_a_row_ < books.config.probes_required)
      fail(books, "back to the primary after " + std::to_string(in_a_row_)
                      + " successes in a row, required are " + std::to_string(books.config.probes_required));
  }

  void returned(const Books &books) override
  {
    if (succeeded_ && !handed_over_ && in_a_row_ >= books.config.probes_required)
      fail(books, "not back to the primary after " + std::to_string(in_a_row_)
                      + " successes in a row, required are " + std::to_string(books.config.probes_required));
    const bool failed = ended_ && !succeeded_ && books.call.kind != Call::Kind::stop;
    const bool changed = books.call.admin_changes && books.call.server == books.config.servers.front();
    if (failed || refused_ || changed || asked_for_ || books.primary_in_use())
      in_a_row_ = 0;
  }

private:
  static bool is_ready(const Books &books)
  {
    return books.admin_of(books.config.servers.front()) == FAILOVER_ADMIN_READY;
  }

  Config before_;
  uint32_t in_a_row_ = 0;
  // in the call that is going on
  bool succeeded_ = false;
  bool ended_ = false;
  bool handed_over_ = false;
  bool refused_ = false;
  bool asked_for_ = false;
};

} // namespace

std::unique_ptr<Invariant>
failback_count()
{
  return std::make_unique<FailbackCount>();
}

} // namespace failover::sim
