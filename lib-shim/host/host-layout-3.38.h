/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * host-layout-3.38.h - mirrored layouts of syslog-ng 3.38.1, whose afsocket
 * module installs no header.  Source: modules/afsocket/afsocket-dest.h,
 * afinet-dest.h, transport-mapper.h, transport-mapper-inet.h, socket-options.h.
 * host_layout_prove() checks them on a real object before anything relies on
 * them.
 */
#ifndef FAILOVER_HOST_LAYOUT_3_38_H_INCLUDED
#define FAILOVER_HOST_LAYOUT_3_38_H_INCLUDED

typedef enum
{
  HOST_DIR_RECV = 0x01,
  HOST_DIR_SEND = 0x02,
} HostSocketDirection;

typedef struct _HostSocketOptions HostSocketOptions;
struct _HostSocketOptions
{
  gint so_sndbuf;
  gint so_rcvbuf;
  gint so_broadcast;
  gint so_keepalive;
  gboolean so_reuseport;
  gboolean (*setup_socket)(HostSocketOptions *self, gint fd, GSockAddr *addr, HostSocketDirection dir);
  gboolean (*setup_peer_socket)(HostSocketOptions *self, gint fd, GSockAddr *addr);
  void (*free_fn)(gpointer self);
};

typedef struct _HostSocketOptionsInet
{
  HostSocketOptions super;
  gint ip_ttl;
  gint ip_tos;
  gboolean ip_freebind;
  gint tcp_keepalive_time;
  gint tcp_keepalive_intvl;
  gint tcp_keepalive_probes;
  gchar *interface_name;
} HostSocketOptionsInet;

typedef gboolean (*HostAsyncInitFunc)(gpointer arg);

typedef struct _HostTransportMapper HostTransportMapper;
struct _HostTransportMapper
{
  gchar *transport;
  gint address_family;
  gint sock_type;
  gint sock_proto;
  gboolean create_multitransport;
  const gchar *logproto;
  gint stats_source;
  gboolean (*apply_transport)(HostTransportMapper *self, GlobalConfig *cfg);
  LogTransport *(*construct_log_transport)(HostTransportMapper *self, gint fd);
  gboolean (*init)(HostTransportMapper *self);
  gboolean (*async_init)(HostTransportMapper *self, HostAsyncInitFunc func, gpointer arg);
  void (*free_fn)(HostTransportMapper *self);
};

typedef struct _HostTransportMapperInet
{
  HostTransportMapper super;
  gint server_port;
  const gchar *server_port_change_warning;
  guint32 flags;
  gboolean require_tls;
  gboolean allow_tls;
  gboolean require_tls_when_has_tls_context;
  TLSContext *tls_context;
  TLSVerifier *tls_verifier;
  gpointer secret_store_cb_data;
} HostTransportMapperInet;

typedef struct _HostSocketDest HostSocketDest;
struct _HostSocketDest
{
  LogDestDriver super;
  gboolean connections_kept_alive_across_reloads:1;
  gboolean close_on_input;
#if FAILOVER_TEST_WRONG_LAYOUT
  gpointer not_there; /* for the test that a wrong layout is noticed */
#endif
  gint fd;
  LogWriter *writer;
  LogWriterOptions writer_options;
  LogProtoClientFactory *proto_factory;
  GSockAddr *bind_addr;
  GSockAddr *dest_addr;
  gint time_reopen;
  gboolean connection_initialized;
  struct iv_fd connect_fd;
  struct iv_timer reconnect_timer;
  HostSocketOptions *socket_options;
  HostTransportMapper *transport_mapper;
  LogWriter *(*construct_writer)(HostSocketDest *self);
  gboolean (*setup_addresses)(HostSocketDest *self);
  const gchar *(*get_dest_name)(const HostSocketDest *self);
};

typedef struct _HostInetDest
{
  HostSocketDest super;
  gboolean spoof_source;
  gpointer lnet_ctx;
  GMutex lnet_lock;
  GString *lnet_buffer;
  guint spoof_source_max_msglen;
  gchar *primary;
  gpointer failover; /* syslog-ng's own */
  gchar *bind_port;
  gchar *bind_ip;
  gchar *dest_port;
} HostInetDest;

#if defined(__x86_64__) && !FAILOVER_TEST_WRONG_LAYOUT
G_STATIC_ASSERT(offsetof(HostSocketDest, fd) == 248);
G_STATIC_ASSERT(offsetof(HostSocketDest, writer) == 256);
G_STATIC_ASSERT(offsetof(HostSocketDest, proto_factory) == 536);
G_STATIC_ASSERT(offsetof(HostSocketDest, bind_addr) == 544);
G_STATIC_ASSERT(offsetof(HostSocketDest, connection_initialized) == 564);
G_STATIC_ASSERT(offsetof(HostSocketDest, reconnect_timer) == 696);
G_STATIC_ASSERT(offsetof(HostSocketDest, socket_options) == 760);
G_STATIC_ASSERT(offsetof(HostSocketDest, transport_mapper) == 768);
G_STATIC_ASSERT(offsetof(HostSocketDest, setup_addresses) == 784);
G_STATIC_ASSERT(offsetof(HostInetDest, primary) == 840);
G_STATIC_ASSERT(offsetof(HostTransportMapper, apply_transport) == 40);
G_STATIC_ASSERT(offsetof(HostTransportMapper, async_init) == 64);
G_STATIC_ASSERT(offsetof(HostTransportMapperInet, tls_context) == 112);
#endif

#endif
