// SPDX-License-Identifier: GPL-2.0-or-later
//
// See faults.hpp.
#include "stream/faults.hpp"

#include <algorithm>

namespace failover::sim::stream {

namespace {

// from one sample to the next, at the most
constexpr int64_t longest_watch_ms = 1'000;
constexpr int64_t longest_timeout_ms = 4'000;
constexpr int64_t longest_drain_step_ms = 50;

} // namespace

Faults::Faults(Stage &stage, Host &host, std::deque<Link> &links, Prng random, World world)
  : stage_(stage), host_(host), links_(links), random_(random), world_(std::move(world))
{
  for (uint32_t &weight : weights_)
    weight = random_.chance(30) ? 0 : static_cast<uint32_t>(random_.between(1, 20));
}

Faults::Act
Faults::draw_act()
{
  // receivers freeze in every world, the rest depends on the seed
  int64_t total = 5;
  for (uint32_t weight : weights_)
    total += weight;
  int64_t drawn = random_.between(1, total);
  for (int act = 0; act < acts; act++)
    if ((drawn -= weights_[act]) <= 0)
      return static_cast<Act>(act);
  return freeze_or_thaw;
}

// Mostly the one in use, sometimes one that was left and is still there.
Link *
Faults::draw_link()
{
  if (links_.empty())
    return nullptr;
  const Connection *in_use = host_.connection_in_use();
  const std::size_t index = in_use && random_.chance(65)
                                ? in_use->number
                                : links_.size() - 1 - random_.below(std::min<std::size_t>(links_.size(), 3));
  Link &link = links_[index];
  return link.receiver_lives() ? &link : nullptr;
}

void
Faults::happen()
{
  const Act act = draw_act();
  if (act == return_to_primary)
    {
      if (host_.connection_in_use() && !host_.hands_over())
        world_.return_to_primary();
      return;
    }
  Link *link = draw_link();
  if (!link)
    return;
  if (act == freeze_or_thaw)
    freeze_or_thaw_now(*link);
  else if (act == freeze_and_die)
    freeze_and_die_later(*link);
  else
    end(*link, act);
}

void
Faults::freeze_or_thaw_now(Link &link)
{
  if (link.frozen())
    link.thaw();
  else
    link.freeze();
  world_.note("receiver " + std::to_string(link.number()) + (link.frozen() ? " freezes" : " thaws"));
}

// So that it dies with bytes unread.
void
Faults::freeze_and_die_later(Link &link)
{
  if (!link.frozen())
    freeze_or_thaw_now(link);
  const Act act = random_.chance(70) ? kill : cut_power;
  stage_.queue.schedule(stage_.queue.now_ms() + random_.log_between(1, 3'000), [this, &link, act] {
    if (link.frozen() && link.receiver_lives())
      end(link, act);
  });
}

void
Faults::end(Link &link, Act act)
{
  const std::string name = "receiver " + std::to_string(link.number());
  const int64_t timeout_ms = random_.log_between(100, longest_timeout_ms);
  if ((act == kill || act == cut_power) && !is_covered(link, act == cut_power || link.cut()))
    {
      world_.note(name + " is spared");
      return;
    }
  const std::string unread = " with " + std::to_string(link.unread()) + " bytes unread";
  if (act == kill)
    {
      world_.note(name + " is killed" + unread);
      link.kill();
    }
  else if (act == close_in_order)
    {
      world_.note(name + " closes when it has read everything");
      link.close_when_read();
    }
  else if (act == cut_path)
    {
      world_.note("the path to " + name + " is cut, timeout in " + std::to_string(timeout_ms) + " ms");
      link.cut_path(timeout_ms);
    }
  else
    {
      world_.note(name + " loses its power" + unread + ", timeout in " + std::to_string(timeout_ms) + " ms");
      link.cut_power(timeout_ms);
    }
}

// How far the grace clock may get until the sender notices: not at all while
// the window is small.  `silent`: it notices by its own timeout.
int64_t
Faults::clock_may_run_ms(const Link &link, bool silent) const
{
  const Connection &connection = stage_.books.connections[link.number()];
  if (connection.ended || link.shows_unread(connection.clock.widest()))
    return 0;
  const int64_t since_known_ms = stage_.queue.now_ms() - connection.clock.known_to_ms();
  if (silent)
    // without an answer it stops at the next sample, if there is anything to be answered
    return since_known_ms + (link.acked() < link.written() ? longest_watch_ms : longest_timeout_ms);
  return since_known_ms + link.config().latency_ms + longest_drain_step_ms;
}

// The design promises that no message is lost that a receiver dies with unread,
// if its TCP has acknowledged it less than the grace ago on the grace clock.
// For that a receiver that leaves bytes unread for longer has to show it: with a
// window under half of its buffer, or by not answering.  One that leaves a few
// bytes unread for long while nothing more comes is not covered: the world does
// not kill it.
bool
Faults::is_covered(const Link &link, bool silent) const
{
  const Connection &connection = stage_.books.connections[link.number()];
  const uint64_t acknowledged = silent ? link.acked() : link.acknowledging();
  const int64_t run_ms = clock_may_run_ms(link, silent);
  if (link.unread() == 0)
    return true;
  for (std::size_t i = connection.read; i < connection.posted.size() && connection.ends[i] <= acknowledged;
       i++)
    {
      const Message &message = stage_.books.messages[connection.posted[i]];
      if (message.connection != connection.number || message.grace_cut)
        continue;
      const int64_t age_ms = message.grace_from == never ? 0 : connection.clock.ms() - message.grace_from;
      if (age_ms + run_ms >= stage_.books.config.grace_ms)
        return false;
    }
  return true;
}

void
Faults::heal()
{
  for (Link &link : links_)
    {
      link.speed_up();
      link.thaw();
    }
}

} // namespace failover::sim::stream
