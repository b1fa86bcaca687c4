// SPDX-License-Identifier: GPL-2.0-or-later
//
// See program.hpp.
#include "program.hpp"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <unistd.h>

// in programs built with a sanitizer
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace failover::sim {

namespace {

constexpr int exit_passed = 0;
constexpr int exit_usage = 2;
constexpr int exit_canary_escaped = 3;

struct Arguments
{
  uint64_t first_seed = 1;
  uint64_t seeds = 0; // 0: not said
  bool one_seed = false;
  bool trace = false;
  bool canaries = false;
  std::optional<std::size_t> canary;
};

// What to print if the program dies in the middle of a seed.
char last_words[160];

void
say_last_words()
{
  if (write(STDERR_FILENO, last_words, std::strlen(last_words)) < 0)
    return;
}

void
on_signal(int signal)
{
  say_last_words();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void
prepare_last_words()
{
  if (__sanitizer_set_death_callback)
    {
      __sanitizer_set_death_callback(say_last_words);
      return;
    }
  for (int signal : { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL })
    std::signal(signal, on_signal);
}

void
print_help(const Program &program)
{
  std::printf("%s [--seeds N] [--seed S] [--trace] [--canary NAME | --canaries]\n"
              "\n"
              "%s\n"
              "  --seeds N       so many worlds, default 1000, or 1 with --seed\n"
              "  --seed S        the first of them, default 1\n"
              "  --trace         print all that happens\n"
              "  --canary NAME   with a fault that has to be found\n"
              "  --canaries      each of the canaries has to be found by its invariant\n"
              "\n"
              "Exit code: %d if all is well, %d wrong arguments, %d a canary was not found,\n"
              "or that of the first violated invariant:\n",
              program.name(), program.purpose(), exit_passed, exit_usage, exit_canary_escaped);
  for (const Program::Invariant &invariant : program.invariants())
    std::printf("  %2d %-20s %s\n", invariant.exit_code, invariant.name, invariant.rule);
  std::printf("\nCanaries, and the invariant that finds them:\n");
  for (const Program::Canary &canary : program.canaries())
    std::printf("  %-24s %-20s %s\n", canary.name, canary.found_by, canary.what);
}

bool
parse_number(const char *text, uint64_t &number)
{
  if (!text)
    return false;
  const char *end = text + std::strlen(text);
  auto [stopped, error] = std::from_chars(text, end, number);
  return error == std::errc() && stopped == end;
}

std::optional<std::size_t>
find_canary(const Program &program, const char *name)
{
  const auto canaries = program.canaries();
  for (std::size_t i = 0; name && i < canaries.size(); i++)
    if (std::strcmp(canaries[i].name, name) == 0)
      return i;
  return std::nullopt;
}

bool
parse(const Program &program, char **argv, Arguments &arguments)
{
  for (char **argument = argv + 1; *argument; argument++)
    {
      const std::string_view name = *argument;
      if (name == "--trace")
        arguments.trace = true;
      else if (name == "--canaries")
        arguments.canaries = true;
      else if (name == "--seed" && parse_number(argument[1], arguments.first_seed))
        {
          arguments.one_seed = true;
          argument++;
        }
      else if (name == "--seeds" && parse_number(argument[1], arguments.seeds) && arguments.seeds > 0)
        argument++;
      else if (name == "--canary" && (arguments.canary = find_canary(program, argument[1])))
        argument++;
      else
        return false;
    }
  if (arguments.seeds == 0)
    arguments.seeds = arguments.one_seed ? 1 : 1000;
  return true;
}

void
print_violation(const Program &program, uint64_t seed, const Violation &violation, const Arguments &arguments)
{
  const std::string canary =
      arguments.canary ? std::string(" --canary ") + program.canaries()[*arguments.canary].name : "";
  std::printf("FAILED %s at %.3f s in seed %llu: %s\n  replay: %s --seed %llu --trace%s\n",
              violation.invariant.c_str(), static_cast<double>(violation.at_ms) / 1000,
              static_cast<unsigned long long>(seed), violation.what.c_str(), program.name(),
              static_cast<unsigned long long>(seed), canary.c_str());
}

int
run_seeds(const Program &program, const Arguments &arguments)
{
  if (arguments.seeds == 1)
    std::printf("seed %llu\n", static_cast<unsigned long long>(arguments.first_seed));
  else
    std::printf("seeds %llu to %llu\n", static_cast<unsigned long long>(arguments.first_seed),
                static_cast<unsigned long long>(arguments.first_seed + arguments.seeds - 1));
  std::fflush(stdout);

  Program::Options options;
  options.trace = arguments.trace;
  options.canary = arguments.canary;
  int exit_code = exit_passed;
  uint64_t failed = 0;
  for (uint64_t seed = arguments.first_seed; seed < arguments.first_seed + arguments.seeds; seed++)
    {
      std::snprintf(
          last_words, sizeof(last_words), "CRASHED in seed %llu\n  replay: %s --seed %llu --trace\n",
          static_cast<unsigned long long>(seed), program.name(), static_cast<unsigned long long>(seed));
      const auto violation = program.run(seed, options);
      if (!violation)
        continue;
      failed++;
      print_violation(program, seed, *violation, arguments);
      if (exit_code == exit_passed)
        exit_code = violation->exit_code;
    }
  last_words[0] = '\0';
  std::printf("%llu seeds passed, %llu failed\n", static_cast<unsigned long long>(arguments.seeds - failed),
              static_cast<unsigned long long>(failed));
  return exit_code;
}

// Each must be found by the invariant that is there for it.
int
run_canaries(const Program &program, const Arguments &arguments)
{
  const auto canaries = program.canaries();
  std::size_t escaped = 0;
  for (std::size_t i = 0; i < canaries.size(); i++)
    {
      Program::Options options;
      options.canary = i;
      options.wanted = canaries[i].found_by;
      std::optional<Violation> violation;
      uint64_t seed = arguments.first_seed;
      for (; !violation && seed < arguments.first_seed + arguments.seeds; seed++)
        violation = program.run(seed, options);
      if (violation)
        std::printf("found   %-24s in seed %llu by %s: %s\n", canaries[i].name,
                    static_cast<unsigned long long>(seed - 1), canaries[i].found_by, violation->what.c_str());
      else
        std::printf("ESCAPED %-24s %s found nothing in %llu seeds\n", canaries[i].name, canaries[i].found_by,
                    static_cast<unsigned long long>(arguments.seeds));
      escaped += !violation;
    }
  std::printf("%zu canaries found, %zu escaped\n", canaries.size() - escaped, escaped);
  return escaped ? exit_canary_escaped : exit_passed;
}

} // namespace

int
run_program(const Program &program, char **argv)
{
  Arguments arguments;
  if (argv[1] && !argv[2] && (std::strcmp(argv[1], "--help") == 0 || std::strcmp(argv[1], "-h") == 0))
    {
      print_help(program);
      return exit_passed;
    }
  if (!parse(program, argv, arguments))
    {
      std::fprintf(stderr, "%s: wrong arguments, see --help\n", program.name());
      return exit_usage;
    }
  prepare_last_words();
  return arguments.canaries ? run_canaries(program, arguments) : run_seeds(program, arguments);
}

} // namespace failover::sim
