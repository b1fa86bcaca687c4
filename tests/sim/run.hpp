// SPDX-License-Identifier: GPL-2.0-or-later
//
// One seed: a world is drawn, gets its messages and its share of faults, is healed, must
// come to rest with a server in use and everything delivered, and is stopped.
#pragma once

#include "canary.hpp"
#include "program.hpp"

namespace failover::sim {

struct RunOptions
{
  const Canary *canary = nullptr;
  // Go on until this invariant is violated, whatever else is.
  const char *wanted = nullptr;
  bool trace = false;
};

// Empty if every invariant held.
std::optional<Violation> run_seed(uint64_t seed, const RunOptions &options);

} // namespace failover::sim
