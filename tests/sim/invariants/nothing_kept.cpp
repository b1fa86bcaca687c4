// SPDX-License-Identifier: GPL-2.0-or-later
//
// When all is acknowledged and every grace is over, nothing is kept.
#include "all.hpp"

namespace failover::sim {

namespace {

class NothingKept final : public Invariant
{
public:
  const char *name() const override { return "nothing_kept"; }
  int exit_code() const override { return 46; }
  const char *rule() const override { return "what is confirmed is not kept"; }

  void judged(const Books &books, const failover_stream_state &state) override
  {
    if (books.settled && state.kept > 0)
      fail(books, std::to_string(state.kept) + " messages are still kept");
  }
};

} // namespace

std::unique_ptr<Invariant>
nothing_kept()
{
  return std::make_unique<NothingKept>();
}

} // namespace failover::sim
