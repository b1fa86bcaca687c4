/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The resend buffer: what is kept, what is confirmed, what is posted once more.
 */
#include "fake_stream.h"

#include <criterion/criterion.h>
#include <string.h>

/* ------------------------------------------------------------------------
 * The contract
 */

Test(resend, free_accepts_null)
{
  failover_resend_free(NULL);
}

Test(resend, a_new_one_is_empty)
{
  FakeStream stream;

  fake_stream_init(&stream, FAKE_STREAM_GRACE_MS, FAKE_STREAM_LIMIT);
  failover_resend_state state = fake_stream_state(&stream);
  cr_expect_eq(state.kept + state.to_resend + state.unacknowledged, 0u);
  cr_expect_eq(state.confirmed + state.resent + state.grace_cut, 0u);
  cr_expect_eq(state.bytes, 0u);
  cr_expect_not(failover_resend_has_next(stream.resend));

  /* and nothing comes of a connection without a message */
  fake_stream_sample_partial(&stream);
  fake_stream_sample_after(&stream, 100);
  fake_stream_lose(&stream);
  cr_expect_not(failover_resend_has_next(stream.resend));
  fake_stream_done(&stream);
}

/* ------------------------------------------------------------------------
 * Posting
 */

Test(resend, a_posted_message_is_kept_and_does_not_wait_to_be_posted)
{
  FakeStream stream;

  fake_stream_init(&stream, FAKE_STREAM_GRACE_MS, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&stream, "one"));
  cr_assert(fake_stream_post(&stream, "three"));
  failover_resend_state state = fake_stream_state(&stream);
  cr_expect_eq(state.kept, 2u);
  cr_expect_eq(state.unacknowledged, 2u);
  cr_expect_eq(state.to_resend, 0u);
  cr_expect_eq(state.bytes, 2u * FAKE_STREAM_HEADER + 8);
  cr_expect_not(failover_resend_has_next(stream.resend));
  fake_stream_done(&stream);
}

Test(resend, a_message_that_was_not_posted_is_forgotten)
{
  FakeStream stream;

  fake_stream_init(&stream, FAKE_STREAM_GRACE_MS, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&stream, "a"));
  cr_assert(failover_resend_keep(stream.resend, "not this", 8));
  failover_resend_forget_last(stream.resend);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u);
  cr_expect_eq(fake_stream_state(&stream).bytes, (size_t) FAKE_STREAM_HEADER + 1);

  /* again and again, as when a socket stays full */
  for (int i = 0; i < 1000; i++)
    {
      cr_assert(failover_resend_keep(stream.resend, "not this", 8));
      failover_resend_forget_last(stream.resend);
    }
  cr_assert(fake_stream_post(&stream, "b"));
  fake_stream_lose(&stream);
  cr_expect_str_eq(fake_stream_resend_all(&stream), "a b");
  fake_stream_done(&stream);
}

Test(resend, what_is_kept_comes_first_on_the_next_connection)
{
  FakeStream stream;

  fake_stream_init(&stream, FAKE_STREAM_GRACE_MS, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&stream, "a"));
  cr_assert(fake_stream_post(&stream, "b"));
  fake_stream_lose(&stream);

  cr_expect_eq(fake_stream_state(&stream).to_resend, 2u);
  cr_expect_eq(fake_stream_state(&stream).unacknowledged, 0u);
  cr_expect_not(fake_stream_post(&stream, "c"), "a new message went first");
  cr_expect(failover_resend_has_next(stream.resend));
  cr_expect_eq(failover_resend_next_length(stream.resend), 1u);
  failover_resend_next_posted(stream.resend);
  cr_expect_eq(fake_stream_state(&stream).unacknowledged, 1u);
  cr_expect_not(fake_stream_post(&stream, "c"), "a new message went between two kept ones");
  failover_resend_next_posted(stream.resend);
  cr_expect_not(failover_resend_has_next(stream.resend));
  cr_expect(fake_stream_post(&stream, "c"));
  cr_expect_eq(fake_stream_state(&stream).resent, 2u);
  cr_expect_eq(fake_stream_state(&stream).kept, 3u);
  fake_stream_done(&stream);
}

Test(resend, order_holds_over_many_connections)
{
  FakeStream stream;

  fake_stream_init(&stream, FAKE_STREAM_GRACE_MS, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&stream, "a"));
  cr_assert(fake_stream_post(&stream, "b"));
  fake_stream_lose(&stream);
  cr_expect_str_eq(fake_stream_resend_all(&stream), "a b");
  cr_assert(fake_stream_post(&stream, "c"));
  fake_stream_lose(&stream);

  /* this one breaks while the kept ones are being posted */
  failover_resend_next_posted(stream.resend);
  fake_stream_lose(&stream);
  cr_expect_str_eq(fake_stream_resend_all(&stream), "a b c");
  cr_assert(fake_stream_post(&stream, ""));
  cr_assert(fake_stream_post(&stream, "d"));
  fake_stream_lose(&stream);
  fake_stream_lose(&stream);
  cr_expect_str_eq(fake_stream_resend_all(&stream), "a b c  d");
  cr_expect_eq(fake_stream_state(&stream).resent, 2u + 1u + 3u + 5u);
  fake_stream_done(&stream);
}

