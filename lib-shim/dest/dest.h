/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * dest.h - failover() of one destination: the driver plugin that the
 * grammar fills in and that joins the destination's driver to its core.  Owned
 * by the driver once it was parsed.  Main thread.
 */
#ifndef FAILOVER_DEST_H_INCLUDED
#define FAILOVER_DEST_H_INCLUDED

#include "failover.h"
#include "host.h"

typedef struct _FailoverDest FailoverDest;

/* Name of the plugin, and of the option. */
#define FAILOVER_DEST_NAME "failover"

FailoverDest *failover_dest_new(const CFG_LTYPE *location);
LogDriverPlugin *failover_dest_as_plugin(FailoverDest *self);
failover_options *failover_dest_get_options(FailoverDest *self);

/* What the user may not do, NULL if it is fine.  `driver` is being parsed: may
 * failover() begin here? */
const gchar *failover_dest_check_driver(LogDriver *driver);

/* `driver` was parsed to its end and may have failover(): does everything in it
 * go together?  `location` is set where the error belongs. */
const gchar *failover_dest_check_parsed(LogDriver *driver, const CFG_LTYPE **location);

#endif
