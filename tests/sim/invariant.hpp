// SPDX-License-Identifier: GPL-2.0-or-later
//
// A rule that must hold in every world.  One file each under invariants/.
#pragma once

#include "observer.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace failover::sim {

// Times that failover.h and the design promise.
constexpr int64_t proven_after_ms = 1'000;
constexpr uint32_t most_addresses = 16;

class Invariant : public Observer
{
public:
  virtual const char *name() const = 0;
  virtual int exit_code() const = 0; // of the program, if this is what fails
  virtual const char *rule() const = 0;

  // The first violation; later ones follow from it.
  const std::optional<std::string> &violation() const { return violation_; }
  int64_t violated_ms() const { return violated_ms_; }

protected:
  void fail(const Books &books, std::string what)
  {
    if (violation_)
      return;
    violation_ = std::move(what);
    violated_ms_ = books.now_ms;
  }

  static std::string message(uint32_t number) { return "message " + std::to_string(number); }
  static std::string connection(const Flow &flow) { return "connection " + std::to_string(flow.number); }

private:
  std::optional<std::string> violation_;
  int64_t violated_ms_ = 0;
};

// One new object of each.
std::vector<std::unique_ptr<Invariant>> all_invariants();

} // namespace failover::sim
