// SPDX-License-Identifier: GPL-2.0-or-later
//
// A peer is given up only if nothing has come from it, or gets to it, for dead-peer-timeout();
// or if, in that time, its process read less than a sixteenth of its buffer and a third of
// what it was sent.  One that has shown nothing of its buffer so far has five times as long, and
// so has each after one that was given up for that, until something is confirmed.
#include "all.hpp"

namespace failover::sim {

namespace {

class SlowIsNotDead final : public Invariant
{
public:
  const char *name() const override { return "slow_is_not_dead"; }
  int exit_code() const override { return 50; }
  const char *rule() const override { return "a peer that reads or answers is not given up"; }

  void calling(const Books &books) override
  {
    // another destination, that knows nothing of those before
    if (books.call.kind == Call::Kind::start && !books.call.with_snapshot)
      hung_before_ = false;
  }

  void confirmed(const Books &, const Flow &, std::size_t, bool early) override
  {
    hung_before_ = hung_before_ && early;
  }

  void given_up(const Books &books, const Flow &where) override
  {
    const int64_t timeout_ms = books.config.dead_peer_timeout_ms;
    const Link &link = *where.link;
    if (timeout_ms == 0)
      fail(books, connection(where) + " is given up without a timeout");
    else if (link.is_cut_off() || !link.receiver_lives())
      check_silent(books, where, timeout_ms);
    else if (link.unclogged_ms() <= unheard_from_ms(books, link))
      {
        const bool patient = hung_before_ || link.edge_moved() <= link.config().window_step;
        check_still(books, where, patient ? 5 * timeout_ms : timeout_ms);
        // otherwise it may have been the answer that did not come in time
        hung_before_ = hung_before_ || timeout_ms >= longest_answer_ms;
      }
  }

private:
  // What has happened since then, the sender cannot have heard of.
  static int64_t unheard_from_ms(const Books &books, const Link &link)
  {
    const LinkConfig &config = link.config();
    return books.now_ms - 2 * look_ms - 2 * config.latency_ms - config.ack_delay_ms;
  }

  void check_silent(const Books &books, const Flow &where, int64_t timeout_ms)
  {
    const int64_t still_ms = books.now_ms - where.link->moved_ms();
    // it may have hung before that
    if (still_ms + 2 * look_ms < timeout_ms && !where.link->was_frozen() && !where.link->frozen())
      fail(books, connection(where) + " is given up " + std::to_string(still_ms)
                      + " ms after something moved on it");
  }

  void check_still(const Books &books, const Flow &where, int64_t limit_ms)
  {
    const Link &link = *where.link;
    const LinkConfig &config = link.config();
    const int64_t from_ms = books.now_ms - limit_ms + 2 * look_ms;
    const int64_t to_ms = unheard_from_ms(books, link);
    if (from_ms < link.opened_ms())
      fail(books, connection(where) + " is given up " + std::to_string(books.now_ms - link.opened_ms())
                      + " ms after it was opened");
    if (from_ms >= to_ms)
      return;
    const uint64_t read = link.read_by(to_ms) - link.read_by(from_ms);
    const uint64_t acked = link.acked_by(books.now_ms) - link.acked_by(from_ms);
    if (read > acked / 3 + config.receive_buffer / 16 + config.window_step)
      fail(books, connection(where) + " is given up though it read " + std::to_string(read) + " of "
                      + std::to_string(acked) + " bytes in the last " + std::to_string(limit_ms) + " ms");
  }

  static constexpr int64_t look_ms = 100;
  static constexpr int64_t longest_answer_ms = 300;
  bool hung_before_ = false;
};

} // namespace

std::unique_ptr<Invariant>
slow_is_not_dead()
{
  return std::make_unique<SlowIsNotDead>();
}

} // namespace failover::sim
