// SPDX-License-Identifier: GPL-2.0-or-later
//
// failover_stream_sim: the buffer of the messages that may have to be sent again,
// in a simulated world of byte streams, one world a seed.
#include "program.hpp"
#include "stream/invariant.hpp"
#include "stream/run.hpp"

namespace {

using namespace failover::sim;

class StreamSim final : public Program
{
public:
  const char *name() const override { return "failover_stream_sim"; }
  const char *purpose() const override
  {
    return "Sends numbered messages over simulated connections that break, and resends.";
  }

  std::vector<Program::Invariant> invariants() const override
  {
    std::vector<Program::Invariant> result;
    for (const auto &invariant : stream::all_invariants())
      result.push_back({ invariant->name(), invariant->exit_code(), invariant->rule() });
    return result;
  }

  std::vector<Program::Canary> canaries() const override
  {
    std::vector<Program::Canary> result;
    for (const auto &canary : stream::all_canaries())
      result.push_back({ canary.name, canary.found_by, canary.what });
    return result;
  }

  std::optional<Violation> run(uint64_t seed, const Options &options) const override
  {
    return stream::run_seed(seed, { options.canary ? &stream::all_canaries()[*options.canary] : nullptr,
                                    options.wanted, options.trace });
  }
};

} // namespace

int
main(int, char **argv)
{
  return run_program(StreamSim(), argv);
}
