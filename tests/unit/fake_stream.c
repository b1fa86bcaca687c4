/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See fake_stream.h.
 */
#include "fake_stream.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

failover_resend *
fake_resend_new(int64_t grace_ms, size_t buffer_size)
{
  failover_resend_settings settings = {
                                        .grace_ms = grace_ms,
                                        .buffer_size = buffer_size };
  failover_resend *resend = NULL;

  cr_assert_eq(failover_resend_new(&settings, &resend), FAILOVER_OK);
  cr_assert_not_null(resend);
  return resend;
}

void
fake_stream_init(FakeStream *self, int64_t grace_ms, size_t buffer_size)
{
  *self = (FakeStream){ .resend = fake_resend_new(grace_ms, buffer_size),
                        /* not 0: a forgotten start of the clock must be noticed */
                        .now_ms = 5000000,
                        .window = FAKE_STREAM_WINDOW };
}

void
fake_stream_done(FakeStream *self)
{
  failover_resend_free(self->resend);
}

bool
fake_stream_post(FakeStream *self, const char *message)
{
  if (!failover_resend_keep(self->resend, message, strlen(message)))
    return false;
  self->written += strlen(message) + FAKE_STREAM_FRAME;
  return true;
}

bool
fake_stream_post_bytes(FakeStream *self, size_t length)
{
  char *message = malloc(length + 1);

  memset(message, 'x', length);
  message[length] = '\0';
  bool posted = fake_stream_post(self, message);
  free(message);
  return posted;
}

const char *
fake_stream_resend_all(FakeStream *self)
{
  static char resent[4096];
  size_t used = 0;

  while (failover_resend_has_next(self->resend))
    {
      size_t length = failover_resend_next_length(self->resend);
      cr_assert_lt(used + length + 1, sizeof(resent));
      if (used > 0)
        resent[used++] = ' ';
      failover_resend_copy_next(self->resend, resent + used);
      failover_resend_next_posted(self->resend);
      used += length;
      self->written += length + FAKE_STREAM_FRAME;
    }
  resent[used] = '\0';
  return resent;
}

static void
_sample(FakeStream *self, bool last_is_partial)
{
  failover_sample sample = { .written = self->written,
                             .acked = self->acked,
                             .window = self->window,
                             .now_ms = self->now_ms,
                             .last_is_partial = last_is_partial };

  failover_resend_sample(self->resend, &sample);
}

void
fake_stream_sample(FakeStream *self)
{
  _sample(self, false);
}

void
fake_stream_sample_partial(FakeStream *self)
{
  _sample(self, true);
}

void
fake_stream_sample_after(FakeStream *self, int64_t ms)
{
  self->now_ms += ms;
  _sample(self, false);
}

void
fake_stream_acknowledge(FakeStream *self)
{
  /* the one before says what is to be acknowledged, and how far it reaches */
  _sample(self, false);
  self->acked = self->written;
  _sample(self, false);
}

void
fake_stream_lose(FakeStream *self)
{
  failover_resend_connection_lost(self->resend);
  self->written = self->acked = 0;
}

failover_resend_state
fake_stream_state(const FakeStream *self)
{
  return failover_resend_get_state(self->resend);
}
