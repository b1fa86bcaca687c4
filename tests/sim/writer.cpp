// SPDX-License-Identifier: GPL-2.0-or-later
//
// See writer.hpp.
#include "writer.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

namespace failover::sim {

namespace {

// A socket or buffer that took less than it could have: sooner or later, as long as
// nothing moves.
constexpr int64_t try_again_first_ms = 5;
constexpr int64_t try_again_last_ms = 160;

} // namespace

Writer::Writer(Stage &stage, Subject &subject, Prng random, Owner &owner)
  : stage_(stage), subject_(subject), random_(random), owner_(owner)
{
  const Surroundings &surroundings = stage_.books.surroundings;
  if (surroundings.queue_bytes > 0)
    stage_.books.file = &file_.emplace(surroundings.queue_bytes, surroundings.queue_reserved);
}

// ---- the host of a connection

failover_connection_host
Writer::connection_host(Socket &socket)
{
  failover_connection_host host = {};
  host.user_data = &socket;
  host.write = [](void *s, const char *text, size_t length, bool *consumed) {
    return write(*static_cast<Socket *>(s), { text, length }, *consumed);
  };
  host.flush = [](void *s) { return static_cast<Socket *>(s)->proto.flush() != Proto::Status::error; };
  host.has_partial = [](void *s) {
    const Socket &socket = *static_cast<Socket *>(s);
    return socket.proto.has_partial() && socket.writer.stage_.fault != Fault::never_partial;
  };
  host.acknowledge = [](void *s) { acknowledge(*static_cast<Socket *>(s)); };
  host.wake_main = [](void *s) { wake_main(*static_cast<Socket *>(s)); };
  host.read_tcp = [](void *s, failover_tcp *tcp) { return read_tcp(*static_cast<Socket *>(s), *tcp); };
  host.confirmed = [](void *s, uint64_t messages, bool early) {
    confirmed(*static_cast<Socket *>(s), messages, early);
  };
  host.give_up = [](void *s) { give_up(*static_cast<Socket *>(s)); };
  host.close = [](void *s, failover_close how) { close(*static_cast<Socket *>(s), how); };
  return host;
}

bool
Writer::write(Socket &socket, std::string_view text, bool &consumed)
{
  Stage &stage = socket.writer.stage_;
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
    socket.writer.posted(socket, number);
  return status != Proto::Status::error;
}

void
Writer::acknowledge(Socket &socket)
{
  socket.writer.accepted(socket.flow.posted.back());
}

void
Writer::accepted(uint32_t number)
{
  Message &message = stage_.books.messages[number];
  message.accepted = message.kept = true;
  stage_.books.counters.accepted++;
  stage_.books.counters.bytes += header_bytes + message.length;
}

void
Writer::wake_main(Socket &socket)
{
  Writer &writer = socket.writer;
  writer.stage_.queue.schedule_for_process(writer.stage_.queue.now_ms(),
                                           [&writer, number = socket.flow.number] {
                                             if (writer.active_ && writer.active_->flow.number == number)
                                               writer.owner_.writer_quiet();
                                           });
}

bool
Writer::read_tcp(Socket &socket, failover_tcp &tcp)
{
  Stage &stage = socket.writer.stage_;
  if (stage.fault == Fault::no_first_sample && !std::exchange(socket.looked, true))
    return false;
  if (stage.fault == Fault::cuts_drain_short && socket.drained && ++socket.looks > 1)
    return false;
  const TcpState state = socket.link.state();
  note_acknowledged(socket);
  tcp = {};
  tcp.open = state.open || (stage.fault == Fault::orderly_end && state.fin && !state.reset);
  tcp.reset = state.reset;
  tcp.in_flight = state.in_flight;
  tcp.unsent = state.unsent;
  tcp.has_window = true;
  tcp.window_limited_us = static_cast<uint64_t>(state.window_limited_ms) * 1'000;
  tcp.has_input = state.fin;
  tcp.acked = stage.fault == Fault::deaf ? 0 : state.acked;
  tcp.written = state.written;
  tcp.window = state.window;
  if (stage.fault == Fault::early_confirmation && !socket.flow.posted.empty())
    tcp.written -= std::min<uint64_t>(stage.books.messages[socket.flow.posted.back()].length, tcp.written);
  if (stage.fault == Fault::blind_clock)
    tcp.window = 1U << 30;
  if (stage.fault == Fault::blind_to_widening)
    tcp.window = std::min(tcp.window, socket.link.config().first_window);
  if (stage.fault == Fault::blind_to_edge)
    tcp.has_window = false;
  if (stage.fault == Fault::blind_to_own_network)
    tcp.window_limited_us = static_cast<uint64_t>(stage.queue.now_ms());
  if (stage.fault == Fault::blind_to_reading)
    tcp.window = static_cast<uint32_t>(1'000'000 - std::min<uint64_t>(tcp.acked, 1'000'000));
  stage.tell(&Observer::tcp_read, socket.flow, state);
  return true;
}

// As far as the sender's kernel knows.
void
Writer::note_acknowledged(Socket &socket)
{
  Flow &flow = socket.flow;
  for (; flow.acked < flow.posted.size() && flow.ends[flow.acked] <= socket.link.acked(); flow.acked++)
    flow.acked_ms.push_back(socket.writer.stage_.queue.now_ms());
}

void
Writer::confirmed(Socket &socket, uint64_t messages, bool early)
{
  Stage &stage = socket.writer.stage_;
  Flow &flow = socket.flow;
  for (; messages > 0; messages--)
    {
      if (flow.confirmed >= flow.posted.size())
        {
          stage.tell(&Observer::confirmed_too_many, flow);
          return;
        }
      Message &message = stage.books.messages[flow.posted[flow.confirmed]];
      stage.tell(&Observer::confirmed, flow, flow.confirmed, early);
      flow.confirmed++;
      flow.bytes -= header_bytes + message.length;
      message.confirmed = true;
      message.cut = early;
      stage.books.counters.confirmed++;
      stage.books.counters.bytes -= header_bytes + message.length;
      if (stage.fault == Fault::queue_in_any_order && stage.books.file_attached)
        socket.writer.acknowledge_to_file(1);
    }
}

void
Writer::give_up(Socket &socket)
{
  socket.writer.stage_.tell(&Observer::given_up, socket.flow);
  socket.link.give_up();
}

void
Writer::close(Socket &socket, failover_close how)
{
  Writer &writer = socket.writer;
  Flow &flow = socket.flow;
  flow.stuck = how == FAILOVER_CLOSE_STUCK;
  flow.ended = true;
  flow.in_trouble = socket.link.in_trouble();
  writer.stage_.books.draining--;
  writer.stage_.tell(&Observer::ended, flow);
  socket.link.close();
  std::erase_if(writer.drained_, [&](const auto &drained) { return drained.get() == &socket; });
}

// ---- the LogWriter

void
Writer::posted(Socket &socket, uint32_t number)
{
  Books &books = stage_.books;
  Message &message = books.messages[number];
  Flow &flow = socket.flow;
  if (flow.held == number)
    flow.held.reset(); // it counts from when it was accepted
  else
    hold(socket, number);
  flow.posted.push_back(number);
  flow.ends.push_back(socket.proto.end());
  flow.bytes += header_bytes + message.length;
  posted_++;
  stage_.tell(&Observer::posted, flow, number);
}

// It has its place on that connection.
void
Writer::hold(Socket &socket, uint32_t number)
{
  Message &message = stage_.books.messages[number];
  message.before = message.flow;
  message.posted++;
  message.flow = socket.flow.number;
  message.place = socket.flow.posted.size();
  stage_.books.counters.resent += message.posted > 1;
}

void
Writer::enqueue(uint32_t message)
{
  if (file_)
    store(message);
  else
    queue_.push_back(message);
  stage_.books.queued = queued();
  wake();
}

void
Writer::wake()
{
  if (waking_)
    return;
  waking_ = true;
  stage_.queue.schedule_for_process(stage_.queue.now_ms(), [this] {
    waking_ = false;
    start_job();
  });
}

// What a job does happens at its end.
void
Writer::start_job()
{
  if (!active_ || job_ || retired_)
    return;
  const int64_t longest_ms = stage_.books.surroundings.longest_job_ms;
  const int64_t takes_ms = longest_ms > 0 ? random_.between(0, longest_ms) : 0;
  if (takes_ms == 0)
    {
      work();
      return;
    }
  job_ = true;
  stage_.queue.schedule_for_process(stage_.queue.now_ms() + takes_ms, [this, job = ++jobs_] {
    if (job == jobs_)
      finish_job();
  });
}

void
Writer::finish_job()
{
  if (!std::exchange(job_, false))
    return;
  jobs_++;
  work();
}

void
Writer::work()
{
  if (!active_ || active_->stuck)
    return;
  const uint64_t before = posted_;
  const bool works = !active_->handle ? work_unkept() : file_ ? work_from_file() : work_kept();
  stage_.books.queued = queued();
  if (posted_ > before)
    try_again_ms_ = try_again_first_ms;
  if (active_->handle)
    stage_.tell(&Observer::worked, subject_.stream());
  if (!works)
    {
      active_->told = true;
      owner_.writer_ended();
      return;
    }
  const bool wants_more = queued() > 0 || active_->proto.has_partial()
                          || (active_->handle && failover_connection_wants_to_write(active_->handle));
  if (wants_more && active_->link.has_room())
    try_again();
  look_for_end();
}

// As the LogWriter does it: what waits inside first, then message by message
// until one is not taken.
bool
Writer::work_kept()
{
  while (!queue_.empty())
    {
      const std::string text = message_text(stage_.books, queue_.front());
      bool consumed = false;
      if (!failover_connection_post(active_->handle, text.data(), text.size(), &consumed))
        return false;
      if (!consumed)
        break;
      queue_.pop_front();
    }
  return failover_connection_flush(active_->handle);
}

bool
Writer::work_unkept()
{
  Proto::Status status = active_->proto.flush();
  while (status != Proto::Status::error && !queue_.empty())
    {
      const uint32_t number = queue_.front();
      bool consumed = false;
      status = active_->proto.post(message_text(stage_.books, number), consumed);
      if (status == Proto::Status::error || !consumed)
        break;
      posted(*active_, number);
      stage_.books.messages[number].accepted = true;
      queue_.pop_front();
    }
  return status != Proto::Status::error;
}

void
Writer::try_again()
{
  if (trying_again_)
    return;
  trying_again_ = true;
  const int64_t after_ms = std::max(try_again_ms_, try_again_first_ms);
  try_again_ms_ = std::min(after_ms * 2, try_again_last_ms);
  stage_.queue.schedule_for_process(stage_.queue.now_ms() + after_ms, [this] {
    trying_again_ = false;
    wake();
  });
}

// ---- connections

void
Writer::give(Flow &flow)
{
  const Config &config = stage_.books.config;
  auto before = std::move(active_);
  active_ = std::unique_ptr<Socket>(
      new Socket{ *this, *flow.link, flow, Proto(config.tls, stage_.books.surroundings.framed, *flow.link) });
  if (config.resend)
    {
      const failover_connection_host host = connection_host(*active_);
      active_->handle = subject_.open(host);
    }
  if (before)
    {
      if (stage_.fault == Fault::carries_half_over)
        active_->proto.carry_over(before->proto);
      free_proto(std::move(before));
    }
  try_again_ms_ = try_again_first_ms;
  wake();
  poll(*flow.link); // it may have ended meanwhile
}

void
Writer::refuse()
{
  if (active_ && stage_.fault == Fault::stays_quiet)
    active_->stuck = true;
}

void
Writer::take()
{
  if (active_)
    free_proto(std::move(active_));
}

void
Writer::free_proto(std::unique_ptr<Socket> socket)
{
  Flow &flow = socket->flow;
  if (socket->handle && subject_.release(socket->handle))
    {
      flow.left_for_another = !socket->proto.has_partial() && !flow.held && !socket->link.is_reset();
      // what a LogProto does when it is freed
      if (stage_.fault == Fault::shuts_down)
        socket->link.close_own_side();
      socket->drained = true;
      stage_.books.draining++;
      drained_.push_back(std::move(socket));
      return;
    }
  flow.ended = true;
  flow.in_trouble = true;
  stage_.tell(&Observer::ended, flow);
  socket->link.close();
}

void
Writer::shut_down()
{
  if (active_)
    active_->link.shut_down();
}

failover_end
Writer::read_end() const
{
  failover_end end = {};
  if (!active_)
    return end;
  const Link &link = active_->link;
  end.error = link.is_reset() ? ECONNRESET : 0;
  end.tls = stage_.books.config.tls != Tls::none;
  end.tcp_known = true;
  end.tcp_open = !link.is_reset() && !link.has_fin() && !link.is_shut_down();
  end.tcp_reset = link.is_reset();
  end.has_input = link.has_fin() || end.tls;
  return end;
}

void
Writer::poll(Link &link)
{
  if (active_ && &active_->link == &link && link.is_over())
    stage_.queue.schedule_for_process(stage_.queue.now_ms(), [this] { look_for_end(); });
}

void
Writer::look_for_end()
{
  if (!active_ || job_ || retired_ || active_->told)
    return;
  const Link &link = active_->link;
  // with TLS the LogWriter does not look for a FIN: the stream will
  if (!link.is_reset() && !link.is_shut_down() && !(link.has_fin() && stage_.books.config.tls == Tls::none))
    return;
  active_->told = true;
  owner_.writer_ended();
}

void
Writer::acknowledged(Link &link)
{
  if (active_ && &active_->link == &link)
    {
      note_acknowledged(*active_);
      try_again_ms_ = try_again_first_ms;
      wake();
      return;
    }
  for (const auto &socket : drained_)
    if (&socket->link == &link)
      note_acknowledged(*socket);
}

bool
Writer::idle() const
{
  return active_ && !active_->link.in_trouble() && !stage_.books.hand_over_waits() && queued() == 0
         && drained_.empty() && !active_->proto.has_partial()
         && active_->link.acked() == active_->link.written() && subject_.stream().unacknowledged == 0;
}

} // namespace failover::sim
