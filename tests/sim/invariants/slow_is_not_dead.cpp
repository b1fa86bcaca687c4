// SPDX-License-Identifier: GPL-2.0-or-later
//
// A peer is given up only if for dead-peer-timeout() it has neither read nor
// acknowledged anything; as the sender sees it, which looks every 100 ms: a window that
// narrows and widens again in between has not moved.
#include "all.hpp"

namespace failover::sim {

namespace {

class SlowIsNotDead final : public Invariant
{
public:
  const char *name() const override { return "slow_is_not_dead"; }
  int exit_code() const override { return 50; }
  const char *rule() const override { return "a peer that reads or acknowledges is not given up"; }

  void given_up(const Books &books, const Flow &where) override
  {
    // the first look after our process was let run again has seen nothing of what was before
    if (books.now_ms - books.woken_ms <= look_ms)
      return;
    const int64_t still_ms = books.now_ms - where.link->moved_ms();
    if (books.config.dead_peer_timeout_ms == 0 || still_ms + look_ms < books.config.dead_peer_timeout_ms)
      fail(books, connection(where) + " is given up " + std::to_string(still_ms)
                      + " ms after something moved on it");
  }

private:
  static constexpr int64_t look_ms = 100;
};

} // namespace

std::unique_ptr<Invariant>
slow_is_not_dead()
{
  return std::make_unique<SlowIsNotDead>();
}

} // namespace failover::sim
