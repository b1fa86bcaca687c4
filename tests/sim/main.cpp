// SPDX-License-Identifier: GPL-2.0-or-later
//
// failover_sim: a destination in a simulated world, one world a seed.
#include "invariant.hpp"
#include "program.hpp"
#include "run.hpp"

namespace {

using namespace failover::sim;

class Sim final : public Program
{
public:
  const char *name() const override { return "failover_sim"; }
  const char *purpose() const override { return "Runs a destination with failover() in simulated worlds."; }

  std::vector<Program::Invariant> invariants() const override
  {
    std::vector<Program::Invariant> result;
    for (const auto &invariant : all_invariants())
      result.push_back({ invariant->name(), invariant->exit_code(), invariant->rule() });
    return result;
  }

  std::vector<Program::Canary> canaries() const override
  {
    std::vector<Program::Canary> result;
    for (const auto &canary : all_canaries())
      result.push_back({ canary.name, canary.found_by, canary.what });
    return result;
  }

  std::optional<Violation> run(uint64_t seed, const Options &options) const override
  {
    return run_seed(
        seed, { options.canary ? &all_canaries()[*options.canary] : nullptr, options.wanted, options.trace });
  }
};

} // namespace

int
main(int, char **argv)
{
  return run_program(Sim(), argv);
}
