/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "tcp-state.h"

#include <linux/sockios.h>
#include <linux/in.h>
#include <linux/tcp.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_BUF_LOCK /* of Linux 5.15 */
#define SO_BUF_LOCK 72
#endif
#ifndef SOCK_SNDBUF_LOCK
#define SOCK_SNDBUF_LOCK 1
#endif

/* of <netinet/tcp.h> */
enum
{
  STATE_ESTABLISHED = 1,
  STATE_CLOSE = 7,
};

/* The kernel's own is shorter where it is older. */
static bool
_read_info(int fd, struct tcp_info *info, socklen_t *length)
{
  *length = sizeof(*info);
  memset(info, 0, sizeof(*info));
  return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, length) == 0
         && *length >= offsetof(struct tcp_info, tcpi_bytes_received);
}

#define HAS(length, field) \
  ((length) >= offsetof(struct tcp_info, field) + sizeof(((struct tcp_info *) NULL)->field))

static void
_set(failover_tcp *state, const struct tcp_info *info, socklen_t length, int unacknowledged)
{
  state->open = info->tcpi_state == STATE_ESTABLISHED;
  state->reset = info->tcpi_state == STATE_CLOSE;
  state->acked = info->tcpi_bytes_acked;
  state->written = info->tcpi_bytes_acked + (uint64_t) unacknowledged;
  state->window = info->tcpi_snd_wnd;
  state->has_window = HAS(length, tcpi_snd_wnd);
  state->in_flight = info->tcpi_unacked > 0;
  /* before Linux 4.10 nobody knows what keeps it from being sent */
  state->unsent = info->tcpi_notsent_bytes > 0 && HAS(length, tcpi_rwnd_limited);
  state->window_limited_us = info->tcpi_rwnd_limited;
  state->has_input = info->tcpi_bytes_received > 0;
}

/* The two are read one after the other, and an acknowledgement may come in
 * between.  SIOCOUTQ is the one before: then `written` is too large, and messages
 * are confirmed a little later, never too early.  If it is the same again after,
 * nothing came; once more is tried. */
static bool
_read_both(int fd, struct tcp_info *info, socklen_t *length, int *unacknowledged)
{
  int after;

  if (ioctl(fd, SIOCOUTQ, &after) < 0)
    return false;
  for (int tries = 0; tries < 2; tries++)
    {
      *unacknowledged = after;
      if (!_read_info(fd, info, length) || ioctl(fd, SIOCOUTQ, &after) < 0)
        return false;
      if (after == *unacknowledged)
        break;
    }
  return true;
}

bool
tcp_state_read(int fd, failover_tcp *state)
{
  struct tcp_info info;
  socklen_t length;
  int unacknowledged;

  if (!_read_both(fd, &info, &length, &unacknowledged))
    return false;
  _set(state, &info, length, unacknowledged);
  return true;
}

/* To what size Linux lets a send buffer grow by itself. */
static size_t
_largest_grown_send_buffer(void)
{
  size_t largest = 4 << 20; /* its default */
  FILE *file = fopen("/proc/sys/net/ipv4/tcp_wmem", "re");

  if (file && fscanf(file, "%*u %*u %zu", &largest) != 1)
    largest = SIZE_MAX;
  if (file)
    fclose(file);
  return largest;
}

static bool
_has_fixed_send_buffer(int fd)
{
  int locked = 0;
  socklen_t length = sizeof(locked);

  return getsockopt(fd, SOL_SOCKET, SO_BUF_LOCK, &locked, &length) == 0 && (locked & SOCK_SNDBUF_LOCK);
}

void
tcp_limit_send_buffer(int fd, size_t bytes)
{
  int current = 0;
  socklen_t length = sizeof(current);

  getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &current, &length);
  if ((size_t) current <= bytes && (_has_fixed_send_buffer(fd) || _largest_grown_send_buffer() <= bytes))
    return;
  int wanted = bytes / 2 < INT_MAX ? (int) (bytes / 2) : INT_MAX; /* the kernel doubles it */
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof(wanted));
}

void
tcp_replace(int fd)
{
  int unconnected = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (unconnected < 0)
    return;
  dup3(unconnected, fd, O_CLOEXEC);
  close(unconnected);
}

int
tcp_discard_input(int fd)
{
  char input[4096];
  ssize_t length;

  while ((length = recv(fd, input, sizeof(input), MSG_DONTWAIT)) > 0)
    ;
  if (length == 0)
    return ENODATA;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : errno;
}

int
tcp_take_error(int fd)
{
  int error = 0;
  socklen_t length = sizeof(error);

  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : 0;
}

void
tcp_give_up(int fd)
{
  struct linger drop = { .l_onoff = 1, .l_linger = 0 };

  setsockopt(fd, SOL_SOCKET, SO_LINGER, &drop, sizeof(drop));
  shutdown(fd, SHUT_RDWR);
}

void
tcp_set_keepalive(int fd, int64_t timeout_ms)
{
  /* whole seconds: the first probe after half of the time, then up to five */
  int seconds = (int) (timeout_ms / 1000);
  int on = 1;
  int idle = seconds / 2 > 1 ? seconds / 2 : 1;
  int interval = seconds / 10 > 1 ? seconds / 10 : 1;
  int count = (seconds - idle) / interval > 1 ? (seconds - idle) / interval : 1;

  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

void
tcp_set_user_timeout(int fd, int64_t timeout_ms)
{
  unsigned int timeout = timeout_ms < UINT32_MAX ? (unsigned int) timeout_ms : UINT32_MAX;

  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
}
