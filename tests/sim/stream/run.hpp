// SPDX-License-Identifier: GPL-2.0-or-later
//
// One seed: a destination is drawn, gets its messages and its share of faults,
// all is healed, and everything must be delivered and confirmed.
#pragma once

#include "program.hpp"
#include "stream/canary.hpp"

namespace failover::sim::stream {

struct RunOptions
{
  const Canary *canary = nullptr;
  // Go on until this invariant is violated, whatever else is.
  const char *wanted = nullptr;
  bool trace = false;
};

// Empty if every invariant held.
std::optional<Violation> run_seed(uint64_t seed, const RunOptions &options);

} // namespace failover::sim::stream
