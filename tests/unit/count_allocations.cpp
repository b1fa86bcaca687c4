// SPDX-License-Identifier: GPL-2.0-or-later
//
// Replaces operator new for the whole program: the engine allocates in no other
// way, and the tests, which are C, do not use it.
#include "count_allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<uint64_t> allocations = 0;
std::atomic<uint64_t> to_fail = 0; // this one of them

} // namespace

uint64_t
count_allocations()
{
  return allocations;
}

bool
fail_allocation(uint64_t number)
{
  const bool failed = to_fail > 0 && allocations >= to_fail;
  to_fail = number > 0 ? allocations + number : 0;
  return failed;
}

void *
operator new(std::size_t size)
{
  if (++allocations == to_fail)
    throw std::bad_alloc();
  if (void *memory = std::malloc(size > 0 ? size : 1))
    return memory;
  throw std::bad_alloc();
}

void *
operator new[](std::size_t size)
{
  return operator new(size);
}

void
operator delete(void *memory) noexcept
{
  std::free(memory);
}

void
operator delete(void *memory, std::size_t) noexcept
{
  std::free(memory);
}

void
operator delete[](void *memory) noexcept
{
  std::free(memory);
}

void
operator delete[](void *memory, std::size_t) noexcept
{
  std::free(memory);
}
