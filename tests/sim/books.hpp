// SPDX-License-Identifier: GPL-2.0-or-later
//
// The world's own books: what the destination asked for and what became of it; which
// message was posted where, when it was acknowledged, and who has it.  The world writes
// them, invariants read them; nothing here comes from what the module says about itself,
// except where it is named so.
#pragma once

#include "config.hpp"
#include "failover-status.h"
#include "link.hpp"
#include "queue.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace failover::sim {

// What an attempt was made for: the rotation, a probe of the primary, a switch or a drain
// that an administrator asked for, or a check.
enum class Role
{
  rotation,
  probe,
  move,
  check,
};

// What an administrator asks for.
enum class Wish
{
  use, // that server now
  drain,
  maint,
  ready,
  check, // all servers
};

struct Request
{
  uint64_t number = 0;
  Wish wish = Wish::use;
  ServerName server;
  bool is_last = false; // maint: it is the last one that is not
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

// As the destination knows it, by its number; until it is closed, or not the LogWriter's any more.
struct Connection
{
  enum class State
  {
    making,
    open,
    in_use,
    left, // another is in use, and waits for the LogWriter to be done with this one
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
  uint32_t boot = 0;              // of the server, when it was made
  std::optional<int64_t> ends_ms; // by itself
  int flow = -1;                  // from when it is in use
};

// What the LogWriter sends over one connection; it is drained after that.
struct Flow
{
  int number = 0;
  Link *link = nullptr;
  uint64_t connection = 0;
  ServerName server;
  bool kept = false; // what is posted on it is kept until it is confirmed
  int64_t grace_ms = 0;
  std::size_t buffer_limit = 0;
  int64_t dead_peer_timeout_ms = 0; // as configured when it was made
  std::vector<uint32_t> posted;     // messages
  std::optional<uint32_t> held;     // accepted, and to be written later
  std::vector<uint64_t> ends;       // their places in the stream
  std::vector<int64_t> acked_ms;    // when the sender's kernel knew that they were acknowledged
  std::size_t acked = 0;            // of posted
  std::size_t confirmed = 0;        // of posted
  std::size_t bytes = 0;            // in the module's buffer, of what is not confirmed
  bool left_for_another = false;    // healthy, at the end of a message, for a return to the primary
  bool ended = false;               // the sender has closed it
  bool in_trouble = false;          // by then something had happened to it
  bool stuck = false;               // it was drained, until nothing moved any more
  std::size_t read = 0;             // messages
};

struct Message
{
  uint32_t length = 0;
  bool accepted = false;  // taken from the queue of the LogWriter: ours to deliver
  bool kept = false;      // by the module, until it is confirmed
  bool confirmed = false; // let go by the sender
  bool cut = false;       // to make room
  bool lost = false;      // given up for a reason that the design names
  uint32_t delivered = 0;
  uint32_t posted = 0;
  bool stored = false;   // in the file of a reliable queue
  bool filed = false;    // it is there still: not acknowledged
  int flow = -1;         // of the last posting so far
  std::size_t place = 0; // there
  int before = -1;       // the flow of the posting before that

  // Nobody knows of it any more, but for the file that it is in and whoever has it.
  void forget()
  {
    accepted = kept = confirmed = cut = false;
    posted = 0;
    flow = before = -1;
    place = 0;
  }
};

// Messages since the module's part was made: what its counters should be.
struct Counters
{
  uint64_t accepted = 0;
  uint64_t confirmed = 0;
  uint64_t resent = 0;
  uint64_t lost = 0;
  std::size_t bytes = 0; // of what is kept
};

// The call of the destination that is going on.
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
    ended,   // the LogWriter's connection
    quiet,   // it has come to the end of a message
    release, // between two configurations
    finish,  // of syslog-ng
    steered, // by an administrator
    late,    // an answer about a number that was given up
  };

  Kind kind = Kind::none;
  failover_timer timer = FAILOVER_TIMER_COUNT;    // timer_due
  uint64_t number = 0;                            // of the look-up or connection
  uint64_t lookup = 0;                            // whose end it may be
  failover_reason reason = FAILOVER_REASON_COUNT; // connect_failed
  bool fruitless = false;                         // ended: messages were posted, none was confirmed
  bool with_snapshot = false;                     // start: after a reload
  bool was_in_use = false;                        // start: before the reload
  bool connection_open = false;                   // start: still
  Wish wish = Wish::use;                          // steered
  ServerName server = {};                         // steered
  bool admin_changes = false;                     // steered: its state
  failover_status status = FAILOVER_OK;           // known when it has returned
};

