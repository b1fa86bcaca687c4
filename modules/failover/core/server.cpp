// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "server.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <strings.h>

namespace failover {

namespace {

constexpr std::size_t longest_host = 253; // RFC 1035, in text

const char *const not_a_server = R"(is not a server; allowed: "host", "host:port", "[IPv6 address]:port")";

// "fe80::1%eth0" -> "fe80::1" and "%eth0"
std::pair<std::string, std::string>
split_scope(std::string_view host)
{
  auto percent = host.find('%');
  if (percent == std::string_view::npos)
    return { std::string(host), "" };
  return { std::string(host.substr(0, percent)), std::string(host.substr(percent)) };
}

std::optional<std::string>
canonical_ipv6(std::string_view host)
{
  auto [address, scope] = split_scope(host);
  in6_addr binary;
  char text[INET6_ADDRSTRLEN];
  if (inet_pton(AF_INET6, address.c_str(), &binary) != 1 || scope == "%")
    return std::nullopt;
  return inet_ntop(AF_INET6, &binary, text, sizeof(text)) + scope;
}

bool
is_host_name(std::string_view host)
{
  auto allowed = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'
           || c == '.';
  };
  return !host.empty() && host.size() <= longest_host && host.front() != '-'
         && std::all_of(host.begin(), host.end(), allowed);
}

// Splits into host and port text; the port is absent without a colon of its own.
bool
split(std::string_view text, std::string_view &host, std::optional<std::string_view> &port)
{
  if (!text.empty() && text.front() == '[')
    {
      auto end = text.find(']');
      if (end == std::string_view::npos || !canonical_ipv6(text.substr(1, end - 1)))
        return false;
      host = text.substr(1, end - 1);
      auto rest = text.substr(end + 1);
      if (rest.empty())
        return true;
      port = rest.substr(1);
      return rest.front() == ':';
    }

  if (canonical_ipv6(text))
    {
      host = text;
      return true;
    }

  auto colon = text.find(':');
  host = text.substr(0, colon);
  if (colon != std::string_view::npos)
    port = text.substr(colon + 1);
  return is_host_name(host) && (!port || port->find(':') == std::string_view::npos);
}

} // namespace

std::string
Server::name() const
{
  bool bracket = host.find(':') != std::string::npos;
  return (bracket ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool
Server::operator==(const Server &other) const
{
  return port == other.port && strcasecmp(host.c_str(), other.host.c_str()) == 0;
}

Server
with_default_port(const ServerSpec &spec, uint16_t default_port)
{
  return { spec.host, spec.port ? spec.port : default_port };
}

std::string
canonical_host(std::string_view host)
{
  return canonical_ipv6(host).value_or(std::string(host));
}

std::optional<ServerSpec>
parse_server(std::string_view text, std::string &error)
{
  std::string_view host;
  std::optional<std::string_view> port;
  if (!split(text, host, port) || (port && port->empty()))
    {
      error = not_a_server;
      return std::nullopt;
    }

  ServerSpec spec;
  spec.host = canonical_host(host);
  if (port)
    {
      unsigned number = 0;
      auto [end, ec] = std::from_chars(port->data(), port->data() + port->size(), number);
      if (ec != std::errc() || end != port->data() + port->size() || number < 1 || number > 65535)
        {
          error = "port must be 1 to 65535";
          return std::nullopt;
        }
      spec.port = static_cast<uint16_t>(number);
    }
  return spec;
}

} // namespace failover
