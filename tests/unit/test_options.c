/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What may stand inside failover(), and what the user is told otherwise.
 */
#include "fake_host.h"

#include <criterion/criterion.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static failover_options *
_new(void)
{
  failover_options *options = NULL;

  cr_assert_eq(failover_options_new(&options), FAILOVER_OK);
  cr_assert_str_eq(failover_options_error(options), "", "there is an error before the first call");
  return options;
}

static failover_status
_open(failover_options *options, const char *name)
{
  return failover_options_open(options, name, strlen(name));
}

static failover_status
_add(failover_options *options, const char *server)
{
  return failover_options_add_server(options, server, strlen(server));
}

static failover_status
_set(failover_options *options, const char *group, const char *name, const char *value)
{
  return failover_options_set(options, group, strlen(group), name, strlen(name), value, strlen(value));
}

static failover_status
_close(failover_options *options, const char *name)
{
  return failover_options_close(options, name, strlen(name));
}

static failover_status
_check(failover_options *options, const char *host, uint16_t port)
{
  return failover_options_check_primary(options, host, strlen(host), port);
}

static void
_expect_refused(failover_options *options, failover_status status, const char *text)
{
  cr_expect_eq(status, FAILOVER_ERROR_OPTION, "status %d where \"%s\" was expected", status, text);
  cr_expect(strstr(failover_options_error(options), text) != NULL,
            "the error is \"%s\", expected \"%s\" in it",
            failover_options_error(options), text);
}

/* ------------------------------------------------------------------------
 * servers()
 */

Test(options, servers_in_every_allowed_form)
{
  static const char *const servers[] = {
    "logserver",          "logserver.example.com", "logserver:601",      "log-server_1.example.com:65535",
    "192.0.2.1",          "192.0.2.1:1",           "[2001:db8::1]:6514", "[2001:db8::2]",
    "[::ffff:192.0.2.9]", "[fe80::1%eth0]:514",    "fe80::2%an-interface.15",
  };
  failover_options *options = _new();

  cr_assert_eq(_open(options, "servers"), FAILOVER_OK);
  for (size_t i = 0; i < COUNT(servers); i++)
    cr_expect_eq(_add(options, servers[i]), FAILOVER_OK, "%s: %s", servers[i],
                 failover_options_error(options));
  cr_expect_eq(_close(options, "servers"), FAILOVER_OK);
  cr_expect_eq(_check(options, "primary", 514), FAILOVER_OK, "%s", failover_options_error(options));
  failover_options_free(options);
}

Test(options, servers_in_other_forms_are_refused)
{
  static const struct
  {
    const char *server;
    const char *text;
  } table[] = {
    { "", "is not a server; allowed: " },
    { ":514", "is not a server; allowed: " },
    { "logserver:", "is not a server; allowed: " },
    { "log server", "is not a server; allowed: " },
    { " logserver", "is not a server; allowed: " },
    { "logserver ", "is not a server; allowed: " },
    { "log/server", "is not a server; allowed: " },
    { "logserver:514:601", "is not a server; allowed: " },
    { "-logserver", "is not a server; allowed: " },
    { "[2001:db8::1", "is not a server; allowed: " },
    { "2001:db8::1]", "is not a server; allowed: " },
    { "[2001:db8::1]514", "is not a server; allowed: " },
    { "[2001:db8::1]:", "is not a server; allowed: " },
    { "[2001:db8::g]:514", "is not a server; allowed: " },
    { "[logserver]:514", "is not a server; allowed: " },
    { "fe80::1%", "is not a server; allowed: " },
    { "fe80::1%eth0:514", "is not a server; allowed: " },
    { "fe80::1%eth0]:514", "is not a server; allowed: " },
    { "[fe80::1%eth 0]:514", "is not a server; allowed: " },
    { "[fe80::1%eth/0]:514", "is not a server; allowed: " },
    { "[fe80::1%an-interface-too]:514", "is not a server; allowed: " },
    { "[]:514", "is not a server; allowed: " },
    { "logserver:0", "port must be 1 to 65535" },
    { "logserver:65536", "port must be 1 to 65535" },
    { "logserver:99999999999999999999", "port must be 1 to 65535" },
    { "logserver:-1", "port must be 1 to 65535" },
    { "logserver:+514", "port must be 1 to 65535" },
    { "logserver: 514", "port must be 1 to 65535" },
    { "logserver:514 ", "port must be 1 to 65535" },
    { "logserver:syslog", "port must be 1 to 65535" },
    { "tcp://logserver", "port must be 1 to 65535" },
    { "[2001:db8::1]:0", "port must be 1 to 65535" },
  };
  failover_options *options = _new();

  cr_assert_eq(_open(options, "servers"), FAILOVER_OK);
  for (size_t i = 0; i < COUNT(table); i++)
    {
      _expect_refused(options, _add(options, table[i].server), table[i].text);
      cr_expect(strstr(failover_options_error(options), table[i].server) != NULL,
                "the error does not show \"%s\": %s", table[i].server, failover_options_error(options));
    }

  /* none of them was taken */
  _expect_refused(options, _close(options, "servers"), "servers() needs at least one server");
  failover_options_free(options);
}

