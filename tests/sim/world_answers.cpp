// SPDX-License-Identifier: GPL-2.0-or-later
//
// What happens later because the destination asked for it, and what it is told then; see
// world.hpp.
#include "world.hpp"

#include <algorithm>

namespace failover::sim {

// Nothing that was on its way when the destination went reaches the next one.
void
World::after(int64_t ms, EventQueue::Action action)
{
  queue_.schedule_for_process(queue_.now_ms() + ms, [this, life = life_, action = std::move(action)] {
    if (life == life_ && books_.running)
      action();
  });
}

void
World::timer_is_due(failover_timer timer)
{
  timer_tickets_[timer].reset();
  if (!subject_.exists() || (!books_.running && timer != FAILOVER_TIMER_STREAM))
    return;
  call({ .kind = Call::Kind::timer_due, .timer = timer }, [&] { return subject_.timer_due(timer); });
}

void
World::writer_ended()
{
  if (!books_.running || !books_.writer_has)
    return;
  call({ .kind = Call::Kind::ended, .number = *books_.writer_has }, [&] {
    const Flow *flow = books_.flow_in_use();
    // a fault: a dead peer might come back
    if (stage_.fault == Fault::wait_for_dead_peer && flow->link->mute_since_ms())
      return FAILOVER_OK;
    return subject_.ended();
  });
}

void
World::writer_quiet()
{
  if (books_.running)
    call({ .kind = Call::Kind::quiet }, [&] { return subject_.quiet(); });
}

void
World::answer_lookup(uint64_t number, Network::LookupAnswer answer)
{
  auto found = books_.lookups.find(number);
  if (found == books_.lookups.end())
    return tell_late(number);
  if (!answer.resolved)
    return call({ .kind = Call::Kind::not_resolved, .number = number },
                [&] { return subject_.not_resolved(number); });
  found->second.answered = true;
  found->second.address_count = answer.address_count;
  call({ .kind = Call::Kind::resolved, .number = number },
       [&] { return subject_.resolved(number, answer.address_count); });
}

// TCP is there, or is not; what is to be used needs TLS too.
void
World::answer_connect(uint64_t number, Network::ConnectAnswer answer)
{
  if (!goes_on(number, answer))
    return;
  Connection &connection = books_.connections[number];
  connection.boot = network_.boot(connection.server);
  if (books_.config.tls == Tls::none || connection.purpose == FAILOVER_PURPOSE_PROBE)
    return ready(number);
  const Network::ConnectAnswer next = network_.shake_hands(connection.server);
  if (next.after_ms)
    after(*next.after_ms, [this, number, next] { answer_handshake(number, next); });
}

void
World::answer_handshake(uint64_t number, Network::ConnectAnswer answer)
{
  if (!goes_on(number, answer))
    return;
  books_.connections[number].tls = true;
  ready(number);
}

// What is checked has to stay open for a moment.
void
World::ready(uint64_t number)
{
  if (books_.connections[number].purpose != FAILOVER_PURPOSE_CHECK)
    return connected(number);
  after(FAILOVER_CHECK_OPEN_MS, [this, number] {
    if (books_.making(number))
      connected(number);
    else
      tell_late(number);
  });
}

bool
World::goes_on(uint64_t number, Network::ConnectAnswer answer)
{
  if (!books_.making(number))
    {
      tell_late(number);
      return false;
    }
  if (!answer.connected)
    {
      connect_fails(number, answer.reason);
      return false;
    }
  if (answer.life_ms)
    ends_by_itself(number, *answer.life_ms);
  return true;
}

void
World::connected(uint64_t number)
{
  call({ .kind = Call::Kind::connected, .number = number }, [&] { return subject_.connected(number); });
}

void
World::connect_fails(uint64_t number, failover_reason reason)
{
  call({ .kind = Call::Kind::connect_failed, .number = number, .reason = reason },
       [&] { return subject_.connect_failed(number, reason); });
}

// In the middle of its handshake, or when it is in use.
void
World::ends_by_itself(uint64_t number, int64_t after_ms)
{
  Connection &connection = books_.connections[number];
  const int64_t ends_ms = queue_.now_ms() + after_ms;
  connection.ends_ms = connection.ends_ms ? std::min(*connection.ends_ms, ends_ms) : ends_ms;
  after(after_ms, [this, number] {
    if (books_.making(number) && !books_.healed)
      connect_fails(number, FAILOVER_REASON_TLS);
  });
}

// "A number that was given up meanwhile is ignored", and so is what comes after the stop.
void
World::tell_late(uint64_t number)
{
  if (!late_answers_ || books_.connection(number))
    return;
  Call late{ .kind = Call::Kind::late, .number = number };
  switch (random_.below(5))
    {
    case 0:
      return call(late, [&] { return subject_.resolved(number, 2); });
    case 1:
      return call(late, [&] { return subject_.not_resolved(number); });
    case 2:
      return call(late, [&] { return subject_.connected(number); });
    case 3:
      return call(late, [&] { return subject_.connect_failed(number, FAILOVER_REASON_REFUSED); });
    default:
      if (books_.running && books_.writer_has)
        return;
      return call(late, [&] { return random_.chance(50) ? subject_.ended() : subject_.quiet(); });
    }
}

} // namespace failover::sim
