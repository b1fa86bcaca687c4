/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * failover.h - the boundary between syslog-ng and the core of failover().
 *
 * Its core decides which log server of a destination is used, when the next one is
 * tried and when the primary is taken back, what is sent again, whether a peer is dead
 * and what becomes of a connection.  It owns no socket, no clock, no thread and no log:
 * a host (lib-shim inside syslog-ng, or the simulator of the tests) tells it what
 * happened and carries out what it asks for.
 *
 * Conventions
 *
 * - Language: C11; nothing of C++, GLib or syslog-ng crosses this boundary, and
 *   no exception does.
 * - Handles are opaque.  What a *_new() or *_save() function stores in *out
 *   belongs to the caller, who gives it back with the matching *_free(); every
 *   *_free() accepts NULL.
 * - Pointers are not NULL, unless stated beside them; one whose length or count
 *   is 0 may be.
 * - Strings go in as pointer and length, need no terminating NUL and are
 *   copied.  Strings that come out live as long as stated beside them.
 * - Time: int64_t milliseconds of a monotonic clock, names end in _ms.
 * - Results: failover_status; anything but FAILOVER_OK changed nothing, unless
 *   stated otherwise.
 * - A call that breaks what is said here is a defect of the caller and no
 *   status: it is asserted, in every build, and ends the process.
 * - Threads: everything lives on one thread, the main thread of syslog-ng, but for
 *   the posting side of connections.  Nothing here locks.
 * - Calls into the host are made from inside failover_destination_*() and, where it is
 *   said, failover_connection_*() calls.  The host must not call the core back from within
 *   one, unless stated otherwise: results are reported later, from the event loop.
 */
#ifndef FAILOVER_H_INCLUDED
#define FAILOVER_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FAILOVER_WARN_UNUSED __attribute__((warn_unused_result))

typedef enum failover_status
{
  FAILOVER_OK = 0,
  FAILOVER_ERROR_OPTION,   /* refused value: failover_options_error() tells the user why */
  FAILOVER_ERROR_MEMORY,   /* out of memory */
  FAILOVER_ERROR_INTERNAL, /* a defect of the core */
} failover_status;

/* A string that is borrowed: not NUL-terminated, valid as long as stated. */
typedef struct failover_text
{
  const char *data;
  size_t length;
} failover_text;

/* ------------------------------------------------------------------------
 * Reasons: why a server was chosen, or why it failed.  One table (core/reason)
 * holds code and text of each; whatever is shown of it reads that table.
 */

typedef enum failover_reason
{
  /* why a server is used */
  FAILOVER_REASON_START,    /* syslog-ng started: the primary comes first */
  FAILOVER_REASON_RELOAD,   /* the configuration was reloaded */
  FAILOVER_REASON_ROTATION, /* it is the next one in the list */
  FAILOVER_REASON_FAILBACK, /* the primary passed all its probes */
  FAILOVER_REASON_PROBE,    /* a probe of the primary succeeded */
  FAILOVER_REASON_CHECK,    /* a check of it succeeded */
  FAILOVER_REASON_SWITCH,   /* an administrator asked for it */
  FAILOVER_REASON_DRAIN,    /* the one before was taken out of service */
  /* why a server failed */
  FAILOVER_REASON_REFUSED,      /* nothing listens on that port */
  FAILOVER_REASON_TIMEOUT,      /* no answer in time */
  FAILOVER_REASON_UNREACHABLE,  /* no way to that host or network */
  FAILOVER_REASON_RESET,        /* the server reset the connection */
  FAILOVER_REASON_CLOSED,       /* the server closed the connection */
  FAILOVER_REASON_SENT_DATA,    /* the server sent something: syslog-ng ends such a connection */
  FAILOVER_REASON_BROKEN,       /* writing to the connection failed */
  FAILOVER_REASON_NOT_RESOLVED, /* the name has no address */
  FAILOVER_REASON_TLS,          /* TLS was refused by either side */
  FAILOVER_REASON_LOCAL,        /* this machine could not: socket, address, memory */
  FAILOVER_REASON_COUNT
} failover_reason;

/* A short stable code ("refused") and a sentence for people.  NUL-terminated,
 * static; "unknown" for a value out of range. */
