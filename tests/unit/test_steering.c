/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What an administrator may ask for: another server now, servers that are not to be used.
 * The words of scripts and traces: fake_steer.h.
 */
#include "fake_steer.h"
#include "fake_writer.h"

#include <criterion/criterion.h>

typedef struct Case
{
  const char *what;
  const char *script;
  const char *trace;
  const char *tried; /* at the end; NULL: nothing */
} Case;

/* p, then a and b; the next one at once, a round each second. */
static const FakeConfig plain = { .primary = "p", .time_reopen_ms = 1000, .servers = { "a", "b" }, .switch_delay = "0" };

static const FakeConfig with_failback = { .primary = "p",
                                          .time_reopen_ms = 1000,
                                          .servers = { "a", "b" },
                                          .switch_delay = "0",
                                          .failback = true,
                                          .probe_interval = "20",
                                          .probes_required = "2" };

static void
_play(const FakeConfig *config, const Case *cases, size_t count)
{
  for (size_t i = 0; i < count; i++)
    {
      const Case *c = &cases[i];
      FakeSteer steer;

      fake_steer_init(&steer, config);
      fake_steer_play(&steer, c->script);
      cr_expect_str_eq(steer.trace, c->trace, "%s:\n  %s\n  said     %s\n  expected %s", c->what, c->script, steer.trace,
                       c->trace);
      const char *tried = fake_steer_tried(&steer);
      cr_expect_str_eq(tried, c->tried ? c->tried : "", "%s: tries \"%s\"", c->what, tried);
      fake_steer_done(&steer);
    }
}

#define PLAY(config, cases) _play(config, cases, sizeof(cases) / sizeof(cases[0]))

Test(steering, a_switch)
{
  static const Case cases[] = {
    { "make before break", "p+ switch:b b+", "p+start b+switch 1:done", NULL },
    { "the one in use already", "p+ switch:p", "p+start 1:done", NULL },
    { "one that does not work: what is in use stays", "p+ switch:b b-", "p+start b?refused 1:failed", NULL },
    { "no answer in time", "p+ switch:b t10000", "p+start b?timeout 1:failed", NULL },
    { "a drained one", "p+ drain:b switch:b", "p+start b=drain b~ 1:done 2:not-ready", NULL },
    { "one in maint", "p+ maint:b switch:b", "p+start b=maint b~ 1:done 2:not-ready", NULL },
    { "a later one makes it void", "p+ switch:a switch:b b+", "p+start 1:replaced b+switch 2:done", NULL },
    { "to the one in use makes another void", "p+ switch:a switch:p", "p+start 1:replaced 2:done", NULL },
    { "the target is drained meanwhile", "p+ switch:a drain:a", "p+start a=drain 1:not-ready a~ 2:done", NULL },
    { "a reload answers", "p+ switch:a reload", "p+start 1:stopped kept", NULL },
    { "what is in use fails meanwhile, and the switch goes on", "p+ switch:b p! t0 b+", "p+start p-reset>a b+switch 1:done",
      NULL },
    { "the rotation is faster, and the switch goes on", "p+ switch:b p! t0 a+ b+",
      "p+start p-reset>a a+rotation b+switch 1:done", NULL },
    { "the rotation comes to the same server", "p+ switch:a p! t0 a+", "p+start p-reset>a a+rotation 1:done", NULL },
    { "with nothing in use that one is tried at once, beside the rotation", "p- t0 switch:b b+",
      "p-refused>a b+switch 1:done", NULL },
    { "also while the next round is waited for", "p- t0 a- t0 b- switch:a a+",
      "p-refused>a a-refused>b b-refused>p! a+switch 1:done", NULL },
    { "it fails, the rotation goes on", "p- t0 switch:b b- a+", "p-refused>a b?refused 1:failed a+rotation", NULL },
    { "after it the rotation goes on from there", "p+ switch:b b+ b! t0 p+",
      "p+start b+switch 1:done b-reset>p p+rotation", NULL },
  };
  PLAY(&plain, cases);
}

