// SPDX-License-Identifier: GPL-2.0-or-later
//
// See config.hpp.
#include "config.hpp"

#include "failover-status.h"
#include "queue.hpp"

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

// Of a peer that is well, and until it is looked for.
constexpr int64_t longest_answer_ms = 300;

void
draw_dead_peer_timeout(Config &config, const Surroundings &surroundings, Prng &random)
{
  int64_t &timeout_ms = config.dead_peer_timeout_ms;
  if (surroundings.is_calm)
    timeout_ms = random.log_between(1'000, 3'000);
  else if (surroundings.is_short)
    timeout_ms =
        random.chance(20) ? 0 : random.log_between(random.chance(70) ? 2'000 : longest_answer_ms, 30'000);
  else if (random.chance(40))
    timeout_ms = Config().dead_peer_timeout_ms;
  else
    timeout_ms = random.chance(20) ? 0 : random.log_between(longest_answer_ms, 60'000);
}

void
draw_times(Config &config, const Surroundings &surroundings, Prng &random)
{
  config.time_reopen_ms = surroundings.is_short ? random.log_between(1'000, 4'000)
                          : random.chance(50)   ? random.between(1, 60) * 1000
                                                : random.log_between(1'000, 60'000);
  config.switch_delay_ms.reset();
  if (random.chance(surroundings.is_short ? 95 : 60))
    config.switch_delay_ms =
        random.chance(40) ? 0 : random.log_between(1, surroundings.is_short ? 300 : 10'000);
  // longer than a healthy network takes, see Network::healed_latency_ms
  config.connect_timeout_ms =
      random.chance(40) ? Config().connect_timeout_ms : random.log_between(200, 30'000);
  draw_dead_peer_timeout(config, surroundings, random);
}

void
draw_failback(Config &config, const Surroundings &surroundings, Prng &random)
{
  config.failback = random.chance(65);
  config.probe_interval_ms = random.log_between(100, surroundings.is_short ? 1'000 : 120'000);
  config.probes_required = static_cast<uint32_t>(random.between(1, surroundings.is_short ? 2 : 5));
}

void
draw_standby_probes(Config &config, const Surroundings &surroundings, Prng &random)
{
  const bool is_short = surroundings.is_short;
  config.standby_interval_ms =
      random.chance(65) ? 0 : random.log_between(is_short ? 1'500 : 20'000, is_short ? 20'000 : 3'600'000);
}

void
draw_resend(Config &config, const Surroundings &surroundings, Prng &random)
{
  // without it a reliable queue is syslog-ng's own affair
  config.resend = random.chance(surroundings.is_short ? 95 : 60) || surroundings.queue_bytes > 0;
  config.grace_ms = random.chance(10) ? 0 : random.log_between(20, 2'000);
  // often far too small, so that the grace has to yield
  config.buffer_limit = static_cast<std::size_t>(
      random.log_between(Config::smallest_buffer, 10 * int64_t{ Config::smallest_buffer }));
  config.throttle = random.chance(90) ? 0 : static_cast<uint32_t>(random.between(100, 2'000));
}

void
draw_messages(Surroundings &surroundings, Prng &random)
{
  surroundings.framed = random.chance(50);
  surroundings.shortest = static_cast<uint32_t>(random.between(5, 40));
  surroundings.longest = surroundings.shortest + static_cast<uint32_t>(random.log_between(0, 800));
  surroundings.most_in_burst = static_cast<uint32_t>(random.log_between(1, 150));
  surroundings.messages =
      static_cast<uint32_t>(surroundings.is_short ? random.log_between(20, 600) : random.log_between(1, 120));
  if (!random.chance(surroundings.is_short ? 25 : 5))
    return;
  // as much as the smallest buffer, and kernels that take as much
  surroundings.scale = static_cast<uint32_t>(random.between(2, 8));
  surroundings.messages = std::min(surroundings.messages, 200U);
  surroundings.shortest *= surroundings.scale * 4;
  surroundings.longest *= surroundings.scale * 4;
  surroundings.over_limit_percent = random.chance(30) ? 2 : 0;
}

// Mostly with room for all, sometimes far too small.
void
draw_queue(Surroundings &surroundings, Prng &random)
{
  if (!random.chance(30))
    return;
  const int64_t all = int64_t{ surroundings.messages } * (surroundings.longest + ReliableQueue::overhead);
  surroundings.queue_bytes =
      ReliableQueue::header
      + static_cast<uint64_t>(random.chance(60) ? 4 * all : random.log_between(all / 4, 4 * all));
  static constexpr uint32_t reserved_percents[] = { 0, 12, 12, 50, 200 };
  surroundings.queue_reserved = surroundings.queue_bytes * reserved_percents[random.below(5)] / 100;
  surroundings.empty_percent = random.chance(50) ? 0 : static_cast<uint32_t>(random.between(1, 20));
}

void
calm(Surroundings &surroundings, Prng &random)
{
  surroundings.is_calm = true;
  surroundings.messages = static_cast<uint32_t>(random.between(800, 1'500));
  surroundings.most_in_burst = static_cast<uint32_t>(random.between(1, 5));
  surroundings.disturb_every_ms = random.between(5'000, 20'000);
  surroundings.fault_every_ms = random.between(2'000, 5'000);
  surroundings.faults_for_ms = random.between(8'000, 20'000);
}

} // namespace

int64_t
Config::longest_wait_ms() const
{
  return std::max(time_reopen_ms + time_reopen_ms / 10, effective_switch_delay_ms());
}

// One round after the other, and each check may take its time.
int64_t
Config::longest_standby_interval_ms() const
{
  const int64_t check_ms = connect_timeout_ms + FAILOVER_CHECK_OPEN_MS;
  return standby_interval_ms + standby_interval_ms / 10 + 2 * static_cast<int64_t>(servers.size()) * check_ms;
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
  static constexpr const char *tls_names[] = { "TCP", "TLS", "TLS with CBC" };
  std::string result = tls_names[static_cast<int>(tls)];
  result += ", primary " + servers.front().text() + ", servers";
  for (std::size_t i = 1; i < servers.size(); i++)
    result += " " + servers[i].text();
  result += ", time-reopen " + std::to_string(time_reopen_ms) + " ms, switch-delay "
            + std::to_string(effective_switch_delay_ms()) + " ms";
  result += ", connect-timeout " + std::to_string(connect_timeout_ms) + " ms, dead-peer-timeout "
            + std::to_string(dead_peer_timeout_ms) + " ms";
  if (failback)
    result += ", failback: " + std::to_string(probes_required) + " probes every "
              + std::to_string(probe_interval_ms) + " ms";
  if (standby_interval_ms > 0)
    result += ", standby probes every " + std::to_string(standby_interval_ms) + " ms";
  if (!resend)
    return result + ", no resend";
  result += ", resend-grace " + std::to_string(grace_ms) + " ms, resend-buffer-size "
            + std::to_string(buffer_limit);
  if (throttle)
    result += ", throttle " + std::to_string(throttle);
  return result;
}

std::string
Surroundings::text() const
{
  return std::to_string(messages) + " messages of " + std::to_string(shortest) + " to "
         + std::to_string(longest) + " bytes, " + (framed ? "octet counted" : "with a newline") + ", at most "
         + std::to_string(most_in_burst) + " about every " + std::to_string(burst_every_ms)
         + " ms; faults for " + std::to_string(faults_for_ms) + " ms"
         + (queue_bytes > 0 ? "; a reliable queue of " + std::to_string(queue_bytes) + " bytes, reserved "
                                  + std::to_string(queue_reserved)
                            : "");
}

Surroundings
draw_surroundings(Prng &random)
{
  Surroundings surroundings;
  surroundings.is_short = random.chance(75);
  draw_messages(surroundings, random);
  const bool is_short = surroundings.is_short;
  surroundings.longest_job_ms = random.chance(60) ? 0 : random.log_between(1, 100);
  surroundings.hand_over_limit_ms = random.log_between(50, 10'000);
  surroundings.longest_timeout_ms = is_short ? 4'000 : 30 * 60'000;
  // how often something happens, and what, differs from seed to seed
  surroundings.disturb_every_ms = is_short ? random.log_between(300, 10'000) : random.log_between(50, 60'000);
  surroundings.fault_every_ms = is_short ? random.log_between(10, 1'500) : random.log_between(100, 600'000);
  // enough to go through everything several times, few enough for hundreds of seeds a second
  surroundings.faults_for_ms = is_short ? random.log_between(500, 8'000) : random.between(1'000, 30 * 60'000);
  if (is_short && surroundings.scale == 1 && random.chance(10))
    calm(surroundings, random);
  draw_queue(surroundings, random);
  // they come as long as there are faults
  surroundings.burst_every_ms = std::max<int64_t>(
      surroundings.faults_for_ms * (surroundings.most_in_burst + 1) / 2 / surroundings.messages, 1);
  return surroundings;
}

Config
draw_config(const Surroundings &surroundings, Prng &random)
{
  Config config;
  for (int64_t count = random.between(2, Config::most_servers + 1); count > 0; count--)
    add_server(config, random);
  while (config.servers.size() < 2)
    add_server(config, random);
  draw_times(config, surroundings, random);
  draw_failback(config, surroundings, random);
  draw_standby_probes(config, surroundings, random);
  draw_resend(config, surroundings, random);
  config.tls = random.chance(40) ? Tls::none : random.chance(50) ? Tls::aead : Tls::cbc;
  return config;
}

Config
draw_change(const Config &config, const Surroundings &surroundings, Prng &random)
{
  Config changed = config;
  switch (random.below(14))
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
      draw_times(changed, surroundings, random);
      break;
    case 5:
      draw_failback(changed, surroundings, random);
      break;
    case 6:
      draw_resend(changed, surroundings, random);
      break;
    case 7:
      draw_standby_probes(changed, surroundings, random);
      break;
    default:
      break;
    }
  return changed;
}

} // namespace failover::sim
