// SPDX-License-Identifier: GPL-2.0-or-later
//
// The invariants, one file each; the exit codes of failover_sim are theirs.
#pragma once

#include "invariant.hpp"

namespace failover::sim {

std::unique_ptr<Invariant> host_contract();      // 10
std::unique_ptr<Invariant> one_connection();     // 11
std::unique_ptr<Invariant> attempt_deadline();   // 12
std::unique_ptr<Invariant> failback_count();     // 13
std::unique_ptr<Invariant> rotation();           // 14
std::unique_ptr<Invariant> always_trying();      // 15
std::unique_ptr<Invariant> no_idle_work();       // 16
std::unique_ptr<Invariant> no_hot_loop();        // 17
std::unique_ptr<Invariant> nothing_after_stop(); // 18
std::unique_ptr<Invariant> truthful_events();    // 19
std::unique_ptr<Invariant> converges();          // 20
std::unique_ptr<Invariant> goes_back();          // 21
std::unique_ptr<Invariant> every_address();      // 22
std::unique_ptr<Invariant> probe_pace();         // 23
std::unique_ptr<Invariant> no_flapping();        // 24
std::unique_ptr<Invariant> right_purpose();      // 25
std::unique_ptr<Invariant> dead_peer();          // 26
std::unique_ptr<Invariant> late_answers();       // 27
std::unique_ptr<Invariant> living_server();      // 28
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
std::unique_ptr<Invariant> end_is_told();        // 52
std::unique_ptr<Invariant> steered();            // 53
std::unique_ptr<Invariant> reliable_queue();     // 54
std::unique_ptr<Invariant> standby_probes();     // 55

} // namespace failover::sim
