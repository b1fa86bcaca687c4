// SPDX-License-Identifier: GPL-2.0-or-later
//
// On each connection messages come in the order in which they were accepted, each
// once.  Only what an older connection leaves, and is taken over later, may come
// behind newer ones.
#include "all.hpp"

namespace failover::sim::stream {

namespace {

class InOrder final : public Invariant
{
public:
  const char *name() const override { return "in_order"; }
  int exit_code() const override { return 42; }
  const char *rule() const override { return "messages of a connection are in order, each once"; }

  void posted(const Books &books, const Connection &where, const BufferBooks &buffer,
              uint32_t number) override
  {
    if (posted_on_.size() <= number)
      posted_on_.resize(books.messages.size(), -1);
    if (posted_on_[number] == where.number)
      fail(books, message(number) + " is posted twice on " + connection(where));
    posted_on_[number] = where.number;

    if (where.posted.size() < 2 || buffer.run_starts.contains(number))
      return;
    const uint32_t before = where.posted[where.posted.size() - 2];
    if (number < before)
      fail(books, message(number) + " comes after " + message(before) + " on " + connection(where));
  }

  void delivered(const Books &books, const Connection &where, uint32_t number) override
  {
    if (where.read >= where.posted.size() || where.posted[where.read] != number)
      fail(books, message(number) + " was not posted in this place on " + connection(where));
  }

private:
  std::vector<int> posted_on_;
};

} // namespace

std::unique_ptr<Invariant>
in_order()
{
  return std::make_unique<InOrder>();
}

} // namespace failover::sim::stream
