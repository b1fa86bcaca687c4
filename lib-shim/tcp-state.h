/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * tcp-state.h - what the kernel knows about a TCP connection.  Stateless, any
 * thread.  A file of its own: <linux/tcp.h> has the fields that
 * <netinet/tcp.h> lacks, and the two cannot be mixed.
 */
#ifndef FAILOVER_TCP_STATE_H_INCLUDED
#define FAILOVER_TCP_STATE_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

typedef struct _TcpState
{
  bool open;         /* both directions still open: established */
  bool reset;        /* gone: reset or timed out */
  uint64_t acked;    /* position that the peer has acknowledged */
  uint64_t written;  /* position that had entered the kernel when `acked` was read */
  uint64_t received; /* bytes from the peer that were read here, its FIN is one more */
  uint32_t window;   /* that the peer advertises */
} TcpState;

/* Two system calls; `received` is not set.  False if it is no TCP connection. */
bool tcp_state_read(int fd, TcpState *state);

/* As above, with `received`: three system calls. */
bool tcp_state_read_all(int fd, TcpState *state);

#endif
