// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is let go was acknowledged to its last byte on this connection, and that longer
// ago than the grace; or there was no room for another message without it.
#include "all.hpp"

namespace failover::sim {

namespace {

class ConfirmedRightly final : public Invariant
{
public:
  const char *name() const override { return "confirmed_rightly"; }
  int exit_code() const override { return 44; }
  const char *rule() const override { return "only acknowledged messages are let go, after the grace"; }

  void confirmed(const Books &books, const Flow &where, std::size_t place, bool early) override
  {
    const std::string what = message(where.posted[place]) + " was let go on " + connection(where);
    if (place >= where.acked)
      {
        fail(books, what + ", its end " + std::to_string(where.ends[place]) + " is not acknowledged, "
                        + std::to_string(where.link->acked()) + " is");
        return;
      }
    const int64_t age_ms = books.now_ms - where.acked_ms[place];
    if (!early && age_ms < where.grace_ms)
      fail(books, what + " " + std::to_string(age_ms) + " ms after it was acknowledged");
  }

  void confirmed_too_many(const Books &books, const Flow &where) override
  {
    fail(books, "more messages are let go on " + connection(where) + " than were posted");
  }
};

} // namespace

std::unique_ptr<Invariant>
confirmed_rightly()
{
  return std::make_unique<ConfirmedRightly>();
}

} // namespace failover::sim
