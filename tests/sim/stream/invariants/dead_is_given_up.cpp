// SPDX-License-Identifier: GPL-2.0-or-later
//
// A connection on which something waits for an answer, and none comes for five times
// dead-peer-timeout(), is given up within a second.
#include "all.hpp"

namespace failover::sim::stream {

namespace {

class DeadIsGivenUp final : public Invariant
{
public:
  const char *name() const override { return "dead_is_given_up"; }
  int exit_code() const override { return 51; }
  const char *rule() const override { return "a peer that answers nothing is given up in time"; }

  void worked(const Books &books, const failover_stream_state &) override
  {
    if (books.config.dead_peer_timeout_ms == 0 || !books.in_use)
      return;
    const Connection &where = *books.in_use;
    const int64_t still_ms = books.now_ms - where.link->moved_ms();
    if (where.link->acked() < where.link->written()
        && still_ms > 5 * books.config.dead_peer_timeout_ms + 1'000)
      fail(books, connection(where) + " is still in use " + std::to_string(still_ms)
                      + " ms after anything moved on it");
  }
};

} // namespace

std::unique_ptr<Invariant>
dead_is_given_up()
{
  return std::make_unique<DeadIsGivenUp>();
}

} // namespace failover::sim::stream
