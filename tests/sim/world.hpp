// SPDX-License-Identifier: GPL-2.0-or-later
//
// The simulated world of one seed: it is the host of the engine, keeps the
// books, lets the network answer, and shows everything to the observers.  What
// happens to it and when is decided in run.cpp.
#pragma once

#include "books.hpp"
#include "event_queue.hpp"
#include "network.hpp"
#include "observer.hpp"
#include "subject.hpp"

#include <functional>
#include <string>
#include <vector>

namespace failover::sim {

class World final : public HostCalls
{
public:
  World(Prng random, Fault fault, std::vector<Observer *> observers);

  const Books &books() const { return books_; }
  EventQueue &queue() { return queue_; }
  Network &network() { return network_; }
  uint64_t calls() const { return calls_; }

  // The life of a destination.
  void start(const Config &config);
  void stop(); // the host closes what was in use
  void reload(const Config &config, bool keep_connection);

  // What the network and the clock do.
  void change(const Network::Change &change);
  std::string change_names();
  void break_connection_in_use(int64_t after_ms);
  void cut_connection_in_use(); // neither end is told
  void leap(int64_t ms);
  void heal();

  // The next thing happens, if there is one until then.
  void step(int64_t until_ms);

private:
  // struct failover_host
  int64_t now_ms() override { return queue_.now_ms(); }
  uint32_t random() override { return static_cast<uint32_t>(random_.next()); }
  void set_timer(failover_timer timer, int64_t due_ms) override;
  void cancel_timer(failover_timer timer) override;
  void resolve(uint64_t lookup, const std::string &host, uint16_t port) override;
  void release_lookup(uint64_t lookup) override;
  void connect(uint64_t connection, uint64_t lookup, uint32_t address, const std::string &name,
               failover_purpose purpose) override;
  bool hand_over(uint64_t connection) override;
  void close(uint64_t connection) override;
  void event(const failover_event &event) override;

  // what happens later
  void timer_is_due(failover_timer timer);
  void answer_lookup(uint64_t lookup, Network::LookupAnswer answer);
  void answer_connect(uint64_t connection, Network::ConnectAnswer answer);
  void answer_handshake(uint64_t connection, Network::ConnectAnswer answer);
  bool goes_on(uint64_t connection, Network::ConnectAnswer answer);
  void connected(uint64_t connection);
  void connect_fails(uint64_t connection, failover_reason reason);
  void connection_ends(uint64_t connection, failover_reason reason);
  void connection_breaks(int64_t after_ms, uint64_t connection, failover_reason reason);
  void watch_peer();
  void look_who_is_well();

  void start_engine(const Config &config, Call call);
  void stop_engine();
  void call(Call call, const std::function<failover_status()> &function);
  void tell_late(uint64_t number);
  EventQueue::Ticket after(int64_t ms, EventQueue::Action action);

  template <typename Function>
  void observe(Function function)
  {
    for (Observer *observer : observers_)
      function(*observer);
  }

  template <typename Function>
  void observe_request(const char *what, Function function)
  {
    observe([&](Observer &o) { o.asks(books_, what); });
    observe(function);
  }

  Prng random_;
  Network network_;
  EventQueue queue_;
  Books books_;
  Subject subject_;
  std::vector<Observer *> observers_;

  std::array<std::optional<EventQueue::Ticket>, FAILOVER_TIMER_COUNT> timer_tickets_;
  std::optional<EventQueue::Ticket> peer_ticket_; // the death of the peer in use is noticed
  int64_t dead_peer_timeout_ms_ = 0;              // of the connection in use
  int64_t most_between_messages_ms_;
  uint32_t hand_over_fails_percent_;
  bool late_answers_;
  uint64_t calls_ = 0;
  uint64_t life_ = 0; // of this process: numbers may be used again after a stop
};

} // namespace failover::sim
