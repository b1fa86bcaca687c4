// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// One destination: the engine, which says which server, and the stream, which says what
// becomes of its messages, joined by the connection that the LogWriter has.  It is handed
// from one server to the next in here, and from one configuration to the next.
//
// Main side (see connection.hpp).  Owned by the destination's plugin through the C ABI; it
// survives a reload.
#pragma once

#include "engine.hpp"
#include "status_text.hpp"
#include "stream.hpp"

#include <optional>

namespace failover {

class Destination final : private ConnectionInUse
{
public:
  explicit Destination(const failover_loop &loop);
  Destination(const Destination &) = delete;
  Destination &operator=(const Destination &) = delete;

  // ---- its life with configurations

  struct Config
  {
    std::string_view primary;
    uint16_t port;
    int64_t time_reopen_ms;
    uint32_t throttle;
  };
  // If it throws, it is not started.
  void start(const Settings &settings, const Config &config, const failover_host &host, bool connection_open);
  void stop(bool keeps_connection);
  bool ends_if_removed() const;

  // ---- what happened

  void timer_due(failover_timer timer);
  void resolved(Id lookup, const std::vector<std::string> &addresses);
  void not_resolved(Id lookup, std::string_view detail);
  void connected(Id connection);
  void connect_failed(Id connection, failover_reason reason, std::string_view detail);
  // The LogWriter says that its connection is over.
  void ended();
  // The connection in use has come to the end of a message, and another waits for that.
  void quiet();
  // After one of these has thrown, for lack of memory.
  void recover() noexcept;

  // ---- seen and steered

  void watch(const failover_watcher &watcher) { status_.watch(watcher); }
  void set_certificate_end(Id connection, int64_t end_s);
  // Null: it is stopped.
  const Engine *engine() const { return running_ ? &running_->engine : nullptr; }
  const Status &status() const { return status_; }
  void switch_to(std::size_t server, uint64_t request);
  void set_admin(std::size_t server, failover_admin admin, uint64_t request);
  void check_all(uint64_t request);
  StatusView view(std::string_view id, int64_t wall_offset_ms) const;
  std::optional<std::size_t> find_server(std::string_view name) const;

  // Null: none.
  const Engine::Chosen *in_use() const;

  Stream &stream() { return stream_; }
  const Stream &stream() const { return stream_; }

private:
  // Of one configuration.
  struct Running
  {
    Running(const failover_loop &loop, const failover_host &callbacks, const Settings &settings,
            const Config &config, IdSequence &ids, Status &status, ConnectionInUse &connection_in_use)
      : host(loop, callbacks, status), engine(settings, config.primary, config.port, config.time_reopen_ms,
                                              host, ids, status, connection_in_use),
        port(config.port)
    {}
    Host host;
    Engine engine;
    uint16_t port; // of servers without their own
  };

  struct Taken
  {
    Id connection;
    std::shared_ptr<ServerFacts> server;
  };

  bool hand_over(Id connection, std::size_t server) override;
  void let_go() override;
  uint64_t to_resend() const override { return stream_.to_resend(); }

  bool leave();
  void end_in_use();
  bool give_to_writer(const Taken &taken);
  void take_from_writer();
  void complete_hand_over();
  void close_overtaken();
  void hand_over_due();
  void disconnected(failover_reason reason, bool fruitless);
  void report_drained();

  failover_loop loop_;
  Status status_;
  Stream stream_;
  IdSequence ids_; // of all configurations
  std::optional<Running> running_;
  std::optional<Snapshot> snapshot_;           // of the last configuration, until the next one begins
  bool writer_has_connection_ = false;         // the one in use, or the one that is being left
  std::shared_ptr<ServerFacts> writer_server_; // of that connection
  std::optional<Taken> waits_for_hand_over_;   // in use for the engine already
};

} // namespace failover
