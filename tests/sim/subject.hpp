// SPDX-License-Identifier: GPL-2.0-or-later
//
// The engine under test, reached through failover.h only, with the fault of a
// canary if one is asked for.  Owned by the world of one seed.
#pragma once

#include "canary.hpp"
#include "failover.h"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace failover::sim {

// What the engine asks for, see struct failover_host.
class HostCalls
{
public:
  virtual ~HostCalls() = default;

  virtual int64_t now_ms() = 0;
  virtual uint32_t random() = 0;
  virtual void set_timer(failover_timer timer, int64_t due_ms) = 0;
  virtual void cancel_timer(failover_timer timer) = 0;
  virtual void resolve(uint64_t lookup, const std::string &host, uint16_t port) = 0;
  virtual void release_lookup(uint64_t lookup) = 0;
  virtual void connect(uint64_t connection, uint64_t lookup, uint32_t address, const std::string &name,
                       failover_purpose purpose) = 0;
  virtual bool hand_over(uint64_t connection) = 0;
  virtual void close(uint64_t connection) = 0;
  virtual void event(const failover_event &event) = 0;
};

class Subject
{
public:
  Subject(HostCalls &host, Fault fault);
  Subject(const Subject &) = delete;
  Subject &operator=(const Subject &) = delete;

  failover_status configure(const Config &config); // a new engine, the old one is freed
  failover_status start(bool with_snapshot, bool connection_open);
  failover_status stop();
  failover_status save();

  failover_status timer_due(failover_timer timer);
  failover_status resolved(uint64_t lookup, uint32_t address_count);
  failover_status not_resolved(uint64_t lookup);
  failover_status connected(uint64_t connection);
  failover_status connect_failed(uint64_t connection, failover_reason reason);
  failover_status disconnected(uint64_t connection, failover_reason reason, bool fruitless);

  int64_t dead_peer_timeout_ms() const; // for the host to obey
  bool in_use(uint64_t &connection, uint32_t &server) const;

private:
  struct Free
  {
    void operator()(failover_engine *engine) const { failover_engine_free(engine); }
    void operator()(failover_options *options) const { failover_options_free(options); }
    void operator()(failover_snapshot *snapshot) const { failover_snapshot_free(snapshot); }
  };

  static failover_host callbacks(Subject *self);
  void set_timer(failover_timer timer, int64_t due_ms);
  void connect(uint64_t connection, uint64_t lookup, uint32_t address, failover_text name,
               failover_purpose purpose);
  bool hand_over(uint64_t connection);
  void close(uint64_t connection);
  void event(const failover_event &event);

  HostCalls &host_;
  Fault fault_;
  std::unique_ptr<failover_options, Free> options_;
  std::unique_ptr<failover_engine, Free> engine_;
  std::unique_ptr<failover_snapshot, Free> snapshot_;

  // what the canaries remember
  std::set<uint64_t> making_;
  std::optional<uint64_t> in_use_;
  std::string primary_;
  int64_t time_reopen_ms_ = 0;
  uint64_t last_connection_ = 0;
  uint64_t last_lookup_ = 0;
  uint32_t last_address_count_ = 1;
  uint64_t connects_ = 0;
  uint64_t events_ = 0;
  bool starting_ = false;
};

} // namespace failover::sim
