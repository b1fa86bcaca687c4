// SPDX-License-Identifier: GPL-2.0-or-later
//
// One connection, drawn from the seed: the path, both kernels, and the process that
// reads.  Plain values.
#pragma once

#include "config.hpp"
#include "prng.hpp"

#include <cstdint>
#include <string>

namespace failover::sim {

struct LinkConfig
{
  int64_t latency_ms = 0; // one way
  int64_t ack_delay_ms = 0;
  uint32_t send_buffer = 0;
  uint32_t receive_buffer = 0;
  uint32_t first_window = 0;   // of the receive buffer
  uint32_t widens_by = 0;      // with each segment, read or not, until the window is all that is free
  uint32_t counts_percent = 0; // so much of the buffer an unread byte takes, as its kernel counts
  uint32_t window_step = 0;    // windows are multiples of
  uint32_t segment = 0;        // at the most
  uint32_t short_write_percent = 0;
  int64_t read_every_ms = 0;
  uint32_t read_bytes = 0;  // at once
  int64_t passes_on_ms = 0; // a load balancer: later its server has what was read; 0: it is the server

  std::string text() const;
};

LinkConfig draw_link(const Config &config, const Surroundings &surroundings, Prng &random);

// A process that reads all there is, soon.
void make_fast(LinkConfig &link);

} // namespace failover::sim
