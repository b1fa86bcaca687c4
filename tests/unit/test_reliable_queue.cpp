// SPDX-License-Identifier: GPL-2.0-or-later
//
// A stream with a reliable disk queue (failover-queue.h): when what is acknowledged, and when
// nothing is taken out of it.
#include "count_allocations.h"
#include "failover-queue.h"

#include "queue.hpp"
#include "status.hpp"
#include "stream.hpp"

#include <criterion/criterion.h>

#include <string>
#include <utility>
#include <vector>

namespace {

constexpr int64_t grace_ms = 500;

struct Lab
{
  int64_t now_ms = 1000;
  int woken = 0; // the LogWriter
  failover::sim::ReliableQueue queue{ 1 << 20, 1 << 17 };
  failover::Status status;
  failover::Host host{ loop(), callbacks(), status };
  failover::Stream stream{ loop() };

  Lab();
  ~Lab() { stream.unbind(); }
  failover_loop loop();
  failover_host callbacks();
  uint64_t attach(bool same);
  // Another configuration takes over; see attach().
  void reload(bool resend)
  {
    stream.unbind();
    stream.detach_queue();
    bind(resend);
  }
  void bind(bool resend);
};

// A LogProto and its kernel: what is written is acknowledged and read when the test says so.
struct Link
{
  Lab &lab;
  failover::Connection *connection = nullptr;
  std::vector<std::string> written;
  bool takes = true;    // the LogProto takes a message
  bool partial = false; // and has a part of one: it takes no other
  bool fills = false;   // what it takes fills the socket: a part is left
  bool frames = false;  // of the next message it writes the length only, which fills the socket
  std::string framed;   // the message that the peer was told the length of
  uint64_t position = 0, acked = 0;
  bool open = true;
  bool closed = false;

  explicit Link(Lab &owner);
  // As the LogWriter does it.  False: it was not taken.
  bool post(const std::string &text)
  {
    lab.queue.push({ 1, 300, true });
    return post_next(text);
  }
  bool post_next(const std::string &text)
  {
    bool consumed = false;
    cr_assert(lab.queue.take_out().has_value());
    cr_assert(connection->post(text, consumed));
    if (!consumed)
      lab.queue.rewind(1);
    return consumed;
  }
  bool post_without_memory(const std::string &text);
  void flush() { cr_assert(connection->flush()); }
  void acknowledge() { acked = position; }
};

Link *
to_link(void *self)
{
  return static_cast<Link *>(self);
}

Link::Link(Lab &owner) : lab(owner)
{
  failover_connection_host host = {};
  host.user_data = this;
  host.write = [](void *self, const char *text, size_t length, bool *consumed) {
    Link &link = *to_link(self);
    *consumed = link.takes && !link.partial && !link.frames;
    if (std::exchange(link.frames, false))
      {
        link.framed.assign(text, length);
        link.partial = true;
      }
    if (*consumed)
      {
        cr_assert(link.framed.empty() || link.framed == std::string(text, length), "in the frame of another");
        link.framed.clear();
        link.written.emplace_back(text, length);
        link.position += length;
        link.partial = link.fills;
      }
    return true;
  };
  host.flush = [](void *) { return true; };
  host.has_partial = [](void *self) { return to_link(self)->partial; };
  host.acknowledge = [](void *self) { to_link(self)->lab.queue.acknowledge(1); };
  host.wake_main = [](void *) {};
  host.read_tcp = [](void *self, failover_tcp *tcp) {
    const Link &link = *to_link(self);
    *tcp = {};
    tcp->open = link.open;
    tcp->reset = !link.open;
    tcp->written = link.position;
    tcp->acked = link.acked;
    tcp->window = 60000;
    tcp->in_flight = link.acked < link.position;
    return true;
  };
  host.give_up = [](void *) {};
  host.close = [](void *self, failover_close) { to_link(self)->closed = true; };
  connection = lab.stream.open(host);
}

// False: it wanted some.
bool
Link::post_without_memory(const std::string &text)
{
  bool consumed = false;
  lab.queue.push({ 1, 300, true });
  lab.queue.take_out();
  written.reserve(written.size() + 1);
  fail_allocation(1);
  cr_assert(connection->post(text, consumed));
  const bool failed = fail_allocation(0);
  cr_assert_eq(consumed, !failed);
  if (failed)
    lab.queue.rewind(1);
  return consumed;
}

failover_loop
Lab::loop()
{
  failover_loop result = {};
  result.user_data = this;
  result.now_ms = [](void *self) { return static_cast<Lab *>(self)->now_ms; };
  result.set_timer = [](void *, failover_timer, int64_t) {};
  result.cancel_timer = [](void *, failover_timer) {};
  result.lost = [](void *, uint64_t, failover_loss) {};
  return result;
}

failover_host
Lab::callbacks()
{
  failover_host result = {};
  result.user_data = this;
  result.is_idle = [](void *) { return true; };
  result.wake_writer = [](void *self) { static_cast<Lab *>(self)->woken++; };
  return result;
}

Lab::Lab()
{
  attach(false);
  bind(true);
}

void
Lab::bind(bool resend)
{
  stream.bind(host, { .resend = resend,
                      .grace_ms = grace_ms,
                      .buffer_size = 1 << 20,
                      .dead_peer_timeout_ms = 30'000,
                      .throttle = 0 });
}

uint64_t
Lab::attach(bool same)
{
  failover_queue host = {};
  host.user_data = this;
  host.backlog = [](void *self) { return static_cast<Lab *>(self)->queue.backlog(); };
  host.room = [](void *self) {
    const auto &queue = static_cast<Lab *>(self)->queue;
    return failover_queue_room{ queue.size(), queue.free(), queue.reserved() };
  };
  host.acknowledge = [](void *self, uint64_t n) { static_cast<Lab *>(self)->queue.acknowledge(n); };
  host.short_of_room = [](void *) {};
  const uint64_t unknown = stream.attach_queue(host, same);
  queue.rewind(unknown);
  return unknown;
}

// The kernel is asked again and again, until the grace of what was read is over.
void
let_grace_pass(Lab &lab)
{
  for (int i = 0; i < 10; i++)
    {
      lab.now_ms += 100;
      lab.stream.timer_due();
    }
}

void
release(Lab &lab, Link &link, bool drained)
{
  cr_assert_eq(lab.stream.release(link.connection), drained);
}

} // namespace

