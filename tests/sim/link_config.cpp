// SPDX-License-Identifier: GPL-2.0-or-later
//
// See link_config.hpp.
#include "link_config.hpp"

#include <algorithm>

namespace failover::sim {

std::string
LinkConfig::text() const
{
  return std::to_string(latency_ms) + " ms away, send buffer " + std::to_string(send_buffer)
         + ", receive buffer " + std::to_string(receive_buffer) + ", at first a window of "
         + std::to_string(first_window) + ", reads "
         + (read_bytes == UINT32_MAX ? "all" : std::to_string(read_bytes) + " bytes") + " after "
         + std::to_string(read_every_ms) + " ms"
         + (passes_on_ms ? ", passes it on after " + std::to_string(passes_on_ms) + " ms" : "");
}

LinkConfig
draw_link(const Config &config, const Surroundings &surroundings, Prng &random)
{
  // large messages would take for ever through the smallest buffers
  const int64_t smallest = surroundings.scale > 1 ? 2'000 * int64_t{ surroundings.scale } : 300;
  const int64_t largest = 30'000 * int64_t{ surroundings.scale };
  LinkConfig link;
  link.latency_ms = random.log_between(0, 40);
  link.ack_delay_ms = random.chance(50) ? 0 : random.log_between(1, 40);
  link.send_buffer = static_cast<uint32_t>(random.log_between(smallest, largest));
  link.receive_buffer = static_cast<uint32_t>(random.log_between(std::max<int64_t>(smallest, 500), largest));
  link.first_window = random.chance(50) ? link.receive_buffer
                                        : static_cast<uint32_t>(random.log_between(500, link.receive_buffer));
  link.widens_by = static_cast<uint32_t>(random.log_between(1, 3'000));
  link.counts_percent = random.chance(50) ? 100 : static_cast<uint32_t>(random.between(75, 100));
  link.window_step = 1U << (random.chance(85) ? 0 : random.between(1, 7));
  link.segment = static_cast<uint32_t>(random.log_between(200, 4'000) * surroundings.scale);
  link.short_write_percent = random.chance(50) ? 0 : static_cast<uint32_t>(random.between(1, 60));
  if (random.chance(60))
    {
      make_fast(link);
      link.read_every_ms = random.chance(50) ? 0 : random.log_between(1, 5);
      // it acknowledges for a server that may be dead: within the grace it has to find out
      const int64_t most_ms = config.grace_ms - 2 * link.latency_ms - link.ack_delay_ms - 10;
      if (most_ms > 1 && random.chance(20))
        link.passes_on_ms = random.log_between(1, most_ms);
      return link;
    }
  // Slow, but what it leaves unread for longer than the grace shows in its
  // window: half a buffer is read within the grace.
  link.read_every_ms = random.between(1, 20);
  const int64_t within_ms = std::max<int64_t>(config.grace_ms - 2 * link.read_every_ms, 1);
  const int64_t reads = std::max<int64_t>(within_ms / link.read_every_ms, 1);
  const int64_t slowest = std::max<int64_t>(link.receive_buffer / 2 / reads + 1, 100);
  link.read_bytes = static_cast<uint32_t>(random.log_between(slowest, slowest * 8));
  // Linux shows two segments more with each, and is asked every 64 KiB: what is not shown is soon little
  link.first_window = std::max(link.first_window, link.receive_buffer / 2);
  return link;
}

void
make_fast(LinkConfig &link)
{
  link.read_every_ms = 0;
  link.read_bytes = UINT32_MAX;
}

} // namespace failover::sim
