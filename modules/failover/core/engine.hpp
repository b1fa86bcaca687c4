// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// The policy of failover(): which server is used, which comes next and when,
// when the primary is taken back.  Owned by the destination, main thread; it waits for
// nothing and remembers everything itself.
#pragma once

#include "attempt.hpp"
#include "options.hpp"

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
  // The open connection is in use from now on, in place of the one that is, if any.
  // False: it could not be, and is closed.
  virtual bool hand_over(Id connection) = 0;
  // The one in use is not wanted any more.
  virtual void let_go() = 0;
  // Messages that wait for the next one.
  virtual uint64_t to_resend() const = 0;

protected:
  ~ConnectionInUse() = default;
};

class Engine
{
public:
  Engine(const Settings &settings, std::string_view primary, uint16_t port, int64_t time_reopen_ms,
         const Host &host, IdSequence &ids, ConnectionInUse &connection_in_use);
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

private:
  static constexpr std::size_t primary = 0;

  struct Failure
  {
    failover_reason reason;
    std::string_view detail;
    std::string address;
    int64_t took_ms;
    int64_t in_use_ms;
    bool fruitless;
  };

  void resume(const Snapshot &snapshot, bool connection_open);
  void resume_probing(const Snapshot &snapshot);
  std::optional<std::size_t> find(const Server &server) const;

  void attempt(std::size_t server, failover_reason why);
  void rotation_result(AttemptResult result);
  bool take_into_use(std::size_t server, AttemptResult &result);
  void server_failed(const Failure &failure);
  int64_t with_jitter_ms(int64_t least_ms) const;

  void start_probing();
  void stop_probing();
  void probe();
  void probe_result(AttemptResult result);
  void probe_failed(const AttemptResult &result);
  void go_back(AttemptResult &result);
  void schedule_probe();

  failover_event event(failover_event_kind kind, failover_reason reason, const std::string &server,
                       const std::string &address) const;

  Settings settings_;
  std::vector<Server> servers_;    // the primary first
  std::vector<std::string> names_; // "host:port" of each
  int64_t time_reopen_ms_;
  int64_t switch_delay_ms_;
  Host host_;
  ConnectionInUse &connection_in_use_;

  bool running_ = false;
  std::size_t current_ = primary; // in use, being tried, or to be tried next
  failover_reason why_ = FAILOVER_REASON_START;
  Attempt rotation_;
  std::optional<Chosen> in_use_;
  uint32_t consecutive_failures_ = 0;

  Attempt probe_;
  std::optional<int64_t> probe_due_ms_; // absent: the primary is not probed
  uint32_t probe_successes_ = 0;
  std::optional<failover_reason> last_probe_failure_;
};

} // namespace failover
