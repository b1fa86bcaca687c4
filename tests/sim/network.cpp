// SPDX-License-Identifier: GPL-2.0-or-later
//
// See network.hpp.
#include "network.hpp"

#include <cstdlib>

namespace failover::sim {

Network::Network(bool is_short, Prng random) : random_(random), hosts_(Config::most_hosts)
{
  // from worlds where nothing works to worlds where nearly everything does
  static constexpr uint32_t percents[] = { 0, 20, 50, 80, 95 };
  up_percent_ = percents[is_short && random_.chance(80) ? 4 : random_.below(5)];
  tls_well_percent_ = percents[is_short && random_.chance(80) ? 4 : random_.below(5)];
  for (Host &host : hosts_)
    give_addresses(host);
  disturb_all();
}

void
Network::give_addresses(Host &host)
{
  host.address_count =
      static_cast<uint32_t>(random_.chance(90) ? random_.between(1, 4) : random_.between(5, 20));
  host.dead_addresses = random_.chance(30) ? static_cast<uint32_t>(random_.next()) : 0;
}

Network::Host &
Network::host(const ServerName &server)
{
  return hosts_[static_cast<std::size_t>(std::atoi(server.host.c_str() + 1)) % hosts_.size()];
}

Network::LookupAnswer
Network::look_up(const ServerName &server)
{
  const Host &target = host(server);
  if (healed_)
    return { random_.between(0, healed_latency_ms / 3), true, target.address_count };
  if (own_link_is_down_)
    return {};
  if (name_server_hangs_) // what is answered at all comes late, when it is back
    return random_.chance(50)
               ? LookupAnswer{}
               : LookupAnswer{ random_.log_between(1'000, 120'000), true, target.address_count };
  switch (target.name)
    {
    case NameMode::good:
      return { random_.between(0, well_latency_ms / 3), true, target.address_count };
    case NameMode::failing:
      return { random_.between(0, 200), false, 0 };
    case NameMode::slow:
      return { random_.between(0, 15'000), true, target.address_count };
    case NameMode::empty:
      return { 0, true, 0 };
    case NameMode::silent:
      break;
    }
  return {};
}

Network::ConnectAnswer
Network::connect(const ServerName &server, uint32_t address)
{
  const Host &target = host(server);
  if (healed_)
    return { random_.between(0, healed_latency_ms / 3), true, {}, {} };

  if (own_link_is_down_)
    return {};
  if (target.dead_addresses >> (address % 32) & 1)
    return target.dead_silently
               ? ConnectAnswer{}
               : ConnectAnswer{ random_.between(0, 100), false, FAILOVER_REASON_UNREACHABLE, {} };
  switch (target.mode)
    {
    case Mode::up:
      return { random_.between(0, well_latency_ms / 3), true, {}, {} };
    case Mode::refusing:
      return { random_.between(0, 20), false, FAILOVER_REASON_REFUSED, {} };
    case Mode::unreachable:
      return { random_.between(0, 3'000), false, FAILOVER_REASON_UNREACHABLE, {} };
    case Mode::flapping:
      return { random_.between(0, well_latency_ms / 3), true, FAILOVER_REASON_CLOSED,
               random_.log_between(0, 5'000) };
    case Mode::slow:
      return { random_.between(0, 12'000), true, {}, {} };
    case Mode::silent:
      break;
    }
  return {};
}

Network::ConnectAnswer
Network::shake_hands(const ServerName &server)
{
  if (healed_)
    return { random_.between(0, healed_latency_ms / 3), true, {}, {} };

  if (own_link_is_down_)
    return {};
  switch (host(server).tls)
    {
    case TlsMode::good:
      return { random_.between(0, well_latency_ms / 3), true, {}, {} };
    case TlsMode::refusing:
      return { 0, false, FAILOVER_REASON_TLS, {} };
    case TlsMode::wrong_certificate:
      return { random_.between(0, 100), false, FAILOVER_REASON_TLS, {} };
    case TlsMode::breaking:
      return { random_.log_between(1, 12'000), false, FAILOVER_REASON_TLS, {} };
    case TlsMode::refusing_clients:
      return { random_.between(0, 600), false, FAILOVER_REASON_TLS, {} };
    case TlsMode::hanging_up:
      return { random_.between(0, well_latency_ms / 3), true, FAILOVER_REASON_TLS,
               random_.log_between(0, 900) };
    case TlsMode::silent:
      break;
    }
  return {};
}

bool
Network::well(const ServerName &server, bool tls)
{
  const Host &target = host(server);
  return healed_
         || (!name_server_hangs_ && !own_link_is_down_ && target.name == NameMode::good
             && !target.dead_addresses && target.mode == Mode::up && (!tls || target.tls == TlsMode::good));
}

bool
Network::is_mute(const ServerName &server)
{
  const Mode mode = host(server).mode;
  return !healed_ && (own_link_is_down_ || mode == Mode::silent || mode == Mode::unreachable);
}

Network::Change
Network::disturb()
{
  return disturb(random_.below(hosts_.size()));
}

std::vector<Network::Change>
Network::disturb_all()
{
  std::vector<Change> changes;
  for (std::size_t i = 0; i < hosts_.size(); i++)
    changes.push_back(disturb(i));
  return changes;
}

std::string
Network::disturb_names()
{
  name_server_hangs_ = !name_server_hangs_;
  return name_server_hangs_ ? "the name server hangs" : "the name server answers";
}

std::string
Network::disturb_own_link()
{
  own_link_is_down_ = !own_link_is_down_;
  return own_link_is_down_ ? "nothing leaves our machine any more" : "our link is up again";
}

Network::Change
Network::disturb(std::size_t index)
{
  static constexpr Named<Mode> modes[] = {
    { Mode::up, "up" },
    { Mode::refusing, "refusing" },
    { Mode::refusing, "refusing" },
    { Mode::unreachable, "unreachable" },
    { Mode::silent, "silent" },
    { Mode::flapping, "flapping" },
    { Mode::slow, "slow" },
  };
  static constexpr Named<TlsMode> tls_modes[] = {
    { TlsMode::good, "good" },
    { TlsMode::refusing, "refusing" },
    { TlsMode::wrong_certificate, "with a wrong certificate" },
    { TlsMode::silent, "silent" },
    { TlsMode::breaking, "breaking midway" },
    { TlsMode::refusing_clients, "refusing our certificate" },
    { TlsMode::hanging_up, "hanging up" },
  };
  static constexpr Named<NameMode> name_modes[] = {
    { NameMode::good, "good" },     { NameMode::failing, "failing" }, { NameMode::slow, "slow" },
    { NameMode::silent, "silent" }, { NameMode::empty, "empty" },
  };

  const auto mode = draw(modes, up_percent_);
  const auto tls = draw(tls_modes, tls_well_percent_);
  const auto name = draw(name_modes, 90);
  Host &target = hosts_[index];
  target.mode = mode.mode;
  target.tls = tls.mode;
  target.name = name.mode;
  target.dead_silently = random_.chance(50);
  const bool moved = random_.chance(20);
  if (moved)
    give_addresses(target);

  const std::string host = "s" + std::to_string(index);
  const bool rebooted = random_.chance(20);
  target.boot += rebooted;
  const bool ends_connections =
      target.mode == Mode::refusing || target.mode == Mode::flapping || target.mode == Mode::slow;
  const bool broken = !rebooted && ends_connections && random_.chance(75);
  return { host, broken, rebooted,
           host + (rebooted ? " reboots and is " : " is ") + mode.name + ", its TLS " + tls.name
               + ", its name " + name.name + (moved ? " and for other addresses" : "")
               + (broken ? ", its connections break" : "") };
}

void
Network::heal()
{
  healed_ = true;
}

} // namespace failover::sim