Test(options, a_string_with_a_nul_inside_is_no_server)
{
  failover_options *options = _new();

  cr_expect_eq(failover_options_add_server(options, "log\0server", 10), FAILOVER_ERROR_OPTION);
  cr_expect_eq(failover_options_add_server(options, "[2001:db8::1\0]:514", 18), FAILOVER_ERROR_OPTION);
  failover_options_free(options);
}

Test(options, host_names_have_a_limit)
{
  char longest[254];
  failover_options *options = _new();

  for (size_t i = 0; i < sizeof(longest); i++)
    longest[i] = i % 64 == 63 ? '.' : 'a';
  cr_expect_eq(failover_options_add_server(options, longest, 253), FAILOVER_OK);
  _expect_refused(options, failover_options_add_server(options, longest, 254), "is not a server; allowed: ");
  failover_options_free(options);
}

Test(options, servers_are_required)
{
  failover_options *options = _new();

  _expect_refused(options, failover_options_complete(options), "failover() needs servers()");
  cr_assert_eq(_open(options, "servers"), FAILOVER_OK);
  _expect_refused(options, _close(options, "servers"), "servers() needs at least one server");
  cr_assert_eq(_add(options, "logserver"), FAILOVER_OK);
  cr_expect_eq(_close(options, "servers"), FAILOVER_OK);
  cr_expect_eq(failover_options_complete(options), FAILOVER_OK);
  failover_options_free(options);
}

Test(options, a_server_listed_twice_is_refused_at_once)
{
  static const struct
  {
    const char *first, *second;
  } table[] = {
    { "logserver", "logserver" },
    { "logserver", "LogServer" },
    { "logserver:601", "LOGSERVER:601" },
    { "192.0.2.1:601", "192.0.2.1:601" },
    { "[2001:db8::1]:601", "[2001:DB8:0:0::1]:601" },
  };

  for (size_t i = 0; i < COUNT(table); i++)
    {
      failover_options *options = _new();
      cr_assert_eq(_add(options, table[i].first), FAILOVER_OK);
      _expect_refused(options, _add(options, table[i].second), "is listed twice");
      failover_options_free(options);
    }
}

Test(options, the_same_host_on_two_ports_is_two_servers)
{
  failover_options *options = _new();

  cr_expect_eq(_add(options, "logserver:601"), FAILOVER_OK);
  cr_expect_eq(_add(options, "logserver:602"), FAILOVER_OK);
  cr_expect_eq(_add(options, "logserver"), FAILOVER_OK);
  cr_expect_eq(_check(options, "logserver", 603), FAILOVER_ERROR_OPTION,
               "the one without a port is the primary");
  cr_expect_eq(_check(options, "primary", 603), FAILOVER_OK, "%s", failover_options_error(options));
  failover_options_free(options);
}

