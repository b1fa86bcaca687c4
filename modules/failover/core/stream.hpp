// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// The messages of one destination on their way out, over one connection after the
// other: which one is in use, which are drained, and what waits to be posted by the
// next that can.
//
// Main side (see connection.hpp), but for what is marked.  Owned by the destination; it
// survives a reload.
#pragma once

#include "connection.hpp"
#include "host.hpp"

#include <list>

namespace failover {

struct StreamSettings
{
  bool resend = true;               // resend()
  int64_t grace_ms = 0;             // resend-grace()
  std::size_t buffer_size = 0;      // resend-buffer-size()
  int64_t dead_peer_timeout_ms = 0; // dead-peer-timeout(); 0: no peer is given up
  uint32_t throttle = 0;            // most messages a second that are posted once more, 0: any number
};

// How a connection ended.
struct StreamEnd
{
  bool silent = false;    // its peer was given up
  bool fruitless = false; // messages were posted on it, and none of them was confirmed
};

class Stream
{
public:
  explicit Stream(const failover_loop &loop);
  Stream(const Stream &) = delete;
  Stream &operator=(const Stream &) = delete;
  ~Stream();

  // A configuration and its LogWriter are there for it, until it is unbound.  `host` outlives that.
  void bind(const Host &host, const StreamSettings &settings);
  void unbind();

  // The LogWriter's queue, if that keeps what it is not acknowledged for; failover.h.
  uint64_t attach_queue(const failover_queue &queue, bool same);
  void detach_queue();
  // Posting side.
  bool takes_messages() const { return !backlog_.is_blocked(); }

  // A LogProto was made for a new connection; it is the one in use from now on.
  Connection *open(const failover_connection_host &host);
  // A LogProto is about to be freed.  True: the connection is drained and stays until
  // its host is told to close it.
  bool release(Connection *connection);

  bool is_connected() const { return in_use_ != nullptr; }
  // Stop at the end of a message.  True: it has; false: the connection wakes main then.
  bool quiesce();
  void drain();
  // A reload does not keep it: it is drained too, wherever in a message it is.  The posting
  // side does not run.
  void give_up();
  void resume();
  // It has ended; before it is released.  If the peer may still read, what the socket
  // takes of a message that was begun is written; nothing is waited for.
  StreamEnd end(const failover_end &end);
  // True: the peer of the one in use has closed its side, and the LogWriter may not have
  // noticed: it has ended.
  bool timer_due();

  // At the end of syslog-ng, again and again: false when nothing is left to wait for.
  bool finish();
  uint64_t finished(); // messages that no peer's TCP has acknowledged and no queue keeps

  failover_stream_state state() const;
  // Any time: as of the last samples.
  StreamNumbers numbers() const;
  // Some connection of it is to that server.
  bool uses(const ServerFacts &server) const;
  uint64_t unconfirmed(const ServerFacts &server) const;
  // Whom the connections are to that are opened from now on.
  void set_server(std::shared_ptr<ServerFacts> server) { server_ = std::move(server); }
  uint64_t to_resend() const { return waiting_.get() ? waiting_.get()->to_resend() : 0; }

private:
  using Drained = std::list<std::unique_ptr<Connection>>;

  int64_t now_ms() const { return loop_.now_ms(loop_.user_data); }
  bool is_idle() const { return host_ && host_->is_idle(); }
  void wake_writer() const;
  bool watch();
  void watch_queue();
  void arm() const;
  bool is_waited_for(const Resend &resend) const;
  bool start_draining(std::unique_ptr<Connection> &connection);
  Drained::iterator step(Drained::iterator drained);
  Drained::iterator close(Drained::iterator drained, failover_close how);
  void block_if_busy();
  void give_back(std::unique_ptr<Resend> resend);
  void drop_waiting();
  void add(failover_stream_state &state, const Resend &resend) const;
  template <typename Function>
  void for_each(Function function) const
  {
    if (in_use_)
      function(*in_use_);
    if (replaced_)
      function(*replaced_);
    for (const auto &connection : drained_)
      function(*connection);
  }

  failover_loop loop_;
  StreamSettings settings_;
  const Host *host_ = nullptr; // while it is bound
  Waiting waiting_;
  Backlog backlog_;
  std::optional<failover_queue> queue_;
  bool finished_ = false; // syslog-ng ends

  std::shared_ptr<ServerFacts> server_; // of the next connection
  std::unique_ptr<Connection> in_use_;
  std::unique_ptr<Connection> replaced_; // by in_use_, and released next
  Drained drained_;
  int64_t watch_due_ms_ = 0;
  // A peer was given up as hung, and none has confirmed anything since: if servers are
  // well and slow, clients must not go round and send them the same again and again.
  bool hung_before_ = false;
  ResendCounters ended_; // of connections that have
};

} // namespace failover
