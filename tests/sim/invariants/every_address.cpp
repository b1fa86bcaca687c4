// SPDX-License-Identifier: GPL-2.0-or-later
//
// All addresses of a name are tried before the next server, up to 16, in their
// order: the next one 250 ms after the last, or at once when one fails.  An
// attempt fails before its deadline only if all of them have failed.
#include "all.hpp"

#include <algorithm>

namespace failover::sim {

namespace {

constexpr int64_t next_address_after_ms = 250;

class EveryAddress final : public Invariant
{
public:
  const char *name() const override { return "every_address"; }
  int exit_code() const override { return 22; }
  const char *rule() const override { return "every address of a server is tried, in time"; }

  void calling(const Books &books) override
  {
    failed_.reset();
    const Connection *connection = books.connection(books.call.number);
    if (books.call.kind != Call::Kind::connect_failed || !connection)
      return;
    failed_ = connection->lookup;
    started_before_ = progress_[*failed_].started;
    was_last_ = connecting(books, *failed_) == 1;
  }

  void connect(const Books &books, const Connection &connection) override
  {
    if (!books.lookups.contains(connection.lookup))
      return;
    Progress &progress = progress_[connection.lookup];
    if (connection.address != progress.started)
      fail(books, "address " + std::to_string(connection.address) + " of " + connection.server.text()
                      + " is tried out of turn");
    if (progress.started > 0 && books.call.kind != Call::Kind::connect_failed
        && books.now_ms < progress.last_ms + next_address_after_ms)
      fail(books, "the next address of " + connection.server.text() + " is tried too early");
    progress.started++;
    progress.last_ms = books.now_ms;
  }

  void release_lookup(const Books &books, uint64_t number) override
  {
    auto found = books.lookups.find(number);
    if (failed_ == number && found != books.lookups.end()
        && (!was_last_ || started_before_ < usable(found->second)))
      fail(books, "the attempt on " + found->second.server.text() + " fails before all addresses have");
    progress_.erase(number);
  }

  void returned(const Books &books) override
  {
    if (!failed_)
      return;
    auto found = books.lookups.find(*failed_);
    if (found != books.lookups.end() && started_before_ < usable(found->second)
        && progress_[*failed_].started == started_before_)
      fail(books,
           "an address of " + found->second.server.text() + " fails, the next one does not follow at once");
  }

  void settled(const Books &books) override
  {
    for (const auto &[number, lookup] : books.lookups)
      {
        const Progress &progress = progress_[number];
        if (lookup.answered && progress.started < usable(lookup)
            && (!connecting(books, number) || books.now_ms >= progress.last_ms + next_address_after_ms))
          fail(books, "the next address of " + lookup.server.text() + " is not tried in time");
      }
  }

private:
  struct Progress
  {
    uint32_t started = 0;
    int64_t last_ms = 0;
  };

  static uint32_t usable(const Lookup &lookup) { return std::min(lookup.address_count, most_addresses); }

  static int64_t connecting(const Books &books, uint64_t lookup)
  {
    return std::count_if(books.connections.begin(), books.connections.end(),
                         [&](const auto &entry) { return entry.second.lookup == lookup; });
  }

  std::map<uint64_t, Progress> progress_; // of each look-up
  // in the call that is going on: an address of this look-up has failed
  std::optional<uint64_t> failed_;
  uint32_t started_before_ = 0;
  bool was_last_ = false;
};

} // namespace

std::unique_ptr<Invariant>
every_address()
{
  return std::make_unique<EveryAddress>();
}

} // namespace failover::sim
