// SPDX-License-Identifier: GPL-2.0-or-later
//
// A destination with failover() as the user may write it, and what the world around it
// is like, drawn from the seed.  Plain values.
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

enum class Tls
{
  none,
  aead, // adds the same to each record
  cbc,  // pads each record to whole blocks
};

// What does not change in a world, however often the configuration does.
struct Surroundings
{
  // Seconds with many messages, or minutes in which servers come and go.
  bool is_short = false;
  // A steady stream and few faults: receivers show that they keep up before something happens.
  bool is_calm = false;

  bool framed = false; // octet counting, otherwise each message ends with a newline
  uint32_t messages = 0;
  uint32_t shortest = 0;
  uint32_t longest = 0;
  uint32_t over_limit_percent = 0; // of the messages are larger than the buffer
  uint32_t most_in_burst = 0;
  int64_t burst_every_ms = 0; // on average
  uint32_t scale = 1;         // of the buffers of both kernels

  // The file of a reliable disk queue, if the LogWriter has one; 0: its queue is in memory.
  // With less free than what is reserved its sources wait for acknowledgements.
  uint64_t queue_bytes = 0;
  uint64_t queue_reserved = 0;
  uint32_t empty_percent = 0; // of what is in it renders empty: it is taken out and not posted

  int64_t longest_job_ms = 0;     // of the LogWriter
  int64_t hand_over_limit_ms = 0; // sooner than it was asked for: shorter ones meet more
  int64_t longest_timeout_ms = 0; // until our kernel gives up a connection that was cut

  int64_t disturb_every_ms = 0; // servers, names, the configuration
  int64_t fault_every_ms = 0;   // one connection
  int64_t faults_for_ms = 0;

  std::string text() const;
};

struct Config
{
  static constexpr uint16_t default_port = 514;
  static constexpr std::size_t most_servers = 6; // in servers(), so one more with the primary
  static constexpr std::size_t most_hosts = 8;   // in the world, listed or not
  static constexpr std::size_t smallest_buffer = std::size_t{ 64 } << 10;

  std::vector<ServerName> servers; // the primary first
  int64_t time_reopen_ms = 60'000;
  std::optional<int64_t> switch_delay_ms;
  bool failback = false;
  int64_t probe_interval_ms = 60'000;
  uint32_t probes_required = 3;
  int64_t standby_interval_ms = 0; // 0: servers that are not in use are not checked
  int64_t connect_timeout_ms = 10'000;
  int64_t dead_peer_timeout_ms = 30'000; // 0: the kernel's own
  bool resend = true;
  int64_t grace_ms = 500;
  std::size_t buffer_limit = std::size_t{ 16 } << 20;
  uint32_t throttle = 0;
  Tls tls = Tls::none;

  int64_t effective_switch_delay_ms() const { return switch_delay_ms.value_or(time_reopen_ms); }
  int64_t longest_wait_ms() const;
  int64_t longest_probe_interval_ms() const { return probe_interval_ms + probe_interval_ms / 10; }
  // Between two checks of a server, or from when it is not in use any more.
  int64_t longest_standby_interval_ms() const;
  std::optional<std::size_t> position(const ServerName &server) const;
  std::string text() const;
};

Surroundings draw_surroundings(Prng &random);
Config draw_config(const Surroundings &surroundings, Prng &random);

// What an administrator does before a reload, often nothing.
Config draw_change(const Config &config, const Surroundings &surroundings, Prng &random);

} // namespace failover::sim