Test(resend, bytes_come_out_as_they_went_in)
{
  static const char message[] = "zero \0 inside, \xff\xfe and \n at the end\n";
  char out[sizeof(message)] = "";
  FakeStream stream;

  fake_stream_init(&stream, FAKE_STREAM_GRACE_MS, FAKE_STREAM_LIMIT);
  cr_assert(failover_resend_keep(stream.resend, message, sizeof(message)));
  fake_stream_lose(&stream);
  cr_assert_eq(failover_resend_next_length(stream.resend), sizeof(message));
  failover_resend_copy_next(stream.resend, out);
  cr_expect_arr_eq(out, message, sizeof(message));
  fake_stream_done(&stream);
}

/* ------------------------------------------------------------------------
 * Confirmation
 */

Test(resend, a_message_is_confirmed_when_its_last_byte_is_acknowledged)
{
  FakeStream stream;

  fake_stream_init(&stream, 0, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&stream, "message"));
  fake_stream_sample(&stream);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u);
  stream.acked = stream.written - 1;
  fake_stream_sample(&stream);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u, "confirmed one byte too early");
  cr_expect_eq(fake_stream_state(&stream).confirmed, 0u);
  stream.acked = stream.written;
  fake_stream_sample(&stream);
  cr_expect_eq(fake_stream_state(&stream).kept, 0u);
  cr_expect_eq(fake_stream_state(&stream).unacknowledged, 0u);
  cr_expect_eq(fake_stream_state(&stream).confirmed, 1u);
  cr_expect_eq(fake_stream_state(&stream).bytes, 0u);
  fake_stream_done(&stream);
}

Test(resend, an_acknowledgement_confirms_only_what_was_written_before)
{
  FakeStream stream;

  fake_stream_init(&stream, 0, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&stream, "a"));
  fake_stream_sample(&stream);
  cr_assert(fake_stream_post(&stream, "b"));
  stream.acked = stream.written - 1; /* all of the first */
  fake_stream_sample(&stream);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u);
  fake_stream_lose(&stream);
  cr_expect_str_eq(fake_stream_resend_all(&stream), "b");
  fake_stream_done(&stream);
}

Test(resend, acknowledged_before_the_first_sample_is_confirmed_by_it)
{
  FakeStream stream;

  fake_stream_init(&stream, 0, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&stream, "a"));
  stream.acked = stream.written;
  fake_stream_sample(&stream);
  cr_expect_eq(fake_stream_state(&stream).kept, 0u);
  fake_stream_done(&stream);
}

Test(resend, a_partly_written_message_is_kept)
{
  FakeStream stream;

  fake_stream_init(&stream, 0, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&stream, "a"));
  cr_assert(fake_stream_post(&stream, "partly"));
  stream.written -= 3;
  stream.acked = stream.written;
  fake_stream_sample_partial(&stream);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u);
  cr_expect_eq(fake_stream_state(&stream).unacknowledged, 1u);

  fake_stream_lose(&stream);
  cr_expect_str_eq(fake_stream_resend_all(&stream), "partly");

  /* its rest was written */
  stream.written -= 3;
  fake_stream_sample_partial(&stream);
  stream.written += 3;
  stream.acked = stream.written;
  fake_stream_sample(&stream);
  cr_expect_eq(fake_stream_state(&stream).kept, 0u);
  fake_stream_done(&stream);
}

/* A full socket: the one before is partly written, the next is not taken. */
Test(resend, a_forgotten_message_does_not_hide_a_partly_written_one)
{
  FakeStream stream;

  fake_stream_init(&stream, 0, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&stream, "whole"));
  cr_assert(fake_stream_post(&stream, "partly"));
  for (const char *const *message = (const char *const[]){ "", "forgotten", "forgotten and longer", NULL };
       *message; message++)
    {
      cr_assert(failover_resend_keep(stream.resend, *message, strlen(*message)));
      failover_resend_forget_last(stream.resend);
      stream.acked = 2;
      stream.written = 10;
      fake_stream_sample_partial(&stream);
      cr_expect_eq(fake_stream_state(&stream).kept, 2u);
    }
  stream.acked = 10;
  fake_stream_sample_partial(&stream);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u);
  cr_expect_eq(fake_stream_state(&stream).bytes, (size_t) FAKE_STREAM_HEADER + strlen("partly"));
  fake_stream_lose(&stream);
  cr_expect_str_eq(fake_stream_resend_all(&stream), "partly");
  fake_stream_done(&stream);
}

/* An acknowledgement that arrives while the kernel is asked makes `written` too
 * large; the next one is closer to the truth. */
Test(resend, a_smaller_position_tightens_the_earlier_ones)
{
  FakeStream stream;

  fake_stream_init(&stream, 0, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&stream, "a"));
  stream.written += 100;
  fake_stream_sample(&stream);
  cr_assert(fake_stream_post(&stream, "b"));
  stream.written += 50;
  fake_stream_sample(&stream);
  cr_expect_eq(fake_stream_state(&stream).kept, 2u);

  stream.written = 4; /* the truth, all the time */
  stream.acked = 4;
  fake_stream_sample(&stream);
  cr_expect_eq(fake_stream_state(&stream).kept, 0u);
  fake_stream_done(&stream);
}

Test(resend, a_smaller_position_leaves_smaller_ones_alone)
{
  FakeStream stream;

  fake_stream_init(&stream, 0, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&stream, "a")); /* ends at 2 */
  fake_stream_sample(&stream);
  cr_assert(fake_stream_post(&stream, "b")); /* ends at 4 */
  stream.written = 10;
  fake_stream_sample(&stream);
  stream.written = 4;
  stream.acked = 2;
  fake_stream_sample(&stream);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u);
  fake_stream_lose(&stream);
  cr_expect_str_eq(fake_stream_resend_all(&stream), "b");
  fake_stream_done(&stream);
}
