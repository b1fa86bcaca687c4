/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The resend buffer: the grace of what is acknowledged, and what an end of the
 * connection makes of it.
 */
#include "fake_stream.h"

#include <criterion/criterion.h>

/* ------------------------------------------------------------------------
 * The grace
 */

Test(resend_grace, an_acknowledged_message_is_kept_for_the_grace)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&stream, "a"));
  fake_stream_acknowledge(&stream);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u);
  cr_expect_eq(fake_stream_state(&stream).unacknowledged, 0u);
  fake_stream_sample_after(&stream, 499);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u);
  cr_expect_eq(fake_stream_state(&stream).confirmed, 0u);
  fake_stream_sample_after(&stream, 1);
  cr_expect_eq(fake_stream_state(&stream).kept, 0u);
  cr_expect_eq(fake_stream_state(&stream).confirmed, 1u);
  cr_expect_eq(fake_stream_state(&stream).grace_cut, 0u);
  fake_stream_done(&stream);
}

Test(resend_grace, each_message_has_its_own_grace)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&stream, "a"));
  fake_stream_acknowledge(&stream);
  fake_stream_sample_after(&stream, 300);
  cr_assert(fake_stream_post(&stream, "b"));
  fake_stream_acknowledge(&stream);
  fake_stream_sample_after(&stream, 200);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u);
  fake_stream_sample_after(&stream, 299);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u);
  fake_stream_sample_after(&stream, 1);
  cr_expect_eq(fake_stream_state(&stream).kept, 0u);
  fake_stream_done(&stream);
}

/* A machine without power has acknowledged its last byte; the timeout that tells
 * is longer than any grace. */
Test(resend_grace, the_grace_runs_only_while_the_receiver_answers)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&stream, "a"));
  fake_stream_acknowledge(&stream);
  cr_assert(fake_stream_post(&stream, "b"));
  for (int i = 0; i < 100; i++)
    fake_stream_sample_after(&stream, 300);
  cr_expect_eq(fake_stream_state(&stream).kept, 2u);

  /* one more byte is an answer, and so is that nothing is left to be answered; of a
   * time that nobody has looked at only 200 ms count */
  stream.acked++;
  fake_stream_sample_after(&stream, 300);
  stream.acked = stream.written;
  fake_stream_sample_after(&stream, 30000);
  fake_stream_sample_after(&stream, 99);
  cr_expect_eq(fake_stream_state(&stream).kept, 2u);
  fake_stream_sample_after(&stream, 1);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u);
  fake_stream_sample_after(&stream, 500);
  cr_expect_eq(fake_stream_state(&stream).kept, 0u);
  fake_stream_done(&stream);
}

/* TCP acknowledges every other segment, or later: samples are more frequent. */
Test(resend_grace, the_grace_runs_while_an_answer_may_be_on_its_way)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&stream, "a"));
  fake_stream_acknowledge(&stream);
  for (int i = 0; i < 9; i++)
    {
      cr_assert(fake_stream_post(&stream, "b"));
      fake_stream_sample_after(&stream, 20);
      fake_stream_sample_after(&stream, 30);
      stream.acked++;
      fake_stream_sample_after(&stream, 5);
    }
  cr_expect_eq(fake_stream_state(&stream).kept, 10u);
  stream.acked++;
  fake_stream_sample_after(&stream, 5);
  cr_expect_eq(fake_stream_state(&stream).kept, 9u);
  fake_stream_done(&stream);
}

/* What comes between two answers does not stop the clock, if the second shows that all was
 * read; but a full buffer opens now and then, too. */
Test(resend_grace, after_a_small_window_a_wide_one_has_to_stay)
{
  FakeStream stream;

  fake_stream_init(&stream, 100, FAKE_STREAM_LIMIT);
  stream.window = 60000;
  cr_assert(fake_stream_post(&stream, "a"));
  fake_stream_acknowledge(&stream);
  cr_assert(fake_stream_post(&stream, "b"));
  stream.window = 20000;
  fake_stream_sample_after(&stream, 50);
  stream.window = 60000;
  stream.acked++;
  fake_stream_sample_after(&stream, 49);
  cr_expect_eq(fake_stream_state(&stream).kept, 2u);
  stream.acked++;
  fake_stream_sample_after(&stream, 150);
  cr_expect_eq(fake_stream_state(&stream).kept, 2u);
  fake_stream_sample_after(&stream, 1);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u);
  fake_stream_done(&stream);
}

Test(resend_grace, the_grace_begins_with_the_sample_that_saw_the_acknowledgement)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&stream, "a"));
  fake_stream_sample(&stream);
  stream.acked = stream.written;
  fake_stream_sample_after(&stream, 400);
  fake_stream_sample_after(&stream, 499);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u);
  fake_stream_sample_after(&stream, 1);
  cr_expect_eq(fake_stream_state(&stream).kept, 0u);
  fake_stream_done(&stream);
}

