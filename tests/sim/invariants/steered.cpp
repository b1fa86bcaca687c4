// SPDX-License-Identifier: GPL-2.0-or-later
//
// What an administrator asks for is done, or is answered with the truth.
#include "all.hpp"

#include <algorithm>

namespace failover::sim {

namespace {

class Steered final : public Invariant
{
public:
  const char *name() const override { return "steered"; }
  int exit_code() const override { return 53; }
  const char *rule() const override
  {
    return "each request has one answer, and it is true; maint is never used";
  }

  void resolve(const Books &books, const Lookup &lookup) override
  {
    if (books.admin_of(lookup.server) == FAILOVER_ADMIN_MAINT)
      fail(books, lookup.server.text() + " is in maintenance, and tried");
    const bool for_use = lookup.role == Role::rotation || lookup.role == Role::move;
    if (for_use && !books.is_usable(lookup.server))
      fail(books, lookup.server.text() + " is drained, and tried though another is ready");
  }

  void hand_over(const Books &books, uint64_t number, bool accepted) override
  {
    const Connection *connection = books.connection(number);
    if (accepted && connection && books.admin_of(connection->server) == FAILOVER_ADMIN_MAINT)
      fail(books, connection->server.text() + " is in maintenance, and taken into use");
  }

  void answered(const Books &books, const Request &request, failover_answer answer) override
  {
    const std::string server = request.server.text();
    if (request.number == 0)
      fail(books, "an answer to what nobody has asked, or to what has one");
    else if (answer == FAILOVER_ANSWER_DONE && !is_done(books, request))
      fail(books, "it is told that all is done about " + server + ", it is not");
    else if (answer == FAILOVER_ANSWER_NOT_READY && books.admin_of(request.server) == FAILOVER_ADMIN_READY)
      fail(books, server + " is told not to be ready, it is");
    else if ((answer == FAILOVER_ANSWER_LAST) != request.is_last)
      fail(books,
           server + (request.is_last ? " is" : " is not") + " the last one that is not in maintenance");
    else if (answer == FAILOVER_ANSWER_STAYS && !is_in_use(books, request.server)
             && !books.is_usable(request.server))
      fail(books, server + " is told to stay in use, it is not");
  }

  void event(const Books &books, const failover_event &event) override
  {
    if (event.kind != FAILOVER_EVENT_DRAINED)
      return;
    const ServerName &server = books.config.servers[event.position];
    if (is_reached(books, server) || books.admin_of(server) == FAILOVER_ADMIN_READY)
      fail(books, server.text() + " is told to be drained, it is not");
  }

  void returned(const Books &books) override
  {
    if (books.call.kind == Call::Kind::stop && !books.requests.empty())
      fail(books, "a reload leaves a request without an answer");
    for (const auto &[number, lookup] : books.lookups)
      if (books.admin_of(lookup.server) == FAILOVER_ADMIN_MAINT)
        fail(books, lookup.server.text() + " is in maintenance, and still tried");
  }

  // Who waits for an answer has something to wait for.
  void settled(const Books &books) override
  {
    for (const auto &[number, request] : books.requests)
      if (books.running && !goes_on(books, request))
        fail(books, "the request about " + request.server.text() + " waits for nothing");
  }

private:
  static bool is_in_use(const Books &books, const ServerName &server)
  {
    const Connection *used = books.connection_in_use();
    return used && used->server == server;
  }

  // Something connects us with it: in use, waiting, or drained.
  static bool is_reached(const Books &books, const ServerName &server)
  {
    return is_in_use(books, server)
           || std::any_of(books.flows.begin(), books.flows.end(), [&](const Flow &flow) {
                return flow.server == server && !flow.ended && !flow.link->is_closed();
              });
  }

  static bool is_done(const Books &books, const Request &request)
  {
    switch (request.wish)
      {
      case Wish::use:
        return is_in_use(books, request.server);
      case Wish::drain:
      case Wish::maint:
        return !is_reached(books, request.server);
      case Wish::ready:
        return books.admin_of(request.server) == FAILOVER_ADMIN_READY;
      case Wish::check:
        return !books.lookup(Role::check);
      }
    return false;
  }

  static bool goes_on(const Books &books, const Request &request)
  {
    switch (request.wish)
      {
      case Wish::use:
        return books.lookup(Role::move);
      case Wish::drain:
      case Wish::maint:
        return is_in_use(books, request.server)
                   ? books.lookup(Role::move) != nullptr
                   : is_reached(books, request.server) || books.hand_over_waits();
      case Wish::ready:
        return false;
      case Wish::check:
        return books.lookup(Role::check);
      }
    return false;
  }
};

} // namespace

std::unique_ptr<Invariant>
steered()
{
  return std::make_unique<Steered>();
}

} // namespace failover::sim