struct Books
{
  Surroundings surroundings;
  Config config;
  int64_t now_ms = 0;
  int64_t woken_ms = 0;      // when our process was last let run again, after it was not
  int64_t configured_ms = 0; // the start of this configuration
  bool running = false;
  bool healed = false;
  bool settled = false; // at the end: nothing was left to do, and every grace is over
  Call call;

  // Hosts whose name, addresses, TCP and TLS all work.
  std::map<std::string, int64_t> well_since_ms;

  // What is alive: look-ups until they are released, connections until closed.
  std::map<uint64_t, Lookup> lookups;
  std::map<uint64_t, Connection> connections;
  std::array<std::optional<int64_t>, FAILOVER_TIMER_COUNT> timers;
  std::optional<uint64_t> in_use;     // chosen
  std::optional<uint64_t> writer_has; // the same, unless a hand-over waits
  bool writer_has_foreign = false;    // a connection that syslog-ng's own driver has made
  bool was_removed = false;           // there was a configuration without failover()
  std::set<uint64_t> used_numbers;

  // What the last attempt, check or connection has told of a server; absent: there was none.
  struct Found
  {
    bool up = false;
    bool sure = true; // it was in the list ever since
  };
  std::map<std::string, Found> found;

  // By server; absent: ready.  Of one destination.
  std::map<std::string, failover_admin> admin;
  std::map<uint64_t, Request> requests; // that have no answer
  uint64_t asked = 0;

  std::vector<Message> messages;
  std::deque<Flow> flows; // none moves when another comes
  std::size_t draining = 0;
  std::size_t queued = 0;              // messages that the LogWriter has yet to post
  const ReliableQueue *file = nullptr; // its reliable queue, if it has one
  bool file_attached = false;          // for the destination to acknowledge
  Counters counters;
  uint64_t told_lost = 0; // in the call that is going on

  // failover_destination_in_use(), after each call
  struct SaidInUse
  {
    uint64_t connection;
    uint32_t server;
  };
  std::optional<SaidInUse> said_in_use;

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
  failover_admin admin_of(const ServerName &server) const
  {
    if (admin.empty())
      return FAILOVER_ADMIN_READY;
    auto found = admin.find(server.text());
    return found == admin.end() ? FAILOVER_ADMIN_READY : found->second;
  }
  bool is_known_down(const ServerName &server) const
  {
    auto told = found.find(server.text());
    return told != found.end() && !told->second.up;
  }
  bool is_any(failover_admin state) const
  {
    return std::any_of(config.servers.begin(), config.servers.end(),
                       [&](const ServerName &server) { return admin_of(server) == state; });
  }
  // Drained ones are, if none is ready.
  bool is_usable(const ServerName &server) const
  {
    const failover_admin state = admin_of(server);
    return state == FAILOVER_ADMIN_READY || (state == FAILOVER_ADMIN_DRAIN && !is_any(FAILOVER_ADMIN_READY));
  }
  // Of its file less is free than is reserved, or than a quarter: what is not acknowledged
  // must not throttle or drop.
  bool is_short_of_room() const { return file->free() < std::max(file->reserved(), file->size() / 4); }
  bool hand_over_waits() const { return in_use && in_use != writer_has; }
  const Connection *connection_in_use() const { return in_use ? connection(*in_use) : nullptr; }
  bool primary_in_use() const
  {
    const Connection *used = connection_in_use();
    return used && used->server == config.servers.front();
  }
  // Of the LogWriter.
  const Flow *flow_in_use() const
  {
    const Connection *used = writer_has ? connection(*writer_has) : nullptr;
    return used && used->flow >= 0 ? &flows[static_cast<std::size_t>(used->flow)] : nullptr;
  }
};

// The text of a message is its number and a filling, and a newline where that ends it.
std::string message_text(const Books &books, uint32_t number);

} // namespace failover::sim
