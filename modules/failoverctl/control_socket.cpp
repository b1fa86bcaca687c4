// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "control_socket.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace failoverctl {

namespace {

constexpr std::string_view end_of_reply = "\n.\n"; // as syslog-ng's own end
constexpr time_t longest_silence_s = 90;           // the module answers within 60

class Socket
{
public:
  Socket() : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  Socket(const Socket &) = delete;
  Socket &operator=(const Socket &) = delete;
  ~Socket()
  {
    if (fd_ >= 0)
      close(fd_);
  }
  int fd() const { return fd_; }

private:
  int fd_;
};

Reply
failed(std::string summary)
{
  return { cannot_tell, std::move(summary), "" };
}

Reply
failed_at(const std::string &path, int error)
{
  const std::string what = path + ": " + std::strerror(error);
  if (error == ENOENT || error == ECONNREFUSED)
    return failed(what + "; syslog-ng does not run, or its control socket is elsewhere (-c)");
  return failed(what);
}

// An errno.
int
connect_to(int fd, const std::string &path)
{
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path))
    return ENAMETOOLONG;
  path.copy(address.sun_path, path.size());
  const timeval limit = { longest_silence_s, 0 };
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0
      || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0
      || connect(fd, reinterpret_cast<const sockaddr *>(&address), sizeof(address)) != 0)
    return errno;
  return 0;
}

int
send_all(int fd, std::string_view text)
{
  while (!text.empty())
    {
      const ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR)
        continue;
      if (sent < 0)
        return errno;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  return 0;
}

// Up to its end, or to the end of all.
int
receive(int fd, std::string &reply)
{
  char piece[16384];
  while (!reply.ends_with(end_of_reply))
    {
      const ssize_t received = recv(fd, piece, sizeof(piece), 0);
      if (received < 0 && errno == EINTR)
        continue;
      if (received < 0)
        return errno;
      if (received == 0)
        return 0;
      reply.append(piece, static_cast<std::size_t>(received));
    }
  return 0;
}

// "CODE SUMMARY", then the text.
Reply
parse(std::string_view reply)
{
  reply.remove_suffix(end_of_reply.size() - 1); // the last line keeps its end
  const std::size_t end = reply.find('\n');
  std::string_view first = reply.substr(0, end);
  Reply result = failed("syslog-ng's answer is not understood: " + std::string(first));
  const auto [rest, error] = std::from_chars(first.data(), first.data() + first.size(), result.exit_code);
  if (error != std::errc() || rest == first.data() + first.size() || *rest != ' ')
    {
      result.exit_code = cannot_tell;
      return result;
    }
  first.remove_prefix(static_cast<std::size_t>(rest - first.data()) + 1);
  result.summary = first;
  result.text = reply.substr(end + 1);
  return result;
}

} // namespace

Reply
ask(const std::string &path, const std::string &line)
{
  const Socket socket;
  if (socket.fd() < 0)
    return failed_at(path, errno);
  if (const int error = connect_to(socket.fd(), path))
    return failed_at(path, error);

  std::string reply;
  int error = send_all(socket.fd(), line + "\n");
  if (!error)
    error = receive(socket.fd(), reply);
  if (error == EAGAIN)
    return failed("no answer within " + std::to_string(longest_silence_s) + " s");
  if (reply.ends_with(end_of_reply))
    return parse(reply);
  if (!reply.empty())
    return failed("syslog-ng ended in the middle of its answer");
  return failed("no answer: module not loaded, or upgraded and syslog-ng not restarted");
}

} // namespace failoverctl
