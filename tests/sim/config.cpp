// SPDX-License-Identifier: GPL-2.0-or-later
//
// See config.hpp.
#include "config.hpp"

#include <algorithm>

namespace failover::sim {

namespace {

// Some hosts are listed with two ports: they are two servers.
ServerName
draw_server(Prng &random)
{
  return { "s" + std::to_string(random.below(Config::most_hosts)),
           random.chance(80) ? Config::default_port : uint16_t{ 601 } };
}

void
add_server(Config &config, Prng &random)
{
  for (int tries = 0; tries < 20 && config.servers.size() <= Config::most_servers; tries++)
    {
      ServerName server = draw_server(random);
      if (!config.position(server))
        {
          config.servers.push_back(server);
          return;
        }
    }
}

void
draw_times(Config &config, Prng &random)
{
  config.time_reopen_ms =
      random.chance(50) ? random.between(1, 60) * 1000 : random.log_between(1'000, 60'000);
  config.switch_delay_ms.reset();
  if (random.chance(60))
    config.switch_delay_ms = random.chance(40) ? 0 : random.log_between(1, 10'000);
  // longer than a healthy network takes, see Network::healed_latency_ms
  config.connect_timeout_ms =
      random.chance(40) ? Config().connect_timeout_ms : random.log_between(200, 30'000);
  config.dead_peer_timeout_ms = random.chance(40)   ? Config().dead_peer_timeout_ms
                                : random.chance(30) ? 0
                                                    : random.log_between(50, 60'000);
}

void
draw_failback(Config &config, Prng &random)
{
  config.failback = random.chance(65);
  config.probe_interval_ms = random.log_between(100, 120'000);
  config.probes_required = static_cast<uint32_t>(random.between(1, 5));
}

} // namespace

int64_t
Config::longest_wait_ms() const
{
  return std::max(time_reopen_ms + time_reopen_ms / 10, effective_switch_delay_ms());
}

std::optional<std::size_t>
Config::position(const ServerName &server) const
{
  auto found = std::find(servers.begin(), servers.end(), server);
  if (found == servers.end())
    return std::nullopt;
  return found - servers.begin();
}

std::string
Config::text() const
{
  std::string result = (tls ? "TLS, primary " : "primary ") + servers.front().text() + ", servers";
  for (std::size_t i = 1; i < servers.size(); i++)
    result += " " + servers[i].text();
  result += ", time-reopen " + std::to_string(time_reopen_ms) + " ms, switch-delay "
            + std::to_string(effective_switch_delay_ms()) + " ms";
  result += ", connect-timeout " + std::to_string(connect_timeout_ms) + " ms, dead-peer-timeout "
            + std::to_string(dead_peer_timeout_ms) + " ms";
  if (failback)
    result += ", failback: " + std::to_string(probes_required) + " probes every "
              + std::to_string(probe_interval_ms) + " ms";
  return result;
}

Config
draw_config(Prng &random)
{
  Config config;
  for (int64_t count = random.between(2, Config::most_servers + 1); count > 0; count--)
    add_server(config, random);
  while (config.servers.size() < 2)
    add_server(config, random);
  draw_times(config, random);
  draw_failback(config, random);
  config.tls = random.chance(60);
  return config;
}

Config
draw_change(const Config &config, Prng &random)
{
  Config changed = config;
  switch (random.below(12))
    {
    case 0:
      add_server(changed, random);
      break;
    case 1:
      if (changed.servers.size() > 2)
        changed.servers.erase(changed.servers.begin() + random.between(1, changed.servers.size() - 1));
      break;
    case 2:
      std::swap(changed.servers[random.below(changed.servers.size())],
                changed.servers[random.below(changed.servers.size())]);
      break;
    case 3:
      if (ServerName primary = draw_server(random); !changed.position(primary))
        changed.servers.front() = primary;
      break;
    case 4:
      draw_times(changed, random);
      break;
    case 5:
      draw_failback(changed, random);
      break;
    default:
      break;
    }
  return changed;
}

} // namespace failover::sim
