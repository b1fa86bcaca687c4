// SPDX-License-Identifier: GPL-2.0-or-later
//
// Canaries: known faults of the stream's host that the invariants must find, see
// ../canary.hpp.  The stream itself is the one that ships.
#pragma once

#include <span>

namespace failover::sim::stream {

enum class Fault
{
  none,
  // what the stream is told of the world
  early_confirmation,
  never_partial,
  blind_clock,
  blind_to_widening,
  no_first_sample,
  deaf,
  // what it is set to
  generous,
  no_grace,
  impatient,
  // what the host does
  other_bytes,
  carries_half_over,
  shuts_down,
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