Test(options, the_primary_and_its_port_decide_what_is_listed_twice)
{
  static const struct
  {
    const char *first, *second, *primary;
    uint16_t port;
    const char *text; /* NULL: accepted */
  } table[] = {
    { "a", "b", "p", 514, NULL },
    { "a", "a:514", "p", 514, "is listed twice" },
    { "A:514", "a", "p", 514, "is listed twice" },
    { "a", "a:514", "p", 601, NULL },
    { "p", "b", "p", 514, "is the primary server itself" },
    { "a", "P", "p", 514, "is the primary server itself" },
    { "a", "p:514", "P", 514, "is the primary server itself" },
    { "a", "p:514", "p", 601, NULL },
    { "a", "[2001:db8::1]:514", "2001:DB8::0:1", 514, "is the primary server itself" },
    { "a", "[2001:db8::1]:514", "2001:db8::1", 601, NULL },
    { "192.0.2.1", "192.0.2.2", "192.0.2.1", 514, "is the primary server itself" },
  };

  for (size_t i = 0; i < COUNT(table); i++)
    {
      failover_options *options = _new();
      cr_assert_eq(_add(options, table[i].first), FAILOVER_OK);
      cr_assert_eq(_add(options, table[i].second), FAILOVER_OK, "row %zu: %s", i,
                   failover_options_error(options));
      failover_status status = _check(options, table[i].primary, table[i].port);
      if (table[i].text)
        _expect_refused(options, status, table[i].text);
      else
        cr_expect_eq(status, FAILOVER_OK, "row %zu: %s", i, failover_options_error(options));
      failover_options_free(options);
    }
}

/* ------------------------------------------------------------------------
 * Values
 */

Test(options, values_that_are_accepted)
{
  static const struct
  {
    const char *group, *name, *value;
  } table[] = {
    { "", "switch-delay", "0" },
    { "", "switch-delay", "0.5" },
    { "", "switch_delay", "60" },
    { "", "switch-delay", "86400" },
    { "", "standby-probe-interval", "0" },
    { "", "standby_probe_interval", "0.5" },
    { "failback", "tcp-probe-interval", "0.2" },
    { "failback", "tcp_probe_interval", "60" },
    { "failback", "tcp-probe_interval", "0.001" },
    { "failback", "successful-probes-required", "1" },
    { "failback", "successful_probes_required", "100" },
  };

  for (size_t i = 0; i < COUNT(table); i++)
    {
      failover_options *options = _new();
      cr_assert_eq(_open(options, "failback"), FAILOVER_OK);
      cr_expect_eq(_set(options, table[i].group, table[i].name, table[i].value), FAILOVER_OK, "%s(%s): %s",
                   table[i].name, table[i].value, failover_options_error(options));
      failover_options_free(options);
    }
}

Test(options, values_that_are_refused)
{
  static const struct
  {
    const char *group, *name, *text;
    const char *values[16];
  } table[] = {
    { "", "standby-probe-interval", "standby-probe-interval() takes seconds, 0 or more",
      { "", "-1", "1s", "never", NULL } },
    { "", "switch-delay", "switch-delay() takes seconds, 0 or more",
      { "", "-1", "-0.1", "1e3", "inf", "nan", "0x10", " 1", "1 ", "1,5", "one", "1s", "99999999999999",
        NULL } },
    { "failback", "tcp-probe-interval", "tcp-probe-interval() takes seconds above 0",
      { "0", "0.0", "-1", "", "1e3", "inf", "nan", "yes", "1s", "99999999999999", NULL } },
    { "failback", "successful-probes-required", "successful-probes-required() takes a whole number above 0",
      { "0", "-1", "1.5", "", "three", "1e1", "0x3", " 3", "4294967296", "4294967297", NULL } },
    /* the user reads the name that the user wrote */
    { "failback", "tcp_probe_interval", "tcp_probe_interval() takes seconds above 0", { "0", NULL } },
    { "", "switch_delay", "switch_delay() takes seconds, 0 or more", { "-1", NULL } },
  };

  for (size_t i = 0; i < COUNT(table); i++)
    for (const char *const *value = table[i].values; *value; value++)
      {
        failover_options *options = _new();
        cr_assert_eq(_open(options, "failback"), FAILOVER_OK);
        _expect_refused(options, _set(options, table[i].group, table[i].name, *value), table[i].text);
        failover_options_free(options);
      }
}