/* Nothing is acknowledged any more: then the window has to tell. */
Test(resend_grace, the_grace_of_an_idle_stream_runs_only_while_the_window_is_wide)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, FAKE_STREAM_LIMIT);
  stream.window = 60000;
  cr_assert(fake_stream_post(&stream, "a"));
  fake_stream_acknowledge(&stream);

  /* from a sample with half of the widest window to the next such: it runs */
  stream.window = 30000;
  fake_stream_sample(&stream);
  fake_stream_sample_after(&stream, 200);
  /* not to one with less */
  stream.window = 29999;
  fake_stream_sample_after(&stream, 1000);
  fake_stream_sample_after(&stream, 1000);
  stream.window = 0;
  fake_stream_sample_after(&stream, 1000);
  /* and the receiver has caught up when it stays wide */
  stream.window = 30000;
  fake_stream_sample_after(&stream, 499);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u);
  fake_stream_sample_after(&stream, 1);
  cr_expect_eq(fake_stream_state(&stream).kept, 0u);
  fake_stream_done(&stream);
}

/* Bytes of no message that we know. */
static void
_receive(FakeStream *stream, uint64_t bytes)
{
  stream->written += bytes;
  stream->acked = stream->written;
}

/* One that hangs takes what comes until its buffer is full: the window narrows by
 * what is acknowledged, long before it is small. */
Test(resend_grace, the_grace_runs_only_while_the_receiver_reads)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, FAKE_STREAM_LIMIT);
  stream.window = 1000000;
  cr_assert(fake_stream_post(&stream, "read before"));
  fake_stream_acknowledge(&stream);
  for (int i = 0; i < 100; i++)
    {
      const uint64_t written = stream.written;
      cr_assert(fake_stream_post(&stream, "not read"));
      stream.acked = stream.written;
      stream.window -= (uint32_t) (stream.written - written);
      fake_stream_sample_after(&stream, 100);
    }
  cr_expect_eq(fake_stream_state(&stream).kept, 101u);

  /* it goes on: nine of ten bytes that it acknowledges are read */
  for (int i = 0; i < 5; i++)
    {
      _receive(&stream, 10);
      stream.window--;
      fake_stream_sample_after(&stream, 100);
    }
  cr_expect_eq(fake_stream_state(&stream).kept, 100u);
  stream.window = 1000000;
  for (int i = 0; i < 6; i++)
    {
      _receive(&stream, 10);
      fake_stream_sample_after(&stream, 100);
    }
  cr_expect_eq(fake_stream_state(&stream).kept, 0u);
  fake_stream_done(&stream);
}

/* One that reads as fast as bytes come, but is behind: as far as the window is
 * narrower than it was, twice that if its kernel counts an unread byte as half. */
Test(resend_grace, the_grace_begins_when_the_window_says_that_it_was_read)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, FAKE_STREAM_LIMIT);
  stream.window = 100000;
  fake_stream_sample(&stream);
  stream.window = 99500;
  fake_stream_sample(&stream);
  cr_assert(fake_stream_post(&stream, "a"));
  fake_stream_acknowledge(&stream);
  for (int i = 0; i < 100; i++)
    {
      _receive(&stream, 10);
      fake_stream_sample_after(&stream, 100);
    }
  cr_expect_eq(fake_stream_state(&stream).kept, 1u, "1000 bytes behind it may be unread");
  for (int i = 0; i < 5; i++)
    {
      _receive(&stream, 10);
      fake_stream_sample_after(&stream, 100);
    }
  cr_expect_eq(fake_stream_state(&stream).kept, 0u);
  fake_stream_done(&stream);
}

/* Its kernel need not tell the sender of room that comes when nothing else does. */
Test(resend_grace, an_idle_stream_was_read)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, FAKE_STREAM_LIMIT);
  stream.window = 100000;
  fake_stream_sample(&stream);
  stream.window = 60000;
  cr_assert(fake_stream_post(&stream, "a"));
  fake_stream_acknowledge(&stream);
  fake_stream_sample(&stream);
  fake_stream_sample_after(&stream, 499);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u);
  fake_stream_sample_after(&stream, 1);
  cr_expect_eq(fake_stream_state(&stream).kept, 0u);
  fake_stream_done(&stream);
}

/* A kernel shows more and more of its buffer at first, read or not. */
Test(resend_grace, the_grace_does_not_run_while_the_window_widens)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, FAKE_STREAM_LIMIT);
  stream.window = 65536;
  fake_stream_sample(&stream);
  for (int i = 0; i < 100; i++)
    {
      cr_assert(fake_stream_post(&stream, "read or not"));
      stream.acked = stream.written;
      stream.window += 8192;
      fake_stream_sample_after(&stream, 100);
    }
  cr_expect_eq(fake_stream_state(&stream).kept, 100u);

  /* wider than the last, but not than any before */
  stream.window -= 1000;
  fake_stream_sample_after(&stream, 0);
  stream.window += 1000;
  fake_stream_sample_after(&stream, 499);
  cr_expect_eq(fake_stream_state(&stream).kept, 100u);
  fake_stream_sample_after(&stream, 1);
  cr_expect_eq(fake_stream_state(&stream).kept, 0u);
  fake_stream_done(&stream);
}

