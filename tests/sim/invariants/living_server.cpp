// SPDX-License-Identifier: GPL-2.0-or-later
//
// While others fail, a server that is well is found within
//
//   n * connect_timeout + (n - 1) * switch_delay + time_reopen with its jitter + well_latency
//
// for n servers, and with standby probes the time of a round of these: each of them costs its
// connect-timeout() once a round, whatever it dies of.  It counts from when the server is well and nothing is
// in use.  What the engine cannot help begins it anew: a reload, a connection that syslog-ng does not take, a
// leap of the clock.
#include "all.hpp"
#include "network.hpp"

#include <algorithm>

namespace failover::sim {

namespace {

class LivingServer final : public Invariant
{
public:
  const char *name() const override { return "living_server"; }
  int exit_code() const override { return 28; }
  const char *rule() const override { return "a server that is well is found within one round"; }

  void hand_over(const Books &, uint64_t, bool) override { idle_since_ms_.reset(); }
  void hand_over_completes(const Books &, uint64_t, bool) override { idle_since_ms_.reset(); }
  void sleeps(const Books &) override { idle_since_ms_.reset(); }

  void returned(const Books &books) override
  {
    if (books.in_use || !books.running || books.call.kind == Call::Kind::start
        || books.call.kind == Call::Kind::steered)
      idle_since_ms_.reset();
  }

  void settled(const Books &books) override
  {
    if (books.in_use || !books.running)
      return;
    if (!idle_since_ms_)
      idle_since_ms_ = books.now_ms;
    for (const auto &[host, since_ms] : books.well_since_ms)
      if (is_usable(books, host)
          && books.now_ms >= std::max(since_ms, *idle_since_ms_) + bound_ms(books.config))
        fail(books, host + " is well, and nothing is in use for "
                        + std::to_string(books.now_ms - *idle_since_ms_) + " ms");
  }

private:
  static bool is_usable(const Books &books, const std::string &host)
  {
    const auto &servers = books.config.servers;
    return std::any_of(servers.begin(), servers.end(), [&](const ServerName &server) {
      return server.host == host && books.is_usable(server);
    });
  }

  static int64_t bound_ms(const Config &config)
  {
    const auto count = static_cast<int64_t>(config.servers.size());
    // it may pass for down until it is checked, and others for up then
    const int64_t known_ms = config.standby_interval_ms > 0 ? config.longest_standby_interval_ms() : 0;
    return known_ms + count * config.connect_timeout_ms + (count - 1) * config.effective_switch_delay_ms()
           + config.time_reopen_ms + config.time_reopen_ms / 10 + Network::well_latency_ms;
  }

  std::optional<int64_t> idle_since_ms_; // nothing is in use
};

} // namespace

std::unique_ptr<Invariant>
living_server()
{
  return std::make_unique<LivingServer>();
}

} // namespace failover::sim
