// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// The one table of results: what each reason is called wherever it is shown.
// Stateless, any thread.
#pragma once

#include "failover.h"

namespace failover {

const char *reason_code(failover_reason reason);
const char *reason_text(failover_reason reason);
failover_reason reason_from_errno(int error);
failover_reason reason_from_end(const failover_end &end);

} // namespace failover