const char *failover_reason_code(failover_reason reason);
const char *failover_reason_text(failover_reason reason);

/* The reason that fits an errno of connect(), read() or write(). */
failover_reason failover_reason_from_errno(int error);

/* What is known of a connection that has ended. */
typedef struct failover_end
{
  bool silent;    /* it was given up: the peer answered nothing any more */
  int error;      /* of the socket, an errno; 0 if it has none */
  bool tls;
  bool tcp_known; /* the rest is what TCP says */
  bool tcp_open;  /* neither side has closed or reset it: syslog-ng wants to be rid of it */
  bool tcp_reset;
  bool has_input; /* the peer has sent something; with TLS it always has */
} failover_end;

/* The reason that fits; BROKEN if nothing tells. */
failover_reason failover_reason_from_end(const failover_end *end);

/* ------------------------------------------------------------------------
 * Options: what the user wrote inside failover().
 *
 * The grammar calls these while it parses.  On FAILOVER_ERROR_OPTION the text
 * of failover_options_error() is the message for the user.
 */

typedef struct failover_options failover_options;

FAILOVER_WARN_UNUSED failover_status failover_options_new(failover_options **out);
void failover_options_free(failover_options *options);

/* A list or group was opened: "servers", "failback".  `name` as the user wrote it. */
FAILOVER_WARN_UNUSED failover_status failover_options_open(failover_options *options,
                                                           const char *name, size_t name_length);

/* One entry of servers(): "host", "host:port" or "[v6 address]:port". */
FAILOVER_WARN_UNUSED failover_status failover_options_add_server(failover_options *options,
                                                                 const char *server, size_t server_length);

/* `name(value)` outside (`group` empty) or inside a group ("failback").  Name
 * and value as the user wrote them; '-' and '_' are the same in a name. */
FAILOVER_WARN_UNUSED failover_status failover_options_set(failover_options *options,
                                                          const char *group, size_t group_length,
                                                          const char *name, size_t name_length,
                                                          const char *value, size_t value_length);

/* The group was closed: servers() must have an entry by now. */
FAILOVER_WARN_UNUSED failover_status failover_options_close(failover_options *options,
                                                            const char *name, size_t name_length);

/* failover() was closed: what is required must be there. */
FAILOVER_WARN_UNUSED failover_status failover_options_complete(failover_options *options);

/* The destination is parsed: its own server and port are known.  Refuses
 * servers that are listed twice or are the primary itself. */
FAILOVER_WARN_UNUSED failover_status failover_options_check_primary(failover_options *options,
                                                                    const char *host, size_t host_length,
                                                                    uint16_t port);

/* The message of the last FAILOVER_ERROR_OPTION, "" before it.  NUL-terminated,
 * valid until the next call on `options`. */
const char *failover_options_error(const failover_options *options);

/* dead-peer-timeout(): how long the peer of an open connection may answer
 * nothing, 0 leaves it to the kernel. */
int64_t failover_options_get_dead_peer_timeout_ms(const failover_options *options);

/* resend(), and resend-buffer-size() in bytes. */
bool failover_options_get_resend(const failover_options *options);
size_t failover_options_get_resend_buffer_size(const failover_options *options);

/* ------------------------------------------------------------------------
 * Connections: the messages of one destination on their way out.
 *
 * A copy of each message that was posted on a connection is kept until it is
 * confirmed: the peer's TCP has acknowledged it, its window shows that it was read,
 * and resend-grace() has passed while the peer went on reading.  Every end of a
 * connection, however orderly it looks, lets what is kept be posted again on the next
 * one, before anything new and in order.  A connection that another one takes over
 * from is drained: it stays until everything on it is confirmed.
 *
 * A connection has two sides.  The posting side, failover_connection_*(), belongs to
 * whoever runs the LogWriter at the moment: a worker while its job runs, the main
 * thread otherwise, never two at a time.  It is on the path of each message: it neither
 * logs nor blocks, and allocates only until its buffer has grown.  The main side is the
 * main thread; its functions may be called while the posting side runs, unless stated
 * otherwise.
 */

typedef struct failover_destination failover_destination;
typedef struct failover_connection failover_connection;

