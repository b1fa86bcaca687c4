// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// The servers of one configuration in their order, the primary first, and which of them
// may be used.  Owned by the engine, main thread.
#pragma once

#include "options.hpp"
#include "status.hpp"

namespace failover {

class Roster
{
public:
  static constexpr std::size_t primary = 0;

  Roster(const Settings &settings, std::string_view primary_host, uint16_t port, const Status &status);
  Roster(const Roster &) = delete;
  Roster &operator=(const Roster &) = delete;

  std::size_t size() const { return servers_.size(); }
  const Server &operator[](std::size_t server) const { return servers_[server]; }
  const std::string &name(std::size_t server) const { return names_[server]; }
  const std::vector<std::string> &names() const { return names_; }
  std::optional<std::size_t> find(const Server &server) const;
  std::size_t after(std::size_t server) const { return (server + 1) % servers_.size(); }

  failover_admin admin(std::size_t server) const { return status_.server(server).admin; }
  bool is_ready(std::size_t server) const { return admin(server) == FAILOVER_ADMIN_READY; }
  // Ready; drained, if none is ready.
  bool is_usable(std::size_t server) const;
  std::size_t count_usable() const;
  bool is_last_not_in_maint(std::size_t server) const;

  // The first from `from` on that is usable.  With standby probes: that is not known to be
  // down either, as long as there is one; if all are, that was not tried in this round.
  std::size_t choose(std::size_t from) const { return choose(from, std::nullopt); }
  // The one that follows `failed`.
  std::size_t choose_after(std::size_t failed) const { return choose(after(failed), failed); }
  // Usable ones other than `server`, from the one after it on; those not known to be down first.
  std::vector<std::size_t> others(std::size_t server) const;

  void tried(std::size_t server) { tried_[server] = true; }
  void begin_round() { tried_.assign(servers_.size(), false); }

private:
  std::size_t choose(std::size_t from, std::optional<std::size_t> failed) const;
  bool is_down(std::size_t server) const
  {
    return knows_health_ && status_.server(server).health == Health::down;
  }

  const Status &status_;
  bool knows_health_; // of those that are not in use
  std::vector<Server> servers_;
  std::vector<std::string> names_; // "host:port" of each
  std::vector<bool> tried_;        // in this round
};

} // namespace failover
