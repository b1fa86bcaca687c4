// SPDX-License-Identifier: GPL-2.0-or-later
//
// Only a connection that was made for use is taken into use.  Probes only look,
// and cost the primary no handshake, but for the one that would be the last: if it
// succeeds, it is the connection in use.
#include "all.hpp"

namespace failover::sim {

namespace {

class RightPurpose final : public Invariant
{
public:
  const char *name() const override { return "right_purpose"; }
  int exit_code() const override { return 25; }
  const char *rule() const override { return "made for use is what is taken into use, nothing else"; }

  void calling(const Books &books) override
  {
    const Connection *connection = books.connection(books.call.number);
    ready_ =
        books.call.kind == Call::Kind::connected && connection && connection->purpose == FAILOVER_PURPOSE_USE;
  }

  void hand_over(const Books &books, uint64_t number, bool) override
  {
    const Connection *connection = books.connection(number);
    if (connection && connection->purpose != FAILOVER_PURPOSE_USE)
      fail(books, "a connection to " + connection->server.text() + " was made to look, and is used");
    ready_ = false;
  }

  void returned(const Books &books) override
  {
    if (ready_)
      fail(books, "a connection was made ready for use, and is not used");
  }

private:
  bool ready_ = false; // in the call that is going on: a connection, and it is not yet handed over
};

} // namespace

std::unique_ptr<Invariant>
right_purpose()
{
  return std::make_unique<RightPurpose>();
}

} // namespace failover::sim
