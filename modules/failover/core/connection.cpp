// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "connection.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace failover {

namespace {

constexpr uint32_t sample_every_messages = 128; // three system calls, seldom five
// The first window of Linux: one that widens further is to be seen before it is filled.
constexpr std::size_t sample_every_bytes = std::size_t{ 64 } << 10;
// As often as the main side asks, which does not while the queue has more to post.
constexpr int64_t sample_every_ms = 100;

} // namespace

Connection::Connection(const failover_loop &loop, Waiting &waiting, Backlog &backlog,
                       const failover_connection_host &host, std::unique_ptr<Resend> resend)
  : loop_(loop), waiting_(waiting), backlog_(backlog), host_(host), resend_(std::move(resend))
{
  fetch();
  // the window before anything was sent is what later ones are measured by
  failover_tcp tcp;
  if (sample(tcp))
    watch_.look(tcp, now_ms(), 0, false);
}

// ---- posting

// What the peer still acknowledges after it has closed its side confirms nothing.
bool
Connection::sample(failover_tcp &tcp)
{
  unsampled_ = 0;
  unsampled_bytes_ = 0;
  sampled_ms_ = now_ms();
  if (!host_.read_tcp(host_.user_data, &tcp))
    return false;
  half_closed_ = !tcp.open && !tcp.reset;
  if (tcp.open)
    feed(tcp, last_is_partial());
  publish();
  return true;
}

// A few stores each time the kernel is asked, none for a message.
void
Connection::publish()
{
  published_.messages.set(static_cast<int64_t>(resend_->kept()));
  published_.bytes.set(static_cast<int64_t>(resend_->bytes()));
  published_.resent.set(static_cast<int64_t>(resend_->counters().resent));
  published_.grace_cut.set(static_cast<int64_t>(resend_->counters().grace_cut));
  published_.oldest_ms.set(resend_->oldest_ms());
}

void
Connection::add_to(StreamNumbers &numbers) const
{
  const int64_t messages = published_.messages.get(), oldest_ms = published_.oldest_ms.get();
  numbers.messages += messages;
  numbers.bytes += published_.bytes.get();
  numbers.resent += published_.resent.get();
  numbers.grace_cut += published_.grace_cut.get();
  if (messages > 0)
    numbers.oldest_ms = std::min(numbers.oldest_ms.value_or(oldest_ms), oldest_ms);
}

void
Connection::fetch()
{
  if (waiting_.empty())
    return;
  waiting_.fetch(*resend_);
  publish();
}

void
Connection::feed(const failover_tcp &tcp, bool last_is_partial)
{
  try
    {
      resend_->sample({ tcp.written, tcp.acked, tcp.window, now_ms(), last_is_partial });
    }
  catch (const std::bad_alloc &)
    {
      // no mark: the next sample covers these messages too
    }
  tell_confirmed(false);
  backlog_.watch_room();
}

void
Connection::tell_confirmed(bool early)
{
  const uint64_t confirmed = resend_->counters().confirmed;
  if (confirmed > told_ && host_.confirmed)
    host_.confirmed(host_.user_data, confirmed - told_, early);
  if (confirmed > told_ && !early)
    has_confirmed_.store(true, std::memory_order_relaxed);
  told_ = confirmed;
  while (const auto orders = resend_->next_confirmed())
    backlog_.confirm(orders->first, orders->count);
}

inline void
Connection::count_posted()
{
  unsampled_bytes_ += resend_->last_length();
  if (++unsampled_ >= sample_every_messages || unsampled_bytes_ >= sample_every_bytes) [[unlikely]]
    sample();
}

void
Connection::sample()
{
  failover_tcp tcp;
  sample(tcp);
}

// The LogWriter's queue obeys the throttle() of the configuration in use, and a connection is kept
// over reloads: with one that is only known here it would ask all the time.
bool
Connection::next_is_due()
{
  if (!resend_->has_next())
    return false;
  resend_->set_throttle(throttle_.load(std::memory_order_relaxed));
  return resend_->next_is_due(now_ms());
}

// Posts what older connections did not get through, as far as the socket takes it.
bool
Connection::post_again()
{
  fetch();
  while (next_is_due())
    {
      bool consumed = false;
      if (!copy_next())
        return true;
      if (!host_.write(host_.user_data, copy_.data(), copy_.size(), &consumed))
        return false;
      if (!consumed)
        return true;
      resend_->next_posted();
      count_posted();
    }
  return true;
}

inline bool
Connection::keep(std::string_view message)
{
  return (!backlog_.is_attached() && resend_->keep_in_place(message)) || make_room_and_keep(message);
}