Test(steering, a_switch_beside_failback)
{
  static const Case cases[] = {
    { "the primary is returned to after a fresh count", "p+ switch:a a+ t19999 t1 p+ t20000 p+",
      "p+start a+switch 1:done p1/2 p2/2 p<<", NULL },
    { "the count starts again", "p+ switch:a a+ t20000 p+ switch:b b+ t19999 t1 p+ t20000 p+",
      "p+start a+switch 1:done p1/2 b+switch 2:done p1/2 p2/2 p<<", NULL },
    { "to the primary: it is not probed any more", "p+ switch:a a+ switch:p p+ t100000",
      "p+start a+switch 1:done p+switch 2:done", NULL },
  };
  PLAY(&with_failback, cases);
}

Test(steering, a_drain)
{
  static const Case cases[] = {
    { "of one that is not in use", "p+ drain:a p! t0 b+", "p+start a=drain a~ 1:done p-reset>b b+rotation", NULL },
    { "of the one in use: the next one takes over", "p+ drain:p a+ t100", "p+start p=drain a+drain p~ 1:done", NULL },
    { "it is safe to stop when all is confirmed", "p+ send drain:p a+ t5000 ok",
      "p+start p=drain a+drain p~ 1:done", NULL },
    { "or when its server ends it", "p+ send drain:p a+ t100", "p+start p=drain a+drain", NULL },
    { "the next one does not work, the one after it does", "p+ drain:p a- b+ t100",
      "p+start p=drain a?refused b+drain p~ 1:done", NULL },
    { "no other works: it stays in use", "p+ drain:p a- b- send", "p+start p=drain a?refused b?refused 1:stays", NULL },
    { "and is left when it fails", "p+ drain:p a- b- p! t0 a+ t100",
      "p+start p=drain a?refused b?refused 1:stays p-reset>a p~ a+rotation", NULL },
    { "and when another one is ready", "p+ drain:b drain:a drain:p ready:b b+ t100",
      "p+start b=drain b~ 1:done a=drain a~ 2:done p=drain 3:stays b=ready 4:done b+drain p~", NULL },
    { "twice", "p+ drain:p drain:p a+ t100", "p+start p=drain a+drain p~ 1:done 2:done", NULL },
    { "ready again meanwhile", "p+ send drain:p a+ ready:p", "p+start p=drain a+drain 1:replaced p=ready 2:done", NULL },
    { "of the one being tried", "drain:p a+", "p=drain p~ 1:done a+drain", NULL },
    { "of the one that is next", "p+ drain:a p!", "p+start a=drain a~ 1:done p-reset>b", NULL },
    { "the one it moves to is drained meanwhile", "p+ drain:p drain:a b+ t100",
      "p+start p=drain a=drain a~ 2:done b+drain p~ 1:done", NULL },
    { "a switch on its way goes on", "p+ switch:b drain:p b+ t100", "p+start p=drain b+switch 1:done p~ 2:done", NULL },
    { "a switch that fails on the way", "p+ switch:b drain:p b- a+ t100",
      "p+start p=drain b?refused 1:failed a+drain p~ 2:done", NULL },
    { "a switch on its way, whose target is drained", "p+ switch:b drain:p drain:b a+ t100",
      "p+start p=drain b=drain 1:not-ready b~ 3:done a+drain p~ 2:done", NULL },
    { "of all: the rotation goes over them as ever", "p+ drain:a drain:b drain:p p! t0 a- t0 b- t1000 p+",
      "p+start a=drain a~ 1:done b=drain b~ 2:done p=drain 3:stays p-reset>a p~ a-refused>b b-refused>p! p+rotation",
      NULL },
    { "before all is confirmed it has to be used again", "p+ send drain:p a+ drain:b drain:a a! t0 b- t1000 p+",
      "p+start p=drain a+drain b=drain b~ 2:done a=drain 3:stays a-reset>b a~ b-refused>p p+rotation 1:stays",
      NULL },
    { "a reload answers, and the state stays", "p+ send drain:p a+ reload ok", "p+start p=drain a+drain 1:stopped kept p~",
      NULL },
    { "a round is over when all that may be used have failed", "p+ drain:a p! t0 b- t0",
      "p+start a=drain a~ 1:done p-reset>b b-refused>p!", NULL },
  };
  PLAY(&plain, cases);
}

