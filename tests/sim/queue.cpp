// SPDX-License-Identifier: GPL-2.0-or-later
#include "queue.hpp"

#include <algorithm>

namespace failover::sim {

// The last record may go beyond the end of the file, if any room is left.
bool
ReliableQueue::push(const Record &record)
{
  if (used_ >= size_ - header)
    return false;
  used_ += record.bytes;
  records_.push_back(record);
  return true;
}

std::optional<ReliableQueue::Record>
ReliableQueue::take_out()
{
  if (length() == 0)
    return std::nullopt;
  return records_[taken_out_++];
}

void
ReliableQueue::acknowledge(uint64_t records)
{
  for (; records > 0 && taken_out_ > 0; records--)
    {
      used_ -= records_.front().bytes;
      records_.pop_front();
      taken_out_--;
    }
}

void
ReliableQueue::rewind(uint64_t records)
{
  taken_out_ -= std::min<uint64_t>(records, taken_out_);
}

void
ReliableQueue::restart_corrupted()
{
  records_.clear();
  taken_out_ = 0;
  used_ = 0;
}

uint64_t
ReliableQueue::free() const
{
  return size_ - header - std::min(used_, size_ - header);
}

} // namespace failover::sim
