// SPDX-License-Identifier: GPL-2.0-or-later
//
// Names, servers and addresses, and how they behave at this moment.  It answers
// what would become of a look-up or a connection, it does not do anything
// itself.  Owned by the world of one seed.
#pragma once

#include "books.hpp"

#include <optional>
#include <vector>

namespace failover::sim {

class Network
{
public:
  // The most that a look-up, a connection and its TLS take together when all is well.
  static constexpr int64_t healed_latency_ms = 100;
  // The same at a server that is well, whatever others are.
  static constexpr int64_t well_latency_ms = 150;

  Network(bool is_short, Prng random);

  // No answer at all if `after_ms` is empty.
  struct LookupAnswer
  {
    std::optional<int64_t> after_ms;
    bool resolved = false;
    uint32_t address_count = 0;
  };
  LookupAnswer look_up(const ServerName &server);

  struct ConnectAnswer
  {
    std::optional<int64_t> after_ms;
    bool connected = false;
    failover_reason reason = FAILOVER_REASON_REFUSED; // why it fails, or ends after its life
    std::optional<int64_t> life_ms;                   // it ends by itself that long after it opened
  };
  ConnectAnswer connect(const ServerName &server, uint32_t address);
  // The TLS handshake on a connection that is open.
  ConnectAnswer shake_hands(const ServerName &server);

  // No packet of a connection that was made before gets there, or back.
  bool is_mute(const ServerName &server);
  uint32_t boot(const ServerName &server) { return host(server).boot; }
  bool well(const ServerName &server, bool tls);

  // One server changes: comes, goes, reboots, begins to flap, loses its name...
  // Connections to it end at once if `broken`.
  struct Change
  {
    std::string host;
    bool broken;
    bool rebooted;
    std::string text;
  };
  Change disturb();
  std::vector<Change> disturb_all();
  // The name server goes, or comes back: for all names.
  std::string disturb_names();
  // Nothing leaves our own machine, or it does again.
  std::string disturb_own_link();

  void heal();

private:
  enum class Mode
  {
    up,
    refusing,
    unreachable,
    silent,
    flapping, // accepts, and hangs up after a short life
    slow,     // answers, sometimes too late
  };
  enum class TlsMode
  {
    good,
    refusing,          // at once
    wrong_certificate, // after its messages have been read
    silent,
    breaking,         // midway
    refusing_clients, // as TLS 1.3 does it: when our side is complete
    hanging_up,       // when it is established
  };
  enum class NameMode
  {
    good,
    failing,
    slow,
    silent,
    empty, // an answer without an address
  };

  struct Host
  {
    Mode mode = Mode::up;
    TlsMode tls = TlsMode::good;
    NameMode name = NameMode::good;
    uint32_t boot = 0;
    uint32_t address_count = 1;
    uint32_t dead_addresses = 0; // a bit each
    bool dead_silently = false;
  };

  Host &host(const ServerName &server);
  Change disturb(std::size_t index);
  void give_addresses(Host &host);

  template <typename Mode>
  struct Named
  {
    Mode mode;
    const char *name;
  };
  // The first, if all is to be well.
  template <typename Mode, std::size_t count>
  Named<Mode> draw(const Named<Mode> (&modes)[count], uint32_t well_percent)
  {
    return modes[random_.chance(well_percent) ? 0 : static_cast<std::size_t>(random_.between(1, count - 1))];
  }

  Prng random_;
  std::vector<Host> hosts_;
  uint32_t up_percent_;
  uint32_t tls_well_percent_;
  bool name_server_hangs_ = false;
  bool own_link_is_down_ = false;
  bool healed_ = false;
};

} // namespace failover::sim
