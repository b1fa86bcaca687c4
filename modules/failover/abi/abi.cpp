// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// The extern "C" definitions of failover.h and failover-queue.h: arguments are asserted, no
// exception leaves.
#include "abi.hpp"
#include "failover-queue.h"

#include "options.hpp"
#include "reason.hpp"

struct failover_options
{
  failover::Options options;
};

namespace {

using namespace failover::abi;

bool
is_complete(const failover_loop *loop)
{
  return loop && loop->now_ms && loop->random && loop->set_timer && loop->cancel_timer && loop->lost;
}

bool
is_complete(const failover_host *host)
{
  return host && host->resolve && host->release_lookup && host->connect && host->close && host->give_to_writer
         && host->take_from_writer && host->shut_down && host->read_end && host->is_idle && host->wake_writer
         && host->event;
}

bool
is_complete(const failover_connection_host *host)
{
  return host && host->write && host->flush && host->has_partial && host->acknowledge && host->wake_main
         && host->read_tcp && host->give_up && host->close;
}

bool
is_complete(const failover_queue *queue)
{
  return queue && queue->backlog && queue->room && queue->acknowledge && queue->short_of_room;
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

bool
failover_options_get_resend(const failover_options *options)
{
  assert(options);
  return options->options.settings().resend;
}

size_t
failover_options_get_resend_buffer_size(const failover_options *options)
{
  assert(options);
  return options->options.settings().resend_buffer_size;
}

// ---- connections

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

// ---- destinations

failover_status
failover_destination_new(const failover_loop *loop, failover_destination **out)
{
  assert(is_complete(loop) && out);
  return guarded([&] {
    *out = new failover_destination(*loop);
    return FAILOVER_OK;
  });
}

void
failover_destination_free(failover_destination *destination)
{
  assert(!destination || !destination->is_called);
  delete destination;
}

failover_status
failover_destination_start(failover_destination *destination, const failover_options *options,
                           const failover_destination_config *config, const failover_host *host,
                           bool connection_open)
{
  assert(options && config && config->time_reopen_ms >= 0 && is_complete(host));
  const Call call(destination);
  return guarded([&] {
    destination->destination.start(options->options.settings(),
                                   { .primary = view(config->host.data, config->host.length),
                                     .port = config->port,
                                     .time_reopen_ms = config->time_reopen_ms,
                                     .throttle = config->throttle },
                                   *host, connection_open);
    return FAILOVER_OK;
  });
}

void
failover_destination_stop(failover_destination *destination, bool keeps_connection)
{
  const Call call(destination);
  destination->destination.stop(keeps_connection);
}

bool
failover_destination_ends_if_removed(const failover_destination *destination)
{
  assert_may_be_called(destination);
  return destination->destination.ends_if_removed();
}

failover_status
failover_destination_timer_due(failover_destination *destination, failover_timer timer)
{
  assert(timer < FAILOVER_TIMER_COUNT);
  return tell(destination, [&](failover::Destination &d) { d.timer_due(timer); });
}

failover_status
failover_destination_resolved(failover_destination *destination, uint64_t lookup,
                              const failover_text *addresses, size_t address_count)
{
  assert(addresses || address_count == 0);
  return tell(destination, [&](failover::Destination &d) {
    std::vector<std::string> texts;
    for (size_t i = 0; i < address_count; i++)
      texts.push_back(failover::to_string(addresses[i]));
    d.resolved(lookup, texts);
  });
}

failover_status
failover_destination_not_resolved(failover_destination *destination, uint64_t lookup, failover_text detail)
{
  return tell(destination,
              [&](failover::Destination &d) { d.not_resolved(lookup, view(detail.data, detail.length)); });
}

failover_status
failover_destination_connected(failover_destination *destination, uint64_t connection)
{
  return tell(destination, [&](failover::Destination &d) { d.connected(connection); });
}

failover_status
failover_destination_connect_failed(failover_destination *destination, uint64_t connection,
                                    failover_reason reason, failover_text detail)
{
  return tell(destination, [&](failover::Destination &d) {
    d.connect_failed(connection, reason, view(detail.data, detail.length));
  });
}

failover_status
failover_destination_ended(failover_destination *destination)
{
  return tell(destination, [](failover::Destination &d) { d.ended(); });
}

failover_status
failover_destination_quiet(failover_destination *destination)
{
  return tell(destination, [](failover::Destination &d) { d.quiet(); });
}

failover_status
failover_destination_open(failover_destination *destination, const failover_connection_host *host,
                          failover_connection **out)
{
  assert(destination && is_complete(host) && out);
  return guarded([&] {
    *out = to_handle(destination->destination.stream().open(*host));
    return FAILOVER_OK;
  });
}

bool
failover_destination_release(failover_destination *destination, failover_connection *connection)
{
  assert(destination && connection);
  return destination->destination.stream().release(from_handle(connection));
}

bool
failover_destination_finish(failover_destination *destination)
{
  const Call call(destination);
  return destination->destination.stream().finish();
}

uint64_t
failover_destination_finished(failover_destination *destination)
{
  const Call call(destination);
  return destination->destination.stream().finished();
}

uint64_t
failover_destination_attach_queue(failover_destination *destination, const failover_queue *queue, bool same)
{
  assert(destination && is_complete(queue));
  return destination->destination.stream().attach_queue(*queue, same);
}

void
failover_destination_detach_queue(failover_destination *destination)
{
  assert(destination);
  destination->destination.stream().detach_queue();
}

bool
failover_destination_takes_messages(const failover_destination *destination)
{
  assert(destination);
  return destination->destination.stream().takes_messages();
}

bool
failover_destination_in_use(const failover_destination *destination, uint64_t *connection, uint32_t *server)
{
  assert_may_be_called(destination);
  const failover::Engine::Chosen *in_use = destination->destination.in_use();
  if (!in_use)
    return false;
  if (connection)
    *connection = in_use->connection;
  if (server)
    *server = static_cast<uint32_t>(in_use->server);
  return true;
}

failover_stream_state
failover_destination_get_stream(const failover_destination *destination)
{
  assert(destination);
  return destination->destination.stream().state();
}

} // extern "C"
