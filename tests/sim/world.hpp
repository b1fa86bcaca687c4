// SPDX-License-Identifier: GPL-2.0-or-later
//
// The simulated world of one seed: it is the host of the destination, keeps the
// books, lets the network, the receivers and the LogWriter answer, and shows everything
// to the observers.  What happens to it and when is decided in run.cpp.
#pragma once

#include "peers.hpp"
#include "writer.hpp"

#include <functional>
#include <string>
#include <vector>

namespace failover::sim {

class World final : private HostCalls, private Link::Events, private Writer::Owner
{
public:
  World(Prng random, Fault fault, const Surroundings &surroundings, std::vector<Observer *> observers);

  ~World() override;

  const Books &books() const { return books_; }
  EventQueue &queue() { return queue_; }
  Network &network() { return network_; }
  Peers &peers() { return peers_; }
  // Of the destination, without those that look after its connections.
  uint64_t calls() const { return calls_; }

  // The life of a destination.
  void start(const Config &config);
  void stop();  // syslog-ng ends, which takes its time
  void crash(); // it is gone, but for the file of its queue
  bool is_ending() const { return is_ending_; }
  struct Reload
  {
    bool keeps_connection = true;
    bool fits = true; // the LogProto, or it is not kept after all
    // It was tried in between and did not start, or another destination did not.
    bool fails = false;
    std::optional<Config> tried;
  };
  void reload(const Config &config, const Reload &how);
  // A configuration without failover(), and one with it again.
  void remove();
  void restore(const Config &config);
  void lose_file() { writer_.lose_file(); }

  // An administrator asks for something; see Wish.
  void steer(Wish wish, const ServerName &server);

  // Messages, that come in their order.
  void enqueue(uint32_t count);
  bool has_more_messages() const { return next_message_ < books_.messages.size(); }

  // What the network and the clock do.
  std::string change(const Network::Change &change); // what became of its connections
  std::string change_names();
  std::string change_own_link();
  void sleep(int64_t ms);
  void heal();

  // The next thing happens, if there is one until then.
  void step(int64_t until_ms);

  void wake();
  bool idle() const { return writer_.idle(); }
  // The end of the world: all has been done that there was.
  void settle() { books_.settled = true; }
  void judge();

private:
  // struct failover_loop, struct failover_host
  int64_t now_ms() override { return queue_.now_ms(); }
  uint32_t random() override { return static_cast<uint32_t>(random_.next()); }
  void set_timer(failover_timer timer, int64_t due_ms) override;
  void cancel_timer(failover_timer timer) override;
  void lost(uint64_t messages, failover_loss why) override;
  void resolve(uint64_t lookup, const std::string &host, uint16_t port) override;
  void release_lookup(uint64_t lookup) override;
  void connect(uint64_t connection, uint64_t lookup, uint32_t address, const std::string &name,
               failover_purpose purpose) override;
  void close(uint64_t connection) override;
  bool give_to_writer(uint64_t connection) override;
  void take_from_writer() override;
  void shut_down() override;
  failover_end read_end() override { return writer_.read_end(); }
  bool is_idle() override { return writer_.is_idle(); }
  void wake_writer() override;
  void event(const failover_event &event) override;
  void answer(uint64_t request, failover_answer answer) override;

  Role role_of_next();
  void find_out(const Lookup &lookup);
  void take_into_use(Connection &connection);
  bool writer_connection_has_ended() const;

  // Link::Events
  void fin_arrived(Link &link) override { writer_.poll(link); }
  void reset_arrived(Link &link) override { writer_.poll(link); }
  void hung_up(Link &link) override { writer_.poll(link); }
  void acknowledged(Link &link) override { writer_.acknowledged(link); }
  void read(Link &link, std::string_view bytes) override { peers_.read(link, bytes); }

  // Writer::Owner
  void writer_ended() override;
  void writer_quiet() override;

  // what happens later
  void timer_is_due(failover_timer timer);
  void answer_lookup(uint64_t lookup, Network::LookupAnswer answer);
  void answer_connect(uint64_t connection, Network::ConnectAnswer answer);
  void answer_handshake(uint64_t connection, Network::ConnectAnswer answer);
  bool goes_on(uint64_t connection, Network::ConnectAnswer answer);
  void ready(uint64_t connection);
  void connected(uint64_t connection);
  void connect_fails(uint64_t connection, failover_reason reason);
  void ends_by_itself(uint64_t connection, int64_t after_ms);
  void look_who_is_well();

  void begin(const Config &config, Call call);
  bool end(bool keeps_connection, bool releases = true);
  bool end(const Reload &how);
  void leave_writer();
  bool finish(int64_t limit_ms);
  void go();
  void forget();
  void call(Call call, const std::function<failover_status()> &function);
  void settle_losses();
  void tell_late(uint64_t number);
  void after(int64_t ms, EventQueue::Action action);

  template <typename Hook, typename... Arguments>
  void request(const char *what, Hook hook, const Arguments &...arguments)
  {
    stage_.tell(&Observer::asks, what);
    stage_.tell(hook, arguments...);
  }

  Prng random_;
  Network network_;
  EventQueue queue_;
  Books books_;
  Stage stage_;
  Subject subject_;
  Peers peers_;
  Writer writer_;

  std::array<std::optional<EventQueue::Ticket>, FAILOVER_TIMER_COUNT> timer_tickets_;
  std::optional<EventQueue::Ticket> wake_ticket_;
  uint32_t hand_over_fails_percent_;
  bool late_answers_;
  bool is_ending_ = false;
  bool next_is_move_ = false; // the attempt that begins
  uint64_t calls_ = 0;
  uint64_t life_ = 0; // of this destination: numbers may be used again after it
  uint32_t next_message_ = 0;
};

} // namespace failover::sim
