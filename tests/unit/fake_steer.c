/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fake_steer.c - see fake_steer.h.
 */
#include "fake_steer.h"
#include "fake_writer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WALL_MS = 1700000000 }; /* at 0 of the clock; a day in 1970 will do */

/* ------------------------------------------------------------------------
 * What the core says
 */

static void
_say(FakeSteer *self, const char *word)
{
  size_t length = strlen(self->trace);

  snprintf(self->trace + length, sizeof(self->trace) - length, "%s%s", length ? " " : "", word);
}

static void
_say_event(FakeSteer *self, const FakeEvent *event)
{
  const char *reason = failover_reason_code(event->reason);
  char word[64] = "?", name = event->server[0];

  switch (event->kind)
    {
    case FAILOVER_EVENT_CONNECTED:
      snprintf(word, sizeof(word), "%c+%s", name, reason);
      break;
    case FAILOVER_EVENT_FAILED_BACK:
      snprintf(word, sizeof(word), "%c<<", name);
      break;
    case FAILOVER_EVENT_KEPT:
      snprintf(word, sizeof(word), "kept");
      break;
    case FAILOVER_EVENT_SERVER_FAILED:
    case FAILOVER_EVENT_ALL_FAILED:
      snprintf(word, sizeof(word), "%c-%s>%c%s", name, reason, event->next[0],
               event->kind == FAILOVER_EVENT_ALL_FAILED ? "!" : "");
      break;
    case FAILOVER_EVENT_PROBE_SUCCEEDED:
      snprintf(word, sizeof(word), "%c%u/%u%s", name, event->successes, event->required, event->repeated ? "r" : "");
      break;
    case FAILOVER_EVENT_PROBE_FAILED:
      snprintf(word, sizeof(word), "%c0", name);
      break;
    case FAILOVER_EVENT_SERVER_UP:
    case FAILOVER_EVENT_SERVER_DOWN:
      snprintf(word, sizeof(word), "%c%c", name, event->kind == FAILOVER_EVENT_SERVER_UP ? '^' : '_');
      break;
    case FAILOVER_EVENT_SWITCH_FAILED:
      snprintf(word, sizeof(word), "%c?%s", name, reason);
      break;
    case FAILOVER_EVENT_ADMIN:
      snprintf(word, sizeof(word), "%c=%s", name, failover_admin_code(event->admin));
      break;
    case FAILOVER_EVENT_DRAINED:
      snprintf(word, sizeof(word), "%c~", name);
      break;
    }
  _say(self, word);
}

static void
_say_events(FakeSteer *self)
{
  for (; self->events_read < self->host.event_count; self->events_read++)
    _say_event(self, &self->host.events[self->events_read]);
}

static void
_answer(void *user_data, uint64_t request, failover_answer answer)
{
  FakeSteer *self = user_data;
  char word[64];

  fake_host_check_call(&self->host, "an answer from outside, or after stop");
  _say_events(self);
  snprintf(word, sizeof(word), "%llu:%s", (unsigned long long) request, failover_answer_code(answer));
  _say(self, word);
}

static void
_counter(void *user_data, failover_metric metric, uint32_t server, uint32_t label, const intptr_t *value)
{
  FakeSteer *self = user_data;

  fake_host_check_call(&self->host, "a number was told from outside, or after stop");
  if (fake_steer_counter(self, metric, server, label) >= 0)
    fake_host_breach(&self->host, "a number was told twice", metric);
  cr_assert_lt(self->counter_count, (size_t) FAKE_COUNTERS_MAX);
  self->counters[self->counter_count++] = (FakeCounter){ metric, server, label, value };
}

static int64_t
_wall_ms(void *user_data)
{
  return ((FakeSteer *) user_data)->host.now_ms + WALL_MS;
}

/* ------------------------------------------------------------------------
 * What happens
 */

static void
_watch(FakeSteer *self)
{
  failover_watcher watcher = { .user_data = self, .wall_ms = _wall_ms, .counter = _counter, .answer = _answer };

  self->counter_count = 0;
  failover_destination_watch(self->host.destination, &watcher);
}

static FakeLookup *
_lookup_of(FakeSteer *self, char server)
{
  for (size_t i = self->host.lookup_count; i-- > 0;)
    if (self->host.lookups[i].server[0] == server && !self->host.lookups[i].released)
      return &self->host.lookups[i];
  cr_assert_fail("%c is not tried", server);
  return NULL;
}

static void
_connect(FakeSteer *self, char server, bool accept)
{
  FakeHost *host = &self->host;
  failover_text address = fake_text("192.0.2.1:514");
  FakeLookup *lookup = _lookup_of(self, server);

  host->role = lookup->role;
  lookup->answered = true;
  lookup->address_count = 1;
  fake_host_enter(host);
  fake_host_leave(host, failover_destination_resolved(host->destination, lookup->number, &address, 1));
  FakeConnection *connection = &host->connections[host->connection_count - 1];
  cr_assert_eq(connection->lookup, lookup->number, "no connection to %c", server);
  connection->state = accept ? FAKE_OPEN : FAKE_GONE;
  fake_host_enter(host);
  fake_host_leave(host, accept ? failover_destination_connected(host->destination, connection->number)
                               : failover_destination_connect_failed(host->destination, connection->number,
                                                                     FAILOVER_REASON_REFUSED, fake_text("no")));
}

