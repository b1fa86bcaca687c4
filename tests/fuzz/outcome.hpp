// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the options come to: all that can be read of them through the C ABI,
// from getters and from what a destination asks its host for.
#pragma once

#include "failover.h"

#include <memory>
#include <string>
#include <string_view>

namespace failover::fuzz {

struct FreeOptions
{
  void operator()(failover_options *options) const { failover_options_free(options); }
};
using Options = std::unique_ptr<failover_options, FreeOptions>;

Options new_options();

struct Outcome
{
  // the first server of servers(), as it is looked up and as events name it
  std::string host;
  uint16_t port = 0;
  std::string name;

  int64_t probe_interval_ms = 0;
  int64_t probes_required = 0;
  int64_t switch_delay_ms = 0; // time_reopen_ms if not given
  int64_t connect_timeout_ms = 0;
  int64_t dead_peer_timeout_ms = 0;
  int64_t standby_probe_interval_ms = 0;
  int64_t resend = 0;
  int64_t resend_grace_ms = 0;
  int64_t resend_buffer_size = 0;

  bool operator==(const Outcome &) const = default;
};

constexpr int64_t time_reopen_ms = 60'000;
constexpr uint16_t default_port = 514;
// cannot be written in servers(), so no input is the primary itself
constexpr std::string_view primary = "the primary";

// `options` must be complete, with failback(); it is not changed.
Outcome outcome_of(const failover_options *options);

} // namespace failover::fuzz
