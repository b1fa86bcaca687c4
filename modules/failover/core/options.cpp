// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "options.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

namespace failover {

namespace {

constexpr double longest_seconds = 366.0 * 24 * 3600;
constexpr uint32_t most_probes = 1'000'000;
constexpr int64_t smallest_buffer = int64_t{ 64 }
                                    << 10; // less could not hold what one connection has in flight
constexpr int64_t largest_buffer = int64_t{ 1 } << 40;

std::string
normalised(std::string_view name)
{
  std::string result(name);
  std::replace(result.begin(), result.end(), '_', '-');
  return result;
}

// The whole text as a plain decimal number: no exponent, no "inf".
std::optional<double>
parse_decimal(std::string_view text)
{
  double number = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (ec != std::errc() || end != text.data() + text.size() || !std::isfinite(number))
    return std::nullopt;
  return number;
}

std::optional<int64_t>
parse_seconds(std::string_view text)
{
  auto seconds = parse_decimal(text);
  if (!seconds || *seconds < 0 || *seconds > longest_seconds)
    return std::nullopt;
  // a millisecond is the shortest time there is
  return *seconds > 0 ? std::max<int64_t>(std::llround(*seconds * 1000), 1) : 0;
}

std::optional<int64_t>
parse_seconds_above_zero(std::string_view text)
{
  auto milliseconds = parse_seconds(text);
  return milliseconds && *milliseconds > 0 ? milliseconds : std::nullopt;
}

std::optional<int64_t>
parse_count(std::string_view text)
{
  uint32_t number = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec != std::errc() || end != text.data() + text.size() || number < 1 || number > most_probes)
    return std::nullopt;
  return number;
}

std::optional<int64_t>
parse_yes_no(std::string_view text)
{
  for (std::string_view yes : { "yes", "on", "1" })
    if (text == yes)
      return 1;
  for (std::string_view no : { "no", "off", "0" })
    if (text == no)
      return 0;
  return std::nullopt;
}

// A number with the suffixes that syslog-ng knows: 16777216, 16M, 16MiB.
std::optional<int64_t>
parse_bytes(std::string_view text)
{
  int64_t number = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec != std::errc() || number < 0 || number > largest_buffer)
    return std::nullopt;

  std::string suffix(end, text.data() + text.size());
  std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (!suffix.empty() && suffix.back() == 'b')
    suffix.pop_back();
  const bool binary = suffix.size() == 2 && suffix.back() == 'i';
  if (binary)
    suffix.pop_back();
  const std::string_view powers = "kmg";
  int64_t factor = 1;
  if (!suffix.empty())
    {
      auto power = powers.find(suffix);
      if (suffix.size() != 1 || power == std::string_view::npos)
        return std::nullopt;
      for (std::size_t i = 0; i <= power; i++)
        factor *= binary ? 1024 : 1000;
    }
  if (number > largest_buffer / factor || number * factor < smallest_buffer)
    return std::nullopt;
  return number * factor;
}

struct Rule
{
  const char *group; // "" or the option it stands in
  const char *name;
  const char *takes;
  std::optional<int64_t> (*parse)(std::string_view);
  void (*store)(Settings &, int64_t);
};

constexpr Rule rules[] = {
  { "failback", "tcp-probe-interval", "seconds above 0", parse_seconds_above_zero,
    [](Settings &s, int64_t v) { s.probe_interval_ms = v; } },
  { "failback", "successful-probes-required", "a whole number above 0", parse_count,
    [](Settings &s, int64_t v) { s.probes_required = static_cast<uint32_t>(v); } },
  { "", "switch-delay", "seconds, 0 or more", parse_seconds,
    [](Settings &s, int64_t v) { s.switch_delay_ms = v; } },
  { "", "connect-timeout", "seconds above 0", parse_seconds_above_zero,
    [](Settings &s, int64_t v) { s.connect_timeout_ms = v; } },
  { "", "dead-peer-timeout", "seconds, 0 or more", parse_seconds,
    [](Settings &s, int64_t v) { s.dead_peer_timeout_ms = v; } },
  { "", "standby-probe-interval", "seconds, 0 or more", parse_seconds,
    [](Settings &s, int64_t v) { s.standby_probe_interval_ms = v; } },
  { "", "resend", "yes or no", parse_yes_no, [](Settings &s, int64_t v) { s.resend = v != 0; } },
  { "", "resend-grace", "seconds, 0 or more", parse_seconds,
    [](Settings &s, int64_t v) { s.resend_grace_ms = v; } },
  { "", "resend-buffer-size", "bytes from 64KiB to 1024GiB", parse_bytes,
    [](Settings &s, int64_t v) { s.resend_buffer_size = static_cast<std::size_t>(v); } },
};

