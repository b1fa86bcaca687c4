// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the stream says of itself is what happened: the sums of messages kept, confirmed
// and posted again.
#include "all.hpp"

namespace failover::sim::stream {

namespace {

class TruthfulState final : public Invariant
{
public:
  const char *name() const override { return "truthful_state"; }
  int exit_code() const override { return 49; }
  const char *rule() const override { return "the counters of the stream are right"; }

  void posted(const Books &books, const Connection &, uint32_t number) override
  {
    again_ += books.messages[number].posted > 1;
  }

  void worked(const Books &books, const failover_stream_state &state) override
  {
    uint64_t accepted = 0;
    std::size_t bytes = 0;
    for (const Message &one : books.messages)
      if (one.accepted)
        {
          accepted++;
          bytes += one.confirmed ? 0 : header_bytes + one.length;
        }
    same(books, "confirmed", state.confirmed, books.confirmed);
    same(books, "kept", state.kept, accepted - books.confirmed);
    same(books, "bytes", state.bytes, bytes);
    same(books, "resent", state.resent, again_);
    if (state.unacknowledged > state.kept || state.waiting > state.kept)
      fail(books, "more unacknowledged or waiting than kept");
  }

private:
  static constexpr std::size_t header_bytes = 4; // of each message in the buffer

  void same(const Books &books, const char *what, uint64_t said, uint64_t is)
  {
    if (said != is)
      fail(books, std::string(what) + " is " + std::to_string(said) + ", it should be " + std::to_string(is));
  }

  uint64_t again_ = 0;
};

} // namespace

std::unique_ptr<Invariant>
truthful_state()
{
  return std::make_unique<TruthfulState>();
}

} // namespace failover::sim::stream
