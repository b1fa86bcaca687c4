// SPDX-License-Identifier: GPL-2.0-or-later
//
// A destination, its messages, and the connections it gets, drawn from the seed.
// Plain values.
#pragma once

#include "prng.hpp"

#include <cstdint>
#include <string>

namespace failover::sim::stream {

enum class Tls
{
  none,
  aead, // adds the same to each record
  cbc,  // pads each record to whole blocks
};

struct Config
{
  int64_t grace_ms = 500;
  std::size_t buffer_limit = 16 * 1024 * 1024;
  bool framed = false; // octet counting, otherwise each message ends with a newline
  Tls tls = Tls::none;

  uint32_t messages = 0;
  uint32_t shortest = 0;
  uint32_t longest = 0;
  uint32_t over_limit_percent = 0; // of the messages are larger than the buffer
  uint32_t most_in_burst = 0;
  int64_t burst_every_ms = 0; // on average

  int64_t dead_peer_timeout_ms = 30'000; // 0: none
  int64_t hand_over_limit_ms = 10'000;   // as in lib-shim; shorter ones meet more

  int64_t fault_every_ms = 0;
  int64_t faults_for_ms = 0;

  std::string text() const;
};

// One connection: the path, both kernels, and the process that reads.
struct LinkConfig
{
  int64_t latency_ms = 0; // one way
  int64_t ack_delay_ms = 0;
  uint32_t send_buffer = 0;
  uint32_t receive_buffer = 0;
  uint32_t first_window = 0; // of the receive buffer
  uint32_t widens_by = 0;    // with each segment, read or not, until the window is all that is free
  uint32_t segment = 0;      // at the most
  uint32_t short_write_percent = 0;
  int64_t read_every_ms = 0;
  uint32_t read_bytes = 0; // at once
};

Config draw_config(Prng &random);
LinkConfig draw_link(const Config &config, Prng &random);

// A process that reads all there is, soon.
void make_fast(LinkConfig &link);

} // namespace failover::sim::stream
