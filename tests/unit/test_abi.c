/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The conventions of failover.h, from real C: what may be NULL, who owns what.
 * What breaks them: test_contract.c.
 */
#include "fake_host.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const FakeConfig plain = { .primary = "p", .time_reopen_ms = 1000, .servers = { "a" } };

Test(abi, ok_is_zero)
{
  cr_expect_eq((int) FAILOVER_OK, 0);
}

Test(abi, free_accepts_null)
{
  failover_options_free(NULL);
  failover_destination_free(NULL);
}

/* Each text below lives in memory that is overwritten and freed as soon as the
 * call returns; the sanitizers see whoever looks again. */
static char *
_short_lived(const char *text, size_t *length)
{
  *length = strlen(text);
  char *copy = malloc(*length); /* no terminating NUL */
  memcpy(copy, text, *length);
  return copy;
}

static void
_drop(char *copy, size_t length)
{
  memset(copy, '#', length);
  free(copy);
}

Test(abi, strings_are_copied)
{
  FakeHost host;
  failover_options *options = NULL;
  failover_destination_config config = { .port = 514, .time_reopen_ms = 1000 };
  size_t length;
  char *text;

  cr_assert_eq(failover_options_new(&options), FAILOVER_OK);
  text = _short_lived("a.example.com:601", &length);
  cr_expect_eq(failover_options_add_server(options, text, length), FAILOVER_OK);
  _drop(text, length);

  fake_host_init(&host);
  fake_host_enter(&host);
  failover_destination_free(host.destination);
  fake_host_leave(&host, FAILOVER_OK);
  failover_loop *loop = malloc(sizeof(*loop));
  *loop = host.loop;
  cr_assert_eq(failover_destination_new(loop, &host.destination), FAILOVER_OK);
  memset(loop, 0, sizeof(*loop));
  free(loop);

  text = _short_lived("p.example.com", &length);
  config.host = (failover_text){ text, length };
  failover_host *calls = malloc(sizeof(*calls));
  *calls = host.calls;
  host.inside_core = true;
  host.stopped = false;
  cr_assert_eq(failover_destination_start(host.destination, options, &config, calls, false), FAILOVER_OK);
  host.inside_core = false;
  memset(calls, 0, sizeof(*calls));
  free(calls);
  _drop(text, length);
  memset(&config, 0, sizeof(config));
  failover_options_free(options);

  cr_expect_str_eq(fake_host_trying(&host, FAKE_ATTEMPT), "p.example.com:514");
  text = _short_lived("the detail", &length);
  host.inside_core = true;
  cr_expect_eq(failover_destination_not_resolved(host.destination, host.lookups[0].number,
                                            (failover_text){ text, length }),
               FAILOVER_OK);
  host.inside_core = false;
  _drop(text, length);
  cr_expect_str_eq(fake_host_last_event(&host, FAILOVER_EVENT_SERVER_FAILED)->detail, "the detail");
  fake_host_advance(&host, 1000);
  cr_expect_str_eq(fake_host_trying(&host, FAKE_ATTEMPT), "a.example.com:601");

  text = _short_lived("192.0.2.7:601", &length);
  const failover_text address = { text, length };
  host.lookups[1].answered = true;
  host.lookups[1].address_count = 1;
  host.inside_core = true;
  cr_expect_eq(failover_destination_resolved(host.destination, host.lookups[1].number, &address, 1), FAILOVER_OK);
  host.inside_core = false;
  _drop(text, length);
  fake_host_connected(&host, FAKE_ATTEMPT, 0);
  cr_expect_str_eq(fake_host_last_event(&host, FAILOVER_EVENT_CONNECTED)->address, "192.0.2.7:601");
  fake_host_stop(&host, false);
  fake_host_done(&host);
}

