// SPDX-License-Identifier: GPL-2.0-or-later
//
// A message is posted once more only if it was unconfirmed when its connection
// broke, or unacknowledged when it was closed in order.
//
// The sender learns of acknowledgements by samples, each of which tells where all
// messages before it end.  So a message counts as acknowledged here once the
// position of a sample that followed it is.  At an orderly end the buffer has to
// do better: it knows the lengths of messages, only what framing and TLS add to
// them it may have to guess.
#include "all.hpp"

#include "stream/proto.hpp"

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
        if (where.end == End::orderly)
          fail(books, message(number) + " is posted again, it was acknowledged when " + connection(where)
                          + " was closed in order");
        else if (mark->grace_from != never && where.clock.ms() - mark->grace_from >= books.config.grace_ms)
          fail(books,
               message(number) + " is posted again, its grace was over when " + connection(where) + " broke");
      }
    if (where.end == End::orderly)
      check_within_sample(books, where, buffer);
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

  void check_within_sample(const Books &books, const Connection &where, const BufferBooks &buffer)
  {
    // a sample may also have counted a part of the message behind
    uint64_t unknown = most_added(books.config) * most_in_sample + where.race;
    uint64_t longest = 0;
    for (uint32_t number : where.posted)
      longest = std::max<uint64_t>(longest, books.messages[number].length);
    unknown += longest;
    for (uint32_t number : buffer.messages)
      if (const Message &again = books.messages[number];
          again.connection == where.number && again.end + unknown < where.sampled_acked)
        fail(books, message(number) + " is posted again, it was "
                        + std::to_string(where.sampled_acked - again.end)
                        + " bytes behind the last byte that " + connection(where)
                        + " acknowledged before it was closed in order");
  }

  // To each message, by framing and TLS.
  static uint64_t most_added(const Config &config)
  {
    constexpr std::size_t frame = 7;
    constexpr std::size_t padding = 16;
    const uint64_t record = config.tls == Tls::none ? 0 : record_length(config.tls, 1) + padding;
    return (config.framed ? frame + record : 0) + record;
  }

  static constexpr std::size_t most_in_sample = 128;
};

} // namespace

std::unique_ptr<Invariant>
doubled_with_cause()
{
  return std::make_unique<DoubledWithCause>();
}

} // namespace failover::sim::stream
