// SPDX-License-Identifier: GPL-2.0-or-later
//
// See link.hpp.
#include "link.hpp"

#include <algorithm>

namespace failover::sim {

namespace {

constexpr uint32_t race_percent = 15;

} // namespace

Link::Link(int number, const LinkConfig &config, EventQueue &queue, Prng random, Events &events)
  : number_(number), config_(config), queue_(queue), random_(random), events_(events),
    start_(1 + random_.below(600)), written_(start_), sent_(start_), acked_(start_),
    window_(config.first_window), widest_(config.first_window), moved_ms_(queue.now_ms()),
    accounted_to_ms_(queue.now_ms()), opened_ms_(queue.now_ms()), received_(start_), read_(start_),
    acknowledging_(start_), shown_(config.first_window), edge_(start_ + config.first_window)
{}

// ---- the sender

int64_t
Link::write(std::string_view bytes)
{
  account();
  if (acked_ >= written_)
    moved_ms_ = queue_.now_ms();
  if (reset_ || shut_down_)
    return -1;
  const uint64_t used = written_ - acked_;
  uint64_t taken =
      std::min<uint64_t>(bytes.size(), config_.send_buffer - std::min<uint64_t>(used, config_.send_buffer));
  if (taken > 1 && random_.chance(config_.short_write_percent))
    taken = static_cast<uint64_t>(random_.between(1, static_cast<int64_t>(taken)));
  bytes_.append(bytes.substr(0, taken));
  written_ += taken;
  transmit();
  return static_cast<int64_t>(taken);
}

TcpState
Link::state()
{
  TcpState state;
  const uint64_t unacknowledged = written_ - acked_;
  while (!reset_ && !answers_.empty() && answers_.front().kind == Answer::Kind::ack
         && random_.chance(race_percent))
    {
      if (take(answers_.front()))
        queue_.schedule(queue_.now_ms(), [this] {
          if (!closed_ && !reset_)
            events_.acknowledged(*this);
        });
      answers_.pop_front();
    }
  state.written = acked_ + unacknowledged;
  state.acked = acked_;
  account();
  if (read_ < received_ && widens_unseen())
    hidden_ms_ = std::max(hidden_ms_, queue_.now_ms() - asked_ms_);
  widened_ = widened_ && widens_unseen(); // for as long as nothing else tells
  asked_ms_ = queue_.now_ms();
  widest_ = std::max(widest_, window_);
  state.window = window_;
  state.reset = reset_;
  state.fin = fin_;
  state.window_limited_ms = limited_ms_;
  state.in_flight = sent_ > acked_;
  state.unsent = written_ > sent_;
  state.open = !reset_ && !fin_ && !shut_down_;
  return state;
}

void
Link::transmit()
{
  const uint64_t end = std::min(written_, acked_ + window_);
  while (!cut_ && !own_cut_ && sent_ < end)
    {
      sent_ += std::min<uint64_t>(end - sent_, random_.between(1, config_.segment));
      send({ std::max(arrival_ms(0), segments_.empty() ? 0 : segments_.back().due_ms), sent_ });
    }
}

void
Link::send(Segment segment)
{
  if (clogged_)
    {
      held_segments_.push_back(segment);
      return;
    }
  segments_.push_back(segment);
  queue_.schedule(segment.due_ms, [this] { segments_arrive(); });
}

int64_t
Link::arrival_ms(int64_t after_ms) const
{
  return queue_.now_ms() + config_.latency_ms + after_ms;
}

void
Link::answers_arrive()
{
  bool progress = false;
  while (!answers_.empty() && answers_.front().due_ms <= queue_.now_ms())
    {
      const Answer answer = answers_.front();
      answers_.pop_front();
      if (reset_)
        continue;
      progress = take(answer) || progress;
      if (closed_)
        continue;
      if (answer.kind == Answer::Kind::fin)
        events_.fin_arrived(*this);
      else if (answer.kind == Answer::Kind::reset)
        events_.reset_arrived(*this);
    }
  if (progress && !closed_ && !reset_)
    events_.acknowledged(*this);
}

// Since it was asked last the window has widened, and what filled it makes up for that.
bool
Link::widens_unseen() const
{
  return widened_ && window_ <= widest_;
}

bool
Link::is_hiding() const
{
  // a window that is rounded up shows nothing of small messages
  const bool shows = acked_ < written_ && config_.window_step == 1 && !widens_unseen();
  return read_ < received_ && !shows && uint64_t{ window_ } * 2 >= widest_;
}

void
Link::account()
{
  const int64_t now_ms = queue_.now_ms();
  if (is_hiding())
    hidden_ms_ += now_ms - accounted_to_ms_;
  if (read_ == received_)
    hidden_ms_ = 0;
  if (is_full())
    limited_ms_ += now_ms - accounted_to_ms_;
  else
    full_since_ms_ = now_ms;
  accounted_to_ms_ = now_ms;
}

int64_t
Link::hidden_ms() const
{
  return hidden_ms_ + (is_hiding() ? queue_.now_ms() - accounted_to_ms_ : 0);
}

void
Link::give_up()
{
  reset_ = true;
  queue_.schedule(queue_.now_ms(), [this] {
    if (!closed_)
      events_.reset_arrived(*this);
  });
}

void
Link::close_own_side()
{
  asked_to_end_ = true;
  queue_.schedule(arrival_ms(0), [this] { close_when_read(); });
}

void
Link::shut_down()
{
  if (shut_down_)
    return;
  shut_down_ = true;
  close_own_side();
  queue_.schedule(queue_.now_ms(), [this] {
    if (!closed_)
      events_.hung_up(*this);
  });
}

void
Link::set_user_timeout(int64_t timeout_ms)
{
  user_timeout_ms_ = timeout_ms;
  if (mute_since_ms_)
    watch_answers();
}

// Without an answer: as TCP_USER_TIMEOUT and keepalive have it.
void
Link::watch_answers()
{
  if (user_timeout_ms_ == 0)
    return;
  const int64_t since_ms = std::max(*mute_since_ms_, moved_ms_);
  queue_.schedule(since_ms + user_timeout_ms_, [this] {
    if (reset_ || !mute_since_ms_)
      return;
    if (queue_.now_ms() < std::max(*mute_since_ms_, moved_ms_) + user_timeout_ms_)
      watch_answers();
    else
      give_up();
  });
}

bool
Link::take(const Answer &answer)
{
  account();
  if (reset_)
    return false;
  if (answer.kind == Answer::Kind::reset)
    {
      reset_ = true;
      return false;
    }
  fin_ = fin_ || answer.kind == Answer::Kind::fin;
  const bool progress = answer.acked > acked_ || answer.window > window_;
  moved_ms_ = progress ? queue_.now_ms() : moved_ms_;
  const bool acknowledges = answer.acked > acked_;
  acked_ = std::max(acked_, answer.acked);
  if (acknowledges)
    note_acknowledged();
  window_ = answer.window;
  transmit();
  account();
  return progress;
}

void
Link::note_acknowledged()
{
  const int64_t slot = queue_.now_ms() / 100;
  acks_.emplace_back(queue_.now_ms(), acked_);
  if (!frozen_ && shown_ >= config_.receive_buffer && slot != last_slot_ && config_.read_bytes == UINT32_MAX)
    {
      kept_up_slots_++;
      last_slot_ = slot;
    }
}

void
Link::note_stillness()
{
  const int64_t now_ms = queue_.now_ms();
  if (!still_since_ms_)
    still_since_ms_ = now_ms;
  longest_still_ms_ = std::max(longest_still_ms_, now_ms - *still_since_ms_);
  if (!frozen_ && !clogged_)
    still_since_ms_.reset();
}

uint64_t
Link::by(const History &history, int64_t ms) const
{
  const auto after = std::upper_bound(history.begin(), history.end(), ms,
                                      [](int64_t time, const auto &one) { return time < one.first; });
  return after == history.begin() ? start_ : std::prev(after)->second;
}

// ---- the receiver

void
Link::segments_arrive()
{
  account();
  bool refused = false;
  while (!segments_.empty() && segments_.front().due_ms <= queue_.now_ms())
    {
      if (gone_)
        refused = true;
      else
        {
          received_ = segments_.front().end;
          if (shown_ < config_.receive_buffer)
            widened_ = true;
          shown_ = std::min(shown_ + config_.widens_by, config_.receive_buffer);
        }
      segments_.pop_front();
    }
  if (refused)
    answer(Answer::Kind::reset);
  else if (!gone_)
    {
      acknowledge_soon();
      read_soon();
    }
}

void
Link::answer(Answer::Kind kind)
{
  if (cut_ || silent_)
    return;
  acknowledging_ = received_;
  const uint64_t taken = (received_ - read_) * config_.counts_percent / 100;
  const uint64_t free = config_.receive_buffer - std::min<uint64_t>(taken, config_.receive_buffer);
  const uint64_t window = free < config_.receive_buffer / 16 ? 0 : std::min<uint64_t>(free, shown_);
  const uint64_t rounded = (window + config_.window_step - 1) / config_.window_step * config_.window_step;
  edge_ = std::max(edge_, received_ + rounded);
  send_back({ arrival_ms(0), kind, received_, static_cast<uint32_t>(edge_ - received_) });
}

void
Link::send_back(Answer answer)
{
  if (clogged_)
    {
      held_answers_.push_back(answer);
      return;
    }
  answers_.push_back(answer);
  queue_.schedule(answer.due_ms, [this] { answers_arrive(); });
}

void
Link::acknowledge_soon()
{
  if (acknowledging_soon_)
    return;
  acknowledging_soon_ = true;
  queue_.schedule(queue_.now_ms() + config_.ack_delay_ms, [this] {
    acknowledging_soon_ = false;
    if (!gone_)
      answer(Answer::Kind::ack);
  });
}

void
Link::read_soon()
{
  if (reading_soon_ || frozen_ || gone_ || received_ == read_)
    return;
  reading_soon_ = true;
  queue_.schedule(queue_.now_ms() + config_.read_every_ms, [this] {
    reading_soon_ = false;
    read_some();
  });
}

void
Link::read_some()
{
  if (frozen_ || gone_)
    return;
  account();
  const uint64_t bytes = std::min<uint64_t>(received_ - read_, config_.read_bytes);
  const uint64_t from = read_;
  read_ += bytes;
  reads_.emplace_back(queue_.now_ms(), read_);
  events_.read(*this, std::string_view(bytes_).substr(from - start_, bytes));
  acknowledge_soon();
  if (close_when_read_)
    close_when_read();
  read_soon();
}

void
Link::end_process()
{
  if (gone_)
    return;
  answer(received_ == read_ ? Answer::Kind::fin : Answer::Kind::reset);
  gone_ = true;
}

} // namespace failover::sim
