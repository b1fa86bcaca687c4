// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// What an administrator asks for: another server now, or one that is not to be used.
#include "engine.hpp"

#include <new>
#include <utility>

namespace failover {

namespace {

// Without memory for it the request has its answer at once.
template <typename T>
void
push_or_answer(std::vector<T> &list, T value, uint64_t request, const Status &status)
{
  try
    {
      list.push_back(value);
    }
  catch (const std::bad_alloc &)
    {
      status.answer(request, FAILOVER_ANSWER_FAILED);
      throw;
    }
}

} // namespace

// ---- another server now

void
Engine::switch_to(std::size_t server, uint64_t request)
{
  if (!roster_.is_ready(server))
    status_.answer(request, FAILOVER_ANSWER_NOT_READY);
  else if (is_in_use(server))
    {
      end_move(FAILOVER_ANSWER_REPLACED);
      status_.answer(request, FAILOVER_ANSWER_DONE);
    }
  else
    {
      std::vector<std::size_t> to;
      push_or_answer(to, server, request, status_);
      begin_move({ FAILOVER_REASON_SWITCH, request, std::move(to), 0 });
    }
}

void
Engine::begin_move(Move move)
{
  end_move(FAILOVER_ANSWER_REPLACED);
  moving_ = std::move(move);
  try_next();
}

void
Engine::try_next()
{
  checks_.cancel(moving_->server());
  move_.start(roster_[moving_->server()], FAILOVER_PURPOSE_USE, settings_.connect_timeout_ms);
}

// Without a request it is the servers that are left who wait for an answer.
void
Engine::end_move(failover_answer answer)
{
  if (!moving_)
    return;
  const Move ended = *std::exchange(moving_, std::nullopt);
  move_.cancel();
  if (ended.why == FAILOVER_REASON_SWITCH)
    status_.answer(ended.request, answer);
  else if ((answer == FAILOVER_ANSWER_STAYS || answer == FAILOVER_ANSWER_FAILED) && in_use_)
    status_.answer_leaving(status_.server(in_use_->server), FAILOVER_ANSWER_STAYS);
}

void
Engine::move_result(AttemptResult result)
{
  if (result.state == AttemptResult::State::pending)
    return;
  const std::size_t server = moving_->server();
  if (result.state == AttemptResult::State::connected)
    {
      if (take_into_use(server, result))
        {
          stop_rotation();
          begin_round();
          failover_event connected = event(FAILOVER_EVENT_CONNECTED, moving_->why, server, in_use_->address);
          connected.took_ms = result.took_ms;
          host_.emit(connected);
          moved(server);
          return;
        }
      result.reason = FAILOVER_REASON_LOCAL;
    }

  failover_event failure = event(FAILOVER_EVENT_SWITCH_FAILED, result.reason, server, result.address);
  failure.detail = to_text(result.detail);
  failure.took_ms = result.took_ms;
  host_.emit(failure);
  move_failed();
}

void
Engine::move_failed()
{
  do
    moving_->next++;
  while (moving_->next < moving_->to.size() && !roster_.is_usable(moving_->server()));
  if (moving_->next < moving_->to.size())
    {
      try_next();
      return;
    }
  const bool was_asked_for = moving_->why == FAILOVER_REASON_SWITCH;
  end_move(was_asked_for ? FAILOVER_ANSWER_FAILED : FAILOVER_ANSWER_STAYS);
  if (was_asked_for)
    leave_unready(); // which a switch had put off
}

// `server` has been taken into use, for whatever reason.
void
Engine::moved(std::size_t server)
{
  if (moving_)
    {
      if (moving_->why == FAILOVER_REASON_SWITCH && moving_->server() != server)
        return; // it goes on
      const bool was_asked_for = moving_->why == FAILOVER_REASON_SWITCH;
      end_move(FAILOVER_ANSWER_DONE);
      if (was_asked_for)
        probe_afresh(); // or the primary would be gone back to at once
    }
  if (!probe_due_ms_)
    probe_afresh();
  leave_unready(); // it may be drained, and nothing else is there
}

// ---- servers that are not to be used

void
Engine::set_admin(std::size_t server, failover_admin admin, uint64_t request)
{
  ServerFacts &facts = status_.server(server);
  if (admin == FAILOVER_ADMIN_READY)
    {
      set_ready(server);
      status_.answer(request, FAILOVER_ANSWER_DONE);
      return;
    }
  if (admin == FAILOVER_ADMIN_MAINT && roster_.is_last_not_in_maint(server))
    {
      status_.answer(request, FAILOVER_ANSWER_LAST);
      return;
    }
  push_or_answer(facts.leaving_requests, request, request, status_);
  if (facts.admin != admin)
    {
      facts.leaving = facts.leaving || facts.admin == FAILOVER_ADMIN_READY;
      status_.set_admin(server, admin);
      host_.emit(event(FAILOVER_EVENT_ADMIN, FAILOVER_REASON_DRAIN, server, facts.address));
      take_away(server);
    }
  if (is_in_use(server) && !(moving_ && moving_->why == FAILOVER_REASON_SWITCH))
    leave(server);
  else if (roster_.is_usable(server))
    status_.answer_leaving(facts, FAILOVER_ANSWER_STAYS); // there is no other
}

void
Engine::set_ready(std::size_t server)
{
  if (roster_.is_ready(server))
    return;
  make_ready(server);
  if (server == primary)
    probe_afresh();
  leave_unready();
}

void
Engine::make_ready(std::size_t server)
{
  ServerFacts &facts = status_.server(server);
  status_.set_admin(server, FAILOVER_ADMIN_READY);
  facts.leaving = false;
  status_.answer_leaving(facts, FAILOVER_ANSWER_REPLACED);
  host_.emit(event(FAILOVER_EVENT_ADMIN, FAILOVER_REASON_DRAIN, server, facts.address));
}

// It is not in use, or stays there until another one is.
void
Engine::take_away(std::size_t server)
{
  if (roster_.admin(server) == FAILOVER_ADMIN_MAINT)
    checks_.cancel(server);
  if (is_tried(server) && roster_.choose_after(server) != server)
    {
      rotation_.cancel();
      attempt(roster_.choose_after(server), FAILOVER_REASON_DRAIN);
    }
  if (server == primary)
    probe_afresh();
  if (!moving_ || moving_->server() != server)
    return;
  move_.cancel();
  if (moving_->why != FAILOVER_REASON_SWITCH)
    {
      move_failed();
      return;
    }
  end_move(FAILOVER_ANSWER_NOT_READY);
  leave_unready();
}

// It is in use, and not to be.  A drained one is as good as another drained one.
void
Engine::leave(std::size_t server)
{
  std::vector<std::size_t> to = roster_.others(server);
  if (roster_.admin(server) == FAILOVER_ADMIN_DRAIN)
    std::erase_if(to, [&](std::size_t other) { return !roster_.is_ready(other); });
  if (to.empty())
    status_.answer_leaving(status_.server(server), FAILOVER_ANSWER_STAYS);
  else
    begin_move({ FAILOVER_REASON_DRAIN, 0, std::move(to), 0 });
}

void
Engine::leave_unready()
{
  if (in_use_ && !moving_ && !roster_.is_ready(in_use_->server))
    leave(in_use_->server);
}

void
Engine::drained(std::size_t server)
{
  host_.emit(event(FAILOVER_EVENT_DRAINED, FAILOVER_REASON_DRAIN, server, status_.server(server).address));
}

// ---- checks

void
Engine::check_all(uint64_t request)
{
  push_or_answer(check_requests_, request, request, status_);
  checks_.check_all();
}

void
Engine::checks_done(failover_answer answer)
{
  for (const uint64_t request : std::exchange(check_requests_, {}))
    status_.answer(request, answer);
}

bool
Engine::is_checkable(std::size_t server) const
{
  return roster_.admin(server) != FAILOVER_ADMIN_MAINT && !is_in_use(server) && !is_tried(server)
         && !(moving_ && moving_->server() == server);
}

void
Engine::checked(std::size_t server, const AttemptResult &result)
{
  const bool is_up = result.state == AttemptResult::State::connected;
  failover_event change = event(is_up ? FAILOVER_EVENT_SERVER_UP : FAILOVER_EVENT_SERVER_DOWN,
                                is_up ? FAILOVER_REASON_CHECK : result.reason, server, result.address);
  change.detail = to_text(result.detail);
  change.took_ms = result.took_ms;
  if (!status_.note_check(change, host_.now_ms()))
    return;
  host_.emit(change);
  if (is_up)
    leave_unready();
}

} // namespace failover
