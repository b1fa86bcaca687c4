/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * host-version.h - every difference between versions of syslog-ng that is not a
 * private layout.  No other file has an #if on a version.
 *
 * FAILOVER_HOST_SERIES is set by CMake from the installed headers: major * 100
 * + minor, 338 for 3.38.
 */
#ifndef FAILOVER_HOST_VERSION_H_INCLUDED
#define FAILOVER_HOST_VERSION_H_INCLUDED

/* The versions this source tree knows, for messages. */
#define FAILOVER_SUPPORTED_VERSIONS "3.38.1"

#if FAILOVER_HOST_SERIES == 338

#define FAILOVER_HOST_VERSION "3.38.1"
#define FAILOVER_HOST_LAYOUT_HEADER "host-layout-3.38.h"

#else
#error "this version of syslog-ng is not supported, only " FAILOVER_SUPPORTED_VERSIONS
#endif

#endif
