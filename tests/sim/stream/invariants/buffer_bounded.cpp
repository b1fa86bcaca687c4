// SPDX-License-Identifier: GPL-2.0-or-later
//
// A new message is only taken if the buffer of its connection has room, so that all
// together never exceed the limit for each connection that there is.
#include "all.hpp"

namespace failover::sim::stream {

namespace {

class BufferBounded final : public Invariant
{
public:
  const char *name() const override { return "buffer_bounded"; }
  int exit_code() const override { return 45; }
  const char *rule() const override { return "the buffer keeps to its limit"; }

  void posted(const Books &books, const Connection &where, uint32_t number) override
  {
    if (books.messages[number].posted > 1)
      return; // it was in there before
    std::size_t bytes = 0;
    std::size_t count = 0;
    for (std::size_t i = where.confirmed; i < where.posted.size(); i++, count++)
      bytes += header_bytes + books.messages[where.posted[i]].length;
    if (bytes > books.config.buffer_limit && count > 1)
      fail(books, std::to_string(count) + " messages of " + connection(where) + " are "
                      + std::to_string(bytes) + " bytes, the limit is "
                      + std::to_string(books.config.buffer_limit));
  }

private:
  static constexpr std::size_t header_bytes = 4; // of each message in the buffer
};

} // namespace

std::unique_ptr<Invariant>
buffer_bounded()
{
  return std::make_unique<BufferBounded>();
}

} // namespace failover::sim::stream
