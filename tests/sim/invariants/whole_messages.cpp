// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a receiver gets is whole messages, byte for byte, also those that are sent again;
// only the last one on a connection may be cut short.
#include "all.hpp"

namespace failover::sim {

namespace {

class WholeMessages final : public Invariant
{
public:
  const char *name() const override { return "whole_messages"; }
  int exit_code() const override { return 41; }
  const char *rule() const override { return "no half message but at the end of a connection"; }

  void torn(const Books &books, const Flow &where, const std::string &what) override
  {
    fail(books, connection(where) + " after " + std::to_string(where.read) + " messages: " + what);
  }

  void other_bytes(const Books &books, const std::string &text) override
  {
    fail(books, "this is no message as it was posted first: \"" + text + "\"");
  }
};

} // namespace

std::unique_ptr<Invariant>
whole_messages()
{
  return std::make_unique<WholeMessages>();
}

} // namespace failover::sim
