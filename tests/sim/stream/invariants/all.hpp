// SPDX-License-Identifier: GPL-2.0-or-later
//
// The invariants, one file each; the exit codes of failover_stream_sim are theirs.
#pragma once

#include "stream/invariant.hpp"

namespace failover::sim::stream {

std::unique_ptr<Invariant> nothing_lost();       // 40
std::unique_ptr<Invariant> whole_messages();     // 41
std::unique_ptr<Invariant> in_order();           // 42
std::unique_ptr<Invariant> doubled_with_cause(); // 43
std::unique_ptr<Invariant> confirmed_rightly();  // 44
std::unique_ptr<Invariant> buffer_bounded();     // 45
std::unique_ptr<Invariant> nothing_kept();       // 46
std::unique_ptr<Invariant> clean_return();       // 47
std::unique_ptr<Invariant> keeps_going();        // 48
std::unique_ptr<Invariant> truthful_state();     // 49
std::unique_ptr<Invariant> slow_is_not_dead();   // 50
std::unique_ptr<Invariant> dead_is_given_up();   // 51

} // namespace failover::sim::stream
