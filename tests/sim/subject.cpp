// SPDX-License-Identifier: GPL-2.0-or-later
//
// See subject.hpp.
#include "subject.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace failover::sim {

namespace {

failover_text
text(const std::string &string)
{
  return { string.data(), string.size() };
}

std::string
seconds(int64_t ms)
{
  const std::string fraction = std::to_string(ms % 1000);
  return std::to_string(ms / 1000) + "." + std::string(3 - fraction.size(), '0') + fraction;
}

bool
set(failover_options *options, const std::string &group, const std::string &name, const std::string &value)
{
  return failover_options_set(options, group.data(), group.size(), name.data(), name.size(), value.data(),
                              value.size())
         == FAILOVER_OK;
}

bool
open(failover_options *options, const std::string &name)
{
  return failover_options_open(options, name.data(), name.size()) == FAILOVER_OK;
}

bool
close_group(failover_options *options, const std::string &name)
{
  return failover_options_close(options, name.data(), name.size()) == FAILOVER_OK;
}

// As the grammar would call it.
bool
write_options(failover_options *options, const Config &config)
{
  bool ok = open(options, "servers");
  for (std::size_t i = 1; i < config.servers.size(); i++)
    {
      const ServerName &server = config.servers[i];
      const bool default_port = server.port == config.servers.front().port;
      const std::string as_written = default_port ? server.host : server.text();
      ok = ok && failover_options_add_server(options, as_written.data(), as_written.size()) == FAILOVER_OK;
    }
  ok = ok && close_group(options, "servers");
  if (config.switch_delay_ms)
    ok = ok && set(options, "", "switch-delay", seconds(*config.switch_delay_ms));
  if (config.connect_timeout_ms != Config().connect_timeout_ms)
    ok = ok && set(options, "", "connect-timeout", seconds(config.connect_timeout_ms));
  if (config.dead_peer_timeout_ms != Config().dead_peer_timeout_ms)
    ok = ok && set(options, "", "dead-peer-timeout", seconds(config.dead_peer_timeout_ms));
  if (!config.resend)
    ok = ok && set(options, "", "resend", "no");
  if (config.grace_ms != Config().grace_ms)
    ok = ok && set(options, "", "resend-grace", seconds(config.grace_ms));
  if (config.buffer_limit != Config().buffer_limit)
    ok = ok && set(options, "", "resend-buffer-size", std::to_string(config.buffer_limit));
  if (config.standby_interval_ms > 0)
    ok = ok && set(options, "", "standby-probe-interval", seconds(config.standby_interval_ms));
  if (config.failback)
    ok = ok && open(options, "failback")
         && set(options, "failback", "tcp-probe-interval", seconds(config.probe_interval_ms))
         && set(options, "failback", "successful-probes-required", std::to_string(config.probes_required))
         && close_group(options, "failback");
  return ok && failover_options_complete(options) == FAILOVER_OK;
}

Subject *
self_of(void *user_data)
{
  return static_cast<Subject *>(user_data);
}

} // namespace

Subject::Subject(HostCalls &host, Fault fault) : host_(host), fault_(fault)
{}

failover_loop
Subject::loop()
{
  failover_loop result = {};
  result.user_data = this;
  result.now_ms = [](void *data) { return self_of(data)->host_.now_ms(); };
  result.random = [](void *data) { return self_of(data)->host_.random(); };
  result.set_timer = [](void *data, failover_timer timer, int64_t due_ms) {
    self_of(data)->set_timer(timer, due_ms);
  };
  result.cancel_timer = [](void *data, failover_timer timer) {
    if (self_of(data)->fault_ != Fault::forget_cancel)
      self_of(data)->host_.cancel_timer(timer);
  };
  result.lost = [](void *data, uint64_t messages, failover_loss why) {
    self_of(data)->host_.lost(messages, why);
  };
  return result;
}

failover_host
Subject::host()
{
  failover_host result = {};
  result.user_data = this;
  result.resolve = [](void *data, uint64_t lookup, failover_text host, uint16_t port) {
    self_of(data)->last_lookup_ = lookup;
    self_of(data)->host_.resolve(lookup, std::string(host.data, host.length), port);
  };
  result.release_lookup = [](void *data, uint64_t lookup) {
    Subject &self = *self_of(data);
    const bool goes_on = self.checks_.contains(lookup) && !self.check_may_end_;
    if (self.fault_ != Fault::never_end_checks || !goes_on)
      self.host_.release_lookup(lookup);
  };
  result.connect = [](void *data, uint64_t connection, uint64_t lookup, uint32_t address,
                      failover_text server, failover_purpose purpose) {
    self_of(data)->connect(connection, lookup, address, server, purpose);
  };
  result.close = [](void *data, uint64_t connection) { self_of(data)->close(connection); };
  result.give_to_writer = [](void *data, uint64_t connection) {
    return self_of(data)->give_to_writer(connection);
  };
  result.take_from_writer = [](void *data) { self_of(data)->take_from_writer(); };
  result.shut_down = [](void *data) { self_of(data)->host_.shut_down(); };
  result.read_end = [](void *data, failover_end *end) { *end = self_of(data)->host_.read_end(); };
  result.is_idle = [](void *data) { return self_of(data)->host_.is_idle(); };
  result.wake_writer = [](void *data) { self_of(data)->host_.wake_writer(); };
  result.event = [](void *data, const failover_event *event) { self_of(data)->event(*event); };
  return result;
}

