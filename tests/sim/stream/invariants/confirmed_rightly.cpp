// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is let go was acknowledged to its last byte on this connection; and its
// grace was over, or there was no room for another message without it.  An end
// lets go of nothing.
#include "all.hpp"

#include <map>

namespace failover::sim::stream {

namespace {

class ConfirmedRightly final : public Invariant
{
public:
  const char *name() const override { return "confirmed_rightly"; }
  int exit_code() const override { return 44; }
  const char *rule() const override { return "only acknowledged messages are let go, after the grace"; }

  void let_go(const Books &books, const Connection *where, uint32_t number, LetGo cause) override
  {
    const Message &gone = books.messages[number];
    if (!where || gone.connection != where->number)
      {
        fail(books, message(number) + " was let go and not posted");
        return;
      }
    if (!gone.acked)
      fail(books, message(number) + " was let go, its end " + std::to_string(gone.end) + " on "
                      + connection(*where) + " is not acknowledged, " + std::to_string(where->sampled_acked)
                      + " is");
    else if (cause == LetGo::by_sample && gone.grace_from == never)
      fail(books, message(number) + " was let go, it may not have been read");
    else if (cause == LetGo::by_sample && where->clock.ms() - gone.grace_from < books.config.grace_ms)
      fail(books, message(number) + " was let go " + std::to_string(where->clock.ms() - gone.grace_from)
                      + " ms after it was acknowledged and read");
    else if (cause == LetGo::at_end)
      fail(books, message(number) + " was let go when " + connection(*where) + " ended");
  }

  void asked_for_room(const Books &books, const BufferBooks &buffer, std::size_t bytes, std::size_t room,
                      bool) override
  {
    if (buffer.grace_cut > grace_cut_[buffer.number] && bytes + room <= books.config.buffer_limit)
      fail(books, "messages were let go for room that was there");
    grace_cut_[buffer.number] = buffer.grace_cut;
  }

private:
  std::map<uint32_t, uint64_t> grace_cut_;
};

} // namespace

std::unique_ptr<Invariant>
confirmed_rightly()
{
  return std::make_unique<ConfirmedRightly>();
}

} // namespace failover::sim::stream
