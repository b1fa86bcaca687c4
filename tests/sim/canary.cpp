// SPDX-License-Identifier: GPL-2.0-or-later
//
// See canary.hpp.
#include "canary.hpp"

#include <algorithm>

namespace failover::sim {

namespace {

constexpr Canary canaries[] = {
  { "reuse-number", Fault::reuse_number, "host_contract", "gives every tenth connection a number again" },
  { "name-of-primary", Fault::name_of_primary, "host_contract",
    "checks the certificate of every server against the primary's name" },
  { "stale-addresses", Fault::stale_addresses, "host_contract",
    "connects to the addresses of the look-up before" },
  { "keep-old-connection", Fault::keep_old_connection, "one_connection",
    "does not close the connection to a server that a reload removed" },
  { "forget-attempt-deadline", Fault::forget_attempt_deadline, "attempt_deadline", "sets no deadline" },
  { "forget-probe-deadline", Fault::forget_probe_deadline, "attempt_deadline",
    "sets no deadline for probes" },
  { "long-attempts", Fault::long_attempts, "attempt_deadline",
    "gives an attempt twice its connect-timeout()" },
  { "one-probe-too-few", Fault::one_probe_too_few, "failback_count", "counts one probe that was none" },
  { "one-probe-too-many", Fault::one_probe_too_many, "failback_count", "does not count the first probe" },
  { "skip-server", Fault::skip_server, "rotation", "reads the list of servers in another order" },
  { "forget-switch", Fault::forget_switch, "always_trying", "never tries the next server" },
  { "forget-probes", Fault::forget_probes, "always_trying", "never probes the primary" },
  { "probe-without-failback", Fault::probe_without_failback, "no_idle_work",
    "probes the primary though failback() was not asked for" },
  { "no-wait", Fault::no_wait, "no_hot_loop", "tries the next server at once, even after a round" },
  { "forget-cancel", Fault::forget_cancel, "nothing_after_stop", "cancels no timer" },
  { "forget-close", Fault::forget_close, "nothing_after_stop", "leaves connections in the making open" },
  { "swallow-event", Fault::swallow_event, "truthful_events", "does not tell every seventh event" },
  { "long-wait", Fault::long_wait, "converges", "waits two minutes longer than configured" },
  { "rare-probes", Fault::rare_probes, "goes_back", "probes three times as rarely as configured" },
  { "next-address-late", Fault::next_address_late, "every_address", "gives an address a second, not 250 ms" },
  { "eager-probes", Fault::eager_probes, "probe_pace", "probes twice as often as configured" },
  { "break-before-make", Fault::break_before_make, "no_flapping",
    "closes the connection in use before the last probe" },
  { "probe-without-tls", Fault::probe_without_tls, "no_flapping",
    "goes back to a primary that accepts TCP connections" },
  { "use-without-tls", Fault::use_without_tls, "right_purpose", "takes a TCP connection into use" },
  { "tls-in-every-probe", Fault::tls_in_every_probe, "right_purpose", "makes every probe ready for use" },
  { "notice-late", Fault::notice_late, "dead_peer", "gives a dead peer twice its dead-peer-timeout()" },
  { "wait-for-dead-peer", Fault::wait_for_dead_peer, "dead_peer",
    "hopes that a peer that was found dead comes back" },
  { "believe-late-answer", Fault::believe_late_answer, "late_answers",
    "takes the answer to a look-up that it gave up for that to the next one" },
  { "wait-after-each", Fault::wait_after_each, "living_server",
    "waits time-reopen() after each failure, not once a round" },
};

} // namespace

std::span<const Canary>
all_canaries()
{
  return canaries;
}

Config
misread(const Config &config, Fault fault)
{
  Config result = config;
  if (fault == Fault::one_probe_too_few && result.probes_required > 1)
    result.probes_required--;
  if (fault == Fault::one_probe_too_many)
    result.probes_required++;
  if (fault == Fault::skip_server)
    std::reverse(result.servers.begin() + 1, result.servers.end());
  if (fault == Fault::probe_without_failback)
    result.failback = true;
  if (fault == Fault::long_attempts)
    result.connect_timeout_ms *= 2;
  if (fault == Fault::notice_late)
    result.dead_peer_timeout_ms *= 2;
  if (fault == Fault::rare_probes)
    result.probe_interval_ms *= 3;
  if (fault == Fault::eager_probes)
    result.probe_interval_ms /= 2;
  return result;
}

} // namespace failover::sim
