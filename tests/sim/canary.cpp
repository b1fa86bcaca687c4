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
  { "drains-only", Fault::drains_only, "steered", "takes maint for drain" },
  { "answers-early", Fault::answers_early, "steered", "says that a server is drained when it is not" },
  { "passes-over-nothing", Fault::passes_over_nothing, "rotation",
    "does not ask whether a server is known to be down" },
  { "forget-checks", Fault::forget_checks, "standby_probes", "never checks the servers that are not in use" },
  { "eager-checks", Fault::eager_checks, "standby_probes", "checks servers thrice as often as configured" },
  { "tell-checks-twice", Fault::tell_checks_twice, "standby_probes",
    "tells that a server works though nothing has changed" },
  { "never-end-checks", Fault::never_end_checks, "standby_probes",
    "goes on with the check of a server that it takes into use" },
  { "early-confirmation", Fault::early_confirmation, "confirmed_rightly", "confirms one message too early" },
  { "never-partial", Fault::never_partial, "confirmed_rightly",
    "takes a partly written message for a whole one" },
  { "blind-clock", Fault::blind_clock, "nothing_lost", "lets the grace run whatever the window is" },
  { "blind-to-widening", Fault::blind_to_widening, "nothing_lost",
    "takes a window that widens for a receiver that reads" },
  { "no-first-sample", Fault::no_first_sample, "nothing_lost",
    "does not ask for the window before the first message" },
  { "blind-to-edge", Fault::blind_to_edge, "dead_is_given_up",
    "watches a peer by its window instead of its edge" },
  { "blind-to-own-network", Fault::blind_to_own_network, "dead_is_given_up",
    "takes a network of our own that fails for a window that is full" },
  { "blind-to-reading", Fault::blind_to_reading, "slow_is_not_dead", "never sees the edge of a window move" },
  { "deaf", Fault::deaf, "keeps_going", "never hears of an acknowledgement" },
  { "generous", Fault::generous, "buffer_bounded", "has a buffer of twice the size" },
  { "no-grace", Fault::no_grace, "confirmed_rightly", "confirms what is acknowledged" },
  { "impatient", Fault::impatient, "slow_is_not_dead", "gives up a peer that is slow" },
  { "other-bytes", Fault::other_bytes, "whole_messages", "writes what is sent again cut short" },
  { "carries-half-over", Fault::carries_half_over, "whole_messages",
    "writes the rest of a half message on the next connection" },
  { "shuts-down", Fault::shuts_down, "clean_return", "shuts a connection down before it is drained" },
  { "stays-quiet", Fault::stays_quiet, "keeps_going", "does not resume after the end of a message" },
  { "short-grace", Fault::short_grace, "nothing_lost", "confirms after half of the grace" },
  { "cuts-drain-short", Fault::cuts_drain_short, "clean_return",
    "takes a connection that is drained for ended when it looks again" },
  { "orderly-end", Fault::orderly_end, "nothing_lost", "goes on with the grace after a FIN" },
  { "forget-waiting", Fault::forget_waiting, "nothing_lost", "drops what waits at a reload" },
  { "queue-at-acceptance", Fault::queue_at_acceptance, "reliable_queue",
    "acknowledges to the queue what it accepts, as syslog-ng does" },
  { "queue-one-more", Fault::queue_one_more, "reliable_queue",
    "acknowledges one more to the queue than is confirmed" },
  { "queue-in-any-order", Fault::queue_in_any_order, "reliable_queue",
    "acknowledges to the queue as many as are confirmed, whichever they are" },
  { "queue-hoards", Fault::queue_hoards, "reliable_queue", "does not see that the queue has no room" },
  { "queue-blind-to-skipped", Fault::queue_blind_to_skipped, "reliable_queue",
    "does not count what was taken out of the queue and not posted" },
  { "queue-rewound-at-reload", Fault::queue_rewound_at_reload, "reliable_queue",
    "lets a reload rewind the queue" },
  { "queue-not-rewound", Fault::queue_not_rewound, "nothing_lost", "does not rewind the queue at a start" },
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
  if (fault == Fault::passes_over_nothing)
    result.standby_interval_ms = 0;
  if (fault == Fault::eager_checks && result.standby_interval_ms > 0)
    result.standby_interval_ms = std::max<int64_t>(result.standby_interval_ms / 3, 1);
  if (fault == Fault::generous)
    result.buffer_limit *= 2;
  if (fault == Fault::no_grace)
    result.grace_ms = 0;
  if (fault == Fault::short_grace)
    result.grace_ms /= 2;
  if (fault == Fault::impatient)
    result.dead_peer_timeout_ms = 1;
  return result;
}

} // namespace failover::sim
