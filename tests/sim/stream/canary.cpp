// SPDX-License-Identifier: GPL-2.0-or-later
//
// See canary.hpp.
#include "stream/canary.hpp"

namespace failover::sim::stream {

namespace {

constexpr Canary canaries[] = {
  { "early-confirmation", Fault::early_confirmation, "nothing_lost", "confirms one message too early" },
  { "never-partial", Fault::never_partial, "nothing_lost", "takes a partly written message for a whole one" },
  { "blind-clock", Fault::blind_clock, "nothing_lost", "lets the grace run whatever the window is" },
  { "blind-to-widening", Fault::blind_to_widening, "confirmed_rightly",
    "takes a window that widens for a receiver that reads" },
  { "deaf", Fault::deaf, "keeps_going", "never hears of an acknowledgement" },
  { "generous", Fault::generous, "buffer_bounded", "has a buffer of twice the size" },
  { "cuts-without-need", Fault::cuts_without_need, "confirmed_rightly", "has a buffer of half the size" },
  { "other-bytes", Fault::other_bytes, "whole_messages", "gives out every fiftieth message cut short" },
  { "new-ones-first", Fault::new_ones_first, "in_order", "posts new messages before the kept ones" },
  { "no-first-sample", Fault::no_first_sample, "nothing_lost",
    "does not ask for the window before the first message" },
  { "posts-what-is-not-kept", Fault::posts_what_is_not_kept, "nothing_lost",
    "posts on when the buffer is full" },
  { "never-forgets", Fault::never_forgets, "in_order", "keeps what was not posted after all" },
  { "loses-leftovers", Fault::loses_leftovers, "nothing_lost", "frees what a drained connection leaves" },
  { "drain-forgets-partial", Fault::drain_forgets_partial, "nothing_lost",
    "takes a half message of a drained connection for a whole one" },
  { "drain-without-grace", Fault::drain_without_grace, "nothing_lost",
    "closes a drained connection when all is acknowledged" },
  { "impatient", Fault::impatient, "clean_return", "does not wait for a connection to be drained" },
  { "carries-half-over", Fault::carries_half_over, "whole_messages",
    "writes the rest of a half message on the next connection" },
  { "stays-quiet", Fault::stays_quiet, "keeps_going", "does not resume after the end of a message" },
};

} // namespace

std::span<const Canary>
all_canaries()
{
  return canaries;
}

} // namespace failover::sim::stream
