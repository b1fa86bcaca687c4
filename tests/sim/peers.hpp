// SPDX-License-Identifier: GPL-2.0-or-later
//
// The processes at the other end, and the connections to them that are or were in use:
// what they read is put together again to messages.  Owned by the world of one seed.
#pragma once

#include "network.hpp"
#include "proto.hpp"
#include "stage.hpp"

#include <deque>

namespace failover::sim {

class Peers
{
public:
  Peers(Stage &stage, Network &network, Prng random, Link::Events &events);

  // A connection is in use from now on.
  Flow &add(const Connection &connection);
  // The process has read some of its bytes.
  void read(const Link &link, std::string_view bytes);

  // ---- faults

  enum class End
  {
    kill,           // RST if bytes are unread, FIN otherwise
    close_in_order, // when all is read
    close_at_once,  // FIN first, whatever is unread
    cut_path,       // by a firewall that forgets
    cut_power,
    reboot,
    cut_own_network, // what is sent does not leave our machine
  };
  Flow &flow(std::size_t number) { return stage_.books.flows[number]; }
  // Or not, if nothing promises that no message is lost by it; what happened, as text.
  std::string end(Flow &flow, End how);
  // As a server does that breaks its connections.
  std::string hang_up(Flow &flow);
  // The network has changed: paths are clogged or not.
  void look_at_paths();
  void heal();

private:
  struct Process
  {
    Process(Tls tls, bool framed) : unframer(tls, framed) {}
    Unframer unframer;
    uint64_t waiting = 0; // messages that a load balancer has not passed on
    bool is_dead = false;
  };

  void deliver(Flow &flow, std::string_view text);
  void have(Flow &flow, uint32_t message);
  std::optional<uint32_t> message_number(std::string_view text) const;
  static bool dies(End how);
  bool is_covered(const Flow &flow, End how) const;

  Stage &stage_;
  Network &network_;
  Prng random_;
  Link::Events &events_;
  std::deque<Link> links_;
  std::deque<Process> processes_;
};

} // namespace failover::sim
