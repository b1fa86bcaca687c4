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
#include "status.hpp"

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
    kept_.add(static_cast<int64_t>(messages->kept()));
    bytes_.add(static_cast<int64_t>(messages->bytes()));
    oldest_ms_ = messages->oldest_ms();
    messages_.store(messages.release(), std::memory_order_release);
  }
  // While the posting side does not run.  NULL if there are none.
  const Resend *get() const { return messages_.load(std::memory_order_acquire); }

  void add_to(StreamNumbers &numbers) const
  {
    const int64_t kept = kept_.get();
    numbers.messages += kept;
    numbers.bytes += bytes_.get();
    numbers.lost += lost_.get();
    if (kept > 0)
      numbers.oldest_ms = std::min(numbers.oldest_ms.value_or(oldest_ms_), oldest_ms_);
  }

  // Any side.
  std::unique_ptr<Resend> take()
  {
    auto messages = std::unique_ptr<Resend>(messages_.exchange(nullptr, std::memory_order_acq_rel));
    if (messages)
      {
        kept_.add(-static_cast<int64_t>(messages->kept()));
        bytes_.add(-static_cast<int64_t>(messages->bytes()));
      }
    return messages;
  }
  void lose(uint64_t messages, failover_loss why)
  {
    lost_.add(static_cast<int64_t>(messages));
    loop_.lost(loop_.user_data, messages, why);
  }

private:
  void take_over(Resend &resend, Resend &from)
  {
    try
      {
        resend.take_over(from);
      }
    catch (const std::bad_alloc &)
      {
        lose(from.to_resend(), FAILOVER_LOSS_MEMORY);
      }
  }

  const failover_loop &loop_;
  std::atomic<Resend *> messages_ = nullptr;
  Number kept_, bytes_, lost_;
  int64_t oldest_ms_ = 0; // the main side's
};

} // namespace failover
