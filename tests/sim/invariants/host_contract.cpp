// SPDX-License-Identifier: GPL-2.0-or-later
//
// What failover.h says about numbers and functions of the host: a number is
// never used twice, not even over a reload; only a look-up that is held is
// connected to or released, only a connection that exists is handed over or
// closed; every call that keeps the contract is answered with FAILOVER_OK.
#include "all.hpp"

namespace failover::sim {

namespace {

class HostContract final : public Invariant
{
public:
  const char *name() const override { return "host_contract"; }
  int exit_code() const override { return 10; }
  const char *rule() const override { return "numbers and functions are used as failover.h says"; }

  void set_timer(const Books &books, failover_timer timer, int64_t) override { check_timer(books, timer); }
  void cancel_timer(const Books &books, failover_timer timer) override { check_timer(books, timer); }

  void resolve(const Books &books, const Lookup &lookup) override
  {
    if (books.used_numbers.contains(lookup.number))
      fail(books, "a look-up has a number that was used before");
    if (!books.config.position(lookup.server))
      fail(books, lookup.server.text() + " is looked up, which is not in the list");
  }

  void release_lookup(const Books &books, uint64_t number) override
  {
    if (!books.lookups.contains(number))
      fail(books, "a look-up is released that is not held");
  }

  void connect(const Books &books, const Connection &connection) override
  {
    if (books.used_numbers.contains(connection.number))
      fail(books, "a connection has a number that was used before");
    auto found = books.lookups.find(connection.lookup);
    if (found == books.lookups.end() || !found->second.answered)
      fail(books, "a connection to an address of a look-up that is not held");
    else if (connection.address >= found->second.address_count)
      fail(books, "a connection to address " + std::to_string(connection.address) + " of "
                      + std::to_string(found->second.address_count));
    else if (connection.name != connection.server.host)
      fail(books,
           "a connection to " + connection.server.text() + " whose certificate must fit " + connection.name);
    for (const auto &[number, other] : books.connections)
      if (other.lookup == connection.lookup && other.address == connection.address)
        fail(books, "two connections to the same address in one attempt");
  }

  void hand_over(const Books &books, uint64_t number, bool) override
  {
    const Connection *connection = books.connection(number);
    if (!connection || connection->state != Connection::State::open)
      fail(books, "a connection is handed over that is not open");
  }

  void close(const Books &books, uint64_t number) override
  {
    if (!books.connection(number))
      fail(books, "a connection is closed that is gone");
  }

  void returned(const Books &books) override
  {
    if (books.call.status != FAILOVER_OK)
      fail(books, "the engine answered with status " + std::to_string(books.call.status));
  }

private:
  void check_timer(const Books &books, failover_timer timer)
  {
    if (timer < 0 || timer >= FAILOVER_TIMER_COUNT)
      fail(books, "there is no timer " + std::to_string(timer));
  }
};

} // namespace

std::unique_ptr<Invariant>
host_contract()
{
  return std::make_unique<HostContract>();
}

} // namespace failover::sim
