// SPDX-License-Identifier: GPL-2.0-or-later
//
// One simulated TCP connection: the sender's kernel with a send buffer of its
// own size, a path that takes time and keeps the order, the receiver's kernel
// with unread bytes and a window that is what is free of its buffer, or less while
// it is young, and the process that reads.  As Linux does it, but the buffer does not
// grow: an unread byte may count for less than one, so that the edge of the window moves
// on while nothing is read; windows are rounded up and never taken back; and one that was
// full opens when a sixteenth of the buffer is free.
//
// A receiver that ends with everything read sends FIN, with unread bytes RST;
// what arrives afterwards is answered with RST and never read.  Owned by the
// world of one seed, till its end: a kernel goes on when a process is done.
#pragma once

#include "event_queue.hpp"
#include "link_config.hpp"

#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace failover::sim {

constexpr int64_t never = std::numeric_limits<int64_t>::max();

// What the sender's kernel says, see tcp-state.h of lib-shim.
struct TcpState
{
  bool open = false;  // both directions
  bool reset = false; // or timed out
  bool in_flight = false;
  bool unsent = false;
  bool fin = false; // the receiver has closed
  uint64_t written = 0;
  uint64_t acked = 0;
  uint32_t window = 0;
  int64_t window_limited_ms = 0; // for so long nothing but the window kept data back
};

class Link
{
public:
  // Never called from inside a call of the sender.
  class Events
  {
  public:
    virtual ~Events() = default;
    virtual void fin_arrived(Link &link) = 0;
    virtual void reset_arrived(Link &link) = 0;
    virtual void hung_up(Link &link) = 0; // the sender's own doing
    virtual void acknowledged(Link &link) = 0;
    virtual void read(Link &link, std::string_view bytes) = 0; // the receiving process has it
  };

  Link(int number, const LinkConfig &config, EventQueue &queue, Prng random, Events &events);
  Link(const Link &) = delete;
  Link &operator=(const Link &) = delete;

  int number() const { return number_; }
  const LinkConfig &config() const { return config_; }

  // ---- the sender

  // So many bytes were taken: fewer than asked for, 0, or -1 on a broken connection.
  int64_t write(std::string_view bytes);
  // Asked in two steps, as of the real kernel: an acknowledgement may come in between.
  TcpState state();
  // Nothing is said any more; what the kernel has is still sent.
  void close() { closed_ = true; }
  bool is_closed() const { return closed_; }
  // Its kernel resets it: the sender is told so soon.
  void give_up();
  // The receiver sees the end, and ends its side when it has read everything.
  void close_own_side();
  // Both directions, from here.
  void shut_down();
  // The sender's kernel resets it when nothing has come back for so long; 0: it never does.
  void set_user_timeout(int64_t timeout_ms);
  bool has_room() const { return written_ - acked_ < config_.send_buffer; }

  // ---- the receiver and the path

  void freeze();
  void thaw();
  void speed_up();
  void stay(); // it does not close when it has read everything, if that was its own idea
  void kill();
  void close_when_read();
  // In order, whatever is unread; RST follows, or nothing does.
  void close_at_once(bool resets);
  // It is gone without a word, and answers what comes with RST.
  void reboot();
  // Packets are held until the path is clear again.
  void clog();
  void unclog();
  // No packet gets through any more.  The sender is told after the timeout.
  void cut_path(int64_t timeout_ms);
  void cut_power(int64_t timeout_ms);
  // The sender's own network lets nothing out; what comes is heard.
  void cut_own_network(int64_t timeout_ms);

  bool receiver_lives() const { return !gone_; }
  bool frozen() const { return frozen_; }
  bool cut() const { return cut_; }
  bool clogged() const { return clogged_; }
  // No answer gets back, since then.
  std::optional<int64_t> mute_since_ms() const { return mute_since_ms_; }
  // Nothing of what is sent gets through, or nothing of what is answered.
  bool is_cut_off() const { return cut_ || own_cut_ || clogged_; }
  int64_t unclogged_ms() const { return unclogged_ms_; } // when it was last
  uint64_t unread() const { return gone_ ? 0 : received_ - read_; }

  // ---- truth, for the books: positions in the stream

