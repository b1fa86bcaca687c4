// SPDX-License-Identifier: GPL-2.0-or-later
//
// A message is posted once more only if it was not confirmed.
#include "all.hpp"

namespace failover::sim {

namespace {

class DoubledWithCause final : public Invariant
{
public:
  const char *name() const override { return "doubled_with_cause"; }
  int exit_code() const override { return 43; }
  const char *rule() const override { return "only what was not confirmed is posted again"; }

  void posted(const Books &books, const Flow &where, uint32_t number) override
  {
    if (books.messages[number].confirmed)
      fail(books, message(number) + " is posted again on " + connection(where) + ", it was confirmed");
  }
};

} // namespace

std::unique_ptr<Invariant>
doubled_with_cause()
{
  return std::make_unique<DoubledWithCause>();
}

} // namespace failover::sim
