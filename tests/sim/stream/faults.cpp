// SPDX-License-Identifier: GPL-2.0-or-later
//
// See faults.hpp.
#include "stream/faults.hpp"

#include <algorithm>

namespace failover::sim::stream {

namespace {

constexpr int64_t longest_timeout_ms = 4'000;

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

// The design promises that no message is lost that a receiver dies with unread if it
// has not kept it unread for longer than the grace while nothing told of it: the world
// does not kill one that has, or may have by the time the sender notices.
bool
Faults::is_covered(const Link &link, bool silent) const
{
  // without an answer to wait for, a sender goes on believing in a silent receiver
  const bool waits = link.acked() < link.written();
  const int64_t notices_ms = silent && !waits ? longest_timeout_ms : link.config().latency_ms;
  return link.unread() == 0 || link.hidden_ms() + notices_ms < stage_.books.config.grace_ms;
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