Test(options, unknown_names_are_refused)
{
  failover_options *options = _new();

  _expect_refused(options, _open(options, "failbak"), "failbak() is not an option of failover()");
  _expect_refused(options, _open(options, ""), "is not an option of failover()");
  _expect_refused(options, _set(options, "", "switch-dealy", "1"),
                  "switch-dealy() is not an option of failover()");
  /* at home in the group only, and the other way round */
  _expect_refused(options, _set(options, "", "tcp-probe-interval", "1"),
                  "tcp-probe-interval() is not an option of failover()");
  cr_assert_eq(_open(options, "failback"), FAILOVER_OK);
  _expect_refused(options, _set(options, "failback", "switch-delay", "1"),
                  "switch-delay() is not an option of ");
  failover_options_free(options);
}

Test(options, an_option_given_twice_is_refused)
{
  failover_options *options = _new();

  cr_assert_eq(_open(options, "servers"), FAILOVER_OK);
  cr_assert_eq(_add(options, "logserver"), FAILOVER_OK);
  cr_assert_eq(_close(options, "servers"), FAILOVER_OK);
  _expect_refused(options, _open(options, "servers"), "servers() is given twice");

  cr_assert_eq(_open(options, "failback"), FAILOVER_OK);
  cr_assert_eq(_set(options, "failback", "tcp-probe-interval", "1"), FAILOVER_OK);
  _expect_refused(options, _set(options, "failback", "tcp_probe_interval", "1"),
                  "tcp_probe_interval() is given twice");
  cr_assert_eq(_close(options, "failback"), FAILOVER_OK);
  _expect_refused(options, _open(options, "failback"), "failback() is given twice");

  cr_assert_eq(_set(options, "", "switch-delay", "0"), FAILOVER_OK);
  _expect_refused(options, _set(options, "", "switch-delay", "0"), "switch-delay() is given twice");
  failover_options_free(options);
}

/* The message is one line, and whole, whatever is in it. */
Test(options, an_error_shows_a_control_character_as_a_question_mark)
{
  failover_options *options = _new();

  cr_assert_eq(failover_options_set(options, "", 0, "switch-delay", 12, "1\0\n2", 4), FAILOVER_ERROR_OPTION);
  cr_expect_str_eq(failover_options_error(options),
                   "switch-delay() takes seconds, 0 or more, not \"1??2\"");
  cr_assert_eq(failover_options_set(options, "", 0, "\0switch", 7, "1", 1), FAILOVER_ERROR_OPTION);
  cr_expect(strstr(failover_options_error(options), "?switch() is not an option of failover()") != NULL,
            "the error is \"%s\"", failover_options_error(options));
  failover_options_free(options);
}

/* "Anything but FAILOVER_OK changed nothing" */
Test(options, a_refused_value_leaves_no_trace)
{
  failover_options *options = _new();

  _expect_refused(options, _set(options, "", "switch-delay", "soon"),
                  "switch-delay() takes seconds, 0 or more");
  cr_expect_eq(_set(options, "", "switch-delay", "1"), FAILOVER_OK, "after a refused value: %s",
               failover_options_error(options));
  failover_options_free(options);
}

Test(options, any_order_is_accepted)
{
  failover_options *options = _new();

  cr_expect_eq(_set(options, "", "switch-delay", "1"), FAILOVER_OK);
  cr_expect_eq(_open(options, "failback"), FAILOVER_OK);
  cr_expect_eq(_set(options, "failback", "successful-probes-required", "2"), FAILOVER_OK);
  cr_expect_eq(_set(options, "failback", "tcp-probe-interval", "5"), FAILOVER_OK);
  cr_expect_eq(_close(options, "failback"), FAILOVER_OK);
  cr_expect_eq(_open(options, "servers"), FAILOVER_OK);
  cr_expect_eq(_add(options, "logserver"), FAILOVER_OK);
  cr_expect_eq(_close(options, "servers"), FAILOVER_OK);
  cr_expect_eq(failover_options_complete(options), FAILOVER_OK);
  failover_options_free(options);
}

