// SPDX-License-Identifier: GPL-2.0-or-later
//
// See resend.h.
#include "resend.h"

#include "resend.hpp"

#include <cassert>
#include <new>

struct failover_resend
{
  failover::Resend resend;
};

namespace {

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
}

std::string_view
view(const char *data, size_t length)
{
  return { data, length };
}

} // namespace

failover_status
failover_resend_new(const failover_resend_settings *settings, failover_resend **out)
{
  assert(settings && settings->grace_ms >= 0 && out);
  return guarded([&] {
    *out = new failover_resend{ failover::Resend(settings->buffer_size, settings->grace_ms,
                                                 settings->throttle) };
    return FAILOVER_OK;
  });
}

void
failover_resend_free(failover_resend *resend)
{
  delete resend;
}

bool
failover_resend_keep(failover_resend *resend, const char *message, size_t length)
{
  assert(resend);
  bool kept = false;
  return guarded([&] {
           kept = resend->resend.keep(view(message, length));
           return FAILOVER_OK;
         }) == FAILOVER_OK
         && kept;
}

void
failover_resend_forget_last(failover_resend *resend)
{
  assert(resend);
  resend->resend.forget_last();
}

bool
failover_resend_has_next(const failover_resend *resend)
{
  assert(resend);
  return resend->resend.has_next();
}

bool
failover_resend_next_is_due(failover_resend *resend, int64_t now_ms)
{
  assert(resend);
  return resend->resend.next_is_due(now_ms);
}

size_t
failover_resend_next_length(const failover_resend *resend)
{
  assert(resend);
  return resend->resend.next_length();
}

void
failover_resend_copy_next(const failover_resend *resend, char *out)
{
  assert(resend && out);
  resend->resend.copy_next(out);
}

void
failover_resend_next_posted(failover_resend *resend)
{
  assert(resend);
  resend->resend.next_posted();
}

void
failover_resend_sample(failover_resend *resend, const failover_sample *sample)
{
  assert(resend && sample);
  // without memory for a mark the next sample covers these messages too
  (void)guarded([&] {
    resend->resend.sample(
        { sample->written, sample->acked, sample->window, sample->now_ms, sample->last_is_partial });
    return FAILOVER_OK;
  });
}

void
failover_resend_connection_lost(failover_resend *resend)
{
  assert(resend);
  resend->resend.connection_lost();
}

bool
failover_resend_is_fruitless(const failover_resend *resend)
{
  assert(resend);
  return resend->resend.is_fruitless();
}

failover_drain
failover_resend_drain(failover_resend *resend, int64_t now_ms, int64_t patience_ms)
{
  assert(resend && patience_ms >= 0);
  switch (resend->resend.drain(now_ms, patience_ms))
    {
    case failover::Drain::goes_on:
      return FAILOVER_DRAIN_GOES_ON;
    case failover::Drain::done:
      return FAILOVER_DRAIN_DONE;
    case failover::Drain::stuck:
      return FAILOVER_DRAIN_STUCK;
    }
  return FAILOVER_DRAIN_STUCK;
}

failover_status
failover_resend_take_over(failover_resend *resend, failover_resend *from)
{
  assert(resend && from && resend != from);
  return guarded([&] {
    resend->resend.take_over(from->resend);
    return FAILOVER_OK;
  });
}

failover_resend_state
failover_resend_get_state(const failover_resend *resend)
{
  assert(resend);
  const failover::Resend &r = resend->resend;
  return { .kept = r.kept(),
           .to_resend = r.to_resend(),
           .unacknowledged = r.unacknowledged(),
           .confirmed = r.counters().confirmed,
           .resent = r.counters().resent,
           .grace_cut = r.counters().grace_cut,
           .bytes = r.bytes(),
           .grace_clock_ms = r.clock().ms(),
           .read_position = r.clock().read_position(),
           .certain_position = r.clock().certain_position() };
}