/* What the kernel says of a connection (Linux struct tcp_info).  Both positions are
 * in bytes of its stream, from the same start; `acked` only grows while it is open. */
typedef struct failover_tcp
{
  bool open;        /* both directions still open: established */
  bool reset;       /* gone: reset or timed out */
  bool in_flight;   /* something was sent and is not acknowledged */
  bool unsent;      /* something has not been sent even once */
  bool has_input;   /* the peer has sent something, if only its FIN */
  bool has_window;  /* `window` is known, from Linux 5.4 on */
  uint64_t acked;   /* position that the peer has acknowledged */
  uint64_t written; /* position that had entered the kernel when `acked` was read; never too small */
  uint32_t window;  /* that the peer advertises, in bytes */
  /* for so long altogether, nothing but the window kept `unsent` data from being sent */
  uint64_t window_limited_us;
} failover_tcp;

/* Why a drained connection is closed. */
typedef enum failover_close
{
  FAILOVER_CLOSE_CONFIRMED, /* everything is: it ends in order */
  FAILOVER_CLOSE_ENDED,     /* by the peer, or because syslog-ng ends */
  FAILOVER_CLOSE_STUCK,     /* the peer makes no progress any more: what is in the kernel is dropped */
} failover_close;

/* What a connection needs done.  All are required, unless stated beside them. */
typedef struct failover_connection_host
{
  void *user_data; /* first argument of every function below; may be NULL */

  /* Posting side.  Write a message with the LogProto's own means.  False: the
   * connection is broken.  `consumed`: all of it was taken, though the socket may not
   * have it yet.  The same text comes again as long as it was not taken. */
  bool (*write)(void *user_data, const char *text, size_t length, bool *consumed);
  /* Posting side.  Write what is left of the one taken last.  False: broken. */
  bool (*flush)(void *user_data);
  /* Posting side.  Something of the one taken last is not in the kernel. */
  bool (*has_partial)(void *user_data);
  /* Posting side.  A new message was taken: the queue is done with it.  See failover-queue.h. */
  void (*acknowledge)(void *user_data);
  /* Posting side; main side once it is drained.  So many more of its messages, oldest
   * first, are confirmed, or have to make room in their grace (`early`).  May be NULL. */
  void (*confirmed)(void *user_data, uint64_t messages, bool early);
  /* Posting side.  Another connection is to take over, and this one has come to the end of
   * a message: failover_destination_quiet() is wanted. */
  void (*wake_main)(void *user_data);

  /* Either side, any time.  False: the kernel does not say. */
  bool (*read_tcp)(void *user_data, failover_tcp *tcp);

  /* Main side.  The peer is dead: whoever uses the connection gets an error. */
  void (*give_up)(void *user_data);
  /* Main side.  It is drained: `user_data` is not used any more. */
  void (*close)(void *user_data, failover_close how);
} failover_connection_host;

/* Posting side.  Post a new message: a copy is kept.  False: the connection is broken,
 * or has ended.  Not `consumed`: it has to come again, as nothing more can be taken now. */
FAILOVER_WARN_UNUSED bool failover_connection_post(failover_connection *connection, const char *text, size_t length,
                                                   bool *consumed);
/* Posting side.  Write what is left of the last message, and what waits to be posted
 * again.  False: the connection is broken, or has ended. */
FAILOVER_WARN_UNUSED bool failover_connection_flush(failover_connection *connection);
/* While the posting side does not run: should it, when the socket takes more?  Beside has_partial(). */
FAILOVER_WARN_UNUSED bool failover_connection_wants_to_write(failover_connection *connection);

/* ------------------------------------------------------------------------
 * Events: what an administrator should see.  One per change of state.
 */

