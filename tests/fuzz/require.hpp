// SPDX-License-Identifier: GPL-2.0-or-later
//
// What must hold for every input.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

// REQUIRE(condition, format, ...): ends the process, which is what a fuzzer looks for
#define REQUIRE(condition, ...)                                                                              \
  do                                                                                                         \
    {                                                                                                        \
      if (!(condition))                                                                                      \
        {                                                                                                    \
          std::fprintf(stderr, "%s:%d: not so: %s: ", __FILE__, __LINE__, #condition);                       \
          std::fprintf(stderr, __VA_ARGS__);                                                                 \
          std::fputc('\n', stderr);                                                                          \
          std::abort();                                                                                      \
        }                                                                                                    \
  } while (0)

namespace failover::fuzz {

// A name or an address has no other characters, nor has the interface after its %.
inline bool
is_visible(std::string_view text)
{
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; });
}

} // namespace failover::fuzz
