// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// Messages of connections that have ended, until a connection can post them again.
// The main side gives them, the posting side of the connection in use takes them (see
// connection.hpp): this is what passes from the one to the other, in one atomic pointer.
// Owned by the stream.
#pragma once

#include "failover.h"
#include "resend.hpp"

#include <atomic>
#include <memory>
#include <new>

namespace failover {

class Waiting
{
public:
  explicit Waiting(const failover_loop &loop) : loop_(loop) {}
  Waiting(const Waiting &) = delete;
  Waiting &operator=(const Waiting &) = delete;
  ~Waiting() { delete messages_.load(); }

  // ---- posting side

  bool empty() const { return messages_.load(std::memory_order_relaxed) == nullptr; }
  // All of them, to be posted after what is in there.
  void fetch(Resend &resend)
  {
    if (empty())
      return;
    if (const auto messages = take())
      take_over(resend, *messages);
  }

  // ---- main side

  void give(std::unique_ptr<Resend> messages)
  {
    if (auto before = take())
      {
        take_over(*before, *messages);
        messages = std::move(before);
      }
    messages_.store(messages.release(), std::memory_order_release);
  }
  // While the posting side does not run.  NULL if there are none.
  const Resend *get() const { return messages_.load(std::memory_order_acquire); }

  // Any side.
  std::unique_ptr<Resend> take()
  {
    return std::unique_ptr<Resend>(messages_.exchange(nullptr, std::memory_order_acq_rel));
  }

private:
  void take_over(Resend &resend, Resend &from) const
  {
    try
      {
        resend.take_over(from);
      }
    catch (const std::bad_alloc &)
      {
        loop_.lost(loop_.user_data, from.to_resend(), FAILOVER_LOSS_MEMORY);
      }
  }

  const failover_loop &loop_;
  std::atomic<Resend *> messages_ = nullptr;
};

} // namespace failover
