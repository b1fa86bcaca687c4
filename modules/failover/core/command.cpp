// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "command.hpp"

#include <algorithm>
#include <array>

namespace failover {

namespace {

constexpr std::string_view name_of_all = "FAILOVER";
constexpr std::size_t most_words = 5; // FAILOVER verb destination server --json

struct Verb
{
  std::string_view name;
  failover_verb verb;
  bool steers; // names a destination and a server, and has no flags
};

constexpr Verb verbs[] = {
  { "status", FAILOVER_VERB_STATUS, false }, { "check", FAILOVER_VERB_CHECK, false },
  { "switch", FAILOVER_VERB_SWITCH, true },  { "drain", FAILOVER_VERB_DRAIN, true },
  { "maint", FAILOVER_VERB_MAINT, true },    { "ready", FAILOVER_VERB_READY, true },
};

struct Words
{
  std::array<std::string_view, most_words> words;
  std::size_t count = 0;
  bool too_many = false;
};

Words
split(std::string_view line) noexcept
{
  Words result;
  while (!line.empty())
    {
      const std::size_t length = std::min(line.find(' '), line.size());
      if (length > 0)
        {
          if (result.count == most_words)
            {
              result.too_many = true;
              return result;
            }
          result.words[result.count++] = line.substr(0, length);
        }
      line.remove_prefix(std::min(length + 1, line.size()));
    }
  return result;
}

failover_text
to_text(std::string_view s) noexcept
{
  return { s.data(), s.size() };
}

bool
is_flag(std::string_view word) noexcept
{
  return word.size() > 1 && word.front() == '-' && word[1] == '-';
}

// What follows the verb: names in their order, flags anywhere.
const char *
parse_rest(const Words &words, const Verb &verb, failover_command &command) noexcept
{
  std::size_t names = 0;
  for (std::size_t i = 2; i < words.count; i++)
    {
      const std::string_view word = words.words[i];
      if (is_flag(word))
        {
          if (word != "--json" || verb.steers)
            return "there is no such flag; allowed: --json with status and check";
          if (command.json)
            return "--json is given twice";
          command.json = true;
        }
      else if (names == 2)
        return "too many words";
      else
        (names++ == 0 ? command.destination : command.server) = to_text(word);
    }
  if (verb.steers && names != 2)
    return "a destination and a server are needed";
  if (!verb.steers && names > 1)
    return "one destination, or none for all";
  return nullptr;
}

} // namespace

const char *
parse_command(std::string_view line, failover_command &command) noexcept
{
  command = {};
  if (line.size() > FAILOVER_COMMAND_LONGEST)
    return "the command is too long";
  if (!line.empty() && line.back() == '\n')
    line.remove_suffix(1);
  if (std::any_of(line.begin(), line.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }))
    return "the command has a control character in it";

  const Words words = split(line);
  if (words.count == 0 || words.words[0] != name_of_all)
    return "the command does not begin with FAILOVER";
  const auto verb = std::find_if(std::begin(verbs), std::end(verbs),
                                 [&](const Verb &v) { return words.count > 1 && v.name == words.words[1]; });
  if (verb == std::end(verbs))
    return "there is no such command; allowed: status, check, switch, drain, maint, ready";
  if (words.too_many)
    return "too many words";
  command.verb = verb->verb;
  return parse_rest(words, *verb, command);
}

} // namespace failover
