// SPDX-License-Identifier: GPL-2.0-or-later
//
// Random numbers that are the same on every machine and with every library:
// xoshiro256** seeded by splitmix64.  The distributions of the standard library
// differ from one implementation to the next and would break the replay of a
// seed.  A plain value; each part of the world owns one of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace failover::sim {

class Prng
{
public:
  explicit Prng(uint64_t seed)
  {
    for (uint64_t &word : state_)
      word = splitmix64(seed);
  }

  uint64_t next()
  {
    const uint64_t result = rotate_left(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate_left(state_[3], 45);
    return result;
  }

  // Both ends included.
  int64_t between(int64_t low, int64_t high)
  {
    return low + static_cast<int64_t>(next() % (static_cast<uint64_t>(high - low) + 1));
  }

  std::size_t below(std::size_t count) { return static_cast<std::size_t>(next() % count); }

  bool chance(uint32_t percent) { return next() % 100 < percent; }

  // Every order of magnitude is as likely as the next.
  int64_t log_between(int64_t low, int64_t high)
  {
    int doublings = 0;
    while (doublings < 62 && (low + 1) << doublings <= high)
      doublings++;
    const int64_t top = ((low + 1) << between(0, doublings)) - 1;
    return between(low, top < high ? top : high);
  }

  // Another sequence, so that drawing more in one part does not change another.
  Prng fork() { return Prng(next()); }

private:
  static uint64_t splitmix64(uint64_t &state)
  {
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  static uint64_t rotate_left(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

  std::array<uint64_t, 4> state_;
};

} // namespace failover::sim
