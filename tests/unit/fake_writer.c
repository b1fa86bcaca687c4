/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See fake_writer.h.
 */
#include "fake_writer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum
{
  WINDOW = 60000,
  FRAME = 1, /* bytes of the stream around each message */
};

static FakeConnection *
_in_use(FakeHost *self)
{
  return (FakeConnection *) fake_host_in_use(self);
}

/* ------------------------------------------------------------------------
 * struct failover_connection_host
 */

static bool
_write(void *user_data, const char *text, size_t length, bool *consumed)
{
  FakeConnection *self = user_data;
  char *written = self->host->writer.written;
  size_t used = strlen(written);

  *consumed = !self->partial;
  if (!*consumed)
    return true;
  snprintf(written + used, FAKE_TEXT_MAX - used, "%s%.*s", used ? " " : "", (int) length, text);
  self->partial = self->blocked;
  self->tcp.written += length + FRAME;
  return true;
}

static bool
_flush(void *user_data)
{
  FakeConnection *self = user_data;

  self->partial = self->partial && self->blocked;
  return true;
}

static bool
_has_partial(void *user_data)
{
  return ((FakeConnection *) user_data)->partial;
}

static void
_acknowledge(void *user_data)
{
  (void) user_data;
}

static void
_wake_main(void *user_data)
{
  ((FakeConnection *) user_data)->host->writer.woke_main_count++;
}

static bool
_read_tcp(void *user_data, failover_tcp *tcp)
{
  FakeConnection *self = user_data;

  *tcp = self->tcp;
  self->tcp_read_count++;
  return true;
}

static void
_give_up(void *user_data)
{
  (void) user_data;
}

static void
_close(void *user_data, failover_close how)
{
  FakeConnection *self = user_data;

  if (!self->host->inside_core || self->state != FAKE_DRAINED)
    fake_host_breach(self->host, "a connection was closed that is not drained", self->number);
  self->state = FAKE_GONE;
  self->closed = how;
}

static const failover_connection_host connection_calls = { .write = _write,
                                                           .flush = _flush,
                                                           .has_partial = _has_partial,
                                                           .acknowledge = _acknowledge,
                                                           .wake_main = _wake_main,
                                                           .read_tcp = _read_tcp,
                                                           .give_up = _give_up,
                                                           .close = _close };

/* ------------------------------------------------------------------------
 * struct failover_host
 */

static bool
_open(FakeHost *self, FakeConnection *connection)
{
  failover_connection_host calls = connection_calls;

  calls.user_data = connection;
  connection->tcp = (failover_tcp){ .open = true, .window = WINDOW };
  failover_status status = failover_destination_open(self->destination, &calls, &connection->messages);
  cr_assert(status == FAILOVER_OK || (self->short_of_memory && status == FAILOVER_ERROR_MEMORY));
  return status == FAILOVER_OK;
}

static void
_release(FakeHost *self, FakeConnection *connection)
{
  connection->state = FAKE_GONE;
  if (connection->messages && failover_destination_release(self->destination, connection->messages))
    connection->state = FAKE_DRAINED;
  connection->messages = NULL;
}

static bool
_give_to_writer(void *user_data, uint64_t number)
{
  FakeHost *self = user_data;
  FakeConnection *connection = fake_host_connection(self, number), *before = _in_use(self);

  fake_host_check_call(self, "a connection was handed over from outside, or after stop");
  if (!connection || connection->state != FAKE_OPEN)
    {
      fake_host_breach(self, "a connection was handed over that is not open", number);
      return false;
    }
  if (connection->purpose != FAILOVER_PURPOSE_USE)
    fake_host_breach(self, "a connection was handed over that was made for a probe", number);
  if (before && connection->role == FAKE_ATTEMPT)
    fake_host_breach(self, "a connection was handed over while another is in use", number);
  memcpy(self->handed_over, connection->peer, sizeof(self->handed_over));
  if (self->writer.refuses_connections || (self->writer.keeps_messages && !_open(self, connection)))
    {
      connection->state = FAKE_GONE;
      return false;
    }
  if (before)
    _release(self, before);
  connection->state = FAKE_IN_USE;
  return true;
}

static void
_take_from_writer(void *user_data)
{
  FakeHost *self = user_data;
  FakeConnection *connection = _in_use(self);

  fake_host_check_call(self, "a connection was taken from outside, or after stop");
  if (connection)
    _release(self, connection);
  else
    fake_host_breach(self, "a connection was taken from a LogWriter that has none", 0);
}

static void
_shut_down(void *user_data)
{
  FakeHost *self = user_data;

  fake_host_check_call(self, "a connection was shut down from outside, or after stop");
  if (!_in_use(self))
    fake_host_breach(self, "a connection was shut down that is not there", 0);
  self->writer.shut_down_count++;
}

static void
_read_end(void *user_data, failover_end *end)
{
  FakeHost *self = user_data;

  fake_host_check_call(self, "an end was asked for from outside, or after stop");
  if (!_in_use(self))
    fake_host_breach(self, "an end was asked for of no connection", 0);
  *end = self->writer.end;
}

static bool
_is_idle(void *user_data)
{
  FakeHost *self = user_data;

  fake_host_check_call(self, "the LogWriter was asked for from outside, or after stop");
  return !self->writer.busy;
}

static void
_wake_writer(void *user_data)
{
  FakeHost *self = user_data;

  fake_host_check_call(self, "the LogWriter was woken from outside, or after stop");
  self->writer.woken_count++;
}

/* ------------------------------------------------------------------------
 * What the test does
 */

void
fake_writer_init(FakeHost *self)
{
  self->calls.give_to_writer = _give_to_writer;
  self->calls.take_from_writer = _take_from_writer;
  self->calls.shut_down = _shut_down;
  self->calls.read_end = _read_end;
  self->calls.is_idle = _is_idle;
  self->calls.wake_writer = _wake_writer;
}

/* A message is on its way to the connection in use, which has to keep it. */
static FakeConnection *
_keeping(FakeHost *self)
{
  FakeConnection *connection = _in_use(self);

  cr_assert_not_null(connection, "no connection is in use");
  cr_assert_not_null(connection->messages, "the connection in use keeps no messages");
  return connection;
}

bool
fake_writer_post(FakeHost *self, const char *message)
{
  bool consumed = false;

  cr_assert(failover_connection_post(_keeping(self)->messages, message, strlen(message), &consumed),
            "the connection in use is broken");
  return consumed;
}

void
fake_writer_flush(FakeHost *self)
{
  cr_assert(failover_connection_flush(_keeping(self)->messages), "the connection in use is broken");
}

void
fake_writer_acknowledge(FakeConnection *connection)
{
  connection->tcp.acked = connection->tcp.written;
}

void
fake_writer_free(FakeHost *self)
{
  fake_host_enter(self);
  _release(self, _in_use(self));
  fake_host_leave(self, FAILOVER_OK);
}
