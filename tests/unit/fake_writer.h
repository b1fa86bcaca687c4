/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fake_writer.h - the LogWriter of a FakeHost: it has one connection at most, and keeps
 * messages on it if it is told to (`keeps_messages`).  A message is written at once, but
 * for `blocked` sockets, and its peer acknowledges nothing by itself.
 */
#ifndef FAKE_WRITER_H_INCLUDED
#define FAKE_WRITER_H_INCLUDED

#include "fake_host.h"

void fake_writer_init(FakeHost *self);

/* Posts a message on the connection in use.  False: it has to come again. */
bool fake_writer_post(FakeHost *self, const char *message);
/* The socket takes what is left, and what waits to be posted once more. */
void fake_writer_flush(FakeHost *self);
/* The peer of the connection acknowledges everything. */
void fake_writer_acknowledge(FakeConnection *connection);

/* It is freed, and its connection with it: after a stop. */
void fake_writer_free(FakeHost *self);

#endif
