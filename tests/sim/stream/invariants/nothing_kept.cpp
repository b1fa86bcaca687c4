// SPDX-License-Identifier: GPL-2.0-or-later
//
// When all is acknowledged and every grace is over, nothing is kept.
#include "all.hpp"

namespace failover::sim::stream {

namespace {

class NothingKept final : public Invariant
{
public:
  const char *name() const override { return "nothing_kept"; }
  int exit_code() const override { return 46; }
  const char *rule() const override { return "what is confirmed is not kept"; }

  void left(const Books &books, const BufferBooks &buffer) override
  {
    if (books.settled && !buffer.messages.empty())
      fail(books, std::to_string(buffer.messages.size()) + " messages are still kept, from "
                      + message(buffer.messages.front()) + " on");
  }
};

} // namespace

std::unique_ptr<Invariant>
nothing_kept()
{
  return std::make_unique<NothingKept>();
}

} // namespace failover::sim::stream
