// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// The only extern "C" definitions: arguments are asserted, no exception leaves.
#include "failover.h"

#include "engine.hpp"
#include "options.hpp"
#include "reason.hpp"
#include "stream.hpp"

#include <cassert>
#include <new>

struct failover_options
{
  failover::Options options;
};

struct failover_stream
{
  failover_stream(const failover_stream_settings &settings, const failover_stream_host &host)
    : stream(settings, host)
  {}
  failover::Stream stream;
};

struct failover_engine
{
  failover::Engine engine;
  bool is_called = false;
};

struct failover_snapshot
{
  failover::Snapshot snapshot;
};

namespace {

template <typename Function>
failover_status
guarded(Function function) noexcept
{
  try
    {
      return function();
    }
  catch (const std::bad_alloc &)
    {
      return FAILOVER_ERROR_MEMORY;
    }
  catch (...)
    {
      return FAILOVER_ERROR_INTERNAL;
    }
}

std::string_view
view(const char *data, size_t length)
{
  assert(data || length == 0);
  return { data, length };
}

bool
is_complete(const failover_host *host)
{
  return host->now_ms && host->random && host->set_timer && host->cancel_timer && host->resolve
         && host->release_lookup && host->connect && host->hand_over && host->close && host->event;
}

bool
is_complete(const failover_stream_host *host)
{
  return host->now_ms && host->set_timer && host->cancel_timer && host->is_idle && host->wake_writer
         && host->half_closed && host->lost;
}

bool
is_complete(const failover_connection_host *host)
{
  return host->write && host->flush && host->has_partial && host->acknowledge && host->wake_main
         && host->read_tcp && host->give_up && host->close;
}

// Connections belong to their stream: their handle is the object itself.
failover_connection *
to_handle(failover::Connection *connection)
{
  return reinterpret_cast<failover_connection *>(connection);
}

failover::Connection *
from_handle(failover_connection *connection)
{
  return reinterpret_cast<failover::Connection *>(connection);
}

// Runs `function` on the options, which accept or refuse.
template <typename Function>
failover_status
try_option(failover_options *options, Function function) noexcept
{
  assert(options);
  return guarded([&] { return function(options->options) ? FAILOVER_OK : FAILOVER_ERROR_OPTION; });
}

// Not from a host that is being called.
void
assert_may_be_called(const failover_engine *engine)
{
  assert(engine);
  assert(!engine->is_called);
}

// Runs `function` on the engine.  If that fails half way, the engine is left with
// something to wait for.
template <typename Function>
failover_status
tell(failover_engine *engine, Function function) noexcept
{
  assert_may_be_called(engine);
  engine->is_called = true;
  const failover_status status = guarded([&] {
    function(engine->engine);
    return FAILOVER_OK;
  });
  if (status != FAILOVER_OK)
    engine->engine.recover();
  engine->is_called = false;
  return status;
}

} // namespace

