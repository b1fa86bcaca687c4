// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// The facts of one destination and its servers: whatever is shown of them is read here.
// It is told by the events that the log gets too (host.hpp), so that nothing is counted
// twice.  Owned by the destination; it survives a reload.  Main thread, but for the numbers.
//
// What belongs to a server belongs to its "host:port", wherever that stands in the list.
#pragma once

#include "failover-status.h"
#include "number.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace failover {

enum class Health
{
  unknown,
  up,
  down
};

// "ready"; "up".
const char *admin_code(failover_admin admin);
const char *health_code(Health health);

struct ServerFacts
{
  explicit ServerFacts(std::string server) : name(std::move(server)) {}

  struct Failure
  {
    failover_reason reason;
    std::string detail;
    int64_t at_ms;
  };
  // Any attempt to connect, with its result.
  struct Check
  {
    bool succeeded;
    int64_t at_ms;
    int64_t took_ms;
  };

  std::string name;
  failover_admin admin = FAILOVER_ADMIN_READY;
  Health health = Health::unknown;
  int64_t health_since_ms = 0;
  std::string address; // the one used last, empty if none is known
  std::optional<Failure> last_failure;
  std::optional<Check> last_check;

  // To be told when no connection to it is left; with the requests that wait for that.
  bool leaving = false;
  std::vector<uint64_t> leaving_requests;

  Number active, up;
  std::optional<int64_t> certificate_end_s;
  Number certificate_end;
  std::array<Number, FAILOVER_ADMIN_COUNT> admin_is;
  std::array<Number, FAILOVER_REASON_COUNT> failures;
};

// What the stream keeps, over all connections.
struct StreamNumbers
{
  uint64_t messages = 0; // unconfirmed
  uint64_t bytes = 0;
  uint64_t resent = 0; // since the beginning, as are the next ones
  uint64_t grace_cut = 0;
  uint64_t lost = 0;
  std::optional<int64_t> oldest_ms; // when the oldest unconfirmed one was posted
};

class Status
{
public:
  Status() = default;
  Status(const Status &) = delete;
  Status &operator=(const Status &) = delete;

  void watch(const failover_watcher &watcher) { watcher_ = watcher; }

  // ---- its life with configurations

  // If it throws, nothing has changed.
  void begin(const std::vector<std::string> &servers, std::size_t buffer_size);
  void announce_all();
  void end();

  // ---- what happened

  void note(const failover_event &event, int64_t now_ms) noexcept;
  // SERVER_UP or _DOWN.  True: it is a change, and to be emitted.
  bool note_check(const failover_event &event, int64_t now_ms) noexcept;
  void note_stream(const StreamNumbers &stream);
  void set_admin(std::size_t server, failover_admin admin);
  void set_certificate_end(std::size_t server, int64_t end_s);
  void answer(uint64_t request, failover_answer answer) const;
  // To all that wait for the server to be left.
  void answer_leaving(ServerFacts &server, failover_answer answer) const;

  // ---- the facts

  struct InUse
  {
    std::size_t server;
    int64_t since_ms;
    failover_reason why;
  };

  const std::vector<std::shared_ptr<ServerFacts>> &servers() const { return servers_; }
  ServerFacts &server(std::size_t position) const { return *servers_[position]; }
  const std::optional<InUse> &in_use() const { return in_use_; }
  const std::optional<int64_t> &last_switch_ms() const { return last_switch_ms_; }
  int64_t switches(failover_reason why) const { return switches_[why].get(); }
  std::size_t buffer_size() const { return buffer_size_; }

private:
  std::shared_ptr<ServerFacts> find_or_make(const std::string &name) const;
  void announce(failover_metric metric, std::size_t server, uint32_t label, const Number &number) const;
  void announce_server(std::size_t position) const;
  void count(Number &number, failover_metric metric, std::size_t server, uint32_t label);
  void set_health(std::size_t server, Health health, int64_t now_ms);
  void succeeded(const failover_event &event, int64_t now_ms);
  void failed(const failover_event &event, int64_t now_ms);
  void use(const InUse &in_use);
  void taken_into_use(const failover_event &event, int64_t now_ms);
  void not_in_use();

  failover_watcher watcher_ = {};
  bool announces_ = false;
  std::vector<std::shared_ptr<ServerFacts>> servers_; // of this configuration, the primary first
  std::vector<std::shared_ptr<ServerFacts>>
      others_; // not in it: those that are not ready, or have connections left

  std::optional<InUse> in_use_;
  std::shared_ptr<ServerFacts> last_used_;
  std::optional<InUse> at_end_; // what was in use at the last end, on last_used_
  std::array<Number, FAILOVER_REASON_COUNT> switches_;
  std::optional<int64_t> last_switch_ms_;
  Number last_switch_s_;

  std::size_t buffer_size_ = 0;
  Number resent_, messages_, bytes_, buffer_, lost_;
};

} // namespace failover
