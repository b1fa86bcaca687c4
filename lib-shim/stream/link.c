/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * The LogProto's own acknowledgements are swallowed (the framed one gives two a
 * message, a partly written one gives none for a while) and replaced by exactly one for
 * each message that it took.  So the LogWriter's queue never has a message in its
 * backlog that is kept in the core too, and nothing is sent again by both.
 */
#include "link.h"

#include "tcp-state.h"
#include "tls-handshake.h"

#include <fcntl.h>
#include <unistd.h>

typedef struct _FailoverLink
{
  FailoverSender *sender;
  LogProtoClient *proto;
  failover_connection *connection;
  gint fd;
  SSL *ssl; /* NULL without TLS */

  /* what it replaces */
  HostPollFunc poll;
  LogProtoStatus (*post)(LogProtoClient *self, LogMessage *message, guchar *text, gsize length,
                         gboolean *consumed);
  LogProtoStatus (*flush)(LogProtoClient *self);
  LogProtoStatus (*process_in)(LogProtoClient *self);
  void (*free_fn)(LogProtoClient *self);
  LogProtoClientFlowControlFuncs writer; /* the LogWriter's own callbacks */

  /* the message that the LogWriter is posting; NULL while there is none, or the LogProto
   * has the text */
  LogMessage *message;
  guchar *text;
} FailoverLink;

/* LogProtoClient * -> FailoverLink *; only for the first call after the LogWriter has
 * set its callbacks */
static GHashTable *links;
G_LOCK_DEFINE_STATIC(links);

/* the connection that gets its LogProto */
static FailoverSender *under_construction;
static gint fd_under_construction;
static SSL *ssl_under_construction;

/* ------------------------------------------------------------------------
 * From the LogProto to its link
 */

static void
_swallow_ack(gint count G_GNUC_UNUSED, gpointer user_data G_GNUC_UNUSED)
{
}

static void
_rewind(gpointer user_data)
{
  FailoverLink *self = user_data;

  if (self->writer.rewind_callback)
    self->writer.rewind_callback(self->writer.user_data);
}

static FailoverLink *
_of(LogProtoClient *proto)
{
  if (G_LIKELY(proto->flow_control_funcs.ack_callback == _swallow_ack))
    return proto->flow_control_funcs.user_data;

  G_LOCK(links);
  FailoverLink *self = g_hash_table_lookup(links, proto);
  G_UNLOCK(links);
  self->writer = proto->flow_control_funcs;
  proto->flow_control_funcs = (LogProtoClientFlowControlFuncs)
  {
    .ack_callback = _swallow_ack,
    .rewind_callback = _rewind,
    .user_data = self,
  };
  return self;
}

/* ------------------------------------------------------------------------
 * The host of the connection: what the core has done with the LogProto
 */

static guchar *
_copy(const char *text, size_t length)
{
  guchar *copy = g_malloc(length + 1);

  memcpy(copy, text, length);
  copy[length] = 0;
  return copy;
}

/* The LogProto owns a text that it has taken. */
static bool
_write(void *user_data, const char *text, size_t length, bool *consumed)
{
  FailoverLink *self = user_data;
  gboolean is_new = text == (const char *) self->text, taken = FALSE;
  guchar *bytes = is_new ? self->text : _copy(text, length);

  LogProtoStatus status = self->post(self->proto, is_new ? self->message : NULL, bytes, length, &taken);
  if (!is_new && !taken)
    g_free(bytes);
  if (is_new && taken)
    self->text = NULL;
  *consumed = taken;
  return status != LPS_ERROR;
}

static bool
_flush_proto(void *user_data)
{
  FailoverLink *self = user_data;
  return self->flush(self->proto) != LPS_ERROR;
}

static bool
_has_partial(void *user_data)
{
  FailoverLink *self = user_data;
  return host_proto_has_pending(self->proto, self->poll);
}

static void
_acknowledge(void *user_data)
{
  FailoverLink *self = user_data;

  if (self->writer.ack_callback)
    self->writer.ack_callback(1, self->writer.user_data);
}

