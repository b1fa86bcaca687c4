/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fake_host.c - see fake_host.h.
 */
#include "fake_host.h"
#include "fake_writer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void
_copy(char *target, failover_text text)
{
  snprintf(target, FAKE_TEXT_MAX, "%.*s", (int) text.length, text.data ? text.data : "");
}

/* The first breach is the one worth reading. */
void
fake_host_breach(FakeHost *self, const char *what, uint64_t number)
{
  if (!self->breach[0])
    snprintf(self->breach, sizeof(self->breach), "%s (number %llu, at %lld ms)", what,
             (unsigned long long) number, (long long) self->now_ms);
}

void
fake_host_check_call(FakeHost *self, const char *what)
{
  if (!self->inside_core || self->stopped)
    fake_host_breach(self, what, 0);
}

/* That of the stream may come between configurations too. */
static void
_check_timer(FakeHost *self, failover_timer timer, const char *what)
{
  if (timer != FAILOVER_TIMER_STREAM)
    fake_host_check_call(self, what);
  else if (!self->inside_core)
    fake_host_breach(self, what, timer);
}

static FakeLookup *
_lookup(FakeHost *self, uint64_t number)
{
  for (size_t i = 0; i < self->lookup_count; i++)
    if (self->lookups[i].number == number)
      return &self->lookups[i];
  return NULL;
}

FakeConnection *
fake_host_connection(FakeHost *self, uint64_t number)
{
  for (size_t i = 0; i < self->connection_count; i++)
    if (self->connections[i].number == number)
      return &self->connections[i];
  return NULL;
}

/* ------------------------------------------------------------------------
 * struct failover_loop
 */

static int64_t
_now_ms(void *user_data)
{
  return ((FakeHost *) user_data)->now_ms;
}

static uint32_t
_random(void *user_data)
{
  return ((FakeHost *) user_data)->random_answer;
}

static void
_set_timer(void *user_data, failover_timer timer, int64_t due_ms)
{
  FakeHost *self = user_data;

  _check_timer(self, timer, "a timer was set from outside, or after stop");
  self->timers[timer] = (FakeTimer){ true, due_ms, self->timer_sequence++ };
}

static void
_cancel_timer(void *user_data, failover_timer timer)
{
  FakeHost *self = user_data;

  _check_timer(self, timer, "a timer was cancelled from outside, or after stop");
  self->timers[timer].set = false;
}

static void
_lost(void *user_data, uint64_t messages, failover_loss why)
{
  FakeHost *self = user_data;

  if (!self->inside_core || messages == 0)
    fake_host_breach(self, "messages were lost from outside, or none", messages);
  self->lost[why] += messages;
}

/* ------------------------------------------------------------------------
 * struct failover_host
 */

static void
_resolve(void *user_data, uint64_t lookup, failover_text host, uint16_t port)
{
  FakeHost *self = user_data;

  fake_host_check_call(self, "a look-up was started from outside, or after stop");
  if (_lookup(self, lookup) || fake_host_connection(self, lookup))
    fake_host_breach(self, "a look-up has a number that was used before", lookup);
  cr_assert_lt(self->lookup_count, (size_t) FAKE_RECORDS_MAX);

  FakeLookup *entry = &self->lookups[self->lookup_count++];
  *entry = (FakeLookup){ .number = lookup, .role = self->role };
  snprintf(entry->server, sizeof(entry->server), "%.*s:%u", (int) host.length, host.data, port);
}

static void
_release_lookup(void *user_data, uint64_t lookup)
{
  FakeHost *self = user_data;
  FakeLookup *entry = _lookup(self, lookup);

  fake_host_check_call(self, "a look-up was released from outside, or after stop");
  if (!entry || entry->released)
    fake_host_breach(self, "a look-up was released that is not held", lookup);
  else
    entry->released = true;
}

