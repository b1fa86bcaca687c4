// SPDX-License-Identifier: GPL-2.0-or-later
//
// The sender: a queue of messages, and what lib-shim does with the buffer and
// with connections (resend-proto.c, resend-stream.c, resend-drain.c; functions
// have the same names).  Single threaded.  Owned by the world of one seed.
#pragma once

#include "stream/buffer.hpp"
#include "stream/proto.hpp"

#include <functional>
#include <list>

namespace failover::sim::stream {

class Host
{
public:
  // `connect`: the connection in use is gone, the next one is wanted.
  Host(Stage &stage, std::function<void()> connect);

  void enqueue(uint32_t message);
  // A connection is there; the one in use, if any, is left at the end of a message.
  void connected(Link &link);
  bool hands_over() const { return hand_over_ != nullptr; }

  void fin_arrived(Link &link);
  void reset_arrived(Link &link);
  void wake();

  // Nothing is left to do, except that a grace may run.
  bool idle() const;
  void tell_what_is_left();

  Connection *connection_in_use();

private:
  struct Active
  {
    Link *link = nullptr;
    int connection = 0;
    Proto proto;
    std::unique_ptr<Buffer> buffer;
    bool mid_message = false;
    bool failed_with = false; // a write failed with a message that is not kept
    uint32_t unsampled = 0;
    bool half_closed = false;
    bool quiesce = false;
    bool drain = false;
  };

  struct Drain
  {
    Link *link = nullptr;
    int connection = 0;
    std::unique_ptr<Buffer> buffer;
    bool last_is_partial = false;
    int64_t interval_ms = 0;
  };

  // the path of each message
  void work();
  void try_again();
  Proto::Status flush();
  Proto::Status post(uint32_t message, bool &consumed);
  Proto::Status resend();
  bool has_ended() const;
  bool is_between_messages() const;
  static bool last_is_partial(const Active &connection);
  TcpState sample();
  void sample_buffer(Buffer &buffer, Connection &connection, const TcpState &tcp, bool last_is_partial);
  void count_posted(uint32_t message);
  void fetch_waiting();

  // connections
  void give_to_writer(Link &link);
  void complete_hand_over();
  void connection_ended(bool write_failed);
  void connection_freed(std::unique_ptr<Active> connection);
  void give_back(std::unique_ptr<Buffer> buffer);
  void drain_start(Active &connection);
  void drain_due(std::list<Drain>::iterator drain);
  void drain_finish(std::list<Drain>::iterator drain);
  void watch_due();
  std::unique_ptr<Buffer> new_buffer();

  Stage &stage_;
  std::function<void()> connect_;
  std::deque<uint32_t> queue_;
  std::unique_ptr<Active> active_;
  std::unique_ptr<Buffer> waiting_;
  std::list<Drain> drains_;
  Link *hand_over_ = nullptr;
  uint64_t hand_overs_ = 0;
  bool waking_ = false;
  bool trying_again_ = false;
  uint32_t buffers_ = 0;
};

} // namespace failover::sim::stream
