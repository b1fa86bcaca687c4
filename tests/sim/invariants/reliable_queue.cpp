// SPDX-License-Identifier: GPL-2.0-or-later
//
// A reliable queue keeps in its file what is not confirmed, and nothing that is: a message
// is acknowledged as soon as it and all before it are confirmed, and not earlier; with too
// little room it is at acceptance, so that nothing is throttled or dropped.  It gives out
// again what nobody else knows of, and no more.
#include "all.hpp"

#include <algorithm>

namespace failover::sim {

namespace {

class KeepsInQueue final : public Invariant
{
public:
  const char *name() const override { return "reliable_queue"; }
  int exit_code() const override { return 54; }
  const char *rule() const override { return "a reliable queue keeps what is not confirmed, in its order"; }

  void acknowledged_to_queue(const Books &books, uint32_t number, bool short_of_room) override
  {
    if (!books.messages[number].confirmed && !short_of_room)
      fail(books, message(number) + " is acknowledged to the queue, it is not confirmed");
  }

  void acknowledged_too_many(const Books &books) override
  {
    fail(books, "more is acknowledged to the queue than was taken out of it");
  }

  void given_out_again(const Books &books, uint32_t number) override
  {
    const Message &again = books.messages[number];
    if (again.kept && !again.confirmed && !again.lost)
      fail(books, message(number) + " is given out again, and waits to be confirmed");
  }

  // That costs a walk along all that the file keeps.  Once it may meet older ones that wait.
  void given_back_to_queue(const Books &books, const Flow &where, uint32_t number) override
  {
    const bool again = given_back_on_ == where.number;
    given_back_on_ = where.number;
    if (again)
      fail(books,
           message(number) + " is given back to the queue again, and there is room on " + connection(where));
  }

  void settled(const Books &books) override
  {
    const Message *oldest = books.running && books.file_attached ? oldest_taken_out(books) : nullptr;
    if (oldest && oldest->confirmed)
      fail(books, "the oldest message in the queue is confirmed and not acknowledged");
    if (!oldest || !books.is_short_of_room())
      short_since_ms_.reset();
    else if (!short_since_ms_)
      short_since_ms_ = books.now_ms;
    else if (books.now_ms > std::max({ *short_since_ms_, books.woken_ms, books.configured_ms }) + soon_ms)
      fail(books, "the queue has no room, and what is not confirmed takes some");
  }

  void judged(const Books &books, const failover_stream_state &) override
  {
    if (books.settled && books.file && oldest_taken_out(books))
      fail(books, "all is done, and the queue has messages that are not acknowledged");
  }

private:
  static constexpr int64_t soon_ms = 1'000;

  // Unless it renders empty.
  static const Message *oldest_taken_out(const Books &books)
  {
    const auto &records = books.file->records();
    const auto end = records.begin() + static_cast<std::ptrdiff_t>(books.file->backlog());
    const auto found =
        std::find_if(records.begin(), end, [](const ReliableQueue::Record &record) { return record.posted; });
    return found == end ? nullptr : &books.messages[found->number];
  }

  std::optional<int64_t> short_since_ms_;
  std::optional<int> given_back_on_;
};

} // namespace

std::unique_ptr<Invariant>
reliable_queue()
{
  return std::make_unique<KeepsInQueue>();
}

} // namespace failover::sim
