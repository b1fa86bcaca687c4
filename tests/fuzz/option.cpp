// SPDX-License-Identifier: GPL-2.0-or-later
//
// The input is one option: name=value, or failback/name=value for one of failback().
#include "outcome.hpp"
#include "require.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace failover::fuzz {

namespace {

// docs/options.md, and the limits that it leaves open
constexpr double longest_seconds = 366.0 * 24 * 3600;
constexpr int64_t most_probes = 1'000'000;
constexpr int64_t smallest_buffer = 65'536;
constexpr int64_t largest_buffer = 1'099'511'627'776;

struct Input
{
  std::string_view group, name, value;
};

Input
split(std::string_view text)
{
  Input input;
  const auto equals = text.find('=');
  input.name = text.substr(0, equals);
  if (equals != std::string_view::npos)
    input.value = text.substr(equals + 1);
  const auto slash = input.name.find('/');
  if (slash != std::string_view::npos)
    {
      input.group = input.name.substr(0, slash);
      input.name.remove_prefix(slash + 1);
    }
  return input;
}

// What a value may come to.  Both are set for a text that the documentation
// neither allows nor forbids, as ".5".
struct Verdict
{
  bool may_be_accepted = false;
  bool may_be_refused = false;
  int64_t least = 0;
  int64_t most = 0;
};

constexpr Verdict refused = { false, true, 0, 0 };

Verdict
exactly(int64_t value)
{
  return { true, false, value, value };
}

bool
is_digits(std::string_view text)
{
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Verdict
judge_seconds(std::string_view text, bool zero_is_allowed)
{
  if (text.find_first_not_of("0123456789.-") != std::string_view::npos)
    return refused;
  const std::string copy(text);
  char *end = nullptr;
  const long double seconds = std::strtold(copy.c_str(), &end);
  const bool is_number = !text.empty() && *end == '\0';
  if (!is_number || seconds < 0 || static_cast<double>(seconds) > longest_seconds
      || (seconds == 0 && !zero_is_allowed))
    return refused;

  const auto point = text.find('.');
  const bool plain = is_digits(text.substr(0, point))
                     && (point == std::string_view::npos || is_digits(text.substr(point + 1)));
  if (seconds == 0)
    return { true, !plain, 0, 0 };
  // rounded either way, but never to nothing; what a double cannot hold may be refused
  const bool tiny = seconds < std::numeric_limits<double>::min();
  const auto milliseconds = [&](long double error) {
    return std::max<int64_t>(std::llroundl(seconds * 1000 + error), 1);
  };
  return { true, tiny || !plain, milliseconds(-0.001L), milliseconds(0.001L) };
}

Verdict
judge_seconds_from_zero(std::string_view text)
{
  return judge_seconds(text, true);
}

Verdict
judge_seconds_above_zero(std::string_view text)
{
  return judge_seconds(text, false);
}

// -1 if it is no whole number, or one of more than 15 digits
int64_t
whole_number(std::string_view text)
{
  if (!is_digits(text))
    return -1;
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size()));
  return text.size() > 15 ? -1 : std::atoll(("0" + std::string(text)).c_str());
}

Verdict
judge_count(std::string_view text)
{
  const int64_t number = whole_number(text);
  return number >= 1 && number <= most_probes ? exactly(number) : refused;
}

Verdict
judge_yes_no(std::string_view text)
{
  if (text == "yes" || text == "on" || text == "1")
    return exactly(1);
  return text == "no" || text == "off" || text == "0" ? exactly(0) : refused;
}

Verdict
judge_bytes(std::string_view text)
{
  static const struct
  {
    std::string_view suffix;
    int64_t factor;
  } units[] = {
    { "", 1 },         { "k", 1'000 },    { "m", 1'000'000 }, { "g", 1'000'000'000 },
    { "ki", 1 << 10 }, { "mi", 1 << 20 }, { "gi", 1 << 30 },
  };
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  std::string suffix(text.substr(digits));
  for (char &c : suffix)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  if (!suffix.empty() && suffix.back() == 'b')
    suffix.pop_back();

  const int64_t number = whole_number(text.substr(0, digits));
  for (const auto &unit : units)
    if (suffix == unit.suffix && number >= 0 && number <= largest_buffer / unit.factor
        && number * unit.factor >= smallest_buffer)
      return exactly(number * unit.factor);
  return refused;
}

struct Known
{
  std::string_view group, name;
  Verdict (*judge)(std::string_view);
  int64_t Outcome::*member;
  const char *good; // some value that is none of the defaults
};