// ---- what the canaries do

void
Subject::set_timer(failover_timer timer, int64_t due_ms)
{
  if ((fault_ == Fault::forget_attempt_deadline && timer == FAILOVER_TIMER_ATTEMPT_DEADLINE)
      || (fault_ == Fault::forget_probe_deadline && timer == FAILOVER_TIMER_PROBE_DEADLINE)
      || (fault_ == Fault::forget_switch && timer == FAILOVER_TIMER_SWITCH)
      || (fault_ == Fault::forget_probes && timer == FAILOVER_TIMER_PROBE)
      || (fault_ == Fault::forget_checks && timer == FAILOVER_TIMER_CHECK))
    return;
  if (timer == FAILOVER_TIMER_SWITCH && fault_ == Fault::no_wait)
    due_ms = host_.now_ms();
  if (timer == FAILOVER_TIMER_SWITCH && fault_ == Fault::long_wait)
    due_ms += 120'000;
  if (timer == FAILOVER_TIMER_SWITCH && fault_ == Fault::wait_after_each)
    due_ms = std::max(due_ms, host_.now_ms() + time_reopen_ms_);
  if (timer == FAILOVER_TIMER_ATTEMPT_NEXT && fault_ == Fault::next_address_late)
    due_ms += 750;
  host_.set_timer(timer, due_ms);
}

void
Subject::connect(uint64_t connection, uint64_t lookup, uint32_t address, failover_text name,
                 failover_purpose purpose)
{
  if (fault_ == Fault::reuse_number && ++connects_ % 10 == 0)
    connection = last_connection_;
  last_connection_ = connection;
  making_.insert(connection);
  if (purpose == FAILOVER_PURPOSE_CHECK)
    checks_.insert({ lookup, connection });
  if (fault_ == (writer_has_ ? Fault::probe_without_tls : Fault::use_without_tls))
    purpose = FAILOVER_PURPOSE_PROBE;
  if (fault_ == Fault::tls_in_every_probe)
    purpose = FAILOVER_PURPOSE_USE;
  if (fault_ == Fault::break_before_make && writer_has_ && purpose == FAILOVER_PURPOSE_USE)
    take_from_writer();
  const std::string peer(name.data, name.length);
  host_.connect(connection, lookup, address, fault_ == Fault::name_of_primary ? primary_ : peer, purpose);
}

bool
Subject::give_to_writer(uint64_t connection)
{
  const bool accepted = host_.give_to_writer(connection);
  writer_has_ = writer_has_ || accepted;
  return accepted;
}

void
Subject::take_from_writer()
{
  if (fault_ == Fault::keep_old_connection && starting_)
    return;
  writer_has_ = false;
  host_.take_from_writer();
}

void
Subject::close(uint64_t connection)
{
  if (fault_ == Fault::forget_close && making_.contains(connection))
    return;
  host_.close(connection);
}

void
Subject::event(const failover_event &event)
{
  if (fault_ == Fault::swallow_event && ++events_ % 7 == 0)
    return;
  host_.event(event);
  if (fault_ == Fault::tell_checks_twice && event.kind == FAILOVER_EVENT_SERVER_UP)
    host_.event(event);
}

void
Subject::answer(uint64_t request, failover_answer answer)
{
  if (!answered_.contains(request))
    host_.answer(request, answer);
}

// ---- its life

void
Subject::make()
{
  const failover_loop callbacks = loop();
  failover_destination *destination = nullptr;
  if (failover_destination_new(&callbacks, &destination) != FAILOVER_OK)
    throw std::runtime_error("failover_destination_new()");
  destination_.reset(destination);
}

void
Subject::free()
{
  writer_has_ = false;
  making_.clear();
  destination_.reset();
}

failover_status
Subject::start(const Config &written, bool connection_open)
{
  const Config config = misread(written, fault_);
  failover_options *made = nullptr;
  failover_status status = failover_options_new(&made);
  const std::unique_ptr<failover_options, Free> options(made);
  if (status != FAILOVER_OK)
    return status;
  const ServerName &primary = config.servers.front();
  primary_ = primary.host;
  time_reopen_ms_ = config.time_reopen_ms;
  if (!write_options(options.get(), config)
      || failover_options_check_primary(options.get(), primary.host.data(), primary.host.size(), primary.port)
             != FAILOVER_OK)
    return FAILOVER_ERROR_OPTION;

  failover_destination_config destination = {};
  destination.host = text(primary.host);
  destination.port = primary.port;
  destination.time_reopen_ms = config.time_reopen_ms;
  destination.throttle = config.throttle;
  const failover_host callbacks = host();
  failover_watcher watcher = {};
  watcher.user_data = this;
  watcher.wall_ms = [](void *data) { return self_of(data)->host_.now_ms(); };
  watcher.counter = [](void *, failover_metric, uint32_t, uint32_t, const intptr_t *) {};
  watcher.answer = [](void *data, uint64_t request, failover_answer answer) {
    self_of(data)->answer(request, answer);
  };
  failover_destination_watch(destination_.get(), &watcher);
  starting_ = true;
  writer_has_ = connection_open;
  status = failover_destination_start(destination_.get(), options.get(), &destination, &callbacks,
                                      connection_open);
  starting_ = false;
  return status;
}

