// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// One connection of a stream: what is posted on it, what is kept of that, and whether
// its peer lives.
//
// It has two sides.  The posting side belongs to whoever runs the LogWriter at the
// moment: a worker while its job runs, the main thread otherwise.  It has no fixed
// thread, but never two at a time; debug builds assert that.  The main side is the main
// thread.  What passes from the main side to a posting side that may be running is
// quiesce() and set_throttle().  Owned by its Stream.
#pragma once

#include "backlog.hpp"
#include "failover.h"
#include "peer_watch.hpp"
#include "status.hpp"
#include "waiting.hpp"

#include <atomic>
#include <cassert>
#include <memory>
#include <string>

namespace failover {

// Asserts that the posting side is entered by one thread at a time; debug builds.
class Side
{
public:
#ifndef FAILOVER_DEBUG
  struct Entered
  {};
  Entered enter()
  {
    return {};
  }
#else
  class Entered
  {
  public:
    explicit Entered(std::atomic_flag &busy) : busy_(busy)
    {
      const bool was_busy = busy_.test_and_set(std::memory_order_acquire);
      assert(!was_busy);
      (void)was_busy;
    }
    ~Entered() { busy_.clear(std::memory_order_release); }
    Entered(const Entered &) = delete;
    Entered &operator=(const Entered &) = delete;

  private:
    std::atomic_flag &busy_;
  };
  Entered enter()
  {
    return Entered(busy_);
  }

private:
  std::atomic_flag busy_;
#endif
};

class Connection
{
public:
  // `loop`, `waiting` and `backlog` outlive it.
  Connection(const failover_loop &loop, Waiting &waiting, Backlog &backlog,
             const failover_connection_host &host, std::unique_ptr<Resend> resend);
  Connection(const Connection &) = delete;
  Connection &operator=(const Connection &) = delete;

  // ---- posting side; false: the connection is broken, or has to end

  bool post(std::string_view message, bool &consumed);
  bool flush();
  bool wants_to_write();

  // ---- main side, while the posting side is not running

  // A new one would be written at once, as far as is known.
  bool takes_messages() const;
  // Of a message that was accepted.
  bool has_rest() const { return is_held_ || host_.has_partial(host_.user_data); }
  bool is_between_messages() const { return !mid_message_ && !has_rest(); }
  // Reads what the kernel says, for the buffer too.  False: it says nothing.
  bool sample(failover_tcp &tcp);
  // A peer that may still read gets the rest of a message that was begun, as far as the
  // socket takes it: it would store a torn one otherwise.
  void finish_message();
  const Resend &resend() const { return *resend_; }
  std::unique_ptr<Resend> take_resend() { return std::move(resend_); }

  // ---- main side, any time

  void quiesce(bool quiesce) { quiesce_.store(quiesce, std::memory_order_release); }
  // Most messages a second that are posted once more, 0: any number.
  void set_throttle(uint32_t messages_per_s) { throttle_.store(messages_per_s, std::memory_order_relaxed); }
  // Ends it if its peer is dead; see PeerWatch.
  void watch_peer(int64_t now_ms, int64_t dead_peer_timeout_ms, bool doubted);
  bool is_silent() const { return peer_ != Peer::alive; }
  bool is_hung() const { return peer_ == Peer::hung; }
  // Of what was posted on it some is confirmed, and not for lack of room.
  bool has_confirmed() const { return has_confirmed_.load(std::memory_order_relaxed); }
  // As of the last sample.
  void add_to(StreamNumbers &numbers) const;

  // ---- main side, once its LogProto is gone

  // Before that: the rest of a message that was begun goes with it.
  void start_draining() { partial_at_end_ = last_is_partial(); }
  // Empty while it goes on.
  std::optional<failover_close> drain(int64_t now_ms, int64_t patience_ms);
  void close(failover_close how) { host_.close(host_.user_data, how); }

  std::shared_ptr<ServerFacts> server; // its peer; the main side's
  bool drains = false;                 // set when another one takes over
  int64_t drain_due_ms = 0;            // while it is drained
  int64_t drain_interval_ms = 0;

private:
  int64_t now_ms() const { return loop_.now_ms(loop_.user_data); }
  bool keep(std::string_view message);
  bool make_room_and_keep(std::string_view message);
  void accept();
  bool write_rest();
  bool copy_last();
  bool copy_next();
  bool has_older() const { return !waiting_.empty() || resend_->has_next(); }
  bool next_is_due();
  bool post_again();
  // Not every LogWriter looks for the end of the peer's side.  Once a sample has seen it,
  // the next end of a message is the end of this connection.
  bool has_ended() const { return half_closed_ && is_between_messages(); }
  bool last_is_partial() const { return has_rest() && !failed_with_; }
  void feed(const failover_tcp &tcp, bool last_is_partial);
  void fetch();
  void publish();
  void tell_confirmed(bool early);
  void count_posted();
  void sample();

  const failover_loop &loop_;
  Waiting &waiting_;
  Backlog &backlog_;
  failover_connection_host host_;
  std::unique_ptr<Resend> resend_;
  Side posting_side_;
  std::string copy_; // of a message that is posted once more

  bool mid_message_ = false;          // a message was begun: the next post has to be the same one
  bool is_held_ = false;              // the message posted last was accepted, and not written to its end
  bool failed_with_ = false;          // a write failed with a message that is not kept
  uint64_t told_ = 0;                 // messages that host_.confirmed() was told of
  uint32_t unsampled_ = 0;            // messages since the last sample
  std::size_t unsampled_bytes_ = 0;   // of these
  int64_t sampled_ms_ = 0;            // the kernel was asked last
  bool half_closed_ = false;          // a sample has seen that the peer closed its side
  std::atomic<bool> quiesce_ = false; // written by the main side
  std::atomic<bool> has_confirmed_ = false;
  std::atomic<uint32_t> throttle_ = 0; // of the configuration; the main side's
  struct
  {
    Number messages, bytes, resent, grace_cut, oldest_ms;
  } published_;

  // the main side's
  PeerWatch watch_;
  Peer peer_ = Peer::alive;
  bool partial_at_end_ = false;
};

} // namespace failover
