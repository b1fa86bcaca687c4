// SPDX-License-Identifier: GPL-2.0-or-later
//
// See trace.hpp.
#include "trace.hpp"

#include <cstdio>

namespace failover::sim {

namespace {

const char *
name(failover_timer timer)
{
  switch (timer)
    {
    case FAILOVER_TIMER_SWITCH:
      return "switch";
    case FAILOVER_TIMER_ATTEMPT_DEADLINE:
      return "attempt-deadline";
    case FAILOVER_TIMER_ATTEMPT_NEXT:
      return "attempt-next";
    case FAILOVER_TIMER_PROBE:
      return "probe";
    case FAILOVER_TIMER_PROBE_DEADLINE:
      return "probe-deadline";
    case FAILOVER_TIMER_PROBE_NEXT:
      return "probe-next";
    case FAILOVER_TIMER_COUNT:
      break;
    }
  return "?";
}

const char *
name(failover_event_kind kind)
{
  switch (kind)
    {
    case FAILOVER_EVENT_CONNECTED:
      return "connected";
    case FAILOVER_EVENT_FAILED_BACK:
      return "failed back";
    case FAILOVER_EVENT_KEPT:
      return "kept";
    case FAILOVER_EVENT_SERVER_FAILED:
      return "server failed";
    case FAILOVER_EVENT_ALL_FAILED:
      return "all failed";
    case FAILOVER_EVENT_PROBE_SUCCEEDED:
      return "probe succeeded";
    case FAILOVER_EVENT_PROBE_FAILED:
      return "probe failed";
    }
  return "?";
}

const char *
name(Call::Kind kind)
{
  switch (kind)
    {
    case Call::Kind::none:
      return "nothing";
    case Call::Kind::start:
      return "start";
    case Call::Kind::stop:
      return "stop";
    case Call::Kind::timer_due:
      return "timer due";
    case Call::Kind::resolved:
      return "resolved";
    case Call::Kind::not_resolved:
      return "not resolved";
    case Call::Kind::connected:
      return "connected";
    case Call::Kind::connect_failed:
      return "connect failed";
    case Call::Kind::disconnected:
      return "disconnected";
    case Call::Kind::late:
      return "late answer";
    }
  return "?";
}

std::string
text_of(failover_text text)
{
  return text.length ? std::string(text.data, text.length) : std::string("-");
}

std::string
number(uint64_t value)
{
  return "#" + std::to_string(value);
}

} // namespace

void
Trace::line(int64_t now_ms, char direction, const std::string &text)
{
  if (on_)
    std::printf("%10.3f %c %s\n", static_cast<double>(now_ms) / 1000, direction, text.c_str());
}

void
Trace::note(const Books &books, const std::string &text)
{
  line(books.now_ms, '~', text);
}

void
Trace::set_timer(const Books &books, failover_timer timer, int64_t due_ms)
{
  line(books.now_ms, '<',
       std::string("timer ") + name(timer) + " in " + std::to_string(due_ms - books.now_ms) + " ms");
}

void
Trace::cancel_timer(const Books &books, failover_timer timer)
{
  if (books.timers[timer])
    line(books.now_ms, '<', std::string("no timer ") + name(timer));
}

void
Trace::resolve(const Books &books, const Lookup &lookup)
{
  line(books.now_ms, '<',
       "resolve " + number(lookup.number) + " " + lookup.server.text()
           + (lookup.role == Role::probe ? ", a probe" : ""));
}

void
Trace::release_lookup(const Books &books, uint64_t lookup)
{
  line(books.now_ms, '<', "release " + number(lookup));
}

void
Trace::connect(const Books &books, const Connection &connection)
{
  line(books.now_ms, '<',
       "connect " + number(connection.number) + " to address " + std::to_string(connection.address) + " of "
           + number(connection.lookup)
           + (connection.purpose == FAILOVER_PURPOSE_USE ? ", for use" : ", to look"));
}

void
Trace::hand_over(const Books &books, uint64_t connection, bool accepted)
{
  line(books.now_ms, '<', "hand over " + number(connection) + (accepted ? "" : ", which fails"));
}

void
Trace::close(const Books &books, uint64_t connection)
{
  line(books.now_ms, '<', "close " + number(connection));
}

void
Trace::event(const Books &books, const failover_event &event)
{
  std::string text = std::string(name(event.kind)) + " " + text_of(event.server) + " ("
                     + failover_reason_code(event.reason) + ")";
  if (event.next.length)
    text += ", next " + text_of(event.next) + " in " + std::to_string(event.wait_ms) + " ms";
  if (event.kind == FAILOVER_EVENT_PROBE_SUCCEEDED || event.kind == FAILOVER_EVENT_FAILED_BACK)
    text += ", " + std::to_string(event.successes) + " of " + std::to_string(event.required);
  line(books.now_ms, '!', text);
}

void
Trace::calling(const Books &books)
{
  if (!on_)
    return;
  const Call &call = books.call;
  std::string text = name(call.kind);
  if (call.kind == Call::Kind::timer_due)
    text += std::string(" ") + name(call.timer);
  else if (call.kind == Call::Kind::start)
    text += std::string(call.with_snapshot ? " after a reload" : "") + ": " + books.config.text();
  else if (call.kind != Call::Kind::stop)
    text += " " + number(call.number);
  if (call.reason != FAILOVER_REASON_COUNT)
    text += std::string(" (") + failover_reason_code(call.reason) + ")";
  line(books.now_ms, '>', text);
}

} // namespace failover::sim
