// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// First in, first out, in contiguous storage that grows by doubling and is then
// used again and again.  Plain values, no thread of their own.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace failover {

template <typename T>
class Ring
{
public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  T &front() { return (*this)[0]; }
  T &operator[](std::size_t index)
  {
    assert(index < size_);
    return storage_[(head_ + index) & (storage_.size() - 1)];
  }

  const T &operator[](std::size_t index) const { return const_cast<Ring &>(*this)[index]; }

  const T &front() const
  {
    assert(size_ > 0);
    return storage_[head_];
  }

  // The next push() allocates nothing.
  void reserve()
  {
    if (size_ == storage_.size())
      grow();
  }
  void push(const T &value)
  {
    reserve();
    size_++;
    (*this)[size_ - 1] = value;
  }
  void pop()
  {
    assert(size_ > 0);
    head_ = (head_ + 1) & (storage_.size() - 1);
    size_--;
  }
  void clear() { head_ = size_ = 0; }

private:
  void grow()
  {
    std::vector<T> larger(std::max<std::size_t>(storage_.size() * 2, 64)); // powers of two
    for (std::size_t i = 0; i < size_; i++)
      larger[i] = (*this)[i];
    storage_ = std::move(larger);
    head_ = 0;
  }

  std::vector<T> storage_;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

class ByteRing
{
public:
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }

  bool has_room(std::size_t more) const { return size_ + more <= capacity_; }
  // Room for `more` bytes behind what is there, as long as that is at most `limit`.
  bool reserve(std::size_t more, std::size_t limit)
  {
    if (size_ + more > limit)
      return false;
    if (has_room(more))
      return true;
    const std::size_t larger_capacity = std::min(limit, std::max({ capacity() * 2, size_ + more, smallest }));
    auto larger = std::make_unique_for_overwrite<char[]>(larger_capacity);
    read(0, larger.get(), size_);
    storage_ = std::move(larger);
    capacity_ = larger_capacity;
    head_ = 0;
    return true;
  }

  // Room was reserved.  Inline: on the path of each message, and mostly in one piece.
  template <typename Header>
  void append(const Header &header, std::string_view data)
  {
    const std::size_t length = sizeof(Header) + data.size();
    assert(length <= capacity_ - size_);
    const std::size_t start = wrap(head_ + size_);
    if (length > capacity_ - start) [[unlikely]]
      {
        append_around(&header, sizeof(Header));
        append_around(data.data(), data.size());
        return;
      }
    std::memcpy(storage_.get() + start, &header, sizeof(Header));
    std::copy(data.begin(), data.end(), storage_.get() + start + sizeof(Header));
    size_ += length;
  }

  void read(std::size_t offset, void *out, std::size_t length) const
  {
    assert(offset <= size_ && length <= size_ - offset);
    if (length == 0)
      return;
    std::size_t start = wrap(head_ + offset);
    std::size_t first = std::min(length, capacity() - start);
    std::memcpy(out, storage_.get() + start, first);
    std::memcpy(static_cast<char *>(out) + first, storage_.get(), length - first);
  }

  void drop_front(std::size_t length)
  {
    assert(length <= size_);
    head_ = size_ == length ? 0 : wrap(head_ + length);
    size_ -= length;
  }
  void drop_back(std::size_t length)
  {
    assert(length <= size_);
    size_ -= length;
  }

private:
  static constexpr std::size_t smallest = std::size_t{ 64 } << 10;

  std::size_t wrap(std::size_t index) const { return index < capacity() ? index : index - capacity(); }

  // Goes on at the beginning where the storage ends.
  void append_around(const void *data, std::size_t length)
  {
    const char *bytes = static_cast<const char *>(data);
    const std::size_t start = wrap(head_ + size_);
    const std::size_t first = std::min(length, capacity() - start);
    std::copy_n(bytes, first, storage_.get() + start);
    std::copy_n(bytes + first, length - first, storage_.get());
    size_ += length;
  }

  std::unique_ptr<char[]> storage_;
  std::size_t capacity_ = 0;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

} // namespace failover
