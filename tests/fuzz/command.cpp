// SPDX-License-Identifier: GPL-2.0-or-later
//
// The input is a control line.
#include "failover-status.h"
#include "require.hpp"

#include <string>
#include <vector>

namespace failover::fuzz {

namespace {

constexpr std::string_view verbs[] = { "status", "check", "switch", "drain", "maint", "ready" };

std::string_view
view(failover_text text)
{
  return text.length ? std::string_view(text.data, text.length) : std::string_view();
}

bool
is_steering(failover_verb verb)
{
  return verb != FAILOVER_VERB_STATUS && verb != FAILOVER_VERB_CHECK;
}

// A name is a word of the line, where it stands there.
void
check_name(std::string_view line, std::string_view name)
{
  if (name.empty())
    return;
  REQUIRE(name.data() >= line.data() && name.data() + name.size() <= line.data() + line.size(),
          "a name is not in the line");
  REQUIRE(std::none_of(name.begin(), name.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; }),
          "a name has a space or a control character in it");
}

// What was understood, written in the one way that there is, is understood the same.
std::string
written(const failover_command &command)
{
  std::string line = "FAILOVER " + std::string(verbs[command.verb]);
  for (const std::string_view name : { view(command.destination), view(command.server) })
    if (!name.empty())
      line += " " + std::string(name);
  return line + (command.json ? " --json" : "");
}

void
check_accepted(std::string_view line, const failover_command &command)
{
  REQUIRE(line.size() <= FAILOVER_COMMAND_LONGEST, "a line of %zu bytes is accepted", line.size());
  REQUIRE(command.verb <= FAILOVER_VERB_READY, "verb %d", command.verb);
  check_name(line, view(command.destination));
  check_name(line, view(command.server));
  REQUIRE((command.server.length > 0) == is_steering(command.verb), "a server, or none, with that verb");
  REQUIRE(!is_steering(command.verb) || (command.destination.length > 0 && !command.json),
          "no destination, or a flag, with that verb");

  const std::string again = written(command);
  failover_command second;
  const char *error = failover_command_parse({ again.data(), again.size() }, &second);
  REQUIRE(!error, "\"%s\" is refused: %s", again.c_str(), error);
  REQUIRE(written(second) == again, "\"%s\" becomes \"%s\"", again.c_str(), written(second).c_str());
}

} // namespace

} // namespace failover::fuzz

extern "C" int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  using namespace failover::fuzz;

  const std::vector<char> copy(data, data + size); // nothing behind it may be read
  const std::string_view line(copy.data(), copy.size());
  failover_command command;
  const char *error = failover_command_parse({ line.data(), line.size() }, &command);
  if (!error)
    check_accepted(line, command);
  else
    REQUIRE(*error != '\0' && std::string_view(error).find('\n') == std::string_view::npos,
            "the error is \"%s\"", error);
  return 0;
}
