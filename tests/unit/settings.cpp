// SPDX-License-Identifier: GPL-2.0-or-later
//
// See settings.h.
#include "settings.h"

#include "options.hpp"

#include <cassert>

struct core_options
{
  failover::Options options;
};

core_options *
core_options_new()
{
  return new core_options();
}

void
core_options_free(core_options *options)
{
  delete options;
}

failover_status
core_options_set(core_options *options, const char *name, const char *value)
{
  assert(options && name && value);
  return options->options.set("", name, value) ? FAILOVER_OK : FAILOVER_ERROR_OPTION;
}

const char *
core_options_error(const core_options *options)
{
  assert(options);
  return options->options.error().c_str();
}

resend_settings
core_options_get_resend(const core_options *options)
{
  assert(options);
  const failover::Settings &settings = options->options.settings();
  return { .resend = settings.resend,
           .grace_ms = settings.resend_grace_ms,
           .buffer_size = settings.resend_buffer_size };
}
