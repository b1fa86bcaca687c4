// SPDX-License-Identifier: GPL-2.0-or-later
//
// See host.hpp.
#include "stream/host.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace failover::sim::stream {

namespace {

constexpr int64_t try_again_ms = 5; // a socket or buffer that was full

failover_stream_settings
settings_of(const Config &config, Fault fault)
{
  failover_stream_settings settings = {};
  settings.resend = true;
  settings.grace_ms = fault == Fault::no_grace ? 0 : config.grace_ms;
  settings.buffer_size = fault == Fault::generous ? config.buffer_limit * 2 : config.buffer_limit;
  settings.dead_peer_timeout_ms = fault == Fault::impatient ? 1 : config.dead_peer_timeout_ms;
  return settings;
}

} // namespace

Host::Host(Stage &stage, std::function<void()> connect) : stage_(stage), connect_(std::move(connect))
{}

Host::~Host()
{
  if (!stream_)
    return;
  if (active_)
    free_proto(std::move(active_));
  failover_stream_finished(stream_.get());
}

// ---- the host of the stream

failover_stream_host
Host::stream_host()
{
  failover_stream_host host = {};
  host.user_data = this;
  host.now_ms = [](void *self) { return static_cast<Host *>(self)->stage_.queue.now_ms(); };
  host.set_timer = [](void *self, int64_t due_ms) { static_cast<Host *>(self)->set_timer(due_ms); };
  host.cancel_timer = [](void *self) { static_cast<Host *>(self)->timer_++; };
  host.is_idle = [](void *) { return true; };
  host.wake_writer = [](void *self) { static_cast<Host *>(self)->wake(); };
  host.half_closed = [](void *self) { static_cast<Host *>(self)->connection_ended(); };
  host.lost = [](void *, uint64_t) { throw std::runtime_error("no memory"); };
  return host;
}

void
Host::set_timer(int64_t due_ms)
{
  const uint64_t timer = ++timer_;
  stage_.queue.schedule(std::max(due_ms, stage_.queue.now_ms()), [this, timer] {
    if (timer == timer_)
      failover_stream_timer_due(stream_.get());
  });
}

// ---- the host of a connection

failover_connection_host
Host::connection_host(Socket &socket)
{
  failover_connection_host host = {};
  host.user_data = &socket;
  host.write = [](void *s, const char *text, size_t length, bool *consumed) {
    return write(*static_cast<Socket *>(s), { text, length }, *consumed);
  };
  host.flush = [](void *s) { return static_cast<Socket *>(s)->proto.flush() != Proto::Status::error; };
  host.has_partial = [](void *s) {
    const Socket &socket = *static_cast<Socket *>(s);
    return socket.proto.has_partial() && socket.host.stage_.fault != Fault::never_partial;
  };
  host.acknowledge = [](void *s) {
    Socket &socket = *static_cast<Socket *>(s);
    socket.host.stage_.books.messages[socket.books.posted.back()].accepted = true;
  };
  host.wake_main = [](void *s) {
    Host &host = static_cast<Socket *>(s)->host;
    host.stage_.queue.schedule(host.stage_.queue.now_ms(), [&host] { host.complete_hand_over(); });
  };
  host.read_tcp = [](void *s, failover_tcp *tcp) { return read_tcp(*static_cast<Socket *>(s), *tcp); };
  host.confirmed = [](void *s, uint64_t messages, bool early) {
    confirmed(*static_cast<Socket *>(s), messages, early);
  };
  host.give_up = [](void *s) { give_up(*static_cast<Socket *>(s)); };
  host.close = [](void *s, failover_close how) { close(*static_cast<Socket *>(s), how); };
  return host;
}

bool
Host::write(Socket &socket, std::string_view text, bool &consumed)
{
  Stage &stage = socket.host.stage_;
  uint32_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  if (number >= stage.books.messages.size() || text != message_text(stage.books, number))
    {
      stage.tell(&Observer::other_bytes, std::string(text.substr(0, 40)));
      return false;
    }
  std::string bytes(text);
  if (stage.fault == Fault::other_bytes && stage.books.messages[number].posted > 0)
    bytes.pop_back();
  const Proto::Status status = socket.proto.post(bytes, consumed);
  if (status != Proto::Status::error && consumed)
    socket.host.posted(socket, number);
  return status != Proto::Status::error;
}

bool
Host::read_tcp(Socket &socket, failover_tcp &tcp)
{
  Stage &stage = socket.host.stage_;
  if (stage.fault == Fault::no_first_sample && !std::exchange(socket.read_before, true))
    return false;
  const TcpState state = socket.link.state();
  note_acknowledged(socket);
  tcp = {};
  tcp.open = state.open;
  tcp.reset = state.reset;
  tcp.in_flight = state.in_flight;
  tcp.acked = stage.fault == Fault::deaf ? 0 : state.acked;
  tcp.written = state.written;
  tcp.window = state.window;
  if (stage.fault == Fault::early_confirmation && !socket.books.posted.empty())
    tcp.written -= std::min<uint64_t>(stage.books.messages[socket.books.posted.back()].length, tcp.written);
  if (stage.fault == Fault::blind_clock)
    tcp.window = 1U << 30;
  if (stage.fault == Fault::blind_to_widening)
    tcp.window = std::min(tcp.window, socket.link.config().first_window);
  stage.tell(&Observer::asked, socket.books, state);
  return true;
}

// As far as the sender's kernel knows.
void
Host::note_acknowledged(Socket &socket)
{
  Connection &connection = socket.books;
  for (; connection.acked < connection.posted.size()
         && connection.ends[connection.acked] <= socket.link.acked();
       connection.acked++)
    connection.acked_ms.push_back(socket.host.stage_.queue.now_ms());
}

