// SPDX-License-Identifier: GPL-2.0-or-later
//
// Messages do not get stuck.  When all is well everything that comes is accepted,
// posted and confirmed, and no connection is left to be drained.  Before that, as long as
// the connection in use is well and has nothing under way, what is queued is posted soon.
#include "all.hpp"

#include <algorithm>

namespace failover::sim {

namespace {

class KeepsGoing final : public Invariant
{
public:
  const char *name() const override { return "keeps_going"; }
  int exit_code() const override { return 48; }
  const char *rule() const override { return "when all is well, all is delivered and confirmed soon"; }

  void settled(const Books &books) override
  {
    const Flow *flow = books.flow_in_use();
    const Link *link = flow ? flow->link : nullptr;
    const bool could_post = link && books.running && books.queued > 0 && !books.hand_over_waits()
                            && books.config.throttle == 0 && link->acked() == link->written()
                            && !link->in_trouble() && !link->mute_since_ms();
    if (!could_post)
      since_ms_.reset();
    else if (!since_ms_)
      since_ms_ = books.now_ms;
    else if (books.now_ms > std::max({ *since_ms_, link->moved_ms(), books.woken_ms }) + soon_ms
                                + books.surroundings.longest_job_ms)
      fail(books, "nothing is posted on " + connection(*flow) + ", which is well, and "
                      + std::to_string(books.queued) + " messages are queued");
  }

  void judged(const Books &books, const failover_stream_state &) override
  {
    if (books.settled)
      return;
    std::size_t accepted = 0;
    for (const Message &one : books.messages)
      accepted += one.accepted;
    fail(books, "not done yet, " + std::to_string(accepted) + " of " + std::to_string(books.messages.size())
                    + " messages were accepted");
  }

private:
  static constexpr int64_t soon_ms = 2'000;

  std::optional<int64_t> since_ms_; // something could be posted
};

} // namespace

std::unique_ptr<Invariant>
keeps_going()
{
  return std::make_unique<KeepsGoing>();
}

} // namespace failover::sim
