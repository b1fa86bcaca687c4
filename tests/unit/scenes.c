/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * scenes.c - see scenes.h.
 */
#include "scenes.h"

#include <criterion/criterion.h>

const FakeConfig scene_config = { .primary = "p",
                                   .time_reopen_ms = 1000,
                                   .servers = { "a" },
                                   .switch_delay = "0",
                                   .failback = true,
                                   .probe_interval = "20",
                                   .probes_required = "1" };

FakeConnection *
scene_accept(FakeHost *host)
{
  fake_host_accept(host, FAKE_ATTEMPT);
  return &host->connections[host->connection_count - 1];
}

FakeConnection *
scene_begin_with_a(FakeHost *host)
{
  fake_host_init(host);
  host->writer.keeps_messages = true;
  fake_host_configure(host, &scene_config);
  fake_host_start(host, false);
  fake_host_refuse(host, FAKE_ATTEMPT, FAILOVER_REASON_REFUSED);
  fake_host_advance(host, 0);
  return scene_accept(host);
}

FakeConnection *
scene_begin_with_half_a_message(FakeHost *host)
{
  FakeConnection *a = scene_begin_with_a(host);

  fake_host_advance(host, PROBE_INTERVAL_MS);
  a->blocked = true;
  cr_assert(fake_writer_post(host, "one"));
  return a;
}

FakeConnection *
scene_go_back(FakeHost *host)
{
  fake_host_accept(host, FAKE_PROBE);
  return &host->connections[host->connection_count - 1];
}

void
scene_end(FakeHost *host)
{
  fake_host_stop(host, false);
  fake_host_done(host);
}
