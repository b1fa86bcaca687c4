/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Standby probes: which servers are checked and when, and what the rotation makes of it.
 * The words of scripts and traces: fake_steer.h.
 */
#include "fake_steer.h"

#include <criterion/criterion.h>

enum { INTERVAL_MS = 60000 };

/* The first round comes at once: the random number is 0. */
static const FakeConfig config = { .primary = "p",
                                   .time_reopen_ms = 1000,
                                   .servers = { "a", "b" },
                                   .switch_delay = "0",
                                   .standby_probe_interval = "60" };

static void
_expect(FakeSteer *steer, const char *script, const char *trace, const char *tried)
{
  fake_steer_trace(steer);
  fake_steer_play(steer, script);
  cr_expect_str_eq(steer->trace, trace, "%s:\n  said     %s\n  expected %s", script, steer->trace, trace);
  cr_expect_str_eq(fake_steer_tried(steer), tried, "%s: tries \"%s\", not \"%s\"", script, fake_steer_tried(steer), tried);
}

static void
_begin(FakeSteer *steer, const FakeConfig *with)
{
  fake_steer_init(steer, with);
  _expect(steer, "p+", "p+start", "");
}

Test(standby, without_the_option_nothing_is_checked)
{
  static const FakeConfig without = { .primary = "p", .time_reopen_ms = 1000, .servers = { "a" }, .switch_delay = "0" };
  FakeSteer steer;

  _begin(&steer, &without);
  _expect(&steer, "t10000000", "", "");
  fake_steer_done(&steer);
}

Test(standby, a_round_checks_all_that_are_not_in_use_one_after_the_other)
{
  FakeSteer steer;

  _begin(&steer, &config);
  _expect(&steer, "t0", "", "a");
  _expect(&steer, "a+", "a^", "b");
  cr_expect_eq(fake_steer_last_connection(&steer)->purpose, FAILOVER_PURPOSE_CHECK);
  cr_expect_eq(fake_steer_last_connection(&steer)->state, FAKE_GONE, "it was not closed");
  _expect(&steer, "b-", "b_", "");
  _expect(&steer, "t59999", "", "");
  _expect(&steer, "t1", "", "a");
  fake_steer_done(&steer);
}

Test(standby, rounds_have_jitter)
{
  FakeSteer steer;

  fake_steer_init(&steer, &config);
  cr_expect_eq(fake_host_timer_in(&steer.host, FAILOVER_TIMER_CHECK), 0);
  steer.host.random_answer = 6000; /* a tenth and no more */
  _expect(&steer, "p+ t0 a+ b+", "p+start a^ b^", "");
  cr_expect_eq(fake_host_timer_in(&steer.host, FAILOVER_TIMER_CHECK), INTERVAL_MS + 6000);
  steer.host.random_answer = 60007; /* the first round of a configuration is anywhere in its interval */
  _expect(&steer, "reload", "kept", "");
  cr_expect_eq(fake_host_timer_in(&steer.host, FAILOVER_TIMER_CHECK), 7);
  fake_steer_done(&steer);
}

Test(standby, a_silent_one_holds_up_the_round_for_a_connect_timeout)
{
  FakeSteer steer;

  _begin(&steer, &config);
  _expect(&steer, "t10099", "", "a");
  _expect(&steer, "t1", "a_", "b"); /* 10 s and the moment that it has to stay open */
  _expect(&steer, "b+ t49899", "b^", "");
  _expect(&steer, "t1", "", "a");
  fake_steer_done(&steer);
}

Test(standby, only_changes_are_told)
{
  FakeSteer steer;

  _begin(&steer, &config);
  _expect(&steer, "t0 a+ b+", "a^ b^", "");
  _expect(&steer, "t60000 a+ b+", "", "");
  _expect(&steer, "t60000 a- b+", "a_", "");
  _expect(&steer, "t60000 a- b+", "", "");
  _expect(&steer, "t60000 a+ b-", "a^ b_", "");
  _expect(&steer, "reload t0 a+ b-", "kept", "");
  fake_steer_done(&steer);
}

Test(standby, how_long_it_took_is_without_the_time_that_it_stayed_open)
{
  FakeSteer steer;

  _begin(&steer, &config);
  fake_steer_play(&steer, "t107 a+");
  cr_expect_eq(fake_host_last_event(&steer.host, FAILOVER_EVENT_SERVER_UP)->took_ms, 7);
  cr_expect_eq(fake_host_last_event(&steer.host, FAILOVER_EVENT_SERVER_UP)->reason, FAILOVER_REASON_CHECK);
  cr_expect_eq(fake_host_last_event(&steer.host, FAILOVER_EVENT_SERVER_UP)->position, 1u);
  fake_steer_done(&steer);
}