Test(steering, maint)
{
  static const Case cases[] = {
    { "of the one in use", "p+ maint:p a+ t100", "p+start p=maint a+drain p~ 1:done", NULL },
    { "the last one cannot be put there", "p+ maint:a maint:b maint:p",
      "p+start a=maint a~ 1:done b=maint b~ 2:done 3:last", NULL },
    { "a drained one is used rather than one in maint", "p+ drain:a maint:b maint:p a+ t100",
      "p+start a=drain a~ 1:done b=maint b~ 2:done p=maint a+drain p~ 3:done", NULL },
    { "it is never used", "p+ maint:a maint:b p! t1000 p-",
      "p+start a=maint a~ 1:done b=maint b~ 2:done p-reset>p! p-refused>p!", NULL },
    { "drained first, then in maint", "p+ drain:a maint:a ready:a",
      "p+start a=drain a~ 1:done a=maint 2:done a=ready 3:done", NULL },
  };
  PLAY(&plain, cases);
}

Test(steering, the_primary_beside_failback)
{
  static const Case cases[] = {
    { "drained it is probed and not gone back to", "p+ drain:p a+ t100 t20000 p+ t20000 p+ t20000 p+ t20000 p-",
      "p+start p=drain a+drain p~ 1:done p0/2 p0/2r p0/2r p0", NULL },
    { "ready starts its count at 0", "p+ drain:p a+ t100 t20000 p+ ready:p t20000 p+ t20000 p+",
      "p+start p=drain a+drain p~ 1:done p0/2 p=ready 2:done p1/2 p2/2 p<<", NULL },
    { "its count so far is gone", "p- t0 a+ t20000 p+ drain:p ready:p t20000 p+",
      "p-refused>a a+rotation p1/2 p=drain p~ 1:done p=ready 2:done p1/2", NULL },
    { "drained it is probed over a reload without the connection", "p+ drain:p a+ t100 cut a+ t20000 p+",
      "p+start p=drain a+drain p~ 1:done a+reload p0/2", NULL },
    { "in maint it is not probed", "p+ maint:p a+ t100 t100000", "p+start p=maint a+drain p~ 1:done", NULL },
    { "maint ends a probe", "p- t0 a+ t20000 maint:p t100000", "p-refused>a a+rotation p=maint p~ 1:done", NULL },
  };
  PLAY(&with_failback, cases);
}

Test(steering, a_list_of_servers_in_maint_only_has_its_primary_ready_and_in_use)
{
  static const FakeConfig one_more = { .primary = "p",
                                       .time_reopen_ms = 1000,
                                       .servers = { "a", "b" },
                                       .switch_delay = "0",
                                       .failback = true,
                                       .probe_interval = "20",
                                       .probes_required = "2" };
  static const FakeConfig fewer = { .primary = "p",
                                    .time_reopen_ms = 1000,
                                    .servers = { "a" },
                                    .switch_delay = "0",
                                    .failback = true,
                                    .probe_interval = "20",
                                    .probes_required = "2" };
  FakeSteer steer;

  /* what was in use and in maintenance, for no other worked */
  fake_steer_init(&steer, &one_more);
  fake_steer_play(&steer, "p+ maint:a maint:p b-");
  cr_expect_str_eq(fake_steer_trace(&steer), "p+start a=maint a~ 1:done p=maint b?refused 2:stays");
  steer.config = &fewer;
  fake_steer_play(&steer, "reload");
  cr_expect_str_eq(steer.trace, "p=ready kept");
  cr_expect_eq(fake_host_timer_in(&steer.host, FAILOVER_TIMER_PROBE), -1, "the primary is probed, and in use");
  fake_steer_done(&steer);
}

