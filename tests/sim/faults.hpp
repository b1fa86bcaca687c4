// SPDX-License-Identifier: GPL-2.0-or-later
//
// What happens in a world with faults, drawn from the seed: to servers, names, paths, one
// connection, our process and its configuration.  How often and what differs from seed to
// seed.
#pragma once

#include "world.hpp"

namespace failover::sim {

class Faults
{
public:
  Faults(World &world, Prng random, std::function<void(const std::string &)> note);

  // They happen until they are over.
  void begin();
  void end() { is_over_ = true; }

  const Config &config() const { return config_; }

private:
  enum Act
  {
    server_changes,
    all_servers_change,
    name_server_changes,
    own_link_changes,
    process_sleeps,
    reload,
    steer,
    restart,
    removal,
    crash,
    loss_of_file,
    acts,
  };
  enum ConnectionAct
  {
    freeze_or_thaw,
    freeze_and_die,
    kill,
    close_in_order,
    close_at_once,
    cut_path,
    cut_power,
    reboot,
    cut_own_network,
    connection_acts,
  };

  void next_disturbance();
  void next_fault();
  void disturb();
  void apply(const Network::Change &change);
  void reload_now();
  void steer_now();
  void remove_for_a_while();
  void crash_now();
  void start_later(const char *what, int64_t after_ms);
  Flow *draw_flow();
  void hit(ConnectionAct act, Flow &flow);
  void freeze_or_thaw_now(Flow &flow);
  void freeze_and_die_later(Flow &flow);

  World &world_;
  Prng random_;
  std::function<void(const std::string &)> note_;
  Config config_;
  uint32_t weights_[acts] = {};
  uint32_t connection_weights_[connection_acts] = {};
  bool is_over_ = false;
};

} // namespace failover::sim
