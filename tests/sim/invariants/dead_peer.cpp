// SPDX-License-Identifier: GPL-2.0-or-later
//
// A peer that dies without a word costs at most
//
//   dead_peer_timeout + longest_wait
//
// and a moment until the next server is tried, from when it answers nothing and something
// waits for its answer; what was configured last counts.  With 0 it is the kernel's
// business, and only the rest holds.  When our process was not let run it counts from then.
#include "all.hpp"

#include <algorithm>

namespace failover::sim {

namespace {

class DeadPeer final : public Invariant
{
public:
  const char *name() const override { return "dead_peer"; }
  int exit_code() const override { return 26; }
  const char *rule() const override { return "a dead peer costs its dead-peer-timeout() and one wait"; }

  void take_from_writer(const Books &books, bool ended) override
  {
    if (ended && books.in_use == books.writer_has)
      next_by_ms_ = books.now_ms + books.config.longest_wait_ms();
  }

  void hand_over_completes(const Books &books, uint64_t, bool accepted) override
  {
    if (!accepted)
      next_by_ms_ = books.now_ms + books.config.longest_wait_ms();
  }

  void returned(const Books &books) override
  {
    if (books.call.kind == Call::Kind::stop)
      next_by_ms_.reset();
  }

  void resolve(const Books &, const Lookup &lookup) override
  {
    if (lookup.role == Role::rotation)
      next_by_ms_.reset();
  }

  void hand_over(const Books &, uint64_t, bool accepted) override
  {
    if (accepted)
      next_by_ms_.reset();
  }

  void settled(const Books &books) override
  {
    if (next_by_ms_ && books.now_ms >= *next_by_ms_)
      fail(books, "the connection in use has ended, and no other server is tried");

    const Flow *used = books.flow_in_use();
    if (!used)
      return;
    // the module's as it is now, or that of the kernel as it was
    const int64_t timeout_ms = used->kept ? books.config.dead_peer_timeout_ms : used->dead_peer_timeout_ms;
    const bool waits = used->link->acked() < used->link->written() && !used->link->is_full();
    if (timeout_ms == 0 || !used->link->mute_since_ms() || !waits)
      return;
    const int64_t since_ms = std::max(
        { *used->link->mute_since_ms(), used->link->moved_ms(), books.configured_ms, books.woken_ms });
    if (books.now_ms > since_ms + timeout_ms + slack_ms + books.surroundings.longest_job_ms)
      fail(books, used->server.text() + " is in use though it is dead for "
                      + std::to_string(books.now_ms - since_ms) + " ms");
  }

private:
  // It is looked at every 100 ms, or a second after nothing was to be answered.
  static constexpr int64_t slack_ms = 1'200;

  std::optional<int64_t> next_by_ms_; // something has to be tried
};

} // namespace

std::unique_ptr<Invariant>
dead_peer()
{
  return std::make_unique<DeadPeer>();
}

} // namespace failover::sim
