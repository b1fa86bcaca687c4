// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "stream.hpp"

#include <algorithm>
#include <new>

namespace failover {

namespace {

constexpr int64_t watch_busy_ms = 100; // while something is kept: acknowledgements, the grace
constexpr int64_t watch_idle_ms = 500; // otherwise: has the peer closed?
constexpr int64_t drain_first_ms = 1;  // doubles up to
constexpr int64_t drain_slowest_ms = 50;

} // namespace

Stream::Stream(const failover_loop &loop) : loop_(loop), waiting_(loop_)
{}

Stream::~Stream()
{
  assert(!host_ && !in_use_ && !replaced_ && drained_.empty());
  loop_.cancel_timer(loop_.user_data, FAILOVER_TIMER_STREAM);
  if (!finished_)
    drop_waiting();
}

void
Stream::bind(const Host &host, const StreamSettings &settings)
{
  host_ = &host;
  settings_ = settings;
  if (in_use_)
    in_use_->set_throttle(settings_.throttle);
  if (!settings_.resend)
    drop_waiting();
  if (!backlog_.is_attached())
    backlog_.leave();
  watch_due_ms_ = now_ms() + watch_busy_ms;
  arm();
}

// The LogWriter writes what it has before it ends, whatever throttle() says.
void
Stream::unbind()
{
  host_ = nullptr;
  if (in_use_)
    in_use_->set_throttle(0);
  arm();
}

// Nothing posts them again from here.
void
Stream::drop_waiting()
{
  const auto messages = waiting_.take();
  const uint64_t lost = messages ? messages->unnumbered(backlog_.acknowledged()) : 0;
  if (lost > 0)
    waiting_.lose(lost, FAILOVER_LOSS_RELOAD);
}

uint64_t
Stream::attach_queue(const failover_queue &queue, bool same)
{
  queue_ = queue;
  const uint64_t unknown = backlog_.attach(queue, same);
  block_if_busy();
  arm();
  return unknown;
}

void
Stream::detach_queue()
{
  backlog_.detach();
  queue_.reset();
}

// What a connection that has ended leaves.
void
Stream::give_back(std::unique_ptr<Resend> resend)
{
  resend->connection_lost();
  ended_.confirmed += resend->counters().confirmed;
  ended_.resent += resend->counters().resent;
  ended_.grace_cut += resend->counters().grace_cut;
  if (!resend->has_next())
    return;
  waiting_.give(std::move(resend));
  if (!settings_.resend)
    drop_waiting();
  else if (in_use_)
    {
      backlog_.block(true); // until they are posted
      wake_writer();
    }
}

// What is there comes first, before the queue gives out more.
void
Stream::block_if_busy()
{
  backlog_.block(in_use_ && !in_use_->takes_messages());
}

void
Stream::wake_writer() const
{
  if (host_)
    host_->wake_writer();
}

// ---- the connection in use

Connection *
Stream::open(const failover_connection_host &host)
{
  auto connection = std::make_unique<Connection>(
      loop_, waiting_, backlog_, host, std::make_unique<Resend>(settings_.buffer_size, settings_.grace_ms));
  connection->set_throttle(settings_.throttle);
  connection->server = server_;
  replaced_ = std::move(in_use_);
  in_use_ = std::move(connection);
  block_if_busy();
  watch_due_ms_ = now_ms() + watch_busy_ms;
  arm();
  return in_use_.get();
}

bool
Stream::release(Connection *connection)
{
  std::unique_ptr<Connection> released;
  if (in_use_.get() == connection)
    {
      released = std::move(in_use_);
      in_use_ = std::move(replaced_); // it could not be taken over from
      if (!host_)
        released->drains = true; // a reload: it is well, but no configuration keeps it
    }
  else
    released = std::move(replaced_);
  assert(released.get() == connection);
  hung_before_ = hung_before_ || released->is_hung();

  if (released->drains && !finished_ && start_draining(released))
    return true;
  give_back(released->take_resend());
  return false;
}

bool
Stream::quiesce()
{
  if (!in_use_)
    return true;
  in_use_->quiesce(true);
  backlog_.block(true);
  return is_idle() && in_use_->is_between_messages();
}

void
Stream::drain()
{
  if (in_use_)
    in_use_->drains = true;
}

void
Stream::give_up()
{
  if (!in_use_)
    return;
  in_use_->finish_message();
  in_use_->drains = true;
}

void
Stream::resume()
{
  if (!in_use_)
    return;
  in_use_->drains = false;
  in_use_->quiesce(false);
  wake_writer(); // which lets the queue give out more
}

StreamEnd
Stream::end(const failover_end &end)
{
  if (!in_use_)
    return {};
  if (end.tcp_known && !end.tcp_open && !end.tcp_reset)
    in_use_->finish_message();
  return { .silent = in_use_->is_silent(), .fruitless = in_use_->resend().is_fruitless() };
}

// True: the peer has closed its side.
bool
Stream::watch()
{
  const int64_t now = now_ms();
  watch_due_ms_ = now + (in_use_ ? watch_busy_ms : watch_idle_ms);
  if (!in_use_)
    return false;
  hung_before_ = hung_before_ && !in_use_->has_confirmed();
  in_use_->watch_peer(now, settings_.dead_peer_timeout_ms, hung_before_);
  if (!is_idle())
    return false;
  failover_tcp tcp;
  const bool half_closed = in_use_->sample(tcp) && !tcp.open && !tcp.reset;
  if (!waiting_.empty() || in_use_->resend().has_next())
    wake_writer(); // throttle() may let the next one go, or no configuration was there to wake it
  else if (in_use_->resend().kept() == 0)
    watch_due_ms_ = now + watch_idle_ms;
  return half_closed;
}

// The posting side may be stuck: in a full socket, or for want of a connection.
void
Stream::watch_queue()
{
  backlog_.watch_room();
  if (queue_ && backlog_.tells_of_shortage())
    queue_->short_of_room(queue_->user_data);
}

bool
Stream::timer_due()
{
  const int64_t now = now_ms();
  for (auto drained = drained_.begin(); drained != drained_.end();)
    drained = (*drained)->drain_due_ms <= now ? step(drained) : std::next(drained);

  const bool is_due = host_ && watch_due_ms_ <= now;
  if (is_due)
    watch_queue();
  const bool half_closed = is_due && watch();
  arm();
  return half_closed;
}

void
Stream::arm() const
{
  std::optional<int64_t> due_ms;
  if (host_ && (in_use_ || backlog_.has_unconfirmed()))
    due_ms = watch_due_ms_;
  for (const auto &connection : drained_)
    due_ms = std::min(due_ms.value_or(connection->drain_due_ms), connection->drain_due_ms);
  if (due_ms)
    loop_.set_timer(loop_.user_data, FAILOVER_TIMER_STREAM, *due_ms);
  else
    loop_.cancel_timer(loop_.user_data, FAILOVER_TIMER_STREAM);
}

// ---- connections that are not in use any more but not done yet

bool
Stream::start_draining(std::unique_ptr<Connection> &connection)
{
  try
    {
      drained_.push_back(nullptr);
    }
  catch (const std::bad_alloc &)
    {
      return false;
    }
  connection->start_draining();
  connection->drain_interval_ms = drain_first_ms;
  connection->drain_due_ms = now_ms() + drain_first_ms;
  drained_.back() = std::move(connection);
  arm();
  return true;
}

Stream::Drained::iterator
Stream::step(Drained::iterator drained)
{
  Connection &connection = **drained;
  const int64_t now = now_ms();
  if (const auto how = connection.drain(now, settings_.dead_peer_timeout_ms))
    return close(drained, *how);
  connection.drain_interval_ms = std::min(connection.drain_interval_ms * 2, drain_slowest_ms);
  connection.drain_due_ms = now + connection.drain_interval_ms;
  return std::next(drained);
}

Stream::Drained::iterator
Stream::close(Drained::iterator drained, failover_close how)
{
  const auto connection = std::move(*drained);
  const auto next = drained_.erase(drained);
  give_back(connection->take_resend());
  connection->close(how);
  return next;
}

// ---- the end of syslog-ng

// What is confirmed is acknowledged to the queue, and not sent again at the next start.
bool
Stream::is_waited_for(const Resend &resend) const
{
  return backlog_.is_attached() && resend.kept() > 0;
}

bool
Stream::finish()
{
  finished_ = true;
  bool goes_on = false, works = false;
  if (in_use_)
    {
      failover_tcp tcp;
      const bool flushed = in_use_->flush();
      works = in_use_->sample(tcp) && !tcp.reset && flushed;
      goes_on = works && (tcp.acked < tcp.written || in_use_->has_rest() || is_waited_for(in_use_->resend()));
    }
  for (auto drained = drained_.begin(); drained != drained_.end();)
    {
      const Resend &resend = (*drained)->resend();
      // what it has taken over and not posted goes to the one in use when it is done
      goes_on =
          goes_on || resend.unacknowledged() > 0 || (works && resend.has_next()) || is_waited_for(resend);
      drained = step(drained);
    }
  return goes_on;
}

uint64_t
Stream::finished()
{
  finished_ = true;
  backlog_.look_at_file();
  const uint64_t only_here = state().only_here;
  for (auto drained = drained_.begin(); drained != drained_.end();)
    drained = close(drained, FAILOVER_CLOSE_ENDED);
  arm();
  return only_here;
}

// ---- numbers

StreamNumbers
Stream::numbers() const
{
  StreamNumbers numbers;
  numbers.resent = ended_.resent;
  numbers.grace_cut = ended_.grace_cut;
  waiting_.add_to(numbers);
  for_each([&](const Connection &connection) { connection.add_to(numbers); });
  return numbers;
}

bool
Stream::uses(const ServerFacts &server) const
{
  bool found = false;
  for_each([&](const Connection &connection) { found = found || connection.server.get() == &server; });
  return found;
}

uint64_t
Stream::unconfirmed(const ServerFacts &server) const
{
  StreamNumbers numbers;
  for_each([&](const Connection &connection) {
    if (connection.server.get() == &server)
      connection.add_to(numbers);
  });
  return numbers.messages;
}

void
Stream::add(failover_stream_state &state, const Resend &resend) const
{
  state.kept += resend.kept();
  state.unacknowledged += resend.to_resend() + resend.unacknowledged();
  state.only_here += resend.unnumbered(backlog_.acknowledged());
  state.bytes += resend.bytes();
  state.confirmed += resend.counters().confirmed;
  state.resent += resend.counters().resent;
  state.grace_cut += resend.counters().grace_cut;
}

failover_stream_state
Stream::state() const
{
  failover_stream_state state = {};
  state.confirmed = ended_.confirmed;
  state.resent = ended_.resent;
  state.grace_cut = ended_.grace_cut;
  for_each([&](const Connection &connection) { add(state, connection.resend()); });
  if (const Resend *waiting = waiting_.get())
    {
      state.kept += waiting->kept();
      state.bytes += waiting->bytes();
      state.waiting = waiting->to_resend();
      state.unacknowledged += state.waiting;
      state.only_here += waiting->unnumbered(backlog_.acknowledged());
    }
  return state;
}

} // namespace failover
