// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// The only extern "C" definitions: arguments are asserted, no exception leaves.
#include "failover.h"

#include "engine.hpp"
#include "options.hpp"
#include "reason.hpp"
#include "resend.hpp"

#include <cassert>
#include <new>

struct failover_options
{
  failover::Options options;
};

struct failover_resend
{
  failover::Resend resend;
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

// ---- resending

failover_resend_settings
failover_options_get_resend(const failover_options *options)
{
  assert(options);
  const failover::Settings &settings = options->options.settings();
  return { .enabled = settings.resend,
           .grace_ms = settings.resend_grace_ms,
           .buffer_size = settings.resend_buffer_size,
           .throttle = 0 };
}

failover_status
failover_resend_new(const failover_resend_settings *settings, failover_resend **out)
{
  assert(settings && settings->grace_ms >= 0 && out);
  return guarded([&] {
    *out = new failover_resend{ failover::Resend(settings->buffer_size, settings->grace_ms,
                                                 settings->throttle) };
    return FAILOVER_OK;
  });
}

void
failover_resend_free(failover_resend *resend)
{
  delete resend;
}

bool
failover_resend_keep(failover_resend *resend, const char *message, size_t length)
{
  assert(resend);
  bool kept = false;
  return guarded([&] {
           kept = resend->resend.keep(view(message, length));
           return FAILOVER_OK;
         }) == FAILOVER_OK
         && kept;
}

void
failover_resend_forget_last(failover_resend *resend)
{
  assert(resend);
  resend->resend.forget_last();
}

bool
failover_resend_has_next(const failover_resend *resend)
{
  assert(resend);
  return resend->resend.has_next();
}

bool
failover_resend_next_is_due(failover_resend *resend, int64_t now_ms)
{
  assert(resend);
  return resend->resend.next_is_due(now_ms);
}

size_t
failover_resend_next_length(const failover_resend *resend)
{
  assert(resend);
  return resend->resend.next_length();
}

void
failover_resend_copy_next(const failover_resend *resend, char *out)
{
  assert(resend && out);
  resend->resend.copy_next(out);
}

void
failover_resend_next_posted(failover_resend *resend)
{
  assert(resend);
  resend->resend.next_posted();
}

void
failover_resend_sample(failover_resend *resend, const failover_sample *sample)
{
  assert(resend && sample);
  // without memory for a mark the next sample covers these messages too
  (void)guarded([&] {
    resend->resend.sample(
        { sample->written, sample->acked, sample->window, sample->now_ms, sample->last_is_partial });
    return FAILOVER_OK;
  });
}

void
failover_resend_connection_lost(failover_resend *resend)
{
  assert(resend);
  resend->resend.connection_lost();
}

bool
failover_resend_is_fruitless(const failover_resend *resend)
{
  assert(resend);
  return resend->resend.is_fruitless();
}

failover_drain
failover_resend_drain(failover_resend *resend, int64_t now_ms, int64_t patience_ms)
{
  assert(resend && patience_ms >= 0);
  switch (resend->resend.drain(now_ms, patience_ms))
    {
    case failover::Drain::goes_on:
      return FAILOVER_DRAIN_GOES_ON;
    case failover::Drain::done:
      return FAILOVER_DRAIN_DONE;
    case failover::Drain::stuck:
      return FAILOVER_DRAIN_STUCK;
    }
  return FAILOVER_DRAIN_STUCK;
}

failover_status
failover_resend_take_over(failover_resend *resend, failover_resend *from)
{
  assert(resend && from && resend != from);
  return guarded([&] {
    resend->resend.take_over(from->resend);
    return FAILOVER_OK;
  });
}

failover_resend_state
failover_resend_get_state(const failover_resend *resend)
{
  assert(resend);
  const failover::Resend &r = resend->resend;
  return { .kept = r.kept(),
           .to_resend = r.to_resend(),
           .unacknowledged = r.unacknowledged(),
           .confirmed = r.counters().confirmed,
           .resent = r.counters().resent,
           .grace_cut = r.counters().grace_cut,
           .bytes = r.bytes() };
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
