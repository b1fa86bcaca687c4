// SPDX-License-Identifier: GPL-2.0-or-later
//
// With standby-probe-interval() each server that is not in use is checked that often, one
// after the other; the one in use never, and the primary not beside the probes of
// failback().  What is found is told when it differs from what was known.
#include "all.hpp"

#include <algorithm>

namespace failover::sim {

namespace {

class StandbyProbes final : public Invariant
{
public:
  const char *name() const override { return "standby_probes"; }
  int exit_code() const override { return 55; }
  const char *rule() const override { return "servers not in use are checked, one by one, changes are told"; }

  void calling(const Books &books) override
  {
    ended_.clear();
    told_.clear();
    if (books.call.kind == Call::Kind::start)
      {
        checks_.clear();
        waits_since_ms_.assign(books.config.servers.size(), books.now_ms);
      }
  }

  void resolve(const Books &books, const Lookup &lookup) override
  {
    if (const auto position = books.config.position(lookup.server))
      waits_since_ms_[*position] = books.now_ms;
    if (lookup.role != Role::check)
      return;
    const std::string server = lookup.server.text();
    if (is_in_use(books, lookup.server))
      fail(books, server + " is in use, and checked");
    if (is_asked_for(books))
      {
        checks_.erase(server);
        return;
      }
    if (books.config.standby_interval_ms == 0)
      fail(books, server + " is checked, and nobody wants that");
    if (books.lookup(Role::check))
      fail(books, server + " is checked while another is");
    if (books.config.failback && lookup.server == books.config.servers.front())
      fail(books, "the primary is checked, and has its own probes");
    check_pace(books, server);
  }

  void release_lookup(const Books &books, uint64_t number) override
  {
    auto found = books.lookups.find(number);
    const bool has_result = books.call.lookup == number || books.call.timer == FAILOVER_TIMER_CHECK;
    if (has_result && found != books.lookups.end() && found->second.role == Role::check)
      {
        const std::string server = found->second.server.text();
        auto before = books.found.find(server);
        if (before != books.found.end())
          ended_[server] = before->second;
        else
          ended_[server].reset();
      }
  }

  void event(const Books &books, const failover_event &event) override
  {
    if (event.kind != FAILOVER_EVENT_SERVER_UP && event.kind != FAILOVER_EVENT_SERVER_DOWN)
      return;
    const std::string server(event.server.data, event.server.length);
    if (!told_.insert(server).second || !ended_.contains(server))
      fail(books, server + " is told to have been checked, it was not");
    else if (is_known(server, event.kind == FAILOVER_EVENT_SERVER_UP))
      fail(books, "what is told of " + server + " is what was known");
  }

  void returned(const Books &books) override
  {
    for (const auto &[server, before] : ended_)
      if (auto now = books.found.find(server); now != books.found.end() && books.running)
        {
          const bool changed = !before || (before->sure && before->up != now->second.up);
          if (changed && !told_.contains(server))
            fail(books, "a check of " + server + " has found a change, which is not told");
        }
    for (const auto &[number, lookup] : books.lookups)
      if (lookup.role == Role::check && is_in_use(books, lookup.server))
        fail(books, lookup.server.text() + " is in use, and still checked");
    if (books.config.standby_interval_ms == 0)
      return;
    for (std::size_t i = 0; i < books.config.servers.size(); i++)
      if (!is_waiting(books, books.config.servers[i]))
        waits_since_ms_[i] = books.now_ms;
  }

  void settled(const Books &books) override
  {
    const Config &config = books.config;
    if (!books.running || config.standby_interval_ms == 0)
      return;
    const int64_t longest_ms = config.longest_standby_interval_ms();
    for (std::size_t i = 0; i < config.servers.size(); i++)
      {
        const int64_t since_ms = std::max({ waits_since_ms_[i], books.configured_ms, books.woken_ms });
        if (books.now_ms > since_ms + longest_ms && is_waiting(books, config.servers[i]))
          fail(books, config.servers[i].text() + " is not in use, and not checked for "
                          + std::to_string(books.now_ms - since_ms) + " ms");
      }
  }

private:
  struct Checked
  {
    int64_t last_ms;
    std::optional<int64_t> before_ms;
  };

  static bool is_in_use(const Books &books, const ServerName &server)
  {
    const Connection *used = books.connection_in_use();
    return used && used->server == server;
  }

  static bool is_asked_for(const Books &books)
  {
    return std::any_of(books.requests.begin(), books.requests.end(),
                       [](const auto &request) { return request.second.wish == Wish::check; });
  }

  static bool is_waiting(const Books &books, const ServerName &server)
  {
    const bool has_own_probes = books.config.failback && server == books.config.servers.front();
    const bool is_tried = std::any_of(books.lookups.begin(), books.lookups.end(),
                                      [&](const auto &lookup) { return lookup.second.server == server; });
    return books.running && !is_in_use(books, server) && !is_tried && !has_own_probes
           && books.admin_of(server) != FAILOVER_ADMIN_MAINT;
  }

  bool is_known(const std::string &server, bool up) const
  {
    const auto &before = ended_.find(server)->second;
    return before && before->sure && before->up == up;
  }

  // A check may come late in one round and soon in the next; not so in the one after that.
  void check_pace(const Books &books, const std::string &server)
  {
    auto found = checks_.find(server);
    if (found == checks_.end())
      {
        checks_[server] = { books.now_ms, std::nullopt };
        return;
      }
    Checked &checked = found->second;
    if (checked.before_ms && books.now_ms < *checked.before_ms + books.config.standby_interval_ms)
      fail(books, server + " is checked three times within "
                      + std::to_string(books.now_ms - *checked.before_ms) + " ms");
    checked = { books.now_ms, checked.last_ms };
  }

  std::map<std::string, Checked> checks_; // that nobody asked for
  std::vector<int64_t> waits_since_ms_;   // by position
  // in the call that is going on
  std::map<std::string, std::optional<Books::Found>> ended_; // checks, with what was known before
  std::set<std::string> told_;
};

} // namespace

std::unique_ptr<Invariant>
standby_probes()
{
  return std::make_unique<StandbyProbes>();
}

} // namespace failover::sim
