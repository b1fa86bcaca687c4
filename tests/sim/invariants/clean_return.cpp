// SPDX-License-Identifier: GPL-2.0-or-later
//
// A return to the primary without a fault doubles nothing: the connection that was
// left at the end of a message and stayed well until it was drained leaves nothing.
#include "all.hpp"

namespace failover::sim {

namespace {

class CleanReturn final : public Invariant
{
public:
  const char *name() const override { return "clean_return"; }
  int exit_code() const override { return 47; }
  const char *rule() const override { return "a return without faults posts nothing again"; }

  void posted(const Books &books, const Flow &, uint32_t number) override
  {
    const Message &again = books.messages[number];
    if (again.before < 0)
      return;
    const Flow &before = books.flows[again.before];
    if (before.left_for_another && before.ended && !before.in_trouble && !before.stuck)
      fail(books,
           message(number) + " is posted again, though " + connection(before) + " was drained to its end");
  }
};

} // namespace

std::unique_ptr<Invariant>
clean_return()
{
  return std::make_unique<CleanReturn>();
}

} // namespace failover::sim
