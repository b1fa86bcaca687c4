// SPDX-License-Identifier: GPL-2.0-or-later
//
// While something waits for a peer, it is given up within dead-peer-timeout() and a second
// if nothing reaches it or nothing comes back, or if its process reads no more, has no room
// left and had kept up before; and within five times as long, or twice its longest
// stillness, and a second in any case.
#include "all.hpp"

#include <algorithm>

namespace failover::sim {

namespace {

class DeadIsGivenUp final : public Invariant
{
public:
  const char *name() const override { return "dead_is_given_up"; }
  int exit_code() const override { return 51; }
  const char *rule() const override { return "a peer that is dead or hung is given up in time"; }

  void given_up(const Books &, const Flow &where) override
  {
    const Link &link = *where.link;
    if (!link.is_cut_off() || link.is_full() || link.was_frozen() || link.frozen())
      hung_ = where.number;
  }

  void confirmed(const Books &books, const Flow &where, std::size_t, bool early) override
  {
    if (!early && books.flow_in_use() == &where && where.number > hung_.value_or(where.number))
      hung_.reset();
  }

  void settled(const Books &books) override
  {
    const Flow *where = books.flow_in_use();
    if (books.config.dead_peer_timeout_ms == 0 || !where || !where->kept)
      return;
    const Link &link = *where->link;
    if (link.is_reset() || link.acked() >= link.written())
      return;
    const int64_t timeout_ms = books.config.dead_peer_timeout_ms;
    const int64_t longest_ms = std::max(5 * timeout_ms, 2 * (link.longest_still_ms() + slow_ms));
    const int64_t hung_since_ms = std::max(link.full_since_ms(), link.frozen_since_ms());
    if (link.is_cut_off() && !link.is_full())
      check(books, *where, link.moved_ms(), timeout_ms, "after it was heard of");
    else if (link.is_cut_off())
      check(books, *where, std::max(link.full_since_ms(), link.mute_since_ms().value_or(0)), longest_ms,
            "after it was full and cut off");
    else if (hung_since_ms != never && kept_up(link, timeout_ms))
      check(books, *where, hung_since_ms, timeout_ms, "after it hung, and had kept up");
    else if (hung_since_ms != never)
      check(books, *where, hung_since_ms, longest_ms, "after it hung");
  }

private:
  // With less than a second two looks at the wrong moment make a peer slow.  A look may come after half a
  // second, and counts for no more than two tenths.
  bool kept_up(const Link &link, int64_t timeout_ms) const
  {
    return !hung_ && timeout_ms >= 1'000 && link.longest_still_ms() == 0
           && link.kept_up_ms() >= std::max<int64_t>(timeout_ms / 2, 1'000) * 5 / 2 + 500;
  }

  void check(const Books &books, const Flow &where, int64_t since_ms, int64_t limit_ms, const char *what)
  {
    // when our process was not let run it counts from then
    const int64_t took_ms = books.now_ms - std::max({ since_ms, books.configured_ms, books.woken_ms });
    if (took_ms > limit_ms + 1'000 + books.surroundings.longest_job_ms)
      fail(books, connection(where) + " is still in use " + std::to_string(took_ms) + " ms " + what);
  }

  std::optional<int> hung_;               // and nothing was confirmed since
  static constexpr int64_t slow_ms = 500; // no receiver that reads, and is not cut off, is still for longer
};

} // namespace

std::unique_ptr<Invariant>
dead_is_given_up()
{
  return std::make_unique<DeadIsGivenUp>();
}

} // namespace failover::sim
