// SPDX-License-Identifier: GPL-2.0-or-later
//
// The LogWriter with a reliable disk queue: what lib-shim/stream/queue.c does with
// syslog-ng's, here with the model of it; see writer.hpp.
#include "writer.hpp"

#include <algorithm>
#include <utility>

namespace failover::sim {

namespace {

// Less often the destination does not ask for room while it works.
constexpr int64_t room_is_known_ms = 1'000;

} // namespace

std::size_t
Writer::queued() const
{
  return file_ ? file_->length() : queue_.size();
}

// What renders empty stands before another, or is the last for a while.
void
Writer::store(uint32_t number)
{
  Message &message = stage_.books.messages[number];
  if (random_.chance(stage_.books.surroundings.empty_percent))
    file_->push({ number, ReliableQueue::overhead, false });
  message.stored = message.filed = file_->push({ number, ReliableQueue::overhead + message.length, true });
  if (!message.filed)
    stage_.tell(&Observer::dropped_by_queue, number);
  if (random_.chance(stage_.books.surroundings.empty_percent))
    file_->push({ number, ReliableQueue::overhead, false });
}

// ---- for the destination

failover_queue
Writer::queue_host()
{
  failover_queue host = {};
  host.user_data = this;
  host.backlog = [](void *self) { return static_cast<Writer *>(self)->taken_out(); };
  host.room = [](void *self) { return static_cast<Writer *>(self)->room(); };
  host.acknowledge = [](void *self, uint64_t records) {
    Writer &writer = *static_cast<Writer *>(self);
    if (writer.stage_.fault != Fault::queue_in_any_order)
      writer.acknowledge_to_file(records + (writer.stage_.fault == Fault::queue_one_more));
  };
  host.short_of_room = [](void *) {};
  return host;
}

uint64_t
Writer::taken_out() const
{
  uint64_t records = file_->backlog();
  if (stage_.fault == Fault::queue_blind_to_skipped)
    records -= static_cast<uint64_t>(std::count_if(
        file_->records().begin(), file_->records().begin() + static_cast<std::ptrdiff_t>(records),
        [](const ReliableQueue::Record &record) { return !record.posted; }));
  return records;
}

failover_queue_room
Writer::room()
{
  if (stage_.fault == Fault::queue_hoards)
    return { file_->size(), file_->size(), 0 };
  told_short_ = stage_.books.is_short_of_room();
  told_room_ms_ = stage_.queue.now_ms();
  return { file_->size(), file_->free(), file_->reserved() };
}

void
Writer::acknowledge_to_file(uint64_t records)
{
  const int64_t known_ms = std::max(told_room_ms_, stage_.books.woken_ms) + room_is_known_ms;
  const bool short_of_room = told_short_ && stage_.queue.now_ms() <= known_ms;
  if (records > file_->backlog())
    stage_.tell(&Observer::acknowledged_too_many);
  for (; records > 0 && file_->backlog() > 0; records--)
    {
      const ReliableQueue::Record record = file_->records().front();
      file_->acknowledge(1);
      if (!record.posted)
        continue;
      const auto number = static_cast<uint32_t>(record.number);
      stage_.tell(&Observer::acknowledged_to_queue, number, short_of_room);
      stage_.books.messages[number].filed = false;
    }
}

// So many of those taken out last.
void
Writer::give_out_again(uint64_t records)
{
  const uint64_t backlog = file_->backlog();
  for (uint64_t i = backlog - std::min(records, backlog); i < backlog; i++)
    if (const ReliableQueue::Record &record = file_->records()[i]; record.posted)
      {
        const auto number = static_cast<uint32_t>(record.number);
        stage_.tell(&Observer::given_out_again, number);
        stage_.books.messages[number].forget();
      }
  file_->rewind(records);
  stage_.books.queued = queued();
}

void
Writer::attach_queue(bool same)
{
  if (!file_)
    return;
  const failover_queue host = queue_host();
  stage_.books.file_attached = true;
  if (same && stage_.fault == Fault::queue_rewound_at_reload)
    give_out_again(file_->backlog());
  const uint64_t unknown = subject_.attach_queue(host, same);
  if (stage_.fault != Fault::queue_not_rewound)
    give_out_again(unknown);
  wake();
}

void
Writer::detach_queue()
{
  if (!std::exchange(stage_.books.file_attached, false))
    return;
  subject_.detach_queue();
}

// ---- for the world

void
Writer::lose_file()
{
  for (const ReliableQueue::Record &record : file_->records())
    if (record.posted)
      {
        Message &message = stage_.books.messages[record.number];
        message.filed = false;
        message.lost = message.lost || !message.kept; // or the destination has it
      }
  file_->restart_corrupted();
  stage_.books.queued = 0;
}

void
Writer::die()
{
  job_ = false;
  jobs_++;
}

// ---- the LogWriter

// As it does it: message by message as long as one is given out and taken, then what is left inside.
bool
Writer::work_from_file()
{
  Socket &socket = *active_;
  while (subject_.takes_messages())
    {
      const auto record = file_->take_out();
      if (!record)
        break;
      if (!record->posted)
        continue;
      const auto number = static_cast<uint32_t>(record->number);
      const std::string text = message_text(stage_.books, number);
      const bool has_room = socket.flow.bytes + header_bytes + text.size() <= socket.flow.buffer_limit / 2;
      bool consumed = false;
      const bool works = failover_connection_post(socket.handle, text.data(), text.size(), &consumed);
      if (!works || !consumed)
        file_->rewind(1);
      if (!works)
        return false;
      if (!consumed)
        {
          if (has_room)
            stage_.tell(&Observer::given_back_to_queue, socket.flow, number);
          break;
        }
      if (socket.flow.posted.empty() || socket.flow.posted.back() != number)
        {
          hold(socket, number);
          socket.flow.held = number;
        }
      accepted(number);
      if (stage_.fault == Fault::queue_at_acceptance)
        acknowledge_to_file(file_->backlog());
    }
  return failover_connection_flush(socket.handle);
}

} // namespace failover::sim
