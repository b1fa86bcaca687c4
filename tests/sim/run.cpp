// SPDX-License-Identifier: GPL-2.0-or-later
//
// See run.hpp.
#include "run.hpp"

#include "invariant.hpp"
#include "network.hpp"
#include "trace.hpp"
#include "world.hpp"

#include <algorithm>
#include <cstring>

namespace failover::sim {

namespace {

// Enough to go through everything several times, few enough for thousands of
// seeds in seconds.
constexpr int64_t longest_faults_ms = 30 * 60'000;
constexpr uint64_t most_calls_with_faults = 2'000;

// More than any world takes, so that a canary cannot keep one busy for ever.
constexpr uint64_t most_calls = 20'000;

class Run
{
public:
  Run(uint64_t seed, const RunOptions &options)
    : options_(options), random_(seed), invariants_(all_invariants()),
      world_(random_.fork(), options.canary ? options.canary->fault : Fault::none, observers())
  {}

  std::optional<Violation> run()
  {
    // how often something happens, and what, differs from seed to seed
    disturb_every_ms_ = random_.log_between(50, 60'000);
    for (int act = 0; act < acts; act++)
      weights_[act] =
          random_.chance(25) ? 0 : static_cast<uint32_t>(random_.between(1, act == restart ? 3 : 20));

    config_ = draw_config(random_);
    world_.start(config_);
    with_faults();
    healed();
    world_.stop();
    return violation();
  }

private:
  enum Act
  {
    server_changes,
    all_servers_change,
    name_server_changes,
    connection_breaks,
    connection_is_cut,
    clock_leaps,
    reload,
    restart,
    acts,
  };

  std::vector<Observer *> observers()
  {
    std::vector<Observer *> result;
    if (options_.trace)
      result.push_back(&trace_);
    for (const auto &invariant : invariants_)
      result.push_back(invariant.get());
    return result;
  }

  void with_faults()
  {
    const int64_t end_ms = world_.queue().now_ms() + random_.between(1'000, longest_faults_ms);
    schedule_disturbance();
    while (!done() && world_.queue().now_ms() < end_ms && world_.calls() < most_calls_with_faults)
      world_.step(end_ms);
  }

  void healed()
  {
    healed_ = true;
    world_.heal();
    trace_.note(world_.books(), "all is well from now on");
    const int64_t required = config_.failback ? config_.probes_required : 0;
    const int64_t end_ms =
        world_.queue().now_ms() + config_.connect_timeout_ms + config_.longest_wait_ms()
        + (required + 1) * (config_.longest_probe_interval_ms() + Network::healed_latency_ms)
        + config_.connect_timeout_ms;
    while (!done() && world_.queue().now_ms() < end_ms && world_.calls() < most_calls)
      world_.step(end_ms);
    // and what is due at the very end, with the look at it
    while (!done() && !world_.queue().settled() && world_.calls() < most_calls)
      world_.step(end_ms);
    world_.step(end_ms);
  }

  void schedule_disturbance()
  {
    const int64_t after_ms = random_.between(0, 2 * disturb_every_ms_);
    world_.queue().schedule(world_.queue().now_ms() + after_ms, [this] {
      if (healed_)
        return;
      disturb();
      schedule_disturbance();
    });
  }

  Act draw_act()
  {
    // servers come and go in every world, the rest depends on the seed
    int64_t total = 20;
    for (uint32_t weight : weights_)
      total += weight;
    int64_t drawn = random_.between(1, total);
    for (int act = 0; act < acts; act++)
      if ((drawn -= weights_[act]) <= 0)
        return static_cast<Act>(act);
    return server_changes;
  }

  void disturb()
  {
    switch (draw_act())
      {
      case server_changes:
        apply(world_.network().disturb());
        return;
      case all_servers_change:
        for (const Network::Change &change : world_.network().disturb_all())
          apply(change);
        return;
      case name_server_changes:
        trace_.note(world_.books(), world_.change_names());
        return;
      case connection_breaks:
        world_.break_connection_in_use(0);
        return;
      case connection_is_cut:
        trace_.note(world_.books(), "a firewall forgets the connection in use");
        world_.cut_connection_in_use();
        return;
      case clock_leaps:
        {
          const int64_t ms = random_.log_between(1, 3'600'000);
          trace_.note(world_.books(), "the clock leaps " + std::to_string(ms) + " ms");
          world_.leap(ms);
          return;
        }
      case reload:
        {
          config_ = draw_change(config_, random_);
          const bool keep = random_.chance(85);
          trace_.note(world_.books(), keep ? "reload" : "reload, the connection is closed");
          world_.reload(config_, keep);
          return;
        }
      case restart:
        trace_.note(world_.books(), "stop, and start anew");
        world_.stop();
        config_ = random_.chance(50) ? draw_config(random_) : config_;
        world_.start(config_);
        return;
      case acts:
        return;
      }
  }

  void apply(const Network::Change &change)
  {
    trace_.note(world_.books(), change.text);
    world_.change(change);
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
  Config config_;
  int64_t disturb_every_ms_ = 0;
  uint32_t weights_[acts] = {};
  bool healed_ = false;
};

} // namespace

std::optional<Violation>
run_seed(uint64_t seed, const RunOptions &options)
{
  return Run(seed, options).run();
}

} // namespace failover::sim
