/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * settings.h - what options come to (core/options.hpp), for unit tests in C: the C ABI
 * shows only what hosts need of them.
 */
#ifndef SETTINGS_H_INCLUDED
#define SETTINGS_H_INCLUDED

#include "failover.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct core_options core_options;

typedef struct resend_settings
{
  bool resend;
  int64_t grace_ms;
  size_t buffer_size;
} resend_settings;

core_options *core_options_new(void);
void core_options_free(core_options *options);

/* As those of failover.h, for options that are in no group. */
failover_status core_options_set(core_options *options, const char *name, const char *value);
const char *core_options_error(const core_options *options);

resend_settings core_options_get_resend(const core_options *options);

#ifdef __cplusplus
}
#endif

#endif
