// SPDX-License-Identifier: GPL-2.0-or-later
//
// What lies between the buffer and the kernel: the framing of messages and TLS,
// and the other end of both.  Proto does what the LogProtos of syslog-ng do: a
// message that was begun is theirs, and what the kernel does not take of it
// waits for flush().  Lengths are right, nothing is encrypted.
#pragma once

#include "link.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace failover::sim {

// What `plain` bytes of one record take in the stream.
std::size_t record_length(Tls tls, std::size_t plain);

class Proto
{
public:
  enum class Status
  {
    done,
    partial, // or nothing at all
    error,
  };

  Proto(Tls tls, bool framed, Link &link) : tls_(tls), framed_(framed), link_(link) {}

  // Not `consumed`: it has to come again, and no other before it.
  Status post(std::string_view message, bool &consumed);
  Status flush();
  bool has_partial() const { return !partial_.empty(); }
  // Where the message that was consumed last ends in the stream.
  uint64_t end() const;
  // A half message that the next connection begins with: a fault.
  void carry_over(Proto &from) { partial_ = from.partial_; }

private:
  int64_t write(std::string_view bytes);

  Tls tls_;
  bool framed_;
  Link &link_;
  bool header_done_ = false; // of the message that is not consumed yet
  bool is_header_ = false;   // `partial_` is a header
  std::string partial_;      // of the message consumed last, or of the next one's header: the rest of it
  std::string record_;       // in the kernel in part, the rest of it
  std::size_t record_plain_ = 0;
};

// Puts messages together again from what was read on one connection.
class Unframer
{
public:
  Unframer(Tls tls, bool framed) : tls_(tls), framed_(framed) {}

  // Calls `message` for each that is whole.  False: this is no stream of messages.
  bool read(std::string_view bytes, const std::function<void(std::string_view)> &message);

private:
  bool unwrap();
  bool unframe(const std::function<void(std::string_view)> &message);

  Tls tls_;
  bool framed_;
  std::string records_;
  std::string text_;
};

} // namespace failover::sim
