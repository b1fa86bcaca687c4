// SPDX-License-Identifier: GPL-2.0-or-later
//
// Messages do not get stuck.  When all is well everything that comes is accepted,
// posted and confirmed, and no connection is left to be drained.
#include "all.hpp"

namespace failover::sim {

namespace {

class KeepsGoing final : public Invariant
{
public:
  const char *name() const override { return "keeps_going"; }
  int exit_code() const override { return 48; }
  const char *rule() const override { return "when all is well, all is delivered and confirmed soon"; }

  void judged(const Books &books, const failover_stream_state &) override
  {
    if (books.settled)
      return;
    std::size_t accepted = 0;
    for (const Message &one : books.messages)
      accepted += one.accepted;
    fail(books, "not done yet, " + std::to_string(accepted) + " of " + std::to_string(books.messages.size())
                    + " messages were accepted");
  }
};

} // namespace

std::unique_ptr<Invariant>
keeps_going()
{
  return std::make_unique<KeepsGoing>();
}

} // namespace failover::sim
