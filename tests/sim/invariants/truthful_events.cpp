// SPDX-License-Identifier: GPL-2.0-or-later
//
// One event for each change of state, with what is true: an administrator reads
// nothing else.  What happened is taken from the calls, not from the events.
#include "all.hpp"

namespace failover::sim {

namespace {

std::string
to_string(failover_text text)
{
  return text.length ? std::string(text.data, text.length) : std::string();
}

class TruthfulEvents final : public Invariant
{
public:
  const char *name() const override { return "truthful_events"; }
  int exit_code() const override { return 19; }
  const char *rule() const override { return "one event for each change of state, and it is true"; }

  void calling(const Books &books) override
  {
    told_ = {};
    happened_ = {};
    attempt_ended_ = probe_ended_ = primary_tried_ = false;
    before_ = books.in_use;
    const Connection *connection = books.connection(books.call.number);
    lost_ = false;
    probe_succeeded_ =
        books.call.kind == Call::Kind::connected && connection && connection->role == Role::probe;
    happened_.probes_succeeded = probe_succeeded_;
  }

  void resolve(const Books &books, const Lookup &lookup) override
  {
    if (lookup.role == Role::rotation && lookup.server == books.config.servers.front())
      primary_tried_ = true;
  }

  void release_lookup(const Books &books, uint64_t number) override
  {
    auto found = books.lookups.find(number);
    if (found != books.lookups.end())
      {
        probe_ended_ = probe_ended_ || found->second.role == Role::probe;
        attempt_ended_ = attempt_ended_ || found->second.role == Role::rotation;
      }
  }

  void hand_over(const Books &books, uint64_t number, bool accepted) override
  {
    const Connection *connection = books.connection(number);
    happened_.taken += accepted;
    happened_.probes_failed += !accepted && connection && connection->role == Role::probe;
  }

  void take_from_writer(const Books &books, bool ended) override
  {
    lost_ = lost_ || (ended && books.in_use && books.in_use == books.writer_has);
  }

  void hand_over_completes(const Books &, uint64_t, bool accepted) override { lost_ = lost_ || !accepted; }

  void event(const Books &books, const failover_event &event) override
  {
    const std::string server = to_string(event.server);
    switch (event.kind)
      {
      case FAILOVER_EVENT_CONNECTED:
      case FAILOVER_EVENT_FAILED_BACK:
        told_.taken++;
        told_in_use(books, server);
        if ((event.kind == FAILOVER_EVENT_FAILED_BACK) != (event.reason == FAILOVER_REASON_FAILBACK))
          fail(books, "another reason than the event has");
        break;
      case FAILOVER_EVENT_KEPT:
        told_.kept++;
        told_in_use(books, server);
        break;
      case FAILOVER_EVENT_SERVER_FAILED:
      case FAILOVER_EVENT_ALL_FAILED:
        told_.failed++;
        if (event.reason < FAILOVER_REASON_REFUSED)
          fail(books, "a failure with a reason that is none");
        if (books.timers[FAILOVER_TIMER_SWITCH] != books.now_ms + event.wait_ms)
          fail(books, "a wait of " + std::to_string(event.wait_ms) + " ms is told, the timer says another");
        break;
      case FAILOVER_EVENT_PROBE_SUCCEEDED:
      case FAILOVER_EVENT_PROBE_FAILED:
        (event.kind == FAILOVER_EVENT_PROBE_FAILED ? told_.probes_failed : told_.probes_succeeded)++;
        if (server != books.config.servers.front().text())
          fail(books, "a probe of " + server + " is told, which is not the primary");
        break;
      case FAILOVER_EVENT_SERVER_UP:
      case FAILOVER_EVENT_SERVER_DOWN:
      case FAILOVER_EVENT_SWITCH_FAILED:
        break; // nothing in the books says it better
      case FAILOVER_EVENT_ADMIN:
        told_.admin++;
        break;
      case FAILOVER_EVENT_DRAINED: // steered.cpp
        break;
      }
  }

  void returned(const Books &books) override
  {
    const Call::Kind kind = books.call.kind;
    happened_.failed += lost_;
    happened_.admin = books.call.admin_changes;
    if (kind != Call::Kind::stop && kind != Call::Kind::steered)
      {
        happened_.failed += !lost_ && attempt_ended_ && !happened_.taken;
        happened_.probes_failed += probe_ended_ && !probe_succeeded_ && !primary_tried_ && !happened_.taken;
      }
    happened_.kept = kind == Call::Kind::start && before_ && books.in_use == before_;

    compare(books, told_.taken, happened_.taken, "taken into use");
    compare(books, told_.kept, happened_.kept, "kept over a reload");
    compare(books, told_.failed, happened_.failed, "failed");
    compare(books, told_.probes_succeeded, happened_.probes_succeeded, "probed with success");
    if (kind != Call::Kind::start) // which may find servers in maintenance only
      compare(books, told_.admin, happened_.admin, "given another state");
    compare(books, told_.probes_failed, happened_.probes_failed, "probed without success");
  }

private:
  void told_in_use(const Books &books, const std::string &server)
  {
    const Connection *used = books.connection_in_use();
    if (!used || used->server.text() != server)
      fail(books, server + " is told to be in use, it is not");
  }

  void compare(const Books &books, int told, int happened, const char *what)
  {
    if (told != happened)
      fail(books, std::string("a server was ") + what + " " + std::to_string(happened) + " times, told "
                      + std::to_string(told) + " times");
  }

  struct Counts
  {
    int taken = 0, kept = 0, failed = 0, probes_succeeded = 0, probes_failed = 0, admin = 0;
  };

  // in the call that is going on
  Counts told_, happened_;
  bool lost_ = false;
  bool attempt_ended_ = false;
  bool probe_ended_ = false;
  bool probe_succeeded_ = false;
  bool primary_tried_ = false;
  std::optional<uint64_t> before_;
};

} // namespace

std::unique_ptr<Invariant>
truthful_events()
{
  return std::make_unique<TruthfulEvents>();
}

} // namespace failover::sim
