/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "tcp-state.h"

#include <linux/sockios.h>
#include <linux/in.h>
#include <linux/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* of <netinet/tcp.h> */
enum
{
  STATE_ESTABLISHED = 1,
  STATE_CLOSE = 7,
};

static bool
_read_info(int fd, struct tcp_info *info)
{
  socklen_t length = sizeof(*info);

  memset(info, 0, sizeof(*info));
  return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &length) == 0
         && length >= offsetof(struct tcp_info, tcpi_bytes_received);
}

static void
_set(TcpState *state, const struct tcp_info *info, int unacknowledged)
{
  state->open = info->tcpi_state == STATE_ESTABLISHED;
  state->reset = info->tcpi_state == STATE_CLOSE;
  state->acked = info->tcpi_bytes_acked;
  state->written = info->tcpi_bytes_acked + (uint64_t) unacknowledged;
  state->window = info->tcpi_snd_wnd;
  state->received = 0;
}

bool
tcp_state_read(int fd, TcpState *state)
{
  struct tcp_info info;
  int unacknowledged;

  /* Asked first: an acknowledgement in between makes `written` too large, so
   * that messages are confirmed a little later, never too early. */
  if (ioctl(fd, SIOCOUTQ, &unacknowledged) < 0 || !_read_info(fd, &info))
    return false;
  _set(state, &info, unacknowledged);
  return true;
}

bool
tcp_state_read_all(int fd, TcpState *state)
{
  struct tcp_info info;
  int unacknowledged, unread;

  if (ioctl(fd, SIOCOUTQ, &unacknowledged) < 0 || ioctl(fd, SIOCINQ, &unread) < 0 || !_read_info(fd, &info))
    return false;
  _set(state, &info, unacknowledged);
  state->received = info.tcpi_bytes_received - (uint64_t) unread;
  return true;
}