static void
_connect(void *user_data, uint64_t connection, uint64_t lookup, uint32_t address, failover_text server,
         failover_purpose purpose)
{
  FakeHost *self = user_data;
  FakeLookup *entry = _lookup(self, lookup);

  fake_host_check_call(self, "a connection was started from outside, or after stop");
  if (_lookup(self, connection) || fake_host_connection(self, connection))
    fake_host_breach(self, "a connection has a number that was used before", connection);
  if (!entry || entry->released || !entry->answered || address >= entry->address_count)
    {
      fake_host_breach(self, "a connection to an address that is not known", connection);
      return;
    }
  cr_assert_lt(self->connection_count, (size_t) FAKE_RECORDS_MAX);
  FakeConnection *made = &self->connections[self->connection_count++];
  *made = (FakeConnection){ .number = connection,
                            .lookup = lookup,
                            .address = address,
                            .role = entry->role,
                            .state = FAKE_MAKING,
                            .purpose = purpose,
                            .host = self };
  _copy(made->peer, server);
}

static void
_close(void *user_data, uint64_t connection)
{
  FakeHost *self = user_data;
  FakeConnection *entry = fake_host_connection(self, connection);

  fake_host_check_call(self, "a connection was closed from outside, or after stop");
  if (!entry || (entry->state != FAKE_MAKING && entry->state != FAKE_OPEN))
    fake_host_breach(self, "a connection was closed that is gone, or was handed over", connection);
  else
    entry->state = FAKE_GONE;
}

static void
_event(void *user_data, const failover_event *event)
{
  FakeHost *self = user_data;

  fake_host_check_call(self, "an event from outside, or after stop");
  cr_assert_lt(self->event_count, (size_t) FAKE_RECORDS_MAX);

  FakeEvent *entry = &self->events[self->event_count++];
  *entry = (FakeEvent){ .kind = event->kind,
                        .reason = event->reason,
                        .position = event->position,
                        .admin = event->admin,
                        .wait_ms = event->wait_ms,
                        .took_ms = event->took_ms,
                        .in_use_ms = event->in_use_ms,
                        .successes = event->successes,
                        .required = event->required,
                        .repeated = event->repeated,
                        .fruitless = event->fruitless,
                        .to_resend = event->to_resend };
  _copy(entry->server, event->server);
  _copy(entry->address, event->address);
  _copy(entry->detail, event->detail);
  _copy(entry->next, event->next);
}

void
fake_host_init(FakeHost *self)
{
  memset(self, 0, sizeof(*self));
  /* not 0: a core that forgets to ask for the time must be noticed */
  self->now_ms = 5000000;
  self->stopped = true;
  self->loop = (failover_loop){ .user_data = self,
                                .now_ms = _now_ms,
                                .random = _random,
                                .set_timer = _set_timer,
                                .cancel_timer = _cancel_timer,
                                .lost = _lost };
  self->calls = (failover_host){ .user_data = self,
                                 .resolve = _resolve,
                                 .release_lookup = _release_lookup,
                                 .connect = _connect,
                                 .close = _close,
                                 .event = _event };
  fake_writer_init(self);
  cr_assert_eq(failover_destination_new(&self->loop, &self->destination), FAILOVER_OK);
}

void
fake_host_enter(FakeHost *self)
{
  cr_assert_not(self->inside_core, "the test called the core from within a call of the core");
  self->inside_core = true;
}

void
fake_host_leave(FakeHost *self, failover_status status)
{
  self->inside_core = false;
  cr_assert(status == FAILOVER_OK || (self->short_of_memory && status == FAILOVER_ERROR_MEMORY),
            "the core answered with status %d", status);
}

/* ------------------------------------------------------------------------
 * Time
 */

static failover_timer
_earliest(const FakeHost *self)
{
  failover_timer found = FAILOVER_TIMER_COUNT;

  for (int i = 0; i < FAILOVER_TIMER_COUNT; i++)
    {
      const FakeTimer *timer = &self->timers[i];
      if (!timer->set)
        continue;
      if (found == FAILOVER_TIMER_COUNT || timer->due_ms < self->timers[found].due_ms
          || (timer->due_ms == self->timers[found].due_ms && timer->sequence < self->timers[found].sequence))
        found = (failover_timer) i;
    }
  return found;
}

static FakeRole
_role_of(failover_timer timer)
{
  switch (timer)
    {
    case FAILOVER_TIMER_PROBE:
    case FAILOVER_TIMER_PROBE_NEXT:
    case FAILOVER_TIMER_PROBE_DEADLINE:
      return FAKE_PROBE;
    case FAILOVER_TIMER_MOVE_NEXT:
    case FAILOVER_TIMER_MOVE_DEADLINE:
      return FAKE_MOVE;
    case FAILOVER_TIMER_CHECK:
      return FAKE_CHECK;
    default:
      return FAKE_ATTEMPT;
    }
}

