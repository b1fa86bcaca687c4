// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// A log server as the user writes it: "host", "host:port", "[v6 address]:port".
// Plain values, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace failover {

// port 0: the destination's own port applies
struct ServerSpec
{
  std::string host;
  uint16_t port = 0;
};

// A server with the port that applies to it.
struct Server
{
  std::string host;
  uint16_t port = 0;

  // "host:port", "[v6]:port"
  std::string name() const;
  // host names compare without regard to case (RFC 4343)
  bool operator==(const Server &other) const;
};

Server with_default_port(const ServerSpec &spec, uint16_t default_port);

// The host name or address in the one form it is compared and used in; an IPv6
// address in its canonical form (RFC 5952), everything else unchanged.
std::string canonical_host(std::string_view host);

// Empty optional and `error` (a sentence without the server itself) if it is none.
std::optional<ServerSpec> parse_server(std::string_view text, std::string &error);

} // namespace failover
