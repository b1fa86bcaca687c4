// SPDX-License-Identifier: GPL-2.0-or-later
//
// See world.hpp.
#include "world.hpp"

#include <algorithm>

namespace failover::sim {

namespace {

// What syslog-ng waits for at its end, at the most; when all is well that is enough.
constexpr int64_t shutdown_limit_ms = 3'000;
constexpr int64_t shutdown_healed_limit_ms = 60'000;
constexpr int64_t finish_every_ms = 2;

Books
make_books(const Surroundings &surroundings)
{
  Books books;
  books.surroundings = surroundings;
  return books;
}

void
draw_messages(Books &books, Prng &random)
{
  const Surroundings &surroundings = books.surroundings;
  books.messages.resize(surroundings.messages);
  for (Message &message : books.messages)
    {
      message.length = static_cast<uint32_t>(random.between(surroundings.shortest, surroundings.longest));
      if (random.chance(surroundings.over_limit_percent))
        message.length += static_cast<uint32_t>(Config::smallest_buffer);
    }
}

} // namespace

World::World(Prng random, Fault fault, const Surroundings &surroundings, std::vector<Observer *> observers)
  : random_(random), network_(surroundings.is_short, random_.fork()),
    books_(make_books(surroundings)), stage_{ queue_, books_, std::move(observers), fault },
    subject_(*this, fault), peers_(stage_, network_, random_.fork(), *this),
    writer_(stage_, subject_, random_.fork(), *this),
    hand_over_fails_percent_(random_.chance(50) ? 0 : static_cast<uint32_t>(random_.between(1, 60))),
    late_answers_(random_.chance(50))
{
  draw_messages(books_, random_);
}

// Where it was left when something was violated.
World::~World()
{
  stage_.observers.clear();
  if (!subject_.exists())
    return;
  subject_.stop(true);
  writer_.take();
  (void)subject_.finished();
  subject_.free();
}

std::string
message_text(const Books &books, uint32_t number)
{
  std::string text = std::to_string(number);
  text.resize(books.messages[number].length, static_cast<char>('a' + number % 26));
  if (!books.surroundings.framed)
    text.back() = '\n';
  return text;
}

// ---- the life of a destination

void
World::start(const Config &config)
{
  subject_.make();
  writer_.retire(false);
  begin(config, { .kind = Call::Kind::start });
}

void
World::stop()
{
  if (books_.running)
    end(random_.chance(70), random_.chance(50));
  if (!subject_.exists())
    return;
  writer_.retire(true);
  const bool all_done =
      finish(books_.healed ? shutdown_healed_limit_ms : random_.log_between(1, shutdown_limit_ms));
  uint64_t unacknowledged = 0;
  call({ .kind = Call::Kind::finish }, [&] {
    unacknowledged = subject_.finished();
    return FAILOVER_OK;
  });
  stage_.tell(&Observer::finished, unacknowledged, all_done);
  go();
}

// The kernel closes its sockets, as at a stop: what comes of that in here reaches nothing.
void
World::crash()
{
  writer_.detach_queue();
  writer_.die();
  if (books_.running)
    end(true);
  if (!subject_.exists())
    return;
  call({ .kind = Call::Kind::finish }, [&] {
    (void)subject_.finished();
    return FAILOVER_OK;
  });
  go();
}

void
World::go()
{
  call({ .kind = Call::Kind::release }, [&] {
    leave_writer();
    return FAILOVER_OK;
  });
  writer_.detach_queue();
  forget();
}

// True: there is nothing left to wait for.
bool
World::finish(int64_t limit_ms)
{
  const int64_t end_ms = queue_.now_ms() + limit_ms;
  bool goes_on = true;
  is_ending_ = true;
  while (goes_on && queue_.now_ms() < end_ms)
    {
      call({ .kind = Call::Kind::finish }, [&] {
        goes_on = subject_.finish();
        return FAILOVER_OK;
      });
      const int64_t until_ms = queue_.now_ms() + finish_every_ms;
      while (goes_on && queue_.run_next(until_ms))
        ;
    }
  is_ending_ = false;
  return !goes_on;
}

// The destination goes, and with it what it kept and no file does.
void
World::forget()
{
  call({ .kind = Call::Kind::release }, [&] {
    subject_.free();
    return FAILOVER_OK;
  });
  for (Message &message : books_.messages)
    if (message.filed)
      message.forget();
    else
      message.lost = message.lost || (message.kept && !message.confirmed);
  books_.counters = {};
  books_.in_use.reset();
  books_.writer_has.reset();
  books_.connections.clear();
  books_.lookups.clear();
  books_.used_numbers.clear();
  books_.admin.clear();
  books_.found.clear();
  life_++;
}

void
World::reload(const Config &config, const Reload &how)
{
  Call call{ .kind = Call::Kind::start, .with_snapshot = true };
  call.was_in_use = end(how);
  const auto start = [&](const Config &with) {
    call.connection_open = books_.writer_has.has_value();
    begin(with, call);
  };
  if (how.tried)
    {
      start(*how.tried);
      call.was_in_use = end(how);
    }
  // without its connections, nothing of it is left to be kept
  if (stage_.fault == Fault::forget_waiting && !books_.writer_has && books_.draining == 0)
    {
      subject_.free();
      subject_.make();
      books_.call = {};
    }
  start(config);
}

void
World::remove()
{
  end(false);
  writer_.detach_queue();
  const bool ends = subject_.ends_if_removed();
  books_.was_removed = true;
  books_.writer_has_foreign = !ends && random_.chance(50);
}

void
World::restore(const Config &config)
{
  const bool has_foreign = books_.writer_has_foreign;
  if (books_.draining > 0) // that is left to the kernel
    call({ .kind = Call::Kind::finish }, [&] {
      (void)subject_.finished();
      return FAILOVER_OK;
    });
  forget();
  subject_.make();
  books_.writer_has_foreign = has_foreign;
  begin(config, { .kind = Call::Kind::start, .connection_open = has_foreign });
}

void
World::begin(const Config &config, Call start)
{
  books_.config = config;
  books_.running = true;
  books_.configured_ms = queue_.now_ms();
  // a list of servers in maintenance only has its primary ready
  if (!books_.is_any(FAILOVER_ADMIN_READY) && !books_.is_any(FAILOVER_ADMIN_DRAIN))
    books_.admin.erase(config.servers.front().text());
  for (auto &entry : books_.found)
    entry.second.sure =
        entry.second.sure
        && std::any_of(config.servers.begin(), config.servers.end(),
                       [&](const ServerName &listed) { return listed.text() == entry.first; });
  books_.well_since_ms.clear();
  look_who_is_well();
  call(start, [&] {
    writer_.attach_queue(start.with_snapshot);
    return subject_.start(config, start.connection_open);
  });
}

// What was under way may still be answered: the destination keeps silent.  True: a
// connection was in use.
bool
World::end(bool keeps_connection, bool releases)
{
  writer_.finish_job();
  std::vector<uint64_t> under_way;
  for (const auto &[number, lookup] : books_.lookups)
    under_way.push_back(number);
  for (const auto &[number, connection] : books_.connections)
    if (connection.state == Connection::State::making)
      under_way.push_back(number);

  call({ .kind = Call::Kind::stop }, [&] {
    subject_.stop(keeps_connection);
    books_.running = false;
    return FAILOVER_OK;
  });
  for (uint64_t number : under_way)
    tell_late(number);
  const bool was_in_use = books_.in_use.has_value();
  if (!keeps_connection && releases)
    call({ .kind = Call::Kind::release }, [&] {
      leave_writer();
      return FAILOVER_OK;
    });
  return was_in_use;
}

bool
World::end(const Reload &how)
{
  const bool was_in_use = end(how.keeps_connection);
  if (!how.fits)
    call({ .kind = Call::Kind::release }, [&] {
      leave_writer();
      return FAILOVER_OK;
    });
  writer_.detach_queue();
  return was_in_use;
}

// Every call of the destination goes through here, but for those of the posting side.
void
World::call(Call call, const std::function<failover_status()> &function)
{
  calls_ += call.timer != FAILOVER_TIMER_STREAM && call.kind != Call::Kind::finish;
  books_.call = call;
  const Connection *connection = books_.connection(call.number);
  books_.call.lookup = connection ? connection->lookup : call.number;
  stage_.tell(&Observer::calling);

  if (call.kind == Call::Kind::connected)
    books_.connections[call.number].state = Connection::State::open;
  else if (call.kind == Call::Kind::connect_failed)
    books_.connections.erase(call.number);
  else if (call.kind == Call::Kind::timer_due)
    books_.timers[call.timer].reset();

  books_.call.status = function();
  Books::SaidInUse said;
  books_.said_in_use.reset();
  if (subject_.in_use(said.connection, said.server))
    books_.said_in_use = said;
  stage_.tell(&Observer::returned);
  if (books_.told_lost > 0)
    settle_losses();
  books_.call = {};
}

// Only what no configuration sends again may be given up.
void
World::settle_losses()
{
  const bool may_be = !books_.running || !books_.config.resend;
  uint64_t with_cause = 0;
  for (Message &message : books_.messages)
    if (may_be && message.kept && !message.confirmed && !message.lost && !message.filed
        && books_.flows[static_cast<std::size_t>(message.flow)].ended)
      {
        message.lost = true;
        books_.counters.bytes -= 4 + message.length;
        with_cause++;
      }
  stage_.tell(&Observer::lost, books_.told_lost, with_cause);
  books_.counters.lost += books_.told_lost;
  books_.told_lost = 0;
}

// ---- messages

void
World::enqueue(uint32_t count)
{
  for (; count > 0 && has_more_messages(); count--)
    writer_.enqueue(next_message_++);
}

// ---- what the network and the clock do

std::string
World::change(const Network::Change &change)
{
  look_who_is_well();
  std::string text;
  for (Flow &flow : books_.flows)
    if (flow.server.host == change.host && flow.link->receiver_lives() && (change.rebooted || change.broken))
      text += "; " + (change.rebooted ? peers_.end(flow, Peers::End::reboot) : peers_.hang_up(flow));
  peers_.look_at_paths();
  return text;
}

std::string
World::change_names()
{
  const std::string text = network_.disturb_names();
  look_who_is_well();
  return text;
}

std::string
World::change_own_link()
{
  const std::string text = network_.disturb_own_link();
  look_who_is_well();
  peers_.look_at_paths();
  return text;
}

void
World::look_who_is_well()
{
  for (const ServerName &server : books_.config.servers)
    if (!network_.well(server, books_.config.tls != Tls::none))
      books_.well_since_ms.erase(server.host);
    else
      books_.well_since_ms.emplace(server.host, queue_.now_ms());
}

// Our process is not let run for that long.
void
World::sleep(int64_t ms)
{
  if (queue_.asleep())
    return;
  stage_.tell(&Observer::sleeps);
  queue_.sleep();
  wake_ticket_ = queue_.schedule(queue_.now_ms() + ms, [this] { wake(); });
}

void
World::wake()
{
  if (!queue_.asleep())
    return;
  queue_.cancel(*wake_ticket_);
  queue_.wake();
  books_.woken_ms = queue_.now_ms();
}

void
World::heal()
{
  wake();
  network_.heal();
  books_.healed = true;
  for (const ServerName &server : books_.config.servers)
    if (books_.admin_of(server) != FAILOVER_ADMIN_READY)
      steer(Wish::ready, server);
  stage_.tell(&Observer::healed);
  peers_.heal();
  enqueue(UINT32_MAX);
}

void
World::step(int64_t until_ms)
{
  if (queue_.settled())
    stage_.tell(&Observer::settled);
  queue_.run_next(until_ms);
}

void
World::judge()
{
  stage_.tell(&Observer::judged, subject_.stream());
}

} // namespace failover::sim
