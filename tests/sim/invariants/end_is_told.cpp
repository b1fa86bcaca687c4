// SPDX-License-Identifier: GPL-2.0-or-later
//
// At the end of syslog-ng what is left is written, and peers that answer are waited for
// until all of it is acknowledged.  What is not by then is told: its number is at least
// that of the messages that were accepted and that no peer's kernel is known to have.  What
// a queue's file keeps is not among them.
#include "all.hpp"

namespace failover::sim {

namespace {

class EndIsTold final : public Invariant
{
public:
  const char *name() const override { return "end_is_told"; }
  int exit_code() const override { return 52; }
  const char *rule() const override { return "what no peer has at the end is waited for, and told"; }

  void finished(const Books &books, uint64_t unacknowledged, bool all_done) override
  {
    uint64_t missing = 0, only_here = 0;
    for (uint32_t number = 0; number < books.messages.size(); number++)
      {
        const Message &one = books.messages[number];
        if (!one.kept || one.confirmed || one.lost)
          continue;
        only_here += !one.filed;
        const Flow &flow = books.flows[static_cast<std::size_t>(one.flow)];
        if (one.place < flow.acked)
          continue;
        missing += !one.filed;
        if (all_done && !flow.ended && !flow.link->is_over())
          fail(books, message(number) + " is not acknowledged on " + connection(flow)
                          + ", which is open, and not waited for");
      }
    if (unacknowledged < missing)
      fail(books, std::to_string(missing) + " messages are not acknowledged, "
                      + std::to_string(unacknowledged) + " are told");
    if (books.file && unacknowledged > only_here)
      fail(books, std::to_string(unacknowledged) + " messages are told, " + std::to_string(only_here)
                      + " are not confirmed and in no file");
  }
};

} // namespace

std::unique_ptr<Invariant>
end_is_told()
{
  return std::make_unique<EndIsTold>();
}

} // namespace failover::sim
