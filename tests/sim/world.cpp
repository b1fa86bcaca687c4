// SPDX-License-Identifier: GPL-2.0-or-later
//
// See world.hpp.
#include "world.hpp"

#include <algorithm>

namespace failover::sim {

namespace {

// What Linux does by itself about data that nobody acknowledges.
constexpr int64_t kernel_gives_up_least_ms = 13 * 60'000;
constexpr int64_t kernel_gives_up_most_ms = 30 * 60'000;

} // namespace

World::World(Prng random, Fault fault, std::vector<Observer *> observers)
  : random_(random), network_(random_.fork()), subject_(*this, fault), observers_(std::move(observers)),
    most_between_messages_ms_(random_.log_between(1, 10 * 60'000)),
    hand_over_fails_percent_(random_.chance(50) ? 0 : static_cast<uint32_t>(random_.between(1, 60))),
    late_answers_(random_.chance(50))
{}

// ---- the life of a destination

void
World::start(const Config &config)
{
  start_engine(config, { .kind = Call::Kind::start });
}

void
World::stop()
{
  stop_engine();
  observe([&](Observer &o) { o.forgotten(books_); });
  books_.in_use.reset();
  books_.connections.clear();
  books_.lookups.clear();
  books_.used_numbers.clear();
  life_++;
}

void
World::reload(const Config &config, bool keep_connection)
{
  Call call{ .kind = Call::Kind::start, .with_snapshot = true };
  call.was_in_use = books_.in_use.has_value();
  call.connection_open = call.was_in_use && keep_connection;
  call.status = subject_.save();
  stop_engine();
  if (call.was_in_use && !keep_connection)
    {
      books_.connections.erase(*books_.in_use);
      books_.in_use.reset();
    }
  start_engine(config, call);
}

void
World::start_engine(const Config &config, Call start)
{
  books_.config = config;
  books_.running = true;
  books_.well_since_ms.clear();
  look_who_is_well();
  call(start, [&] {
    const failover_status status = subject_.configure(config);
    return status != FAILOVER_OK ? status : subject_.start(start.with_snapshot, start.connection_open);
  });
}

// What was under way may still be answered: the engine keeps silent.
void
World::stop_engine()
{
  std::vector<uint64_t> under_way;
  for (const auto &[number, lookup] : books_.lookups)
    under_way.push_back(number);
  for (const auto &[number, connection] : books_.connections)
    if (connection.state == Connection::State::making)
      under_way.push_back(number);

  call({ .kind = Call::Kind::stop }, [&] {
    const failover_status status = subject_.stop();
    books_.running = false;
    return status;
  });
  for (uint64_t number : under_way)
    tell_late(number);
}

// Every call of the engine goes through here.
void
World::call(Call call, const std::function<failover_status()> &function)
{
  calls_++;
  books_.call = call;
  books_.now_ms = queue_.now_ms();
  observe([&](Observer &o) { o.calling(books_); });

  if (call.kind == Call::Kind::connected)
    books_.connections[call.number].state = Connection::State::open;
  else if (call.kind == Call::Kind::connect_failed || call.kind == Call::Kind::disconnected)
    books_.connections.erase(call.number);
  else if (call.kind == Call::Kind::timer_due)
    books_.timers[call.timer].reset();
  if (call.kind == Call::Kind::disconnected)
    books_.in_use.reset();

  const failover_status status = function();
  if (call.status == FAILOVER_OK)
    books_.call.status = status;
  Books::EngineInUse in_use;
  books_.engine_in_use.reset();
  if (subject_.in_use(in_use.connection, in_use.server))
    books_.engine_in_use = in_use;
  observe([&](Observer &o) { o.returned(books_); });
  books_.call = {};
}

// ---- what the engine asks for

void
World::set_timer(failover_timer timer, int64_t due_ms)
{
  observe_request("set a timer", [&](Observer &o) { o.set_timer(books_, timer, due_ms); });
  if (timer_tickets_[timer])
    queue_.cancel(*timer_tickets_[timer]);
  books_.timers[timer] = due_ms;
  timer_tickets_[timer] = queue_.schedule(due_ms, [this, timer] { timer_is_due(timer); });
}

void
World::cancel_timer(failover_timer timer)
{
  observe_request("cancel a timer", [&](Observer &o) { o.cancel_timer(books_, timer); });
  if (timer_tickets_[timer])
    queue_.cancel(*timer_tickets_[timer]);
  timer_tickets_[timer].reset();
  books_.timers[timer].reset();
}

void
World::resolve(uint64_t number, const std::string &host, uint16_t port)
{
  const Call &call = books_.call;
  Lookup lookup;
  lookup.number = number;
  lookup.server = { host, port };
  lookup.started_ms = queue_.now_ms();
  lookup.role =
      call.kind == Call::Kind::timer_due && call.timer == FAILOVER_TIMER_PROBE ? Role::probe : Role::rotation;
  observe_request("look up a name", [&](Observer &o) { o.resolve(books_, lookup); });
  books_.lookups[number] = lookup;
  books_.used_numbers.insert(number);
  const Network::LookupAnswer answer = network_.look_up(lookup.server);
  if (answer.after_ms)
    after(*answer.after_ms, [this, number, answer] { answer_lookup(number, answer); });
}

void
World::release_lookup(uint64_t number)
{
  observe_request("release a look-up", [&](Observer &o) { o.release_lookup(books_, number); });
  books_.lookups.erase(number);
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
  observe_request("connect", [&](Observer &o) { o.connect(books_, connection); });
  books_.used_numbers.insert(number);
  if (found == books_.lookups.end())
    return;

  books_.connections[number] = connection;
  const Network::ConnectAnswer answer = network_.connect(connection.server, address);
  if (answer.after_ms)
    after(*answer.after_ms, [this, number, answer] { answer_connect(number, answer); });
}

bool
World::hand_over(uint64_t number)
{
  const bool accepted = books_.healed || !random_.chance(hand_over_fails_percent_);
  observe_request("hand over", [&](Observer &o) { o.hand_over(books_, number, accepted); });
  auto found = books_.connections.find(number);
  if (!accepted || found == books_.connections.end())
    {
      books_.connections.erase(number);
      return false;
    }

  if (books_.in_use)
    books_.connections.erase(*books_.in_use);
  found->second.state = Connection::State::in_use;
  found->second.in_use_since_ms = queue_.now_ms();
  found->second.dead_peer_timeout_ms = books_.config.dead_peer_timeout_ms;
  dead_peer_timeout_ms_ = subject_.dead_peer_timeout_ms();
  books_.in_use = number;
  watch_peer();
  return true;
}

void
World::close(uint64_t number)
{
  observe_request("close a connection", [&](Observer &o) { o.close(books_, number); });
  books_.connections.erase(number);
  if (books_.in_use == number)
    books_.in_use.reset();
}

void
World::event(const failover_event &event)
{
  observe_request("tell an event", [&](Observer &o) { o.event(books_, event); });
}

// ---- what happens later

// Nothing that was on its way when the process ended reaches the next one.
EventQueue::Ticket
World::after(int64_t ms, EventQueue::Action action)
{
  return queue_.schedule(queue_.now_ms() + ms, [this, life = life_, action = std::move(action)] {
    if (life == life_ && books_.running)
      action();
  });
}

void
World::timer_is_due(failover_timer timer)
{
  timer_tickets_[timer].reset();
  if (!books_.running)
    return;
  call({ .kind = Call::Kind::timer_due, .timer = timer }, [&] { return subject_.timer_due(timer); });
}

void
World::answer_lookup(uint64_t number, Network::LookupAnswer answer)
{
  auto found = books_.lookups.find(number);
  if (found == books_.lookups.end())
    return tell_late(number);
  if (!answer.resolved)
    return call({ .kind = Call::Kind::not_resolved, .number = number },
                [&] { return subject_.not_resolved(number); });
  found->second.answered = true;
  found->second.address_count = answer.address_count;
  call({ .kind = Call::Kind::resolved, .number = number },
       [&] { return subject_.resolved(number, answer.address_count); });
}

// TCP is there, or is not; what is to be used needs TLS too.
void
World::answer_connect(uint64_t number, Network::ConnectAnswer answer)
{
  if (!goes_on(number, answer))
    return;
  Connection &connection = books_.connections[number];
  connection.boot = network_.boot(connection.server);
  if (!books_.config.tls || connection.purpose == FAILOVER_PURPOSE_PROBE)
    return connected(number);
  const Network::ConnectAnswer next = network_.shake_hands(connection.server);
  if (next.after_ms)
    after(*next.after_ms, [this, number, next] { answer_handshake(number, next); });
}

void
World::answer_handshake(uint64_t number, Network::ConnectAnswer answer)
{
  if (!goes_on(number, answer))
    return;
  books_.connections[number].tls = true;
  connected(number);
}

bool
World::goes_on(uint64_t number, Network::ConnectAnswer answer)
{
  if (!books_.making(number))
    {
      tell_late(number);
      return false;
    }
  if (!answer.connected)
    {
      connect_fails(number, answer.reason);
      return false;
    }
  if (answer.life_ms)
    connection_breaks(*answer.life_ms, number, answer.reason);
  return true;
}

void
World::connected(uint64_t number)
{
  call({ .kind = Call::Kind::connected, .number = number }, [&] { return subject_.connected(number); });
}

void
World::connect_fails(uint64_t number, failover_reason reason)
{
  call({ .kind = Call::Kind::connect_failed, .number = number, .reason = reason },
       [&] { return subject_.connect_failed(number, reason); });
}

void
World::connection_ends(uint64_t number, failover_reason reason)
{
  if (books_.making(number)) // in the middle of its handshake
    return connect_fails(number, FAILOVER_REASON_TLS);
  if (books_.in_use != number)
    return tell_late(number);
  const bool fruitless = random_.chance(20);
  call({ .kind = Call::Kind::disconnected, .number = number, .reason = reason, .fruitless = fruitless },
       [&] { return subject_.disconnected(number, reason, fruitless); });
}

void
World::connection_breaks(int64_t after_ms, uint64_t number, failover_reason reason)
{
  after(after_ms, [this, number, reason] {
    if (!books_.healed)
      connection_ends(number, reason);
  });
}

// What the host notices of a peer that is not there any more, and when: a reset
// when it sends something, or nothing but the time that passes.
void
World::watch_peer()
{
  if (peer_ticket_)
    queue_.cancel(*peer_ticket_);
  if (!books_.connection_in_use())
    return;

  Connection &used = books_.connections[*books_.in_use];
  const Network::Peer peer = network_.peer(used);
  if (peer == Network::Peer::answers)
    {
      used.dead_since_ms.reset();
      return;
    }
  if (!used.dead_since_ms)
    used.dead_since_ms = queue_.now_ms();

  const int64_t longest_ms = books_.healed ? Network::healed_latency_ms : most_between_messages_ms_;
  int64_t noticed_ms = queue_.now_ms() + random_.log_between(0, longest_ms); // the next message
  if (peer == Network::Peer::silent)
    noticed_ms += random_.between(kernel_gives_up_least_ms, kernel_gives_up_most_ms);
  if (dead_peer_timeout_ms_ > 0)
    noticed_ms = std::min(noticed_ms, *used.dead_since_ms + dead_peer_timeout_ms_);
  const failover_reason reason =
      peer == Network::Peer::silent ? FAILOVER_REASON_TIMEOUT : FAILOVER_REASON_RESET;
  peer_ticket_ = after(noticed_ms - queue_.now_ms(),
                       [this, number = used.number, reason] { connection_ends(number, reason); });
}

// "A number that the engine has given up meanwhile is ignored."
void
World::tell_late(uint64_t number)
{
  if (!late_answers_ || books_.connection(number))
    return;
  Call late{ .kind = Call::Kind::late, .number = number };
  switch (random_.below(5))
    {
    case 0:
      return call(late, [&] { return subject_.resolved(number, 2); });
    case 1:
      return call(late, [&] { return subject_.not_resolved(number); });
    case 2:
      return call(late, [&] { return subject_.connected(number); });
    case 3:
      return call(late, [&] { return subject_.connect_failed(number, FAILOVER_REASON_REFUSED); });
    default:
      return call(late, [&] { return subject_.disconnected(number, FAILOVER_REASON_RESET, false); });
    }
}

// ---- what the network and the clock do

void
World::change(const Network::Change &change)
{
  look_who_is_well();
  const Connection *used = books_.connection_in_use();
  if (!used || used->server.host != change.host)
    return;
  watch_peer();
  if (change.broken)
    break_connection_in_use(random_.between(0, 500));
}

std::string
World::change_names()
{
  const std::string text = network_.disturb_names();
  look_who_is_well();
  return text;
}

void
World::look_who_is_well()
{
  for (const ServerName &server : books_.config.servers)
    if (!network_.well(server, books_.config.tls))
      books_.well_since_ms.erase(server.host);
    else
      books_.well_since_ms.emplace(server.host, queue_.now_ms());
}

void
World::break_connection_in_use(int64_t after_ms)
{
  if (!books_.in_use)
    return;
  static constexpr failover_reason reasons[] = { FAILOVER_REASON_RESET, FAILOVER_REASON_CLOSED,
                                                 FAILOVER_REASON_BROKEN };
  const failover_reason reason = reasons[random_.below(3)];
  connection_breaks(after_ms, *books_.in_use, reason);
}

void
World::cut_connection_in_use()
{
  if (!books_.connection_in_use())
    return;
  books_.connections[*books_.in_use].cut = true;
  watch_peer();
}

void
World::leap(int64_t ms)
{
  queue_.leap(ms);
  books_.now_ms = queue_.now_ms();
  observe([&](Observer &o) { o.leapt(books_); });
}

void
World::heal()
{
  network_.heal();
  books_.healed = true;
  books_.now_ms = queue_.now_ms();
  observe([&](Observer &o) { o.healed(books_); });
  watch_peer();
}

void
World::step(int64_t until_ms)
{
  if (queue_.settled())
    {
      books_.now_ms = queue_.now_ms();
      observe([&](Observer &o) { o.settled(books_); });
    }
  queue_.run_next(until_ms);
}

} // namespace failover::sim
