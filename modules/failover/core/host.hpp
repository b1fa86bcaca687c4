// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// The host's callbacks as an object: those of the loop and those of one configuration.
// Copies of the structs; their user_data belongs to the host.  Main thread.
#pragma once

#include "failover.h"
#include "status.hpp"

#include <cassert>
#include <string>
#include <string_view>

namespace failover {

inline failover_text
to_text(std::string_view s)
{
  return { s.data(), s.size() };
}

inline std::string
to_string(failover_text text)
{
  assert(text.data || text.length == 0);
  return text.length ? std::string(text.data, text.length) : std::string();
}

class Host
{
public:
  // `status` outlives it.
  Host(const failover_loop &loop, const failover_host &callbacks, Status &status)
    : loop_(loop), callbacks_(callbacks), status_(&status)
  {}

  int64_t now_ms() const { return loop_.now_ms(loop_.user_data); }
  uint32_t random() const { return loop_.random(loop_.user_data); }

  void set_timer(failover_timer timer, int64_t due_ms) const
  {
    loop_.set_timer(loop_.user_data, timer, due_ms);
  }
  void cancel_timer(failover_timer timer) const { loop_.cancel_timer(loop_.user_data, timer); }

  void resolve(uint64_t lookup, const std::string &host, uint16_t port) const
  {
    callbacks_.resolve(callbacks_.user_data, lookup, to_text(host), port);
  }
  void release_lookup(uint64_t lookup) const { callbacks_.release_lookup(callbacks_.user_data, lookup); }

  void connect(uint64_t connection, uint64_t lookup, uint32_t address, const std::string &server,
               failover_purpose purpose) const
  {
    callbacks_.connect(callbacks_.user_data, connection, lookup, address, to_text(server), purpose);
  }
  void close(uint64_t connection) const { callbacks_.close(callbacks_.user_data, connection); }

  bool give_to_writer(uint64_t connection) const
  {
    return callbacks_.give_to_writer(callbacks_.user_data, connection);
  }
  void take_from_writer() const { callbacks_.take_from_writer(callbacks_.user_data); }
  void shut_down() const { callbacks_.shut_down(callbacks_.user_data); }
  failover_end read_end() const
  {
    failover_end end = {};
    callbacks_.read_end(callbacks_.user_data, &end);
    return end;
  }
  bool is_idle() const { return callbacks_.is_idle(callbacks_.user_data); }
  void wake_writer() const { callbacks_.wake_writer(callbacks_.user_data); }

  // The facts know what the log says.
  void emit(const failover_event &event) const
  {
    status_->note(event, now_ms());
    callbacks_.event(callbacks_.user_data, &event);
  }

private:
  failover_loop loop_;
  failover_host callbacks_;
  Status *status_;
};

// Numbers for look-ups and connections: one sequence, never used twice.
using Id = uint64_t;

class IdSequence
{
public:
  Id take() { return next_++; }

private:
  Id next_ = 1;
};

} // namespace failover