static void
_disconnect(FakeSteer *self, char server)
{
  cr_assert_not_null(fake_host_in_use(&self->host));
  cr_assert_eq(fake_host_in_use(&self->host)->peer[0], server, "%c is not in use", server);
  fake_host_disconnected(&self->host, FAILOVER_REASON_RESET);
}

/* A while later it is confirmed. */
static void
_acknowledge(FakeSteer *self)
{
  for (size_t i = 0; i < self->host.connection_count; i++)
    if (self->host.connections[i].state == FAKE_IN_USE || self->host.connections[i].state == FAKE_DRAINED)
      fake_writer_acknowledge(&self->host.connections[i]);
  fake_host_advance(&self->host, 3000);
}

static void
_set_admin(FakeSteer *self, failover_admin admin, const char *server)
{
  uint32_t position = 0;

  cr_assert(failover_destination_find_server(self->host.destination, fake_text(server), &position), "%s", server);
  fake_host_leave(&self->host,
                  failover_destination_set_admin(self->host.destination, position, admin, ++self->requests));
}

static void
_ask(FakeSteer *self, const char *word)
{
  FakeHost *host = &self->host;
  const char *server = strchr(word, ':');
  uint32_t position = 0;

  host->role = strcmp(word, "check") == 0 ? FAKE_CHECK : FAKE_MOVE;
  fake_host_enter(host);
  if (strncmp(word, "switch:", 7) == 0)
    {
      cr_assert(failover_destination_find_server(host->destination, fake_text(server + 1), &position));
      fake_host_leave(host, failover_destination_switch(host->destination, position, ++self->requests));
    }
  else if (strncmp(word, "drain:", 6) == 0)
    _set_admin(self, FAILOVER_ADMIN_DRAIN, server + 1);
  else if (strncmp(word, "maint:", 6) == 0)
    _set_admin(self, FAILOVER_ADMIN_MAINT, server + 1);
  else if (strncmp(word, "ready:", 6) == 0)
    _set_admin(self, FAILOVER_ADMIN_READY, server + 1);
  else if (strcmp(word, "check") == 0)
    fake_host_leave(host, failover_destination_check(host->destination, ++self->requests));
  else
    cr_assert_fail("\"%s\" is no word of a script", word);
}

static void
_play_word(FakeSteer *self, const char *word)
{
  if (word[1] == '+' || word[1] == '-')
    _connect(self, word[0], word[1] == '+');
  else if (word[1] == '!')
    _disconnect(self, word[0]);
  else if (word[0] == 't' && word[1] >= '0' && word[1] <= '9')
    fake_host_advance(&self->host, atoll(word + 1));
  else if (strcmp(word, "send") == 0)
    cr_assert(fake_writer_post(&self->host, "message"));
  else if (strcmp(word, "ok") == 0)
    _acknowledge(self);
  else if (strcmp(word, "reload") == 0 || strcmp(word, "cut") == 0)
    {
      bool keeps = word[0] == 'r';
      fake_host_stop(&self->host, keeps);
      if (!keeps && fake_host_in_use(&self->host))
        fake_writer_free(&self->host);
      _say_events(self);
      _watch(self);
      fake_host_configure(&self->host, self->config);
      fake_host_start(&self->host, fake_host_in_use(&self->host) != NULL);
    }
  else
    _ask(self, word);
  _say_events(self);
}

void
fake_steer_play(FakeSteer *self, const char *script)
{
  char words[1024], *rest = words, *word;

  cr_assert_lt(strlen(script), sizeof(words));
  strcpy(words, script);
  while ((word = strsep(&rest, " ")))
    if (word[0])
      _play_word(self, word);
}

void
fake_steer_init(FakeSteer *self, const FakeConfig *config)
{
  memset(self, 0, sizeof(*self));
  fake_host_init(&self->host);
  self->host.writer.keeps_messages = true;
  self->config = config;
  _watch(self);
  fake_host_configure(&self->host, config);
  fake_host_start(&self->host, false);
}

void
fake_steer_done(FakeSteer *self)
{
  fake_host_stop(&self->host, false);
  fake_host_done(&self->host);
}

/* ------------------------------------------------------------------------
 * Questions
 */

const char *
fake_steer_trace(FakeSteer *self)
{
  static char trace[sizeof(self->trace)];

  strcpy(trace, self->trace);
  self->trace[0] = 0;
  return trace;
}

const char *
fake_steer_tried(FakeSteer *self)
{
  static char tried[64];
  size_t length = 0;

  tried[0] = 0;
  for (size_t i = 0; i < self->host.lookup_count; i++)
    if (!self->host.lookups[i].released)
      length += snprintf(tried + length, sizeof(tried) - length, "%s%c", length ? " " : "",
                         self->host.lookups[i].server[0]);
  return tried;
}

const FakeConnection *
fake_steer_last_connection(const FakeSteer *self)
{
  cr_assert_gt(self->host.connection_count, (size_t) 0);
  return &self->host.connections[self->host.connection_count - 1];
}

int64_t
fake_steer_counter(const FakeSteer *self, failover_metric metric, uint32_t server, uint32_t label)
{
  for (size_t i = 0; i < self->counter_count; i++)
    {
      const FakeCounter *counter = &self->counters[i];
      if (counter->metric == metric && counter->server == server && counter->label == label)
        return __atomic_load_n(counter->value, __ATOMIC_RELAXED);
    }
  return -1;
}
