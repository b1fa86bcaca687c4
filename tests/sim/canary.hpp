// SPDX-License-Identifier: GPL-2.0-or-later
//
// Canaries: known faults, put between the destination and the world, that the
// invariants must find.  A simulator that does not find these would not find a
// defect of the module either.  Each stands for a mistake it could make; to the
// world it is one.
#pragma once

#include "config.hpp"

#include <span>

namespace failover::sim {

enum class Fault
{
  none,
  // which server, and when
  reuse_number,
  keep_old_connection,
  forget_attempt_deadline,
  forget_probe_deadline,
  long_attempts,
  one_probe_too_few,
  one_probe_too_many,
  skip_server,
  forget_switch,
  forget_probes,
  probe_without_failback,
  no_wait,
  forget_cancel,
  forget_close,
  swallow_event,
  long_wait,
  rare_probes,
  next_address_late,
  eager_probes,
  break_before_make,
  probe_without_tls,
  use_without_tls,
  tls_in_every_probe,
  name_of_primary,
  notice_late,
  wait_for_dead_peer,
  believe_late_answer,
  stale_addresses,
  wait_after_each,
  drains_only,
  answers_early,
  passes_over_nothing,
  forget_checks,
  eager_checks,
  tell_checks_twice,
  never_end_checks,
  // what becomes of the messages
  early_confirmation,
  never_partial,
  blind_clock,
  blind_to_widening,
  no_first_sample,
  blind_to_edge,
  blind_to_own_network,
  blind_to_reading,
  deaf,
  generous,
  no_grace,
  short_grace,
  impatient,
  other_bytes,
  carries_half_over,
  shuts_down,
  cuts_drain_short,
  stays_quiet,
  orderly_end,
  forget_waiting,
  // what a reliable queue is acknowledged
  queue_at_acceptance,
  queue_one_more,
  queue_in_any_order,
  queue_hoards,
  queue_blind_to_skipped,
  queue_rewound_at_reload,
  queue_not_rewound,
};

struct Canary
{
  const char *name;
  Fault fault;
  const char *found_by; // the invariant that must find it
  const char *what;
};

std::span<const Canary> all_canaries();

// The configuration that a destination with this fault works with.
Config misread(const Config &config, Fault fault);

} // namespace failover::sim
