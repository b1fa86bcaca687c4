// SPDX-License-Identifier: GPL-2.0-or-later
//
// A reliable disk queue of syslog-ng (modules/diskq: qdisk.c, logqueue-disk-reliable.c):
// a file that is written in a circle, and places in it.  What was taken out stays until it
// is acknowledged, by number and from the oldest on; a rewind goes back from the newest.
//
// What a crash, a release and a load leave is the file, with its places: so there is
// nothing to do for them.  A plain value, owned by whoever plays syslog-ng.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace failover::sim {

class ReliableQueue
{
public:
  struct Record
  {
    uint64_t number;
    uint64_t bytes;
    bool posted; // or it renders empty
  };

  ReliableQueue(uint64_t size, uint64_t reserved) : size_(size), reserved_(reserved) {}

  // False: it is full, and the message dropped.
  bool push(const Record &record);
  std::optional<Record> take_out();
  // As many as there are.
  void acknowledge(uint64_t records);
  void rewind(uint64_t records);
  void rewind_all() { rewind(backlog()); }
  // What cannot be read is put aside, and a new file begun.
  void restart_corrupted();

  uint64_t length() const { return records_.size() - taken_out_; }
  uint64_t backlog() const { return taken_out_; }
  uint64_t size() const { return size_; }
  uint64_t reserved() const { return reserved_; }
  uint64_t free() const;

  // Of those not acknowledged, the oldest; length() and backlog() together.
  const std::deque<Record> &records() const { return records_; }

  static constexpr uint64_t header = 4096;
  static constexpr uint64_t overhead = 60; // of a record, beside its text

private:
  const uint64_t size_;     // after which it begins anew at the next record
  const uint64_t reserved_; // with less free its sources wait for acknowledgements

  std::deque<Record> records_;
  std::size_t taken_out_ = 0;
  uint64_t used_ = 0; // bytes
};

} // namespace failover::sim
