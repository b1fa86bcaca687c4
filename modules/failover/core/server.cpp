// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "server.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <strings.h>

namespace failover {

namespace {

constexpr std::size_t longest_host = 253;     // RFC 1035, in text
constexpr std::size_t longest_interface = 15; // IFNAMSIZ, less the NUL

const char *const not_a_server = R"(is not a server; allowed: "host", "host:port", "[IPv6 address]:port")";

// What Linux allows for an interface, but for the bracket that ends an address here.
bool
is_interface(std::string_view name)
{
  auto allowed = [](unsigned char c) { return c > ' ' && c < 0x7f && c != '/' && c != ':' && c != ']'; };
  return !name.empty() && name.size() <= longest_interface && std::all_of(name.begin(), name.end(), allowed);
}

// With its scope, as in "fe80::1%eth0".
std::optional<std::string>
canonical_ipv6(std::string_view host)
{
  const auto percent = host.find('%');
  const std::string address(host.substr(0, percent));
  const std::string scope(percent == std::string_view::npos ? "" : host.substr(percent));
  in6_addr binary;
  char text[INET6_ADDRSTRLEN];
  if (!scope.empty() && !is_interface(std::string_view(scope).substr(1)))
    return std::nullopt;
  // inet_pton() would not look past a NUL
  if (address.find('\0') != std::string::npos || inet_pton(AF_INET6, address.c_str(), &binary) != 1)
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
          error = "has a wrong port, the port must be 1 to 65535";
          return std::nullopt;
        }
      spec.port = static_cast<uint16_t>(number);
    }
  return spec;
}

} // namespace failover
