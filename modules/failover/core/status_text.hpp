// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// The facts of one destination as text: rows for people, JSON for programs.  It asks
// nobody and changes nothing.
#pragma once

#include "engine.hpp"

#include <string>
#include <string_view>

namespace failover {

struct StatusView
{
  std::string_view id; // of the destination
  const Status &status;
  StreamNumbers stream;
  std::vector<uint64_t> unconfirmed; // messages, by server
  NextStep next;
  int64_t now_ms;
  int64_t wall_offset_ms; // to be added to have milliseconds since 1970
};

// Lines of up to 100 columns of ASCII, each with its newline.
std::string status_rows(const StatusView &view);

// One object in one line, without a newline.  Keys are only ever added.
std::string status_json(const StatusView &view);

} // namespace failover
