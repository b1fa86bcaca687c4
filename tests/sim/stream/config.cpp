// SPDX-License-Identifier: GPL-2.0-or-later
//
// See config.hpp.
#include "stream/config.hpp"

#include <algorithm>

namespace failover::sim::stream {

std::string
Config::text() const
{
  static constexpr const char *tls_names[] = { "TCP", "TLS", "TLS with CBC" };
  return std::string(framed ? "octet counted" : "newline") + " over " + tls_names[static_cast<int>(tls)]
         + ", resend-grace " + std::to_string(grace_ms) + " ms, resend-buffer-size "
         + std::to_string(buffer_limit) + ", dead-peer-timeout " + std::to_string(dead_peer_timeout_ms)
         + " ms, " + std::to_string(messages) + " messages of " + std::to_string(shortest) + " to "
         + std::to_string(longest) + " bytes, at most " + std::to_string(most_in_burst) + " about every "
         + std::to_string(burst_every_ms) + " ms";
}

Config
draw_config(Prng &random)
{
  Config config;
  config.grace_ms = random.chance(10) ? 0 : random.log_between(20, 2'000);
  // often far too small, so that the grace has to yield
  config.buffer_limit = static_cast<std::size_t>(random.log_between(500, 300'000));
  config.framed = random.chance(50);
  config.tls = static_cast<Tls>(random.below(3));

  config.messages = static_cast<uint32_t>(random.log_between(20, 1'500));
  config.shortest = static_cast<uint32_t>(random.between(5, 40));
  config.longest = config.shortest + static_cast<uint32_t>(random.log_between(0, 800));
  config.over_limit_percent = config.buffer_limit < 5'000 && random.chance(30) ? 2 : 0;
  config.most_in_burst = static_cast<uint32_t>(random.log_between(1, 150));

  config.hand_over_limit_ms = random.log_between(50, 10'000);
  config.dead_peer_timeout_ms = random.chance(15) ? 0 : random.log_between(2'000, 30'000);

  config.fault_every_ms = random.log_between(10, 1'500);
  config.faults_for_ms = random.log_between(500, 8'000);
  // they come as long as there are faults
  config.burst_every_ms =
      std::max<int64_t>(config.faults_for_ms * (config.most_in_burst + 1) / 2 / config.messages, 1);
  return config;
}

LinkConfig
draw_link(const Config &config, Prng &random)
{
  LinkConfig link;
  link.latency_ms = random.log_between(0, 40);
  link.ack_delay_ms = random.chance(50) ? 0 : random.log_between(1, 40);
  link.send_buffer = static_cast<uint32_t>(random.log_between(300, 30'000));
  link.receive_buffer = static_cast<uint32_t>(random.log_between(500, 30'000));
  link.first_window = random.chance(50) ? link.receive_buffer
                                        : static_cast<uint32_t>(random.log_between(500, link.receive_buffer));
  link.widens_by = static_cast<uint32_t>(random.log_between(1, 3'000));
  link.segment = static_cast<uint32_t>(random.log_between(200, 4'000));
  link.short_write_percent = random.chance(50) ? 0 : static_cast<uint32_t>(random.between(1, 60));
  if (random.chance(60))
    {
      make_fast(link);
      link.read_every_ms = random.chance(50) ? 0 : random.log_between(1, 5);
      return link;
    }
  // Slow, but what it leaves unread for longer than the grace shows in its
  // window: half a buffer is read within the grace.
  link.read_every_ms = random.between(1, 20);
  const int64_t within_ms = std::max<int64_t>(config.grace_ms - 2 * link.read_every_ms, 1);
  const int64_t reads = std::max<int64_t>(within_ms / link.read_every_ms, 1);
  const int64_t slowest = std::max<int64_t>(link.receive_buffer / 2 / reads + 1, 100);
  link.read_bytes = static_cast<uint32_t>(random.log_between(slowest, slowest * 8));
  return link;
}

void
make_fast(LinkConfig &link)
{
  link.read_every_ms = 0;
  link.read_bytes = UINT32_MAX;
}

} // namespace failover::sim::stream
