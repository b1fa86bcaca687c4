// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// Checks of servers that are not in use: standby probes, a round each
// standby-probe-interval(), one server after the other; and all at once when an
// administrator asks.  One timer of the host for all.  Owned by the engine, main thread.
//
// What goes wrong in here, for lack of memory, recover() cleans up after.
#pragma once

#include "attempt.hpp"
#include "roster.hpp"

#include <list>

namespace failover {

// Whom they are made for.
class Checked
{
public:
  // It is worth a check: not in use, not in maint.
  virtual bool is_checkable(std::size_t server) const = 0;
  // So much is left to the way back to the primary.
  virtual bool has_own_probes(std::size_t server) const = 0;
  virtual void checked(std::size_t server, const AttemptResult &result) = 0;
  // None is running any more.
  virtual void checks_done(failover_answer answer) = 0;

protected:
  ~Checked() = default;
};

class Checks
{
public:
  Checks(const Settings &settings, const Roster &roster, const Host &host, IdSequence &ids, Checked &checked);
  Checks(const Checks &) = delete;
  Checks &operator=(const Checks &) = delete;

  void start();
  void stop();
  void recover() noexcept;

  // Of all servers now; one that is being checked already need not be again.
  void check_all();
  // It is not worth a check any more.  Allocates nothing.
  void cancel(std::size_t server);

  // What happened; numbers of others are ignored.
  void timer_due();
  void resolved(Id lookup, const std::vector<std::string> &addresses);
  void not_resolved(Id lookup, std::string_view detail);
  void connected(Id connection);
  void connect_failed(Id connection, failover_reason reason, std::string_view detail);
  std::optional<std::size_t> server_of(Id connection) const;

private:
  struct Check
  {
    std::size_t server;
    Attempt attempt;
  };
  using List = std::list<Check>;

  template <typename Tell>
  void tell(Tell tell);
  void begin(std::size_t server);
  void finished(List::iterator check, AttemptResult &result);
  void go_on();
  void arm();

  const Settings &settings_;
  const Roster &roster_;
  const Host &host_;
  IdSequence &ids_;
  Checked &checked_;

  List running_;
  std::optional<int64_t> round_due_ms_;
  std::optional<std::size_t> next_; // in the round that goes on
  int64_t round_began_ms_ = 0;
  std::optional<int64_t> armed_ms_; // the host's timer
};

} // namespace failover
