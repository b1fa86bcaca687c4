// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "roster.hpp"

#include <algorithm>
#include <cassert>

namespace failover {

Roster::Roster(const Settings &settings, std::string_view primary_host, uint16_t port, const Status &status)
  : status_(status), knows_health_(settings.standby_probe_interval_ms > 0)
{
  servers_.push_back({ canonical_host(primary_host), port });
  for (const ServerSpec &spec : settings.servers)
    servers_.push_back(with_default_port(spec, port));
  for (const Server &server : servers_)
    names_.push_back(server.name());
  begin_round();
}

std::optional<std::size_t>
Roster::find(const Server &server) const
{
  auto found = std::find(servers_.begin(), servers_.end(), server);
  if (found == servers_.end())
    return std::nullopt;
  return found - servers_.begin();
}

bool
Roster::is_usable(std::size_t server) const
{
  if (admin(server) != FAILOVER_ADMIN_DRAIN)
    return is_ready(server);
  for (std::size_t i = 0; i < size(); i++)
    if (is_ready(i))
      return false;
  return true;
}

std::size_t
Roster::count_usable() const
{
  std::size_t count = 0;
  for (std::size_t i = 0; i < size(); i++)
    count += is_usable(i);
  return count;
}

bool
Roster::is_last_not_in_maint(std::size_t server) const
{
  for (std::size_t i = 0; i < size(); i++)
    if (i != server && admin(i) != FAILOVER_ADMIN_MAINT)
      return false;
  return true;
}

std::size_t
Roster::choose(std::size_t from, std::optional<std::size_t> failed) const
{
  std::optional<std::size_t> usable, untried;
  for (std::size_t i = 0; i < size(); i++)
    {
      const std::size_t server = (from + i) % size();
      if (!is_usable(server))
        continue;
      if (server != failed && !is_down(server))
        return server;
      if (!usable)
        usable = server;
      if (!untried && !tried_[server])
        untried = server;
    }
  assert(usable);
  return untried.value_or(*usable);
}

std::vector<std::size_t>
Roster::others(std::size_t server) const
{
  std::vector<std::size_t> result;
  for (const bool down : { false, true })
    for (std::size_t i = after(server); i != server; i = after(i))
      if (is_usable(i) && is_down(i) == down)
        result.push_back(i);
  return result;
}

} // namespace failover
