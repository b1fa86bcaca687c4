/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * resend.h - the resend buffer of the core (core/resend.hpp) for unit tests in C.  The
 * module has no such boundary: there it belongs to a connection.
 */
#ifndef RESEND_H_INCLUDED
#define RESEND_H_INCLUDED

#include "failover.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct failover_resend failover_resend;

typedef struct failover_resend_settings
{
  int64_t grace_ms;  /* resend-grace(), 0 or more */
  size_t buffer_size; /* resend-buffer-size() */
  uint32_t throttle; /* throttle(): most messages a second that are posted once more, 0: any number */
} failover_resend_settings;

failover_status failover_resend_new(const failover_resend_settings *settings,
                                                         failover_resend **out);
void failover_resend_free(failover_resend *resend);

/* Before a new message is posted: keeps a copy.  False if it must wait: older
 * ones have to be resent first, or nothing in the full buffer is acknowledged. */
bool failover_resend_keep(failover_resend *resend, const char *message, size_t length);
/* The message kept last was not posted after all. */
void failover_resend_forget_last(failover_resend *resend);

/* The next message to post once more: whether there is one, and throttle() lets it go
 * now; its length, its bytes, and that it was posted. */
bool failover_resend_has_next(const failover_resend *resend);
bool failover_resend_next_is_due(failover_resend *resend, int64_t now_ms);
size_t failover_resend_next_length(const failover_resend *resend);
void failover_resend_copy_next(const failover_resend *resend, char *out);
void failover_resend_next_posted(failover_resend *resend);

/* What the kernel says of the connection (Linux struct tcp_info).  Both
 * positions are in bytes of its stream, from the same start. */
typedef struct failover_sample
{
  uint64_t written;     /* what had entered the kernel when `acked` was read */
  uint64_t acked;       /* what the peer's TCP has acknowledged */
  uint32_t window;      /* the peer's advertised window in bytes */
  int64_t now_ms;
  bool last_is_partial; /* the message posted last is not in the kernel to its end */
} failover_sample;

/* Confirms messages and lets go of those whose grace is over.  The grace runs only
 * from one answer of the peer to the next, and only if the window shows that it has
 * read meanwhile; one that is wider than any before does not show it. */
void failover_resend_sample(failover_resend *resend, const failover_sample *sample);

/* The connection ended: what is kept is to be posted on the next one.  However
 * orderly the end looks: neither a FIN nor a close_notify tells that the peer has
 * read what its TCP acknowledged. */
void failover_resend_connection_lost(failover_resend *resend);

/* Messages were posted on this connection, and none of them was confirmed.  Ask
 * before failover_resend_connection_lost(). */
bool failover_resend_is_fruitless(const failover_resend *resend);

/* How a connection stands that another one has taken over from. */
typedef enum failover_drain
{
  FAILOVER_DRAIN_GOES_ON,
  FAILOVER_DRAIN_DONE,  /* all that was posted on it is confirmed */
  FAILOVER_DRAIN_STUCK, /* its peer makes no progress any more */
} failover_drain;

/* Ask after each sample.  `patience_ms`: how long without progress; 0 is the default
 * of dead-peer-timeout(). */
failover_drain failover_resend_drain(failover_resend *resend, int64_t now_ms, int64_t patience_ms);

/* Adds all that `from` has kept to what `resend` has to post once more, after
 * what is in there. */
failover_status failover_resend_take_over(failover_resend *resend,
                                                               failover_resend *from);

typedef struct failover_resend_state
{
  uint64_t kept;      /* messages in the buffer */
  uint64_t to_resend; /* of these, to be posted once more */
  uint64_t unacknowledged; /* of these, posted and not acknowledged by the peer's TCP */
  uint64_t confirmed; /* since the beginning: messages let go because they were confirmed */
  uint64_t resent;    /* since the beginning: messages posted once more */
  uint64_t grace_cut; /* since the beginning: messages whose grace was cut short */
  size_t bytes;       /* in the buffer */
  int64_t grace_clock_ms; /* of the grace clock, which has tests of its own */
  uint64_t read_position; /* by the grace clock */
  uint64_t certain_position;
} failover_resend_state;

failover_resend_state failover_resend_get_state(const failover_resend *resend);

#ifdef __cplusplus
}
#endif

#endif
