/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * tcp-state.h - what the kernel knows about a TCP connection.  Stateless, any
 * thread.  A file of its own: <linux/tcp.h> has the fields that
 * <netinet/tcp.h> lacks, and the two cannot be mixed.
 */
#ifndef FAILOVER_TCP_STATE_H_INCLUDED
#define FAILOVER_TCP_STATE_H_INCLUDED

#include "failover.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Three system calls, five if acknowledgements come meanwhile.  False if it is no
 * TCP connection. */
bool tcp_state_read(int fd, failover_tcp *state);

/* The kernel takes at most about this much before the socket is not writable, whatever
 * so-sndbuf() and net.ipv4.tcp_wmem say.  A smaller send buffer is left alone. */
void tcp_limit_send_buffer(int fd, size_t bytes);

/* The descriptor is that of a socket without a connection from now on: whoever
 * shuts it down or closes it leaves duplicates of the one before alone. */
void tcp_replace(int fd);

/* Reads and drops what the peer has sent: a connection that is closed with unread
 * bytes is reset, and what is still to be sent is lost.  0: more may come; ENODATA: the
 * peer has closed its side; otherwise the errno that ended the connection. */
int tcp_discard_input(int fd);

/* The error that ended the connection if nobody has taken it yet, 0 otherwise. */
int tcp_take_error(int fd);

/* Ends a connection whose peer is dead: whoever uses it gets an error, and what is
 * still in the kernel is dropped when it is closed. */
void tcp_give_up(int fd);

/* An idle connection whose peer answers nothing for this long is ended by the
 * kernel with ETIMEDOUT. */
void tcp_set_keepalive(int fd, int64_t timeout_ms);

/* A connection with something on its way, or a closed window, is ended by the
 * kernel when it makes no progress for this long.  Also slow receivers may be. */
void tcp_set_user_timeout(int fd, int64_t timeout_ms);

#endif
