// SPDX-License-Identifier: GPL-2.0-or-later
//
// See trace.hpp.
#include "stream/trace.hpp"

#include <cstdio>

namespace failover::sim::stream {

namespace {

std::string
on(const Connection &connection)
{
  return " on connection " + std::to_string(connection.number);
}

const char *
name(LetGo cause)
{
  switch (cause)
    {
    case LetGo::by_sample:
      return "confirmed";
    case LetGo::for_room:
      return "needed for room";
    case LetGo::at_end:
      return "at the end";
    }
  return "?";
}

} // namespace

void
Trace::line(const Books &books, char direction, const std::string &text)
{
  if (on_)
    std::printf("%10.3f %c %s\n", static_cast<double>(books.now_ms) / 1000, direction, text.c_str());
}

void
Trace::note(const Books &books, const std::string &text)
{
  line(books, '~', text);
}

void
Trace::posted(const Books &books, const Connection &where, const BufferBooks &, uint32_t message)
{
  const Message &one = books.messages[message];
  line(books, '>',
       "message " + std::to_string(message) + " posted" + (one.posted > 1 ? " again" : "") + on(where)
           + ", ends at " + std::to_string(one.end));
}

void
Trace::sampled(const Books &books, const Connection &where, const TcpState &tcp)
{
  line(books, '>',
       "sample" + on(where) + ": written " + std::to_string(tcp.written) + ", acknowledged "
           + std::to_string(tcp.acked) + ", window " + std::to_string(tcp.window) + ", grace clock "
           + std::to_string(where.clock.ms()) + " ms" + (tcp.fin ? ", FIN" : "")
           + (tcp.reset ? ", reset" : ""));
}

void
Trace::let_go(const Books &books, const Connection *, uint32_t message, LetGo cause)
{
  line(books, '!', "message " + std::to_string(message) + " let go, " + name(cause));
}

void
Trace::ended(const Books &books, const Connection &where, const BufferBooks &buffer)
{
  line(books, '>',
       std::string("the end") + on(where) + ", " + std::to_string(buffer.messages.size())
           + " messages are to be posted again");
}

void
Trace::delivered(const Books &books, const Connection &where, uint32_t message)
{
  line(books, '<', "message " + std::to_string(message) + " read" + on(where));
}

} // namespace failover::sim::stream
