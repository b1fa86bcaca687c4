// SPDX-License-Identifier: GPL-2.0-or-later
//
// Make before break: what is in use is given up when it ends, when a reload takes
// its server out of the list, or for the primary; and for that only when its TLS
// is established and its certificate fits.  However often TCP probes succeed, a
// primary whose TLS does not work costs nothing.  What no handshake can tell is
// whether the server hangs up afterwards: such a primary is taken, but no more
// often than failback_count.cpp and probe_pace.cpp let it.
#include "all.hpp"

namespace failover::sim {

namespace {

class NoFlapping final : public Invariant
{
public:
  const char *name() const override { return "no_flapping"; }
  int exit_code() const override { return 24; }
  const char *rule() const override { return "what is in use is given up only for a primary that works"; }

  void take_from_writer(const Books &books, bool ended) override
  {
    if (ended || !books.in_use)
      return;
    const Connection *used = books.connection_in_use();
    const bool removed = books.call.kind == Call::Kind::start && used && !books.config.position(used->server);
    if (!removed)
      fail(books, "the connection in use is closed though it has not ended");
  }

  void hand_over(const Books &books, uint64_t number, bool accepted) override
  {
    const Connection *used = books.connection_in_use();
    const Connection *next = books.connection(number);
    if (accepted && used && next && next->tls != (books.config.tls != Tls::none))
      fail(books, used->server.text() + " is given up for " + next->server.text()
                      + ", whose TLS is not established");
  }
};

} // namespace

std::unique_ptr<Invariant>
no_flapping()
{
  return std::make_unique<NoFlapping>();
}

} // namespace failover::sim
