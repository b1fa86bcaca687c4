/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * resend(), resend-grace() and resend-buffer-size(): values, errors, defaults.
 */
#include "settings.h"

#include <criterion/criterion.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* What one option makes of the settings; fails the test if it is refused. */
static resend_settings
_settings_with(const char *name, const char *value)
{
  core_options *options = core_options_new();

  cr_expect_eq(core_options_set(options, name, value), FAILOVER_OK, "%s(%s): %s", name, value,
               core_options_error(options));
  resend_settings settings = core_options_get_resend(options);
  core_options_free(options);
  return settings;
}

static void
_expect_refused(const char *name, const char *value, const char *text)
{
  core_options *options = core_options_new();
  resend_settings before = core_options_get_resend(options);

  cr_expect_eq(core_options_set(options, name, value), FAILOVER_ERROR_OPTION, "%s(%s) is accepted", name, value);
  cr_expect(strstr(core_options_error(options), text) != NULL,
            "%s(%s): the error is \"%s\", expected \"%s\" in it",
            name, value, core_options_error(options), text);
  resend_settings after = core_options_get_resend(options);
  cr_expect_eq(after.resend, before.resend);
  cr_expect_eq(after.grace_ms, before.grace_ms);
  cr_expect_eq(after.buffer_size, before.buffer_size);
  core_options_free(options);
}

Test(resend_options, defaults)
{
  core_options *options = core_options_new();
  resend_settings settings = core_options_get_resend(options);

  cr_expect(settings.resend);
  cr_expect_eq(settings.grace_ms, 500);
  cr_expect_eq(settings.buffer_size, (size_t) 16 * 1024 * 1024);
  core_options_free(options);
}

Test(resend_options, resend_is_yes_or_no)
{
  static const struct
  {
    const char *value;
    bool enabled;
  } table[] = { { "yes", true }, { "on", true }, { "1", true }, { "no", false }, { "off", false }, { "0", false } };

  for (size_t i = 0; i < COUNT(table); i++)
    cr_expect_eq(_settings_with("resend", table[i].value).resend, table[i].enabled, "resend(%s)",
                 table[i].value);
  for (const char *const *value = (const char *const[]){ "", "maybe", "2", "-1", "01", "ye", "yess", "yes ",
                                                         "true", NULL };
       *value; value++)
    _expect_refused("resend", *value, "resend() takes yes or no");
}

Test(resend_options, resend_grace_takes_seconds)
{
  static const struct
  {
    const char *value;
    int64_t ms;
  } table[] = { { "0", 0 }, { "0.5", 500 }, { "0.001", 1 }, { "0.29", 290 }, { "2", 2000 }, { "86400", 86400000 } };

  for (size_t i = 0; i < COUNT(table); i++)
    {
      cr_expect_eq(_settings_with("resend-grace", table[i].value).grace_ms, table[i].ms);
      cr_expect_eq(_settings_with("resend_grace", table[i].value).grace_ms, table[i].ms);
    }
  for (const char *const *value = (const char *const[]){ "", "-1", "-0.1", "1e3", "inf", "nan", "1s", " 1",
                                                         "yes", "99999999999999", NULL };
       *value; value++)
    _expect_refused("resend-grace", *value, "resend-grace() takes seconds, 0 or more");
}

Test(resend_options, resend_buffer_size_takes_bytes)
{
  static const struct
  {
    const char *value;
    size_t bytes;
  } table[] = {
    { "65536", 65536 },        { "16777216", 16777216 },  { "64KiB", 65536 },        { "64kib", 65536 },
    { "64Ki", 65536 },         { "66k", 66000 },          { "66K", 66000 },          { "66kB", 66000 },
    { "16M", 16000000 },       { "16MB", 16000000 },      { "16MiB", 16777216 },     { "16mib", 16777216 },
    { "1G", 1000000000 },      { "1GiB", 1073741824 },    { "100000b", 100000 },     { "1024GiB", 1099511627776 },
  };

  for (size_t i = 0; i < COUNT(table); i++)
    {
      cr_expect_eq(_settings_with("resend-buffer-size", table[i].value).buffer_size, table[i].bytes,
                   "resend-buffer-size(%s) is %zu", table[i].value,
                   _settings_with("resend-buffer-size", table[i].value).buffer_size);
      cr_expect_eq(_settings_with("resend_buffer_size", table[i].value).buffer_size, table[i].bytes);
    }
}

Test(resend_options, resend_buffer_size_refuses_the_rest)
{
  static const char *const values[] = {
    "",      "0",       "1k",       "65535",     "63KiB",   "64k",     "-1",      "-65536",
    "x",     "KiB",     "64KiBx",   "64KiBB",    "64iB",    "1T",      "64 KiB",  " 65536",
    "1.5M",  "65536.0", "1e6",      "0x20000",   "1025GiB", "99999G",  "yes",     "9223372036854775807",
    "9223372036854775807GiB",       "18446744073709551616", "18446744073709551616GiB",
  };

  for (size_t i = 0; i < COUNT(values); i++)
    _expect_refused("resend-buffer-size", values[i], "resend-buffer-size() takes bytes from 64KiB to 1024GiB");
}

Test(resend_options, each_is_given_once)
{
  static const char *const table[][2] = {
    { "resend", "yes" },
    { "resend-grace", "1" },
    { "resend-buffer-size", "1M" },
  };

  for (size_t i = 0; i < COUNT(table); i++)
    {
      core_options *options = core_options_new();
      cr_assert_eq(core_options_set(options, table[i][0], table[i][1]), FAILOVER_OK);
      cr_expect_eq(core_options_set(options, table[i][0], table[i][1]), FAILOVER_ERROR_OPTION);
      cr_expect(strstr(core_options_error(options), "is given twice") != NULL, "the error is \"%s\"",
                core_options_error(options));
      core_options_free(options);
    }
}

Test(resend_options, all_three_together)
{
  core_options *options = core_options_new();

  cr_assert_eq(core_options_set(options, "resend", "off"), FAILOVER_OK);
  cr_assert_eq(core_options_set(options, "resend-buffer-size", "1MiB"), FAILOVER_OK);
  cr_assert_eq(core_options_set(options, "resend-grace", "0.25"), FAILOVER_OK);
  resend_settings settings = core_options_get_resend(options);
  cr_expect_not(settings.resend);
  cr_expect_eq(settings.grace_ms, 250);
  cr_expect_eq(settings.buffer_size, (size_t) 1048576);
  core_options_free(options);
}

/* What a host can read of them. */
Test(resend_options, getters)
{
  failover_options *options = NULL;

  cr_assert_eq(failover_options_new(&options), FAILOVER_OK);
  cr_expect(failover_options_get_resend(options));
  cr_expect_eq(failover_options_get_resend_buffer_size(options), (size_t) 16 * 1024 * 1024);
  cr_assert_eq(failover_options_set(options, "", 0, "resend", 6, "off", 3), FAILOVER_OK);
  cr_assert_eq(failover_options_set(options, "", 0, "resend-buffer-size", 18, "1MiB", 4), FAILOVER_OK);
  cr_expect_not(failover_options_get_resend(options));
  cr_expect_eq(failover_options_get_resend_buffer_size(options), (size_t) 1048576);
  failover_options_free(options);
}
