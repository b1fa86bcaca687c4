/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The resend buffer of a connection that another one has taken over from: when it is
 * done, and when nothing more is to be hoped for.
 */
#include "fake_stream.h"

#include <criterion/criterion.h>

static failover_drain
_drain(FakeStream *stream, int64_t after_ms)
{
  fake_stream_sample_after(stream, after_ms);
  return failover_resend_drain(stream->resend, stream->now_ms, 2000);
}

Test(resend_drain, a_drain_is_done_when_all_is_confirmed)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, FAKE_STREAM_LIMIT);
  fake_stream_sample(&stream);
  cr_assert(fake_stream_post(&stream, "a"));
  fake_stream_sample(&stream);
  cr_expect_eq(_drain(&stream, 10), FAILOVER_DRAIN_GOES_ON, "not acknowledged");
  fake_stream_acknowledge(&stream);
  cr_expect_eq(_drain(&stream, 0), FAILOVER_DRAIN_GOES_ON, "in its grace");
  cr_expect_eq(_drain(&stream, 500), FAILOVER_DRAIN_DONE);
  fake_stream_done(&stream);
}

Test(resend_drain, a_drain_outlasts_the_patience_while_it_makes_progress)
{
  FakeStream stream;

  /* first by the edge of the window, then by a long grace */
  fake_stream_init(&stream, 5000, FAKE_STREAM_LIMIT);
  fake_stream_sample(&stream);
  cr_assert(fake_stream_post_bytes(&stream, 1000));
  fake_stream_sample(&stream);
  for (int i = 0; i < 10; i++)
    {
      stream.acked += 100;
      cr_expect_eq(_drain(&stream, 1900), FAILOVER_DRAIN_GOES_ON);
    }
  fake_stream_acknowledge(&stream);
  for (int i = 0; i < 4; i++)
    cr_expect_eq(_drain(&stream, 1200), FAILOVER_DRAIN_GOES_ON);
  cr_expect_eq(_drain(&stream, 1200), FAILOVER_DRAIN_DONE);
  fake_stream_done(&stream);
}

Test(resend_drain, a_drain_is_stuck_when_nothing_moves)
{
  FakeStream stream;

  fake_stream_init(&stream, 500, FAKE_STREAM_LIMIT);
  fake_stream_sample(&stream);
  cr_assert(fake_stream_post_bytes(&stream, 1000));
  /* it acknowledges and reads nothing: the window lacks what is acknowledged */
  stream.acked = 900;
  stream.window -= 900;
  cr_expect_eq(_drain(&stream, 0), FAILOVER_DRAIN_GOES_ON);
  cr_expect_eq(_drain(&stream, 1999), FAILOVER_DRAIN_GOES_ON);
  cr_expect_eq(_drain(&stream, 1), FAILOVER_DRAIN_STUCK);
  fake_stream_done(&stream);
}

Test(resend_drain, a_half_message_keeps_no_drain_waiting)
{
  FakeStream stream;

  fake_stream_init(&stream, 0, FAKE_STREAM_LIMIT);
  cr_assert(fake_stream_post(&stream, "half"));
  stream.written = stream.acked = 2;
  fake_stream_sample_partial(&stream);
  cr_expect_eq(failover_resend_drain(stream.resend, stream.now_ms, 2000), FAILOVER_DRAIN_DONE);
  fake_stream_done(&stream);
}
