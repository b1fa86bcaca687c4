/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The resend buffer: its limit, and what it takes over from an older connection.
 */
#include "fake_stream.h"

#include <criterion/criterion.h>
#include <string.h>

/* ------------------------------------------------------------------------
 * The limit
 */

enum
{
  SMALL = 1000, /* bytes of a buffer: ten messages of these */
  TENTH = SMALL / 10 - FAKE_STREAM_HEADER,
};

Test(resend_limit, a_full_buffer_takes_nothing_more_while_nothing_is_acknowledged)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, SMALL);
  for (int i = 0; i < 10; i++)
    cr_assert(fake_stream_post_bytes(&stream, TENTH), "message %d", i);
  fake_stream_sample(&stream);
  cr_expect_eq(fake_stream_state(&stream).bytes, (size_t) SMALL);
  for (int i = 0; i < 3; i++)
    cr_expect_not(fake_stream_post(&stream, ""));
  cr_expect_eq(fake_stream_state(&stream).kept, 10u, "an unacknowledged message was given up");
  cr_expect_eq(fake_stream_state(&stream).grace_cut, 0u);
  fake_stream_lose(&stream);
  cr_expect_eq(fake_stream_state(&stream).to_resend, 10u);
  fake_stream_done(&stream);
}

Test(resend_limit, in_a_full_buffer_the_grace_yields_oldest_first)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, SMALL);
  cr_assert(fake_stream_post(&stream, "oldest"));
  fake_stream_acknowledge(&stream);
  cr_assert(fake_stream_post(&stream, "older"));
  fake_stream_acknowledge(&stream);
  cr_assert(fake_stream_post(&stream, "unacknowledged"));
  fake_stream_sample(&stream);
  const size_t room = SMALL - fake_stream_state(&stream).bytes;
  cr_assert(fake_stream_post_bytes(&stream, room - FAKE_STREAM_HEADER));
  cr_expect_eq(fake_stream_state(&stream).kept, 4u, "the grace yields without need");

  cr_expect(fake_stream_post(&stream, "first!"));
  cr_expect_eq(fake_stream_state(&stream).kept, 4u);
  cr_expect_eq(fake_stream_state(&stream).grace_cut, 1u);
  cr_expect(fake_stream_post(&stream, "2nd"));
  cr_expect_eq(fake_stream_state(&stream).kept, 4u);
  cr_expect_eq(fake_stream_state(&stream).grace_cut, 2u);
  cr_expect_eq(fake_stream_state(&stream).confirmed, 2u, "what is cut is let go, too");
  cr_expect_not(fake_stream_post(&stream, "unacknowledged"));

  fake_stream_lose(&stream);
  cr_expect_eq(strncmp(fake_stream_resend_all(&stream), "unacknowledged x", 16), 0);
  fake_stream_done(&stream);
}

Test(resend_limit, one_message_larger_than_the_limit_is_let_in_alone)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, SMALL);
  cr_assert(fake_stream_post(&stream, "a"));
  cr_expect_not(fake_stream_post_bytes(&stream, 3 * SMALL), "let in beside another");
  fake_stream_acknowledge(&stream);
  fake_stream_sample_after(&stream, 500);
  cr_expect(fake_stream_post_bytes(&stream, 3 * SMALL));
  cr_expect_eq(fake_stream_state(&stream).bytes, 3u * SMALL + FAKE_STREAM_HEADER);
  cr_expect_not(fake_stream_post(&stream, ""), "let in beside the large one");

  fake_stream_lose(&stream);
  cr_expect_eq(strlen(fake_stream_resend_all(&stream)), 3u * SMALL);
  fake_stream_done(&stream);
}

Test(resend_limit, the_grace_yields_for_a_message_larger_than_the_limit)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, SMALL);
  cr_assert(fake_stream_post(&stream, "a"));
  fake_stream_acknowledge(&stream);
  cr_expect(fake_stream_post_bytes(&stream, 3 * SMALL));
  cr_expect_eq(fake_stream_state(&stream).kept, 1u);
  cr_expect_eq(fake_stream_state(&stream).grace_cut, 1u);
  fake_stream_done(&stream);
}

