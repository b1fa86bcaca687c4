/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fake_steer.h - a FakeHost that is seen and steered: it watches, and plays a script in
 * which servers are named by one letter.
 *
 * A word of a script is one thing that happens:
 *
 *   x+ x-          the server that is tried accepts, or refuses
 *   x!             the connection in use, to x, is reset
 *   ok             what was sent on all connections is acknowledged
 *   send           a message is posted
 *   switch:x drain:x maint:x ready:x check    an administrator asks; requests count from 1
 *   t100           so many milliseconds pass
 *   reload cut     a reload that keeps the connection, or does not
 *
 * and a word of the trace one that the core said:
 *
 *   x+why          in use now, for that reason; x<< after failback()
 *   x-why>y        it failed, y is next; x-why>y! all did
 *   x?why          it could not take over
 *   x^ x_          a check finds it up, down
 *   x=drain        its administrative state
 *   x~             no connection to it is left
 *   x2/3           a probe succeeded; x0 one failed
 *   kept           over a reload
 *   1:done         the answer to a request
 */
#ifndef FAKE_STEER_H_INCLUDED
#define FAKE_STEER_H_INCLUDED

#include "failover-status.h"
#include "fake_host.h"

enum { FAKE_COUNTERS_MAX = 256 };

typedef struct FakeCounter
{
  failover_metric metric;
  uint32_t server;
  uint32_t label;
  const intptr_t *value;
} FakeCounter;

typedef struct FakeSteer
{
  FakeHost host;
  const FakeConfig *config;
  uint64_t requests;
  size_t events_read;
  char trace[2048];
  FakeCounter counters[FAKE_COUNTERS_MAX]; /* told since the last start */
  size_t counter_count;
} FakeSteer;

/* Starts it; its messages are kept. */
void fake_steer_init(FakeSteer *self, const FakeConfig *config);
void fake_steer_done(FakeSteer *self);

void fake_steer_play(FakeSteer *self, const char *script);
/* What it said since the last call; valid until the next. */
const char *fake_steer_trace(FakeSteer *self);

/* "a b" of the servers that are tried or checked, in order. */
const char *fake_steer_tried(FakeSteer *self);
/* The connection that was asked for last. */
const FakeConnection *fake_steer_last_connection(const FakeSteer *self);

/* The number, or -1 if it was not told; label or server may be FAILOVER_NONE. */
int64_t fake_steer_counter(const FakeSteer *self, failover_metric metric, uint32_t server, uint32_t label);

#endif
