// SPDX-License-Identifier: GPL-2.0-or-later
//
// A destination with failover() as the user may write it, drawn from the seed.
// Plain values.
#pragma once

#include "prng.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace failover::sim {

struct ServerName
{
  std::string host;
  uint16_t port = 0;

  bool operator==(const ServerName &other) const { return host == other.host && port == other.port; }
  std::string text() const { return host + ":" + std::to_string(port); }
};

struct Config
{
  static constexpr uint16_t default_port = 514;
  static constexpr std::size_t most_servers = 6; // in servers(), so one more with the primary
  static constexpr std::size_t most_hosts = 8;   // in the world, listed or not

  std::vector<ServerName> servers; // the primary first
  int64_t time_reopen_ms = 60'000;
  std::optional<int64_t> switch_delay_ms;
  bool failback = false;
  int64_t probe_interval_ms = 60'000;
  uint32_t probes_required = 3;
  int64_t connect_timeout_ms = 10'000;
  int64_t dead_peer_timeout_ms = 30'000; // 0: the kernel's own
  bool tls = false;

  int64_t effective_switch_delay_ms() const { return switch_delay_ms.value_or(time_reopen_ms); }
  int64_t longest_wait_ms() const;
  int64_t longest_probe_interval_ms() const { return probe_interval_ms + probe_interval_ms / 10; }
  std::optional<std::size_t> position(const ServerName &server) const;
  std::string text() const;
};

Config draw_config(Prng &random);

// What an administrator does before a reload, often nothing.
Config draw_change(const Config &config, Prng &random);

} // namespace failover::sim