Test(resend_limit, the_limit_holds_again_after_a_large_message)
{
  FakeStream stream;
  int posted = 0;

  fake_stream_init(&stream, 0, SMALL);
  cr_assert(fake_stream_post_bytes(&stream, 5 * SMALL));
  fake_stream_acknowledge(&stream);
  cr_assert_eq(fake_stream_state(&stream).kept, 0u);
  while (posted < 100 && fake_stream_post_bytes(&stream, TENTH))
    posted++;
  cr_expect_eq(posted, 10);
  cr_expect_leq(fake_stream_state(&stream).bytes, (size_t) SMALL);
  fake_stream_done(&stream);
}

Test(resend_limit, a_forgotten_message_leaves_its_room)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, SMALL);
  for (int i = 0; i < 9; i++)
    cr_assert(fake_stream_post_bytes(&stream, TENTH));
  for (int i = 0; i < 100; i++)
    {
      cr_assert(fake_stream_post_bytes(&stream, TENTH), "time %d", i);
      failover_resend_forget_last(stream.resend);
    }
  cr_expect(fake_stream_post_bytes(&stream, TENTH));
  fake_stream_done(&stream);
}

/* ------------------------------------------------------------------------
 * What an older connection leaves
 */

Test(resend_limit, leftovers_are_posted_behind_what_waits_and_before_what_is_new)
{
  FakeStream old, stream;

  fake_stream_init(&old, 500, FAKE_STREAM_LIMIT);
  fake_stream_init(&stream, 500, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&old, "a"));
  cr_assert(fake_stream_post(&old, "b"));
  fake_stream_acknowledge(&old);
  cr_assert(fake_stream_post(&old, "c"));
  cr_assert(fake_stream_post(&stream, "d"));
  fake_stream_lose(&stream);
  cr_assert(failover_resend_take_over(stream.resend, old.resend) == FAILOVER_OK);

  cr_expect_eq(fake_stream_state(&old).kept, 0u);
  cr_expect_eq(fake_stream_state(&old).bytes, 0u);
  cr_expect_not(failover_resend_has_next(old.resend));
  cr_expect_eq(fake_stream_state(&stream).to_resend, 4u);
  cr_expect_not(fake_stream_post(&stream, "e"));
  cr_expect_str_eq(fake_stream_resend_all(&stream), "d a b c");
  cr_expect(fake_stream_post(&stream, "e"));
  fake_stream_lose(&stream);
  cr_expect_str_eq(fake_stream_resend_all(&stream), "d a b c e");
  fake_stream_done(&old);
  fake_stream_done(&stream);
}

Test(resend_limit, leftovers_join_a_connection_in_use)
{
  FakeStream old, stream;

  fake_stream_init(&old, 0, FAKE_STREAM_LIMIT);
  fake_stream_init(&stream, 0, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&old, "a"));
  cr_assert(fake_stream_post(&stream, "b"));
  fake_stream_sample(&stream);
  cr_assert_eq(failover_resend_take_over(stream.resend, old.resend), FAILOVER_OK);

  /* "b" is still on its way, and is confirmed without "a" */
  cr_expect_eq(fake_stream_state(&stream).unacknowledged, 1u);
  cr_expect_eq(fake_stream_state(&stream).to_resend, 1u);
  fake_stream_acknowledge(&stream);
  cr_expect_eq(fake_stream_state(&stream).kept, 1u);
  cr_expect_str_eq(fake_stream_resend_all(&stream), "a");
  fake_stream_acknowledge(&stream);
  cr_expect_eq(fake_stream_state(&stream).kept, 0u);
  fake_stream_done(&old);
  fake_stream_done(&stream);
}

