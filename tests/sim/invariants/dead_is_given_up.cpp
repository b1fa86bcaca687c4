// SPDX-License-Identifier: GPL-2.0-or-later
//
// A connection on which something waits for an answer, and none comes for five times
// dead-peer-timeout(), is given up soon.
#include "all.hpp"

#include <algorithm>

namespace failover::sim {

namespace {

class DeadIsGivenUp final : public Invariant
{
public:
  const char *name() const override { return "dead_is_given_up"; }
  int exit_code() const override { return 51; }
  const char *rule() const override { return "a peer that answers nothing is given up in time"; }

  void settled(const Books &books) override
  {
    const Flow *in_use = books.flow_in_use();
    if (books.config.dead_peer_timeout_ms == 0 || !in_use || !in_use->kept)
      return;
    const Flow &where = *in_use;
    const int64_t still_ms =
        books.now_ms - std::max({ where.link->moved_ms(), books.configured_ms, books.woken_ms });
    if (where.link->acked() < where.link->written()
        && still_ms > 5 * books.config.dead_peer_timeout_ms + slack_ms + books.surroundings.longest_job_ms)
      fail(books, connection(where) + " is still in use " + std::to_string(still_ms)
                      + " ms after anything moved on it");
  }

private:
  // It is looked at every 100 ms, or a second after nothing was to be answered.
  static constexpr int64_t slack_ms = 1'200;
};

} // namespace

std::unique_ptr<Invariant>
dead_is_given_up()
{
  return std::make_unique<DeadIsGivenUp>();
}

} // namespace failover::sim
