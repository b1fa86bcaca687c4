/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * turns.h - what many destinations have to do at once, one after the other: after
 * a few milliseconds of it the main loop serves everything else first.  Main
 * thread only.
 */
#ifndef FAILOVER_TURNS_H_INCLUDED
#define FAILOVER_TURNS_H_INCLUDED

#include <glib.h>

typedef struct _FailoverTurn
{
  GList link;
  gboolean waiting;
  void (*handler)(gpointer cookie); /* may free what the turn is in */
  gpointer cookie;
} FailoverTurn;

void turn_init(FailoverTurn *self, void (*handler)(gpointer cookie), gpointer cookie);

/* The handler is called once, soon, from the event loop. */
void turn_request(FailoverTurn *self);

/* It need not be requested. */
void turn_cancel(FailoverTurn *self);

#endif
