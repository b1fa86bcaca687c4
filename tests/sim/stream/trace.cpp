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
Trace::posted(const Books &books, const Connection &where, uint32_t message)
{
  const Message &one = books.messages[message];
  line(books, '>',
       "message " + std::to_string(message) + " posted" + (one.posted > 1 ? " again" : "") + on(where)
           + ", ends at " + std::to_string(where.ends.back()));
}

void
Trace::asked(const Books &books, const Connection &where, const TcpState &tcp)
{
  line(books, '>',
       "asked" + on(where) + ": written " + std::to_string(tcp.written) + ", acknowledged "
           + std::to_string(tcp.acked) + ", window " + std::to_string(tcp.window) + (tcp.fin ? ", FIN" : "")
           + (tcp.reset ? ", reset" : ""));
}

void
Trace::confirmed(const Books &books, const Connection &where, std::size_t place, bool early)
{
  line(books, '!',
       "message " + std::to_string(where.posted[place]) + (early ? " needed for room" : " confirmed")
           + on(where));
}

void
Trace::given_up(const Books &books, const Connection &where)
{
  line(books, '!', "the peer passes for dead" + on(where));
}

void
Trace::ended(const Books &books, const Connection &where)
{
  line(books, '>', "the end" + on(where) + (where.stuck ? ", stuck" : ""));
}

void
Trace::delivered(const Books &books, const Connection &where, uint32_t message)
{
  line(books, '<', "message " + std::to_string(message) + " read" + on(where));
}

} // namespace failover::sim::stream