// Without memory they wait until there is some.
bool
Connection::make_room_and_keep(std::string_view message)
{
  try
    {
      if (backlog_.is_attached())
        resend_->reserve_order();
      const bool kept = resend_->keep(message);
      if (resend_->counters().confirmed > told_)
        tell_confirmed(true);
      return kept;
    }
  catch (const std::bad_alloc &)
    {
      return false;
    }
}

inline void
Connection::accept()
{
  if (!backlog_.is_attached())
    {
      host_.acknowledge(host_.user_data);
      if (resend_->has_orders())
        resend_->set_order(0);
      return;
    }
  resend_->set_order(backlog_.accept());
  if (!takes_messages())
    backlog_.block(true);
}

// Of the message posted last.  False: broken.
bool
Connection::write_rest()
{
  if (!host_.flush(host_.user_data))
    return false;
  if (!is_held_ || host_.has_partial(host_.user_data) || !copy_last())
    return true;
  bool consumed = false;
  if (!host_.write(host_.user_data, copy_.data(), copy_.size(), &consumed))
    return false;
  is_held_ = !consumed;
  return true;
}

bool
Connection::copy_last()
{
  try
    {
      copy_.resize(resend_->last_length());
    }
  catch (const std::bad_alloc &)
    {
      return false;
    }
  resend_->copy_last(copy_.data());
  return true;
}

bool
Connection::copy_next()
{
  try
    {
      copy_.resize(resend_->next_length());
    }
  catch (const std::bad_alloc &)
    {
      return false;
    }
  resend_->copy_next(copy_.data());
  return true;
}

bool
Connection::post(std::string_view message, bool &consumed)
{
  [[maybe_unused]] const auto entered = posting_side_.enter();
  consumed = false;
  if (is_held_)
    return true;
  if (!mid_message_)
    {
      if (quiesce_.load(std::memory_order_acquire))
        return true;
      if (has_ended() || (has_older() && !post_again()))
        return false;
    }

  if (!keep(message))
    {
      // makes room, or not: the LogWriter comes again
      failover_tcp tcp;
      return sample(tcp) && !tcp.reset;
    }
  // a queue that would have to take it back is spared that: it is written on from the copy, and
  // follows its own frame; but not behind a part of an older one, which would pass for written then
  const bool is_held = backlog_.is_attached() && !host_.has_partial(host_.user_data);
  const bool written = host_.write(host_.user_data, message.data(), message.size(), &consumed);
  if (written && !consumed && is_held)
    is_held_ = consumed = true;
  if (!written || !consumed)
    {
      // the LogWriter keeps it in its queue; behind a part of an older one it was not begun
      resend_->forget_last();
      mid_message_ = written && !backlog_.is_attached();
      failed_with_ = !written && consumed;
      return written;
    }
  mid_message_ = false;
  accept();
  count_posted();
  return true;
}

bool
Connection::flush()
{
  [[maybe_unused]] const auto entered = posting_side_.enter();
  if (!write_rest())
    return false;
  if (quiesce_.load(std::memory_order_acquire))
    {
      if (is_between_messages())
        host_.wake_main(host_.user_data);
      return true;
    }
  if (resend_->kept() > 0 && now_ms() - sampled_ms_ >= sample_every_ms)
    sample();
  if (has_ended())
    return false;
  const bool posted = mid_message_ || is_held_ || post_again();
  backlog_.block(!takes_messages());
  return posted;
}

bool
Connection::takes_messages() const
{
  return !quiesce_.load(std::memory_order_acquire) && !has_rest() && !has_older();
}

bool
Connection::wants_to_write()
{
  return is_held_ || !waiting_.empty() || next_is_due();
}

// ---- the end

void
Connection::finish_message()
{
  if (has_rest())
    write_rest();
}

void
Connection::watch_peer(int64_t now_ms, int64_t dead_peer_timeout_ms, bool doubted)
{
  failover_tcp tcp;
  if (is_silent() || !host_.read_tcp(host_.user_data, &tcp))
    return;
  peer_ = watch_.look(tcp, now_ms, dead_peer_timeout_ms, doubted);
  if (is_silent())
    host_.give_up(host_.user_data); // the LogWriter sees it, wherever it runs
}

std::optional<failover_close>
Connection::drain(int64_t now_ms, int64_t patience_ms)
{
  failover_tcp tcp;
  if (!host_.read_tcp(host_.user_data, &tcp) || !tcp.open)
    return FAILOVER_CLOSE_ENDED;
  feed(tcp, partial_at_end_);
  publish();
  switch (resend_->drain(now_ms, patience_ms))
    {
    case Drain::done:
      return partial_at_end_ ? FAILOVER_CLOSE_ENDED : FAILOVER_CLOSE_CONFIRMED;
    case Drain::stuck:
      return FAILOVER_CLOSE_STUCK;
    case Drain::goes_on:
      break;
    }
  return std::nullopt;
}

} // namespace failover
