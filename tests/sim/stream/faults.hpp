// SPDX-License-Identifier: GPL-2.0-or-later
//
// What happens to connections and receivers, drawn from the seed; and what the
// design promises to survive.
#pragma once

#include "stream/host.hpp"

#include <functional>
#include <string>

namespace failover::sim::stream {

class Faults
{
public:
  // What the world does for a fault.
  struct World
  {
    std::function<void()> return_to_primary; // beside the connection in use
    std::function<void(const std::string &)> note;
  };

  Faults(Stage &stage, Host &host, std::deque<Link> &links, Prng random, World world);

  void happen();
  void heal();

private:
  enum Act
  {
    freeze_or_thaw,
    freeze_and_die,
    kill,
    close_in_order,
    cut_path,
    cut_power,
    return_to_primary,
    acts,
  };

  Act draw_act();
  Link *draw_link();
  bool is_covered(const Link &link, bool silent) const;
  void freeze_or_thaw_now(Link &link);
  void freeze_and_die_later(Link &link);
  void end(Link &link, Act act);

  Stage &stage_;
  Host &host_;
  std::deque<Link> &links_;
  Prng random_;
  World world_;
  uint32_t weights_[acts] = {};
};

} // namespace failover::sim::stream
