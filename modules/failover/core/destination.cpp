// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "destination.hpp"

#include "reason.hpp"

#include <cassert>
#include <charconv>
#include <utility>

namespace failover {

namespace {

// For the connection in use to come to the end of a message.
constexpr int64_t hand_over_limit_ms = 10'000;

StreamSettings
stream_settings(const Settings &settings, uint32_t throttle)
{
  return { .resend = settings.resend,
           .grace_ms = settings.resend_grace_ms,
           .buffer_size = settings.resend_buffer_size,
           .dead_peer_timeout_ms = settings.dead_peer_timeout_ms,
           .throttle = throttle };
}

} // namespace

Destination::Destination(const failover_loop &loop) : loop_(loop), stream_(loop)
{}

// ---- its life with configurations

void
Destination::start(const Settings &settings, const Config &config, const failover_host &host,
                   bool connection_open)
{
  assert(!running_);
  running_.emplace(loop_, host, settings, config, ids_, status_, static_cast<ConnectionInUse &>(*this));
  stream_.bind(running_->host, stream_settings(settings, config.throttle));
  writer_has_connection_ = connection_open;
  if (!connection_open)
    writer_server_.reset();
  try
    {
      if (connection_open && !snapshot_)
        {
          // made by syslog-ng's own driver, to whichever server it liked
          take_from_writer();
          connection_open = false;
        }
      running_->engine.start(snapshot_ ? &*snapshot_ : nullptr, connection_open);
    }
  catch (...)
    {
      running_->engine.stop();
      stream_.unbind();
      running_.reset();
      status_.end();
      throw;
    }
  snapshot_.reset();
  status_.note_stream(stream_.numbers());
  status_.announce_all();
  report_drained();
}

void
Destination::stop(bool keeps_connection)
{
  if (!running_)
    return;
  complete_hand_over();
  try
    {
      snapshot_ = running_->engine.save();
    }
  catch (const std::bad_alloc &)
    {
      snapshot_.reset(); // the next configuration starts anew
    }
  running_->engine.stop();
  if (!keeps_connection)
    stream_.give_up();
  stream_.unbind();
  running_.reset();
  status_.end();
}

// What is drained ends by itself.
bool
Destination::ends_if_removed() const
{
  return snapshot_ && snapshot_->in_use && !(snapshot_->server == snapshot_->primary)
         && !stream_.is_connected();
}

const Engine::Chosen *
Destination::in_use() const
{
  return running_ && running_->engine.in_use() ? &*running_->engine.in_use() : nullptr;
}

// ---- what happened

void
Destination::timer_due(failover_timer timer)
{
  switch (timer)
    {
    case FAILOVER_TIMER_STREAM:
      if (stream_.timer_due())
        ended();
      else if (waits_for_hand_over_ && stream_.is_connected() && stream_.quiesce())
        complete_hand_over(); // a job that was about to end did not know of it yet, and no other came
      status_.note_stream(stream_.numbers());
      break;
    case FAILOVER_TIMER_HAND_OVER:
      hand_over_due();
      break;
    default:
      if (running_)
        running_->engine.timer_due(timer);
    }
  report_drained();
}

void
Destination::resolved(Id lookup, const std::vector<std::string> &addresses)
{
  if (running_)
    running_->engine.resolved(lookup, addresses);
}

void
Destination::not_resolved(Id lookup, std::string_view detail)
{
  if (running_)
    running_->engine.not_resolved(lookup, detail);
}

void
Destination::connected(Id connection)
{
  if (running_)
    running_->engine.connected(connection);
  report_drained();
}

void
Destination::connect_failed(Id connection, failover_reason reason, std::string_view detail)
{
  if (running_)
    running_->engine.connect_failed(connection, reason, detail);
}

void
Destination::ended()
{
  if (!running_ || !writer_has_connection_)
    return;
  failover_end end = running_->host.read_end();
  const StreamEnd how = stream_.end(end);
  end.silent = how.silent;
  const failover_reason reason = reason_from_end(end);
  take_from_writer();
  if (waits_for_hand_over_)
    running_->host.set_timer(FAILOVER_TIMER_HAND_OVER, running_->host.now_ms()); // not from in here
  else
    disconnected(reason, how.fruitless);
  report_drained();
}

void
Destination::quiet()
{
  complete_hand_over();
  report_drained();
}

void
Destination::disconnected(failover_reason reason, bool fruitless)
{
  if (const auto &in_use = running_->engine.in_use())
    running_->engine.disconnected(in_use->connection, reason, {}, fruitless);
}

void
Destination::recover() noexcept
{
  if (running_)
    running_->engine.recover();
}

// ---- the connection in use

// Make before break: the one before is left at the end of a message.
bool
Destination::hand_over(Id connection, std::size_t server)
{
  Taken taken = { connection, status_.servers()[server] };
  if (!writer_has_connection_ || leave())
    {
      if (!give_to_writer(taken))
        return false;
      close_overtaken();
      return true;
    }
  close_overtaken();
  waits_for_hand_over_ = std::move(taken);
  running_->host.set_timer(FAILOVER_TIMER_HAND_OVER, running_->host.now_ms() + hand_over_limit_ms);
  return true;
}

// What waited: another one has overtaken it.
void
Destination::close_overtaken()
{
  if (!waits_for_hand_over_)
    return;
  running_->host.close(std::exchange(waits_for_hand_over_, std::nullopt)->connection);
  running_->host.cancel_timer(FAILOVER_TIMER_HAND_OVER);
}

// False: it is yet to come to the end of its message.
//
// A LogWriter that is given another LogProto while a job of it runs takes it at the end
// of the job, and then reports an error that the job met on the old one as one of the
// new one.  So it is given it when no job runs, or only one that has ended well: what
// makes the stream quiet is the last that a job does.  Without a stream nothing tells.
bool
Destination::leave()
{
  if (stream_.is_connected())
    return stream_.quiesce();
  if (running_->host.is_idle())
    return true;
  end_in_use();
  return false;
}

// The LogWriter notices, and says so when it has done with it.
void
Destination::end_in_use()
{
  stream_.drain();
  running_->host.shut_down();
}

bool
Destination::give_to_writer(const Taken &taken)
{
  stream_.drain();
  stream_.set_server(taken.server);
  if (running_->host.give_to_writer(taken.connection))
    {
      writer_has_connection_ = true;
      writer_server_ = taken.server;
      return true;
    }
  stream_.resume();
  return false;
}

void
Destination::take_from_writer()
{
  if (!writer_has_connection_)
    return;
  running_->host.take_from_writer();
  writer_has_connection_ = false;
  writer_server_.reset();
}

void
Destination::complete_hand_over()
{
  if (!waits_for_hand_over_)
    return;
  const Taken taken = *std::exchange(waits_for_hand_over_, std::nullopt);
  running_->host.cancel_timer(FAILOVER_TIMER_HAND_OVER);
  if (give_to_writer(taken))
    return;
  // the engine believes it in use, and has given up the one before
  take_from_writer();
  disconnected(FAILOVER_REASON_LOCAL, false);
}

// Its end has made room, or it does not come to the end of its message and a job may be at it.
void
Destination::hand_over_due()
{
  if (!waits_for_hand_over_)
    return;
  if (writer_has_connection_)
    end_in_use();
  else
    complete_hand_over();
}

// Its server is healthy.
void
Destination::let_go()
{
  if (stream_.is_connected() && stream_.quiesce())
    stream_.drain();
  take_from_writer();
}

// ---- seen and steered

void
Destination::set_certificate_end(Id connection, int64_t end_s)
{
  if (running_)
    running_->engine.set_certificate_end(connection, end_s);
}

void
Destination::switch_to(std::size_t server, uint64_t request)
{
  if (running_)
    running_->engine.switch_to(server, request);
}

void
Destination::set_admin(std::size_t server, failover_admin admin, uint64_t request)
{
  if (running_)
    running_->engine.set_admin(server, admin, request);
  report_drained();
}

void
Destination::check_all(uint64_t request)
{
  if (running_)
    running_->engine.check_all(request);
}

// No connection is left to a server that is not to be used.
void
Destination::report_drained()
{
  if (!running_)
    return;
  for (std::size_t i = 0; i < status_.servers().size(); i++)
    {
      ServerFacts &server = status_.server(i);
      const auto &in_use = running_->engine.in_use();
      if ((!server.leaving && server.leaving_requests.empty()) || (in_use && in_use->server == i)
          || writer_server_.get() == &server || stream_.uses(server))
        continue;
      if (std::exchange(server.leaving, false))
        running_->engine.drained(i);
      status_.answer_leaving(server, FAILOVER_ANSWER_DONE);
    }
}

StatusView
Destination::view(std::string_view id, int64_t wall_offset_ms) const
{
  StatusView view = { .id = id,
                      .status = status_,
                      .stream = stream_.numbers(),
                      .unconfirmed = {},
                      .next = running_ ? running_->engine.next_step() : NextStep(),
                      .now_ms = loop_.now_ms(loop_.user_data),
                      .wall_offset_ms = wall_offset_ms };
  for (const auto &server : status_.servers())
    view.unconfirmed.push_back(stream_.unconfirmed(*server));
  return view;
}

std::optional<std::size_t>
Destination::find_server(std::string_view name) const
{
  if (!running_)
    return std::nullopt;
  const Roster &roster = running_->engine.roster();
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc() && end == name.data() + name.size() && number < roster.size())
    return number;
  std::string why;
  const auto spec = parse_server(name, why);
  return spec ? roster.find(with_default_port(*spec, running_->port)) : std::nullopt;
}

} // namespace failover
