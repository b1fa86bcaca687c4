// SPDX-License-Identifier: GPL-2.0-or-later
//
// See all.hpp.
#include "all.hpp"

namespace failover::sim::stream {

std::vector<std::unique_ptr<Invariant>>
all_invariants()
{
  std::vector<std::unique_ptr<Invariant>> result;
  for (auto make :
       { confirmed_rightly, whole_messages, in_order, doubled_with_cause, buffer_bounded, truthful_state,
         clean_return, keeps_going, nothing_lost, nothing_kept, slow_is_not_dead, dead_is_given_up })
    result.push_back(make());
  return result;
}

} // namespace failover::sim::stream
