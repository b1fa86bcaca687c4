// SPDX-License-Identifier: GPL-2.0-or-later
//
// See run.hpp.
#include "run.hpp"

#include "faults.hpp"
#include "invariant.hpp"
#include "trace.hpp"

#include <algorithm>
#include <cstring>

namespace failover::sim {

namespace {

// Few enough for hundreds of seeds a second.
constexpr uint64_t most_calls_with_faults = 2'000;
// More than any world takes, so that a canary cannot keep one busy for ever.
constexpr uint64_t most_calls = 20'000;
// When all is well: more than any stream takes for what is left.
constexpr int64_t longest_healing_ms = 10 * 60'000;
// For the last grace: it runs only from sample to sample.
constexpr int64_t after_settled_ms = 5'000;

class Run
{
public:
  Run(uint64_t seed, const RunOptions &options)
    : options_(options), random_(seed), invariants_(all_invariants()),
      world_(random_.fork(), options.canary ? options.canary->fault : Fault::none, draw_surroundings(random_),
             observers()),
      faults_(world_, random_.fork(), [this](const std::string &text) { trace_.note(world_.books(), text); })
  {}

  std::optional<Violation> run()
  {
    trace_.note(world_.books(), world_.books().surroundings.text());
    faults_.begin();
    next_burst();
    run_until(world_.queue().now_ms() + world_.books().surroundings.faults_for_ms, most_calls_with_faults);
    faults_.end();
    if (!done()) // what stopped the world has others in its wake
      healed();
    if (!done())
      world_.judge();
    if (!done())
      world_.stop();
    return violation();
  }

private:
  std::vector<Observer *> observers()
  {
    std::vector<Observer *> result;
    if (options_.trace)
      result.push_back(&trace_);
    for (const auto &invariant : invariants_)
      result.push_back(invariant.get());
    return result;
  }

  // As long as there are faults.
  void next_burst()
  {
    const Surroundings &surroundings = world_.books().surroundings;
    const int64_t after_ms = random_.between(0, 2 * surroundings.burst_every_ms);
    world_.queue().schedule(world_.queue().now_ms() + after_ms, [this, &surroundings] {
      world_.enqueue(static_cast<uint32_t>(random_.between(1, surroundings.most_in_burst)));
      if (world_.has_more_messages())
        next_burst();
    });
  }

  void run_until(int64_t end_ms, uint64_t most)
  {
    while (!done() && world_.queue().now_ms() < end_ms && world_.calls() < most)
      world_.step(end_ms);
  }

  void healed()
  {
    if (!world_.books().running)
      world_.restore(faults_.config());
    world_.heal();
    trace_.note(world_.books(), "all is well from now on");
    const Config &config = faults_.config();
    const int64_t required = config.failback ? config.probes_required : 0;
    const int64_t end_ms =
        world_.queue().now_ms() + world_.books().surroundings.hand_over_limit_ms + config.connect_timeout_ms
        + config.longest_wait_ms()
        + (required + 1) * (config.longest_probe_interval_ms() + Network::healed_latency_ms)
        + config.connect_timeout_ms;
    run_until(end_ms, most_calls);
    // and what is due at the very end, with the look at it
    while (!done() && !world_.queue().settled() && world_.calls() < most_calls)
      world_.step(end_ms);
    world_.step(end_ms);

    const int64_t idle_by_ms = world_.queue().now_ms() + longest_healing_ms;
    while (!done() && !world_.idle() && world_.queue().now_ms() < idle_by_ms && world_.calls() < most_calls)
      world_.step(idle_by_ms);
    if (!world_.idle())
      return;
    world_.settle();
    run_until(world_.queue().now_ms() + after_settled_ms + 2 * config.grace_ms, most_calls);
  }

  bool done() const { return violation().has_value(); }

  std::optional<Violation> violation() const
  {
    for (const auto &invariant : invariants_)
      if (invariant->violation()
          && (!options_.wanted || std::strcmp(options_.wanted, invariant->name()) == 0))
        return Violation{ invariant->name(), invariant->exit_code(), invariant->violated_ms(),
                          *invariant->violation() };
    return std::nullopt;
  }

  const RunOptions &options_;
  Prng random_;
  std::vector<std::unique_ptr<Invariant>> invariants_;
  Trace trace_{ options_.trace };
  World world_;
  Faults faults_;
};

} // namespace

std::optional<Violation>
run_seed(uint64_t seed, const RunOptions &options)
{
  return Run(seed, options).run();
}

} // namespace failover::sim
