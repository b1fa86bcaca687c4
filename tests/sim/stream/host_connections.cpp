// SPDX-License-Identifier: GPL-2.0-or-later
//
// Connections and what they leave, see host.hpp.
#include "stream/host.hpp"

#include <algorithm>

namespace failover::sim::stream {

namespace {

constexpr int64_t watch_busy_ms = 100;
constexpr int64_t watch_idle_ms = 1'000;
constexpr int64_t drain_first_ms = 1;
constexpr int64_t drain_slowest_ms = 50;

} // namespace

Host::Host(Stage &stage, std::function<void()> connect) : stage_(stage), connect_(std::move(connect))
{
  stage_.queue.schedule(stage_.queue.now_ms() + watch_busy_ms, [this] { watch_due(); });
}

// ---- connections

std::unique_ptr<Buffer>
Host::new_buffer()
{
  return std::make_unique<Buffer>(stage_, ++buffers_);
}

void
Host::give_to_writer(Link &link)
{
  auto before = std::move(active_);
  const int number = link.number();
  active_ = std::make_unique<Active>(Active{ &link, number, Proto(stage_.books.config, link),
                                             waiting_ ? std::move(waiting_) : new_buffer() });
  if (stage_.fault != Fault::no_first_sample)
    sample();
  if (before)
    {
      before->drain = true;
      if (stage_.fault == Fault::carries_half_over)
        active_->proto.carry_over(before->proto);
      connection_freed(std::move(before));
    }
  wake();
}

void
Host::connected(Link &link)
{
  if (!active_)
    {
      give_to_writer(link);
      return;
    }
  hand_over_ = &link;
  active_->quiesce = true;
  const uint64_t hand_over = ++hand_overs_;
  if (is_between_messages())
    complete_hand_over();
  else
    stage_.queue.schedule(stage_.queue.now_ms() + stage_.books.config.hand_over_limit_ms, [this, hand_over] {
      if (hand_over == hand_overs_)
        complete_hand_over();
    });
}

void
Host::complete_hand_over()
{
  if (!hand_over_)
    return;
  if (active_ && is_between_messages() && !active_->link->is_reset())
    stage_.books.connections[active_->connection].left_for_another = true;
  if (stage_.fault == Fault::stays_quiet && active_)
    {
      hand_over_ = nullptr;
      return;
    }
  Link &link = *hand_over_;
  hand_over_ = nullptr;
  give_to_writer(link);
  // it may have ended while it waited
  const TcpState tcp = link.state();
  if (tcp.reset)
    reset_arrived(link);
}

void
Host::fin_arrived(Link &link)
{
  // with TLS the LogWriter does not look for it: a sample will tell
  if (active_ && active_->link == &link && stage_.books.config.tls == Tls::none)
    connection_ended(false);
}

void
Host::reset_arrived(Link &link)
{
  if (active_ && active_->link == &link)
    connection_ended(true);
}

void
Host::connection_ended(bool write_failed)
{
  // a peer that may still read gets the rest of a message, as far as the socket takes it
  if (!write_failed && active_->proto.has_partial())
    active_->proto.flush();
  connection_freed(std::move(active_));
  if (hand_over_)
    stage_.queue.schedule(stage_.queue.now_ms(), [this] { complete_hand_over(); });
  else
    connect_();
}

void
Host::connection_freed(std::unique_ptr<Active> connection)
{
  if (connection->drain)
    {
      drain_start(*connection);
      return;
    }
  connection->link->close();
  Connection &books = stage_.books.connections[connection->connection];
  books.ended = true;
  connection->buffer->connection_lost(books);
  give_back(std::move(connection->buffer));
}

void
Host::give_back(std::unique_ptr<Buffer> buffer)
{
  if (!buffer->has_next())
    return;
  if (waiting_)
    waiting_->take_over(*buffer);
  else
    waiting_ = std::move(buffer);
  wake();
}

// ---- draining

void
Host::drain_start(Active &connection)
{
  drains_.push_back({ connection.link, connection.connection, std::move(connection.buffer),
                      stage_.fault != Fault::drain_forgets_partial && last_is_partial(connection),
                      drain_first_ms });
  const auto drain = std::prev(drains_.end());
  stage_.queue.schedule(stage_.queue.now_ms() + drain_first_ms, [this, drain] { drain_due(drain); });
}

void
Host::drain_due(std::list<Drain>::iterator drain)
{
  const TcpState tcp = drain->link->state();
  Connection &connection = stage_.books.connections[drain->connection];
  failover_drain state = FAILOVER_DRAIN_DONE;
  if (tcp.open)
    {
      sample_buffer(*drain->buffer, connection, tcp, drain->last_is_partial);
      state = drain->buffer->drain(stage_.books.config.patience_ms);
      if (stage_.fault == Fault::drain_without_grace && tcp.acked >= tcp.written)
        state = FAILOVER_DRAIN_DONE;
      if (stage_.fault == Fault::impatient && connection.left_for_another)
        state = FAILOVER_DRAIN_DONE;
    }
  connection.stuck = state == FAILOVER_DRAIN_STUCK;
  if (state != FAILOVER_DRAIN_GOES_ON)
    {
      drain_finish(drain);
      return;
    }
  drain->interval_ms = std::min(drain->interval_ms * 2, drain_slowest_ms);
  stage_.queue.schedule(stage_.queue.now_ms() + drain->interval_ms, [this, drain] { drain_due(drain); });
}

void
Host::drain_finish(std::list<Drain>::iterator drain)
{
  Connection &connection = stage_.books.connections[drain->connection];
  auto buffer = std::move(drain->buffer);
  drain->link->close();
  drains_.erase(drain);

  connection.ended = true;
  buffer->connection_lost(connection);
  // what it takes for delivered is gone
  if (stage_.fault == Fault::loses_leftovers || stage_.fault == Fault::drain_without_grace)
    return;
  give_back(std::move(buffer));
}

// ---- the watch

void
Host::watch_due()
{
  int64_t next_ms = watch_busy_ms;
  bool half_closed = false;
  if (active_)
    {
      const TcpState tcp = sample();
      half_closed = !tcp.open && !tcp.reset;
      if (active_->buffer->books().messages.empty())
        next_ms = watch_idle_ms;
    }
  stage_.queue.schedule(stage_.queue.now_ms() + next_ms, [this] { watch_due(); });
  if (half_closed)
    connection_ended(false);
}

// ---- for the world

bool
Host::idle() const
{
  return active_ && !active_->link->in_trouble() && !hand_over_ && queue_.empty() && !waiting_
         && drains_.empty() && !active_->proto.has_partial() && !active_->buffer->has_next()
         && active_->link->acked() == active_->link->written();
}

void
Host::tell_what_is_left()
{
  if (active_)
    stage_.tell(&Observer::left, active_->buffer->books());
  if (waiting_)
    stage_.tell(&Observer::left, waiting_->books());
  for (const Drain &drain : drains_)
    stage_.tell(&Observer::left, drain.buffer->books());
}

Connection *
Host::connection_in_use()
{
  return active_ ? &stage_.books.connections[active_->connection] : nullptr;
}

} // namespace failover::sim::stream
