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
  EXPECT_ABORT(failover_options_get_resend(NULL));
  EXPECT_ABORT(failover_options_get_resend_buffer_size(NULL));

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

static uint32_t
_random(void *user_data)
{
  (void) user_data;
  return 0;
}

static void
_set_timer(void *user_data, failover_timer timer, int64_t due_ms)
{
  (void) user_data;
  (void) timer;
  (void) due_ms;
}

static void
_cancel_timer(void *user_data, failover_timer timer)
{
  (void) user_data;
  (void) timer;
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
_lost(void *user_data, uint64_t messages, failover_loss why)
{
  (void) user_data;
  (void) messages;
  (void) why;
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

static const failover_loop loop = { .now_ms = _now_ms,
                                    .random = _random,
                                    .set_timer = _set_timer,
                                    .cancel_timer = _cancel_timer,
                                    .lost = _lost };
static const failover_connection_host connection_host = { .write = _write,
                                                          .flush = _no,
                                                          .has_partial = _no,
                                                          .acknowledge = _nothing,
                                                          .wake_main = _nothing,
                                                          .read_tcp = _read_tcp,
                                                          .give_up = _nothing,
                                                          .close = _close };

static failover_destination *
_destination_new(void)
{
  failover_destination *destination = NULL;

  cr_assert_eq(failover_destination_new(&loop, &destination), FAILOVER_OK);
  return destination;
}

Test(contract, connection)
{
  failover_destination *destination = _destination_new();
  failover_connection *connection = NULL;
  bool consumed;

  EXPECT_ABORT(failover_destination_open(NULL, &connection_host, &connection));
  EXPECT_ABORT(failover_destination_open(destination, NULL, &connection));
  EXPECT_ABORT(failover_destination_open(destination, &connection_host, NULL));

  cr_assert_eq(failover_destination_open(destination, &connection_host, &connection), FAILOVER_OK);
  EXPECT_ABORT(failover_connection_post(NULL, "a", 1, &consumed));
  EXPECT_ABORT(failover_connection_post(connection, NULL, 1, &consumed));
  EXPECT_ABORT(failover_connection_post(connection, "a", 1, NULL));
  EXPECT_ABORT(failover_connection_flush(NULL));
  EXPECT_ABORT(failover_connection_wants_to_write(NULL));
  EXPECT_ABORT(failover_destination_release(NULL, connection));
  EXPECT_ABORT(failover_destination_release(destination, NULL));
  EXPECT_ABORT(failover_destination_free(destination)); /* it has a connection */
  cr_assert(failover_destination_release(destination, connection), "no configuration keeps it");
  EXPECT_ABORT(failover_destination_release(destination, connection)); /* not any more */
  EXPECT_ABORT(failover_destination_free(destination)); /* it is drained */
  failover_destination_finished(destination);
  failover_destination_free(destination);
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

Test(contract, destination_new)
{
  failover_destination *destination = NULL;

  EXPECT_ABORT(failover_destination_new(NULL, &destination));
  EXPECT_ABORT(failover_destination_new(&loop, NULL));
}

Test(contract, destination_start)
{
  FakeHost host;
  failover_options *options = fake_options_new(&plain);
  failover_destination_config config = { .host = fake_text("p"), .port = 514, .time_reopen_ms = 1000 };

  fake_host_init(&host);
  EXPECT_ABORT(failover_destination_start(NULL, options, &config, &host.calls, false));
  EXPECT_ABORT(failover_destination_start(host.destination, NULL, &config, &host.calls, false));
  EXPECT_ABORT(failover_destination_start(host.destination, options, NULL, &host.calls, false));
  EXPECT_ABORT(failover_destination_start(host.destination, options, &config, NULL, false));
  config.time_reopen_ms = -1;
  EXPECT_ABORT(failover_destination_start(host.destination, options, &config, &host.calls, false));
  config.time_reopen_ms = 0;
  config.host = dangling;
  EXPECT_ABORT(failover_destination_start(host.destination, options, &config, &host.calls, false));
  failover_options_free(options);
  fake_host_done(&host);
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

Test(contract, every_function_of_the_loop_is_required)
{
  failover_destination *destination = NULL;
  failover_loop calls;

#define EXPECT(function) EXPECT_REQUIRED(loop, function, failover_destination_new(&calls, &destination))
  EXPECT(now_ms);
  EXPECT(random);
  EXPECT(set_timer);
  EXPECT(cancel_timer);
  EXPECT(lost);
#undef EXPECT
}

Test(contract, every_function_of_the_host_is_required)
{
  FakeHost host;
  failover_options *options = fake_options_new(&plain);
  failover_destination_config config = { .host = fake_text("p"), .port = 514, .time_reopen_ms = 1000 };
  failover_host calls;

  fake_host_init(&host);
#define EXPECT(function)                \
  EXPECT_REQUIRED(host.calls, function, \
                  failover_destination_start(host.destination, options, &config, &calls, false))
  EXPECT(resolve);
  EXPECT(release_lookup);
  EXPECT(connect);
  EXPECT(close);
  EXPECT(give_to_writer);
  EXPECT(take_from_writer);
  EXPECT(shut_down);
  EXPECT(read_end);
  EXPECT(is_idle);
  EXPECT(wake_writer);
  EXPECT(event);
#undef EXPECT
  failover_options_free(options);
  fake_host_done(&host);
}

Test(contract, every_function_of_a_connection_s_host_is_required)
{
  failover_destination *destination = _destination_new();
  failover_connection *connection = NULL;
  failover_connection_host calls;

#define EXPECT(function) \
  EXPECT_REQUIRED(connection_host, function, failover_destination_open(destination, &calls, &connection))
  EXPECT(write);
  EXPECT(flush);
  EXPECT(has_partial);
  EXPECT(acknowledge);
  EXPECT(wake_main);
  EXPECT(read_tcp);
  EXPECT(give_up);
  EXPECT(close);
#undef EXPECT
  failover_destination_free(destination);
}

Test(contract, destination)
{
  FakeHost host;
  uint64_t lookup;

  fake_host_init(&host);
  fake_host_configure(&host, &plain);
  fake_host_start(&host, false);
  lookup = host.lookups[0].number;

  EXPECT_ABORT(failover_destination_stop(NULL, false));
  EXPECT_ABORT(failover_destination_ends_if_removed(NULL));
  EXPECT_ABORT(failover_destination_timer_due(NULL, FAILOVER_TIMER_SWITCH));
  EXPECT_ABORT(failover_destination_resolved(NULL, lookup, NULL, 0));
  EXPECT_ABORT(failover_destination_resolved(host.destination, lookup, NULL, 2));
  EXPECT_ABORT(failover_destination_resolved(host.destination, lookup, &dangling, 1));
  EXPECT_ABORT(failover_destination_not_resolved(NULL, lookup, none));
  EXPECT_ABORT(failover_destination_not_resolved(host.destination, lookup, dangling));
  EXPECT_ABORT(failover_destination_connected(NULL, 1));
  EXPECT_ABORT(failover_destination_connect_failed(NULL, 1, FAILOVER_REASON_REFUSED, none));
  EXPECT_ABORT(failover_destination_connect_failed(host.destination, 1, FAILOVER_REASON_REFUSED, dangling));
  EXPECT_ABORT(failover_destination_ended(NULL));
  EXPECT_ABORT(failover_destination_quiet(NULL));
  EXPECT_ABORT(failover_destination_finish(NULL));
  EXPECT_ABORT(failover_destination_finished(NULL));
  EXPECT_ABORT(failover_destination_in_use(NULL, NULL, NULL));
  EXPECT_ABORT(failover_destination_get_stream(NULL));
  fake_host_stop(&host, false);
  fake_host_done(&host);
}

Test(contract, order_of_calls_of_a_destination)
{
  FakeHost host;

  fake_host_init(&host);
  fake_host_configure(&host, &plain);
  fake_host_start(&host, false);
  fake_host_configure(&host, &plain);
  EXPECT_ABORT(failover_destination_start(host.destination, host.options, &host.config, &host.calls, false));
  EXPECT_ABORT(failover_destination_timer_due(host.destination, FAILOVER_TIMER_COUNT));
  EXPECT_ABORT(failover_destination_free(host.destination)); /* it is started */
  fake_host_stop(&host, false);
  fake_host_done(&host);
}

/* ------------------------------------------------------------------------
 * The host calls back
 */

static failover_destination *
_of(void *user_data)
{
  return ((FakeHost *) user_data)->destination;
}

static void
_event_calls_timer_due(void *user_data, const failover_event *event)
{
  (void) event;
  failover_destination_timer_due(_of(user_data), FAILOVER_TIMER_SWITCH);
}

static void
_event_calls_stop(void *user_data, const failover_event *event)
{
  (void) event;
  failover_destination_stop(_of(user_data), false);
}

static void
_event_calls_ends_if_removed(void *user_data, const failover_event *event)
{
  (void) event;
  failover_destination_ends_if_removed(_of(user_data));
}

static void
_event_calls_in_use(void *user_data, const failover_event *event)
{
  (void) event;
  failover_destination_in_use(_of(user_data), NULL, NULL);
}

static void
_event_calls_free(void *user_data, const failover_event *event)
{
  (void) event;
  failover_destination_free(_of(user_data));
}

Test(contract, the_host_does_not_call_back)
{
  void (*const events[])(void *, const failover_event *) = { _event_calls_timer_due, _event_calls_stop,
                                                             _event_calls_ends_if_removed,
                                                             _event_calls_in_use, _event_calls_free };

  for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
    {
      FakeHost host;

      fake_host_init(&host);
      host.calls.event = events[i];
      fake_host_configure(&host, &plain);
      fake_host_start(&host, false);
      EXPECT_ABORT(failover_destination_not_resolved(host.destination, host.lookups[0].number, none));
      fake_host_stop(&host, false);
      fake_host_done(&host);
    }
}
