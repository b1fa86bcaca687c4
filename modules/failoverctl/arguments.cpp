// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "arguments.hpp"

#include <algorithm>
#include <vector>

#include <getopt.h>
#include <syslog-ng-config.h>

namespace failoverctl {

const std::string_view usage =
    "usage: failoverctl [-c PATH] COMMAND\n"
    "\n"
    "  status [DESTINATION] [--json]  which server is in use, since when, why, and how the others are\n"
    "  watch  [DESTINATION]           the same, each second, until interrupted\n"
    "  check  [DESTINATION] [--json]  check all servers now; exit code 0 all work, 1 some do not, 2 none\n"
    "  switch DESTINATION SERVER      use that server now\n"
    "  drain  DESTINATION SERVER      do not use it any more: another one takes over\n"
    "  maint  DESTINATION SERVER      the same, and do not check it either\n"
    "  ready  DESTINATION SERVER      use it again\n"
    "\n"
    "  -c, --control=PATH   syslog-ng's control socket (" SYSLOG_NG_PATH_LOCALSTATEDIR "/syslog-ng.ctl)\n"
    "  -h, --help\n"
    "  -V, --version\n"
    "\n"
    "A destination is named by its id, such as d_logs#0, or d_logs; `all' are all of them.  A server is "
    "named as\n"
    "in servers(), or by its number: 0 is the primary.  Exit code 3: no answer, or a wrong name.  See "
    "failoverctl(1).\n";

namespace {

struct Command
{
  std::string_view name;
  std::size_t least_names;
  std::size_t most_names;
  bool json;
};

constexpr Command commands[] = {
  { "status", 0, 1, true }, { "watch", 0, 1, false }, { "check", 0, 1, true },  { "switch", 2, 2, false },
  { "drain", 2, 2, false }, { "maint", 2, 2, false }, { "ready", 2, 2, false },
};

// It would not be one word there.
bool
is_one_word(std::string_view word)
{
  return !word.empty() && !word.starts_with("--")
         && std::none_of(word.begin(), word.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

void
parse_words(const std::vector<std::string_view> &words, bool json, Arguments &arguments)
{
  if (words.empty())
    {
      arguments.mistake = "a command is needed";
      return;
    }
  const auto command = std::find_if(std::begin(commands), std::end(commands),
                                    [&](const Command &c) { return c.name == words[0]; });
  const std::size_t names = words.size() - 1;
  if (command == std::end(commands))
    arguments.mistake = "there is no command `" + std::string(words[0]) + "'";
  else if (names < command->least_names || names > command->most_names)
    arguments.mistake = std::string(words[0])
                        + (command->least_names > 0 ? " needs a destination and a server"
                                                    : " takes one destination, or none for all");
  else if (json && !command->json)
    arguments.mistake = std::string(words[0]) + " does not take --json";
  else if (!std::all_of(words.begin(), words.end(), is_one_word))
    arguments.mistake = "names must not be empty or contain spaces";
  if (!arguments.mistake.empty())
    return;

  arguments.watch = command->name == "watch";
  arguments.line = "FAILOVER " + std::string(arguments.watch ? "status" : command->name);
  for (std::size_t i = 1; i < words.size(); i++)
    arguments.line += " " + std::string(words[i]);
  if (json)
    arguments.line += " --json";
}

} // namespace

Arguments
parse_arguments(int argc, char *argv[])
{
  static const option options[] = {
    { "control", required_argument, nullptr, 'c' },
    { "json", no_argument, nullptr, 'j' },
    { "help", no_argument, nullptr, 'h' },
    { "version", no_argument, nullptr, 'V' },
    { nullptr, 0, nullptr, 0 },
  };
  Arguments arguments;
  bool json = false;
  arguments.control_socket = SYSLOG_NG_PATH_LOCALSTATEDIR "/syslog-ng.ctl";
  for (int c; (c = getopt_long(argc, argv, "c:hV", options, nullptr)) != -1;)
    switch (c)
      {
      case 'c':
        arguments.control_socket = optarg;
        break;
      case 'j':
        json = true;
        break;
      case 'h':
        arguments.to_say = usage;
        return arguments;
      case 'V':
        arguments.to_say = "failoverctl " FAILOVER_VERSION "\n";
        return arguments;
      default:
        arguments.mistake = "wrong option"; // getopt has said which
        return arguments;
      }
  parse_words({ argv + optind, argv + argc }, json, arguments);
  return arguments;
}

} // namespace failoverctl
