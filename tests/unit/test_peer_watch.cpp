// SPDX-License-Identifier: GPL-2.0-or-later
//
// The watch over a peer (core/peer_watch.hpp): when it passes for dead, and when it does not.
#include "peer_watch.hpp"

#include <criterion/criterion.h>

using failover::Peer;
using failover::PeerWatch;

namespace {

constexpr int64_t timeout_ms = 2'000;
constexpr int64_t look_ms = 100;
constexpr uint32_t full_window = 1'000'000;
constexpr uint64_t per_look = 80'000; // 4,000 messages of 200 bytes a second

// One connection that is looked at every 100 ms, and what its kernel says then.
struct Watched
{
  PeerWatch watch;
  failover_tcp tcp = {};
  int64_t now_ms = 5'000'000;
  bool doubted = false;

  Watched()
  {
    tcp.open = tcp.has_window = true;
    tcp.window = full_window;
    look();
  }

  Peer look(int64_t after_ms = look_ms)
  {
    now_ms += after_ms;
    return watch.look(tcp, now_ms, timeout_ms, doubted);
  }

  // So much came and was acknowledged; more has been posted.
  Peer acknowledge(uint64_t bytes, uint64_t read)
  {
    tcp.acked += bytes;
    tcp.window -= static_cast<uint32_t>(bytes - read);
    tcp.written = tcp.acked + per_look;
    tcp.in_flight = true;
    tcp.unsent = false;
    return look();
  }

  // The window is full, and the peer's kernel says so again and again.
  Peer wait_for_room()
  {
    tcp.written = tcp.acked + per_look;
    tcp.in_flight = false;
    tcp.unsent = true;
    tcp.window_limited_us += look_ms * 1'000;
    return look();
  }

  void keep_up(int64_t for_ms)
  {
    for (int64_t ms = 0; ms < for_ms; ms += look_ms)
      cr_assert(acknowledge(per_look, per_look) == Peer::alive);
  }