Test(steering, a_list_of_servers_in_maint_only_has_its_primary_ready)
{
  static const FakeConfig fewer = { .primary = "p", .time_reopen_ms = 1000, .servers = { "a" }, .switch_delay = "0" };
  FakeSteer steer;

  fake_steer_init(&steer, &plain);
  fake_steer_play(&steer, "p+ maint:a maint:p b+ t100");
  fake_steer_trace(&steer);
  steer.config = &fewer;
  fake_steer_play(&steer, "reload");
  cr_expect_str_eq(steer.trace, "p=ready");
  cr_expect_str_eq(fake_steer_tried(&steer), "p");
  fake_steer_done(&steer);
}

/* The connection in use is in the middle of a message when a switch to b is to take over, and
 * then one to a. */
static FakeConnection *
_overtake(FakeSteer *steer)
{
  fake_steer_init(steer, &plain);
  fake_steer_play(steer, "p+");
  FakeConnection *p = &steer->host.connections[0];
  p->blocked = true;
  fake_steer_play(steer, "send switch:b b+");
  FakeConnection *b = &steer->host.connections[1];
  cr_assert_eq(b->state, FAKE_OPEN, "it does not wait");
  cr_assert_eq(p->state, FAKE_IN_USE);
  return p;
}

Test(steering, a_switch_overtakes_one_that_waits_for_the_end_of_a_message)
{
  FakeSteer steer;
  FakeConnection *p = _overtake(&steer);

  fake_steer_play(&steer, "switch:a a+");
  cr_expect_str_eq(steer.trace, "p+start b+switch 1:done a+switch 2:done");
  cr_expect_eq(steer.host.connections[1].state, FAKE_GONE, "the one that waited is left open");
  p->blocked = false;
  fake_writer_flush(&steer.host);
  fake_host_enter(&steer.host);
  fake_host_leave(&steer.host, failover_destination_quiet(steer.host.destination));
  cr_expect_eq(steer.host.connections[2].state, FAKE_IN_USE);
  cr_expect_eq(p->state, FAKE_DRAINED);
  fake_steer_done(&steer);
}

Test(steering, a_switch_that_the_writer_refuses_leaves_the_one_that_waits)
{
  FakeSteer steer;
  FakeConnection *p = _overtake(&steer);

  p->blocked = false;
  p->partial = false; /* and nobody has said so yet */
  steer.host.writer.refuses_connections = true;
  fake_steer_play(&steer, "switch:a a+");
  cr_expect_str_eq(steer.trace, "p+start b+switch 1:done a?local 2:failed");
  cr_expect_eq(steer.host.connections[1].state, FAKE_OPEN);
  steer.host.writer.refuses_connections = false;
  fake_host_enter(&steer.host);
  fake_host_leave(&steer.host, failover_destination_quiet(steer.host.destination));
  cr_expect_eq(steer.host.connections[1].state, FAKE_IN_USE);
  fake_steer_done(&steer);
}

Test(steering, while_it_is_stopped_nothing_can_be_asked)
{
  FakeSteer steer;
  uint32_t server = 0;

  fake_steer_init(&steer, &plain);
  fake_host_stop(&steer.host, false);
  cr_expect_eq(failover_destination_count_servers(steer.host.destination), 0u);
  cr_expect_not(failover_destination_find_server(steer.host.destination, fake_text("p"), &server));
  cr_expect_eq(failover_destination_check(steer.host.destination, 1), FAILOVER_OK);
  cr_expect_str_eq(steer.trace, "", "nobody watches any more");
  fake_host_done(&steer.host);
}