typedef enum failover_event_kind
{
  FAILOVER_EVENT_CONNECTED,       /* `server` is in use now */
  FAILOVER_EVENT_FAILED_BACK,     /* the primary is in use again after its probes */
  FAILOVER_EVENT_KEPT,            /* `server` stays in use over a reload */
  FAILOVER_EVENT_SERVER_FAILED,   /* `server` failed, `next` follows after wait_ms */
  FAILOVER_EVENT_ALL_FAILED,      /* as above, and so did all others in this round */
  FAILOVER_EVENT_PROBE_SUCCEEDED, /* the primary answered a probe */
  FAILOVER_EVENT_PROBE_FAILED,    /* the primary did not */
  FAILOVER_EVENT_SERVER_UP,       /* a check of `server` succeeded, that was down or unknown */
  FAILOVER_EVENT_SERVER_DOWN,     /* a check of `server` failed, that was up or unknown */
  FAILOVER_EVENT_SWITCH_FAILED,   /* `server` was to take over and does not work; what is in use stays */
  FAILOVER_EVENT_ADMIN,           /* `server` has another administrative state */
  FAILOVER_EVENT_DRAINED,         /* `server` is drained or in maint, and no connection to it is left */
} failover_event_kind;

/* What an administrator wants of a server. */
typedef enum failover_admin
{
  FAILOVER_ADMIN_READY,
  FAILOVER_ADMIN_DRAIN, /* used only if none that is ready is in the list */
  FAILOVER_ADMIN_MAINT, /* never used, and not probed */
  FAILOVER_ADMIN_COUNT
} failover_admin;

typedef struct failover_event
{
  failover_event_kind kind;
  failover_reason reason;
  uint32_t position;        /* of `server` in the list, 0 is the primary */
  failover_admin admin;     /* of `server` */
  failover_text server;     /* "host:port" */
  failover_text address;    /* "ip:port" as the host reported it, empty if none is known */
  failover_text detail;     /* the host's own words about a failure, may be empty */
  failover_text next;       /* *_FAILED: the server that is tried next */
  int64_t wait_ms;          /* *_FAILED: after this time */
  int64_t took_ms;          /* how long the attempt took; -1: there was none */
  int64_t in_use_ms;        /* *_FAILED: how long it had been in use; -1: it had not */
  uint32_t successes;       /* PROBE_*, FAILED_BACK: successful probes in a row */
  uint32_t required;        /* PROBE_*, FAILED_BACK: how many are required */
  bool repeated;            /* PROBE_*: as the probe before, and nothing was counted */
  bool fruitless;           /* *_FAILED: it had been in use for long, but of what was posted on it
                             * nothing was confirmed: one more failure of the round */
  uint64_t to_resend;       /* *_FAILED: messages that wait to be posted again */
} failover_event;

/* ------------------------------------------------------------------------
 * The host: what a destination needs done, on the main thread.  All functions are
 * required.
 */

typedef enum failover_timer
{
  FAILOVER_TIMER_SWITCH,           /* the next server is due */
  FAILOVER_TIMER_ATTEMPT_DEADLINE, /* the connection attempt has to end */
  FAILOVER_TIMER_ATTEMPT_NEXT,     /* the next address of the server is due */
  FAILOVER_TIMER_PROBE,            /* the next probe is due */
  FAILOVER_TIMER_PROBE_DEADLINE,   /* the probe has to end */
  FAILOVER_TIMER_PROBE_NEXT,       /* the next address of the probe is due */
  FAILOVER_TIMER_MOVE_DEADLINE,    /* the attempt that an administrator asked for has to end */
  FAILOVER_TIMER_MOVE_NEXT,        /* the next address of it is due */
  FAILOVER_TIMER_CHECK,            /* checks are due, or something in them */
  FAILOVER_TIMER_HAND_OVER,        /* the connection in use has to be left */
  FAILOVER_TIMER_STREAM,           /* connections are due to be looked at; also between configurations */
  FAILOVER_TIMER_COUNT
} failover_timer;

/* Why messages were lost. */
typedef enum failover_loss
{
  FAILOVER_LOSS_MEMORY, /* there was none for them */
  FAILOVER_LOSS_RELOAD, /* no configuration sends them again */
} failover_loss;

/* What a destination needs for all of its life. */
typedef struct failover_loop
{
  void *user_data; /* first argument of every function below; may be NULL */

  int64_t (*now_ms)(void *user_data);  /* any thread */
  uint32_t (*random)(void *user_data); /* any 32 bits; only for jitter */

  /* One shot, answered with failover_destination_timer_due(); setting it again moves it.
   * A time in the past is due at once. */
  void (*set_timer)(void *user_data, failover_timer timer, int64_t due_ms);
  void (*cancel_timer)(void *user_data, failover_timer timer);

  /* Either side.  Messages that were accepted will not be sent again. */
  void (*lost)(void *user_data, uint64_t messages, failover_loss why);
} failover_loop;

