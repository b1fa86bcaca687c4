// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "reason.hpp"

#include <array>
#include <cerrno>

namespace failover {

namespace {

struct Entry
{
  failover_reason reason;
  const char *code;
  const char *text;
};

constexpr std::array<Entry, FAILOVER_REASON_COUNT> table = { {
    { FAILOVER_REASON_START, "start", "the primary comes first after a start" },
    { FAILOVER_REASON_RELOAD, "reload", "the configuration was reloaded" },
    { FAILOVER_REASON_ROTATION, "rotation", "it is the next server in the list" },
    { FAILOVER_REASON_FAILBACK, "failback", "the primary passed all its probes" },
    { FAILOVER_REASON_PROBE, "probe", "the primary answered a probe" },
    { FAILOVER_REASON_CHECK, "check", "it passed a check" },
    { FAILOVER_REASON_SWITCH, "switch", "an administrator asked for it" },
    { FAILOVER_REASON_DRAIN, "drain", "the server before it was taken out of service" },
    { FAILOVER_REASON_REFUSED, "refused", "nothing listens on that port" },
    { FAILOVER_REASON_TIMEOUT, "timeout", "no answer in time" },
    { FAILOVER_REASON_UNREACHABLE, "unreachable", "no route to that host or network" },
    { FAILOVER_REASON_RESET, "reset", "the server reset the connection" },
    { FAILOVER_REASON_CLOSED, "closed", "the server closed the connection" },
    { FAILOVER_REASON_SENT_DATA, "sent-data", "the server sent data, which log servers do not do" },
    { FAILOVER_REASON_BROKEN, "broken", "writing to the connection failed" },
    { FAILOVER_REASON_NOT_RESOLVED, "not-resolved", "the name has no address" },
    { FAILOVER_REASON_TLS, "tls", "TLS was refused" },
    { FAILOVER_REASON_LOCAL, "local", "this machine could not make the connection" },
} };

constexpr bool
table_is_in_order()
{
  for (std::size_t i = 0; i < table.size(); i++)
    if (table[i].reason != static_cast<failover_reason>(i))
      return false;
  return true;
}
static_assert(table_is_in_order(), "the table is indexed by the reason");

const Entry *
find(failover_reason reason)
{
  auto index = static_cast<unsigned>(reason);
  return index < table.size() ? &table[index] : nullptr;
}

} // namespace

const char *
reason_code(failover_reason reason)
{
  const Entry *entry = find(reason);
  return entry ? entry->code : "unknown";
}

const char *
reason_text(failover_reason reason)
{
  const Entry *entry = find(reason);
  return entry ? entry->text : "unknown";
}

failover_reason
reason_from_errno(int error)
{
  switch (error)
    {
    case ECONNREFUSED:
      return FAILOVER_REASON_REFUSED;
    case ETIMEDOUT:
      return FAILOVER_REASON_TIMEOUT;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
      return FAILOVER_REASON_UNREACHABLE;
    case ECONNRESET:
    case EPIPE:
      return FAILOVER_REASON_RESET;
    default:
      return FAILOVER_REASON_LOCAL;
    }
}

failover_reason
reason_from_end(const failover_end &end)
{
  if (end.silent)
    return FAILOVER_REASON_TIMEOUT;
  if (end.error)
    return reason_from_errno(end.error);
  if (!end.tcp_known)
    return FAILOVER_REASON_BROKEN;
  if (end.tcp_open)
    {
      if (end.tls)
        return FAILOVER_REASON_TLS;
      return end.has_input ? FAILOVER_REASON_SENT_DATA : FAILOVER_REASON_BROKEN;
    }
  return end.tcp_reset ? FAILOVER_REASON_RESET : FAILOVER_REASON_CLOSED;
}

} // namespace failover
