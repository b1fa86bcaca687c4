// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// A number that any thread may read while its owner writes it; nothing else depends on
// when it is seen.
#pragma once

#include <cstdint>

namespace failover {

class Number
{
public:
  Number() = default;
  Number(const Number &) = delete;
  Number &operator=(const Number &) = delete;

  // one thread at a time
  void set(int64_t value) { __atomic_store_n(&value_, static_cast<intptr_t>(value), __ATOMIC_RELAXED); }
  // any thread
  void add(int64_t value) { __atomic_fetch_add(&value_, static_cast<intptr_t>(value), __ATOMIC_RELAXED); }
  int64_t get() const { return __atomic_load_n(&value_, __ATOMIC_RELAXED); }
  const intptr_t *address() const { return &value_; }

private:
  intptr_t value_ = 0;
};

} // namespace failover
