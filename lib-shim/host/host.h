/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * host.h - what the module uses of syslog-ng's afsocket module: functions looked
 * up by name and mirrored layouts, both proven before use.  Main thread.
 */
#ifndef FAILOVER_HOST_H_INCLUDED
#define FAILOVER_HOST_H_INCLUDED

#include "host-version.h"

#include "cfg-parser.h"
#include "plugin.h"

/* Functions of libafsocket.so.  Not linked against: a module of syslog-ng must
 * load without the others. */
typedef struct _HostApi
{
  void (*afinet_dd_free)(LogPipe *self);
  HostInetDest *(*afinet_dd_new_network)(gchar *host, GlobalConfig *cfg);
  HostInetDest *(*afinet_dd_new_syslog)(gchar *host, GlobalConfig *cfg);
  HostInetDest *(*afinet_dd_new_tcp)(gchar *host, GlobalConfig *cfg);
  void (*afinet_dd_set_localip)(LogDriver *self, gchar *ip);
  void (*afinet_dd_set_localport)(LogDriver *self, gchar *service);
  void (*afinet_dd_set_destport)(LogDriver *self, gchar *service);
  void (*afinet_dd_set_tls_context)(LogDriver *self, TLSContext *tls_context);
  void (*afinet_dd_enable_failover)(LogDriver *self);
  void (*afinet_dd_setup_tls_verifier)(HostInetDest *self);
  gint (*afinet_determine_port)(const HostTransportMapper *mapper, const gchar *service);
  void (*afsocket_dd_set_keep_alive)(LogDriver *self, gint enable);
  void (*afsocket_dd_connected_with_fd)(gpointer self, gint fd, GSockAddr *addr);
  void (*afsocket_dd_stop_watches)(HostSocketDest *self);
  gboolean (*transport_mapper_open_socket)(HostTransportMapper *mapper, HostSocketOptions *options,
                                           GSockAddr *bind_addr, GSockAddr *peer_addr,
                                           HostSocketDirection dir, int *fd);
} HostApi;

extern HostApi host_api;

/* Loads afsocket if need be, looks up host_api, proves the layouts.  Returns
 * afsocket's parser; NULL after an error message.  Cheap when called again. */
CfgParser *host_prepare(PluginContext *context);

/* An inet destination of afsocket: network(), syslog(), tcp(), udp(), ... */
gboolean host_is_inet_dest(LogDriver *driver);

/* The socket options that only make sense once it is connected. */
void host_set_up_peer_socket(HostInetDest *dest, gint fd, GSockAddr *peer);

/* The user has set so-keepalive(no) or one of tcp-keepalive-*(). */
gboolean host_has_own_keepalive(HostInetDest *dest);

/* Whether memory can be read, with the kernel's help. */
gboolean host_is_readable(gconstpointer memory, gsize length);

/* The port that the destination would use, before (`transport` decides) or
 * after its transport was applied. */
guint16 host_inet_dest_port(HostInetDest *dest);

#endif
