/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The facts of a destination: as numbers for any thread, and as text.
 * The words of scripts: fake_steer.h.
 */
#include "fake_steer.h"
#include "fake_writer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { P, A, B };

static const FakeConfig config = { .primary = "p",
                                   .time_reopen_ms = 1000,
                                   .servers = { "a", "b:1514" },
                                   .switch_delay = "0",
                                   .failback = true,
                                   .probe_interval = "20",
                                   .probes_required = "3" };

/* ------------------------------------------------------------------------
 * Numbers
 */

static void
_expect_number(const FakeSteer *steer, failover_metric metric, uint32_t server, uint32_t label, int64_t value)
{
  int64_t is = fake_steer_counter(steer, metric, server, label);

  cr_expect_eq(is, value, "metric %d of server %d, label %d: %lld, expected %lld", metric, (int) server, (int) label,
               (long long) is, (long long) value);
}

#define OF_SERVER(metric, server, value) \
  _expect_number(&steer, FAILOVER_METRIC_##metric, server, FAILOVER_NONE, value)
#define OF_DESTINATION(metric, value) \
  _expect_number(&steer, FAILOVER_METRIC_##metric, FAILOVER_NONE, FAILOVER_NONE, value)
#define BY_REASON(metric, server, reason, value) \
  _expect_number(&steer, FAILOVER_METRIC_##metric, server, FAILOVER_REASON_##reason, value)

Test(status, numbers_are_told_once_they_are_known)
{
  FakeSteer steer;

  fake_steer_init(&steer, &config);
  OF_SERVER(ACTIVE, P, 0);
  OF_SERVER(UP, P, -1);
  OF_SERVER(UP, B, -1);
  OF_SERVER(CERTIFICATE_END, P, -1);
  OF_DESTINATION(RESENT, 0);
  OF_DESTINATION(LOST, 0);
  OF_DESTINATION(BUFFER_BYTES, 16 << 20);
  OF_DESTINATION(LAST_SWITCH, -1);
  BY_REASON(FAILURES, P, REFUSED, -1);

  fake_steer_play(&steer, "p-");
  OF_SERVER(UP, P, 0);
  BY_REASON(FAILURES, P, REFUSED, 1);
  BY_REASON(SWITCHES, FAILOVER_NONE, ROTATION, -1);

  fake_steer_play(&steer, "t0 a+");
  OF_SERVER(ACTIVE, A, 1);
  OF_SERVER(UP, A, 1);
  BY_REASON(SWITCHES, FAILOVER_NONE, ROTATION, -1); /* the first one in use */
  fake_steer_done(&steer);
}

Test(status, switches_and_failures_are_counted)
{
  FakeSteer steer;

  fake_steer_init(&steer, &config);
  fake_steer_play(&steer, "p+ t2000 p! t0 a+");
  OF_SERVER(ACTIVE, P, 0);
  OF_SERVER(ACTIVE, A, 1);
  BY_REASON(SWITCHES, FAILOVER_NONE, ROTATION, 1);
  OF_DESTINATION(LAST_SWITCH, (steer.host.now_ms + 1700000000) / 1000);

  fake_steer_play(&steer, "t2000 a! t0 b- t0 p- t1000 a+"); /* a again: no switch */
  BY_REASON(SWITCHES, FAILOVER_NONE, ROTATION, 1);
  BY_REASON(FAILURES, A, RESET, 1);
  BY_REASON(FAILURES, B, REFUSED, 1);
  BY_REASON(FAILURES, P, RESET, 1);
  BY_REASON(FAILURES, P, REFUSED, 1);

  fake_steer_play(&steer, "t19000 p- t20000 p+ t20000 p+ t20000 p+");
  BY_REASON(FAILURES, P, REFUSED, 1); /* a probe finds what was known */
  BY_REASON(SWITCHES, FAILOVER_NONE, FAILBACK, 1);
  OF_SERVER(ACTIVE, P, 1);
  fake_steer_play(&steer, "switch:2 b+");
  BY_REASON(SWITCHES, FAILOVER_NONE, SWITCH, 1);
  fake_steer_play(&steer, "drain:2 p+");
  BY_REASON(SWITCHES, FAILOVER_NONE, DRAIN, 1);
  _expect_number(&steer, FAILOVER_METRIC_ADMIN, B, FAILOVER_ADMIN_DRAIN, 1);
  _expect_number(&steer, FAILOVER_METRIC_ADMIN, B, FAILOVER_ADMIN_READY, 0);
  fake_steer_done(&steer);
}

Test(status, numbers_survive_a_reload_and_are_told_again)
{
  FakeSteer steer;
  static const FakeConfig other = { .primary = "a", .time_reopen_ms = 1000, .servers = { "q", "P" }, .switch_delay = "0" };

  fake_steer_init(&steer, &config);
  fake_steer_play(&steer, "p+ t2000 p! t0 a+ reload");
  BY_REASON(SWITCHES, FAILOVER_NONE, ROTATION, 1);
  BY_REASON(FAILURES, P, RESET, 1);
  OF_SERVER(ACTIVE, A, 1);

  /* they belong to host:port, wherever that stands */
  steer.config = &other;
  fake_steer_play(&steer, "reload");
  OF_SERVER(ACTIVE, 0, 1);
  BY_REASON(FAILURES, 2, RESET, 1);
  OF_SERVER(UP, 1, -1);
  fake_steer_done(&steer);
}

Test(status, what_is_unconfirmed)
{
  FakeSteer steer;

  fake_steer_init(&steer, &config);
  fake_steer_play(&steer, "p+ t2000 send send t100");
  OF_DESTINATION(UNCONFIRMED_MESSAGES, 2);
  OF_DESTINATION(UNCONFIRMED_BYTES, 2 * (4 + strlen("message")));
  cr_expect_eq(failover_destination_get_unconfirmed(steer.host.destination, P), 2u);
  cr_expect_eq(failover_destination_get_unconfirmed(steer.host.destination, A), 0u);
  fake_steer_play(&steer, "p! t0");
  OF_DESTINATION(RESENT, 0);
  fake_steer_play(&steer, "a+");
  fake_writer_flush(&steer.host);
  fake_steer_play(&steer, "t100");
  OF_DESTINATION(UNCONFIRMED_MESSAGES, 2);
  OF_DESTINATION(RESENT, 2);
  fake_steer_play(&steer, "ok");
  OF_DESTINATION(UNCONFIRMED_MESSAGES, 0);
  OF_DESTINATION(UNCONFIRMED_BYTES, 0);
  OF_DESTINATION(RESENT, 2);
  fake_steer_done(&steer);
}

Test(status, the_end_of_a_certificate)
{
  FakeSteer steer;

  fake_steer_init(&steer, &config);
  fake_steer_play(&steer, "p- t0");
  fake_host_resolved(&steer.host, FAKE_ATTEMPT, 1);
  fake_host_enter(&steer.host);
  failover_destination_set_certificate_end(steer.host.destination, fake_steer_last_connection(&steer)->number, 1234567890);
  OF_SERVER(CERTIFICATE_END, A, 1234567890);
  OF_SERVER(CERTIFICATE_END, P, -1);
  failover_destination_set_certificate_end(steer.host.destination, 424242, 1);
  fake_host_leave(&steer.host, FAILOVER_OK);
  OF_SERVER(CERTIFICATE_END, P, -1);
  fake_steer_done(&steer);
}

/* ------------------------------------------------------------------------
 * Servers by name
 */

Test(status, a_server_is_named_as_in_the_list_or_by_its_number)
{
  static const struct
  {
    const char *name;
    int position; /* -1: none */
  } cases[] = { { "p", P },      { "p:514", P }, { "P", P },  { "a", A },  { "b:1514", B }, { "0", P },  { "2", B },
                { "b", -1 },     { "3", -1 },    { "-1", -1 }, { "", -1 },  { "c", -1 },     { "a:", -1 }, { "a:515", -1 },
                { "99999999999999999999", -1 } };
  FakeSteer steer;

  fake_steer_init(&steer, &config);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    {
      uint32_t server = 77;
      bool found = failover_destination_find_server(steer.host.destination, fake_text(cases[i].name), &server);

      cr_expect_eq(found, cases[i].position >= 0, "\"%s\"", cases[i].name);
      cr_expect_eq(server, found ? (uint32_t) cases[i].position : 77u, "\"%s\" is %u", cases[i].name, server);
    }
  fake_steer_done(&steer);
}

Test(status, why_a_server_failed_last)
{
  FakeSteer steer;
  const char *reason = NULL;
  failover_text detail = fake_text("x");

  fake_steer_init(&steer, &config);
  fake_steer_play(&steer, "p+");
  cr_expect_not(failover_destination_get_last_failure(steer.host.destination, P, &reason, &detail));
  fake_steer_play(&steer, "p!");
  cr_expect(failover_destination_get_last_failure(steer.host.destination, P, &reason, &detail));
  cr_expect_str_eq(reason, "reset");
  cr_expect_eq(detail.length, 0u);
  cr_expect_not(failover_destination_get_last_failure(steer.host.destination, A, &reason, &detail));
  fake_steer_done(&steer);
}

/* ------------------------------------------------------------------------
 * Text
 */

static char text[8192];

static void
_take(void *user_data, failover_text piece)
{
  (void) user_data;
  cr_assert_lt(piece.length, sizeof(text));
  memcpy(text, piece.data, piece.length);
  text[piece.length] = 0;
}

static const char *
_write(FakeSteer *steer, const char *id, failover_format format)
{
  /* the clock of a FakeHost is at 5000 s and some */
  int64_t wall_offset_ms = 1700000000000 - 5000000;

  cr_assert_eq(failover_destination_write_status(steer->host.destination, fake_text(id), wall_offset_ms, format, _take,
                                                 NULL),
               FAILOVER_OK);
  return text;
}

Test(status, rows_for_people)
{
  FakeSteer steer;

  fake_steer_init(&steer, &config);
  cr_expect_str_eq(_write(&steer, "d#0", FAILOVER_FORMAT_ROWS),
                   "d#0: no server in use\n"
                   "  next: trying p:514\n"
                   "  unconfirmed: 0 (0 B); resent: 0; lost: 0; switches: 0\n"
                   "  SERVER  ROLE     STATE    ADMIN    FOR  CHECKED  LAST FAILURE\n"
                   "  p:514   primary  unknown  ready      -        -  -\n"
                   "  a:514   standby  unknown  ready      -        -  -\n"
                   "  b:1514  standby  unknown  ready      -        -  -\n");
  fake_steer_play(&steer, "p+ t7200000 p! t0 a+ drain:2 send t75000");
  cr_expect_str_eq(_write(&steer, "d#0", FAILOVER_FORMAT_ROWS),
                   "d#0: a:514 in use for 1m (rotation)\n"
                   "  next: probe of p:514 in 5s, 0/3 successful\n"
                   "  unconfirmed: 1 (11 B, oldest 1m); resent: 0; lost: 0; switches: 1, the last 1m ago\n"
                   "  SERVER  ROLE     STATE    ADMIN    FOR  CHECKED  LAST FAILURE\n"
                   "  p:514   primary  down     ready     1m       5s  timeout 5s\n"
                   "* a:514   standby  in use   ready     1m       1m  -\n"
                   "  b:1514  standby  unknown  drain      -        -  -\n");
  fake_steer_done(&steer);
}

Test(status, rows_fit_a_hundred_columns)
{
  static const FakeConfig longest = {
    .primary = "a-very-long-name-of-a-log-server-in-some-zone.with-a-very-long-name.example.com",
    .port = 65535,
    .time_reopen_ms = 1000,
    .servers = { "[2001:db8:1111:2222:3333:4444:5555:6666]:65535", "not-resolved" },
    .switch_delay = "0",
  };
  FakeSteer steer;
  int lines = 0;

  fake_steer_init(&steer, &longest);
  fake_host_not_resolved(&steer.host, FAKE_ATTEMPT);
  fake_host_advance(&steer.host, 0);
  fake_steer_play(&steer, "2-");
  fake_host_leap(&steer.host, 99999999999);
  char *rest = (char *) _write(&steer, "an id \x1b[31m of a destination that is much too long for one line\xff",
                               FAILOVER_FORMAT_ROWS), *line;
  while ((line = strsep(&rest, "\n")) && rest)
    {
      cr_expect_leq(strlen(line), 100u, "%s", line);
      for (const char *c = line; *c; c++)
        cr_expect(*c >= ' ' && *c <= '~', "a character %d in: %s", *c, line);
      lines++;
    }
  cr_expect_eq(lines, 7);
  fake_steer_done(&steer);
}

Test(status, json)
{
  FakeSteer steer;

  fake_steer_init(&steer, &config);
  cr_expect_str_eq(
      _write(&steer, "d#0", FAILOVER_FORMAT_JSON),
      "{\"destination\":\"d#0\",\"in_use\":null,\"switches\":{},\"last_switch_s\":null,"
      "\"next\":{\"step\":\"connect\",\"server\":\"p:514\",\"due_s\":null},"
      "\"unconfirmed_messages\":0,\"unconfirmed_bytes\":0,\"unconfirmed_oldest_ms\":null,"
      "\"resend_buffer_bytes\":16777216,\"resent_messages\":0,\"grace_cut_messages\":0,\"lost_messages\":0,\"servers\":["
      "{\"name\":\"p:514\",\"role\":\"primary\",\"state\":\"unknown\",\"since_s\":null,\"admin\":\"ready\","
      "\"address\":null,\"last_failure\":null,\"last_check\":null,\"certificate_end_s\":null,\"failures\":{},"
      "\"unconfirmed_messages\":0},"
      "{\"name\":\"a:514\",\"role\":\"standby\",\"state\":\"unknown\",\"since_s\":null,\"admin\":\"ready\","
      "\"address\":null,\"last_failure\":null,\"last_check\":null,\"certificate_end_s\":null,\"failures\":{},"
      "\"unconfirmed_messages\":0},"
      "{\"name\":\"b:1514\",\"role\":\"standby\",\"state\":\"unknown\",\"since_s\":null,\"admin\":\"ready\","
      "\"address\":null,\"last_failure\":null,\"last_check\":null,\"certificate_end_s\":null,\"failures\":{},"
      "\"unconfirmed_messages\":0}]}");
  fake_steer_play(&steer, "p+ t2000 p! t0 a+ send t1250");
  cr_expect_str_eq(
      _write(&steer, "d#0", FAILOVER_FORMAT_JSON),
      "{\"destination\":\"d#0\",\"in_use\":{\"server\":\"a:514\",\"position\":1,\"since_s\":1700000002.000,"
      "\"reason\":\"rotation\"},\"switches\":{\"rotation\":1},\"last_switch_s\":1700000002.000,"
      "\"next\":{\"step\":\"probe\",\"server\":\"p:514\",\"due_s\":1700000022.000,\"successes\":0,\"required\":3},"
      "\"unconfirmed_messages\":1,\"unconfirmed_bytes\":11,\"unconfirmed_oldest_ms\":1150,"
      "\"resend_buffer_bytes\":16777216,\"resent_messages\":0,\"grace_cut_messages\":0,\"lost_messages\":0,\"servers\":["
      "{\"name\":\"p:514\",\"role\":\"primary\",\"state\":\"down\",\"since_s\":1700000002.000,\"admin\":\"ready\","
      "\"address\":\"192.0.2.1:514\",\"last_failure\":{\"reason\":\"reset\",\"detail\":\"\",\"at_s\":1700000002.000},"
      "\"last_check\":{\"succeeded\":true,\"at_s\":1700000000.000,\"took_ms\":0},\"certificate_end_s\":null,"
      "\"failures\":{\"reset\":1},\"unconfirmed_messages\":0},"
      "{\"name\":\"a:514\",\"role\":\"standby\",\"state\":\"in use\",\"since_s\":1700000002.000,\"admin\":\"ready\","
      "\"address\":\"192.0.2.1:514\",\"last_failure\":null,"
      "\"last_check\":{\"succeeded\":true,\"at_s\":1700000002.000,\"took_ms\":0},\"certificate_end_s\":null,"
      "\"failures\":{},\"unconfirmed_messages\":1},"
      "{\"name\":\"b:1514\",\"role\":\"standby\",\"state\":\"unknown\",\"since_s\":null,\"admin\":\"ready\","
      "\"address\":null,\"last_failure\":null,\"last_check\":null,\"certificate_end_s\":null,\"failures\":{},"
      "\"unconfirmed_messages\":0}]}");
  fake_steer_done(&steer);
}

Test(status, json_escapes_what_it_must)
{
  static const struct
  {
    const char *id;
    const char *json;
  } cases[] = {
    { "\"\\/", "\"\\\"\\\\/\"" },
    { "a\nb\tc\x01\x7f", "\"a\\u000ab\\u0009c\\u0001\\u007f\"" },
    { "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", "\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\"" },
    { "\xff", "\"\xef\xbf\xbd\"" },
    { "\xc3", "\"\xef\xbf\xbd\"" },                                 /* cut off */
    { "\xc0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },                 /* overlong */
    { "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* half of a surrogate pair */
    { "\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* behind the last character */
  };
  FakeSteer steer;

  fake_steer_init(&steer, &config);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    {
      const char *json = _write(&steer, cases[i].id, FAILOVER_FORMAT_JSON) + strlen("{\"destination\":");

      cr_expect_eq(strncmp(json, cases[i].json, strlen(cases[i].json)), 0, "%s, expected %s", json, cases[i].json);
    }
  fake_steer_done(&steer);
}

Test(status, how_the_others_are)
{
  FakeSteer steer;

  fake_steer_init(&steer, &config);
  fake_steer_play(&steer, "p- t0 a+");
  failover_health_count count = failover_destination_count_health(steer.host.destination);
  cr_expect_eq(count.up, 0u);
  cr_expect_eq(count.down, 1u);
  cr_expect_eq(count.unknown, 1u);
  fake_steer_play(&steer, "maint:p check b+");
  count = failover_destination_count_health(steer.host.destination);
  cr_expect_eq(count.up, 1u);
  cr_expect_eq(count.down, 0u);
  cr_expect_eq(count.unknown, 0u);
  fake_steer_done(&steer);
}
