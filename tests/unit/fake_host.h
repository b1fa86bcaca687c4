/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fake_host.h - a host for a destination that a test drives by hand.
 *
 * It owns a clock that only the test moves, the timers (fired by time, then by
 * the order they were set), the look-ups and the connections the core asked
 * for, and the LogWriter that has one of these (fake_writer.h).  It answers nothing
 * by itself: the test says what the network did.  What breaks the contract of struct
 * failover_loop or failover_host is noted in `breach`, and fake_host_done() fails the
 * test for it.
 *
 * One test owns one FakeHost on its stack and the destination inside it, for all
 * configurations.
 */
#ifndef FAKE_HOST_H_INCLUDED
#define FAKE_HOST_H_INCLUDED

#include "failover.h"

enum
{
  FAKE_PORT = 514,
  FAKE_SERVERS_MAX = 8,
  FAKE_RECORDS_MAX = 1024,
  FAKE_TEXT_MAX = 128,
  FAKE_DEADLINE_MS = 10000, /* of an attempt and of a probe */
  FAKE_NEXT_MS = 250,       /* from one address to the next */
};

/* Which of the things that may be going on at once: connecting to the next server,
 * probing the primary, or what fake_steer.h is for. */
typedef enum FakeRole
{
  FAKE_ATTEMPT,
  FAKE_PROBE,
  FAKE_MOVE,
  FAKE_CHECK,
} FakeRole;

typedef enum FakeState
{
  FAKE_MAKING,
  FAKE_OPEN,
  FAKE_IN_USE,
  FAKE_DRAINED, /* not in use any more, its messages are not all confirmed */
  FAKE_GONE,
} FakeState;

typedef struct FakeLookup
{
  uint64_t number;
  FakeRole role;
  bool answered;
  bool released;
  uint32_t address_count;
  char server[FAKE_TEXT_MAX]; /* "host:port" */
} FakeLookup;

typedef struct FakeHost FakeHost;

typedef struct FakeConnection
{
  uint64_t number;
  uint64_t lookup;
  uint32_t address;
  FakeRole role;
  FakeState state;
  char peer[FAKE_TEXT_MAX]; /* the name that TLS would check */
  failover_purpose purpose;

  /* once the LogWriter has had it, see fake_writer.h */
  FakeHost *host;
  failover_connection *messages; /* NULL: none are kept */
  failover_tcp tcp;              /* what the kernel says; the test may change it */
  uint32_t tcp_read_count;
  bool blocked;                  /* the socket takes nothing; the test may change it */
  bool partial;                  /* something is left of the message written last */
  failover_close closed;         /* how a drained one was */
} FakeConnection;

typedef struct FakeTimer
{
  bool set;
  int64_t due_ms;
  uint64_t sequence;
} FakeTimer;

/* A failover_event whose strings live as long as the FakeHost. */
typedef struct FakeEvent
{
  failover_event_kind kind;
  failover_reason reason;
  uint32_t position;
  failover_admin admin;
  char server[FAKE_TEXT_MAX];
  char address[FAKE_TEXT_MAX];
  char detail[FAKE_TEXT_MAX];
  char next[FAKE_TEXT_MAX];
  int64_t wait_ms;
  int64_t took_ms;
  int64_t in_use_ms;
  uint32_t successes;
  uint32_t required;
  bool repeated;
  bool fruitless;
  uint64_t to_resend;
} FakeEvent;

/* The LogWriter, see fake_writer.h. */
typedef struct FakeWriter
{
  bool keeps_messages;      /* of the connections that it is given from now on */
  bool refuses_connections; /* that it is given from now on */
  bool busy;                /* a worker runs it */
  failover_end end;         /* what is known of its connection when that has ended */
  size_t shut_down_count;   /* the test says what comes of it */
  size_t woken_count;
  size_t woke_main_count;
  char written[FAKE_TEXT_MAX]; /* "a b c" of all messages, on whichever connection */
} FakeWriter;

struct FakeHost
{
  failover_loop loop;
  failover_host calls;
  failover_destination *destination;
  failover_options *options; /* of the next start */
  failover_destination_config config;
  FakeWriter writer;

  int64_t now_ms;
  uint32_t random_answer;

  FakeTimer timers[FAILOVER_TIMER_COUNT];
  uint64_t timer_sequence;
  FakeRole role; /* of the calls that the core makes now */
  bool inside_core;
  bool stopped;         /* or not started */
  bool short_of_memory; /* the core may say so */
  uint64_t lost[2];     /* messages, by failover_loss */

