// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "status.hpp"

#include <algorithm>
#include <cassert>
#include <new>
#include <strings.h>
#include <utility>

namespace failover {

namespace {

constexpr std::size_t of_destination = FAILOVER_NONE;

// Without memory for it, the old text is no better than none.
void
assign(std::string &text, std::string_view value) noexcept
{
  try
    {
      text = value;
    }
  catch (const std::bad_alloc &)
    {
      text.clear();
    }
}

std::string_view
view(failover_text text)
{
  return text.length ? std::string_view(text.data, text.length) : std::string_view();
}

} // namespace

const char *
admin_code(failover_admin admin)
{
  switch (admin)
    {
    case FAILOVER_ADMIN_READY:
      return "ready";
    case FAILOVER_ADMIN_DRAIN:
      return "drain";
    case FAILOVER_ADMIN_MAINT:
      return "maint";
    case FAILOVER_ADMIN_COUNT:
      break;
    }
  return "unknown";
}

const char *
health_code(Health health)
{
  switch (health)
    {
    case Health::unknown:
      return "unknown";
    case Health::up:
      return "up";
    case Health::down:
      return "down";
    }
  return "unknown";
}

// ---- its life with configurations

std::shared_ptr<ServerFacts>
Status::find_or_make(const std::string &name) const
{
  for (const auto *list : { &servers_, &others_ })
    for (const auto &server : *list)
      if (strcasecmp(server->name.c_str(), name.c_str()) == 0) // host names: RFC 4343
        return server;
  return std::make_shared<ServerFacts>(name);
}

void
Status::begin(const std::vector<std::string> &servers, std::size_t buffer_size)
{
  std::vector<std::shared_ptr<ServerFacts>> listed, others;
  for (const std::string &name : servers)
    listed.push_back(find_or_make(name));
  for (const auto *list : { &servers_, &others_ })
    for (const auto &server : *list)
      if ((server->admin != FAILOVER_ADMIN_READY || server.use_count() > 1)
          && std::find(listed.begin(), listed.end(), server) == listed.end())
        others.push_back(server);

  servers_ = std::move(listed);
  others_ = std::move(others);
  buffer_size_ = buffer_size;
  buffer_.set(static_cast<int64_t>(buffer_size));
  for (std::size_t i = 0; i < servers_.size(); i++)
    for (int state = 0; state < FAILOVER_ADMIN_COUNT; state++)
      servers_[i]->admin_is[state].set(servers_[i]->admin == state);
}

void
Status::end()
{
  at_end_ = in_use_;
  not_in_use();
  announces_ = false;
  watcher_ = {};
}

// ---- who is told

void
Status::announce(failover_metric metric, std::size_t server, uint32_t label, const Number &number) const
{
  if (announces_ && watcher_.counter)
    watcher_.counter(watcher_.user_data, metric, static_cast<uint32_t>(server), label, number.address());
}

void
Status::announce_server(std::size_t position) const
{
  const ServerFacts &server = *servers_[position];
  announce(FAILOVER_METRIC_ACTIVE, position, FAILOVER_NONE, server.active);
  if (server.health != Health::unknown)
    announce(FAILOVER_METRIC_UP, position, FAILOVER_NONE, server.up);
  if (server.certificate_end_s)
    announce(FAILOVER_METRIC_CERTIFICATE_END, position, FAILOVER_NONE, server.certificate_end);
  for (uint32_t state = 0; state < FAILOVER_ADMIN_COUNT; state++)
    announce(FAILOVER_METRIC_ADMIN, position, state, server.admin_is[state]);
  for (uint32_t reason = 0; reason < FAILOVER_REASON_COUNT; reason++)
    if (server.failures[reason].get() > 0)
      announce(FAILOVER_METRIC_FAILURES, position, reason, server.failures[reason]);
}

void
Status::announce_all()
{
  announces_ = true;
  for (std::size_t i = 0; i < servers_.size(); i++)
    announce_server(i);
  for (uint32_t why = 0; why < FAILOVER_REASON_COUNT; why++)
    if (switches_[why].get() > 0)
      announce(FAILOVER_METRIC_SWITCHES, of_destination, why, switches_[why]);
  if (last_switch_ms_)
    announce(FAILOVER_METRIC_LAST_SWITCH, of_destination, FAILOVER_NONE, last_switch_s_);
  announce(FAILOVER_METRIC_RESENT, of_destination, FAILOVER_NONE, resent_);
  announce(FAILOVER_METRIC_UNCONFIRMED_MESSAGES, of_destination, FAILOVER_NONE, messages_);
  announce(FAILOVER_METRIC_UNCONFIRMED_BYTES, of_destination, FAILOVER_NONE, bytes_);
  announce(FAILOVER_METRIC_BUFFER_BYTES, of_destination, FAILOVER_NONE, buffer_);
  announce(FAILOVER_METRIC_LOST, of_destination, FAILOVER_NONE, lost_);
}

void
Status::count(Number &number, failover_metric metric, std::size_t server, uint32_t label)
{
  number.add(1);
  if (number.get() == 1)
    announce(metric, server, label, number);
}

void
Status::answer(uint64_t request, failover_answer answer) const
{
  if (watcher_.answer)
    watcher_.answer(watcher_.user_data, request, answer);
}

void
Status::answer_leaving(ServerFacts &server, failover_answer answer) const
{
  for (const uint64_t request : std::exchange(server.leaving_requests, {}))
    this->answer(request, answer);
}

// ---- servers

void
Status::set_health(std::size_t position, Health health, int64_t now_ms)
{
  ServerFacts &server = *servers_[position];
  const Health before = std::exchange(server.health, health);
  if (before == health)
    return;
  server.health_since_ms = now_ms;
  server.up.set(health == Health::up);
  if (before == Health::unknown)
    announce(FAILOVER_METRIC_UP, position, FAILOVER_NONE, server.up);
}

void
Status::set_admin(std::size_t position, failover_admin admin)
{
  ServerFacts &server = *servers_[position];
  server.admin = admin;
  for (int state = 0; state < FAILOVER_ADMIN_COUNT; state++)
    server.admin_is[state].set(admin == state);
}

void
Status::set_certificate_end(std::size_t position, int64_t end_s)
{
  ServerFacts &server = *servers_[position];
  const bool is_new = !server.certificate_end_s;
  server.certificate_end_s = end_s;
  server.certificate_end.set(end_s);
  if (is_new)
    announce(FAILOVER_METRIC_CERTIFICATE_END, position, FAILOVER_NONE, server.certificate_end);
}

void
Status::succeeded(const failover_event &event, int64_t now_ms)
{
  ServerFacts &server = *servers_[event.position];
  set_health(event.position, Health::up, now_ms);
  assign(server.address, view(event.address));
  server.last_check = { true, now_ms, event.took_ms };
}

void
Status::failed(const failover_event &event, int64_t now_ms)
{
  ServerFacts &server = *servers_[event.position];
  set_health(event.position, Health::down, now_ms);
  if (event.address.length)
    assign(server.address, view(event.address));
  if (!server.last_failure)
    server.last_failure.emplace();
  server.last_failure->reason = event.reason;
  server.last_failure->at_ms = now_ms;
  assign(server.last_failure->detail, view(event.detail));
  if (event.took_ms >= 0)
    server.last_check = { false, now_ms, event.took_ms };
}

bool
Status::note_check(const failover_event &event, int64_t now_ms) noexcept
{
  const Health before = servers_[event.position]->health;
  if (event.kind == FAILOVER_EVENT_SERVER_UP)
    succeeded(event, now_ms);
  else
    failed(event, now_ms);
  return servers_[event.position]->health != before;
}

// ---- the one in use

void
Status::not_in_use()
{
  if (in_use_)
    servers_[in_use_->server]->active.set(0);
  in_use_.reset();
}

void
Status::use(const InUse &in_use)
{
  not_in_use();
  in_use_ = in_use;
  servers_[in_use.server]->active.set(1);
  last_used_ = servers_[in_use.server];
}

// A server that is used again after a failure was not switched to.
void
Status::taken_into_use(const failover_event &event, int64_t now_ms)
{
  const bool is_switch = last_used_ && last_used_ != servers_[event.position];
  use({ event.position, now_ms, event.reason });
  if (!is_switch)
    return;
  const bool is_first = !last_switch_ms_;
  last_switch_ms_ = now_ms;
  last_switch_s_.set(watcher_.wall_ms ? watcher_.wall_ms(watcher_.user_data) / 1000 : 0);
  count(switches_[event.reason], FAILOVER_METRIC_SWITCHES, of_destination, event.reason);
  if (is_first)
    announce(FAILOVER_METRIC_LAST_SWITCH, of_destination, FAILOVER_NONE, last_switch_s_);
}

void
Status::note(const failover_event &event, int64_t now_ms) noexcept
{
  assert(event.position < servers_.size());
  ServerFacts &server = *servers_[event.position];
  switch (event.kind)
    {
    case FAILOVER_EVENT_CONNECTED:
    case FAILOVER_EVENT_FAILED_BACK:
      succeeded(event, now_ms);
      taken_into_use(event, now_ms);
      return;
    case FAILOVER_EVENT_KEPT:
      if (at_end_ && last_used_ == servers_[event.position])
        use({ event.position, at_end_->since_ms, at_end_->why });
      else
        use({ event.position, now_ms, event.reason });
      return;
    case FAILOVER_EVENT_SERVER_FAILED:
    case FAILOVER_EVENT_ALL_FAILED:
      if (event.in_use_ms >= 0)
        not_in_use();
      [[fallthrough]];
    case FAILOVER_EVENT_SWITCH_FAILED:
      failed(event, now_ms);
      count(server.failures[event.reason], FAILOVER_METRIC_FAILURES, event.position, event.reason);
      return;
    case FAILOVER_EVENT_PROBE_SUCCEEDED:
      succeeded(event, now_ms);
      return;
    case FAILOVER_EVENT_PROBE_FAILED:
      failed(event, now_ms); // counted when it was left
      return;
    case FAILOVER_EVENT_SERVER_DOWN: // the rest is known from note_check()
      count(server.failures[event.reason], FAILOVER_METRIC_FAILURES, event.position, event.reason);
      return;
    case FAILOVER_EVENT_SERVER_UP:
    case FAILOVER_EVENT_ADMIN:
    case FAILOVER_EVENT_DRAINED:
      return;
    }
}

void
Status::note_stream(const StreamNumbers &stream)
{
  messages_.set(static_cast<int64_t>(stream.messages));
  bytes_.set(static_cast<int64_t>(stream.bytes));
  resent_.set(static_cast<int64_t>(stream.resent));
  lost_.set(static_cast<int64_t>(stream.lost));
}

} // namespace failover
