/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "host-version.h"

#include "transport/transport-socket.h"
#include "transport/transport-tls.h"

/* ------------------------------------------------------------------------
 * The transport of a connection whose TLS is established already
 */

#if FAILOVER_HOST_SERIES < 412
#define SET_UP_TRANSPORT construct_log_transport
typedef LogTransport *(*SetUpTransport)(HostTransportMapper *mapper, gint fd);
#else
#define SET_UP_TRANSPORT setup_stack
typedef gboolean (*SetUpTransport)(HostTransportMapper *mapper, LogTransportStack *stack);
#endif

typedef struct _TransportHook
{
  SetUpTransport original;
  HostTakeTlsSession take_session;
  gpointer user_data;
} TransportHook;

static GHashTable *transport_hooks; /* HostTransportMapper * -> TransportHook *: a mapper has no room for it */

#if FAILOVER_HOST_SERIES < 412

static LogTransport *
_set_up_transport(HostTransportMapper *mapper, gint fd)
{
  TransportHook *hook = g_hash_table_lookup(transport_hooks, mapper);
  TLSSession *session = hook->take_session(hook->user_data);

  return session ? log_transport_tls_new(session, fd) : hook->original(mapper, fd);
}

#else

static gboolean
_set_up_transport(HostTransportMapper *mapper, LogTransportStack *stack)
{
  TransportHook *hook = g_hash_table_lookup(transport_hooks, mapper);
  TLSSession *session = hook->take_session(hook->user_data);

  if (!session)
    return hook->original(mapper, stack);
  log_transport_stack_add_transport(stack, LOG_TRANSPORT_SOCKET, log_transport_stream_socket_new(stack->fd));
  log_transport_stack_add_transport(stack, LOG_TRANSPORT_TLS, log_transport_tls_new(session, LOG_TRANSPORT_SOCKET));
  return log_transport_stack_switch(stack, LOG_TRANSPORT_TLS);
}

#endif

void
host_hook_transport(HostTransportMapper *mapper, HostTakeTlsSession take_session, gpointer user_data)
{
  TransportHook *hook = g_new0(TransportHook, 1);

  hook->original = mapper->SET_UP_TRANSPORT;
  hook->take_session = take_session;
  hook->user_data = user_data;
  mapper->SET_UP_TRANSPORT = _set_up_transport;
  if (!transport_hooks)
    transport_hooks = g_hash_table_new_full(NULL, NULL, NULL, g_free);
  g_hash_table_insert(transport_hooks, mapper, hook);
}

void
host_unhook_transport(HostTransportMapper *mapper)
{
  g_hash_table_remove(transport_hooks, mapper);
}