Test(resend_grace, a_wider_window_raises_what_keeping_up_means)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, FAKE_STREAM_LIMIT);
  stream.window = 10000;
  cr_assert(fake_stream_post(&stream, "a"));
  fake_stream_acknowledge(&stream);
  stream.window = 4000000000u; /* twice that is more than 32 bits hold */
  fake_stream_sample(&stream);
  stream.window = 10000;
  fake_stream_sample_after(&stream, 1000);
  fake_stream_sample_after(&stream, 1000);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u);
  stream.window = 2000000000u;
  fake_stream_sample_after(&stream, 1000);
  fake_stream_sample_after(&stream, 500);
  cr_expect_eq(fake_stream_state(&stream).kept, 0u);
  fake_stream_done(&stream);
}

Test(resend_grace, the_grace_does_not_run_between_connections)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&stream, "a"));
  fake_stream_acknowledge(&stream);
  fake_stream_sample_after(&stream, 400);
  fake_stream_lose(&stream);
  stream.now_ms += 60000;

  cr_expect_str_eq(fake_stream_resend_all(&stream), "a");
  fake_stream_acknowledge(&stream);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u, "the time without a connection has counted");
  fake_stream_sample_after(&stream, 499);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u, "the time on the connection before has counted");
  fake_stream_sample_after(&stream, 1);
  cr_expect_eq(fake_stream_state(&stream).kept, 0u);
  fake_stream_done(&stream);
}

Test(resend_grace, the_widest_window_is_that_of_one_connection)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, FAKE_STREAM_LIMIT);
  stream.window = 60000;
  fake_stream_sample(&stream);
  fake_stream_lose(&stream);

  stream.window = 5000; /* all that this receiver has */
  cr_assert(fake_stream_post(&stream, "a"));
  fake_stream_acknowledge(&stream);
  fake_stream_sample_after(&stream, 500);
  cr_expect_eq(fake_stream_state(&stream).kept, 0u);
  fake_stream_done(&stream);
}

/* ------------------------------------------------------------------------
 * The end of a connection
 */

static void
_post_three_and_acknowledge_two(FakeStream *stream)
{
  cr_assert(fake_stream_post(stream, "a"));
  cr_assert(fake_stream_post(stream, "b"));
  fake_stream_acknowledge(stream);
  cr_assert(fake_stream_post(stream, "c"));
  fake_stream_sample(stream);
}

Test(resend_grace, an_end_confirms_nothing)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, FAKE_STREAM_LIMIT);
  _post_three_and_acknowledge_two(&stream);
  fake_stream_lose(&stream);
  cr_expect_eq(fake_stream_state(&stream).confirmed, 0u);
  cr_expect_str_eq(fake_stream_resend_all(&stream), "a b c");
  fake_stream_done(&stream);
}

/* What was acknowledged on one connection says nothing on the next. */
Test(resend_grace, acknowledgements_count_for_their_connection_only)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, FAKE_STREAM_LIMIT);
  _post_three_and_acknowledge_two(&stream);
  fake_stream_lose(&stream);
  fake_stream_lose(&stream); /* it ended before anything was posted */
  cr_expect_eq(fake_stream_state(&stream).to_resend, 3u);

  cr_expect_str_eq(fake_stream_resend_all(&stream), "a b c");
  fake_stream_sample(&stream);
  fake_stream_lose(&stream); /* it ended before anything was acknowledged */
  cr_expect_str_eq(fake_stream_resend_all(&stream), "a b c");
  fake_stream_done(&stream);
}

Test(resend_grace, fruitless_is_a_connection_that_confirmed_nothing_of_what_was_posted)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, FAKE_STREAM_LIMIT);
  cr_expect_not(failover_resend_is_fruitless(stream.resend), "nothing was posted");
  cr_assert(fake_stream_post(&stream, "a"));
  fake_stream_acknowledge(&stream);
  cr_expect(failover_resend_is_fruitless(stream.resend), "acknowledged is not confirmed");
  fake_stream_sample_after(&stream, 500);
  cr_assert_eq(fake_stream_state(&stream).kept, 0u);
  cr_assert(fake_stream_post(&stream, "b"));
  cr_expect_not(failover_resend_is_fruitless(stream.resend));
  fake_stream_done(&stream);
}

Test(resend_grace, an_end_among_the_resent_ones_keeps_the_others)
{
  FakeStream stream;

  fake_stream_init(&stream, 0, FAKE_STREAM_LIMIT);
  for (const char *const *message = (const char *const[]){ "a", "b", "c", NULL }; *message; message++)
    cr_assert(fake_stream_post(&stream, *message));
  fake_stream_lose(&stream);

  failover_resend_next_posted(stream.resend);
  stream.written = 2;
  fake_stream_acknowledge(&stream);
  cr_expect_eq(fake_stream_state(&stream).kept, 2u);
  cr_expect_eq(fake_stream_state(&stream).to_resend, 2u);
  fake_stream_lose(&stream);
  cr_expect_str_eq(fake_stream_resend_all(&stream), "b c");
  fake_stream_done(&stream);
}