/* ------------------------------------------------------------------------
 * What the core makes of the values
 */

Test(options, seconds_become_exactly_these_milliseconds)
{
  static const struct
  {
    const char *seconds;
    int64_t ms;
  } table[] = {
    { "0", 0 },         { "1", 1000 },     { "60", 60000 },     { "0.5", 500 },    { "0.001", 1 },
    { "0.29", 290 },    { "1.001", 1001 }, { "2.007", 2007 },   { "4.35", 4350 },  { "16.1", 16100 },
    { "8.225", 8225 },  { "1.10", 1100 },  { "32.001", 32001 }, { "9.999", 9999 },
  };

  for (size_t i = 0; i < COUNT(table); i++)
    {
      FakeHost host;
      FakeConfig config = { .primary = "p", .time_reopen_ms = 60000, .servers = { "a" },
                            .switch_delay = table[i].seconds };

      fake_host_init(&host);
      fake_host_configure(&host, &config);
      fake_host_start(&host, false);
      fake_host_not_resolved(&host, FAKE_ATTEMPT);
      cr_expect_eq(fake_host_timer_in(&host, FAILOVER_TIMER_SWITCH), table[i].ms,
                   "switch-delay(%s) waits %lld ms", table[i].seconds,
                   (long long) fake_host_timer_in(&host, FAILOVER_TIMER_SWITCH));
      fake_host_stop(&host, false);
      fake_host_done(&host);
    }
}

Test(options, defaults)
{
  FakeHost host;
  FakeConfig config = { .primary = "p", .time_reopen_ms = 45000, .servers = { "a" }, .failback = true };

  fake_host_init(&host);
  fake_host_configure(&host, &config);
  fake_host_start(&host, false);
  fake_host_not_resolved(&host, FAKE_ATTEMPT);
  cr_expect_eq(fake_host_timer_in(&host, FAILOVER_TIMER_SWITCH), 45000, "switch-delay() is time-reopen()");
  cr_expect_eq(fake_host_timer_in(&host, FAILOVER_TIMER_PROBE), 60000, "tcp-probe-interval() is 60");

  fake_host_advance(&host, 45000);
  fake_host_accept(&host, FAKE_ATTEMPT);
  fake_host_advance(&host, 15000);
  fake_host_accept(&host, FAKE_PROBE);
  cr_expect_eq(fake_host_last_event(&host, FAILOVER_EVENT_PROBE_SUCCEEDED)->required, 3u,
               "successful-probes-required() is 3");
  fake_host_stop(&host, false);
  fake_host_done(&host);
}

Test(options, ports_and_names_reach_the_host_as_meant)
{
  static const char *const order[] = { "p:601", "a:601", "B.Example.com:7001", "2001:db8::1:601",
                                       "2001:db8::2:7002", "p:7003" };
  FakeHost host;
  FakeConfig config = { .primary = "p",
                        .port = 601,
                        .time_reopen_ms = 1000,
                        .servers = { "a", "B.Example.com:7001", "[2001:db8::1]", "[2001:DB8::2]:7002",
                                     "p:7003" },
                        .switch_delay = "0" };

  fake_host_init(&host);
  fake_host_configure(&host, &config);
  fake_host_start(&host, false);
  for (size_t i = 0; i < COUNT(order); i++)
    {
      cr_expect_str_eq(fake_host_trying(&host, FAKE_ATTEMPT), order[i]);
      fake_host_refuse(&host, FAKE_ATTEMPT, FAILOVER_REASON_REFUSED);
      fake_host_advance(&host, 0);
    }
  /* events name servers as the user may write them */
  cr_expect_str_eq(host.events[3].server, "[2001:db8::1]:601");
  cr_expect_str_eq(host.events[3].next, "[2001:db8::2]:7002");
  fake_host_stop(&host, false);
  fake_host_done(&host);
}