  // How long it took until the verdict was another one; -1: it took longer than that.
  template <typename Look>
  int64_t until(Peer verdict, Look look, int64_t at_most_ms = 100'000)
  {
    const int64_t from_ms = now_ms;
    while (now_ms - from_ms < at_most_ms)
      if (const Peer peer = look(); peer != Peer::alive)
        {
          cr_assert(peer == verdict);
          return now_ms - from_ms;
        }
    return -1;
  }
};

} // namespace

// ---- silence

Test(peer_watch, what_is_in_flight_is_not_answered)
{
  Watched peer;
  peer.keep_up(300);
  cr_expect_eq(peer.until(Peer::silent, [&] { return peer.look(); }), timeout_ms);
}

Test(peer_watch, it_may_have_been_posted_just_now)
{
  Watched peer;
  peer.now_ms += 60'000;
  peer.tcp.written = 100;
  peer.tcp.in_flight = true;
  cr_expect_eq(peer.until(Peer::silent, [&] { return peer.look(); }), timeout_ms + look_ms);
}

Test(peer_watch, each_answer_starts_the_silence_anew)
{
  Watched peer;
  peer.keep_up(300);
  for (int answers = 0; answers < 10; answers++)
    {
      for (int64_t ms = 0; ms < timeout_ms - look_ms; ms += look_ms)
        cr_assert(peer.look() == Peer::alive);
      peer.tcp.acked++;
      cr_assert(peer.look() == Peer::alive);
    }
}

Test(peer_watch, nothing_gets_out_although_the_window_is_open)
{
  Watched peer;
  peer.keep_up(300);
  peer.tcp.in_flight = false;
  peer.tcp.unsent = true;
  cr_expect_eq(peer.until(Peer::silent, [&] { return peer.look(); }), timeout_ms);
}

Test(peer_watch, a_mixture_of_both_is_one_silence)
{
  Watched peer;
  peer.keep_up(300);
  int64_t looks = 0;
  cr_expect_eq(peer.until(Peer::silent,
                          [&] {
                            peer.tcp.in_flight = ++looks % 2;
                            peer.tcp.unsent = true;
                            return peer.look();
                          }),
               timeout_ms);
}

Test(peer_watch, a_late_look_says_nothing_of_the_time_before)
{
  Watched peer;
  peer.keep_up(300);
  cr_expect(peer.look(3'600'000) == Peer::alive);
  cr_expect(peer.look() == Peer::alive);
}

Test(peer_watch, a_timeout_shorter_than_a_look)
{
  Watched peer;
  peer.keep_up(300);
  cr_expect(peer.watch.look(peer.tcp, peer.now_ms += look_ms, 1, false) == Peer::silent);
}

Test(peer_watch, without_a_timeout_nobody_is_given_up)
{
  Watched peer;
  peer.keep_up(300);
  for (int looks = 0; looks < 1'000; looks++)
    cr_assert(peer.watch.look(peer.tcp, peer.now_ms += look_ms, 0, false) == Peer::alive);
}

// ---- hangs

Test(peer_watch, one_that_kept_up_and_has_no_room_any_more)
{
  Watched peer;
  peer.keep_up(1'000);
  peer.acknowledge(full_window, 0);
  cr_expect_leq(peer.until(Peer::hung, [&] { return peer.wait_for_room(); }), timeout_ms);
}

// What it had been counted for too much, its kernel gives back.
Test(peer_watch, one_that_kept_up_and_reads_nothing_while_there_is_room)
{
  for (uint64_t given_back = 0; given_back <= 20; given_back += 5)
    {
      Watched peer;
      peer.tcp.window = 3'000'000;
      peer.look();
      peer.keep_up(1'000);
      cr_expect_eq(
          peer.until(Peer::hung, [&] { return peer.acknowledge(per_look, per_look * given_back / 100); }),
          timeout_ms);
    }
}

Test(peer_watch, one_that_lags_is_not_hung)
{
  Watched peer;
  peer.tcp.window = 3'000'000'000;
  peer.look();
  peer.keep_up(1'000);
  cr_expect_eq(peer.until(Peer::hung, [&] { return peer.acknowledge(per_look, per_look * 35 / 100); }), -1);
}

Test(peer_watch, a_few_bytes_tell_nothing)
{
  Watched peer;
  peer.keep_up(1'000);
  cr_expect_eq(peer.until(
                   Peer::hung, [&] { return peer.acknowledge(100, 0); }, 60'000),
               -1);
}

Test(peer_watch, one_that_is_not_known_has_five_times_as_long)
{
  Watched peer;
  peer.acknowledge(full_window, 0);
  const int64_t took_ms = peer.until(Peer::hung, [&] { return peer.wait_for_room(); });
  cr_expect(took_ms >= 5 * timeout_ms - look_ms && took_ms <= 5 * timeout_ms + look_ms, "%ld", (long)took_ms);
}

// Whether or not anything is read.
Test(peer_watch, a_window_that_widens_is_no_sign_of_keeping_up)
{
  Watched peer;
  for (int looks = 0; looks < 50; looks++)
    {
      peer.tcp.window += 20'000;
      cr_assert(peer.acknowledge(per_look, per_look) == Peer::alive);
    }
  peer.acknowledge(full_window, 0);
  cr_expect_gt(peer.until(Peer::hung, [&] { return peer.wait_for_room(); }), 4 * timeout_ms);
}

Test(peer_watch, one_that_hung_before_the_first_look)
{
  Watched peer;
  peer.watch = {};
  peer.tcp.window = 0;
  peer.tcp.acked = full_window;
  cr_expect_gt(peer.until(Peer::hung, [&] { return peer.wait_for_room(); }), 4 * timeout_ms);
}

Test(peer_watch, one_that_was_seen_slow_has_twice_its_longest_stillness)
{
  static const struct
  {
    int64_t still_ms, limit_ms;
  } table[] = {
    { timeout_ms / 2 - look_ms, timeout_ms },
    { timeout_ms / 2, 5 * timeout_ms },
    { 4 * timeout_ms, 8 * timeout_ms },
  };
  for (const auto &row : table)
    {
      Watched peer;
      peer.keep_up(row.still_ms < timeout_ms ? 1'000 : 300);
      for (int64_t ms = 0; ms < row.still_ms; ms += look_ms)
        cr_assert(peer.wait_for_room() == Peer::alive);
      peer.keep_up(10'000);
      cr_expect_eq(peer.until(Peer::hung, [&] { return peer.wait_for_room(); }), row.limit_ms);
    }
}

// 16 KiB a second, and a sixteenth of a buffer of a megabyte.
Test(peer_watch, one_that_opens_its_window_every_four_seconds_is_slow_and_not_dead)
{
  Watched peer;
  peer.acknowledge(full_window, 0);
  int64_t looks = 0;
  cr_expect_eq(peer.until(
                   Peer::hung,
                   [&] {
                     if (++looks % 40)
                       return peer.wait_for_room();
                     peer.tcp.window += 65'536;
                     return peer.acknowledge(65'536, 0);
                   },
                   600'000),
               -1);
}

// At some looks it happens to have room.
Test(peer_watch, one_that_is_still_most_of_the_time_does_not_keep_up)
{
  Watched peer;
  for (int times = 0; times < 30; times++)
    {
      peer.keep_up(look_ms);
      for (int64_t ms = 0; ms < 800; ms += look_ms)
        cr_assert(peer.wait_for_room() == Peer::alive);
    }
  peer.keep_up(look_ms);
  cr_expect_eq(peer.until(Peer::hung, [&] { return peer.wait_for_room(); }), 5 * timeout_ms);
}

Test(peer_watch, one_that_may_be_slow_by_our_own_doing_has_five_times_as_long)
{
  Watched peer;
  peer.keep_up(10'000);
  peer.doubted = true;
  cr_expect_eq(peer.until(Peer::hung, [&] { return peer.wait_for_room(); }), 5 * timeout_ms);
}

Test(peer_watch, where_nothing_is_left_to_be_read_it_is_not_still)
{
  Watched peer;
  peer.keep_up(1'000);
  cr_expect_eq(peer.until(
                   Peer::hung,
                   [&] {
                     // as much as tells, every now and then, and room that is not told of meanwhile
                     peer.acknowledge(full_window / 8, 0);
                     peer.tcp.window += full_window / 8;
                     peer.tcp.written = peer.tcp.acked;
                     peer.tcp.in_flight = false;
                     return peer.look(timeout_ms);
                   },
                   600'000),
               -1);
}

Test(peer_watch, a_kernel_that_does_not_tell_the_window)
{
  Watched peer;
  peer.tcp.has_window = false;
  peer.tcp.window = 0;
  for (int looks = 0; looks < 100; looks++)
    cr_assert(peer.acknowledge(per_look, per_look) == Peer::alive);
  cr_expect_eq(peer.until(Peer::hung, [&] { return peer.wait_for_room(); }), 5 * timeout_ms);
}
