// SPDX-License-Identifier: GPL-2.0-or-later
//
// A new message is only taken if the buffer of its connection has room, so that all
// together never exceed the limit for each connection that there is.
#include "all.hpp"

namespace failover::sim {

namespace {

class BufferBounded final : public Invariant
{
public:
  const char *name() const override { return "buffer_bounded"; }
  int exit_code() const override { return 45; }
  const char *rule() const override { return "the buffer keeps to its limit"; }

  void posted(const Books &books, const Flow &where, uint32_t number) override
  {
    if (books.messages[number].posted > 1)
      return; // it was in there before
    const std::size_t count = where.posted.size() - where.confirmed;
    if (where.kept && where.bytes > where.buffer_limit && count > 1)
      fail(books, std::to_string(count) + " messages of " + connection(where) + " are "
                      + std::to_string(where.bytes) + " bytes, the limit is "
                      + std::to_string(where.buffer_limit));
  }
};

} // namespace

std::unique_ptr<Invariant>
buffer_bounded()
{
  return std::make_unique<BufferBounded>();
}

} // namespace failover::sim
