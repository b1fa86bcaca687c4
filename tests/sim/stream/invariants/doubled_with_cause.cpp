// SPDX-License-Identifier: GPL-2.0-or-later
//
// A message is posted once more only if it was unconfirmed when its connection ended.
//
// The sender learns of acknowledgements by samples, each of which tells where all
// messages before it end.  So a message counts as acknowledged here once the
// position of a sample that followed it is.
#include "all.hpp"

#include <algorithm>

namespace failover::sim::stream {

namespace {

class DoubledWithCause final : public Invariant
{
public:
  const char *name() const override { return "doubled_with_cause"; }
  int exit_code() const override { return 43; }
  const char *rule() const override { return "only what was not confirmed is posted again"; }

  void ended(const Books &books, const Connection &where, const BufferBooks &buffer) override
  {
    for (uint32_t number : buffer.messages)
      {
        const Message &again = books.messages[number];
        if (again.connection != where.number)
          continue;
        const auto position = std::lower_bound(where.ends.begin(), where.ends.end(), again.end);
        const auto count = static_cast<std::size_t>(position - where.ends.begin()) + 1;
        const Connection::Mark *mark = mark_of(where, count);
        if (!mark)
          continue;
        if (mark->grace_from != never && where.clock.ms() - mark->grace_from >= books.config.grace_ms)
          fail(books,
               message(number) + " is posted again, its grace was over when " + connection(where) + " ended");
      }
  }

private:
  // The first acknowledged one that covers so many messages.
  static const Connection::Mark *mark_of(const Connection &where, std::size_t count)
  {
    for (std::size_t i = 0; i < where.acked_marks; i++)
      if (where.marks[i].count >= count)
        return &where.marks[i];
    return nullptr;
  }
};

} // namespace

std::unique_ptr<Invariant>
doubled_with_cause()
{
  return std::make_unique<DoubledWithCause>();
}

} // namespace failover::sim::stream
