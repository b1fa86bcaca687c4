// SPDX-License-Identifier: GPL-2.0-or-later
//
// The command line of a simulator: seeds, replay, canaries, exit codes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace failover::sim {

struct Violation
{
  std::string invariant;
  int exit_code = 0;
  int64_t at_ms = 0;
  std::string what;
};

class Program
{
public:
  struct Invariant
  {
    const char *name;
    int exit_code;
    const char *rule;
  };
  struct Canary
  {
    const char *name;
    const char *found_by; // the invariant that must find it
    const char *what;
  };
  struct Options
  {
    std::optional<std::size_t> canary; // position in canaries()
    // Go on until this invariant is violated, whatever else is.
    const char *wanted = nullptr;
    bool trace = false;
  };

  virtual ~Program() = default;

  virtual const char *name() const = 0;
  virtual const char *purpose() const = 0;
  virtual std::vector<Invariant> invariants() const = 0;
  virtual std::vector<Canary> canaries() const = 0;

  // Empty if every invariant held.
  virtual std::optional<Violation> run(uint64_t seed, const Options &options) const = 0;
};

// main(): the exit code.
int run_program(const Program &program, char **argv);

} // namespace failover::sim
