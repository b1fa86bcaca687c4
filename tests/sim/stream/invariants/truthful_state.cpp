// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the buffer says of itself is what was done with it: how many messages it
// keeps, how many are to be posted once more, its counters, its bytes.
#include "all.hpp"

namespace failover::sim::stream {

namespace {

class TruthfulState final : public Invariant
{
public:
  const char *name() const override { return "truthful_state"; }
  int exit_code() const override { return 49; }
  const char *rule() const override { return "the counters of the buffer are right"; }

  void told(const Books &books, const BufferBooks &buffer, const failover_resend_state &state) override
  {
    same(books, "kept", state.kept, buffer.messages.size());
    same(books, "to_resend", state.to_resend, buffer.messages.size() - buffer.posted);
    same(books, "confirmed", state.confirmed, buffer.confirmed);
    same(books, "resent", state.resent, buffer.resent);
    same(books, "grace_cut", state.grace_cut, buffer.grace_cut);
    same(books, "bytes", state.bytes, buffer.bytes);
    if (state.unacknowledged > buffer.posted)
      fail(books, "more unacknowledged than posted");
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

} // namespace failover::sim::stream
