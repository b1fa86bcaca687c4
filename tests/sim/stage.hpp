// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the parts of one world share.
#pragma once

#include "canary.hpp"
#include "event_queue.hpp"
#include "observer.hpp"

#include <vector>

namespace failover::sim {

struct Stage
{
  EventQueue &queue;
  Books &books;
  std::vector<Observer *> observers;
  Fault fault = Fault::none;

  template <typename Hook, typename... Arguments>
  void tell(Hook hook, const Arguments &...arguments)
  {
    books.now_ms = queue.now_ms();
    for (Observer *observer : observers)
      (observer->*hook)(books, arguments...);
  }
};

} // namespace failover::sim