constexpr Known all_known[] = {
  { "failback", "tcp-probe-interval", judge_seconds_above_zero, &Outcome::probe_interval_ms, "7.5" },
  { "failback", "successful-probes-required", judge_count, &Outcome::probes_required, "9" },
  { "", "switch-delay", judge_seconds_from_zero, &Outcome::switch_delay_ms, "7.5" },
  { "", "connect-timeout", judge_seconds_above_zero, &Outcome::connect_timeout_ms, "7.5" },
  { "", "dead-peer-timeout", judge_seconds_from_zero, &Outcome::dead_peer_timeout_ms, "7.5" },
  { "", "standby-probe-interval", judge_seconds_from_zero, &Outcome::standby_probe_interval_ms, "7.5" },
  { "", "resend", judge_yes_no, &Outcome::resend, "no" },
  { "", "resend-grace", judge_seconds_from_zero, &Outcome::resend_grace_ms, "7.5" },
  { "", "resend-buffer-size", judge_bytes, &Outcome::resend_buffer_size, "1MiB" },
};

// '-' and '_' are the same in a name
bool
is_same_name(std::string_view one, std::string_view other)
{
  const auto is_hyphen = [](char c) { return c == '-' || c == '_'; };
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [&](char a, char b) { return a == b || (is_hyphen(a) && is_hyphen(b)); });
}

const Known *
find_known(const Input &input)
{
  for (const Known &known : all_known)
    if (is_same_name(known.group, input.group) && is_same_name(known.name, input.name))
      return &known;
  return nullptr;
}

Options
complete_options()
{
  Options options = new_options();
  REQUIRE(failover_options_open(options.get(), "failback", 8) == FAILOVER_OK, "failback()");
  REQUIRE(failover_options_add_server(options.get(), "logserver", 9) == FAILOVER_OK, "servers()");
  REQUIRE(failover_options_complete(options.get()) == FAILOVER_OK, "complete");
  return options;
}

failover_status
set(const Options &options, const Input &input)
{
  return failover_options_set(options.get(), input.group.data(), input.group.size(), input.name.data(),
                              input.name.size(), input.value.data(), input.value.size());
}

void
check_error(const Options &options, const Input &input, const char *why)
{
  const std::string error = failover_options_error(options.get());
  REQUIRE(!is_visible(input.name) || error.rfind(std::string(input.name) + "() ", 0) == 0,
          "the error does not name the option: %s", error.c_str());
  REQUIRE(error.find(why) != std::string::npos, "expected \"%s\", the error is: %s", why, error.c_str());
}

void
check_accepted(const Options &options, const Input &input, const Known &known, const Outcome &defaults)
{
  const Verdict verdict = known.judge(input.value);
  Outcome outcome = outcome_of(options.get());
  const int64_t got = outcome.*known.member;
  REQUIRE(verdict.may_be_accepted && got >= verdict.least && got <= verdict.most,
          "it is %lld, allowed is %lld to %lld", static_cast<long long>(got),
          static_cast<long long>(verdict.least), static_cast<long long>(verdict.most));

  REQUIRE(set(options, input) == FAILOVER_ERROR_OPTION, "it may be given twice");
  check_error(options, input, "is given twice");
  REQUIRE(outcome == outcome_of(options.get()), "given twice, it changes something");

  outcome.*known.member = defaults.*known.member;
  REQUIRE(outcome == defaults, "it changes another option");
}

void
check_refused(const Options &options, const Input &input, const Known *known, const Outcome &defaults)
{
  check_error(options, input, known ? " takes " : " is not an option of ");
  REQUIRE(!known || known->judge(input.value).may_be_refused, "a good value is refused: %s",
          failover_options_error(options.get()));
  REQUIRE(outcome_of(options.get()) == defaults, "refused, it changes something");

  if (!known)
    return;
  REQUIRE(set(options, { known->group, known->name, known->good }) == FAILOVER_OK,
          "a good value is refused after it: %s", failover_options_error(options.get()));
}

} // namespace

} // namespace failover::fuzz

extern "C" int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  using namespace failover::fuzz;

  static const Outcome defaults = outcome_of(complete_options().get());
  const Input input = split({ reinterpret_cast<const char *>(data), size });
  const Known *known = find_known(input);
  const Options options = complete_options();
  const failover_status status = set(options, input);
  REQUIRE(status == FAILOVER_ERROR_OPTION || (status == FAILOVER_OK && known), "status %d", status);
  if (status == FAILOVER_OK)
    check_accepted(options, input, *known, defaults);
  else
    check_refused(options, input, known, defaults);
  return 0;
}
