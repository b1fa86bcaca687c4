// SPDX-License-Identifier: GPL-2.0-or-later
//
// When everything is well again, a server is in use within
//
//   connect_timeout + longest_wait + healed_latency
//
// An attempt that began before may fail at its deadline, then comes the longest
// wait that the configuration allows (time-reopen() with its jitter, or
// switch-delay()), and the next attempt succeeds as fast as a healthy network.
// From then on it stays so; without failback() it stays the same connection.
#include "all.hpp"
#include "network.hpp"

namespace failover::sim {

namespace {

class Converges final : public Invariant
{
public:
  const char *name() const override { return "converges"; }
  int exit_code() const override { return 20; }
  const char *rule() const override { return "healed: a server is in use in time, and stays in use"; }

  void healed(const Books &books) override
  {
    bound_ms_ = books.now_ms + books.config.connect_timeout_ms + books.config.longest_wait_ms()
                + Network::healed_latency_ms;
  }

  void settled(const Books &books) override
  {
    if (!bound_ms_ || books.now_ms < *bound_ms_)
      return;
    if (!books.in_use)
      fail(books, "nothing is in use though every server is well");
    if (!books.config.failback && connection_ && books.in_use != connection_)
      fail(books, "a connection that was well was given up without failback()");
    connection_ = books.in_use;
  }

private:
  std::optional<int64_t> bound_ms_;
  std::optional<uint64_t> connection_;
};

} // namespace

std::unique_ptr<Invariant>
converges()
{
  return std::make_unique<Converges>();
}

} // namespace failover::sim
