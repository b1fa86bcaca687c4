// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// The messages of one destination on their way out, over one connection after the
// other: which one is in use, which are drained, and what waits to be posted by the
// next that can.
//
// Main side (see connection.hpp), but for what is marked.  Owned by the destination's
// plugin through the C ABI; it survives a reload.
#pragma once

#include "connection.hpp"

#include <list>

namespace failover {

class Stream
{
public:
  Stream(const failover_stream_settings &settings, const failover_stream_host &host);
  Stream(const Stream &) = delete;
  Stream &operator=(const Stream &) = delete;
  ~Stream();

  // For the connections that come.
  void set_settings(const failover_stream_settings &settings) { settings_ = settings; }
  // A LogWriter is there for it, or none is until the next configuration.
  void bind(bool bound);

  // A LogProto was made for a new connection; it is the one in use from now on.
  Connection *open(const failover_connection_host &host);
  // A LogProto is about to be freed.  True: the connection is drained and stays until
  // its host is told to close it.
  bool release(Connection *connection);

  bool is_connected() const { return in_use_ != nullptr; }
  // Stop at the end of a message.  True: it has; false: the connection wakes main then.
  bool quiesce();
  void drain();
  void resume();
  failover_stream_end end();
  void timer_due();

  // At the end of syslog-ng, again and again: false when nothing is left to wait for.
  bool finish();
  void finished();

  failover_stream_state state() const;

private:
  using Drained = std::list<std::unique_ptr<Connection>>;

  int64_t now_ms() const { return host_.now_ms(host_.user_data); }
  bool is_idle() const { return bound_ && host_.is_idle(host_.user_data); }
  void wake_writer() const;
  bool watch();
  void arm() const;
  bool start_draining(std::unique_ptr<Connection> &connection);
  Drained::iterator step(Drained::iterator drained);
  Drained::iterator close(Drained::iterator drained, failover_close how);
  void give_back(std::unique_ptr<Resend> resend);
  void add(failover_stream_state &state, const Resend &resend) const;

  failover_stream_settings settings_;
  failover_stream_host host_;
  Waiting waiting_;
  bool bound_ = false;
  bool finished_ = false; // syslog-ng ends

  std::unique_ptr<Connection> in_use_;
  std::unique_ptr<Connection> replaced_; // by in_use_, and released next
  Drained drained_;
  int64_t watch_due_ms_ = 0;
  ResendCounters ended_; // of connections that have
};

} // namespace failover
