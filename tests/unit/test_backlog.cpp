// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which messages of a reliable disk queue are acknowledged (core/backlog.hpp), with the
// queue of the simulator: first case by case, then in thousands of random steps.
#include "backlog.hpp"

#include "prng.hpp"
#include "queue.hpp"

#include <criterion/criterion.h>

#include <map>
#include <set>
#include <vector>

namespace {

using failover::Backlog;
using failover::sim::Prng;
using failover::sim::ReliableQueue;

constexpr uint64_t file_bytes = 1 << 20;
constexpr uint64_t record_bytes = 300;

// syslog-ng's side: it takes messages out of the queue and posts them.
struct Host
{
  ReliableQueue queue;
  Backlog backlog;
  uint64_t pushed = 0;
  int shortages = 0;

  explicit Host(uint64_t size = file_bytes) : queue(size, size / 8) { attach(false); }

  uint64_t attach(bool same)
  {
    const failover_queue host = {
      .user_data = this,
      .backlog = [](void *self) { return static_cast<Host *>(self)->queue.backlog(); },
      .room =
          [](void *self) {
            const ReliableQueue &queue = static_cast<Host *>(self)->queue;
            return failover_queue_room{ queue.size(), queue.free(), queue.reserved() };
          },
      .acknowledge = [](void *self, uint64_t n) { static_cast<Host *>(self)->queue.acknowledge(n); },
      .short_of_room = [](void *self) { static_cast<Host *>(self)->shortages++; },
    };
    const uint64_t unknown = backlog.attach(host, same);
    queue.rewind(unknown);
    return unknown;
  }

  void push(bool posted = true) { queue.push({ ++pushed, record_bytes, posted }); }
  // Takes out the next that does not render empty, and accepts it.
  Backlog::Order accept()
  {
    for (;;)
      {
        const auto record = queue.take_out();
        cr_assert(record.has_value());
        if (record->posted)
          return backlog.accept();
      }
  }
  Backlog::Order push_and_accept()
  {
    push();
    return accept();
  }
};

} // namespace

Test(backlog, acknowledges_what_is_confirmed)
{
  Host host;
  const auto first = host.push_and_accept(), second = host.push_and_accept();

  cr_assert_eq(second, first + 1);
  cr_assert_eq(host.queue.backlog(), 2);
  host.backlog.confirm(first, 1);
  cr_assert_eq(host.queue.backlog(), 1);
  host.backlog.confirm(second, 1);
  cr_assert_eq(host.queue.backlog(), 0);
}

Test(backlog, what_is_newer_waits_for_what_is_older)
{
  Host host;
  const auto old = host.push_and_accept();
  for (int i = 0; i < 5; i++)
    host.push_and_accept();

  host.backlog.confirm(old + 4, 2);
  host.backlog.confirm(old + 2, 1);
  cr_assert_eq(host.queue.backlog(), 6);
  host.backlog.confirm(old, 1);
  cr_assert_eq(host.queue.backlog(), 5);
  host.backlog.confirm(old + 1, 1);
  cr_assert_eq(host.queue.backlog(), 3);
  host.backlog.confirm(old + 3, 1);
  cr_assert_eq(host.queue.backlog(), 0);
}

Test(backlog, what_is_never_posted_goes_with_what_follows)
{
  Host host;
  host.push(false);
  const auto first = host.push_and_accept();
  host.push(false);
  host.push(false);
  const auto second = host.push_and_accept();

  cr_assert_eq(host.queue.backlog(), 5);
  host.backlog.confirm(first, 1);
  cr_assert_eq(host.queue.backlog(), 3, "the empty ones before the second wait for it");
  host.backlog.confirm(second, 1);
  cr_assert_eq(host.queue.backlog(), 0);
}

Test(backlog, a_file_that_was_begun_anew_is_not_acknowledged_for_the_old_one)
{
  Host host;
  for (int i = 0; i < 3; i++)
    host.push_and_accept();
  host.queue.restart_corrupted();
  const auto of_new_file = host.push_and_accept();

  host.backlog.confirm(1, 3);
  cr_assert_eq(host.queue.backlog(), 1);
  host.backlog.confirm(of_new_file, 1);
  cr_assert_eq(host.queue.backlog(), 0);
}

Test(backlog, nothing_of_a_new_file_is_acknowledged_before_its_first_message_is_accepted)
{
  Host host;
  for (int i = 0; i < 3; i++)
    host.push_and_accept();
  host.queue.restart_corrupted();
  host.push();
  host.queue.take_out(); // it is being posted

  host.backlog.confirm(1, 3);
  cr_assert_eq(host.queue.backlog(), 1);
}

Test(backlog, a_start_sends_everything_again)
{
  Host host;
  host.push();
  host.push();
  host.queue.take_out();
  host.queue.take_out();

  cr_assert_eq(host.attach(false), 2);
  cr_assert_eq(host.queue.length(), 2);
}

