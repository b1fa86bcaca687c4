// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "status_text.hpp"

#include "reason.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace failover {

namespace {

constexpr std::size_t columns = 100;
constexpr std::size_t longest_name = 38; // more would not fit into a row

// A terminal does what control characters say; the host's own texts may have any.
std::string
printable(std::string_view text)
{
  std::string result(text);
  std::replace_if(
      result.begin(), result.end(), [](unsigned char c) { return c < ' ' || c > '~'; }, '?');
  return result;
}

std::string
shortened(std::string_view text, std::size_t longest)
{
  std::string result = printable(text);
  if (result.size() <= longest)
    return result;
  const std::size_t head = (longest - 3) / 2, tail = longest - 3 - head;
  return result.substr(0, head) + "..." + result.substr(result.size() - tail);
}

[[gnu::format(printf, 1, 2)]] std::string
format(const char *pattern, ...)
{
  char line[256];
  va_list arguments;
  va_start(arguments, pattern);
  std::vsnprintf(line, sizeof(line), pattern, arguments);
  va_end(arguments);
  return line;
}

std::string
line(const std::string &text)
{
  return text.substr(0, std::min(text.find_last_not_of(' ') + 1, columns)) + "\n";
}

std::string
duration(int64_t ms)
{
  constexpr long long minute = 60, hour = 60 * minute, day = 24 * hour;
  const long long s = std::max<int64_t>(ms, 0) / 1000;
  if (s < minute)
    return format("%llds", s);
  if (s < hour)
    return format("%lldm", s / minute);
  if (s < 2 * day)
    return format("%lldh", s / hour);
  return format("%lldd", std::min(s / day, 9999LL));
}

std::string
size(uint64_t bytes)
{
  const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
  double number = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; number >= 999.5 && unit + 1 < std::size(units); unit++)
    number /= 1000;
  return format(unit == 0 ? "%.0f %s" : "%.1f %s", number, units[unit]);
}

std::string
name_of(const StatusView &view, std::size_t server)
{
  return shortened(view.status.server(server).name, longest_name);
}

std::string
headline(const StatusView &view)
{
  const std::string id = shortened(view.id, 32);
  const auto &in_use = view.status.in_use();
  if (!in_use)
    return id + ": no server in use";
  return id + ": " + name_of(view, in_use->server) + " in use for " + duration(view.now_ms - in_use->since_ms)
         + " (" + reason_code(in_use->why) + ")";
}

std::string
next_step(const StatusView &view)
{
  const NextStep &next = view.next;
  switch (next.what)
    {
    case NextStep::What::nothing:
      return "";
    case NextStep::What::attempt:
      return line("  next: trying " + name_of(view, next.server));
    case NextStep::What::attempt_later:
      return line("  next: " + name_of(view, next.server) + " in " + duration(next.due_ms - view.now_ms));
    case NextStep::What::probe:
      return line("  next: probe of " + name_of(view, next.server) + " in "
                  + duration(next.due_ms - view.now_ms)
                  + format(", %u/%u successful", next.successes, next.required));
    }
  return "";
}

std::string
numbers(const StatusView &view)
{
  const StreamNumbers &stream = view.stream;
  int64_t switches = 0;
  for (int reason = 0; reason < FAILOVER_REASON_COUNT; reason++)
    switches += view.status.switches(static_cast<failover_reason>(reason));

  std::string text = format("  unconfirmed: %llu (%s", static_cast<unsigned long long>(stream.messages),
                            size(stream.bytes).c_str());
  if (stream.oldest_ms)
    text += ", oldest " + duration(view.now_ms - *stream.oldest_ms);
  text +=
      format("); resent: %llu; lost: %llu; switches: %lld", static_cast<unsigned long long>(stream.resent),
             static_cast<unsigned long long>(stream.lost), static_cast<long long>(switches));
  if (const auto &last = view.status.last_switch_ms())
    text += ", the last " + duration(view.now_ms - *last) + " ago";
  return line(text);
}

std::string
row(const StatusView &view, std::size_t position, int name_width)
{
  const ServerFacts &server = view.status.server(position);
  const auto &in_use = view.status.in_use();
  const bool is_in_use = in_use && in_use->server == position;
  const char *state = is_in_use ? "in use" : health_code(server.health);
  const int64_t since_ms = is_in_use ? in_use->since_ms : server.health_since_ms;
  const bool is_known = is_in_use || server.health != Health::unknown;
  std::string failure = "-";
  if (server.last_failure)
    failure = std::string(reason_code(server.last_failure->reason)) + " "
              + duration(view.now_ms - server.last_failure->at_ms);
  return line(format(
      "%c %-*s  %-7s  %-7s  %-5s  %5s  %7s  %s", is_in_use ? '*' : ' ', name_width,
      name_of(view, position).c_str(), position == Roster::primary ? "primary" : "standby", state,
      admin_code(server.admin), is_known ? duration(view.now_ms - since_ms).c_str() : "-",
      server.last_check ? duration(view.now_ms - server.last_check->at_ms).c_str() : "-", failure.c_str()));
}

} // namespace

std::string
status_rows(const StatusView &view)
{
  std::size_t name_width = std::string_view("SERVER").size();
  for (std::size_t i = 0; i < view.status.servers().size(); i++)
    name_width = std::max(name_width, name_of(view, i).size());
  const int width = static_cast<int>(name_width);

  std::string text = line(headline(view)) + next_step(view) + numbers(view);
  text += line(format("  %-*s  %-7s  %-7s  %-5s  %5s  %7s  %s", width, "SERVER", "ROLE", "STATE", "ADMIN",
                      "FOR", "CHECKED", "LAST FAILURE"));
  for (std::size_t i = 0; i < view.status.servers().size(); i++)
    text += row(view, i, width);
  return text;
}

} // namespace failover