static void
_wake_main(void *user_data)
{
  FailoverLink *self = user_data;
  failover_sender_post_quiet(self->sender);
}

static bool
_read_tcp(void *user_data, failover_tcp *tcp)
{
  FailoverLink *self = user_data;
  return tcp_state_read(self->fd, tcp);
}

static void
_give_up(void *user_data)
{
  FailoverLink *self = user_data;
  tcp_give_up(self->fd);
}

static void
_close(void *user_data, failover_close how)
{
  FailoverLink *self = user_data;

  switch (how)
    {
    case FAILOVER_CLOSE_CONFIRMED:
      /* unread input would make the kernel reset the connection */
      tcp_discard_input(self->fd);
      if (self->ssl)
        failover_tls_end(self->ssl);
      break;
    case FAILOVER_CLOSE_STUCK:
      tcp_give_up(self->fd);
      break;
    case FAILOVER_CLOSE_ENDED:
      break;
    }
  SSL_free(self->ssl);
  close(self->fd);
  failover_sender_unref(self->sender);
  g_free(self);
}

/* ------------------------------------------------------------------------
 * The LogProto as the LogWriter sees it
 */

/* LPS_PARTIAL would make the LogWriter rewind at the next connection what is kept in
 * the core. */
static LogProtoStatus
_to_status(bool success)
{
  return success ? LPS_SUCCESS : LPS_ERROR;
}

static LogProtoStatus
_post(LogProtoClient *s, LogMessage *message, guchar *text, gsize length, gboolean *consumed)
{
  FailoverLink *self = _of(s);
  bool taken = false;

  self->message = message;
  self->text = text;
  bool success = failover_connection_post(self->connection, (const char *) text, length, &taken);
  if (taken && self->text) /* seldom: the core goes on with its copy, and the LogWriter takes another buffer */
    g_free(self->text);
  self->message = NULL;
  self->text = NULL;
  *consumed = taken;
  return _to_status(success);
}

static LogProtoStatus
_flush(LogProtoClient *s)
{
  return _to_status(failover_connection_flush(_of(s)->connection));
}

/* A read takes the socket's error, and the LogProto only logs it. */
static LogProtoStatus
_process_in(LogProtoClient *s)
{
  FailoverLink *self = _of(s);
  gint error = tcp_take_error(self->fd);

  failover_sender_set_error(self->sender, error);
  return error ? LPS_ERROR : self->process_in(s);
}

static gboolean
_poll(LogProtoClient *s, HOST_POLL_PARAMETERS)
{
  FailoverLink *self = _of(s);
  gboolean pending = self->poll(s, HOST_POLL_ARGUMENTS);

  if (failover_sender_uses_tls(self->sender))
    host_poll_ignore_input(HOST_POLL_ARGUMENTS);
  return pending || failover_connection_wants_to_write(self->connection);
}

/* ------------------------------------------------------------------------
 * Life
 */

/* Its LogProto is freed, and shuts its socket down: the server would see an end and
 * close the connection before everything is confirmed. */
static void
_outlive_proto(FailoverLink *self)
{
  gint fd = self->fd;

  self->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (self->ssl)
    failover_tls_put_off_end(self->ssl, self->fd);
  tcp_replace(fd);
}

static void
_free(LogProtoClient *s)
{
  FailoverLink *self = _of(s);
  void (*free_fn)(LogProtoClient *proto) = self->free_fn;

  G_LOCK(links);
  g_hash_table_remove(links, s);
  G_UNLOCK(links);

  if (failover_sender_get_fd(self->sender) == self->fd)
    failover_sender_set_fd(self->sender, -1);
  if (failover_destination_release(failover_sender_get_core(self->sender), self->connection))
    {
      _outlive_proto(self);
      free_fn(s);
      return;
    }
  free_fn(s);
  SSL_free(self->ssl);
  failover_sender_unref(self->sender);
  g_free(self);
}

