// SPDX-License-Identifier: GPL-2.0-or-later
//
// One seed: a world is drawn, gets its share of faults, is healed, must come to
// rest with a server in use, and is stopped.
#pragma once

#include "canary.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace failover::sim {

struct Violation
{
  std::string invariant;
  int exit_code = 0;
  int64_t at_ms = 0;
  std::string what;
};

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