Test(reliable_queue, is_acknowledged_when_a_message_is_confirmed)
{
  Lab lab;
  Link link(lab);

  link.post("one");
  link.post("two");
  let_grace_pass(lab);
  cr_assert_eq(lab.queue.backlog(), 2, "the peer has acknowledged nothing");
  link.acknowledge();
  lab.stream.timer_due();
  cr_assert_eq(lab.queue.backlog(), 2, "the grace goes on");
  let_grace_pass(lab);
  cr_assert_eq(lab.queue.backlog(), 0);
  release(lab, link, false);
}

Test(reliable_queue, keeps_what_is_sent_again)
{
  Lab lab;
  Link first(lab);
  first.post("one");
  release(lab, first, false);
  cr_assert_eq(lab.queue.backlog(), 1);

  Link second(lab);
  second.flush();
  cr_assert_eq(second.written.size(), 1);
  second.acknowledge();
  let_grace_pass(lab);
  cr_assert_eq(lab.queue.backlog(), 0);
  release(lab, second, false);
}

Test(reliable_queue, gets_back_nothing_that_the_socket_does_not_take)
{
  Lab lab;
  Link link(lab);
  link.takes = false;

  cr_assert(link.post("one"), "it is written later");
  cr_assert(link.written.empty());
  cr_assert_not(lab.stream.takes_messages());
  cr_assert(link.connection->wants_to_write());
  link.flush();
  cr_assert_not(lab.stream.takes_messages());
  link.takes = true;
  link.flush();
  cr_assert_eq(link.written, std::vector<std::string>{ "one" });
  cr_assert(lab.stream.takes_messages());
  release(lab, link, false);
}

Test(reliable_queue, gives_nothing_out_while_a_part_of_a_message_waits)
{
  Lab lab;
  Link link(lab);
  link.fills = true;

  link.post("one");
  cr_assert_not(lab.stream.takes_messages());
  link.partial = false;
  link.flush();
  cr_assert(lab.stream.takes_messages());
  release(lab, link, false);
}

/* With two messages not written to their end the first one would pass for one that is. */
Test(reliable_queue, nothing_is_accepted_behind_a_part_of_an_older_one)
{
  Lab lab;
  Link first(lab);
  first.post("one");
  release(lab, first, false);

  Link second(lab);
  second.fills = true;
  cr_assert_not(lab.stream.takes_messages(), "an older one waits");
  cr_assert_not(second.post("two"), "it was taken out all the same");
  cr_assert_eq(second.written, std::vector<std::string>{ "one" });
  second.acknowledge();
  let_grace_pass(lab);
  cr_assert_eq(lab.queue.backlog(), 1, "not all of it is written");

  second.fills = second.partial = false;
  second.flush();
  cr_assert(lab.stream.takes_messages());
  second.post_next("two");
  second.acknowledge();
  let_grace_pass(lab);
  cr_assert_eq(lab.queue.backlog(), 0);
  release(lab, second, false);
}

/* The framed LogProto writes the length first.  The peer takes what comes next for that message,
 * and it must be that one. */
Test(reliable_queue, nothing_is_posted_into_the_frame_of_another_one)
{
  Lab lab;
  Link old(lab);
  old.post("older");
  cr_assert(lab.stream.quiesce());
  lab.stream.drain();
  Link now(lab);
  release(lab, old, true);

  now.frames = true;
  now.post("new");
  old.open = false;
  let_grace_pass(lab);
  cr_assert(old.closed, "its peer died");
  now.partial = false; // the socket takes more
  now.flush();
  cr_assert_eq(now.written, (std::vector<std::string>{ "new", "older" }));
  release(lab, now, false);
}