static void
_replace_functions(FailoverLink *self, LogProtoClient *proto)
{
  HostPollFunc *poll = host_proto_poll_func(proto);

  self->poll = *poll;
  *poll = _poll;
  self->post = proto->post;
  proto->post = _post;
  self->flush = proto->flush;
  proto->flush = _flush;
  self->process_in = proto->process_in;
  if (proto->process_in)
    proto->process_in = _process_in;
  self->free_fn = proto->free_fn;
  proto->free_fn = _free;
}

static void
_link(LogProtoClient *proto, FailoverSender *sender)
{
  FailoverLink *self = g_new0(FailoverLink, 1);
  failover_connection_host host =
  {
    .user_data = self,
    .write = _write,
    .flush = _flush_proto,
    .has_partial = _has_partial,
    .acknowledge = _acknowledge,
    .wake_main = _wake_main,
    .read_tcp = _read_tcp,
    .give_up = _give_up,
    .close = _close,
  };

  self->sender = failover_sender_ref(sender);
  self->proto = proto;
  self->fd = fd_under_construction;
  self->ssl = ssl_under_construction;
  if (self->ssl)
    SSL_up_ref(self->ssl);
  _replace_functions(self, proto);
  G_LOCK(links);
  if (!links)
    links = g_hash_table_new(NULL, NULL);
  g_hash_table_insert(links, proto, self);
  G_UNLOCK(links);

  /* the socket has to be full before the buffer is: the LogWriter waits for the
   * one, and would ask the other again and again */
  tcp_limit_send_buffer(self->fd, failover_sender_get_buffer_size(sender) / 2);
  failover_sender_set_fd(sender, self->fd);
  if (failover_destination_open(failover_sender_get_core(sender), &host, &self->connection) != FAILOVER_OK)
    g_error("failover: out of memory"); /* as GLib does */
}

/* construct() has no user data, and at a reload its address tells most versions (see
 * host_name_proto()) whether the protocol is still the same and the LogWriter can be
 * kept: one function for each original.  With TLS another one: a LogWriter made for
 * plain TCP takes any input for the end of the connection. */
typedef struct _WrappedFactory
{
  LogProtoClientFactory factory;
  LogProtoClientFactory *original;
  gboolean tls;
} WrappedFactory;

enum { MOST_FACTORIES = 4 };
static WrappedFactory wrapped[MOST_FACTORIES];

static LogProtoClient *
_construct(gint index, LogTransport *transport, const HostProtoOptions *options)
{
  LogProtoClient *proto = wrapped[index].original->construct(transport, options);

  if (proto && under_construction)
    _link(proto, under_construction);
  return proto;
}

#define CONSTRUCT(index) \
  static LogProtoClient * \
  _construct_ ## index(LogTransport *transport, const HostProtoOptions *options) \
  { \
    return _construct(index, transport, options); \
  }
CONSTRUCT(0)
CONSTRUCT(1)
CONSTRUCT(2)
CONSTRUCT(3)

LogProtoClientFactory *
failover_link_wrap_factory(LogProtoClientFactory *original, gboolean tls)
{
  static LogProtoClient *(*const construct[MOST_FACTORIES])(LogTransport *, const HostProtoOptions *) =
  {
    _construct_0, _construct_1, _construct_2, _construct_3,
  };

  for (gint i = 0; i < MOST_FACTORIES; i++)
    {
      if (original == &wrapped[i].factory || (original == wrapped[i].original && tls == wrapped[i].tls))
        return &wrapped[i].factory;
      if (!wrapped[i].original)
        {
          wrapped[i].original = original;
          wrapped[i].tls = tls;
          wrapped[i].factory = *original;
          wrapped[i].factory.construct = construct[i];
          return &wrapped[i].factory;
        }
    }
  g_assert_not_reached(); /* two protocols are wrapped, text and framed, each with and without TLS */
}

void
failover_link_begin_connection(FailoverSender *sender, gint fd, const TLSSession *session)
{
  under_construction = sender;
  fd_under_construction = fd;
  ssl_under_construction = session ? session->ssl : NULL;
}

void
failover_link_end_connection(void)
{
  under_construction = NULL;
}
