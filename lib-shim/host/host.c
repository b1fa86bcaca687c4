/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "host.h"

#include "log.h"

#include "plugin-types.h"

#include <dlfcn.h>
#include <errno.h>
#include <gmodule.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

HostApi host_api;

static const struct
{
  const gchar *name;
  gsize offset;
} api_symbols[] =
{
#define HOST_SYMBOL(name) { #name, offsetof(HostApi, name) }
  HOST_SYMBOL(afinet_dd_free),
  HOST_SYMBOL(afinet_dd_new_network),
  HOST_SYMBOL(afinet_dd_new_syslog),
  HOST_SYMBOL(afinet_dd_new_tcp),
  HOST_SYMBOL(afinet_dd_set_localip),
  HOST_SYMBOL(afinet_dd_set_localport),
  HOST_SYMBOL(afinet_dd_set_destport),
  HOST_SYMBOL(afinet_dd_set_tls_context),
  HOST_SYMBOL(afinet_dd_enable_failover),
  HOST_SYMBOL(afinet_dd_setup_tls_verifier),
  HOST_SYMBOL(afinet_determine_port),
  HOST_SYMBOL(afsocket_dd_set_keep_alive),
  HOST_SYMBOL(afsocket_dd_connected_with_fd),
  HOST_SYMBOL(afsocket_dd_stop_watches),
  HOST_SYMBOL(transport_mapper_open_socket),
#undef HOST_SYMBOL
};

/* tells a syslog() destination from the others before its transport is applied */
static gboolean (*syslog_apply_transport)(HostTransportMapper *self, GlobalConfig *cfg);

/* of a destination that sets none */
static HostSocketOptionsInet default_socket_options;

static const gchar *
_look_up_api(void)
{
  GModule *everything = g_module_open(NULL, 0);
  const gchar *missing = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS(api_symbols) && !missing; i++)
    {
      gpointer *field = (gpointer *) ((gchar *) &host_api + api_symbols[i].offset);
      if (!g_module_symbol(everything, api_symbols[i].name, field) || !*field)
        missing = api_symbols[i].name;
    }
  g_module_close(everything);
  return missing;
}

/* The version of the afsocket module that is running, not of our headers. */
static const gchar *
_running_version(void)
{
  Dl_info info;
  ModuleInfo *module_info;
  const gchar *version = "unknown";

  if (host_api.afinet_dd_free && dladdr((void *) host_api.afinet_dd_free, &info) != 0)
    {
      GModule *afsocket = g_module_open(info.dli_fname, G_MODULE_BIND_LAZY);
      if (afsocket)
        {
          if (g_module_symbol(afsocket, "module_info", (gpointer *) &module_info) && module_info->version)
            version = module_info->version;
          g_module_close(afsocket); /* syslog-ng has made it resident */
        }
    }
  return version;
}

/* ------------------------------------------------------------------------
 * The proof: afsocket's own setters change a real object, and the mirrored
 * fields must show it.  A wrong mirror reads wild pointers, so each pointer is
 * tested with the kernel's help before it is followed.
 */

gboolean
host_is_readable(gconstpointer memory, gsize length)
{
  gint fds[2];
  if (!memory || pipe(fds) < 0)
    return FALSE;
  gboolean readable = write(fds[1], memory, length) == (gssize) length; /* EFAULT if it is not */
  close(fds[0]);
  close(fds[1]);
  return readable;
}

static gboolean
_is_string(const gchar *string, const gchar *expected)
{
  gsize length = strlen(expected) + 1;
  return host_is_readable(string, length) && memcmp(string, expected, length) == 0;
}

#define PROVE(condition) do { if (!(condition)) return #condition; } while (0)

