// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// What the definitions of the C ABI share: handles, and calls that let no exception out.
#pragma once

#include "failover.h"

#include "destination.hpp"

#include <cassert>
#include <new>

struct failover_destination
{
  explicit failover_destination(const failover_loop &loop) : destination(loop) {}
  failover::Destination destination;
  bool is_called = false;
};

namespace failover::abi {

template <typename Function>
failover_status
guarded(Function function) noexcept
{
  try
    {
      return function();
    }
  catch (const std::bad_alloc &)
    {
      return FAILOVER_ERROR_MEMORY;
    }
  catch (...)
    {
      return FAILOVER_ERROR_INTERNAL;
    }
}

inline std::string_view
view(const char *data, size_t length)
{
  assert(data || length == 0);
  return { data, length };
}

// Not from a host that is being called.
inline void
assert_may_be_called(const failover_destination *destination)
{
  assert(destination);
  assert(!destination->is_called);
}

// While it lasts the host is called, and must not call back.
class Call
{
public:
  explicit Call(failover_destination *destination) : destination_(destination)
  {
    assert_may_be_called(destination);
    destination_->is_called = true;
  }
  ~Call() { destination_->is_called = false; }
  Call(const Call &) = delete;
  Call &operator=(const Call &) = delete;

private:
  failover_destination *destination_;
};

// Tells the destination what happened.  If that fails half way, it is left with something to
// wait for.
template <typename Function>
failover_status
tell(failover_destination *destination, Function function) noexcept
{
  const Call call(destination);
  const failover_status status = guarded([&] {
    function(destination->destination);
    return FAILOVER_OK;
  });
  if (status != FAILOVER_OK)
    destination->destination.recover();
  return status;
}

} // namespace failover::abi
