// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// The command line of failoverctl.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace failoverctl {

struct Arguments
{
  std::string control_socket;
  std::string line;    // to be sent
  bool watch = false;  // again and again
  std::string to_say;  // help or version, and nothing to be done
  std::string mistake; // what is wrong with it
};

extern const std::string_view usage;

Arguments parse_arguments(int argc, char *argv[]);

} // namespace failoverctl
