// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// Which messages of a reliable disk queue are confirmed, so that none is acknowledged to
// it before.
//
// Such a queue keeps in its file what was taken out of it, and gives it out again after a
// crash, until it is acknowledged: by number, oldest first.  What is confirmed first may
// be newer: a connection that another one has taken over from is still drained, and what
// it leaves comes after what was posted on the other.  So messages are numbered in the
// order in which they were accepted, and acknowledged when all before them are confirmed.
//
// How many records of the queue a number stands for is never counted on our side alone:
// the queue is asked at each message how many were taken out.  What comes on top of those
// that are known was taken out and never posted (it rendered empty, say), and goes with
// the message; fewer than known are of another file, and what is known is forgotten.
//
// Owned by the stream.  A monitor: the posting side and the main side (connection.hpp)
// both may call it; what is not marked locks.
#pragma once

#include "failover-queue.h"
#include "ring.hpp"

#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

namespace failover {

class Backlog
{
public:
  using Order = uint64_t; // from 1 on; 0: of a message that the queue does not keep

  // ---- main side, while the posting side does not run

  // The queue of the destination from now on.  `same`: it is the one before, and nobody
  // has used it meanwhile.  Returns how many of the messages that were taken out of it
  // last have to be taken out again: nobody knows them here.
  uint64_t attach(const failover_queue &queue, bool same);
  void detach() { attach_to(std::nullopt); }
  // A configuration goes on with it that does not attach it: what it is acknowledged then is
  // not known here.
  void leave() { used_by_another_ = true; }

  // ---- either side

  // Does not lock.
  bool is_attached() const { return queue_.has_value(); }
  void confirm(Order first, uint64_t count);
  // Withholding acknowledgements takes room in the queue's file.  Without it they are given
  // at acceptance, as syslog-ng does: nothing is to be throttled or dropped for us.
  void watch_room();
  // All up to this one are acknowledged, or forgotten: the queue does not keep them.
  Order acknowledged() const;
  bool has_unconfirmed() const;

  // ---- posting side

  // A message was accepted, the one that was taken out last.
  Order accept();

  // ---- main side

  // Once: there is no room.
  bool tells_of_shortage();
  // A file that was begun anew keeps nothing of what was accepted before.
  void look_at_file();

  // ---- whether the posting side takes more now.  Do not lock.
  //
  // Giving a message back costs a reliable queue a walk along all that it keeps.

  void block(bool blocked) { blocked_.store(blocked, std::memory_order_relaxed); }
  bool is_blocked() const { return blocked_.load(std::memory_order_relaxed); }

private:
  // What was taken out before a message and never posted.
  struct Gap
  {
    Order before;
    uint64_t records;
  };
  struct Interval
  {
    Order first;
    Order end;
  };

  void attach_to(std::optional<failover_queue> queue);
  uint64_t known() const { return last_ - acknowledged_ + skipped_; }
  uint64_t taken_out() const { return queue_->backlog(queue_->user_data); }
  void forget();
  void forget_other_file();
  void acknowledge_all();
  void acknowledge_records(uint64_t records);
  void advance(Order last);
  void settle();
  void add(Interval confirmed);

  mutable std::mutex mutex_;
  std::optional<failover_queue> queue_; // changes only while the posting side does not run
  bool used_by_another_ = false;        // since it was attached last; main side

  Order last_ = 0;
  Order acknowledged_ = 0;
  uint64_t unconfirmed_ = 0;
  uint64_t skipped_ = 0; // records of all gaps_
  Ring<Gap> gaps_;
  std::vector<Interval> confirmed_; // and not acknowledged; sorted, with holes between them

  bool is_short_ = false; // of room
  bool shortage_told_ = false;
  std::atomic<bool> blocked_ = false;
};

} // namespace failover