void
Subject::stop(bool keeps_connection)
{
  failover_destination_stop(destination_.get(), keeps_connection);
}

bool
Subject::ends_if_removed() const
{
  return failover_destination_ends_if_removed(destination_.get());
}

// ---- what happened

failover_status
Subject::timer_due(failover_timer timer)
{
  check_may_end_ = timer == FAILOVER_TIMER_CHECK;
  return failover_destination_timer_due(destination_.get(), timer);
}

failover_status
Subject::resolved(uint64_t lookup, uint32_t address_count)
{
  if (fault_ == Fault::believe_late_answer)
    lookup = last_lookup_;
  if (fault_ == Fault::stale_addresses)
    address_count = std::exchange(last_address_count_, address_count);
  std::vector<std::string> strings;
  std::vector<failover_text> addresses;
  for (uint32_t i = 0; i < address_count; i++)
    strings.push_back("192.0.2." + std::to_string(i + 1) + ":514");
  for (const std::string &string : strings)
    addresses.push_back(text(string));
  return failover_destination_resolved(destination_.get(), lookup, addresses.data(), addresses.size());
}

failover_status
Subject::not_resolved(uint64_t lookup)
{
  return failover_destination_not_resolved(destination_.get(), lookup, text("no such name"));
}

failover_status
Subject::connected(uint64_t connection)
{
  check_may_end_ = checks_.contains(connection);
  making_.erase(connection);
  return failover_destination_connected(destination_.get(), connection);
}

failover_status
Subject::connect_failed(uint64_t connection, failover_reason reason)
{
  check_may_end_ = checks_.contains(connection);
  making_.erase(connection);
  return failover_destination_connect_failed(destination_.get(), connection, reason,
                                             text("in the simulation"));
}

failover_status
Subject::ended()
{
  return failover_destination_ended(destination_.get());
}

failover_status
Subject::quiet()
{
  return failover_destination_quiet(destination_.get());
}

failover_status
Subject::steer(const Request &request)
{
  const std::string name = request.server.text();
  uint32_t server = 0;
  if (!failover_destination_find_server(destination_.get(), text(name), &server))
    throw std::runtime_error("failover_destination_find_server()");
  const auto set_admin = [&](failover_admin admin) {
    return failover_destination_set_admin(destination_.get(), server, admin, request.number);
  };
  if (fault_ == Fault::answers_early && (request.wish == Wish::drain || request.wish == Wish::maint))
    {
      host_.answer(request.number, FAILOVER_ANSWER_DONE);
      answered_.insert(request.number);
    }
  switch (request.wish)
    {
    case Wish::use:
      return failover_destination_switch(destination_.get(), server, request.number);
    case Wish::drain:
      return set_admin(FAILOVER_ADMIN_DRAIN);
    case Wish::maint:
      return set_admin(fault_ == Fault::drains_only ? FAILOVER_ADMIN_DRAIN : FAILOVER_ADMIN_MAINT);
    case Wish::ready:
      return set_admin(FAILOVER_ADMIN_READY);
    case Wish::check:
      return failover_destination_check(destination_.get(), request.number);
    }
  return FAILOVER_ERROR_INTERNAL;
}

// ---- connections, and the queue before them

uint64_t
Subject::attach_queue(const failover_queue &queue, bool same)
{
  return failover_destination_attach_queue(destination_.get(), &queue, same);
}

void
Subject::detach_queue()
{
  if (destination_)
    failover_destination_detach_queue(destination_.get());
}

bool
Subject::takes_messages() const
{
  return failover_destination_takes_messages(destination_.get());
}

failover_connection *
Subject::open(const failover_connection_host &host)
{
  failover_connection *connection = nullptr;
  if (failover_destination_open(destination_.get(), &host, &connection) != FAILOVER_OK)
    throw std::runtime_error("failover_destination_open()");
  return connection;
}

bool
Subject::release(failover_connection *connection)
{
  return failover_destination_release(destination_.get(), connection);
}

bool
Subject::finish()
{
  return failover_destination_finish(destination_.get());
}

uint64_t
Subject::finished()
{
  return failover_destination_finished(destination_.get());
}

bool
Subject::in_use(uint64_t &connection, uint32_t &server) const
{
  return destination_ && failover_destination_in_use(destination_.get(), &connection, &server);
}

failover_stream_state
Subject::stream() const
{
  return destination_ ? failover_destination_get_stream(destination_.get()) : failover_stream_state{};
}

} // namespace failover::sim
