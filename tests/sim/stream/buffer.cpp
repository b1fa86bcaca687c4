// SPDX-License-Identifier: GPL-2.0-or-later
//
// See buffer.hpp.
#include "stream/buffer.hpp"

#include <algorithm>
#include <stdexcept>

namespace failover::sim::stream {

namespace {

constexpr std::size_t header_bytes = 4; // of each message in the buffer

std::size_t
misread_limit(std::size_t limit, Fault fault)
{
  if (fault == Fault::generous)
    return limit * 2;
  if (fault == Fault::cuts_without_need)
    return limit / 2;
  return limit;
}

} // namespace

Buffer::Buffer(Stage &stage, uint32_t number) : stage_(stage)
{
  books_.number = number;
  const Config &config = stage.books.config;
  const failover_resend_settings settings = { true, config.grace_ms,
                                              misread_limit(config.buffer_limit, stage.fault), 0 };
  failover_resend *resend = nullptr;
  if (failover_resend_new(&settings, &resend) != FAILOVER_OK)
    throw std::runtime_error("failover_resend_new()");
  resend_.reset(resend);
}

failover_resend_state
Buffer::state() const
{
  return failover_resend_get_state(resend_.get());
}

std::size_t
Buffer::bytes_of(uint32_t message) const
{
  return header_bytes + stage_.books.messages[message].length;
}

// What is not kept any more is let go from the front.
void
Buffer::let_go(const Connection *where, LetGo cause)
{
  for (uint64_t kept = state().kept; books_.messages.size() > kept;)
    {
      const uint32_t message = books_.messages.front();
      stage_.tell(&Observer::let_go, where, message, cause);
      books_.messages.pop_front();
      books_.posted -= books_.posted > 0 ? 1 : 0;
      books_.bytes -= bytes_of(message);
      books_.confirmed++;
      if (cause == LetGo::for_room)
        {
          books_.grace_cut++;
          stage_.books.messages[message].grace_cut = true;
        }
    }
}

void
Buffer::tell_state()
{
  stage_.tell(&Observer::told, books_, state());
}

bool
Buffer::keep(uint32_t message, const std::string &text, const Connection &where)
{
  const std::size_t bytes = books_.bytes;
  const bool kept = failover_resend_keep(resend_.get(), text.data(), text.size());
  if (kept)
    {
      books_.messages.push_back(message);
      books_.bytes += bytes_of(message);
    }
  let_go(&where, LetGo::for_room);
  books_.posted = kept ? books_.messages.size() : books_.posted;
  stage_.tell(&Observer::asked_for_room, books_, bytes, bytes_of(message), kept);
  tell_state();
  return kept;
}

void
Buffer::forget_last()
{
  if (stage_.fault == Fault::never_forgets)
    return;
  failover_resend_forget_last(resend_.get());
  books_.bytes -= bytes_of(books_.messages.back());
  books_.messages.pop_back();
  books_.posted--;
  tell_state();
}

bool
Buffer::has_next() const
{
  return failover_resend_has_next(resend_.get()) && books_.posted < books_.messages.size();
}

std::string
Buffer::copy_next()
{
  const std::string expected = message_text(stage_.books, next());
  std::string text;
  if (failover_resend_next_length(resend_.get()) == expected.size())
    {
      text.resize(expected.size());
      failover_resend_copy_next(resend_.get(), text.data());
    }
  if (stage_.fault == Fault::other_bytes && ++copies_ % 50 == 0)
    text.pop_back();
  if (text != expected)
    stage_.tell(&Observer::other_bytes, next());
  return expected;
}

void
Buffer::next_posted()
{
  failover_resend_next_posted(resend_.get());
  books_.posted++;
  books_.resent++;
  tell_state();
}

void
Buffer::sample(const Connection &where, const TcpState &tcp, bool last_is_partial)
{
  failover_sample sample = {};
  sample.written = tcp.written;
  sample.acked = tcp.acked;
  sample.window = tcp.window;
  sample.now_ms = stage_.queue.now_ms();
  sample.last_is_partial = last_is_partial;

  if (stage_.fault == Fault::early_confirmation && !where.posted.empty())
    sample.written -= std::min<uint64_t>(stage_.books.messages[where.posted.back()].length, sample.written);
  if (stage_.fault == Fault::never_partial)
    sample.last_is_partial = false;
  if (stage_.fault == Fault::blind_clock)
    sample.window = UINT32_MAX;
  if (stage_.fault == Fault::blind_to_widening)
    sample.window = std::min(sample.window, where.link->config().first_window);
  if (stage_.fault == Fault::deaf)
    sample.acked = 0;
  failover_resend_sample(resend_.get(), &sample);
  let_go(&where, LetGo::by_sample);
  tell_state();
}

void
Buffer::connection_lost(const Connection &where)
{
  failover_resend_connection_lost(resend_.get());
  let_go(&where, LetGo::at_end);
  books_.posted = 0;
  stage_.tell(&Observer::ended, where, books_);
  tell_state();
}

failover_drain
Buffer::drain(int64_t patience_ms)
{
  return failover_resend_drain(resend_.get(), stage_.queue.now_ms(), patience_ms);
}

void
Buffer::take_over(Buffer &from)
{
  if (failover_resend_take_over(resend_.get(), from.resend_.get()) != FAILOVER_OK)
    throw std::runtime_error("failover_resend_take_over()");
  books_.run_starts.insert(from.books_.run_starts.begin(), from.books_.run_starts.end());
  if (!from.books_.messages.empty())
    books_.run_starts.insert(from.books_.messages.front());
  books_.messages.insert(books_.messages.end(), from.books_.messages.begin(), from.books_.messages.end());
  books_.bytes += from.books_.bytes;
  from.books_.messages.clear();
  from.books_.posted = 0;
  from.books_.bytes = 0;
  tell_state();
  from.tell_state();
}

} // namespace failover::sim::stream