std::string
allowed_in(std::string_view group)
{
  std::string result = group.empty() ? "servers(), failback()" : "";
  for (const Rule &rule : rules)
    if (rule.group == group)
      result += (result.empty() ? "" : ", ") + std::string(rule.name) + "()";
  return result;
}

std::string
call(std::string_view name)
{
  return std::string(name) + "()";
}

std::string
quoted(std::string_view text)
{
  return "\"" + std::string(text) + "\"";
}

} // namespace

bool
Options::refuse(std::string message)
{
  // what the user wrote is in it: a NUL would end it, a newline break the line of the log
  std::replace_if(
      message.begin(), message.end(), [](unsigned char c) { return std::iscntrl(c); }, '?');
  error_ = std::move(message);
  return false;
}

bool
Options::refuse_twice(std::string_view name)
{
  return refuse(call(name) + " is given twice, it is allowed once");
}

bool
Options::open(std::string_view name)
{
  const std::string key = normalised(name);
  if (key != "servers" && key != "failback")
    return refuse(call(name) + " is not an option of failover(); allowed: " + allowed_in(""));
  if (!given_.insert(key).second)
    return refuse_twice(name);
  if (key == "failback")
    settings_.failback = true;
  return true;
}

bool
Options::add_server(std::string_view text)
{
  std::string why;
  auto spec = parse_server(text, why);
  if (!spec)
    return refuse("servers(): " + quoted(text) + " " + why);

  for (const ServerSpec &other : settings_.servers)
    if (with_default_port(other, 0) == with_default_port(*spec, 0))
      return refuse("servers(): " + quoted(text) + " is listed twice, each server is allowed once");

  settings_.servers.push_back(std::move(*spec));
  return true;
}

bool
Options::set(std::string_view group, std::string_view name, std::string_view value)
{
  const std::string key = normalised(name);
  const std::string group_key = normalised(group);
  const std::string parent = group.empty() ? "failover()" : call(group);

  auto rule = std::find_if(std::begin(rules), std::end(rules),
                           [&](const Rule &r) { return r.group == group_key && r.name == key; });
  if (rule == std::end(rules))
    return refuse(call(name) + " is not an option of " + parent + "; allowed: " + allowed_in(group_key));
  const std::string path = group_key + "/" + key;
  if (given_.count(path))
    return refuse_twice(name);

  auto parsed = rule->parse(value);
  if (!parsed)
    return refuse(call(name) + " takes " + rule->takes + ", not " + quoted(value));
  given_.insert(path);
  rule->store(settings_, *parsed);
  return true;
}

bool
Options::close(std::string_view name)
{
  if (normalised(name) == "servers" && settings_.servers.empty())
    return refuse(call(name) + " needs at least one server");
  return true;
}

bool
Options::complete()
{
  if (settings_.servers.empty())
    return refuse("failover() needs servers(), a list of one or more failover servers");
  return true;
}

bool
Options::check_primary(std::string_view host, uint16_t port)
{
  std::vector<Server> seen = { { canonical_host(host), port } };
  for (const ServerSpec &spec : settings_.servers)
    {
      Server server = with_default_port(spec, port);
      if (server == seen.front())
        return refuse("servers(): " + quoted(server.name())
                      + " is the primary server itself, list failover servers only");
      if (std::find(seen.begin(), seen.end(), server) != seen.end())
        return refuse("servers(): " + quoted(server.name())
                      + " is listed twice, each server is allowed once");
      seen.push_back(std::move(server));
    }
  return true;
}

} // namespace failover
