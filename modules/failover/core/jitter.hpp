// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// What many clients do at the same intervals should not fall together.
#pragma once

#include "host.hpp"

namespace failover {

// Up to 10 % more.
inline int64_t
with_jitter_ms(const Host &host, int64_t least_ms)
{
  constexpr uint32_t jitter_percent = 10;
  const uint64_t most = static_cast<uint64_t>(least_ms) * jitter_percent / 100;
  return least_ms + static_cast<int64_t>(host.random() % (most + 1));
}

} // namespace failover