Test(backlog, a_reload_sends_nothing_again)
{
  Host host;
  const auto first = host.push_and_accept();
  host.push_and_accept();
  host.backlog.detach();

  host.backlog.confirm(first, 1);
  cr_assert_eq(host.queue.backlog(), 2, "the queue is released");
  cr_assert_eq(host.attach(true), 0);
  cr_assert_eq(host.queue.backlog(), 1, "what was confirmed meanwhile");
}

Test(backlog, a_reload_takes_again_what_nobody_knows)
{
  Host host;
  host.push_and_accept();
  host.push(false);
  host.queue.take_out();
  host.backlog.detach();

  cr_assert_eq(host.attach(true), 1);
  cr_assert_eq(host.queue.length(), 1);
}

Test(backlog, a_queue_that_somebody_else_has_used_is_forgotten)
{
  Host host;
  const auto order = host.push_and_accept();
  host.backlog.detach();
  host.queue.rewind_all();

  cr_assert_eq(host.attach(true), 0);
  host.queue.take_out();
  host.backlog.confirm(order, 1);
  cr_assert_eq(host.queue.backlog(), 1);
}

Test(backlog, without_room_it_acknowledges_at_acceptance_and_says_so_once)
{
  Host host;
  Backlog::Order last = 0;

  while (host.queue.free() >= file_bytes / 4)
    last = host.push_and_accept();
  cr_assert_eq(host.queue.backlog(), last);
  host.backlog.watch_room();
  cr_assert_eq(host.queue.backlog(), 0);
  cr_assert(host.backlog.tells_of_shortage());
  cr_assert_not(host.backlog.tells_of_shortage());

  cr_assert_eq(host.push_and_accept(), 0);
  cr_assert_eq(host.queue.backlog(), 0);
  host.backlog.watch_room();
  cr_assert_eq(host.push_and_accept(), last + 1, "there is room again");
  host.backlog.confirm(1, last);
  cr_assert_eq(host.queue.backlog(), 1, "it was acknowledged before");
}

// ---- random steps

namespace {

// Two connections: each confirms its own messages, oldest first.
struct World
{
  Host host{ file_bytes / 16 };
  Prng random;
  std::vector<std::vector<Backlog::Order>> connections{ 2 };
  std::map<Backlog::Order, uint64_t> numbers; // of the messages that are not confirmed
  std::set<uint64_t> withheld;                // and must be in the queue

  explicit World(uint64_t seed) : random(seed) {}

  bool chance(int64_t percent) { return random.between(1, 100) <= percent; }

  void post()
  {
    const auto record = host.queue.take_out();
    if (!record || !record->posted)
      return;
    if (chance(10))
      {
        host.queue.rewind(1); // not taken
        return;
      }
    const Backlog::Order order = host.backlog.accept();
    if (order == 0)
      return;
    connections[chance(70)].push_back(order);
    numbers[order] = record->number;
    withheld.insert(record->number);
  }

  void confirm()
  {
    auto &connection = connections[chance(50)];
    const auto count = std::min<std::size_t>(random.between(0, 20), connection.size());
    for (std::size_t i = 0; i < count; i++)
      {
        withheld.erase(numbers[connection[i]]);
        numbers.erase(connection[i]);
        host.backlog.confirm(connection[i], 1);
      }
    connection.erase(connection.begin(), connection.begin() + static_cast<std::ptrdiff_t>(count));
  }

  void reload()
  {
    host.backlog.detach();
    if (chance(50))
      confirm();
    may_release();
    host.attach(true);
  }

  void watch_room()
  {
    may_release();
    host.backlog.watch_room();
  }

  void may_release()
  {
    if (host.queue.free() < host.queue.size() / 4)
      withheld.clear();
  }

  void corrupt()
  {
    host.queue.restart_corrupted();
    withheld.clear();
  }

  void step()
  {
    const int64_t what = random.between(1, 1000);
    if (what <= 400)
      host.push(!chance(10));
    else if (what <= 800)
      post();
    else if (what <= 985)
      confirm();
    else if (what <= 995)
      reload();
    else if (what <= 998)
      watch_room();
    else
      corrupt();
  }

  void check(uint64_t seed)
  {
    std::set<uint64_t> kept;
    for (const auto &record : host.queue.records())
      kept.insert(record.number);
    for (const uint64_t number : withheld)
      cr_assert(kept.count(number), "seed %lu: message %lu is not confirmed, and gone", seed, number);
  }

  // The last of them does not render empty.
  void take_all()
  {
    host.push();
    while (const auto record = host.queue.take_out())
      if (record->posted)
        host.backlog.confirm(host.backlog.accept(), 1);
  }

  void confirm_everything()
  {
    while (!connections[0].empty() || !connections[1].empty())
      confirm();
  }
};

} // namespace

Test(backlog, random_steps)
{
  for (uint64_t seed = 1; seed <= 200; seed++)
    {
      World world(seed);
      for (int step = 0; step < 1000; step++)
        {
          world.step();
          if (step % 10 == 0)
            world.check(seed);
        }
      world.confirm_everything();
      world.take_all();
      cr_assert(world.host.queue.records().empty(), "seed %lu: all is confirmed, and not acknowledged", seed);
    }
}
