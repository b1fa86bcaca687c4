// SPDX-License-Identifier: GPL-2.0-or-later
//
// A new message is taken only if the buffer stays within its limit, or if it is
// alone in there.  (What is taken over from an older connection is not given up,
// whatever the limit is.)
#include "all.hpp"

namespace failover::sim::stream {

namespace {

class BufferBounded final : public Invariant
{
public:
  const char *name() const override { return "buffer_bounded"; }
  int exit_code() const override { return 45; }
  const char *rule() const override { return "the buffer keeps to its limit"; }

  void asked_for_room(const Books &books, const BufferBooks &buffer, std::size_t, std::size_t,
                      bool taken) override
  {
    if (taken && buffer.bytes > books.config.buffer_limit && buffer.messages.size() > 1)
      fail(books, std::to_string(buffer.messages.size()) + " messages are " + std::to_string(buffer.bytes)
                      + " bytes, the limit is " + std::to_string(books.config.buffer_limit));
  }
};

} // namespace

std::unique_ptr<Invariant>
buffer_bounded()
{
  return std::make_unique<BufferBounded>();
}

} // namespace failover::sim::stream
