/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * running.h - the destinations that run, by name.  Main thread.
 */
#ifndef FAILOVER_RUNNING_H_INCLUDED
#define FAILOVER_RUNNING_H_INCLUDED

#include "failover-status.h"

#include <glib.h>

/* Reference counted: who waits for something of it may outlive it. */
typedef struct _FailoverRunning
{
  guint references;
  gchar *id;
  failover_destination *core; /* NULL: it does not run any more */
} FailoverRunning;

/* From its start to its stop; what waits for it has had its answers by then. */
void failover_running_add(const gchar *id, failover_destination *core);
void failover_running_remove(failover_destination *core);

FailoverRunning *failover_running_ref(FailoverRunning *self);
void failover_running_unref(FailoverRunning *self);

/* FailoverRunning *, in the order of the configuration: all that fit `name`, by id, by what
 * stands before the # of it, or by the primary if nothing else names it; all if it is empty. */
GPtrArray *failover_running_find(failover_text name);

#endif
