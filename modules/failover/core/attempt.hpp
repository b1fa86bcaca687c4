// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// One attempt to connect to one server: look-up, then its addresses, the next
// one started while the last is still unanswered (RFC 8305), all within one
// deadline.  Owned by the engine, which has three: for the rotation, for the probes and for
// what an administrator asks for, each with timers of the host; and by its checks, which
// watch the time for all of theirs.  Main thread.
//
// Whatever throws, for lack of memory, cancel() cleans up after it.  To that end
// nothing allocates between what happened and what is made of it.
#pragma once

#include "host.hpp"
#include "server.hpp"

#include <algorithm>
#include <optional>
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
  // Without timers: who owns it calls timer_due() at due_ms().
  Attempt(const Host &host, IdSequence &ids, std::optional<AttemptTimers> timers)
    : host_(host), ids_(ids), timers_(timers)
  {}

  bool running() const { return running_; }
  int64_t started_ms() const { return started_ms_; }
  int64_t due_ms() const { return std::min(deadline_ms_, next_address_ms_.value_or(deadline_ms_)); }
  bool is_making(Id connection) const;

  void start(const Server &server, failover_purpose purpose, int64_t limit_ms);
  // Gives up without a result.
  void cancel();

  // What happened; numbers of others are ignored.  The result ends the attempt
  // unless it is pending.
  AttemptResult resolved(Id lookup, const std::vector<std::string> &addresses);
  AttemptResult not_resolved(Id lookup, std::string_view detail);
  AttemptResult connected(Id connection);
  AttemptResult connect_failed(Id connection, failover_reason reason, std::string_view detail);
  AttemptResult deadline_passed();
  void next_address_due();
  AttemptResult timer_due(int64_t now_ms);

private:
  struct Pending
  {
    Id connection;
    std::size_t address;
  };

  void set_next_address(std::optional<int64_t> due_ms);
  int64_t open_ms() const { return purpose_ == FAILOVER_PURPOSE_CHECK ? FAILOVER_CHECK_OPEN_MS : 0; }
  void connect_next();
  bool take_pending(Id connection, Pending &pending);
  AttemptResult fail(failover_reason reason, std::string_view detail, std::string address);

  const Host &host_;
  IdSequence &ids_;
  std::optional<AttemptTimers> timers_;
  bool running_ = false;
  std::string host_name_;
  failover_purpose purpose_ = FAILOVER_PURPOSE_USE;
  Id lookup_ = 0;
  int64_t started_ms_ = 0;
  int64_t deadline_ms_ = 0;
  std::optional<int64_t> next_address_ms_;
  std::vector<std::string> addresses_;
  std::size_t next_ = 0; // the first address not yet started
  std::vector<Pending> pending_;
};

} // namespace failover
