/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * The core's events as lines of syslog-ng's own log: one line a change, with
 * everything an administrator needs in it.
 */
#include "dest-private.h"

#include "log.h"

#include <string.h>

#define TAG_TEXT(name, text) evt_tag_printf(name, "%.*s", (int) (text).length, (text).data)

#define TAGS_OF_ALL(destination, event) \
  evt_tag_str("destination", destination), \
  TAG_TEXT("server", (event)->server), \
  TAG_TEXT("address", (event)->address), \
  evt_tag_str("reason", failover_reason_code((event)->reason))

#define TAGS_OF_SERVER(destination, event) \
  evt_tag_str("destination", destination), \
  TAG_TEXT("server", (event)->server), \
  evt_tag_str("admin", failover_admin_code((event)->admin))

#define TAG_TOOK(event) evt_tag_long("took_ms", (event)->took_ms)

#define TAG_SUCCESSES(event) evt_tag_printf("successes", "%u/%u", (event)->successes, (event)->required)

/* the system's own words, ours where it has none */
static EVTTAG *
_tag_error(const failover_event *event)
{
  const gchar *ours = failover_reason_text(event->reason);
  failover_text text = event->detail.length ? event->detail : (failover_text) { ours, strlen(ours) };

  return evt_tag_printf("error", "%.*s%s", (int) text.length, text.data,
                        event->fruitless ? "; none of the messages sent to it is confirmed" : "");
}

/* Messages that the servers tried so far have not confirmed. */
#define TAG_TO_RESEND(event) evt_tag_printf("to_resend", "%" G_GUINT64_FORMAT, (guint64) (event)->to_resend)

static EVTTAG *
_tag_duration(const failover_event *event)
{
  if (event->in_use_ms >= 0)
    return evt_tag_long("in_use_ms", event->in_use_ms);
  return TAG_TOOK(event);
}

static void
_log_failure(const gchar *destination, const failover_event *event)
{
  if (event->kind == FAILOVER_EVENT_ALL_FAILED)
    failover_log_error("failover: all log servers failed", TAGS_OF_ALL(destination, event), _tag_error(event),
                       _tag_duration(event), TAG_TO_RESEND(event), TAG_TEXT("next", event->next),
                       evt_tag_long("wait_ms", event->wait_ms));
  else
    failover_log_warning("failover: log server failed", TAGS_OF_ALL(destination, event), _tag_error(event),
                         _tag_duration(event), TAG_TO_RESEND(event), TAG_TEXT("next", event->next),
                         evt_tag_long("wait_ms", event->wait_ms));
}

/* No change if it is as the probe before was, and nothing was counted. */
static void
_log_probe(const gchar *destination, const failover_event *event)
{
  if (event->kind == FAILOVER_EVENT_PROBE_SUCCEEDED && event->repeated)
    failover_log_verbose("failover: probe of the primary succeeded", TAGS_OF_ALL(destination, event), TAG_TOOK(event),
                         TAG_SUCCESSES(event));
  else if (event->kind == FAILOVER_EVENT_PROBE_SUCCEEDED)
    failover_log_notice("failover: probe of the primary succeeded", TAGS_OF_ALL(destination, event), TAG_TOOK(event),
                        TAG_SUCCESSES(event));
  else if (event->repeated)
    failover_log_verbose("failover: probe of the primary failed", TAGS_OF_ALL(destination, event), _tag_error(event),
                         TAG_TOOK(event), TAG_SUCCESSES(event));
  else
    failover_log_notice("failover: probe of the primary failed", TAGS_OF_ALL(destination, event), _tag_error(event),
                        TAG_TOOK(event), TAG_SUCCESSES(event));
}

void
failover_dest_log_event(const gchar *destination, const failover_event *event)
{
  switch (event->kind)
    {
    case FAILOVER_EVENT_CONNECTED:
      failover_log_notice("failover: connected to log server", TAGS_OF_ALL(destination, event), TAG_TOOK(event));
      break;
    case FAILOVER_EVENT_FAILED_BACK:
      failover_log_notice("failover: back on the primary log server", TAGS_OF_ALL(destination, event), TAG_TOOK(event),
                          TAG_SUCCESSES(event));
      break;
    case FAILOVER_EVENT_KEPT:
      failover_log_notice("failover: connection kept over reload", TAGS_OF_ALL(destination, event));
      break;
    case FAILOVER_EVENT_SERVER_FAILED:
    case FAILOVER_EVENT_ALL_FAILED:
      _log_failure(destination, event);
      break;
    case FAILOVER_EVENT_PROBE_SUCCEEDED:
    case FAILOVER_EVENT_PROBE_FAILED:
      _log_probe(destination, event);
      break;
    case FAILOVER_EVENT_SERVER_UP:
      failover_log_notice("failover: log server is up", TAGS_OF_ALL(destination, event), TAG_TOOK(event));
      break;
    case FAILOVER_EVENT_SERVER_DOWN:
      failover_log_warning("failover: log server is down", TAGS_OF_ALL(destination, event), _tag_error(event),
                           TAG_TOOK(event));
      break;
    case FAILOVER_EVENT_SWITCH_FAILED:
      failover_log_warning("failover: log server could not take over", TAGS_OF_ALL(destination, event),
                           _tag_error(event), TAG_TOOK(event));
      break;
    case FAILOVER_EVENT_ADMIN:
      failover_log_notice("failover: an administrator set the state of a log server",
                          TAGS_OF_SERVER(destination, event));
      break;
    case FAILOVER_EVENT_DRAINED:
      failover_log_notice("failover: log server is out of service, it is safe to stop it",
                          TAGS_OF_SERVER(destination, event));
      break;
    default:
      break;
    }
}
