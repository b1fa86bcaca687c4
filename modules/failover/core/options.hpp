// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// What the user wrote inside failover(): takes names and values as text, checks
// them against one table, words the errors.  Owned by the destination's plugin,
// main thread.
#pragma once

#include "server.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace failover {

struct Settings
{
  std::vector<ServerSpec> servers;
  bool failback = false;
  int64_t probe_interval_ms = 60'000;
  uint32_t probes_required = 3;
  std::optional<int64_t> switch_delay_ms; // absent: time-reopen()
  int64_t connect_timeout_ms = 10'000;
  int64_t dead_peer_timeout_ms = 30'000; // 0: the kernel's own
  int64_t standby_probe_interval_ms = 0; // 0: servers that are not in use are not checked
  bool resend = true;
  int64_t resend_grace_ms = 500;
  std::size_t resend_buffer_size = std::size_t{ 16 } << 20;
};

class Options
{
public:
  // Each returns false for a refusal, worded in error().
  bool open(std::string_view name);
  bool add_server(std::string_view text);
  bool set(std::string_view group, std::string_view name, std::string_view value);
  bool close(std::string_view name);
  bool complete();
  bool check_primary(std::string_view host, uint16_t port);

  const std::string &error() const { return error_; }
  const Settings &settings() const { return settings_; }

private:
  bool refuse(std::string message);
  bool refuse_twice(std::string_view name);

  Settings settings_;
  std::set<std::string> given_;
  std::string error_;
};

} // namespace failover