/* What a connection is made for. */
typedef enum failover_purpose
{
  FAILOVER_PURPOSE_USE,   /* to be handed over: TLS is established, the certificate fits the server */
  FAILOVER_PURPOSE_PROBE, /* to see that the server accepts a TCP connection; closed then */
  FAILOVER_PURPOSE_CHECK, /* to see that it could be used, see FAILOVER_CHECK_OPEN_MS; closed then */
} failover_purpose;

/* What it needs from one configuration, from failover_destination_start() to _stop().
 * `lookup` and `connection` are numbers chosen by the core, never used twice in the life
 * of a destination. */
typedef struct failover_host
{
  void *user_data; /* first argument of every function below; may be NULL */

  /* Look up all addresses of `host`, without blocking; answer with
   * failover_destination_resolved() or failover_destination_not_resolved(). */
  void (*resolve)(void *user_data, uint64_t lookup, failover_text host, uint16_t port);
  /* No answer is wanted any more, its addresses are not needed any more. */
  void (*release_lookup)(void *user_data, uint64_t lookup);

  /* Connect to one address of a lookup, without blocking; answer with
   * failover_destination_connected() when it is as ready as `purpose` says, or with
   * failover_destination_connect_failed().  `server` is the name of the peer. */
  void (*connect)(void *user_data, uint64_t connection, uint64_t lookup, uint32_t address,
                  failover_text server, failover_purpose purpose);
  /* Close a connection that is being made, or is open and not in use. */
  void (*close)(void *user_data, uint64_t connection);

  /* The LogWriter.  Give it an open connection, in place of the one it has, if any:
   * failover_destination_open() is called from in here if messages are to be kept, then
   * failover_destination_release() for the one before.  False: the new one could not be
   * used and was closed, the LogWriter has the one before. */
  bool (*give_to_writer)(void *user_data, uint64_t connection);
  /* Take from it the connection that it has: failover_destination_release() is called from in here. */
  void (*take_from_writer)(void *user_data);
  /* Shut down both directions of that connection: failover_destination_ended() follows
   * when the LogWriter has noticed. */
  void (*shut_down)(void *user_data);
  /* What is known of that connection, which has ended; without `silent`. */
  void (*read_end)(void *user_data, failover_end *end);
  /* No worker runs its posting side, and none is about to. */
  bool (*is_idle)(void *user_data);
  /* Lets an idle LogWriter run the posting side. */
  void (*wake_writer)(void *user_data);

  /* The strings in `event` are valid during the call only. */
  void (*event)(void *user_data, const failover_event *event);
} failover_host;

/* ------------------------------------------------------------------------
 * The destination: which server, over which connection.  It outlives the configuration
 * that made it: the next one starts it again.  Main thread.
 */

/* What it needs to know beside its options. */
typedef struct failover_destination_config
{
  failover_text host;     /* the primary */
  uint16_t port;          /* of the primary and of every server without its own */
  int64_t time_reopen_ms; /* time-reopen(), 0 or more */
  uint32_t throttle;      /* throttle(): most messages a second that are posted once more, 0: any number */
} failover_destination_config;

/* `loop` is copied; its user_data must outlive the destination. */
FAILOVER_WARN_UNUSED failover_status failover_destination_new(const failover_loop *loop, failover_destination **out);
/* It is stopped, and no connection of it is left.  What still waits to be posted is lost. */
void failover_destination_free(failover_destination *destination);

/* A configuration begins to use it.  Everything is copied; host->user_data must outlive
 * the stop.  `connection_open`: the LogWriter still has the connection that it had at the
 * last stop.  If that is not wanted (its server is gone from the list, or it is not one
 * of ours), the host is asked to take it away.  Otherwise than OK: it is not started. */