static const gchar *
_prove_transport_mapper(HostInetDest *dest)
{
  HostTransportMapperInet *mapper = (HostTransportMapperInet *) dest->super.transport_mapper;
  TLSContext *marker = (TLSContext *) &host_api;

  PROVE(host_is_readable(mapper, sizeof(*mapper)));
  PROVE(_is_string(mapper->super.transport, "tcp"));
  PROVE(mapper->super.address_family == AF_INET);
  PROVE(mapper->super.sock_type == -1);
  PROVE(host_is_readable((gconstpointer) mapper->super.apply_transport, 1));
  PROVE(host_is_readable((gconstpointer) mapper->super.async_init, 1));
  PROVE(mapper->super.stats_source == dest->super.writer_options.stats_source);
  PROVE(mapper->tls_context == NULL);
  host_api.afinet_dd_set_tls_context(&dest->super.super.super, marker);
  gboolean seen = mapper->tls_context == marker;
  host_api.afinet_dd_set_tls_context(&dest->super.super.super, NULL);
  PROVE(seen && mapper->tls_context == NULL);
  mapper->server_port = 4711;
  PROVE(host_api.afinet_determine_port(&mapper->super, NULL) == 4711);
  return NULL;
}

static const gchar *
_prove_inet_dest(HostInetDest *dest)
{
  LogDriver *driver = &dest->super.super.super;

  PROVE(dest->super.connect_fd.cookie == dest);
  PROVE(dest->super.reconnect_timer.cookie == dest);
  PROVE(dest->super.writer_options.time_reopen == -1);
  PROVE(dest->super.writer == NULL && dest->super.proto_factory == NULL);
  PROVE(dest->super.bind_addr == NULL && dest->super.dest_addr == NULL);
  PROVE(!dest->super.connection_initialized);
  PROVE(_is_string(dest->primary, "probe"));
  PROVE(dest->failover == NULL && dest->bind_port == NULL && dest->bind_ip == NULL && dest->dest_port == NULL);
  PROVE(host_is_readable(dest->super.socket_options, sizeof(*dest->super.socket_options)));
  PROVE(host_is_readable((gconstpointer) dest->super.socket_options->setup_socket, 1));
  PROVE(host_is_readable((gconstpointer) dest->super.socket_options->setup_peer_socket, 1));
  PROVE(dest->super.socket_options->so_keepalive);
  PROVE(((HostSocketOptionsInet *) dest->super.socket_options)->interface_name == NULL);
  PROVE(host_can_name_proto(&dest->super, host_is_readable));

  host_api.afsocket_dd_set_keep_alive(driver, FALSE);
  PROVE(!dest->super.connections_kept_alive_across_reloads);
  host_api.afsocket_dd_set_keep_alive(driver, TRUE);
  PROVE(dest->super.connections_kept_alive_across_reloads);
  host_api.afinet_dd_set_localip(driver, "192.0.2.1");
  PROVE(_is_string(dest->bind_ip, "192.0.2.1"));
  host_api.afinet_dd_set_localport(driver, "4712");
  PROVE(_is_string(dest->bind_port, "4712"));
  host_api.afinet_dd_set_destport(driver, "4713");
  PROVE(_is_string(dest->dest_port, "4713"));
  host_api.afinet_dd_enable_failover(driver);
  PROVE(dest->failover != NULL);
  return _prove_transport_mapper(dest);
}

/* tcp() starts with TLS if it has tls(); network() does not know yet. */
static const gchar *
_prove_tls(HostInetDest *network, HostInetDest *tcp)
{
  TLSContext *marker = (TLSContext *) &host_api;
  const HostTransportMapperInet *undecided = (HostTransportMapperInet *) network->super.transport_mapper;
  const HostTransportMapperInet *decided = (HostTransportMapperInet *) tcp->super.transport_mapper;

  PROVE(!host_starts_with_tls(decided));
  host_api.afinet_dd_set_tls_context(&network->super.super.super, marker);
  host_api.afinet_dd_set_tls_context(&tcp->super.super.super, marker);
  gboolean starts = host_starts_with_tls(decided) && !host_starts_with_tls(undecided);
  host_api.afinet_dd_set_tls_context(&network->super.super.super, NULL);
  host_api.afinet_dd_set_tls_context(&tcp->super.super.super, NULL);
  PROVE(starts);
  return NULL;
}

