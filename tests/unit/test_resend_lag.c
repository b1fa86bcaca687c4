/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The resend buffer: receivers that have fallen behind, and what their window hides.
 */
#include "fake_stream.h"

#include <criterion/criterion.h>

enum
{
  LARGEST_BUFFER = 6 << 20, /* of a receiver, by Linux's default */
};

/* A message is acknowledged, and much that we do not know waits behind it. */
static void
_begin(FakeStream *stream, int64_t grace_ms, uint32_t window)
{
  fake_stream_init(stream, grace_ms, FAKE_STREAM_LIMIT);
  stream->window = window;
  cr_assert(fake_stream_post(stream, "a"));
  fake_stream_acknowledge(stream);
  stream->written += 2 * LARGEST_BUFFER;
}

/* It has fallen behind, and reads as fast as bytes come: its window stays small, but
 * its edge moves on.  How much is unread before it nobody knows. */
Test(resend_lag, of_a_receiver_that_lags_a_whole_buffer_has_to_move_on)
{
  FakeStream stream;

  _begin(&stream, 500, 60000);
  stream.window = 1000;
  for (int i = 0; i < 20; i++)
    {
      stream.acked += 12000;
      fake_stream_sample_after(&stream, 100);
      cr_expect_eq(fake_stream_state(&stream).kept, 1u);
    }
  stream.acked += LARGEST_BUFFER;
  fake_stream_sample_after(&stream, 100);
  cr_expect_eq(fake_stream_state(&stream).kept, 0u);
  fake_stream_done(&stream);
}

/* Then its window is as wide as any that was seen. */
Test(resend_lag, a_full_buffer_that_opens_now_and_then_proves_nothing)
{
  FakeStream stream;

  _begin(&stream, 500, 60000);
  for (int i = 0; i < 40; i++)
    {
      stream.window = i % 2 ? 60000 : 0;
      stream.acked += 60000;
      fake_stream_sample_after(&stream, 100);
      cr_expect_eq(fake_stream_state(&stream).kept, 1u);
    }
  stream.acked = stream.written;
  fake_stream_sample_after(&stream, 500);
  cr_expect_eq(fake_stream_state(&stream).kept, 0u, "it has caught up");
  fake_stream_done(&stream);
}

/* Between two looks the window of a young connection has widened tenfold, and was filled:
 * its edge moved as if all that had been read, for longer than a short grace. */
Test(resend_lag, a_window_that_widened_and_was_filled_unseen)
{
  FakeStream stream;

  _begin(&stream, 50, 5500);
  stream.acked += 100;
  fake_stream_sample(&stream);
  stream.window = 0;
  stream.acked += 60000;
  fake_stream_sample_after(&stream, 100);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u);
  stream.window = 5500;
  stream.acked += 60000;
  fake_stream_sample_after(&stream, 100);
  fake_stream_sample_after(&stream, 100);
  cr_expect_eq(fake_stream_state(&stream).kept, 0u, "it goes on reading");
  fake_stream_done(&stream);
}
