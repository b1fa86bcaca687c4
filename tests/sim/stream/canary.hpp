// SPDX-License-Identifier: GPL-2.0-or-later
//
// Canaries: known faults of the buffer or of its host that the invariants must
// find, see ../canary.hpp.
#pragma once

#include <span>

namespace failover::sim::stream {

enum class Fault
{
  none,
  // the buffer
  early_confirmation,
  never_partial,
  blind_clock,
  blind_to_widening,
  deaf,
  generous,
  cuts_without_need,
  other_bytes,
  // the host
  new_ones_first,
  no_first_sample,
  posts_what_is_not_kept,
  never_forgets,
  loses_leftovers,
  drain_forgets_partial,
  drain_without_grace,
  impatient,
  carries_half_over,
  stays_quiet,
};

struct Canary
{
  const char *name;
  Fault fault;
  const char *found_by; // the invariant that must find it
  const char *what;
};

std::span<const Canary> all_canaries();

} // namespace failover::sim::stream
