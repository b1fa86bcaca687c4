/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * log.h - the way of every line that lib-shim logs: as msg_error() and its like.
 * Any thread.
 *
 * When syslog-ng ends, the thread of its internal() source is gone before the
 * destinations are told, and what is logged from then on reaches nobody.  So a line
 * goes to standard error too while syslog-ng ends, which is the journal for a
 * service.  With --stderr it is there anyhow.
 */
#ifndef FAILOVER_LOG_H_INCLUDED
#define FAILOVER_LOG_H_INCLUDED

#include "mainloop.h"
#include "messages.h"

#define FAILOVER_LOG(priority, as_ever, ...) \
  do \
    { \
      if (G_UNLIKELY(main_loop_is_terminating(main_loop_get_instance()) && !log_stderr)) \
        msg_event_print_event_to_stderr(msg_event_create(priority, __VA_ARGS__, NULL)); \
      as_ever(__VA_ARGS__); \
    } \
  while (0)

/* The text, then tags of evt_tag_*(); each is evaluated once or twice. */
#define failover_log_error(...) FAILOVER_LOG(EVT_PRI_ERR, msg_error, __VA_ARGS__)
#define failover_log_warning(...) FAILOVER_LOG(EVT_PRI_WARNING, msg_warning, __VA_ARGS__)
#define failover_log_notice(...) FAILOVER_LOG(EVT_PRI_NOTICE, msg_notice, __VA_ARGS__)
/* only with --verbose */
#define failover_log_verbose(...) \
  do \
    { \
      if (verbose_flag) \
        FAILOVER_LOG(EVT_PRI_INFO, msg_info, __VA_ARGS__); \
    } \
  while (0)

#endif
