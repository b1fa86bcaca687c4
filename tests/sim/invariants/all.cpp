// SPDX-License-Identifier: GPL-2.0-or-later
//
// See all.hpp.
#include "all.hpp"

namespace failover::sim {

std::vector<std::unique_ptr<Invariant>>
all_invariants()
{
  std::vector<std::unique_ptr<Invariant>> result;
  for (auto make : { host_contract,    one_connection,     attempt_deadline,
                     failback_count,   rotation,           always_trying,
                     no_idle_work,     no_hot_loop,        nothing_after_stop,
                     truthful_events,  converges,          goes_back,
                     every_address,    probe_pace,         no_flapping,
                     right_purpose,    dead_peer,          late_answers,
                     living_server,    confirmed_rightly,  whole_messages,
                     in_order,         doubled_with_cause, buffer_bounded,
                     truthful_state,   clean_return,       keeps_going,
                     nothing_lost,     nothing_kept,       slow_is_not_dead,
                     dead_is_given_up, end_is_told,        steered,
                     reliable_queue,   standby_probes })
    result.push_back(make());
  return result;
}

} // namespace failover::sim
