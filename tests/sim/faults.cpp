// SPDX-License-Identifier: GPL-2.0-or-later
//
// See faults.hpp.
#include "faults.hpp"

#include <algorithm>

namespace failover::sim {

namespace {

// One of them, as often as it weighs; the first if none is drawn.
std::size_t
draw(std::span<const uint32_t> weights, uint32_t weight_of_first, Prng &random)
{
  int64_t total = weight_of_first;
  for (uint32_t weight : weights)
    total += weight;
  int64_t drawn = random.between(1, total);
  for (std::size_t i = 0; i < weights.size(); i++)
    if ((drawn -= weights[i]) <= 0)
      return i;
  return 0;
}

} // namespace

Faults::Faults(World &world, Prng random, std::function<void(const std::string &)> note)
  : world_(world), random_(random), note_(std::move(note)),
    config_(draw_config(world.books().surroundings, random_))
{
  for (int act = 0; act < acts; act++)
    weights_[act] =
        random_.chance(25) ? 0 : static_cast<uint32_t>(random_.between(1, act < restart ? 20 : 3));
  // what a file brings back
  if (!world_.books().file)
    weights_[crash] = weights_[loss_of_file] = 0;
  else if (random_.chance(70))
    weights_[crash] *= 5;
  if (random_.chance(80))
    weights_[loss_of_file] = 0;
  for (uint32_t &weight : connection_weights_)
    weight = random_.chance(30) ? 0 : static_cast<uint32_t>(random_.between(1, 20));
}

void
Faults::begin()
{
  world_.start(config_);
  next_disturbance();
  next_fault();
}

void
Faults::next_disturbance()
{
  EventQueue &queue = world_.queue();
  const int64_t after_ms = random_.between(0, 2 * world_.books().surroundings.disturb_every_ms);
  queue.schedule(queue.now_ms() + after_ms, [this] {
    if (is_over_)
      return;
    disturb();
    next_disturbance();
  });
}

void
Faults::next_fault()
{
  EventQueue &queue = world_.queue();
  const int64_t after_ms = random_.between(0, 2 * world_.books().surroundings.fault_every_ms);
  queue.schedule(queue.now_ms() + after_ms, [this] {
    if (is_over_)
      return;
    // receivers freeze in every world, the rest depends on the seed
    const auto act = static_cast<ConnectionAct>(draw(connection_weights_, 5, random_));
    if (Flow *flow = draw_flow())
      hit(act, *flow);
    next_fault();
  });
}

// ---- servers, names, our process

void
Faults::disturb()
{
  // servers come and go in every world, the rest depends on the seed
  switch (static_cast<Act>(draw(weights_, 20, random_)))
    {
    case server_changes:
      apply(world_.network().disturb());
      return;
    case all_servers_change:
      for (const Network::Change &change : world_.network().disturb_all())
        apply(change);
      return;
    case name_server_changes:
      note_(world_.change_names());
      return;
    case own_link_changes:
      note_(world_.change_own_link());
      return;
    case process_sleeps:
      {
        const int64_t ms = random_.log_between(1, world_.books().surroundings.is_short ? 3'000 : 3'600'000);
        note_("our process is not let run for " + std::to_string(ms) + " ms");
        world_.sleep(ms);
        return;
      }
    case reload:
      if (world_.books().running)
        reload_now();
      return;
    case steer:
      if (world_.books().running)
        steer_now();
      return;
    case restart:
      world_.wake();
      note_("stop, and start anew");
      world_.stop();
      config_ = random_.chance(50) ? draw_config(world_.books().surroundings, random_) : config_;
      world_.start(config_);
      return;
    case removal:
      if (world_.books().running)
        remove_for_a_while();
      return;
    case crash:
      crash_now();
      return;
    case loss_of_file:
      note_("the file of the queue is corrupted");
      world_.lose_file();
      return;
    case acts:
      return;
    }
}

void
Faults::apply(const Network::Change &change)
{
  note_(change.text + world_.change(change));
}

void
Faults::reload_now()
{
  world_.wake();
  World::Reload how;
  how.keeps_connection = random_.chance(85);
  how.fits = random_.chance(90);
  how.fails = random_.chance(20);
  const Config changed = draw_change(config_, world_.books().surroundings, random_);
  if (!how.fails)
    config_ = changed;
  else if (random_.chance(70))
    how.tried = changed;
  note_(std::string("reload") + (how.fails ? ", which fails" : "")
        + (!how.keeps_connection ? ", the connection is closed"
           : !how.fits           ? ", which does not fit the connection"
                                 : ""));
  world_.reload(config_, how);
}

void
Faults::steer_now()
{
  static constexpr struct
  {
    Wish wish;
    const char *text;
  } wishes[] = { { Wish::use, "switch to " },
                 { Wish::drain, "drain " },
                 { Wish::maint, "maint " },
                 { Wish::ready, "ready " },
                 { Wish::check, "check all, not just " } };
  static constexpr uint32_t weights[] = { 30, 20, 10, 30, 10 };
  world_.wake();
  const auto &wish = wishes[draw(weights, 0, random_)];
  const ServerName server = config_.servers[random_.below(config_.servers.size())];
  note_(wish.text + server.text());
  world_.steer(wish.wish, server);
}

void
Faults::remove_for_a_while()
{
  world_.wake();
  note_("reload without failover()");
  world_.remove();
  start_later("reload with failover() again", random_.log_between(0, 2'000));
}

void
Faults::start_later(const char *what, int64_t after_ms)
{
  EventQueue &queue = world_.queue();
  queue.schedule(queue.now_ms() + after_ms, [this, what] {
    if (world_.books().running || world_.is_ending())
      return;
    note_(what);
    world_.wake();
    world_.restore(config_);
  });
}

void
Faults::crash_now()
{
  world_.wake();
  note_("our process is killed");
  world_.crash();
  if (random_.chance(20))
    config_ = draw_config(world_.books().surroundings, random_);
  start_later("start after it was killed", random_.chance(50) ? 0 : random_.log_between(1, 2'000));
}

// ---- one connection

// Mostly the one in use, sometimes one that was left and is still there; and often one
// that has something to lose.
Flow *
Faults::draw_flow()
{
  auto &peers = world_.peers();
  const std::size_t count = world_.books().flows.size();
  if (count == 0)
    return nullptr;
  const std::size_t oldest = count - std::min<std::size_t>(count, 3);
  const Flow *in_use = world_.books().flow_in_use();
  std::size_t index = in_use && random_.chance(65) ? static_cast<std::size_t>(in_use->number)
                                                   : oldest + random_.below(count - oldest);
  if (random_.chance(50))
    for (std::size_t i = oldest; i < count; i++)
      if (peers.flow(i).link->unread() > 0)
        index = i;
  Flow &flow = peers.flow(index);
  return flow.link->receiver_lives() ? &flow : nullptr;
}

void
Faults::hit(ConnectionAct act, Flow &flow)
{
  static constexpr Peers::End ends[] = { Peers::End::kill,           Peers::End::close_in_order,
                                         Peers::End::close_at_once,  Peers::End::cut_path,
                                         Peers::End::cut_power,      Peers::End::reboot,
                                         Peers::End::cut_own_network };
  if (act == freeze_or_thaw)
    freeze_or_thaw_now(flow);
  else if (act == freeze_and_die)
    freeze_and_die_later(flow);
  else
    note_(world_.peers().end(flow, ends[act - kill]));
}

void
Faults::freeze_or_thaw_now(Flow &flow)
{
  Link &link = *flow.link;
  if (link.frozen())
    link.thaw();
  else
    link.freeze();
  note_("receiver " + std::to_string(flow.number) + (link.frozen() ? " freezes" : " thaws"));
}

// So that it dies with bytes unread.
void
Faults::freeze_and_die_later(Flow &flow)
{
  if (!flow.link->frozen())
    freeze_or_thaw_now(flow);
  static constexpr Peers::End ends[] = { Peers::End::kill, Peers::End::kill, Peers::End::close_at_once,
                                         Peers::End::cut_power, Peers::End::reboot };
  const Peers::End how = ends[random_.below(std::size(ends))];
  EventQueue &queue = world_.queue();
  // while it is still covered, or later
  const int64_t after_ms =
      random_.chance(60) ? random_.between(0, flow.grace_ms) : random_.log_between(1, 3'000);
  queue.schedule(queue.now_ms() + after_ms, [this, &flow, how] {
    if (!is_over_ && flow.link->frozen() && flow.link->receiver_lives())
      note_(world_.peers().end(flow, how));
  });
}

} // namespace failover::sim
