/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * control.h - the command FAILOVER on syslog-ng's control socket, which failoverctl
 * speaks.  A line in, failover_command_parse() knows its words; a reply out:
 *
 *   CODE SUMMARY     the exit code of the client; the summary may be empty
 *   text             none, or lines
 *   .                as all replies end there
 *
 * Main thread.
 */
#ifndef FAILOVER_CONTROL_H_INCLUDED
#define FAILOVER_CONTROL_H_INCLUDED

#include "failover-status.h"

#include <glib.h>

/* Often enough is once; more often does no harm. */
void failover_control_register(void);

/* failover_watcher.answer(), of all destinations. */
void failover_control_answer(uint64_t request, failover_answer answer);

#endif
