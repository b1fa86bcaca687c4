// SPDX-License-Identifier: GPL-2.0-or-later
//
// Never two connections in use.  Taking a probe of the primary into use replaces
// what was in use; nothing else may.  The host and the engine agree on what it
// is: a connection that only one of them knows of would be a second one soon.
#include "all.hpp"

namespace failover::sim {

namespace {

class OneConnection final : public Invariant
{
public:
  const char *name() const override { return "one_connection"; }
  int exit_code() const override { return 11; }
  const char *rule() const override { return "never two connections in use"; }

  void hand_over(const Books &books, uint64_t connection, bool accepted) override
  {
    const Connection *handed_over = books.connection(connection);
    if (accepted && books.in_use && handed_over && handed_over->role == Role::rotation)
      fail(books, handed_over->server.text() + " is taken into use while "
                      + books.connection_in_use()->server.text() + " is");
  }

  void returned(const Books &books) override
  {
    const Connection *ours = books.connection_in_use();
    const auto &theirs = books.said_in_use;
    if (!books.running)
      return;
    if (!ours && !theirs)
      return;
    if (!ours || !theirs)
      fail(books,
           ours ? ours->server.text() + " is in use, the destination knows of nothing"
                : "nothing is in use, the destination believes in server " + std::to_string(theirs->server));
    else if (ours->number != theirs->connection || books.config.position(ours->server) != theirs->server)
      fail(books, ours->server.text()
                      + " is in use, the destination believes in another connection or in server "
                      + std::to_string(theirs->server));
  }
};

} // namespace

std::unique_ptr<Invariant>
one_connection()
{
  return std::make_unique<OneConnection>();
}

} // namespace failover::sim
