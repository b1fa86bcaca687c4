// SPDX-License-Identifier: GPL-2.0-or-later
//
// See canary.hpp.
#include "stream/canary.hpp"

namespace failover::sim::stream {

namespace {

constexpr Canary canaries[] = {
  { "early-confirmation", Fault::early_confirmation, "confirmed_rightly", "confirms one message too early" },
  { "never-partial", Fault::never_partial, "confirmed_rightly",
    "takes a partly written message for a whole one" },
  { "blind-clock", Fault::blind_clock, "nothing_lost", "lets the grace run whatever the window is" },
  { "blind-to-widening", Fault::blind_to_widening, "nothing_lost",
    "takes a window that widens for a receiver that reads" },
  { "no-first-sample", Fault::no_first_sample, "nothing_lost",
    "does not ask for the window before the first message" },
  { "deaf", Fault::deaf, "keeps_going", "never hears of an acknowledgement" },
  { "generous", Fault::generous, "buffer_bounded", "has a buffer of twice the size" },
  { "no-grace", Fault::no_grace, "confirmed_rightly", "confirms what is acknowledged" },
  { "impatient", Fault::impatient, "slow_is_not_dead", "gives up a peer that is slow" },
  { "other-bytes", Fault::other_bytes, "whole_messages", "writes what is sent again cut short" },
  { "carries-half-over", Fault::carries_half_over, "whole_messages",
    "writes the rest of a half message on the next connection" },
  { "shuts-down", Fault::shuts_down, "clean_return", "shuts a connection down before it is drained" },
  { "stays-quiet", Fault::stays_quiet, "keeps_going", "does not resume after the end of a message" },
};

} // namespace

std::span<const Canary>
all_canaries()
{
  return canaries;
}

} // namespace failover::sim::stream
