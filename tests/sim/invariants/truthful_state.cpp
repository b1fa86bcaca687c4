// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the stream says of itself is what happened: the sums of messages kept, confirmed
// and posted again.
#include "all.hpp"

namespace failover::sim {

namespace {

class TruthfulState final : public Invariant
{
public:
  const char *name() const override { return "truthful_state"; }
  int exit_code() const override { return 49; }
  const char *rule() const override { return "the counters of the stream are right"; }

  void worked(const Books &books, const failover_stream_state &state) override
  {
    const Counters &counters = books.counters;
    same(books, "confirmed", state.confirmed, counters.confirmed);
    same(books, "kept", state.kept, counters.accepted - counters.confirmed - counters.lost);
    same(books, "bytes", state.bytes, counters.bytes);
    same(books, "resent", state.resent, counters.resent);
    if (state.unacknowledged > state.kept || state.waiting > state.kept)
      fail(books, "more unacknowledged or waiting than kept");
  }

private:
  void same(const Books &books, const char *what, uint64_t said, uint64_t is)
  {
    if (said != is)
      fail(books, std::string(what) + " is " + std::to_string(said) + ", it should be " + std::to_string(is));
  }
};

} // namespace

std::unique_ptr<Invariant>
truthful_state()
{
  return std::make_unique<TruthfulState>();
}

} // namespace failover::sim
