// SPDX-License-Identifier: GPL-2.0-or-later
//
// The input is one entry of servers().
#include "outcome.hpp"
#include "require.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

namespace failover::fuzz {

namespace {

constexpr std::size_t longest_name = 253; // RFC 1035, in text

bool
is_letter_or_digit(unsigned char c)
{
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// What nobody would doubt: a name of letters, digits, dots and hyphens, alone or with a port.
bool
is_plainly_a_server(std::string_view text)
{
  const auto colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  if (colon != std::string_view::npos)
    {
      const std::string_view port = text.substr(colon + 1);
      if (port.empty() || port.size() > 4 || port.front() == '0'
          || port.find_first_not_of("0123456789") != std::string_view::npos)
        return false;
    }
  return !name.empty() && name.size() <= longest_name && is_letter_or_digit(name.front())
         && std::all_of(name.begin(), name.end(),
                        [](unsigned char c) { return is_letter_or_digit(c) || c == '.' || c == '-'; });
}

// What stands after the only colon or after the bracket.
std::optional<unsigned long>
own_port(std::string_view text)
{
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || (text.find(':') != colon && text[colon - 1] != ']'))
    return std::nullopt;
  return std::strtoul(std::string(text.substr(colon + 1)).c_str(), nullptr, 10);
}

failover_status
add(const Options &options, std::string_view server)
{
  return failover_options_add_server(options.get(), server.data(), server.size());
}

Options
options_with(std::string_view server)
{
  Options options = new_options();
  REQUIRE(failover_options_open(options.get(), "failback", 8) == FAILOVER_OK, "failback()");
  const failover_status status = add(options, server);
  REQUIRE(status == FAILOVER_OK, "\"%.*s\": status %d, %s", static_cast<int>(server.size()), server.data(),
          status, failover_options_error(options.get()));
  return options;
}

bool
is_refused(const Options &options, failover_status status, const char *why)
{
  return status == FAILOVER_ERROR_OPTION && std::strstr(failover_options_error(options.get()), why);
}

void
check_refused(const Options &options, std::string_view text)
{
  const std::string error = failover_options_error(options.get());
  REQUIRE(!is_plainly_a_server(text), "a server is refused: %s", error.c_str());
  REQUIRE(error.rfind("servers(): ", 0) == 0, "the error does not name the option: %s", error.c_str());
  REQUIRE(error.find("is not a server; allowed: ") != std::string::npos
              || error.find("port must be 1 to 65535") != std::string::npos,
          "the error does not say what is wrong: %s", error.c_str());
  REQUIRE(!is_visible(text) || error.find(text) != std::string::npos,
          "the error does not show the server: %s", error.c_str());

  REQUIRE(is_refused(options, failover_options_close(options.get(), "servers", 7), "at least one server"),
          "it was taken all the same");
  REQUIRE(add(options, "another") == FAILOVER_OK, "no other server is taken after it");
}

void
check_accepted(const Options &options, std::string_view text)
{
  const Outcome outcome = outcome_of(options_with(text).get());
  REQUIRE(is_visible(text), "accepted with an invisible character");
  REQUIRE(!outcome.host.empty() && is_visible(outcome.host), "the host is \"%s\"", outcome.host.c_str());

  const unsigned long port = own_port(text).value_or(default_port);
  REQUIRE(outcome.port == port, "the port is %u, not %lu", outcome.port, port);

  // events name it in a form that the user can write in servers()
  const Outcome again = outcome_of(options_with(outcome.name).get());
  REQUIRE(again == outcome, "\"%s\" becomes \"%s\"", outcome.name.c_str(), again.name.c_str());

  REQUIRE(is_refused(options, add(options, text), "is listed twice"), "it may be listed twice");
  const failover_status status =
      failover_options_check_primary(options.get(), outcome.host.data(), outcome.host.size(), outcome.port);
  REQUIRE(is_refused(options, status, "is the primary server itself"), "it may be the primary");
}

} // namespace

} // namespace failover::fuzz

extern "C" int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  using namespace failover::fuzz;

  const std::string_view text(reinterpret_cast<const char *>(data), size);
  const Options options = new_options();
  const failover_status status = add(options, text);
  REQUIRE(status == FAILOVER_OK || status == FAILOVER_ERROR_OPTION, "status %d", status);
  if (status == FAILOVER_OK)
    check_accepted(options, text);
  else
    check_refused(options, text);
  return 0;
}