  FakeLookup lookups[FAKE_RECORDS_MAX];
  size_t lookup_count;
  FakeConnection connections[FAKE_RECORDS_MAX];
  size_t connection_count;
  FakeEvent events[FAKE_RECORDS_MAX];
  size_t event_count;
  char handed_over[FAKE_TEXT_MAX]; /* the peer of the last give_to_writer() */

  char breach[256];
};

/* A configuration as text; what is NULL or false was not written by the user. */
typedef struct FakeConfig
{
  const char *primary;
  uint16_t port; /* 0: FAKE_PORT */
  int64_t time_reopen_ms;
  const char *servers[FAKE_SERVERS_MAX + 1];
  const char *switch_delay;
  const char *resend;
  const char *standby_probe_interval;
  bool failback;
  const char *probe_interval;
  const char *probes_required;
} FakeConfig;

failover_text fake_text(const char *text);

/* The options of `config`; fails the test if one is refused. */
failover_options *fake_options_new(const FakeConfig *config);

/* Makes self->destination; fails the test if that is not possible. */
void fake_host_init(FakeHost *self);

/* Around each call of the core: what it asks for outside of one is a breach. */
void fake_host_enter(FakeHost *self);
void fake_host_leave(FakeHost *self, failover_status status); /* which must be FAILOVER_OK, see short_of_memory */

/* The configuration of the next start. */
void fake_host_configure(FakeHost *self, const FakeConfig *config);
/* False: there was no memory, it is not started. */
bool fake_host_start(FakeHost *self, bool connection_open);
void fake_host_stop(FakeHost *self, bool keeps_connection);

/* What lib-shim does at SIGHUP: stop, start. */
void fake_host_reload(FakeHost *self, const FakeConfig *config, bool connection_open);

/* What a LogWriter still has is released, what is drained closed; frees the destination.
 * Fails the test if the contract was broken meanwhile. */
void fake_host_done(FakeHost *self);

/* What happened.  `address` is the position in the answer of the look-up. */
void fake_host_resolved(FakeHost *self, FakeRole role, uint32_t address_count);
void fake_host_not_resolved(FakeHost *self, FakeRole role);
void fake_host_connected(FakeHost *self, FakeRole role, uint32_t address);
void fake_host_connect_failed(FakeHost *self, FakeRole role, uint32_t address, failover_reason reason);
/* The LogWriter says so; what is known of the connection comes to this reason. */
void fake_host_disconnected(FakeHost *self, failover_reason reason);
/* And of what was sent on it nothing is confirmed: the LogWriter keeps_messages. */
void fake_host_disconnected_fruitless(FakeHost *self, failover_reason reason);
/* The connection that the LogWriter has to leave has come to the end of a message. */
void fake_host_quiet(FakeHost *self);

/* The short form: one address, and it connects or fails. */
void fake_host_accept(FakeHost *self, FakeRole role);
void fake_host_refuse(FakeHost *self, FakeRole role, failover_reason reason);

/* Time passes and timers fire at their time. */
void fake_host_advance(FakeHost *self, int64_t ms);
/* Time leaps, as after a suspend: all that is overdue fires late. */
void fake_host_leap(FakeHost *self, int64_t ms);

/* Milliseconds until the timer is due, or -1 if it is not set. */
int64_t fake_host_timer_in(const FakeHost *self, failover_timer timer);
bool fake_host_any_timer(const FakeHost *self);

/* The look-up that is held, NULL if none is. */
const FakeLookup *fake_host_lookup(const FakeHost *self, FakeRole role);
/* The "host:port" that is being looked up or connected to, "" if none is. */
const char *fake_host_trying(const FakeHost *self, FakeRole role);
uint32_t fake_host_connecting(const FakeHost *self, FakeRole role);
/* The one that the LogWriter has, NULL if it has none. */
const FakeConnection *fake_host_in_use(const FakeHost *self);

/* The last event, which must be of this kind; fails the test otherwise. */
const FakeEvent *fake_host_last_event(const FakeHost *self, failover_event_kind kind);
size_t fake_host_count_events(const FakeHost *self, failover_event_kind kind);
const char *fake_event_name(failover_event_kind kind);

/* For fake_*.c: a call of the host, which must come from inside the core while it is
 * started; what is not as it has to be; the connection of this number or NULL. */
void fake_host_check_call(FakeHost *self, const char *what);
void fake_host_breach(FakeHost *self, const char *what, uint64_t number);
FakeConnection *fake_host_connection(FakeHost *self, uint64_t number);

#endif
