// SPDX-License-Identifier: GPL-2.0-or-later
//
// The sender: a LogWriter with its queue, as syslog-ng has it, around the connections of
// the module, which are the ones that ship.  This is the world's: what the hosts of
// connections do in here, lib-shim does with syslog-ng and the kernel.  Owned by the
// world of one seed.
#pragma once

#include "proto.hpp"
#include "stage.hpp"
#include "subject.hpp"

#include <deque>
#include <list>
#include <memory>

namespace failover::sim {

class Writer
{
public:
  // Never called from inside a call of the destination, and not from its posting side.
  class Owner
  {
  public:
    virtual ~Owner() = default;
    virtual void writer_ended() = 0; // its connection is over
    virtual void writer_quiet() = 0; // see wake_main()
  };

  Writer(Stage &stage, Subject &subject, Prng random, Owner &owner);
  Writer(const Writer &) = delete;
  Writer &operator=(const Writer &) = delete;

  void enqueue(uint32_t message);

  // ---- for the destination

  void give(Flow &flow);
  void refuse(); // another connection could not be used
  void take();
  void shut_down();
  failover_end read_end() const;
  bool is_idle() const { return !job_; }
  void wake();

  // ---- for the world

  // No job runs from now on, until it is woken.
  void finish_job();
  // It works no more on its own: syslog-ng ends.
  void retire(bool retire) { retired_ = retire; }

  // Its queue, if that is a reliable one (writer_queue.cpp): the destination has it from now
  // on.  `same`: it had it before, and nobody else meanwhile.
  void attach_queue(bool same);
  void detach_queue();
  // What is in the file cannot be read.
  void lose_file();
  // The process dies: no job comes to its end.
  void die();

  void poll(Link &link); // something has ended
  void acknowledged(Link &link);

  // Nothing is left to do, except that a grace may run.
  bool idle() const;

private:
  static constexpr std::size_t header_bytes = 4; // of each message in the module's buffer

  // A LogProto and its socket; the socket may outlive it.
  struct Socket
  {
    Writer &writer;
    Link &link;
    Flow &flow;
    Proto proto;
    failover_connection *handle = nullptr; // none: its messages are not kept
    bool told = false;                     // that it is over
    bool drained = false;
    bool stuck = false;  // a fault
    uint32_t looks = 0;  // at the kernel, while it is drained
    bool looked = false; // at all
  };

  // the host of a connection
  static failover_connection_host connection_host(Socket &socket);
  static bool write(Socket &socket, std::string_view text, bool &consumed);
  static void acknowledge(Socket &socket);
  static void wake_main(Socket &socket);
  static bool read_tcp(Socket &socket, failover_tcp &tcp);
  static void confirmed(Socket &socket, uint64_t messages, bool early);
  static void give_up(Socket &socket);
  static void close(Socket &socket, failover_close how);

  void start_job();
  void work();
  bool work_kept();
  bool work_from_file();
  bool work_unkept();
  void try_again();
  void look_for_end();
  void posted(Socket &socket, uint32_t message);
  void accepted(uint32_t message);
  void hold(Socket &socket, uint32_t message);
  static void note_acknowledged(Socket &socket);
  void free_proto(std::unique_ptr<Socket> socket);

  // the host of a queue
  failover_queue queue_host();
  uint64_t taken_out() const;
  failover_queue_room room();
  void acknowledge_to_file(uint64_t records);
  void give_out_again(uint64_t records);
  void store(uint32_t message);
  std::size_t queued() const;

  Stage &stage_;
  Subject &subject_;
  Prng random_;
  Owner &owner_;
  std::deque<uint32_t> queue_;        // if it has no file
  std::optional<ReliableQueue> file_; // outlives the process
  bool told_short_ = false;           // that it has too little room
  int64_t told_room_ms_ = 0;
  std::unique_ptr<Socket> active_;
  std::list<std::unique_ptr<Socket>> drained_;
  bool waking_ = false;
  bool trying_again_ = false;
  int64_t try_again_ms_ = 0;
  uint64_t posted_ = 0; // so far
  bool job_ = false;
  uint64_t jobs_ = 0;
  bool retired_ = false;
};

} // namespace failover::sim
