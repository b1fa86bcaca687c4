/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The resend buffer against a model of it: plain arrays that know each message,
 * where it ends in the stream and when it was acknowledged.  What the grace clock says
 * of the receiver, it takes from there: see test_resend_grace.c.  Thousands of random
 * steps; a failure prints its seed.
 */
#include "count_allocations.h"
#include "fake_stream.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum
{
  SEEDS = 60,
  STEPS = 4000,
  LONGEST = 20000,
};

/* splitmix64 */
static uint64_t
_random(uint64_t *state)
{
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static uint64_t
_below(uint64_t *state, uint64_t count)
{
  return _random(state) % count;
}

static bool
_chance(uint64_t *state, uint32_t percent)
{
  return _below(state, 100) < percent;
}

/* ------------------------------------------------------------------------
 * The model
 */

typedef struct ModelMessage
{
  uint64_t number;
  size_t length;
  uint64_t end;      /* in the stream of this connection, when posted */
  uint64_t position; /* as known from samples, UINT64_MAX: not yet */
  uint64_t mark;     /* the sample that told it */
  bool acked;
  int64_t grace_from; /* -1: it may be unread */
} ModelMessage;

typedef struct Model
{
  failover_resend *resend; /* what is tested */
  size_t limit;
  int64_t grace_ms;

  ModelMessage messages[STEPS * 2];
  size_t front, posted, end;
  size_t bytes;

  uint64_t written; /* the truth, all messages and their frames */
  uint64_t acked;
  int64_t now_ms;
  uint64_t samples;
  uint64_t confirmed, resent, grace_cut;
} Model;

/* Octet counting: the length, a blank, the message. */
static size_t
_stream_length(size_t length)
{
  size_t digits = 1;

  for (size_t rest = length; rest >= 10; rest /= 10)
    digits++;
  return digits + 1 + length;
}

static char *
_bytes_of(const ModelMessage *message, char *out)
{
  for (size_t i = 0; i < message->length; i++)
    out[i] = (char) (message->number * 31 + i * 7 + (i >> 8));
  return out;
}

static void
_model_drop_front(Model *self)
{
  self->bytes -= FAKE_STREAM_HEADER + self->messages[self->front].length;
  self->front++;
  self->confirmed++;
}

/* The oldest that were marked together yield together. */
static bool
_model_cut(Model *self)
{
  const ModelMessage *oldest = &self->messages[self->front];

  if (self->front == self->posted || !oldest->acked)
    return false;
  const uint64_t mark = oldest->mark;
  while (self->front < self->posted && self->messages[self->front].mark == mark)
    {
      _model_drop_front(self);
      self->grace_cut++;
    }
  return true;
}

static bool
_model_make_room(Model *self, size_t length)
{
  while (self->bytes + FAKE_STREAM_HEADER + length > self->limit && self->front < self->end)
    if (!_model_cut(self))
      return false;
  return true;
}

static void
_model_append(Model *self, uint64_t number, size_t length)
{
  cr_assert_lt(self->end, sizeof(self->messages) / sizeof(self->messages[0]));
  self->messages[self->end++] = (ModelMessage){ .number = number, .length = length, .position = UINT64_MAX, .grace_from = -1 };
  self->bytes += FAKE_STREAM_HEADER + length;
}

static void
_model_post(Model *self)
{
  ModelMessage *message = &self->messages[self->posted++];

  self->written += _stream_length(message->length);
  message->end = self->written;
}

static void
_model_sample(Model *self, const failover_sample *sample)
{
  const failover_resend_state clock = failover_resend_get_state(self->resend);

  self->samples++;
  for (size_t i = self->front; i < self->posted; i++)
    {
      ModelMessage *message = &self->messages[i];
      if (message->position == UINT64_MAX && i + 1 == self->posted && sample->last_is_partial)
        break;
      if (message->position == UINT64_MAX)
        message->mark = self->samples;
      message->position = sample->written < message->position ? sample->written : message->position;
      if (!message->acked && sample->acked >= message->position)
        message->acked = true;
      if (message->acked && message->grace_from < 0 && message->position <= clock.read_position)
        message->grace_from = clock.grace_clock_ms;
    }
  while (self->front < self->posted && self->messages[self->front].grace_from >= 0
         && clock.grace_clock_ms - self->messages[self->front].grace_from >= self->grace_ms
         && self->messages[self->front].position <= clock.certain_position)
    _model_drop_front(self);
}

static void
_model_lose(Model *self)
{
  for (size_t i = self->front; i < self->end; i++)
    {
      self->messages[i].acked = false;
      self->messages[i].grace_from = -1;
      self->messages[i].position = UINT64_MAX;
    }
  self->posted = self->front;
  self->written = self->acked = 0;
}

/* ------------------------------------------------------------------------
 * Both in step
 */

static void
_expect_same(const char *what, uint64_t is, uint64_t expected, uint64_t seed, const char *step)
{
  cr_assert_eq(is, expected, "seed %llu, after %s: %s is %llu, expected %llu", (unsigned long long) seed, step,
               what, (unsigned long long) is, (unsigned long long) expected);
}

static void
_compare(const Model *self, uint64_t seed, const char *step)
{
  const failover_resend_state state = failover_resend_get_state(self->resend);
  size_t unacknowledged = 0;
  char expected[LONGEST], out[LONGEST];

  for (size_t i = self->front; i < self->posted; i++)
    unacknowledged += !self->messages[i].acked;
  _expect_same("kept", state.kept, self->end - self->front, seed, step);
  _expect_same("to resend", state.to_resend, self->end - self->posted, seed, step);
  _expect_same("unacknowledged", state.unacknowledged, unacknowledged, seed, step);
  _expect_same("bytes", state.bytes, self->bytes, seed, step);
  _expect_same("confirmed", state.confirmed, self->confirmed, seed, step);
  _expect_same("resent", state.resent, self->resent, seed, step);
  _expect_same("grace cut", state.grace_cut, self->grace_cut, seed, step);

  cr_assert_eq(failover_resend_has_next(self->resend), self->posted < self->end);
  if (self->posted == self->end)
    return;
  const ModelMessage *next = &self->messages[self->posted];
  cr_assert_eq(failover_resend_next_length(self->resend), next->length, "seed %llu, %s",
               (unsigned long long) seed, step);
  failover_resend_copy_next(self->resend, out);
  cr_assert_eq(memcmp(out, _bytes_of(next, expected), next->length), 0, "seed %llu, %s: other bytes",
               (unsigned long long) seed, step);
}

/* Every order of magnitude is as likely as the next, 0 among them. */
static size_t
_draw_length(uint64_t *random, size_t longest)
{
  size_t top = ((size_t) 1 << _below(random, 15)) - 1;

  return _below(random, (top < longest ? top : longest) + 1);
}

static void
_keep(Model *self, uint64_t *random, uint64_t *number)
{
  ModelMessage message = { .number = *number, .length = _draw_length(random, LONGEST - 1) };
  char bytes[LONGEST];
  const bool expected = self->posted == self->end && _model_make_room(self, message.length);

  cr_assert_eq(failover_resend_keep(self->resend, _bytes_of(&message, bytes), message.length), expected,
               "keeping %zu bytes, %zu are kept, the limit is %zu", message.length, self->bytes, self->limit);
  if (!expected)
    return;
  if (_chance(random, 15))
    {
      failover_resend_forget_last(self->resend);
      return;
    }
  _model_append(self, (*number)++, message.length);
  _model_post(self);
}

static void
_resend(Model *self, uint64_t *random)
{
  for (uint64_t count = _below(random, 20); count > 0 && self->posted < self->end; count--)
    {
      failover_resend_next_posted(self->resend);
      _model_post(self);
      self->resent++;
    }
}

static void
_sample(Model *self, uint64_t *random)
{
  const ModelMessage *last = self->posted > self->front ? &self->messages[self->posted - 1] : NULL;
  /* what was whole once stays so */
  const bool partial = last && last->position == UINT64_MAX && _chance(random, 20);
  const uint64_t missing = partial ? 1 + _below(random, _stream_length(last->length)) : 0;
  const uint64_t in_kernel = self->written - missing;

  /* now and then a kernel shows more of its buffer than before */
  const uint32_t full = 60000 + (uint32_t) (self->samples / 8) * 100;

  self->now_ms += _chance(random, 50) ? 0 : (int64_t) _below(random, 200);
  if (self->acked < in_kernel && _chance(random, 70))
    self->acked += _below(random, in_kernel - self->acked + 1);
  failover_sample sample = { .written = in_kernel + (_chance(random, 20) ? _below(random, 500) : 0),
                             .acked = self->acked,
                             .window = _chance(random, 70) ? full : (uint32_t) _below(random, full),
                             .now_ms = self->now_ms,
                             .last_is_partial = partial };
  failover_resend_sample(self->resend, &sample);
  _model_sample(self, &sample);
}

static void
_lose(Model *self)
{
  failover_resend_connection_lost(self->resend);
  _model_lose(self);
}

static void
_take_over(Model *self, Model *from)
{
  cr_assert_eq(failover_resend_take_over(self->resend, from->resend), FAILOVER_OK);
  _model_lose(from);
  for (; from->front < from->end; from->front++)
    _model_append(self, from->messages[from->front].number, from->messages[from->front].length);
  from->posted = from->front;
  from->bytes = 0;
}

static void
_init(Model *self, size_t limit, int64_t grace_ms)
{
  memset(self, 0, sizeof(*self));
  self->limit = limit;
  self->grace_ms = grace_ms;
  self->now_ms = 1000000;
  self->resend = fake_resend_new(grace_ms, limit);
}

Test(resend_model, random_steps)
{
  static Model models[2];

  for (uint64_t seed = 1; seed <= SEEDS; seed++)
    {
      uint64_t random = seed, number = 0;
      const size_t limit = _chance(&random, 50) ? 1000 + _below(&random, 20000) : 1000 + _below(&random, 400000);
      const int64_t grace_ms = _chance(&random, 30) ? 0 : (int64_t) _below(&random, 2000);

      _init(&models[0], limit, grace_ms);
      _init(&models[1], limit, grace_ms);
      for (int step = 0; step < STEPS; step++)
        {
          Model *self = &models[_below(&random, 10) == 0], *other = self == models ? models + 1 : models;
          const uint64_t drawn = _below(&random, 1000);
          const char *what = "a sample";

          if (drawn < 450)
            what = "a new message", _keep(self, &random, &number);
          else if (drawn < 650)
            what = "messages once more", _resend(self, &random);
          else if (drawn < 950)
            _sample(self, &random);
          else if (drawn < 985)
            what = "the end of a connection", _lose(self);
          else
            what = "a take over", _take_over(self, other);
          _compare(self, seed, what);
          _compare(other, seed, what);
        }
      failover_resend_free(models[0].resend);
      failover_resend_free(models[1].resend);
    }
}

/* ------------------------------------------------------------------------
 * Memory
 */

static void
_post_and_confirm(FakeStream *stream, uint64_t *random, int messages)
{
  for (int i = 0; i < messages; i++)
    {
      static char message[LONGEST];
      const size_t length = _below(random, 400);

      cr_assert(failover_resend_keep(stream->resend, message, length));
      stream->written += length + FAKE_STREAM_FRAME;
      if (i % 64 == 63)
        fake_stream_sample_after(stream, 1);
      if (i % 640 == 639)
        stream->acked = stream->written;
    }
}

Test(resend_model, nothing_is_allocated_once_the_buffer_has_grown)
{
  uint64_t random = 1;
  FakeStream stream;

  fake_stream_init(&stream, 50, 1024 * 1024);
  cr_assert_gt(count_allocations(), 0u, "allocations are not counted");
  _post_and_confirm(&stream, &random, 64 * 200);

  const uint64_t warm = count_allocations();
  _post_and_confirm(&stream, &random, 64 * 2000);
  fake_stream_lose(&stream);
  while (failover_resend_has_next(stream.resend))
    failover_resend_next_posted(stream.resend);
  fake_stream_sample(&stream);
  _post_and_confirm(&stream, &random, 64 * 100);
  cr_expect_eq(count_allocations() - warm, 0u, "%llu allocations",
               (unsigned long long) (count_allocations() - warm));
  fake_stream_done(&stream);
}

Test(resend_model, growing_takes_a_few_allocations)
{
  FakeStream stream;

  fake_stream_init(&stream, 50, 16 * 1024 * 1024);
  const uint64_t before = count_allocations();
  for (int i = 0; i < 100000; i++)
    cr_assert(fake_stream_post(&stream, "a message of some forty bytes, not more"));
  cr_expect_lt(count_allocations() - before, 20u, "%llu allocations for 100,000 messages",
               (unsigned long long) (count_allocations() - before));
  fake_stream_done(&stream);
}