FAILOVER_WARN_UNUSED failover_status failover_destination_start(failover_destination *destination,
                                                                const failover_options *options,
                                                                const failover_destination_config *config,
                                                                const failover_host *host, bool connection_open);

/* It does not use it any more: no timer but that of the stream, no look-up and no
 * connection in the making is left.  The connection in use is the host's to keep
 * (`keeps_connection`) or to release.  What the next start goes on with is remembered:
 * the server and connection in use, probes counted, place in the rotation. */
void failover_destination_stop(failover_destination *destination, bool keeps_connection);

/* While it is stopped: without failover() syslog-ng would go on with its connection, which
 * is to none but a failover server.  The host ends it if no configuration starts this again. */
bool failover_destination_ends_if_removed(const failover_destination *destination);

/* What happened.  A number that was given up meanwhile is ignored, as is what comes after
 * the stop.
 *
 * If one of these fails, for lack of memory, the core has given up what it was trying,
 * keeps the connection in use if there still is one, and has a timer set to try again: a
 * failure is to be logged, no more. */
FAILOVER_WARN_UNUSED failover_status failover_destination_timer_due(failover_destination *destination,
                                                                    failover_timer timer);
FAILOVER_WARN_UNUSED failover_status failover_destination_resolved(failover_destination *destination, uint64_t lookup,
                                                                   const failover_text *addresses,
                                                                   size_t address_count);
FAILOVER_WARN_UNUSED failover_status failover_destination_not_resolved(failover_destination *destination,
                                                                       uint64_t lookup, failover_text detail);
FAILOVER_WARN_UNUSED failover_status failover_destination_connected(failover_destination *destination,
                                                                    uint64_t connection);
FAILOVER_WARN_UNUSED failover_status failover_destination_connect_failed(failover_destination *destination,
                                                                         uint64_t connection, failover_reason reason,
                                                                         failover_text detail);
/* The LogWriter says that the connection it has is over; its posting side does not run. */
FAILOVER_WARN_UNUSED failover_status failover_destination_ended(failover_destination *destination);
/* See wake_main(). */
FAILOVER_WARN_UNUSED failover_status failover_destination_quiet(failover_destination *destination);

/* A LogProto was made for the connection that the LogWriter is given. */
FAILOVER_WARN_UNUSED failover_status failover_destination_open(failover_destination *destination,
                                                               const failover_connection_host *host,
                                                               failover_connection **out);
/* Its LogProto is about to be freed; the posting side does not run any more.  True: it
 * is drained, and host->close() follows; false: it is over, what is kept of it is posted
 * on the next one.  `connection` is not valid any more. */
FAILOVER_WARN_UNUSED bool failover_destination_release(failover_destination *destination,
                                                       failover_connection *connection);

/* syslog-ng ends, the destination is stopped, and only this runs the posting side: what is
 * left is written, what peers confirm is seen.  True: call it again soon. */
FAILOVER_WARN_UNUSED bool failover_destination_finish(failover_destination *destination);
/* It has ended: drained connections are closed.  Returns how many messages no peer's TCP
 * has acknowledged and no queue keeps. */
uint64_t failover_destination_finished(failover_destination *destination);

/* True while a connection is in use; then stores its number and the position of
 * its server (0 is the primary).  `connection` and `server` may be NULL. */
bool failover_destination_in_use(const failover_destination *destination, uint64_t *connection, uint32_t *server);

/* Its messages.  The posting side must not be running. */
typedef struct failover_stream_state
{
  uint64_t kept;           /* messages in all buffers */
  uint64_t waiting;        /* of these, to be posted again by the next connection that can */
  uint64_t unacknowledged; /* of these, not acknowledged by a peer's TCP; the waiting ones are among them */
  uint64_t only_here;      /* of these, not kept by a queue too (failover-queue.h) */
  size_t bytes;            /* in all buffers */
  uint64_t confirmed;      /* since the beginning: messages let go because they were confirmed */
  uint64_t resent;         /* since the beginning: messages posted once more */
  uint64_t grace_cut;      /* since the beginning: messages whose grace was cut short, for lack of room */
} failover_stream_state;

failover_stream_state failover_destination_get_stream(const failover_destination *destination);

#ifdef __cplusplus
}
#endif

#endif