static void
_fire(FakeHost *self, failover_timer timer)
{
  self->timers[timer].set = false;
  self->role = _role_of(timer);
  fake_host_enter(self);
  fake_host_leave(self, failover_destination_timer_due(self->destination, timer));
}

void
fake_host_advance(FakeHost *self, int64_t ms)
{
  int64_t end_ms = self->now_ms + ms;
  failover_timer timer;

  for (int fired = 0; (timer = _earliest(self)) != FAILOVER_TIMER_COUNT; fired++)
    {
      if (self->timers[timer].due_ms > end_ms)
        break;
      cr_assert_lt(fired, 100000, "timers fire without end");
      if (self->timers[timer].due_ms > self->now_ms)
        self->now_ms = self->timers[timer].due_ms;
      _fire(self, timer);
    }
  self->now_ms = end_ms;
}

void
fake_host_leap(FakeHost *self, int64_t ms)
{
  self->now_ms += ms;
  fake_host_advance(self, 0);
}

/* ------------------------------------------------------------------------
 * Questions
 */

int64_t
fake_host_timer_in(const FakeHost *self, failover_timer timer)
{
  return self->timers[timer].set ? self->timers[timer].due_ms - self->now_ms : -1;
}

bool
fake_host_any_timer(const FakeHost *self)
{
  return _earliest(self) != FAILOVER_TIMER_COUNT;
}

const FakeLookup *
fake_host_lookup(const FakeHost *self, FakeRole role)
{
  for (size_t i = self->lookup_count; i-- > 0;)
    if (self->lookups[i].role == role && !self->lookups[i].released)
      return &self->lookups[i];
  return NULL;
}

const char *
fake_host_trying(const FakeHost *self, FakeRole role)
{
  const FakeLookup *lookup = fake_host_lookup(self, role);

  return lookup ? lookup->server : "";
}

uint32_t
fake_host_connecting(const FakeHost *self, FakeRole role)
{
  uint32_t count = 0;

  for (size_t i = 0; i < self->connection_count; i++)
    if (self->connections[i].role == role && self->connections[i].state == FAKE_MAKING)
      count++;
  return count;
}

const FakeConnection *
fake_host_in_use(const FakeHost *self)
{
  for (size_t i = 0; i < self->connection_count; i++)
    if (self->connections[i].state == FAKE_IN_USE)
      return &self->connections[i];
  return NULL;
}

const FakeEvent *
fake_host_last_event(const FakeHost *self, failover_event_kind kind)
{
  cr_assert_gt(self->event_count, (size_t) 0, "no event yet, expected %s", fake_event_name(kind));
  const FakeEvent *event = &self->events[self->event_count - 1];
  cr_assert_eq(event->kind, kind, "the last event is %s, expected %s", fake_event_name(event->kind),
               fake_event_name(kind));
  return event;
}

size_t
fake_host_count_events(const FakeHost *self, failover_event_kind kind)
{
  size_t count = 0;

  for (size_t i = 0; i < self->event_count; i++)
    count += self->events[i].kind == kind;
  return count;
}

const char *
fake_event_name(failover_event_kind kind)
{
  switch (kind)
    {
    case FAILOVER_EVENT_CONNECTED:
      return "CONNECTED";
    case FAILOVER_EVENT_FAILED_BACK:
      return "FAILED_BACK";
    case FAILOVER_EVENT_KEPT:
      return "KEPT";
    case FAILOVER_EVENT_SERVER_FAILED:
      return "SERVER_FAILED";
    case FAILOVER_EVENT_ALL_FAILED:
      return "ALL_FAILED";
    case FAILOVER_EVENT_PROBE_SUCCEEDED:
      return "PROBE_SUCCEEDED";
    case FAILOVER_EVENT_PROBE_FAILED:
      return "PROBE_FAILED";
    case FAILOVER_EVENT_SERVER_UP:
      return "SERVER_UP";
    case FAILOVER_EVENT_SERVER_DOWN:
      return "SERVER_DOWN";
    case FAILOVER_EVENT_SWITCH_FAILED:
      return "SWITCH_FAILED";
    case FAILOVER_EVENT_ADMIN:
      return "ADMIN";
    case FAILOVER_EVENT_DRAINED:
      return "DRAINED";
    }
  return "?";
}
