// SPDX-License-Identifier: GPL-2.0-or-later
//
// The destination under test, reached through failover.h only, with the fault of a
// canary if one is asked for.  Owned by the world of one seed.
#pragma once

#include "books.hpp"
#include "canary.hpp"
#include "failover-queue.h"
#include "failover-status.h"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace failover::sim {

// What the destination asks for, see struct failover_loop and struct failover_host.
class HostCalls
{
public:
  virtual ~HostCalls() = default;

  virtual int64_t now_ms() = 0;
  virtual uint32_t random() = 0;
  virtual void set_timer(failover_timer timer, int64_t due_ms) = 0;
  virtual void cancel_timer(failover_timer timer) = 0;
  virtual void lost(uint64_t messages, failover_loss why) = 0;

  virtual void resolve(uint64_t lookup, const std::string &host, uint16_t port) = 0;
  virtual void release_lookup(uint64_t lookup) = 0;
  virtual void connect(uint64_t connection, uint64_t lookup, uint32_t address, const std::string &name,
                       failover_purpose purpose) = 0;
  virtual void close(uint64_t connection) = 0;
  virtual bool give_to_writer(uint64_t connection) = 0;
  virtual void take_from_writer() = 0;
  virtual void shut_down() = 0;
  virtual failover_end read_end() = 0;
  virtual bool is_idle() = 0;
  virtual void wake_writer() = 0;
  virtual void event(const failover_event &event) = 0;
  virtual void answer(uint64_t request, failover_answer answer) = 0;
};

class Subject
{
public:
  Subject(HostCalls &host, Fault fault);
  Subject(const Subject &) = delete;
  Subject &operator=(const Subject &) = delete;

  // One destination from its first configuration to the last.
  void make();
  void free();
  bool exists() const { return destination_ != nullptr; }

  failover_status start(const Config &config, bool connection_open);
  void stop(bool keeps_connection);
  bool ends_if_removed() const;

  failover_status timer_due(failover_timer timer);
  failover_status resolved(uint64_t lookup, uint32_t address_count);
  failover_status not_resolved(uint64_t lookup);
  failover_status connected(uint64_t connection);
  failover_status connect_failed(uint64_t connection, failover_reason reason);
  failover_status ended();
  failover_status quiet();

  failover_status steer(const Request &request);

  uint64_t attach_queue(const failover_queue &queue, bool same);
  void detach_queue();
  bool takes_messages() const;

  failover_connection *open(const failover_connection_host &host);
  bool release(failover_connection *connection);
  bool finish();
  uint64_t finished();

  bool in_use(uint64_t &connection, uint32_t &server) const;
  failover_stream_state stream() const;

private:
  struct Free
  {
    void operator()(failover_destination *destination) const { failover_destination_free(destination); }
    void operator()(failover_options *options) const { failover_options_free(options); }
  };

  failover_loop loop();
  failover_host host();
  void set_timer(failover_timer timer, int64_t due_ms);
  void connect(uint64_t connection, uint64_t lookup, uint32_t address, failover_text name,
               failover_purpose purpose);
  bool give_to_writer(uint64_t connection);
  void take_from_writer();
  void close(uint64_t connection);
  void event(const failover_event &event);
  void answer(uint64_t request, failover_answer answer);

  HostCalls &host_;
  Fault fault_;
  std::unique_ptr<failover_destination, Free> destination_;

  // what the canaries remember
  std::set<uint64_t> making_;
  bool writer_has_ = false;
  std::string primary_;
  int64_t time_reopen_ms_ = 0;
  uint64_t last_connection_ = 0;
  uint64_t last_lookup_ = 0;
  uint32_t last_address_count_ = 1;
  uint64_t connects_ = 0;
  uint64_t events_ = 0;
  std::set<uint64_t> answered_;
  std::set<uint64_t> checks_; // their look-ups and connections
  bool check_may_end_ = false;
  bool starting_ = false;
};

} // namespace failover::sim
