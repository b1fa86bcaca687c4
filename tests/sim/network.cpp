// SPDX-License-Identifier: GPL-2.0-or-later
//
// See network.hpp.
#include "network.hpp"

#include <cstdlib>

namespace failover::sim {

Network::Network(Prng random) : random_(random), hosts_(Config::most_hosts)
{
  // from worlds where nothing works to worlds where nearly everything does
  static constexpr uint32_t percents[] = { 0, 20, 50, 80, 95 };
  up_percent_ = percents[random_.below(5)];
  for (Host &host : hosts_)
    {
      host.address_count =
          static_cast<uint32_t>(random_.chance(90) ? random_.between(1, 4) : random_.between(5, 20));
      if (random_.chance(30))
        host.dead_addresses = static_cast<uint32_t>(random_.next());
    }
  disturb_all();
}

Network::Host &
Network::host(const ServerName &server)
{
  return hosts_[static_cast<std::size_t>(std::atoi(server.host.c_str() + 1)) % hosts_.size()];
}

Network::LookupAnswer
Network::look_up(const ServerName &server)
{
  const Host &target = host(server);
  if (healed_)
    return { random_.between(0, healed_latency_ms / 2), true, target.address_count };
  switch (target.name)
    {
    case NameMode::good:
      return { random_.between(0, 50), true, target.address_count };
    case NameMode::failing:
      return { random_.between(0, 200), false, 0 };
    case NameMode::slow:
      return { random_.between(0, 15'000), true, target.address_count };
    case NameMode::empty:
      return { 0, true, 0 };
    case NameMode::silent:
      break;
    }
  return {};
}

Network::ConnectAnswer
Network::connect(const ServerName &server, uint32_t address)
{
  const Host &target = host(server);
  if (healed_)
    return { random_.between(0, healed_latency_ms / 2), true, {}, {} };

  if (target.dead_addresses >> (address % 32) & 1)
    return target.dead_silently
               ? ConnectAnswer{}
               : ConnectAnswer{ random_.between(0, 100), false, FAILOVER_REASON_UNREACHABLE, {} };
  switch (target.mode)
    {
    case Mode::up:
      return { random_.between(0, 50), true, {}, {} };
    case Mode::refusing:
      return { random_.between(0, 20), false, FAILOVER_REASON_REFUSED, {} };
    case Mode::unreachable:
      return { random_.between(0, 3'000), false, FAILOVER_REASON_UNREACHABLE, {} };
    case Mode::flapping:
      return { random_.between(0, 50), true, {}, random_.log_between(0, 5'000) };
    case Mode::slow:
      return { random_.between(0, 12'000), true, {}, {} };
    case Mode::silent:
      break;
    }
  return {};
}

Network::Change
Network::disturb()
{
  return disturb(random_.below(hosts_.size()));
}

std::vector<Network::Change>
Network::disturb_all()
{
  std::vector<Change> changes;
  for (std::size_t i = 0; i < hosts_.size(); i++)
    changes.push_back(disturb(i));
  return changes;
}

Network::Change
Network::disturb(std::size_t index)
{
  static constexpr Mode modes[] = { Mode::refusing, Mode::refusing, Mode::unreachable,
                                    Mode::silent,   Mode::flapping, Mode::slow };
  static constexpr const char *mode_names[] = {
    "up", "refusing", "unreachable", "silent", "flapping", "slow"
  };
  static constexpr NameMode name_modes[] = { NameMode::failing, NameMode::slow, NameMode::silent,
                                             NameMode::empty };
  static constexpr const char *name_names[] = { "good", "failing", "slow", "silent", "empty" };

  Host &target = hosts_[index];
  target.mode = random_.chance(up_percent_) ? Mode::up : modes[random_.below(6)];
  target.name = random_.chance(90) ? NameMode::good : name_modes[random_.below(4)];
  target.dead_silently = random_.chance(50);

  const std::string name = "s" + std::to_string(index);
  const bool broken = target.mode != Mode::up && random_.chance(75);
  return { name, broken,
           name + " is " + mode_names[static_cast<int>(target.mode)] + ", its name "
               + name_names[static_cast<int>(target.name)] + (broken ? ", its connections break" : "") };
}

void
Network::heal()
{
  healed_ = true;
}

} // namespace failover::sim
