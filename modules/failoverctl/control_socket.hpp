// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// syslog-ng's control socket: a line in, a reply out.
#pragma once

#include <string>

namespace failoverctl {

struct Reply
{
  int exit_code;
  std::string summary; // a line without its end; may be empty
  std::string text;    // none, or lines
};

// What nobody answered.
inline constexpr int cannot_tell = 3;

// `line` has no end of line.  Whatever goes wrong is a reply, too.
Reply ask(const std::string &path, const std::string &line);

} // namespace failoverctl
