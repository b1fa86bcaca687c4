// SPDX-License-Identifier: GPL-2.0-or-later
//
// See proto.hpp.
#include "proto.hpp"

#include <algorithm>
#include <charconv>

namespace failover::sim {

namespace {

constexpr std::size_t most_in_record = 16 * 1024;
constexpr std::size_t record_head = 5; // "TLS" and the length of what is in it

std::string
wrap(Tls tls, std::string_view plain)
{
  const auto length = static_cast<uint16_t>(plain.size());
  std::string record = "TLS";
  record += static_cast<char>(length >> 8);
  record += static_cast<char>(length & 0xff);
  record += plain;
  record.resize(record_length(tls, plain.size()), '#');
  return record;
}

std::size_t
wrapped_length(Tls tls, std::size_t plain)
{
  std::size_t length = 0;
  for (; plain > most_in_record; plain -= most_in_record)
    length += record_length(tls, most_in_record);
  return plain > 0 ? length + record_length(tls, plain) : length;
}

} // namespace

std::size_t
record_length(Tls tls, std::size_t plain)
{
  switch (tls)
    {
    case Tls::none:
      break;
    case Tls::aead:
      return record_head + plain + 17;
    case Tls::cbc: // initialisation vector, hash, at least one byte of padding
      return record_head + 16 + (plain + 20) / 16 * 16 + 16;
    }
  return plain;
}

// ---- writing

int64_t
Proto::write(std::string_view bytes)
{
  if (tls_ == Tls::none)
    return link_.write(bytes);
  if (record_.empty())
    {
      record_plain_ = std::min(bytes.size(), most_in_record);
      record_ = wrap(tls_, bytes.substr(0, record_plain_));
    }
  const int64_t written = link_.write(record_);
  if (written < 0)
    return written;
  record_.erase(0, static_cast<std::size_t>(written));
  return record_.empty() ? static_cast<int64_t>(record_plain_) : 0;
}

Proto::Status
Proto::flush()
{
  while (!partial_.empty())
    {
      const int64_t written = write(partial_);
      if (written < 0)
        return Status::error;
      partial_.erase(0, static_cast<std::size_t>(written));
      // what is short is tried once more later, as on a socket that is full
      if (written == 0 || tls_ == Tls::none)
        break;
    }
  if (!partial_.empty())
    return Status::partial;
  header_done_ = header_done_ || is_header_;
  is_header_ = false;
  return Status::done;
}

Proto::Status
Proto::post(std::string_view message, bool &consumed)
{
  consumed = false;
  if (framed_ && has_partial())
    return Status::partial; // that one leaves it to flush()
  Status status = flush();
  if (status != Status::done)
    return status;

  if (framed_ && !header_done_)
    {
      is_header_ = true;
      partial_ = std::to_string(message.size()) + " ";
      status = flush();
      if (status != Status::done)
        return status;
    }
  consumed = true;
  header_done_ = false;
  partial_ = message;
  return flush();
}

uint64_t
Proto::end() const
{
  if (record_.empty())
    return link_.written() + (tls_ == Tls::none ? partial_.size() : wrapped_length(tls_, partial_.size()));
  return link_.written() + record_.size() + wrapped_length(tls_, partial_.size() - record_plain_);
}

// ---- reading

bool
Unframer::unwrap()
{
  std::size_t from = 0;
  while (records_.size() - from >= record_head)
    {
      if (records_.compare(from, 3, "TLS") != 0)
        return false;
      const std::size_t plain = static_cast<unsigned char>(records_[from + 3]) * 256u
                                + static_cast<unsigned char>(records_[from + 4]);
      const std::size_t length = record_length(tls_, plain);
      if (records_.size() - from < length)
        break;
      text_.append(records_, from + record_head, plain);
      from += length;
    }
  records_.erase(0, from);
  return true;
}

bool
Unframer::unframe(const std::function<void(std::string_view)> &message)
{
  std::string_view rest = text_;
  for (;;)
    {
      const std::size_t mark = rest.find(framed_ ? ' ' : '\n');
      if (mark == std::string_view::npos)
        break;
      std::size_t begin = 0, end = mark + 1;
      if (framed_)
        {
          std::size_t length = 0;
          const auto [stopped, error] = std::from_chars(rest.data(), rest.data() + mark, length);
          if (error != std::errc() || stopped != rest.data() + mark)
            return false;
          begin = mark + 1;
          end = begin + length;
          if (rest.size() < end)
            break;
        }
      message(rest.substr(begin, end - begin));
      rest.remove_prefix(end);
    }
  text_.erase(0, text_.size() - rest.size());
  return true;
}

bool
Unframer::read(std::string_view bytes, const std::function<void(std::string_view)> &message)
{
  if (tls_ == Tls::none)
    text_ += bytes;
  else
    {
      records_ += bytes;
      if (!unwrap())
        return false;
    }
  return unframe(message);
}

} // namespace failover::sim
