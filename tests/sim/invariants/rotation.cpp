// SPDX-License-Identifier: GPL-2.0-or-later
//
// Servers are tried in the order of the list, with standby probes without those that are
// known to be down as long as another is not, after the wait that belongs to the
// failure before: switch-delay(), or time-reopen() with up to 10 % of jitter
// when every server has failed since the last one that stayed in use.  After a
// start the primary comes first, after a reload the server that was due.
#include "all.hpp"

#include <algorithm>
#include <utility>

namespace failover::sim {

namespace {

class Rotation final : public Invariant
{
public:
  const char *name() const override { return "rotation"; }
  int exit_code() const override { return 14; }
  const char *rule() const override { return "servers are tried in their order, after the right wait"; }

  void calling(const Books &books) override
  {
    ended_ = false;
    taken_.reset();
    lost_after_ms_.reset();
    if (books.call.kind == Call::Kind::start)
      start(books);
  }

  void take_from_writer(const Books &books, bool ended) override
  {
    if (ended && books.in_use && books.in_use == books.writer_has)
      lost_after_ms_ = books.now_ms - books.connection_in_use()->in_use_since_ms;
  }

  void hand_over_completes(const Books &books, uint64_t, bool accepted) override
  {
    if (!accepted)
      lost_after_ms_ = books.now_ms - books.connection_in_use()->in_use_since_ms;
  }

  void resolve(const Books &books, const Lookup &lookup) override
  {
    if (lookup.role != Role::rotation)
      return;
    // one that is being tried and not to be used is left for the next one
    const bool is_left = books.call.kind == Call::Kind::steered;
    if (is_left)
      go_on(books);
    current_ = next(books, current_, std::nullopt);
    if (std::exchange(is_open_, false))
      current_ = books.config.position(lookup.server).value_or(current_);
    if (!(lookup.server == books.config.servers[current_]))
      fail(books, "the next server is " + books.config.servers[current_].text() + ", but "
                      + lookup.server.text() + " is tried");
    const bool in_time =
        books.call.kind == Call::Kind::start || is_left
        || (books.call.kind == Call::Kind::timer_due && books.call.timer == FAILOVER_TIMER_SWITCH);
    if (!in_time)
      fail(books, lookup.server.text() + " is tried without a wait");
  }

  void release_lookup(const Books &books, uint64_t number) override
  {
    auto found = books.lookups.find(number);
    if (found != books.lookups.end() && found->second.role == Role::rotation)
      ended_ = true;
  }

  void hand_over(const Books &books, uint64_t number, bool accepted) override
  {
    const Connection *connection = books.connection(number);
    if (accepted && connection)
      taken_ = connection->role;
  }

  void returned(const Books &books) override
  {
    // an attempt that ends with neither stop nor connection has failed
    if (books.call.kind == Call::Kind::stop)
      {
        if (lost_after_ms_)
          failed(books);
        due_ = books.config.servers[current_];
      }
    else if (taken_ == Role::probe || taken_ == Role::move)
      {
        current_ = books.config.position(books.connection_in_use()->server).value_or(0);
        is_open_ = false;
        begin_round();
      }
    else if (!taken_ && ((ended_ && books.call.kind != Call::Kind::steered) || lost_after_ms_))
      failed(books);
  }

private:
  void start(const Books &books)
  {
    const Call &call = books.call;
    const auto due = books.config.position(due_);
    const bool goes_on = call.with_snapshot && (!call.was_in_use || (call.connection_open && due));
    current_ = goes_on ? due.value_or(0) : 0;
    tried_.clear();
    if (!call.was_in_use || !call.connection_open)
      current_ = next(books, current_, std::nullopt);
    if (!goes_on)
      failures_ = 0;
  }

  void begin_round()
  {
    failures_ = 0;
    tried_.clear();
  }

  void go_on(const Books &books) { current_ = next(books, current_ + 1, current_); }

  // The first that may be used and is not known to be down; with all down that was not tried
  // in this round.
  std::size_t next(const Books &books, std::size_t from, std::optional<std::size_t> failed)
  {
    is_open_ = is_open_ || !is_sure(books);
    const auto &servers = books.config.servers;
    std::optional<std::size_t> usable, untried;
    for (std::size_t i = 0; i < servers.size(); i++)
      {
        const std::size_t position = (from + i) % servers.size();
        if (!books.is_usable(servers[position]))
          continue;
        const bool is_down = books.config.standby_interval_ms > 0 && books.is_known_down(servers[position]);
        if (!is_down && position != failed)
          return position;
        usable = usable.value_or(position);
        if (!tried_.contains(position))
          untried = untried.value_or(position);
      }
    return untried.value_or(usable.value_or(from % servers.size()));
  }

  // Whether one that was not in the list for a while is still known to be down is open.
  static bool is_sure(const Books &books)
  {
    const auto &servers = books.config.servers;
    return books.config.standby_interval_ms == 0
           || std::all_of(servers.begin(), servers.end(), [&](const ServerName &server) {
                auto found = books.found.find(server.text());
                return found == books.found.end() || found->second.sure;
              });
  }

  void failed(const Books &books)
  {
    if (lost_after_ms_ && *lost_after_ms_ >= proven_after_ms && !books.call.fruitless)
      begin_round();
    tried_.insert(current_);
    const auto &servers = books.config.servers;
    const auto count = static_cast<std::size_t>(std::count_if(
        servers.begin(), servers.end(), [&](const ServerName &server) { return books.is_usable(server); }));
    const bool round_is_over = ++failures_ >= count;
    if (round_is_over)
      begin_round();
    go_on(books);

    if (books.call.kind == Call::Kind::stop)
      return;
    const int64_t least =
        round_is_over ? books.config.time_reopen_ms : books.config.effective_switch_delay_ms();
    const int64_t most = round_is_over ? least + least / 10 : least;
    const auto &timer = books.timers[FAILOVER_TIMER_SWITCH];
    if (!timer)
      fail(books, "no wait for the next server after a failure");
    else if (*timer - books.now_ms < least || *timer - books.now_ms > most)
      fail(books, "the wait for the next server is " + std::to_string(*timer - books.now_ms) + " ms, not "
                      + std::to_string(least) + " to " + std::to_string(most));
  }

  std::size_t current_ = 0;  // in use, being tried, or to be tried next
  std::size_t failures_ = 0; // in this round
  std::set<std::size_t> tried_;
  bool is_open_ = false; // which one it is
  ServerName due_;       // what current_ was before the reload
  // in the call that is going on
  bool ended_ = false;
  std::optional<Role> taken_;
  std::optional<int64_t> lost_after_ms_; // it was in use that long
};

} // namespace

std::unique_ptr<Invariant>
rotation()
{
  return std::make_unique<Rotation>();
}

} // namespace failover::sim
