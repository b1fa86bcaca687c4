// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the destination asks the world for; see world.hpp.
#include "world.hpp"

#include <algorithm>
#include <utility>

namespace failover::sim {

// ---- timers

void
World::set_timer(failover_timer timer, int64_t due_ms)
{
  request("set a timer", &Observer::set_timer, timer, due_ms);
  next_is_move_ = timer == FAILOVER_TIMER_MOVE_DEADLINE;
  if (timer == FAILOVER_TIMER_HAND_OVER)
    {
      // the connection that was made waits for the LogWriter, and counts as used
      auto found = books_.connections.find(books_.call.number);
      if (books_.call.kind == Call::Kind::connected && found != books_.connections.end()
          && found->second.state == Connection::State::open)
        {
          stage_.tell(&Observer::hand_over, found->first, true);
          take_into_use(found->second);
        }
      due_ms = std::min(due_ms, queue_.now_ms() + books_.surroundings.hand_over_limit_ms);
    }
  if (timer_tickets_[timer])
    queue_.cancel(*timer_tickets_[timer]);
  books_.timers[timer] = due_ms;
  timer_tickets_[timer] = queue_.schedule_for_process(due_ms, [this, timer] { timer_is_due(timer); });
}

void
World::cancel_timer(failover_timer timer)
{
  request("cancel a timer", &Observer::cancel_timer, timer);
  if (timer_tickets_[timer])
    queue_.cancel(*timer_tickets_[timer]);
  timer_tickets_[timer].reset();
  books_.timers[timer].reset();
}

void
World::lost(uint64_t messages, failover_loss)
{
  books_.told_lost += messages;
}

// ---- look-ups and connections in the making

// Checks have no timers of their own.
Role
World::role_of_next()
{
  const Call &call = books_.call;
  const auto is_due = [&](failover_timer timer) {
    return call.kind == Call::Kind::timer_due && call.timer == timer;
  };
  if (std::exchange(next_is_move_, false))
    return Role::move;
  if (is_due(FAILOVER_TIMER_PROBE))
    return Role::probe;
  const bool took_away = call.kind == Call::Kind::steered && call.wish != Wish::check;
  return is_due(FAILOVER_TIMER_SWITCH) || call.kind == Call::Kind::start || took_away ? Role::rotation
                                                                                      : Role::check;
}

void
World::resolve(uint64_t number, const std::string &host, uint16_t port)
{
  Lookup lookup;
  lookup.number = number;
  lookup.server = { host, port };
  lookup.started_ms = queue_.now_ms();
  lookup.role = role_of_next();
  request("look up a name", &Observer::resolve, lookup);
  books_.lookups[number] = lookup;
  books_.used_numbers.insert(number);
  const Network::LookupAnswer answer = network_.look_up(lookup.server);
  if (answer.after_ms)
    after(*answer.after_ms, [this, number, answer] { answer_lookup(number, answer); });
}

void
World::release_lookup(uint64_t number)
{
  request("release a look-up", &Observer::release_lookup, number);
  if (auto found = books_.lookups.find(number); found != books_.lookups.end())
    find_out(found->second);
  books_.lookups.erase(number);
}

// The attempt is over: with a result, unless it was given up.
void
World::find_out(const Lookup &lookup)
{
  static const std::map<Role, failover_timer> deadlines = {
    { Role::rotation, FAILOVER_TIMER_ATTEMPT_DEADLINE },
    { Role::probe, FAILOVER_TIMER_PROBE_DEADLINE },
    { Role::move, FAILOVER_TIMER_MOVE_DEADLINE },
    { Role::check, FAILOVER_TIMER_CHECK },
  };
  const Call &call = books_.call;
  const int64_t check_ms = books_.config.connect_timeout_ms + FAILOVER_CHECK_OPEN_MS;
  const bool is_too_late = call.kind == Call::Kind::timer_due && call.timer == deadlines.at(lookup.role)
                           && (lookup.role != Role::check || queue_.now_ms() >= lookup.started_ms + check_ms);
  if (is_too_late || call.lookup == lookup.number)
    books_.found[lookup.server.text()] = { .up = call.kind == Call::Kind::connected };
}

void
World::connect(uint64_t number, uint64_t lookup, uint32_t address, const std::string &name,
               failover_purpose purpose)
{
  Connection connection;
  connection.number = number;
  connection.lookup = lookup;
  connection.address = address;
  connection.name = name;
  connection.purpose = purpose;
  auto found = books_.lookups.find(lookup);
  if (found != books_.lookups.end())
    {
      connection.role = found->second.role;
      connection.server = found->second.server;
    }
  request("connect", &Observer::connect, connection);
  books_.used_numbers.insert(number);
  if (found == books_.lookups.end())
    return;

  books_.connections[number] = connection;
  const Network::ConnectAnswer answer = network_.connect(connection.server, address);
  if (answer.after_ms)
    after(*answer.after_ms, [this, number, answer] { answer_connect(number, answer); });
}

void
World::close(uint64_t number)
{
  request("close a connection", &Observer::close, number);
  // one that has waited for the LogWriter, and was overtaken
  if (const Connection *connection = books_.connection(number); connection && connection->flow >= 0)
    {
      Flow &flow = books_.flows[static_cast<std::size_t>(connection->flow)];
      flow.link->close();
      flow.ended = true;
      if (books_.in_use == number)
        books_.in_use.reset();
    }
  books_.connections.erase(number);
}

// ---- the LogWriter

// The connection is the one in use from now on.
void
World::take_into_use(Connection &connection)
{
  if (auto before = books_.in_use ? books_.connections.find(*books_.in_use) : books_.connections.end();
      before != books_.connections.end())
    before->second.state = Connection::State::left;
  Flow &flow = peers_.add(connection);
  connection.flow = flow.number;
  connection.state = Connection::State::in_use;
  connection.in_use_since_ms = queue_.now_ms();
  books_.in_use = connection.number;
  if (connection.ends_ms)
    queue_.schedule(*connection.ends_ms, [this, &flow] {
      if (!books_.healed && flow.link->receiver_lives())
        peers_.hang_up(flow);
    });
}

bool
World::give_to_writer(uint64_t number)
{
  const bool accepted = books_.healed || !random_.chance(hand_over_fails_percent_);
  auto found = books_.connections.find(number);
  const bool waited = books_.in_use == number && found != books_.connections.end() && found->second.flow >= 0;
  request("give a connection to the LogWriter",
          waited ? &Observer::hand_over_completes : &Observer::hand_over, number, accepted);
  if (!accepted || found == books_.connections.end())
    {
      if (found != books_.connections.end())
        books_.found[found->second.server.text()] = { .up = false };
      if (waited)
        {
          books_.flows[static_cast<std::size_t>(found->second.flow)].link->close();
          books_.in_use.reset();
        }
      books_.connections.erase(number);
      writer_.refuse();
      return false;
    }

  if (!waited)
    take_into_use(found->second);
  Flow &flow = books_.flows[static_cast<std::size_t>(found->second.flow)];
  const Config &config = books_.config;
  flow.kept = config.resend;
  flow.grace_ms = config.grace_ms;
  flow.buffer_limit = config.buffer_limit;
  flow.dead_peer_timeout_ms = config.dead_peer_timeout_ms;
  // the kernel's own, of which the module needs nothing
  if (!flow.kept)
    flow.link->set_user_timeout(config.dead_peer_timeout_ms > 0
                                    ? misread(config, stage_.fault).dead_peer_timeout_ms
                                    : books_.surroundings.longest_timeout_ms);
  if (books_.writer_has)
    books_.connections.erase(*books_.writer_has);
  books_.writer_has = number;
  books_.writer_has_foreign = false;
  writer_.give(flow);
  return true;
}

bool
World::writer_connection_has_ended() const
{
  if (books_.call.kind == Call::Kind::ended)
    return true;
  const Flow *flow = books_.flow_in_use();
  return books_.call.kind == Call::Kind::timer_due && books_.call.timer == FAILOVER_TIMER_STREAM && flow
         && flow->link->is_over();
}

void
World::take_from_writer()
{
  const bool ended = writer_connection_has_ended();
  if (const Flow *flow = books_.flow_in_use(); flow && ended)
    {
      books_.call.number = flow->connection;
      books_.call.fruitless = flow->kept && (!flow->posted.empty() || flow->held) && flow->confirmed == 0;
      if (books_.in_use == books_.writer_has)
        books_.found[flow->server.text()] = { .up = false };
    }
  request("take the connection from the LogWriter", &Observer::take_from_writer, ended);
  leave_writer();
}

// Its connection is gone, or drained.
void
World::leave_writer()
{
  books_.writer_has_foreign = false;
  writer_.take();
  if (!books_.writer_has)
    return;
  books_.connections.erase(*books_.writer_has);
  if (books_.in_use == books_.writer_has)
    books_.in_use.reset();
  books_.writer_has.reset();
}

void
World::shut_down()
{
  stage_.tell(&Observer::asks, "shut a connection down");
  writer_.shut_down();
}

void
World::wake_writer()
{
  stage_.tell(&Observer::asks, "wake the LogWriter");
  writer_.wake();
}

void
World::event(const failover_event &event)
{
  request("tell an event", &Observer::event, event);
}

// ---- an administrator

void
World::steer(Wish wish, const ServerName &server)
{
  static const std::map<Wish, failover_admin> states = { { Wish::drain, FAILOVER_ADMIN_DRAIN },
                                                         { Wish::maint, FAILOVER_ADMIN_MAINT },
                                                         { Wish::ready, FAILOVER_ADMIN_READY } };
  Request asked{ .number = ++books_.asked, .wish = wish, .server = server };
  Call call{ .kind = Call::Kind::steered, .wish = wish, .server = server };
  if (auto found = states.find(wish); found != states.end())
    {
      const auto &servers = books_.config.servers;
      asked.is_last =
          wish == Wish::maint && std::none_of(servers.begin(), servers.end(), [&](const ServerName &other) {
            return !(other == server) && books_.admin_of(other) != FAILOVER_ADMIN_MAINT;
          });
      call.admin_changes = !asked.is_last && books_.admin_of(server) != found->second;
      if (call.admin_changes)
        books_.admin[server.text()] = found->second;
    }
  books_.requests[asked.number] = asked;
  this->call(call, [&] { return subject_.steer(asked); });
}

void
World::answer(uint64_t number, failover_answer answer)
{
  auto found = books_.requests.find(number);
  const Request asked = found == books_.requests.end() ? Request() : found->second;
  request("answer", &Observer::answered, asked, answer);
  books_.requests.erase(number);
}

} // namespace failover::sim