  uint64_t start() const { return start_; }
  uint64_t written() const { return written_; }
  uint64_t acked() const { return acked_; }
  uint64_t read() const { return read_; }
  uint64_t acknowledging() const { return acknowledging_; } // sent as acknowledged, may not have arrived
  uint32_t window() const { return window_; }               // as the sender knows it
  // So far has the far edge of the window moved for the sender, read or not.
  uint64_t edge_moved() const { return acked_ + window_ - start_ - config_.first_window; }
  // When the sender has last learned of something that it moved: acknowledgements, or a
  // wider window; or had nothing under way.
  int64_t moved_ms() const { return moved_ms_; }
  bool is_reset() const { return reset_; }
  bool has_fin() const { return fin_; }
  // For the sender, one way or another.
  bool is_over() const { return reset_ || fin_ || shut_down_; }
  bool is_shut_down() const { return shut_down_; }
  bool in_trouble() const { return (gone_ && !asked_to_end_) || cut_ || own_cut_ || reset_ || shut_down_; }
  // Something is to be sent, and nothing is on its way, as there is no room for it over there.
  bool is_full() const { return sent_ < written_ && sent_ == acked_ && sent_ >= acked_ + window_; }
  // Since when it has been so; never: it is not.
  int64_t full_since_ms() const { return is_full() ? full_since_ms_ : never; }
  // What the process has read, and what the sender knew to be acknowledged, by then.
  uint64_t read_by(int64_t ms) const { return by(reads_, ms); }
  uint64_t acked_by(int64_t ms) const { return by(acks_, ms); }
  int64_t opened_ms() const { return opened_ms_; }
  int64_t frozen_since_ms() const { return frozen_since_ms_; } // never: it is not
  bool was_frozen() const { return was_frozen_; }              // before that
  // For so long, at the most, it has once been frozen, or the path clogged.
  int64_t longest_still_ms() const { return longest_still_ms_; }
  // In so many tenths of a second acknowledgements came, everything was read soon, and the
  // window had no more to widen.
  int64_t kept_up_ms() const { return kept_up_slots_ * 100; }
  // How long bytes have been unread there while nothing told the sender: all was
  // acknowledged, or windows are rounded up, and the window was at least half as wide as at any time
  // it was asked for; or it widened meanwhile, as fast as it was filled, which looks as if all was
  // read.  What was sent before that time is beyond the promise of the design if the receiver dies now.
  int64_t hidden_ms() const;

private:
  using History = std::vector<std::pair<int64_t, uint64_t>>; // places in the stream, with times

  uint64_t by(const History &history, int64_t ms) const;

  struct Segment
  {
    int64_t due_ms;
    uint64_t end;
  };
  struct Answer
  {
    enum class Kind
    {
      ack,
      fin,
      reset,
    };
    int64_t due_ms;
    Kind kind;
    uint64_t acked;
    uint32_t window;
  };

  void transmit();
  void segments_arrive();
  void answer(Answer::Kind kind);
  void answers_arrive();
  bool take(const Answer &answer); // true: it tells the sender something new
  void acknowledge_soon();
  void read_soon();
  void read_some();
  void end_process();
  void cut(int64_t timeout_ms);
  void send(Segment segment);
  void send_back(Answer answer);
  void is_mute();
  void watch_answers();
  void time_out(int64_t timeout_ms);
  void note_acknowledged();
  void note_stillness();
  int64_t arrival_ms(int64_t after_ms) const;
  bool is_hiding() const;
  bool widens_unseen() const;
  void account();

  int number_;
  LinkConfig config_;
  EventQueue &queue_;
  Prng random_;
  Events &events_;

  std::string bytes_; // from start_ on
  // positions of the kernels count from another start: SYN and handshake are in there
  uint64_t start_;

  // the sender's kernel
  uint64_t written_;
  uint64_t sent_;
  uint64_t acked_;
  uint32_t window_;
  bool fin_ = false;
  bool reset_ = false;
  bool closed_ = false;
  bool shut_down_ = false;
  int64_t user_timeout_ms_ = 0;

  uint32_t widest_; // window that it was asked for
  int64_t moved_ms_;
  int64_t asked_ms_ = 0;
  int64_t accounted_to_ms_;
  int64_t hidden_ms_ = 0;
  int64_t limited_ms_ = 0;
  int64_t full_since_ms_ = 0;

  History reads_;
  History acks_;
  int64_t opened_ms_;
  int64_t frozen_since_ms_ = never;
  bool was_frozen_ = false;
  std::optional<int64_t> still_since_ms_;
  int64_t longest_still_ms_ = 0;
  int64_t unclogged_ms_ = 0;
  int64_t kept_up_slots_ = 0;
  int64_t last_slot_ = 0;

  // the path
  std::deque<Segment> segments_;
  std::deque<Answer> answers_;
  bool cut_ = false;
  bool clogged_ = false;
  std::deque<Segment> held_segments_;
  std::deque<Answer> held_answers_;
  std::optional<int64_t> mute_since_ms_;
  bool own_cut_ = false;

  // the receiver's kernel and process
  uint64_t received_;
  uint64_t read_;
  uint64_t acknowledging_;
  bool widened_ = false; // unseen by the sender
  uint32_t shown_;       // of the buffer; more is not told of
  uint64_t edge_;        // of the window that was told of
  bool acknowledging_soon_ = false;
  bool reading_soon_ = false;
  bool frozen_ = false;
  bool close_when_read_ = false;
  bool asked_to_end_ = false; // by the sender
  bool gone_ = false;
  bool silent_ = false; // no power: not even RST
};

} // namespace failover::sim
