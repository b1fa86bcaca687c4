/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fake_drive.c - how a test drives a destination through a FakeHost: configure,
 * start, stop and reload it, and tell it what happened.  See fake_host.h.
 */
#include "fake_host.h"
#include "fake_writer.h"

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
  _set(options, "", "resend", config->resend);
  _set(options, "", "standby-probe-interval", config->standby_probe_interval);
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
  failover_options_free(self->options);
  self->options = fake_options_new(config);
  self->config = (failover_destination_config){ .host = fake_text(config->primary),
                                                .port = config->port ? config->port : FAKE_PORT,
                                                .time_reopen_ms = config->time_reopen_ms };
}

bool
fake_host_start(FakeHost *self, bool connection_open)
{
  failover_status status;

  self->stopped = false;
  self->role = FAKE_ATTEMPT;
  fake_host_enter(self);
  status = failover_destination_start(self->destination, self->options, &self->config, &self->calls, connection_open);
  fake_host_leave(self, status);
  if (status != FAILOVER_OK)
    {
      self->stopped = true;
      return false;
    }
  failover_options_free(self->options); /* was copied */
  self->options = NULL;
  return true;
}

void
fake_host_stop(FakeHost *self, bool keeps_connection)
{
  fake_host_enter(self);
  failover_destination_stop(self->destination, keeps_connection);
  fake_host_leave(self, FAILOVER_OK);
  self->stopped = true;
}

void
fake_host_reload(FakeHost *self, const FakeConfig *config, bool connection_open)
{
  fake_host_stop(self, connection_open);
  fake_host_configure(self, config);
  fake_host_start(self, connection_open);
}

static bool
_any_drained(const FakeHost *self)
{
  for (size_t i = 0; i < self->connection_count; i++)
    if (self->connections[i].state == FAKE_DRAINED)
      return true;
  return false;
}

void
fake_host_done(FakeHost *self)
{
  if (fake_host_in_use(self))
    fake_writer_free(self);
  fake_host_enter(self);
  if (_any_drained(self))
    failover_destination_finished(self->destination);
  failover_destination_free(self->destination);
  fake_host_leave(self, FAILOVER_OK);
  self->destination = NULL;
  failover_options_free(self->options);
  cr_assert_not(_any_drained(self), "a drained connection was not closed");
  cr_assert_not(fake_host_any_timer(self), "a timer survives the destination");
  cr_assert_str_eq(self->breach, "", "the host contract was broken: %s", self->breach);
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
  cr_assert_fail("the core is not connecting to address %u", address);
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
  fake_host_leave(self, failover_destination_resolved(self->destination, lookup->number, addresses, address_count));
}

void
fake_host_not_resolved(FakeHost *self, FakeRole role)
{
  FakeLookup *lookup = (FakeLookup *) fake_host_lookup(self, role);

  cr_assert_not_null(lookup, "no look-up is waiting for an answer");
  self->role = role;
  fake_host_enter(self);
  fake_host_leave(self, failover_destination_not_resolved(self->destination, lookup->number,
                                                          fake_text("there is no such name")));
}

void
fake_host_connected(FakeHost *self, FakeRole role, uint32_t address)
{
  FakeConnection *connection = _making(self, role, address);

  connection->state = FAKE_OPEN;
  self->role = role;
  fake_host_enter(self);
  fake_host_leave(self, failover_destination_connected(self->destination, connection->number));
}

void
fake_host_connect_failed(FakeHost *self, FakeRole role, uint32_t address, failover_reason reason)
{
  FakeConnection *connection = _making(self, role, address);

  connection->state = FAKE_GONE;
  self->role = role;
  fake_host_enter(self);
  fake_host_leave(self,
                  failover_destination_connect_failed(self->destination, connection->number, reason,
                                                 fake_text("says the host at length")));
}

/* What is known of a connection that ends for this reason. */
static failover_end
_end(failover_reason reason)
{
  static const failover_end ends[] = { { .tcp_known = true }, { .tcp_known = true, .tcp_reset = true } };

  for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
    if (failover_reason_from_end(&ends[i]) == reason)
      return ends[i];
  cr_assert_fail("no end of a connection is known for the reason %s", failover_reason_code(reason));
  return ends[0];
}

void
fake_host_disconnected(FakeHost *self, failover_reason reason)
{
  cr_assert_not_null(fake_host_in_use(self), "no connection is in use");
  self->role = FAKE_ATTEMPT;
  self->writer.end = _end(reason);
  fake_host_enter(self);
  fake_host_leave(self, failover_destination_ended(self->destination));
}

void
fake_host_disconnected_fruitless(FakeHost *self, failover_reason reason)
{
  cr_assert(fake_writer_post(self, "a message"));
  fake_host_disconnected(self, reason);
}

void
fake_host_quiet(FakeHost *self)
{
  fake_host_enter(self);
  fake_host_leave(self, failover_destination_quiet(self->destination));
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
