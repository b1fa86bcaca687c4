// SPDX-License-Identifier: GPL-2.0-or-later
//
// See peers.hpp.
#include "peers.hpp"

#include <algorithm>

namespace failover::sim {

Peers::Peers(Stage &stage, Network &network, Prng random, Link::Events &events)
  : stage_(stage), network_(network), random_(random), events_(events)
{}

Flow &
Peers::add(const Connection &connection)
{
  const Books &books = stage_.books;
  const int number = static_cast<int>(links_.size());
  LinkConfig config = draw_link(books.config, books.surroundings, random_);
  if (books.healed)
    make_fast(config);
  Link &link = links_.emplace_back(number, config, stage_.queue, random_.fork(), events_);
  processes_.emplace_back(books.config.tls, books.surroundings.framed);
  Flow &flow = stage_.books.flows.emplace_back();
  flow.number = number;
  flow.link = &link;
  flow.connection = connection.number;
  flow.server = connection.server;
  if (connection.boot != network_.boot(connection.server))
    {
      link.reboot();
      // as in heal()
      if (books.healed)
        link.give_up();
    }
  if (network_.is_mute(connection.server))
    link.clog();
  // hung before the first byte: its kernel takes what comes
  if (!books.healed && random_.chance(12))
    link.freeze();
  return flow;
}

// ---- what they read

void
Peers::read(const Link &link, std::string_view bytes)
{
  Flow &flow = stage_.books.flows[static_cast<std::size_t>(link.number())];
  Process &process = processes_[static_cast<std::size_t>(link.number())];
  if (!process.unframer.read(bytes, [&](std::string_view text) { deliver(flow, text); }))
    stage_.tell(&Observer::torn, flow, std::string("no frame or record"));
}

void
Peers::deliver(Flow &flow, std::string_view text)
{
  const auto number = message_number(text);
  if (!number)
    {
      stage_.tell(&Observer::torn, flow, "\"" + std::string(text.substr(0, 40)) + "\"");
      return;
    }
  Process &process = processes_[static_cast<std::size_t>(flow.number)];
  const int64_t after_ms = flow.link->config().passes_on_ms;
  if (after_ms == 0)
    {
      have(flow, *number);
      return;
    }
  process.waiting++;
  stage_.queue.schedule(stage_.queue.now_ms() + after_ms, [this, &flow, &process, number = *number] {
    process.waiting--;
    if (!process.is_dead)
      have(flow, number);
  });
}

void
Peers::have(Flow &flow, uint32_t message)
{
  stage_.books.messages[message].delivered++;
  stage_.tell(&Observer::delivered, flow, message);
  flow.read++;
}

// Empty: it is not exactly one of the messages.
std::optional<uint32_t>
Peers::message_number(std::string_view text) const
{
  uint32_t number = 0;
  for (std::size_t i = 0; i < text.size() && text[i] >= '0' && text[i] <= '9' && i < 9; i++)
    number = number * 10 + static_cast<uint32_t>(text[i] - '0');
  if (number >= stage_.books.messages.size() || text != message_text(stage_.books, number))
    return std::nullopt;
  return number;
}

// ---- faults

// The design promises that no message is lost that a receiver dies with unread if it
// has not kept it unread for longer than the grace while nothing told of it: the world
// does not kill one that has, or may have by the time the sender notices.
bool
Peers::dies(End how)
{
  return how != End::close_in_order && how != End::cut_path && how != End::cut_own_network;
}

bool
Peers::is_covered(const Flow &flow, End how) const
{
  if (!flow.kept || !dies(how))
    return true; // nothing is promised, or nothing dies
  const Link &link = *flow.link;
  const bool silent =
      how == End::cut_power || how == End::reboot || link.is_cut_off() || link.mute_since_ms().has_value();
  // without an answer to wait for, a sender goes on believing in a silent receiver; answers that are
  // under way die with the power only
  const bool waits = (how == End::cut_power ? link.acked() : link.acknowledging()) < link.written();
  // nor does the window tell of what a load balancer has not passed on
  if (silent && processes_[static_cast<std::size_t>(flow.number)].waiting > 0)
    return false;
  const int64_t notices_ms =
      silent && !waits ? stage_.books.surroundings.longest_timeout_ms : 2 * link.config().latency_ms;
  return link.unread() == 0 || link.hidden_ms() + notices_ms < flow.grace_ms;
}

std::string
Peers::end(Flow &flow, End how)
{
  Link &link = *flow.link;
  const std::string name = "receiver " + std::to_string(flow.number);
  const int64_t timeout_ms = random_.log_between(100, stage_.books.surroundings.longest_timeout_ms);
  if (!is_covered(flow, how))
    return name + " is spared";
  const std::string unread = " with " + std::to_string(link.unread()) + " bytes unread";
  processes_[static_cast<std::size_t>(flow.number)].is_dead = dies(how);
  switch (how)
    {
    case End::kill:
      link.kill();
      return name + " is killed" + unread;
    case End::close_in_order:
      link.close_when_read();
      return name + " closes when it has read everything";
    case End::close_at_once:
      link.close_at_once(random_.chance(50));
      return name + " closes" + unread;
    case End::cut_path:
      link.cut_path(timeout_ms);
      return "the path to " + name + " is cut, timeout in " + std::to_string(timeout_ms) + " ms";
    case End::cut_power:
      link.cut_power(timeout_ms);
      return name + " loses its power" + unread + ", timeout in " + std::to_string(timeout_ms) + " ms";
    case End::reboot:
      link.reboot();
      return name + " reboots" + unread;
    case End::cut_own_network:
      link.cut_own_network(timeout_ms);
      return "nothing leaves for " + name + ", timeout in " + std::to_string(timeout_ms) + " ms";
    }
  return {};
}

std::string
Peers::hang_up(Flow &flow)
{
  static constexpr End ways[] = { End::kill, End::close_at_once, End::close_in_order };
  const End how = ways[random_.below(3)];
  return end(flow, is_covered(flow, how) ? how : End::close_in_order);
}

void
Peers::look_at_paths()
{
  for (Flow &flow : stage_.books.flows)
    if (const bool is_mute = network_.is_mute(flow.server); is_mute != flow.link->clogged())
      is_mute ? flow.link->clog() : flow.link->unclog();
}

// Those that are gone are noticed soon, whether something is sent or not.
void
Peers::heal()
{
  look_at_paths();
  for (Flow &flow : stage_.books.flows)
    {
      Link &link = *flow.link;
      link.speed_up();
      link.stay();
      link.thaw();
      if (!flow.ended && (!link.receiver_lives() || link.is_cut_off()) && !link.is_reset())
        link.give_up();
    }
}

} // namespace failover::sim