void
Host::confirmed(Socket &socket, uint64_t messages, bool early)
{
  Stage &stage = socket.host.stage_;
  Connection &connection = socket.books;
  for (; messages > 0; messages--)
    {
      if (connection.confirmed >= connection.posted.size())
        {
          stage.tell(&Observer::confirmed_too_many, connection);
          return;
        }
      const uint32_t number = connection.posted[connection.confirmed];
      stage.tell(&Observer::confirmed, connection, connection.confirmed, early);
      connection.confirmed++;
      Message &message = stage.books.messages[number];
      message.confirmed = true;
      message.cut = early;
      stage.books.confirmed++;
    }
}

void
Host::give_up(Socket &socket)
{
  Stage &stage = socket.host.stage_;
  stage.tell(&Observer::given_up, socket.books);
  socket.link.give_up();
}

void
Host::close(Socket &socket, failover_close how)
{
  Host &host = socket.host;
  socket.books.stuck = how == FAILOVER_CLOSE_STUCK;
  socket.books.ended = true;
  socket.books.in_trouble = socket.link.in_trouble();
  host.stage_.tell(&Observer::ended, socket.books);
  socket.link.close();
  std::erase_if(host.drained_, [&](const auto &drained) { return drained.get() == &socket; });
}

// ---- the LogWriter

void
Host::posted(Socket &socket, uint32_t number)
{
  Message &message = stage_.books.messages[number];
  Connection &connection = socket.books;
  message.before = message.connection;
  message.posted++;
  message.connection = connection.number;
  message.place = connection.posted.size();
  connection.posted.push_back(number);
  connection.ends.push_back(socket.proto.end());
  stage_.tell(&Observer::posted, connection, number);
}

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
  bool works = failover_connection_flush(active_->handle);
  while (works && !queue_.empty())
    {
      const std::string text = message_text(stage_.books, queue_.front());
      bool consumed = false;
      works = failover_connection_post(active_->handle, text.data(), text.size(), &consumed);
      if (!works || !consumed)
        break;
      queue_.pop_front();
    }
  stage_.books.in_use = &active_->books;
  stage_.tell(&Observer::worked, state());
  if (!works)
    connection_ended();
  else if (!queue_.empty() || failover_connection_wants_to_write(active_->handle))
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

// ---- connections

void
Host::give_to_writer(Link &link)
{
  if (!stream_)
    {
      const failover_stream_settings settings = settings_of(stage_.books.config, stage_.fault);
      const failover_stream_host host = stream_host();
      failover_stream *stream = nullptr;
      if (failover_stream_new(&settings, &host, &stream) != FAILOVER_OK)
        throw std::runtime_error("failover_stream_new()");
      stream_.reset(stream);
      failover_stream_bind(stream, true);
    }
  failover_stream_drain(stream_.get());
  auto before = std::move(active_);
  active_ = std::unique_ptr<Socket>(
      new Socket{ *this, link, stage_.books.connections[link.number()], Proto(stage_.books.config, link) });
  const failover_connection_host host = connection_host(*active_);
  if (failover_stream_open(stream_.get(), &host, &active_->handle) != FAILOVER_OK)
    throw std::runtime_error("failover_stream_open()");
  if (before)
    {
      if (stage_.fault == Fault::carries_half_over)
        active_->proto.carry_over(before->proto);
      free_proto(std::move(before));
    }
  wake();
}

void
Host::free_proto(std::unique_ptr<Socket> socket)
{
  if (failover_stream_release(stream_.get(), socket->handle))
    {
      // what a LogProto does when it is freed
      if (stage_.fault == Fault::shuts_down)
        socket->link.close_own_side();
      drained_.push_back(std::move(socket));
      return;
    }
  socket->books.ended = true;
  socket->books.in_trouble = true;
  stage_.tell(&Observer::ended, socket->books);
  socket->link.close();
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
  const uint64_t hand_over = ++hand_overs_;
  if (failover_stream_quiesce(stream_.get()))
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
  if (active_ && !active_->proto.has_partial() && !active_->link.is_reset())
    active_->books.left_for_another = true;
  if (stage_.fault == Fault::stays_quiet && active_)
    {
      hand_over_ = nullptr;
      return;
    }
  Link &link = *hand_over_;
  hand_over_ = nullptr;
  give_to_writer(link);
  // it may have ended while it waited
  if (link.is_reset())
    reset_arrived(link);
}

void
Host::fin_arrived(Link &link)
{
  // with TLS the LogWriter does not look for it: the stream will
  if (active_ && &active_->link == &link && stage_.books.config.tls == Tls::none)
    connection_ended();
}

void
Host::reset_arrived(Link &link)
{
  if (active_ && &active_->link == &link)
    connection_ended();
}

void
Host::acknowledged(Link &link)
{
  if (active_ && &active_->link == &link)
    note_acknowledged(*active_);
  for (const auto &socket : drained_)
    if (&socket->link == &link)
      note_acknowledged(*socket);
  wake();
}

void
Host::connection_ended()
{
  (void)failover_stream_end_of_connection(stream_.get());
  free_proto(std::move(active_));
  if (hand_over_)
    stage_.queue.schedule(stage_.queue.now_ms(), [this] { complete_hand_over(); });
  else
    connect_();
}

// ---- for the world

bool
Host::idle() const
{
  return active_ && !active_->link.in_trouble() && !hand_over_ && queue_.empty() && drained_.empty()
         && !active_->proto.has_partial() && active_->link.acked() == active_->link.written()
         && state().unacknowledged == 0;
}

Connection *
Host::connection_in_use()
{
  return active_ ? &active_->books : nullptr;
}

failover_stream_state
Host::state() const
{
  return stream_ ? failover_stream_get_state(stream_.get()) : failover_stream_state{};
}

} // namespace failover::sim::stream