Test(standby, the_rotation_passes_over_what_is_down)
{
  FakeSteer steer;

  _begin(&steer, &config);
  _expect(&steer, "t0 a- b+ p! t0", "a_ b^ p-reset>b", "b");
  _expect(&steer, "b+", "b+rotation", "");
  /* all down: on as ever, first the one that this round has not tried */
  _expect(&steer, "t2000 b!", "b-reset>p", "");
  _expect(&steer, "t0 p- t0", "p-refused>a", "a");
  _expect(&steer, "a-", "a-refused>b!", "");
  _expect(&steer, "t1000", "", "b");
  _expect(&steer, "b- t0 p- t0 a- t1000", "b-refused>p p-refused>a a-refused>b!", "b");
  fake_steer_done(&steer);
}

Test(standby, with_all_down_a_round_tries_each)
{
  FakeSteer steer;

  _begin(&steer, &config);
  /* b is skipped as down, then a fails too: b is still to be tried in this round */
  _expect(&steer, "t0 a+ b- p! t0", "a^ b_ p-reset>a", "a");
  _expect(&steer, "a- t0", "a-refused>b", "b");
  _expect(&steer, "b-", "b-refused>p!", "");
  fake_steer_done(&steer);
}

Test(standby, what_was_found_up_while_the_rotation_waits_comes_first)
{
  FakeSteer steer;

  _begin(&steer, &config);
  _expect(&steer, "t0 a- b- t59500 p! t0 a- t0 b-", "a_ b_ p-reset>a a-refused>b b-refused>p!", "");
  /* in the second that is waited the next checks are due */
  _expect(&steer, "t500", "", "p");
  _expect(&steer, "p- a- b+", "b^", "");
  _expect(&steer, "t500", "", "b");
  _expect(&steer, "b+", "b+rotation", "");
  fake_steer_done(&steer);
}

Test(standby, what_is_tried_or_in_use_is_not_checked)
{
  FakeSteer steer;

  fake_steer_init(&steer, &config);
  _expect(&steer, "t0", "", "p a"); /* p by the rotation */
  _expect(&steer, "a+", "a^", "p b");
  _expect(&steer, "p+ b+", "p+start b^", "");
  _expect(&steer, "t60000", "", "a");
  _expect(&steer, "a+ b+", "", "");
  fake_steer_done(&steer);
}

Test(standby, administrative_states)
{
  FakeSteer steer;

  _begin(&steer, &config);
  _expect(&steer, "maint:a drain:b t0", "a=maint a~ 1:done b=drain b~ 2:done", "b");
  _expect(&steer, "b+ t60000", "b^", "b");
  _expect(&steer, "maint:b", "b=maint 3:done", ""); /* ends its check */
  _expect(&steer, "ready:a t60000", "a=ready 4:done", "a");
  fake_steer_done(&steer);
}

Test(standby, with_failback_the_primary_has_its_own_probes)
{
  static const FakeConfig with_failback = { .primary = "p",
                                            .time_reopen_ms = 1000,
                                            .servers = { "a", "b" },
                                            .switch_delay = "0",
                                            .standby_probe_interval = "60",
                                            .failback = true,
                                            .probe_interval = "600",
                                            .probes_required = "1" };
  FakeSteer steer;

  fake_steer_init(&steer, &with_failback);
  _expect(&steer, "p- t0 a+", "p-refused>a a+rotation", "b");
  _expect(&steer, "b+ t60000", "b^", "b");
  _expect(&steer, "b+", "", "");
  fake_steer_done(&steer);
}

Test(standby, a_drained_server_is_left_when_another_one_is_up)
{
  FakeSteer steer;

  _begin(&steer, &config);
  _expect(&steer, "t0 a- b- drain:p a- b-", "a_ b_ p=drain a?refused b?refused 1:stays", "");
  _expect(&steer, "t60000 a+ a+ t100", "a^ a+drain p~", "b");
  fake_steer_done(&steer);
}

Test(standby, a_check_of_all_is_in_parallel)
{
  FakeSteer steer;

  _begin(&steer, &config);
  _expect(&steer, "t0", "", "a");
  _expect(&steer, "check", "", "a b"); /* a is being checked already */
  _expect(&steer, "b-", "b_", "a");
  _expect(&steer, "a+", "a^ 1:done", "b"); /* and the round goes on */
  _expect(&steer, "check check", "", "b a");
  _expect(&steer, "b+ a+", "b^ 2:done 3:done", "");
  _expect(&steer, "check reload", "4:stopped kept", "");
  fake_steer_done(&steer);
}

Test(standby, a_check_is_done_at_once_if_there_is_nothing_to_check)
{
  FakeSteer steer;

  _begin(&steer, &config);
  _expect(&steer, "maint:a maint:b check", "a=maint a~ 1:done b=maint b~ 2:done 3:done", "");
  fake_steer_done(&steer);
}

Test(standby, a_check_has_a_deadline_of_its_own)
{
  FakeSteer steer;

  _begin(&steer, &config);
  _expect(&steer, "t5000 check", "", "a b");
  _expect(&steer, "t5100", "a_", "b");
  _expect(&steer, "t5000", "b_ 1:done", "b");
  fake_steer_done(&steer);
}
