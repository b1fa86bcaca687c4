// SPDX-License-Identifier: GPL-2.0-or-later
//
// Every message that was accepted, or stored in the file of a reliable queue, is at a
// receiver at least once: read to its last byte on one connection.
//
// What the design does not promise: a message whose grace was cut short for lack of
// room is lost if its receiver dies with it unread.  And a receiver that leaves bytes
// unread for longer than the grace has to show it: the world does not kill one that
// does not, see Faults::is_covered().
#include "all.hpp"

#include <algorithm>

namespace failover::sim {

namespace {

class NothingLost final : public Invariant
{
public:
  const char *name() const override { return "nothing_lost"; }
  int exit_code() const override { return 40; }
  const char *rule() const override { return "what was accepted is delivered at least once"; }

  void lost(const Books &books, uint64_t told, uint64_t with_cause) override
  {
    // those that a drained connection had taken over and not posted are told when it ends
    const uint64_t may_be = with_cause + to_tell_;
    if (told > may_be)
      fail(books, std::to_string(told) + " messages are given up, " + std::to_string(may_be) + " may be");
    to_tell_ = may_be - std::min(told, may_be);
  }

  void judged(const Books &books, const failover_stream_state &) override
  {
    for (uint32_t number = 0; number < books.messages.size(); number++)
      {
        const Message &lost = books.messages[number];
        const bool waits = lost.filed && !books.settled;
        if ((lost.kept || lost.stored) && lost.delivered == 0 && !lost.cut && !lost.lost && !waits)
          fail(books, message(number) + " is nowhere; it was posted " + std::to_string(lost.posted)
                          + " times, last on connection " + std::to_string(lost.flow));
      }
  }

private:
  uint64_t to_tell_ = 0;
};

} // namespace

std::unique_ptr<Invariant>
nothing_lost()
{
  return std::make_unique<NothingLost>();
}

} // namespace failover::sim
