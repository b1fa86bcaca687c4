// SPDX-License-Identifier: GPL-2.0-or-later
//
// The sender: a LogWriter with its queue, as syslog-ng has it, around the stream of the
// module, which is the one that ships.  This is the world's: what the stream's host and
// the hosts of its connections do in here, lib-shim does with syslog-ng and the kernel.
// Single threaded.  Owned by the world of one seed.
#pragma once

#include "failover.h"
#include "stream/canary.hpp"
#include "stream/observer.hpp"
#include "stream/proto.hpp"

#include <functional>
#include <list>
#include <memory>

namespace failover::sim::stream {

// What the parts of one world share.
struct Stage
{
  EventQueue &queue;
  Books &books;
  std::vector<Observer *> observers;
  Fault fault = Fault::none;

  template <typename Hook, typename... Arguments>
  void tell(Hook hook, const Arguments &...arguments)
  {
    books.now_ms = queue.now_ms();
    for (Observer *observer : observers)
      (observer->*hook)(books, arguments...);
  }
};

class Host
{
public:
  // `connect`: the connection in use is gone, the next one is wanted.
  Host(Stage &stage, std::function<void()> connect);
  Host(const Host &) = delete;
  Host &operator=(const Host &) = delete;
  ~Host();

  void enqueue(uint32_t message);
  // A connection is there; the one in use, if any, is left at the end of a message.
  void connected(Link &link);
  bool hands_over() const { return hand_over_ != nullptr; }

  void fin_arrived(Link &link);
  void reset_arrived(Link &link);
  void acknowledged(Link &link);
  void wake();

  // Nothing is left to do, except that a grace may run.
  bool idle() const;
  Connection *connection_in_use();
  failover_stream_state state() const;

private:
  // A LogProto and its socket; the socket may outlive it.
  struct Socket
  {
    Host &host;
    Link &link;
    Connection &books;
    Proto proto;
    failover_connection *handle = nullptr;
    bool read_before = false; // the kernel was asked
  };
  using Sockets = std::list<std::unique_ptr<Socket>>;

  struct Free
  {
    void operator()(failover_stream *stream) const { failover_stream_free(stream); }
  };

  // for the stream and its connections
  failover_stream_host stream_host();
  static failover_connection_host connection_host(Socket &socket);
  static bool write(Socket &socket, std::string_view text, bool &consumed);
  static bool read_tcp(Socket &socket, failover_tcp &tcp);
  static void confirmed(Socket &socket, uint64_t messages, bool early);
  static void give_up(Socket &socket);
  static void close(Socket &socket, failover_close how);
  void set_timer(int64_t due_ms);

  // the LogWriter
  void work();
  void try_again();
  void posted(Socket &socket, uint32_t message);
  static void note_acknowledged(Socket &socket);

  // connections
  void give_to_writer(Link &link);
  void complete_hand_over();
  void connection_ended();
  void free_proto(std::unique_ptr<Socket> socket);

  Stage &stage_;
  std::function<void()> connect_;
  std::deque<uint32_t> queue_;
  std::unique_ptr<Socket> active_;
  Sockets drained_;
  Link *hand_over_ = nullptr;
  uint64_t hand_overs_ = 0;
  uint64_t timer_ = 0; // which one is set
  bool waking_ = false;
  bool trying_again_ = false;
  std::unique_ptr<failover_stream, Free> stream_; // last: its connections' hosts are above
};

} // namespace failover::sim::stream
