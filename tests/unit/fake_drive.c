/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fake_drive.c - how a test drives an engine through a FakeHost: configure,
 * start, stop and reload it, and tell it what happened.  See fake_host.h.
 */
#include "fake_host.h"

#include <criterion/criterion.h>
#include <string.h>

failover_text
fake_text(const char *text)
{
  return (failover_text){ text, strlen(text) };
}

/* ------------------------------------------------------------------------
 * Life
 */

static void
_set(failover_options *options, const char *group, const char *name, const char *value)
{
  if (!value)
    return;
  failover_status status = failover_options_set(options, group, strlen(group), name, strlen(name), value,
                                                strlen(value));
  cr_assert_eq(status, FAILOVER_OK, "%s(%s): %s", name, value, failover_options_error(options));
}

failover_options *
fake_options_new(const FakeConfig *config)
{
  failover_options *options = NULL;

  cr_assert_eq(failover_options_new(&options), FAILOVER_OK);
  cr_assert_eq(failover_options_open(options, "servers", strlen("servers")), FAILOVER_OK);
  for (const char *const *server = config->servers; *server; server++)
    cr_assert_eq(failover_options_add_server(options, *server, strlen(*server)), FAILOVER_OK, "%s: %s",
                 *server, failover_options_error(options));
  cr_assert_eq(failover_options_close(options, "servers", strlen("servers")), FAILOVER_OK);
  _set(options, "", "switch-delay", config->switch_delay);
  if (config->failback)
    {
      cr_assert_eq(failover_options_open(options, "failback", strlen("failback")), FAILOVER_OK);
      _set(options, "failback", "tcp-probe-interval", config->probe_interval);
      _set(options, "failback", "successful-probes-required", config->probes_required);
      cr_assert_eq(failover_options_close(options, "failback", strlen("failback")), FAILOVER_OK);
    }
  cr_assert_eq(failover_options_complete(options), FAILOVER_OK);
  return options;
}

void
fake_host_configure(FakeHost *self, const FakeConfig *config)
{
  failover_options *options = fake_options_new(config);
  failover_destination destination = { .host = fake_text(config->primary),
                                       .port = config->port ? config->port : FAKE_PORT,
                                       .time_reopen_ms = config->time_reopen_ms };

  cr_assert_eq(failover_engine_new(options, &destination, &self->calls, &self->engine), FAILOVER_OK);
  failover_options_free(options); /* was copied */
}

void
fake_host_start(FakeHost *self, const failover_snapshot *snapshot, bool connection_open)
{
  self->stopped = false;
  self->role = FAKE_ATTEMPT;
  fake_host_enter(self);
  fake_host_leave(self, failover_engine_start(self->engine, snapshot, connection_open));
}

void
fake_host_stop(FakeHost *self)
{
  fake_host_enter(self);
  fake_host_leave(self, failover_engine_stop(self->engine));
  self->stopped = true;
}

void
fake_host_reload(FakeHost *self, const FakeConfig *config, bool connection_open)
{
  failover_snapshot *snapshot = NULL;

  cr_assert_eq(failover_engine_save(self->engine, &snapshot), FAILOVER_OK);
  fake_host_stop(self);
  failover_engine_free(self->engine);
  fake_host_configure(self, config);
  fake_host_start(self, snapshot, connection_open);
  failover_snapshot_free(snapshot); /* start() does not consume it */
}

void
fake_host_done(FakeHost *self)
{
  cr_assert_str_eq(self->breach, "", "the host contract was broken: %s", self->breach);
  failover_engine_free(self->engine);
  self->engine = NULL;
}

/* ------------------------------------------------------------------------
 * What happened
 */

static FakeConnection *
_making(FakeHost *self, FakeRole role, uint32_t address)
{
  for (size_t i = self->connection_count; i-- > 0;)
    if (self->connections[i].role == role && self->connections[i].address == address
        && self->connections[i].state == FAKE_MAKING)
      return &self->connections[i];
  cr_assert_fail("the engine is not connecting to address %u", address);
  return NULL;
}

void
fake_host_resolved(FakeHost *self, FakeRole role, uint32_t address_count)
{
  static const char *const text[] = { "192.0.2.1:514", "192.0.2.2:514", "[2001:db8::3]:514",
                                      "192.0.2.4:514" };
  failover_text addresses[64];
  FakeLookup *lookup = (FakeLookup *) fake_host_lookup(self, role);

  cr_assert_not_null(lookup, "no look-up is waiting for an answer");
  cr_assert_leq(address_count, 64u);
  for (uint32_t i = 0; i < address_count; i++)
    addresses[i] = fake_text(text[i % 4]);
  lookup->answered = true;
  lookup->address_count = address_count;
  self->role = role;
  fake_host_enter(self);
  fake_host_leave(self, failover_engine_resolved(self->engine, lookup->number, addresses, address_count));
}

void
fake_host_not_resolved(FakeHost *self, FakeRole role)
{
  FakeLookup *lookup = (FakeLookup *) fake_host_lookup(self, role);

  cr_assert_not_null(lookup, "no look-up is waiting for an answer");
  self->role = role;
  fake_host_enter(self);
  fake_host_leave(self,
                  failover_engine_not_resolved(self->engine, lookup->number, fake_text("there is no such name")));
}

void
fake_host_connected(FakeHost *self, FakeRole role, uint32_t address)
{
  FakeConnection *connection = _making(self, role, address);

  connection->state = FAKE_OPEN;
  self->role = role;
  fake_host_enter(self);
  fake_host_leave(self, failover_engine_connected(self->engine, connection->number));
}

void
fake_host_connect_failed(FakeHost *self, FakeRole role, uint32_t address, failover_reason reason)
{
  FakeConnection *connection = _making(self, role, address);

  connection->state = FAKE_GONE;
  self->role = role;
  fake_host_enter(self);
  fake_host_leave(self,
                  failover_engine_connect_failed(self->engine, connection->number, reason,
                                                 fake_text("says the host at length")));
}

static void
_disconnected(FakeHost *self, failover_reason reason, bool fruitless)
{
  for (size_t i = 0; i < self->connection_count; i++)
    if (self->connections[i].state == FAKE_IN_USE)
      {
        self->connections[i].state = FAKE_GONE;
        self->role = FAKE_ATTEMPT;
        fake_host_enter(self);
        fake_host_leave(self, failover_engine_disconnected(self->engine, self->connections[i].number, reason,
                                                  fake_text("says the host at length"), fruitless));
        return;
      }
  cr_assert_fail("no connection is in use");
}

void
fake_host_disconnected(FakeHost *self, failover_reason reason)
{
  _disconnected(self, reason, false);
}

void
fake_host_disconnected_fruitless(FakeHost *self, failover_reason reason)
{
  _disconnected(self, reason, true);
}

void
fake_host_accept(FakeHost *self, FakeRole role)
{
  fake_host_resolved(self, role, 1);
  fake_host_connected(self, role, 0);
}

void
fake_host_refuse(FakeHost *self, FakeRole role, failover_reason reason)
{
  fake_host_resolved(self, role, 1);
  fake_host_connect_failed(self, role, 0, reason);
}
