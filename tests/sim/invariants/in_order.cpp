// SPDX-License-Identifier: GPL-2.0-or-later
//
// The messages of a connection are in order, each once: new ones in the order in which
// they came, those that are posted again in the order of the connection before, and
// before any new one.  Only what a drained connection leaves comes when it does.
#include "all.hpp"

#include <algorithm>

namespace failover::sim {

namespace {

class InOrder final : public Invariant
{
public:
  const char *name() const override { return "in_order"; }
  int exit_code() const override { return 42; }
  const char *rule() const override { return "messages of a connection are in order, each once"; }

  void posted(const Books &books, const Flow &where, uint32_t number) override
  {
    const Message &now = books.messages[number];
    if (now.before == where.number)
      fail(books, message(number) + " is posted twice on " + connection(where));
    if (where.posted.size() < 2)
      return;
    const uint32_t before = where.posted[where.posted.size() - 2];
    const Message &last = books.messages[before];
    const bool both_new = now.posted == 1 && last.posted == 1;
    const bool both_again = now.before >= 0 && now.before == last.before;
    if ((both_new || both_again) && place(books, number) < place(books, before))
      fail(books, message(number) + " comes after " + message(before) + " on " + connection(where));
  }

  void delivered(const Books &books, const Flow &where, uint32_t number) override
  {
    if (where.read >= where.posted.size() || where.posted[where.read] != number)
      fail(books, message(number) + " was not posted in this place on " + connection(where));
  }

private:
  // On the connection before; the number itself for a new one.
  static std::size_t place(const Books &books, uint32_t number)
  {
    const Message &one = books.messages[number];
    if (one.before < 0)
      return number;
    const auto &posted = books.flows[one.before].posted;
    return std::find(posted.begin(), posted.end(), number) - posted.begin();
  }
};

} // namespace

std::unique_ptr<Invariant>
in_order()
{
  return std::make_unique<InOrder>();
}

} // namespace failover::sim
