// SPDX-License-Identifier: GPL-2.0-or-later
//
// The buffer under test, reached through failover.h only, with the fault of a
// canary if one is asked for; beside it the books of what must be in there.
// Tells the observers what it lets go.  Owned by the host.
#pragma once

#include "failover.h"
#include "stream/canary.hpp"
#include "stream/observer.hpp"

#include <memory>

namespace failover::sim::stream {

// What the parts of one world share.
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

class Buffer
{
public:
  Buffer(Stage &stage, uint32_t number);

  bool keep(uint32_t message, const std::string &text, const Connection &where);
  void forget_last();

  bool has_next() const;
  uint32_t next() const { return books_.messages[books_.posted]; }
  std::string copy_next();
  void next_posted();

  void sample(const Connection &where, const TcpState &tcp, bool last_is_partial);
  void connection_lost(const Connection &where);
  failover_drain drain(int64_t patience_ms);
  void take_over(Buffer &from);

  const BufferBooks &books() const { return books_; }

private:
  struct Free
  {
    void operator()(failover_resend *resend) const { failover_resend_free(resend); }
  };

  failover_resend_state state() const;
  std::size_t bytes_of(uint32_t message) const;
  void let_go(const Connection *where, LetGo cause);
  void tell_state();

  Stage &stage_;
  BufferBooks books_;
  std::unique_ptr<failover_resend, Free> resend_;
  uint64_t copies_ = 0;
};

} // namespace failover::sim::stream