Test(reliable_queue, waits_for_a_drain_in_progress)
{
  Lab lab;
  Link old(lab);
  old.post("one");
  cr_assert(lab.stream.quiesce());
  cr_assert_not(lab.stream.takes_messages());
  lab.stream.drain();
  Link now(lab);
  release(lab, old, true);
  cr_assert(lab.stream.takes_messages());

  now.post("two");
  now.acknowledge();
  let_grace_pass(lab);
  cr_assert_eq(lab.queue.backlog(), 2, "the older one is not confirmed");
  old.acknowledge();
  let_grace_pass(lab);
  cr_assert(old.closed);
  cr_assert_eq(lab.queue.backlog(), 0);
  release(lab, now, false);
}

/* A configuration that waits for the password of a key has not begun yet. */
Test(reliable_queue, what_a_drain_leaves_between_configurations_is_posted_when_there_is_one)
{
  Lab lab;
  Link old(lab);
  old.post("one");
  cr_assert(lab.stream.quiesce());
  lab.stream.drain();
  Link now(lab);
  release(lab, old, true);
  lab.stream.unbind();
  old.open = false;
  let_grace_pass(lab);
  cr_assert(old.closed, "its peer died");

  lab.bind(true);
  let_grace_pass(lab);
  cr_assert_gt(lab.woken, 0, "it would wait for the next new message");
  now.flush();
  cr_assert_eq(now.written, std::vector<std::string>{ "one" });
  release(lab, now, false);
}

/* With resend(no) syslog-ng rewinds it at the reload, and acknowledges it itself. */
Test(reliable_queue, nothing_is_known_of_one_that_was_used_without_us)
{
  Lab lab;
  Link link(lab);
  link.post("one");
  release(lab, link, false);

  lab.reload(false);
  lab.queue.rewind_all();
  lab.queue.take_out();
  lab.stream.unbind();
  cr_assert_eq(lab.attach(true), 1, "whether it was sent is not known");
  lab.bind(true);
}

Test(reliable_queue, is_waited_for_at_the_end)
{
  Lab lab;
  Link link(lab);
  link.post("one");
  cr_assert_eq(lab.stream.state().only_here, 0, "it is in the queue too");

  link.acknowledge();
  cr_assert(lab.stream.finish());
  for (int i = 0; i < 10; i++)
    {
      lab.now_ms += 100;
      if (!lab.stream.finish())
        break;
    }
  cr_assert_eq(lab.queue.backlog(), 0);
  lab.stream.finished();
  release(lab, link, false);
}

Test(reliable_queue, a_file_begun_anew_has_nothing_of_it)
{
  Lab lab;
  Link link(lab);

  link.post("one");
  lab.queue.restart_corrupted();
  cr_assert_eq(lab.stream.finished(), 1, "nothing else has it");
  release(lab, link, false);
}

Test(reliable_queue, without_it_messages_are_only_here)
{
  Lab lab;
  lab.stream.detach_queue();
  Link link(lab);

  link.post("one");
  cr_assert_eq(lab.queue.backlog(), 0, "acknowledged at acceptance");
  cr_assert_eq(lab.stream.state().only_here, 1);
  release(lab, link, false);
}

/* The message behind a full socket is in the LogWriter's queue again, and nobody posts it any more. */
Test(reliable_queue, without_it_a_stop_waits_for_nothing_that_does_not_come)
{
  Lab lab;
  lab.stream.detach_queue();
  Link link(lab);
  link.fills = true;
  cr_assert(link.post("one"));
  cr_assert_not(link.post("two"));

  cr_assert(lab.stream.finish(), "a part waits");
  link.partial = false;
  cr_assert(lab.stream.finish(), "the peer has not acknowledged it");
  link.acknowledge();
  cr_assert_not(lab.stream.finish());
  lab.stream.finished();
  release(lab, link, false);
}

/* A number takes memory where there was none before, or none is from here on. */
Test(reliable_queue, what_has_no_memory_for_its_number_waits)
{
  Lab lab;
  lab.stream.detach_queue();
  Link link(lab);
  link.post("the first takes memory of its own");
  lab.attach(false);
  cr_assert_not(link.post_without_memory("one"), "it has the first number");
  link.post_next("one");
  lab.stream.detach_queue();
  link.post("two");
  link.acknowledge();
  let_grace_pass(lab); // what is kept begins with a message that has none

  int waited_without = 0;
  for (int i = 0; i < 200; i++)
    {
      const bool numbered = i % 2 == 0;
      if (numbered)
        lab.attach(false);
      else
        lab.stream.detach_queue();
      if (link.post_without_memory("more"))
        continue;
      waited_without += numbered ? 0 : 1;
      link.post_next("more");
    }
  cr_assert_gt(waited_without, 0, "no message without a number wanted any");
  release(lab, link, false);
}
