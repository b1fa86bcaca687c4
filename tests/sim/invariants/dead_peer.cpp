// SPDX-License-Identifier: GPL-2.0-or-later
//
// A peer that dies without a word costs at most
//
//   dead_peer_timeout + longest_wait
//
// until the next server is tried: silent, or rebooted and knowing nothing of the
// connection.  The timeout is the one that was configured when the connection was
// taken into use; with 0 it is the kernel's business, and only the rest holds.
// When the clock leaps both ends of it come as soon as they can be noticed at all.
#include "all.hpp"

namespace failover::sim {

namespace {

class DeadPeer final : public Invariant
{
public:
  const char *name() const override { return "dead_peer"; }
  int exit_code() const override { return 26; }
  const char *rule() const override { return "a dead peer costs its dead-peer-timeout() and one wait"; }

  void calling(const Books &books) override
  {
    if (books.call.kind == Call::Kind::disconnected)
      next_by_ms_ = books.now_ms + books.config.longest_wait_ms();
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

    const Connection *used = books.connection_in_use();
    if (used && used->dead_since_ms && used->dead_peer_timeout_ms > 0
        && books.now_ms >= *used->dead_since_ms + used->dead_peer_timeout_ms)
      fail(books, used->server.text() + " is in use though it is dead for "
                      + std::to_string(books.now_ms - *used->dead_since_ms) + " ms");
  }

private:
  std::optional<int64_t> next_by_ms_; // something has to be tried
};

} // namespace

std::unique_ptr<Invariant>
dead_peer()
{
  return std::make_unique<DeadPeer>();
}

} // namespace failover::sim