/* What does not fit, NULL if everything does. */
static const gchar *
_prove_layout(GlobalConfig *cfg)
{
  HostInetDest *network = host_api.afinet_dd_new_network("probe", cfg);
  HostInetDest *syslog = host_api.afinet_dd_new_syslog("probe", cfg);
  HostInetDest *tcp = host_api.afinet_dd_new_tcp("probe", cfg);

  const gchar *misfit = _prove_inet_dest(network);
  if (!misfit)
    misfit = _prove_inet_dest(syslog);
  if (!misfit)
    misfit = _prove_tls(network, tcp);
  if (!misfit)
    {
      default_socket_options = *(HostSocketOptionsInet *) network->super.socket_options;
      syslog_apply_transport = syslog->super.transport_mapper->apply_transport;
      if (syslog_apply_transport == network->super.transport_mapper->apply_transport)
        misfit = "apply_transport differs";
    }

  log_pipe_unref((LogPipe *) network);
  log_pipe_unref((LogPipe *) syslog);
  log_pipe_unref((LogPipe *) tcp);
  return misfit;
}

static void
_refuse(const gchar *why, const gchar *what)
{
  failover_log_error("failover: refusing to load, install the module that was built for this syslog-ng",
                     evt_tag_str("why", why),
                     evt_tag_str("what", what),
                     evt_tag_str("found_version", _running_version()),
                     evt_tag_str("built_for", FAILOVER_HOST_VERSION),
                     evt_tag_str("supported_versions", FAILOVER_SUPPORTED_VERSIONS));
}

CfgParser *
host_prepare(PluginContext *context)
{
  static gboolean proven;

  Plugin *network = plugin_find(context, LL_CONTEXT_DESTINATION, "network");
  if (!network && plugin_load_module(context, "afsocket", NULL))
    network = plugin_find(context, LL_CONTEXT_DESTINATION, "network");
  if (!network || !network->parser)
    {
      _refuse("its afsocket module cannot be loaded", "network()");
      return NULL;
    }

  if (!proven)
    {
      const gchar *what = _look_up_api();
      if (what)
        {
          _refuse("a function of its afsocket module is missing", what);
          return NULL;
        }
      if (strcmp(_running_version(), FAILOVER_HOST_VERSION) != 0)
        {
          _refuse("it is another version", "afsocket");
          return NULL;
        }
      what = _prove_layout(configuration);
      if (what)
        {
          _refuse("its private data is laid out differently", what);
          return NULL;
        }
      proven = TRUE;
    }
  return network->parser;
}

gboolean
host_is_inet_dest(LogDriver *driver)
{
  return driver->super.free_fn == host_api.afinet_dd_free;
}

void
host_set_up_peer_socket(HostInetDest *dest, gint fd, GSockAddr *peer)
{
  HostSocketOptions *options = dest->super.socket_options;

  options->setup_peer_socket(options, fd, peer);
}

gboolean
host_has_own_keepalive(HostInetDest *dest)
{
  HostSocketOptionsInet *options = (HostSocketOptionsInet *) dest->super.socket_options;

  return !options->super.so_keepalive
         || options->tcp_keepalive_time != default_socket_options.tcp_keepalive_time
         || options->tcp_keepalive_intvl != default_socket_options.tcp_keepalive_intvl
         || options->tcp_keepalive_probes != default_socket_options.tcp_keepalive_probes;
}

guint16
host_inet_dest_port(HostInetDest *dest)
{
  HostTransportMapper *mapper = dest->super.transport_mapper;
  gint server_port = ((HostTransportMapperInet *) mapper)->server_port;

  if (dest->dest_port || server_port != 0)
    return host_api.afinet_determine_port(mapper, dest->dest_port);
  if (mapper->apply_transport != syslog_apply_transport)
    return 514;
  if (strcasecmp(mapper->transport, "tls") == 0)
    return 6514;
  return strcasecmp(mapper->transport, "tcp") == 0 ? 601 : 514;
}
