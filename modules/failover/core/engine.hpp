// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// The policy of failover(): which server is used, which comes next and when (engine.cpp),
// when the primary is taken back (engine_probes.cpp), and what an administrator asks for
// (engine_steering.cpp).  Owned by the destination, main thread; it waits for nothing and
// remembers everything itself.
#pragma once

#include "attempt.hpp"
#include "checks.hpp"
#include "options.hpp"
#include "roster.hpp"

#include <optional>

namespace failover {

// What survives a reload.
struct Snapshot
{
  struct InUse
  {
    Id connection;
    std::string address;
    int64_t since_ms;
  };

  Server server;  // in use, or about to be tried
  Server primary; // the probes below are about it
  std::optional<InUse> in_use;
  uint32_t consecutive_failures;
  std::optional<int64_t> probe_due_ms; // absent: the primary is not probed
  uint32_t probe_successes;
};

// What becomes of the connections that the engine chooses.
class ConnectionInUse
{
public:
  // The open connection to `server` is in use from now on, in place of the one that is, if
  // any.  False: it could not be, and is closed.
  virtual bool hand_over(Id connection, std::size_t server) = 0;
  // The one in use is not wanted any more.
  virtual void let_go() = 0;
  // Messages that wait for the next one.
  virtual uint64_t to_resend() const = 0;

protected:
  ~ConnectionInUse() = default;
};

// What it waits for.
struct NextStep
{
  enum class What
  {
    nothing,
    attempt,       // that server is being tried
    attempt_later, // it is tried at `due_ms`
    probe,         // the primary is probed at `due_ms`
  } what = What::nothing;
  std::size_t server = 0;
  int64_t due_ms = 0;
  uint32_t successes = 0; // of probes
  uint32_t required = 0;
};

class Engine final : private Checked
{
public:
  // It begins a configuration of `status`.
  Engine(const Settings &settings, std::string_view primary, uint16_t port, int64_t time_reopen_ms,
         const Host &host, IdSequence &ids, Status &status, ConnectionInUse &connection_in_use);
  Engine(const Engine &) = delete;
  Engine &operator=(const Engine &) = delete;

  void start(const Snapshot *snapshot, bool connection_open);
  void stop();
  Snapshot save() const;

  void timer_due(failover_timer timer);
  void resolved(Id lookup, const std::vector<std::string> &addresses);
  void not_resolved(Id lookup, std::string_view detail);
  void connected(Id connection);
  void connect_failed(Id connection, failover_reason reason, std::string_view detail);
  void disconnected(Id connection, failover_reason reason, std::string_view detail, bool fruitless);
  void set_certificate_end(Id connection, int64_t end_s);
  // No connection to that server is left, which is not to be used.
  void drained(std::size_t server);

  // What an administrator asks for; each has one answer (Status).
  void switch_to(std::size_t server, uint64_t request);
  void set_admin(std::size_t server, failover_admin admin, uint64_t request);
  void check_all(uint64_t request);

  // After one of these has thrown, for lack of memory: gives up what was being
  // tried, keeps what is in use, and tries again later.
  void recover() noexcept;

  struct Chosen
  {
    Id connection;
    std::size_t server;
    std::string address;
    int64_t since_ms;
  };
  const std::optional<Chosen> &in_use() const { return in_use_; }
  const Roster &roster() const { return roster_; }
  NextStep next_step() const;

private:
  static constexpr std::size_t primary = Roster::primary;

  struct Failure
  {
    failover_reason reason;
    std::string_view detail;
    std::string address;
    int64_t took_ms;
    int64_t in_use_ms;
    bool fruitless;
  };

  // Make before break: an attempt beside the one in use, or beside the rotation.
  struct Move
  {
    failover_reason why;
    uint64_t request;            // SWITCH
    std::vector<std::size_t> to; // the servers to try
    std::size_t next;            // of these
    std::size_t server() const { return to[next]; }
  };

  void resume(const Snapshot &snapshot, bool connection_open);
  void resume_probing(const Snapshot &snapshot);
  bool is_in_use(std::size_t server) const { return in_use_ && in_use_->server == server; }
  bool is_tried(std::size_t server) const { return rotation_.running() && current_ == server; }

  void attempt(std::size_t from, failover_reason why);
  void begin_round();
  void rotation_result(AttemptResult result);
  bool take_into_use(std::size_t server, AttemptResult &result);
  void stop_rotation();
  void schedule_switch(int64_t due_ms);
  void server_failed(const Failure &failure);

  void start_probing();
  void stop_probing();
  void probe_afresh();
  void probe();
  void probe_result(AttemptResult result);
  void probe_failed(const AttemptResult &result);
  void go_back(AttemptResult &result);
  void schedule_probe();

  void begin_move(Move move);
  void try_next();
  void move_result(AttemptResult result);
  void move_failed();
  void end_move(failover_answer answer);
  void moved(std::size_t server);
  void set_ready(std::size_t server);
  void make_ready(std::size_t server);
  void take_away(std::size_t server);
  void leave(std::size_t server);
  void leave_unready();

  bool is_checkable(std::size_t server) const override;
  bool has_own_probes(std::size_t server) const override { return server == primary && settings_.failback; }
  void checked(std::size_t server, const AttemptResult &result) override;
  void checks_done(failover_answer answer) override;

  failover_event event(failover_event_kind kind, failover_reason reason, std::size_t server,
                       const std::string &address) const;

  Settings settings_;
  Status &status_;
  Roster roster_;
  int64_t time_reopen_ms_;
  int64_t switch_delay_ms_;
  Host host_;
  ConnectionInUse &connection_in_use_;

  bool running_ = false;
  std::size_t current_ = primary; // in use, being tried, or to be tried next
  failover_reason why_ = FAILOVER_REASON_START;
  Attempt rotation_;
  std::optional<Chosen> in_use_;
  uint32_t consecutive_failures_ = 0; // in this round
  std::optional<int64_t> switch_due_ms_;

  Attempt probe_;
  std::optional<int64_t> probe_due_ms_; // absent: the primary is not probed
  uint32_t probe_successes_ = 0;
  std::optional<failover_reason> last_probe_failure_;
  bool last_probe_succeeded_ = false; // uncounted: the primary is drained

  Attempt move_;
  std::optional<Move> moving_;
  Checks checks_;
  std::vector<uint64_t> check_requests_;
};

} // namespace failover
