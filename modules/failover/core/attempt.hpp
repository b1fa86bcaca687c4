// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// One attempt to connect to one server: look-up, then its addresses, the next
// one started while the last is still unanswered (RFC 8305), all within one
// deadline.  Owned by the engine, which has two: for the rotation and for the
// probes.  Main thread.
//
// Whatever throws, for lack of memory, cancel() cleans up after it.  To that end
// nothing allocates between what happened and what is made of it.
#pragma once

#include "host.hpp"
#include "server.hpp"

#include <vector>

namespace failover {

// Which of the host's timers an attempt uses.
struct AttemptTimers
{
  failover_timer deadline;
  failover_timer next_address;
};

struct AttemptResult
{
  enum class State
  {
    pending,
    connected,
    failed
  } state = State::pending;
  failover_reason reason = FAILOVER_REASON_LOCAL; // failed
  std::string_view detail;                        // failed; borrowed from who reported it
  Id connection = 0;                              // connected: open, belongs to the caller now
  std::string address;
  int64_t took_ms = 0;
};

class Attempt
{
public:
  Attempt(const Host &host, IdSequence &ids, AttemptTimers timers) : host_(host), ids_(ids), timers_(timers)
  {}

  bool running() const { return running_; }
  int64_t started_ms() const { return started_ms_; }

  void start(const Server &server, failover_purpose purpose, int64_t limit_ms);
  // Gives up without a result.
  void cancel();

  // What happened; numbers of others are ignored.  The result ends the attempt
  // unless it is pending.
  AttemptResult resolved(Id lookup, std::vector<std::string> addresses);
  AttemptResult not_resolved(Id lookup, std::string_view detail);
  AttemptResult connected(Id connection);
  AttemptResult connect_failed(Id connection, failover_reason reason, std::string_view detail);
  AttemptResult deadline_passed();
  void next_address_due();

private:
  struct Pending
  {
    Id connection;
    std::size_t address;
  };

  void connect_next();
  bool take_pending(Id connection, Pending &pending);
  AttemptResult fail(failover_reason reason, std::string_view detail, std::string address);

  const Host &host_;
  IdSequence &ids_;
  AttemptTimers timers_;
  bool running_ = false;
  std::string host_name_;
  failover_purpose purpose_ = FAILOVER_PURPOSE_USE;
  Id lookup_ = 0;
  int64_t started_ms_ = 0;
  std::vector<std::string> addresses_;
  std::size_t next_ = 0; // the first address not yet started
  std::vector<Pending> pending_;
};

} // namespace failover
