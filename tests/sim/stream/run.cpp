// SPDX-License-Identifier: GPL-2.0-or-later
//
// See run.hpp.
#include "stream/run.hpp"

#include "stream/faults.hpp"
#include "stream/invariant.hpp"
#include "stream/trace.hpp"

#include <algorithm>
#include <cstring>

namespace failover::sim::stream {

namespace {

// When all is well: more than any stream takes for what is left.
constexpr int64_t longest_healing_ms = 10 * 60'000;
// For the last grace: it runs only from sample to sample.
constexpr int64_t after_settled_ms = 5'000;

class Run final : public Link::Events
{
public:
  Run(uint64_t seed, const RunOptions &options)
    : options_(options), random_(seed),
      invariants_(all_invariants()), stage_{ queue_, books_, observers(),
                                             options.canary ? options.canary->fault : Fault::none },
      host_(stage_, [this] { connect_later(); }),
      faults_(stage_, host_, links_, random_.fork(),
              { [this] { return_to_primary(); }, [this](const std::string &text) { note(text); } })
  {}

  std::optional<Violation> run()
  {
    books_.config = draw_config(random_);
    draw_messages();
    note(books_.config.text());
    connect();
    next_burst();
    next_fault();
    run_until(queue_.now_ms() + books_.config.faults_for_ms, false);

    books_.healed = true;
    note("all is well from now on");
    faults_.heal();
    while (next_message_ < books_.messages.size())
      host_.enqueue(next_message_++);
    run_until(queue_.now_ms() + longest_healing_ms, true);
    if (host_.idle())
      {
        books_.settled = true;
        run_until(queue_.now_ms() + after_settled_ms + 2 * books_.config.grace_ms, false);
      }
    if (!violation()) // one that stopped the world has others in its wake
      stage_.tell(&Observer::finished, host_.state());
    return violation();
  }

private:
  std::vector<Observer *> observers()
  {
    std::vector<Observer *> result;
    if (options_.trace)
      result.push_back(&trace_);
    for (const auto &invariant : invariants_)
      result.push_back(invariant.get());
    return result;
  }

  void note(const std::string &text)
  {
    books_.now_ms = queue_.now_ms();
    trace_.note(books_, text);
  }

  void run_until(int64_t end_ms, bool until_idle)
  {
    while (!(until_idle && host_.idle()) && !violation() && queue_.run_next(end_ms))
      ;
  }

  // ---- messages

  void draw_messages()
  {
    const Config &config = books_.config;
    books_.messages.resize(config.messages);
    for (Message &message : books_.messages)
      {
        message.length = static_cast<uint32_t>(random_.between(config.shortest, config.longest));
        if (random_.chance(config.over_limit_percent))
          message.length = static_cast<uint32_t>(config.buffer_limit) + message.length;
      }
  }

  void next_burst()
  {
    queue_.schedule(queue_.now_ms() + random_.between(0, 2 * books_.config.burst_every_ms), [this] {
      for (int64_t count = random_.between(1, books_.config.most_in_burst);
           count > 0 && next_message_ < books_.messages.size(); count--)
        host_.enqueue(next_message_++);
      if (next_message_ < books_.messages.size())
        next_burst();
    });
  }

  // ---- connections

  void connect_later()
  {
    queue_.schedule(queue_.now_ms() + (random_.chance(50) ? 0 : random_.log_between(1, 500)),
                    [this] { connect(); });
  }

  Link &new_link()
  {
    const int number = static_cast<int>(links_.size());
    LinkConfig config = draw_link(books_.config, random_);
    if (books_.healed)
      make_fast(config);
    Link &link = links_.emplace_back(number, config, queue_, random_.fork(), *this);
    books_.connections.emplace_back();
    books_.connections.back().number = number;
    books_.connections.back().link = &link;
    unframers_.emplace_back(books_.config);
    note("connection " + std::to_string(number) + ": " + std::to_string(config.latency_ms)
         + " ms away, send buffer " + std::to_string(config.send_buffer) + ", receive buffer "
         + std::to_string(config.receive_buffer) + ", at first a window of "
         + std::to_string(config.first_window) + ", reads "
         + (config.read_bytes == UINT32_MAX ? "all" : std::to_string(config.read_bytes) + " bytes")
         + " after " + std::to_string(config.read_every_ms) + " ms");
    // hung before the first byte: its kernel takes what comes
    if (!books_.healed && random_.chance(12))
      link.freeze();
    return link;
  }

  void connect() { host_.connected(new_link()); }

  void return_to_primary()
  {
    note("back to the primary");
    connect();
  }

  void next_fault()
  {
    queue_.schedule(queue_.now_ms() + random_.between(0, 2 * books_.config.fault_every_ms), [this] {
      if (books_.healed)
        return;
      faults_.happen();
      next_fault();
    });
  }

  // ---- Link::Events

  void fin_arrived(Link &link) override { host_.fin_arrived(link); }
  void reset_arrived(Link &link) override { host_.reset_arrived(link); }
  void acknowledged(Link &link) override { host_.acknowledged(link); }

  void read(Link &link, std::string_view bytes) override
  {
    Connection &connection = books_.connections[link.number()];
    const bool whole = unframers_[link.number()].read(bytes, [&](std::string_view text) {
      const auto number = message_number(text);
      if (!number)
        {
          stage_.tell(&Observer::torn, connection, "\"" + std::string(text.substr(0, 40)) + "\"");
          return;
        }
      books_.messages[*number].delivered++;
      stage_.tell(&Observer::delivered, connection, *number);
      connection.read++;
    });
    if (!whole)
      stage_.tell(&Observer::torn, connection, std::string("no frame or record"));
  }

  // Empty: it is not exactly one of the messages.
  std::optional<uint32_t> message_number(std::string_view text) const
  {
    uint32_t number = 0;
    for (std::size_t i = 0; i < text.size() && text[i] >= '0' && text[i] <= '9' && i < 9; i++)
      number = number * 10 + static_cast<uint32_t>(text[i] - '0');
    if (number >= books_.messages.size() || text != message_text(books_, number))
      return std::nullopt;
    return number;
  }

  std::optional<Violation> violation() const
  {
    for (const auto &invariant : invariants_)
      if (invariant->violation()
          && (!options_.wanted || std::strcmp(options_.wanted, invariant->name()) == 0))
        return Violation{ invariant->name(), invariant->exit_code(), invariant->violated_ms(),
                          *invariant->violation() };
    return std::nullopt;
  }

  const RunOptions &options_;
  Prng random_;
  std::vector<std::unique_ptr<Invariant>> invariants_;
  Trace trace_{ options_.trace };
  EventQueue queue_;
  Books books_;
  Stage stage_;
  std::deque<Link> links_;
  std::deque<Unframer> unframers_;
  Host host_;
  Faults faults_;
  uint32_t next_message_ = 0;
};

} // namespace

std::string
message_text(const Books &books, uint32_t number)
{
  std::string text = std::to_string(number);
  text.resize(books.messages[number].length, static_cast<char>('a' + number % 26));
  if (!books.config.framed)
    text.back() = '\n';
  return text;
}

std::optional<Violation>
run_seed(uint64_t seed, const RunOptions &options)
{
  return Run(seed, options).run();
}

} // namespace failover::sim::stream
