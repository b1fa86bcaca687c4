// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// The way back to the primary.
#include "engine.hpp"

#include "jitter.hpp"

#include <utility>

namespace failover {

void
Engine::start_probing()
{
  if (!settings_.failback || roster_.admin(primary) == FAILOVER_ADMIN_MAINT)
    return;
  probe_successes_ = 0;
  last_probe_failure_.reset();
  last_probe_succeeded_ = false;
  probe_due_ms_ = host_.now_ms() + with_jitter_ms(host_, settings_.probe_interval_ms);
  host_.set_timer(FAILOVER_TIMER_PROBE, *probe_due_ms_);
}

void
Engine::stop_probing()
{
  probe_.cancel();
  host_.cancel_timer(FAILOVER_TIMER_PROBE);
  probe_due_ms_.reset();
  probe_successes_ = 0;
}

// Unless it is in use, or tried as the next one.
void
Engine::probe_afresh()
{
  stop_probing();
  if (!is_in_use(primary) && !is_tried(primary))
    start_probing();
}

void
Engine::probe()
{
  probe_due_ms_ = host_.now_ms(); // a reload repeats a probe that it interrupts
  // the last one is to be used: it has to be as good as any connection in use
  const bool last = roster_.is_ready(primary) && probe_successes_ + 1 >= settings_.probes_required;
  probe_.start(roster_[primary], last ? FAILOVER_PURPOSE_USE : FAILOVER_PURPOSE_PROBE,
               settings_.connect_timeout_ms);
}

void
Engine::schedule_probe()
{
  probe_due_ms_ =
      std::max(host_.now_ms(), probe_.started_ms() + with_jitter_ms(host_, settings_.probe_interval_ms));
  host_.set_timer(FAILOVER_TIMER_PROBE, *probe_due_ms_);
}

void
Engine::probe_result(AttemptResult result)
{
  switch (result.state)
    {
    case AttemptResult::State::pending:
      return;
    case AttemptResult::State::failed:
      probe_failed(result);
      return;
    case AttemptResult::State::connected:
      if (roster_.is_ready(primary))
        probe_successes_++;
      last_probe_failure_.reset();
      failover_event success =
          event(FAILOVER_EVENT_PROBE_SUCCEEDED, FAILOVER_REASON_PROBE, primary, result.address);
      success.took_ms = result.took_ms;
      success.repeated = !roster_.is_ready(primary) && std::exchange(last_probe_succeeded_, true);
      host_.emit(success);

      if (probe_successes_ >= settings_.probes_required)
        {
          go_back(result);
          return;
        }
      host_.close(result.connection);
      schedule_probe();
      return;
    }
}

void
Engine::probe_failed(const AttemptResult &result)
{
  const bool repeated = probe_successes_ == 0 && last_probe_failure_ == result.reason;
  probe_successes_ = 0;
  last_probe_succeeded_ = false;
  last_probe_failure_ = result.reason;
  schedule_probe();

  failover_event failure = event(FAILOVER_EVENT_PROBE_FAILED, result.reason, primary, result.address);
  failure.detail = to_text(result.detail);
  failure.took_ms = result.took_ms;
  failure.repeated = repeated;
  host_.emit(failure);
}

// Make before break: whatever is in use or being tried is given up only when
// the primary has been taken.
void
Engine::go_back(AttemptResult &result)
{
  const uint32_t successes = probe_successes_;
  if (!take_into_use(primary, result))
    {
      result.reason = FAILOVER_REASON_LOCAL;
      probe_failed(result);
      return;
    }

  stop_rotation();
  begin_round();

  failover_event back =
      event(FAILOVER_EVENT_FAILED_BACK, FAILOVER_REASON_FAILBACK, primary, in_use_->address);
  back.took_ms = result.took_ms;
  back.successes = successes;
  host_.emit(back);
  moved(primary);
}

} // namespace failover
