// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// The command line that steers, as it comes from a control socket: "FAILOVER verb
// [destination [server]] [--json]".  Foreign bytes: nothing is copied, nothing thrown.
// Any thread.
#pragma once

#include "failover-status.h"

#include <string_view>

namespace failover {

// Null, or what is wrong with it; then `command` is not to be used.
const char *parse_command(std::string_view line, failover_command &command) noexcept;

} // namespace failover
