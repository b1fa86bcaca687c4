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
    case FAILOVER_TIMER_MOVE_DEADLINE:
      return "move-deadline";
    case FAILOVER_TIMER_MOVE_NEXT:
      return "move-next";
    case FAILOVER_TIMER_CHECK:
      return "check";
    case FAILOVER_TIMER_HAND_OVER:
      return "hand-over";
    case FAILOVER_TIMER_STREAM:
      return "stream";
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
    case FAILOVER_EVENT_SERVER_UP:
      return "up";
    case FAILOVER_EVENT_SERVER_DOWN:
      return "down";
    case FAILOVER_EVENT_SWITCH_FAILED:
      return "switch failed";
    case FAILOVER_EVENT_ADMIN:
      return "administrative state";
    case FAILOVER_EVENT_DRAINED:
      return "drained";
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
    case Call::Kind::ended:
      return "the connection has ended";
    case Call::Kind::quiet:
      return "the end of a message";
    case Call::Kind::release:
      return "release";
    case Call::Kind::finish:
      return "finish";
    case Call::Kind::steered:
      return "steered";
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

std::string
on(const Flow &flow)
{
  return " on connection " + std::to_string(flow.number) + " (" + number(flow.connection) + " to "
         + flow.server.text() + ")";
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
           + (lookup.role == Role::probe   ? ", a probe"
              : lookup.role == Role::move  ? ", a move"
              : lookup.role == Role::check ? ", a check"
                                           : ""));
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
Trace::hand_over_completes(const Books &books, uint64_t connection, bool accepted)
{
  line(books.now_ms, '<',
       "the LogWriter gets " + number(connection) + (accepted ? ", which has waited" : ", which fails"));
}

void
Trace::take_from_writer(const Books &books, bool ended)
{
  line(books.now_ms, '<', std::string("take from the LogWriter what ") + (ended ? "has ended" : "it has"));
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
Trace::answered(const Books &books, const Request &request, failover_answer answer)
{
  line(books.now_ms, '!', "answer to " + number(request.number) + ": " + failover_answer_code(answer));
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
  else if (call.number != 0)
    text += " " + number(call.number);
  if (call.reason != FAILOVER_REASON_COUNT)
    text += std::string(" (") + failover_reason_code(call.reason) + ")";
  line(books.now_ms, '>', text);
}

// ---- messages

void
Trace::posted(const Books &books, const Flow &where, uint32_t message)
{
  if (!on_)
    return;
  const Message &one = books.messages[message];
  line(books.now_ms, '-',
       "message " + std::to_string(message) + " posted" + (one.posted > 1 ? " again" : "") + on(where)
           + ", ends at " + std::to_string(where.ends.back()));
}

void
Trace::tcp_read(const Books &books, const Flow &where, const TcpState &tcp)
{
  if (on_)
    line(books.now_ms, '-',
         "asked" + on(where) + ": written " + std::to_string(tcp.written) + ", acknowledged "
             + std::to_string(tcp.acked) + ", window " + std::to_string(tcp.window) + (tcp.fin ? ", FIN" : "")
             + (tcp.reset ? ", reset" : ""));
}

void
Trace::confirmed(const Books &books, const Flow &where, std::size_t place, bool early)
{
  if (on_)
    line(books.now_ms, '-',
         "message " + std::to_string(where.posted[place]) + (early ? " needed for room" : " confirmed")
             + on(where));
}

void
Trace::given_up(const Books &books, const Flow &where)
{
  line(books.now_ms, '-', "the peer passes for dead" + on(where));
}

void
Trace::ended(const Books &books, const Flow &where)
{
  line(books.now_ms, '-', "the end" + on(where) + (where.stuck ? ", stuck" : ""));
}

void
Trace::lost(const Books &books, uint64_t told, uint64_t with_cause)
{
  line(books.now_ms, '-',
       std::to_string(told) + " messages are given up, " + std::to_string(with_cause) + " may be");
}

void
Trace::acknowledged_to_queue(const Books &books, uint32_t message, bool short_of_room)
{
  if (on_)
    line(books.now_ms, '-',
         "message " + std::to_string(message) + " leaves the queue's file"
             + (short_of_room ? ", which is short of room" : ""));
}

void
Trace::given_out_again(const Books &books, uint32_t message)
{
  if (on_)
    line(books.now_ms, '-', "message " + std::to_string(message) + " is given out again");
}

void
Trace::dropped_by_queue(const Books &books, uint32_t message)
{
  if (on_)
    line(books.now_ms, '-', "message " + std::to_string(message) + " is dropped, the queue is full");
}

void
Trace::delivered(const Books &books, const Flow &where, uint32_t message)
{
  if (on_)
    line(books.now_ms, '-', "message " + std::to_string(message) + " read" + on(where));
}

void
Trace::finished(const Books &books, uint64_t unacknowledged, bool all_done)
{
  line(books.now_ms, '-',
       std::to_string(unacknowledged) + " messages are not acknowledged"
           + (all_done ? ", nothing is left to do" : ""));
}

} // namespace failover::sim
