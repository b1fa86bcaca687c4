/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * scenes.h - what tests of a destination begin with: a primary "p" and a server "a", with
 * failback(), and the LogWriter keeps messages.
 */
#ifndef SCENES_H_INCLUDED
#define SCENES_H_INCLUDED

#include "fake_writer.h"

enum
{
  PROBE_INTERVAL_MS = 20000,
};

extern const FakeConfig scene_config;

/* The one that was asked for last is in use now. */
FakeConnection *scene_accept(FakeHost *host);
/* The primary refuses, server a is in use. */
FakeConnection *scene_begin_with_a(FakeHost *host);
/* The same, and the connection to a is in the middle of a message. */
FakeConnection *scene_begin_with_half_a_message(FakeHost *host);
/* The primary is back. */
FakeConnection *scene_go_back(FakeHost *host);
void scene_end(FakeHost *host);

#endif