Test(abi, a_pointer_to_nothing_may_be_null)
{
  FakeHost host;
  failover_options *options = NULL;

  cr_assert_eq(failover_options_new(&options), FAILOVER_OK);
  cr_expect_eq(failover_options_set(options, NULL, 0, "switch-delay", 12, "1", 1), FAILOVER_OK);
  cr_expect_eq(failover_options_set(options, "", 0, NULL, 0, NULL, 0), FAILOVER_ERROR_OPTION);
  cr_expect_eq(failover_options_open(options, NULL, 0), FAILOVER_ERROR_OPTION);
  cr_expect_eq(failover_options_add_server(options, NULL, 0), FAILOVER_ERROR_OPTION);
  failover_options_free(options);

  fake_host_init(&host);
  fake_host_configure(&host, &plain);
  fake_host_start(&host, false);
  host.inside_core = true;
  host.lookups[0].answered = true;
  cr_expect_eq(failover_destination_resolved(host.destination, host.lookups[0].number, NULL, 0), FAILOVER_OK);
  host.inside_core = false;
  cr_expect_str_eq(fake_host_last_event(&host, FAILOVER_EVENT_SERVER_FAILED)->detail, "");
  fake_host_stop(&host, false);
  fake_host_done(&host);
}

Test(abi, the_length_of_a_string_counts)
{
  failover_options *options = NULL;

  cr_assert_eq(failover_options_new(&options), FAILOVER_OK);
  cr_expect_eq(failover_options_open(options, "servers and more", 7), FAILOVER_OK);
  cr_expect_eq(failover_options_add_server(options, "a:514:what follows is not ours", 5), FAILOVER_OK);
  cr_expect_eq(failover_options_close(options, "servers and more", 7), FAILOVER_OK);
  cr_expect_eq(failover_options_set(options, "x", 0, "switch-delay()", 12, "1 week", 1), FAILOVER_OK);
  cr_expect_str_eq(failover_options_error(options), "");
  failover_options_free(options);
}

Test(abi, in_use_needs_no_place_to_store)
{
  FakeHost host;
  uint64_t connection = 0;
  uint32_t server = 99;

  fake_host_init(&host);
  fake_host_configure(&host, &plain);
  cr_expect_eq(failover_destination_in_use(host.destination, &connection, &server), false, "in use before start");
  fake_host_start(&host, false);
  cr_expect_eq(failover_destination_in_use(host.destination, NULL, NULL), false);
  fake_host_accept(&host, FAKE_ATTEMPT);
  cr_expect_eq(failover_destination_in_use(host.destination, NULL, NULL), true);
  cr_expect_eq(failover_destination_in_use(host.destination, &connection, NULL), true);
  cr_expect_eq(failover_destination_in_use(host.destination, NULL, &server), true);
  cr_expect_eq(connection, fake_host_in_use(&host)->number);
  cr_expect_eq(server, 0u);
  fake_host_stop(&host, false);
  fake_host_done(&host);
}

/* A start that fails keeps it too: test_memory.c. */
Test(abi, what_a_stop_remembers_outlives_the_configuration)
{
  FakeHost host;

  fake_host_init(&host);
  fake_host_configure(&host, &plain);
  fake_host_start(&host, false);
  fake_host_not_resolved(&host, FAKE_ATTEMPT);
  for (int i = 0; i < 2; i++)
    {
      fake_host_stop(&host, false);
      fake_host_stop(&host, false); /* is no news */
      fake_host_configure(&host, &plain);
      fake_host_start(&host, false);
      cr_expect_str_eq(fake_host_trying(&host, FAKE_ATTEMPT), "a:514");
    }
  fake_host_stop(&host, false);
  fake_host_done(&host);
}

Test(abi, two_destinations_do_not_share_anything)
{
  FakeHost first, second;

  fake_host_init(&first);
  fake_host_configure(&first, &plain);
  fake_host_init(&second);
  fake_host_configure(&second, &plain);
  fake_host_start(&first, false);
  fake_host_start(&second, false);
  fake_host_not_resolved(&first, FAKE_ATTEMPT);
  fake_host_accept(&second, FAKE_ATTEMPT);
  fake_host_stop(&first, false);
  fake_host_done(&first);
  cr_expect_not_null(fake_host_in_use(&second));
  fake_host_disconnected(&second, FAILOVER_REASON_CLOSED);
  fake_host_stop(&second, false);
  fake_host_done(&second);
}