extern "C" {

const char *
failover_reason_code(failover_reason reason)
{
  return failover::reason_code(reason);
}

const char *
failover_reason_text(failover_reason reason)
{
  return failover::reason_text(reason);
}

failover_reason
failover_reason_from_errno(int error)
{
  return failover::reason_from_errno(error);
}

failover_reason
failover_reason_from_end(const failover_end *end)
{
  assert(end);
  return failover::reason_from_end(*end);
}

// ---- options

failover_status
failover_options_new(failover_options **out)
{
  assert(out);
  return guarded([&] {
    *out = new failover_options();
    return FAILOVER_OK;
  });
}

void
failover_options_free(failover_options *options)
{
  delete options;
}

failover_status
failover_options_open(failover_options *options, const char *name, size_t name_length)
{
  return try_option(options, [&](failover::Options &o) { return o.open(view(name, name_length)); });
}

failover_status
failover_options_add_server(failover_options *options, const char *server, size_t server_length)
{
  return try_option(options, [&](failover::Options &o) { return o.add_server(view(server, server_length)); });
}

failover_status
failover_options_set(failover_options *options, const char *group, size_t group_length, const char *name,
                     size_t name_length, const char *value, size_t value_length)
{
  return try_option(options, [&](failover::Options &o) {
    return o.set(view(group, group_length), view(name, name_length), view(value, value_length));
  });
}

failover_status
failover_options_close(failover_options *options, const char *name, size_t name_length)
{
  return try_option(options, [&](failover::Options &o) { return o.close(view(name, name_length)); });
}

failover_status
failover_options_complete(failover_options *options)
{
  return try_option(options, [](failover::Options &o) { return o.complete(); });
}

failover_status
failover_options_check_primary(failover_options *options, const char *host, size_t host_length, uint16_t port)
{
  return try_option(options,
                    [&](failover::Options &o) { return o.check_primary(view(host, host_length), port); });
}

const char *
failover_options_error(const failover_options *options)
{
  assert(options);
  return options->options.error().c_str();
}

int64_t
failover_options_get_dead_peer_timeout_ms(const failover_options *options)
{
  assert(options);
  return options->options.settings().dead_peer_timeout_ms;
}

// ---- streams

failover_stream_settings
failover_options_get_stream(const failover_options *options)
{
  assert(options);
  const failover::Settings &settings = options->options.settings();
  return { .resend = settings.resend,
           .grace_ms = settings.resend_grace_ms,
           .buffer_size = settings.resend_buffer_size,
           .dead_peer_timeout_ms = settings.dead_peer_timeout_ms,
           .throttle = 0 };
}

failover_status
failover_stream_new(const failover_stream_settings *settings, const failover_stream_host *host,
                    failover_stream **out)
{
  assert(settings && settings->grace_ms >= 0 && settings->dead_peer_timeout_ms >= 0 && host
         && is_complete(host) && out);
  return guarded([&] {
    *out = new failover_stream(*settings, *host);
    return FAILOVER_OK;
  });
}

void
failover_stream_free(failover_stream *stream)
{
  delete stream;
}

void
failover_stream_set_settings(failover_stream *stream, const failover_stream_settings *settings)
{
  assert(stream && settings && settings->grace_ms >= 0 && settings->dead_peer_timeout_ms >= 0);
  stream->stream.set_settings(*settings);
}

void
failover_stream_bind(failover_stream *stream, bool bound)
{
  assert(stream);
  stream->stream.bind(bound);
}

failover_status
failover_stream_open(failover_stream *stream, const failover_connection_host *host, failover_connection **out)
{
  assert(stream && host && is_complete(host) && out);
  return guarded([&] {
    *out = to_handle(stream->stream.open(*host));
    return FAILOVER_OK;
  });
}

bool
failover_stream_release(failover_stream *stream, failover_connection *connection)
{
  assert(stream && connection);
  return stream->stream.release(from_handle(connection));
}

bool
failover_stream_is_connected(const failover_stream *stream)
{
  assert(stream);
  return stream->stream.is_connected();
}

bool
failover_stream_quiesce(failover_stream *stream)
{
  assert(stream);
  return stream->stream.quiesce();
}

void
failover_stream_drain(failover_stream *stream)
{
  assert(stream);
  stream->stream.drain();
}

void
failover_stream_resume(failover_stream *stream)
{
  assert(stream);
  stream->stream.resume();
}

failover_stream_end
failover_stream_end_of_connection(failover_stream *stream)
{
  assert(stream);
  return stream->stream.end();
}

void
failover_stream_timer_due(failover_stream *stream)
{
  assert(stream);
  stream->stream.timer_due();
}

bool
failover_stream_finish(failover_stream *stream)
{
  assert(stream);
  return stream->stream.finish();
}

void
failover_stream_finished(failover_stream *stream)
{
  assert(stream);
  stream->stream.finished();
}

failover_stream_state
failover_stream_get_state(const failover_stream *stream)
{
  assert(stream);
  return stream->stream.state();
}

bool
failover_connection_post(failover_connection *connection, const char *text, size_t length, bool *consumed)
{
  assert(connection && consumed);
  return from_handle(connection)->post(view(text, length), *consumed);
}

bool
failover_connection_flush(failover_connection *connection)
{
  assert(connection);
  return from_handle(connection)->flush();
}

bool
failover_connection_wants_to_write(failover_connection *connection)
{
  assert(connection);
  return from_handle(connection)->wants_to_write();
}

// ---- engine

failover_status
failover_engine_new(const failover_options *options, const failover_destination *destination,
                    const failover_host *host, failover_engine **out)
{
  assert(options && destination && destination->time_reopen_ms >= 0 && host && is_complete(host) && out);
  return guarded([&] {
    *out = new failover_engine{ failover::Engine(options->options.settings(),
                                                 view(destination->host.data, destination->host.length),
                                                 destination->port, destination->time_reopen_ms, *host) };
    return FAILOVER_OK;
  });
}

void
failover_engine_free(failover_engine *engine)
{
  assert(!engine || !engine->is_called);
  delete engine;
}

failover_status
failover_engine_start(failover_engine *engine, const failover_snapshot *snapshot, bool connection_open)
{
  return tell(engine, [&](failover::Engine &e) {
    e.start(snapshot ? &snapshot->snapshot : nullptr, connection_open);
  });
}

failover_status
failover_engine_stop(failover_engine *engine)
{
  return tell(engine, [&](failover::Engine &e) { e.stop(); });
}

failover_status
failover_engine_save(const failover_engine *engine, failover_snapshot **out)
{
  assert_may_be_called(engine);
  assert(out);
  return guarded([&] {
    *out = new failover_snapshot{ engine->engine.save() };
    return FAILOVER_OK;
  });
}

void
failover_snapshot_free(failover_snapshot *snapshot)
{
  delete snapshot;
}

failover_status
failover_engine_timer_due(failover_engine *engine, failover_timer timer)
{
  return tell(engine, [&](failover::Engine &e) { e.timer_due(timer); });
}

failover_status
failover_engine_resolved(failover_engine *engine, uint64_t lookup, const failover_text *addresses,
                         size_t address_count)
{
  assert(addresses || address_count == 0);
  return tell(engine, [&](failover::Engine &e) {
    std::vector<std::string> texts;
    for (size_t i = 0; i < address_count; i++)
      texts.push_back(failover::to_string(addresses[i]));
    e.resolved(lookup, texts);
  });
}

failover_status
failover_engine_not_resolved(failover_engine *engine, uint64_t lookup, failover_text detail)
{
  return tell(engine, [&](failover::Engine &e) { e.not_resolved(lookup, view(detail.data, detail.length)); });
}

failover_status
failover_engine_connected(failover_engine *engine, uint64_t connection)
{
  return tell(engine, [&](failover::Engine &e) { e.connected(connection); });
}

failover_status
failover_engine_connect_failed(failover_engine *engine, uint64_t connection, failover_reason reason,
                               failover_text detail)
{
  return tell(engine, [&](failover::Engine &e) {
    e.connect_failed(connection, reason, view(detail.data, detail.length));
  });
}

failover_status
failover_engine_disconnected(failover_engine *engine, uint64_t connection, failover_reason reason,
                             failover_text detail, bool fruitless)
{
  return tell(engine, [&](failover::Engine &e) {
    e.disconnected(connection, reason, view(detail.data, detail.length), fruitless);
  });
}

bool
failover_engine_in_use(const failover_engine *engine, uint64_t *connection, uint32_t *server)
{
  assert_may_be_called(engine);
  if (!engine->engine.in_use())
    return false;
  if (connection)
    *connection = engine->engine.in_use()->connection;
  if (server)
    *server = static_cast<uint32_t>(engine->engine.in_use()->server);
  return true;
}

} // extern "C"
