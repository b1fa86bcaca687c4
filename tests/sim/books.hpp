// SPDX-License-Identifier: GPL-2.0-or-later
//
// The world's own books: what the engine asked for and what became of it.  The
// world writes them, invariants read them; nothing here comes from what the
// engine says about itself, except where it is named so.
#pragma once

#include "config.hpp"
#include "failover.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>

namespace failover::sim {

// What an attempt was made for: the rotation, or a probe of the primary.
enum class Role
{
  rotation,
  probe,
};

struct Lookup
{
  uint64_t number = 0;
  Role role = Role::rotation;
  ServerName server;
  int64_t started_ms = 0;
  bool answered = false;
  uint32_t address_count = 0;
};

struct Connection
{
  enum class State
  {
    making,
    open,
    in_use,
  };

  uint64_t number = 0;
  uint64_t lookup = 0;
  uint32_t address = 0;
  Role role = Role::rotation;
  ServerName server;
  std::string name; // of the peer, as the host was told
  failover_purpose purpose = FAILOVER_PURPOSE_USE;
  State state = State::making;
  bool tls = false; // established
  int64_t in_use_since_ms = 0;
  int64_t dead_peer_timeout_ms = 0; // as configured when it was taken into use
  // The other end answers nothing, or knows nothing of it any more.
  std::optional<int64_t> dead_since_ms;
  uint32_t boot = 0; // of the server, when it was made
  bool cut = false;  // forgotten by a firewall on the way
};

// The call of the engine that is going on.
struct Call
{
  enum class Kind
  {
    none,
    start,
    stop,
    timer_due,
    resolved,
    not_resolved,
    connected,
    connect_failed,
    disconnected,
    late, // an answer about a number that the engine has given up
  };

  Kind kind = Kind::none;
  failover_timer timer = FAILOVER_TIMER_COUNT;    // timer_due
  uint64_t number = 0;                            // of the look-up or connection
  failover_reason reason = FAILOVER_REASON_COUNT; // connect_failed, disconnected
  bool fruitless = false;                         // disconnected
  bool with_snapshot = false;                     // start: after a reload
  bool was_in_use = false;                        // start: before the reload
  bool connection_open = false;                   // start: still
  failover_status status = FAILOVER_OK;           // known when it has returned
};

struct Books
{
  Config config;
  int64_t now_ms = 0;
  bool running = false;
  bool healed = false;
  Call call;

  // Hosts whose name, addresses, TCP and TLS all work.
  std::map<std::string, int64_t> well_since_ms;

  // What is alive: look-ups until they are released, connections until closed.
  std::map<uint64_t, Lookup> lookups;
  std::map<uint64_t, Connection> connections;
  std::array<std::optional<int64_t>, FAILOVER_TIMER_COUNT> timers;
  std::optional<uint64_t> in_use;
  std::set<uint64_t> used_numbers;

  // failover_engine_in_use(), after each call
  struct EngineInUse
  {
    uint64_t connection;
    uint32_t server;
  };
  std::optional<EngineInUse> engine_in_use;

  const Lookup *lookup(Role role) const
  {
    for (const auto &[number, lookup] : lookups)
      if (lookup.role == role)
        return &lookup;
    return nullptr;
  }
  const Connection *connection(uint64_t number) const
  {
    auto found = connections.find(number);
    return found == connections.end() ? nullptr : &found->second;
  }
  bool making(uint64_t number) const
  {
    const Connection *made = connection(number);
    return made && made->state == Connection::State::making;
  }
  const Connection *connection_in_use() const { return in_use ? connection(*in_use) : nullptr; }
  bool primary_in_use() const
  {
    const Connection *used = connection_in_use();
    return used && used->server == config.servers.front();
  }
};

} // namespace failover::sim
