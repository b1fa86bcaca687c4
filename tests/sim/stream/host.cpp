// SPDX-License-Identifier: GPL-2.0-or-later
//
// The path of each message, see host.hpp.
#include "stream/host.hpp"

#include <algorithm>

namespace failover::sim::stream {

namespace {

constexpr uint32_t sample_every_messages = 128;
constexpr int64_t try_again_ms = 5; // a socket or buffer that was full

} // namespace

void
Host::enqueue(uint32_t message)
{
  queue_.push_back(message);
  wake();
}

void
Host::wake()
{
  if (waking_)
    return;
  waking_ = true;
  stage_.queue.schedule(stage_.queue.now_ms(), [this] {
    waking_ = false;
    work();
  });
}

// As the LogWriter does it: what waits inside first, then message by message
// until one is not taken.
void
Host::work()
{
  if (!active_)
    return;
  if (flush() == Proto::Status::error)
    {
      connection_ended(true);
      return;
    }
  while (active_ && !queue_.empty())
    {
      bool consumed = false;
      if (post(queue_.front(), consumed) == Proto::Status::error)
        {
          connection_ended(true);
          return;
        }
      if (!consumed)
        break;
      queue_.pop_front();
    }
  if (active_ && (!queue_.empty() || active_->proto.has_partial() || active_->buffer->has_next()))
    try_again();
}

void
Host::try_again()
{
  if (trying_again_)
    return;
  trying_again_ = true;
  stage_.queue.schedule(stage_.queue.now_ms() + try_again_ms, [this] {
    trying_again_ = false;
    wake();
  });
}

bool
Host::is_between_messages() const
{
  return !active_->mid_message && !active_->proto.has_partial();
}

bool
Host::last_is_partial(const Active &connection)
{
  return connection.proto.has_partial() && !connection.failed_with;
}

bool
Host::has_ended() const
{
  return active_->half_closed && is_between_messages();
}

TcpState
Host::sample()
{
  const TcpState tcp = active_->link->state();
  active_->unsampled = 0;
  active_->half_closed = !tcp.open && !tcp.reset;
  if (tcp.open)
    sample_buffer(*active_->buffer, stage_.books.connections[active_->connection], tcp,
                  last_is_partial(*active_));
  return tcp;
}

// The books first: they know what the buffer may let go.
void
Host::sample_buffer(Buffer &buffer, Connection &connection, const TcpState &tcp, bool last_is_partial)
{
  connection.clock.sample(tcp, stage_.queue.now_ms(), stage_.books.config.grace_ms);
  connection.sampled_acked = tcp.acked;
  connection.race = std::max(connection.race, tcp.written - connection.link->written());
  const std::size_t whole =
      connection.posted.size() - (last_is_partial && !connection.posted.empty() ? 1 : 0);
  if (connection.marks.empty() ? whole > 0 : whole > connection.marks.back().count)
    connection.marks.push_back({ whole, tcp.written, never });
  for (; connection.acked_marks < connection.marks.size()
         && connection.marks[connection.acked_marks].written <= tcp.acked;
       connection.acked_marks++)
    continue;
  for (; connection.graced_marks < connection.acked_marks
         && connection.marks[connection.graced_marks].written <= connection.clock.read();
       connection.graced_marks++)
    connection.marks[connection.graced_marks].grace_from = connection.clock.ms();
  for (; connection.acked < connection.posted.size() && connection.ends[connection.acked] <= tcp.acked;
       connection.acked++)
    stage_.books.messages[connection.posted[connection.acked]].acked = true;
  for (;
       connection.graced < connection.acked && connection.ends[connection.graced] <= connection.clock.read();
       connection.graced++)
    stage_.books.messages[connection.posted[connection.graced]].grace_from = connection.clock.ms();

  stage_.tell(&Observer::sampled, connection, tcp);
  buffer.sample(connection, tcp, last_is_partial);
}

void
Host::count_posted(uint32_t number)
{
  Message &message = stage_.books.messages[number];
  Connection &connection = stage_.books.connections[active_->connection];
  message.posted++;
  message.connection = connection.number;
  message.end = active_->proto.end();
  message.acked = false;
  message.grace_from = never;
  connection.posted.push_back(number);
  connection.ends.push_back(message.end);
  stage_.tell(&Observer::posted, connection, active_->buffer->books(), number);

  if (++active_->unsampled >= sample_every_messages)
    sample();
}

void
Host::fetch_waiting()
{
  if (!waiting_)
    return;
  active_->buffer->take_over(*waiting_);
  waiting_.reset();
}

Proto::Status
Host::resend()
{
  fetch_waiting();
  while (active_->buffer->has_next())
    {
      const uint32_t message = active_->buffer->next();
      bool consumed = false;
      const Proto::Status status = active_->proto.post(active_->buffer->copy_next(), consumed);
      if (status == Proto::Status::error)
        return status;
      if (!consumed)
        return Proto::Status::done;
      active_->buffer->next_posted();
      count_posted(message);
    }
  return Proto::Status::done;
}

Proto::Status
Host::post(uint32_t message, bool &consumed)
{
  const Fault fault = stage_.fault;
  consumed = false;
  if (!active_->mid_message)
    {
      if (active_->quiesce)
        return Proto::Status::done;
      if (has_ended())
        return Proto::Status::error;
      if (fault != Fault::new_ones_first && resend() == Proto::Status::error)
        return Proto::Status::error;
    }

  const std::string text = message_text(stage_.books, message);
  const bool kept = active_->buffer->keep(message, text, stage_.books.connections[active_->connection]);
  if (!kept && fault != Fault::posts_what_is_not_kept && fault != Fault::new_ones_first)
    return sample().reset ? Proto::Status::error : Proto::Status::done;

  const Proto::Status status = active_->proto.post(text, consumed);
  if (status == Proto::Status::error || !consumed)
    {
      active_->failed_with = consumed;
      consumed = false;
      if (kept)
        active_->buffer->forget_last();
      active_->mid_message = status != Proto::Status::error;
      return status;
    }
  active_->mid_message = false;
  stage_.books.messages[message].accepted = true;
  count_posted(message);
  return status;
}

Proto::Status
Host::flush()
{
  const Proto::Status status = active_->proto.flush();
  if (status == Proto::Status::error)
    return status;
  if (active_->quiesce)
    {
      if (is_between_messages())
        stage_.queue.schedule(stage_.queue.now_ms(), [this] { complete_hand_over(); });
      return Proto::Status::done;
    }
  if (has_ended())
    return Proto::Status::error;
  return active_->mid_message ? Proto::Status::done : resend();
}

} // namespace failover::sim::stream
