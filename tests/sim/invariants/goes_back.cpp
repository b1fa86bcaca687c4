// SPDX-License-Identifier: GPL-2.0-or-later
//
// With failback(), when everything is well again, the primary is in use within
//
//   connect_timeout + interval + (required - 1) * max(interval, healed_latency) + healed_latency
//
// with the intervals as long as their jitter may make them.
//
// At worst the rotation was trying the primary and fails at the deadline; one
// interval later comes the first probe that succeeds, the others follow an
// interval from start to start, and the last one ends with the connection.  A
// probe that began before and fails ends earlier than that.  The rotation may be
// faster, it never delays the probes: with all servers well it fails no more.
#include "all.hpp"
#include "network.hpp"

#include <algorithm>

namespace failover::sim {

namespace {

class GoesBack final : public Invariant
{
public:
  const char *name() const override { return "goes_back"; }
  int exit_code() const override { return 21; }
  const char *rule() const override { return "healed, with failback: the primary is in use in time"; }

  void healed(const Books &books) override
  {
    const Config &config = books.config;
    const int64_t latency = Network::healed_latency_ms;
    if (config.failback)
      bound_ms_ = books.now_ms + (books.hand_over_waits() ? books.surroundings.hand_over_limit_ms : 0)
                  + config.connect_timeout_ms + config.longest_probe_interval_ms()
                  + (config.probes_required - 1) * std::max(config.longest_probe_interval_ms(), latency)
                  + latency;
  }

  void settled(const Books &books) override
  {
    if (bound_ms_ && books.now_ms >= *bound_ms_ && !books.primary_in_use())
      fail(books, "the primary is not in use though it is well");
  }

private:
  std::optional<int64_t> bound_ms_;
};

} // namespace

std::unique_ptr<Invariant>
goes_back()
{
  return std::make_unique<GoesBack>();
}

} // namespace failover::sim
