// SPDX-License-Identifier: GPL-2.0-or-later
//
// An answer about a look-up or a connection that was given up does no harm: the
// destination asks for nothing, tells nothing and keeps what is in use.
#include "all.hpp"

namespace failover::sim {

namespace {

class LateAnswers final : public Invariant
{
public:
  const char *name() const override { return "late_answers"; }
  int exit_code() const override { return 27; }
  const char *rule() const override { return "an answer that comes too late changes nothing"; }

  void asks(const Books &books, const char *what) override
  {
    if (books.call.kind == Call::Kind::late)
      fail(books, std::string("asked to ") + what + " for an answer that came too late");
  }
};

} // namespace

std::unique_ptr<Invariant>
late_answers()
{
  return std::make_unique<LateAnswers>();
}

} // namespace failover::sim
