// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// The host's callbacks as an object.  A copy of the struct; its user_data
// belongs to the host.  Same thread as the engine.
#pragma once

#include "failover.h"

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
  explicit Host(const failover_host &callbacks) : callbacks_(callbacks) {}

  int64_t now_ms() const { return callbacks_.now_ms(callbacks_.user_data); }
  uint32_t random() const { return callbacks_.random(callbacks_.user_data); }

  void set_timer(failover_timer timer, int64_t due_ms) const
  {
    callbacks_.set_timer(callbacks_.user_data, timer, due_ms);
  }
  void cancel_timer(failover_timer timer) const { callbacks_.cancel_timer(callbacks_.user_data, timer); }

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
  bool hand_over(uint64_t connection) const
  {
    return callbacks_.hand_over(callbacks_.user_data, connection) == FAILOVER_OK;
  }
  void close(uint64_t connection) const { callbacks_.close(callbacks_.user_data, connection); }

  void emit(const failover_event &event) const { callbacks_.event(callbacks_.user_data, &event); }

private:
  failover_host callbacks_;
};

// Numbers for look-ups and connections: one sequence, never used twice.
using Id = uint64_t;

class IdSequence
{
public:
  explicit IdSequence(Id first = 1) : next_(first) {}
  Id take() { return next_++; }
  Id next() const { return next_; }

private:
  Id next_;
};

} // namespace failover