Test(resend_limit, taking_over_nothing_changes_nothing)
{
  FakeStream old, stream;

  fake_stream_init(&old, 0, FAKE_STREAM_LIMIT);
  fake_stream_init(&stream, 0, FAKE_STREAM_LIMIT);
  cr_assert_eq(failover_resend_take_over(stream.resend, old.resend), FAILOVER_OK);
  cr_expect_not(failover_resend_has_next(stream.resend));
  cr_assert(fake_stream_post(&stream, "a"));
  cr_assert_eq(failover_resend_take_over(stream.resend, old.resend), FAILOVER_OK);
  cr_expect_not(failover_resend_has_next(stream.resend));
  cr_expect_eq(fake_stream_state(&stream).kept, 1u);

  fake_stream_done(&old);
  fake_stream_done(&stream);
}

Test(resend_limit, what_is_posted_once_more_is_throttled)
{
  failover_resend_settings settings = { .buffer_size = FAKE_STREAM_LIMIT, .throttle = 10 };
  FakeStream stream = { .now_ms = 5000000, .window = FAKE_STREAM_WINDOW };
  int posted = 0;

  cr_assert_eq(failover_resend_new(&settings, &stream.resend), FAILOVER_OK);
  for (int i = 0; i < 100; i++)
    cr_assert(fake_stream_post(&stream, "a"));
  fake_stream_lose(&stream);

  for (int i = 0; i < 3000; i++, stream.now_ms++)
    for (; failover_resend_next_is_due(stream.resend, stream.now_ms); posted++)
      failover_resend_next_posted(stream.resend);
  cr_expect_eq(posted, 30, "%d in three seconds", posted);

  /* of a pause only one second counts */
  stream.now_ms += 60000;
  for (posted = 0; failover_resend_next_is_due(stream.resend, stream.now_ms); posted++)
    failover_resend_next_posted(stream.resend);
  cr_expect_eq(posted, 10, "%d at once", posted);
  fake_stream_done(&stream);
}

Test(resend_limit, what_was_taken_over_from_can_be_used_again)
{
  FakeStream old, stream;

  fake_stream_init(&old, 0, FAKE_STREAM_LIMIT);
  fake_stream_init(&stream, 500, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&old, "a"));
  cr_assert(fake_stream_post(&old, "b"));
  cr_assert_eq(failover_resend_take_over(stream.resend, old.resend), FAILOVER_OK);

  /* its next connection has confirmed the first of two */
  old.written = old.acked = 0;
  cr_expect(fake_stream_post(&old, "c"));
  fake_stream_sample(&old);
  cr_expect(fake_stream_post(&old, "d"));
  fake_stream_sample(&old);
  cr_expect_eq(fake_stream_state(&old).unacknowledged, 2u);
  old.acked = 3;
  fake_stream_sample(&old);
  fake_stream_lose(&old);
  cr_expect_eq(fake_stream_state(&old).confirmed, 1u);
  cr_expect_str_eq(fake_stream_resend_all(&old), "d");
  cr_expect_str_eq(fake_stream_resend_all(&stream), "a b");
  fake_stream_done(&old);
  fake_stream_done(&stream);
}

Test(resend_limit, what_is_taken_over_may_exceed_the_limit_but_nothing_more)
{
  FakeStream old, stream;

  fake_stream_init(&old, 0, SMALL);
  fake_stream_init(&stream, 0, SMALL);
  for (int i = 0; i < 10; i++)
    {
      cr_assert(fake_stream_post_bytes(&old, TENTH));
      cr_assert(fake_stream_post_bytes(&stream, TENTH));
    }
  fake_stream_sample(&stream);
  cr_assert_eq(failover_resend_take_over(stream.resend, old.resend), FAILOVER_OK);
  cr_expect_eq(fake_stream_state(&stream).bytes, 2u * SMALL);
  cr_expect_eq(fake_stream_state(&stream).to_resend, 10u);
  fake_stream_resend_all(&stream);
  cr_expect_not(fake_stream_post(&stream, ""));

  /* half of it is confirmed: now it is just full */
  stream.acked = stream.written / 2;
  fake_stream_sample(&stream);
  cr_expect_eq(fake_stream_state(&stream).kept, 10u);
  cr_expect_not(fake_stream_post(&stream, ""), "a larger storage has raised the limit");
  fake_stream_done(&old);
  fake_stream_done(&stream);
}
