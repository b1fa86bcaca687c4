/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What breaks the conventions of failover.h, or the order of calls of the resend
 * buffer, ends the process, here: a child.
 */
#include "fake_host.h"
#include "fake_stream.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* a child that survives has no use for the result either */
#pragma GCC diagnostic ignored "-Wunused-result"

static const FakeConfig plain = { .primary = "p", .time_reopen_ms = 1000, .servers = { "a" } };
static const failover_text none = { NULL, 0 };
static const failover_text dangling = { NULL, 1 };

/* What an assertion says is not part of the report. */
static void
_be_quiet(void)
{
  dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
}

static bool
_was_aborted(pid_t child)
{
  int status = 0;

  cr_assert_eq(waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

#define EXPECT_ABORT(call)                                     \
  do                                                           \
    {                                                          \
      pid_t child = fork();                                    \
      cr_assert_geq(child, 0);                                 \
      if (child == 0)                                          \
        {                                                      \
          _be_quiet();                                         \
          call;                                                \
          _exit(0);                                            \
        }                                                      \
      cr_expect(_was_aborted(child), "not asserted: " #call);  \
    }                                                          \
  while (0)

static failover_options *
_options_new(void)
{
  failover_options *options = NULL;

  cr_assert_eq(failover_options_new(&options), FAILOVER_OK);
  return options;
}

Test(contract, reasons)
{
  EXPECT_ABORT(failover_reason_from_end(NULL));
}

Test(contract, options)
{
  failover_options *options = _options_new();

  EXPECT_ABORT(failover_options_new(NULL));
  EXPECT_ABORT(failover_options_open(NULL, "servers", 7));
  EXPECT_ABORT(failover_options_add_server(NULL, "a", 1));
  EXPECT_ABORT(failover_options_set(NULL, "", 0, "switch-delay", 12, "1", 1));
  EXPECT_ABORT(failover_options_close(NULL, "servers", 7));
  EXPECT_ABORT(failover_options_complete(NULL));
  EXPECT_ABORT(failover_options_check_primary(NULL, "p", 1, 514));
  EXPECT_ABORT(failover_options_error(NULL));
  EXPECT_ABORT(failover_options_get_dead_peer_timeout_ms(NULL));
  EXPECT_ABORT(failover_options_get_stream(NULL));

  EXPECT_ABORT(failover_options_open(options, NULL, 7));
  EXPECT_ABORT(failover_options_add_server(options, NULL, 1));
  EXPECT_ABORT(failover_options_set(options, NULL, 1, "switch-delay", 12, "1", 1));
  EXPECT_ABORT(failover_options_set(options, "", 0, NULL, 12, "1", 1));
  EXPECT_ABORT(failover_options_set(options, "", 0, "switch-delay", 12, NULL, 1));
  EXPECT_ABORT(failover_options_close(options, NULL, 7));
  EXPECT_ABORT(failover_options_check_primary(options, NULL, 1, 514));
  failover_options_free(options);
}

static int64_t
_now_ms(void *user_data)
{
  (void) user_data;
  return 1;
}

static void
_set_timer(void *user_data, int64_t due_ms)
{
  (void) user_data;
  (void) due_ms;
}

static void
_nothing(void *user_data)
{
  (void) user_data;
}

static bool
_no(void *user_data)
{
  (void) user_data;
  return false;
}

static void
_lost(void *user_data, uint64_t messages)
{
  (void) user_data;
  (void) messages;
}

static bool
_write(void *user_data, const char *text, size_t length, bool *consumed)
{
  (void) user_data;
  (void) text;
  (void) length;
  (void) consumed;
  return false;
}

static bool
_read_tcp(void *user_data, failover_tcp *tcp)
{
  (void) user_data;
  (void) tcp;
  return false;
}

static void
_close(void *user_data, failover_close how)
{
  (void) user_data;
  (void) how;
}

static const failover_stream_settings stream_settings = { .resend = true, .buffer_size = 65536 };
static const failover_stream_host stream_host = { .now_ms = _now_ms,
                                                  .set_timer = _set_timer,
                                                  .cancel_timer = _nothing,
                                                  .is_idle = _no,
                                                  .wake_writer = _nothing,
                                                  .half_closed = _nothing,
                                                  .lost = _lost };
static const failover_connection_host connection_host = { .write = _write,
                                                          .flush = _no,
                                                          .has_partial = _no,
                                                          .acknowledge = _nothing,
                                                          .wake_main = _nothing,
                                                          .read_tcp = _read_tcp,
                                                          .give_up = _nothing,
                                                          .close = _close };

Test(contract, stream_settings)
{
  failover_stream *stream = NULL;

  EXPECT_ABORT(failover_stream_new(NULL, &stream_host, &stream));
  EXPECT_ABORT(failover_stream_new(&stream_settings, NULL, &stream));
  EXPECT_ABORT(failover_stream_new(&stream_settings, &stream_host, NULL));

  cr_assert_eq(failover_stream_new(&stream_settings, &stream_host, &stream), FAILOVER_OK);
  EXPECT_ABORT(failover_stream_set_settings(NULL, &stream_settings));
  EXPECT_ABORT(failover_stream_set_settings(stream, NULL));

  failover_stream *other = NULL;
  failover_stream_settings settings = stream_settings;
  settings.grace_ms = -1;
  EXPECT_ABORT(failover_stream_new(&settings, &stream_host, &other));
  EXPECT_ABORT(failover_stream_set_settings(stream, &settings));
  settings = stream_settings;
  settings.dead_peer_timeout_ms = -1;
  EXPECT_ABORT(failover_stream_new(&settings, &stream_host, &other));
  EXPECT_ABORT(failover_stream_set_settings(stream, &settings));
  failover_stream_free(stream);
}

Test(contract, stream)
{
  failover_connection *connection = NULL;
  failover_stream *stream = NULL;

  cr_assert_eq(failover_stream_new(&stream_settings, &stream_host, &stream), FAILOVER_OK);
  EXPECT_ABORT(failover_stream_bind(NULL, true));
  EXPECT_ABORT(failover_stream_open(NULL, &connection_host, &connection));
  EXPECT_ABORT(failover_stream_open(stream, NULL, &connection));
  EXPECT_ABORT(failover_stream_open(stream, &connection_host, NULL));
  EXPECT_ABORT(failover_stream_is_connected(NULL));
  EXPECT_ABORT(failover_stream_quiesce(NULL));
  EXPECT_ABORT(failover_stream_drain(NULL));
  EXPECT_ABORT(failover_stream_resume(NULL));
  EXPECT_ABORT(failover_stream_end_of_connection(NULL));
  EXPECT_ABORT(failover_stream_timer_due(NULL));
  EXPECT_ABORT(failover_stream_finish(NULL));
  EXPECT_ABORT(failover_stream_finished(NULL));
  EXPECT_ABORT(failover_stream_get_state(NULL));
  cr_expect_not(failover_stream_is_connected(stream));
  cr_expect(failover_stream_quiesce(stream), "there is nothing to be quiet");
  failover_stream_free(stream);
}

Test(contract, connection)
{
  failover_connection *connection = NULL;
  failover_stream *stream = NULL;
  bool consumed;

  cr_assert_eq(failover_stream_new(&stream_settings, &stream_host, &stream), FAILOVER_OK);
  failover_stream_bind(stream, true);
  cr_assert_eq(failover_stream_open(stream, &connection_host, &connection), FAILOVER_OK);
  EXPECT_ABORT(failover_connection_post(NULL, "a", 1, &consumed));
  EXPECT_ABORT(failover_connection_post(connection, NULL, 1, &consumed));
  EXPECT_ABORT(failover_connection_post(connection, "a", 1, NULL));
  EXPECT_ABORT(failover_connection_flush(NULL));
  EXPECT_ABORT(failover_connection_wants_to_write(NULL));
  EXPECT_ABORT(failover_stream_release(NULL, connection));
  EXPECT_ABORT(failover_stream_release(stream, NULL));
  EXPECT_ABORT(failover_stream_free(stream)); /* it has a connection */
  cr_assert_not(failover_stream_release(stream, connection));
  EXPECT_ABORT(failover_stream_release(stream, connection)); /* not any more */
  failover_stream_free(stream);
}

Test(contract, order_of_calls_about_messages)
{
  FakeStream stream;
  char out[1];

  fake_stream_init(&stream, FAKE_STREAM_GRACE_MS, FAKE_STREAM_LIMIT);
  EXPECT_ABORT(failover_resend_forget_last(stream.resend));
  EXPECT_ABORT(failover_resend_next_length(stream.resend));
  EXPECT_ABORT(failover_resend_copy_next(stream.resend, out));
  EXPECT_ABORT(failover_resend_next_posted(stream.resend));

  cr_assert(fake_stream_post(&stream, "a"));
  fake_stream_acknowledge(&stream);
  EXPECT_ABORT(failover_resend_forget_last(stream.resend)); /* it was sampled */
  stream.acked--;
  EXPECT_ABORT(fake_stream_sample(&stream));

  fake_stream_lose(&stream);
  EXPECT_ABORT(failover_resend_forget_last(stream.resend)); /* it waits to be posted */
  failover_resend_next_posted(stream.resend);
  EXPECT_ABORT(failover_resend_next_posted(stream.resend));
  fake_stream_done(&stream);
}

Test(contract, engine_new)
{
  FakeHost host;
  failover_options *options = fake_options_new(&plain);
  failover_destination destination = { .host = fake_text("p"), .port = 514, .time_reopen_ms = 1000 };
  failover_engine *engine = NULL;

  fake_host_init(&host);
  EXPECT_ABORT(failover_engine_new(NULL, &destination, &host.calls, &engine));
  EXPECT_ABORT(failover_engine_new(options, NULL, &host.calls, &engine));
  EXPECT_ABORT(failover_engine_new(options, &destination, NULL, &engine));
  EXPECT_ABORT(failover_engine_new(options, &destination, &host.calls, NULL));
  destination.time_reopen_ms = -1;
  EXPECT_ABORT(failover_engine_new(options, &destination, &host.calls, &engine));
  destination.time_reopen_ms = 0;
  destination.host = dangling;
  EXPECT_ABORT(failover_engine_new(options, &destination, &host.calls, &engine));
  failover_options_free(options);
}

/* The call fails without one of the functions of `calls`. */
#define EXPECT_REQUIRED(complete, function, call) \
  do                                              \
    {                                             \
      calls = complete;                           \
      calls.function = NULL;                      \
      EXPECT_ABORT(call);                         \
    }                                             \
  while (0)

Test(contract, every_function_of_the_host_is_required)
{
  FakeHost host;
  failover_options *options = fake_options_new(&plain);
  failover_destination destination = { .host = fake_text("p"), .port = 514, .time_reopen_ms = 1000 };
  failover_engine *engine = NULL;
  failover_host calls;

  fake_host_init(&host);
#define EXPECT(function) \
  EXPECT_REQUIRED(host.calls, function, failover_engine_new(options, &destination, &calls, &engine))
  EXPECT(now_ms);
  EXPECT(random);
  EXPECT(set_timer);
  EXPECT(cancel_timer);
  EXPECT(resolve);
  EXPECT(release_lookup);
  EXPECT(connect);
  EXPECT(hand_over);
  EXPECT(close);
  EXPECT(event);
#undef EXPECT
  failover_options_free(options);
}

Test(contract, every_function_of_a_stream_s_host_is_required)
{
  failover_stream *stream = NULL;
  failover_stream_host calls;

#define EXPECT(function) \
  EXPECT_REQUIRED(stream_host, function, failover_stream_new(&stream_settings, &calls, &stream))
  EXPECT(now_ms);
  EXPECT(set_timer);
  EXPECT(cancel_timer);
  EXPECT(is_idle);
  EXPECT(wake_writer);
  EXPECT(half_closed);
  EXPECT(lost);
#undef EXPECT
}

Test(contract, every_function_of_a_connection_s_host_is_required)
{
  failover_stream *stream = NULL;
  failover_connection *connection = NULL;
  failover_connection_host calls;

  cr_assert_eq(failover_stream_new(&stream_settings, &stream_host, &stream), FAILOVER_OK);
#define EXPECT(function) \
  EXPECT_REQUIRED(connection_host, function, failover_stream_open(stream, &calls, &connection))
  EXPECT(write);
  EXPECT(flush);
  EXPECT(has_partial);
  EXPECT(acknowledge);
  EXPECT(wake_main);
  EXPECT(read_tcp);
  EXPECT(give_up);
  EXPECT(close);
#undef EXPECT
  failover_stream_free(stream);
}

Test(contract, engine)
{
  FakeHost host;
  failover_snapshot *snapshot;
  uint64_t lookup;

  fake_host_init(&host);
  fake_host_configure(&host, &plain);
  fake_host_start(&host, NULL, false);
  lookup = host.lookups[0].number;

  EXPECT_ABORT(failover_engine_start(NULL, NULL, false));
  EXPECT_ABORT(failover_engine_stop(NULL));
  EXPECT_ABORT(failover_engine_save(NULL, &snapshot));
  EXPECT_ABORT(failover_engine_save(host.engine, NULL));
  EXPECT_ABORT(failover_engine_timer_due(NULL, FAILOVER_TIMER_SWITCH));
  EXPECT_ABORT(failover_engine_resolved(NULL, lookup, NULL, 0));
  EXPECT_ABORT(failover_engine_resolved(host.engine, lookup, NULL, 2));
  EXPECT_ABORT(failover_engine_resolved(host.engine, lookup, &dangling, 1));
  EXPECT_ABORT(failover_engine_not_resolved(NULL, lookup, none));
  EXPECT_ABORT(failover_engine_not_resolved(host.engine, lookup, dangling));
  EXPECT_ABORT(failover_engine_connected(NULL, 1));
  EXPECT_ABORT(failover_engine_connect_failed(NULL, 1, FAILOVER_REASON_REFUSED, none));
  EXPECT_ABORT(failover_engine_connect_failed(host.engine, 1, FAILOVER_REASON_REFUSED, dangling));
  EXPECT_ABORT(failover_engine_disconnected(NULL, 1, FAILOVER_REASON_RESET, none, false));
  EXPECT_ABORT(failover_engine_disconnected(host.engine, 1, FAILOVER_REASON_RESET, dangling, false));
  EXPECT_ABORT(failover_engine_in_use(NULL, NULL, NULL));
  fake_host_stop(&host);
  fake_host_done(&host);
}

Test(contract, order_of_calls_of_an_engine)
{
  FakeHost host;
  failover_snapshot *snapshot;

  fake_host_init(&host);
  fake_host_configure(&host, &plain);
  EXPECT_ABORT(failover_engine_save(host.engine, &snapshot));
  fake_host_start(&host, NULL, false);
  EXPECT_ABORT(failover_engine_start(host.engine, NULL, false));
  EXPECT_ABORT(failover_engine_timer_due(host.engine, FAILOVER_TIMER_COUNT));
  fake_host_stop(&host);
  EXPECT_ABORT(failover_engine_save(host.engine, &snapshot));
  fake_host_done(&host);
}

/* ------------------------------------------------------------------------
 * The host calls back
 */

static void
_event_calls_timer_due(void *user_data, const failover_event *event)
{
  (void) event;
  failover_engine_timer_due(((FakeHost *) user_data)->engine, FAILOVER_TIMER_SWITCH);
}

static void
_event_calls_save(void *user_data, const failover_event *event)
{
  failover_snapshot *snapshot;

  (void) event;
  failover_engine_save(((FakeHost *) user_data)->engine, &snapshot);
}

static void
_event_calls_in_use(void *user_data, const failover_event *event)
{
  (void) event;
  failover_engine_in_use(((FakeHost *) user_data)->engine, NULL, NULL);
}

static void
_event_calls_free(void *user_data, const failover_event *event)
{
  (void) event;
  failover_engine_free(((FakeHost *) user_data)->engine);
}

Test(contract, the_host_does_not_call_back)
{
  void (*const events[])(void *, const failover_event *) = { _event_calls_timer_due, _event_calls_save,
                                                             _event_calls_in_use, _event_calls_free };

  for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
    {
      FakeHost host;

      fake_host_init(&host);
      host.calls.event = events[i];
      fake_host_configure(&host, &plain);
      fake_host_start(&host, NULL, false);
      EXPECT_ABORT(failover_engine_not_resolved(host.engine, host.lookups[0].number, none));
      fake_host_stop(&host);
      fake_host_done(&host);
    }
}
