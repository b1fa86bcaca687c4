/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * The decorated LogProto.  Runs where the LogWriter runs it: in a worker with
 * threaded(yes), in the main thread otherwise, never in both.
 *
 * The LogProto's own acknowledgements are swallowed (the framed one gives two a
 * message, a partly written one gives none for a while) and replaced by exactly
 * one for each message that it took.  So the LogWriter's queue never has a
 * message in its backlog that is in our buffer too, and nothing is sent again by
 * both.
 */
#include "resend-stream-private.h"

#include <string.h>

enum { SAMPLE_EVERY_MESSAGES = 128 }; /* three system calls, seldom five */

/* LogProtoClient * -> Decoration *; only for the first call after the LogWriter
 * has set its callbacks */
static GHashTable *decorations;
G_LOCK_DEFINE_STATIC(decorations);

/* the connection that gets its LogProto */
static FailoverStream *under_construction;
static gint fd_under_construction;
static SSL *ssl_under_construction;

/* ------------------------------------------------------------------------
 * From the LogProto to its decoration
 */

static void
_swallow_ack(gint count G_GNUC_UNUSED, gpointer user_data G_GNUC_UNUSED)
{
}

static void
_rewind(gpointer user_data)
{
  Decoration *self = user_data;

  if (self->writer.rewind_callback)
    self->writer.rewind_callback(self->writer.user_data);
}

static Decoration *
_of(LogProtoClient *proto)
{
  if (G_LIKELY(proto->flow_control_funcs.ack_callback == _swallow_ack))
    return proto->flow_control_funcs.user_data;

  G_LOCK(decorations);
  Decoration *self = g_hash_table_lookup(decorations, proto);
  G_UNLOCK(decorations);
  self->writer = proto->flow_control_funcs;
  proto->flow_control_funcs = (LogProtoClientFlowControlFuncs)
  {
    .ack_callback = _swallow_ack,
    .rewind_callback = _rewind,
    .user_data = self,
  };
  return self;
}

static void
_acknowledge(Decoration *self)
{
  if (self->writer.ack_callback)
    self->writer.ack_callback(1, self->writer.user_data);
}

/* ------------------------------------------------------------------------
 * What the kernel says
 */

gboolean
failover_stream_has_partial(Decoration *self)
{
  return host_proto_has_pending(self->proto, self->poll);
}

/* Of the messages that are kept; the one that a write failed with is not. */
gboolean
failover_stream_last_is_partial(Decoration *self)
{
  return failover_stream_has_partial(self) && !self->failed_with;
}

gboolean
failover_stream_is_between_messages(Decoration *self)
{
  return !self->mid_message && !failover_stream_has_partial(self);
}

void
failover_stream_sample_resend(failover_resend *resend, const TcpState *tcp, gboolean last_is_partial)
{
  failover_sample sample =
  {
    .written = tcp->written,
    .acked = tcp->acked,
    .window = tcp->window,
    .now_ms = failover_stream_now_ms(),
    .last_is_partial = last_is_partial,
  };
  failover_resend_sample(resend, &sample);
}

/* What a peer still acknowledges after it has closed its side confirms nothing. */
gboolean
failover_stream_sample(Decoration *self, TcpState *tcp)
{
  self->unsampled = 0;
  if (!tcp_state_read(self->fd, tcp))
    return FALSE;
  self->half_closed = !tcp->open && !tcp->reset;
  if (tcp->open)
    failover_stream_sample_resend(self->resend, tcp, failover_stream_last_is_partial(self));
  return TRUE;
}

/* With TLS the LogWriter does not look for the peer's end.  Once a sample has
 * seen it, the next end of a message is the end of this connection. */
static gboolean
_has_ended(Decoration *self)
{
  return G_UNLIKELY(self->half_closed) && failover_stream_is_between_messages(self);
}

static void
_count_posted(Decoration *self)
{
  TcpState tcp;

  if (++self->unsampled >= SAMPLE_EVERY_MESSAGES)
    failover_stream_sample(self, &tcp);
}

/* ------------------------------------------------------------------------
 * Posting
 */

failover_resend *
failover_stream_take_waiting(FailoverStream *self)
{
  failover_resend *waiting;

  do
    waiting = g_atomic_pointer_get(&self->waiting);
  while (waiting && !g_atomic_pointer_compare_and_exchange(&self->waiting, waiting, NULL));
  return waiting;
}

static void
_fetch_waiting(Decoration *self)
{
  if (G_LIKELY(!g_atomic_pointer_get(&self->stream->waiting)))
    return;
  failover_resend *waiting = failover_stream_take_waiting(self->stream);
  if (waiting && failover_resend_take_over(self->resend, waiting) != FAILOVER_OK)
    failover_log_error("failover: out of memory, messages that were to be sent again are lost");
  failover_resend_free(waiting);
}

/* Posts what older connections did not get through, as far as the socket takes it. */
static LogProtoStatus
_resend(Decoration *self)
{
  _fetch_waiting(self);
  while (failover_resend_next_is_due(self->resend, failover_stream_now_ms()))
    {
      gsize length = failover_resend_next_length(self->resend);
      gchar *text = g_malloc(length + 1);
      gboolean consumed = FALSE;

      failover_resend_copy_next(self->resend, text);
      text[length] = 0;
      LogProtoStatus status = self->post(self->proto, NULL, (guchar *) text, length, &consumed);
      if (!consumed)
        g_free(text);
      if (status == LPS_ERROR)
        return status;
      if (!consumed)
        return LPS_SUCCESS;
      failover_resend_next_posted(self->resend);
      _count_posted(self);
    }
  return LPS_SUCCESS;
}

/* LPS_PARTIAL would make the LogWriter rewind at the next connection what is
 * kept here. */
static LogProtoStatus
_hide_partial(LogProtoStatus status)
{
  return status == LPS_PARTIAL ? LPS_SUCCESS : status;
}

static LogProtoStatus
_post(LogProtoClient *s, LogMessage *message, guchar *text, gsize length, gboolean *consumed)
{
  Decoration *self = _of(s);

  *consumed = FALSE;
  if (!self->mid_message)
    {
      if (g_atomic_int_get(&self->quiesce))
        return LPS_SUCCESS;
      if (_has_ended(self))
        return LPS_ERROR;
      if (_resend(self) == LPS_ERROR)
        return LPS_ERROR;
    }

  if (!failover_resend_keep(self->resend, (const gchar *) text, length))
    {
      /* makes room, or not: the LogWriter comes again */
      TcpState tcp;
      return failover_stream_sample(self, &tcp) && !tcp.reset ? LPS_SUCCESS : LPS_ERROR;
    }

  LogProtoStatus status = self->post(s, message, text, length, consumed);
  if (status == LPS_ERROR || !*consumed)
    {
      /* the LogWriter keeps it in its queue */
      failover_resend_forget_last(self->resend);
      self->mid_message = status != LPS_ERROR;
      self->failed_with = status == LPS_ERROR && *consumed;
      return _hide_partial(status);
    }
  self->mid_message = FALSE;
  _acknowledge(self);
  _count_posted(self);
  return _hide_partial(status);
}

static LogProtoStatus
_flush(LogProtoClient *s)
{
  Decoration *self = _of(s);
  LogProtoStatus status = self->flush(s);

  if (status == LPS_ERROR)
    return status;
  if (g_atomic_int_get(&self->quiesce))
    {
      if (failover_stream_is_between_messages(self))
        iv_event_post(&self->stream->quiet);
      return LPS_SUCCESS;
    }
  if (_has_ended(self))
    return LPS_ERROR;
  return self->mid_message ? LPS_SUCCESS : _resend(self);
}

LogProtoStatus
failover_stream_flush(Decoration *self)
{
  return _flush(self->proto);
}

/* A read takes the socket's error, and the LogProto only logs it. */
static LogProtoStatus
_process_in(LogProtoClient *s)
{
  Decoration *self = _of(s);

  self->error = tcp_take_error(self->fd);
  return self->error ? LPS_ERROR : self->process_in(s);
}

static gboolean
_poll(LogProtoClient *s, HOST_POLL_PARAMETERS)
{
  Decoration *self = _of(s);
  gboolean pending = self->poll(s, HOST_POLL_ARGUMENTS);

  if (self->stream->tls)
    host_poll_ignore_input(HOST_POLL_ARGUMENTS);
  return pending || failover_resend_next_is_due(self->resend, failover_stream_now_ms())
         || g_atomic_pointer_get(&self->stream->waiting) != NULL;
}

/* ------------------------------------------------------------------------
 * Life
 */

static void
_free(LogProtoClient *s)
{
  Decoration *self = _of(s);

  G_LOCK(decorations);
  g_hash_table_remove(decorations, s);
  G_UNLOCK(decorations);

  failover_stream_connection_freed(self->stream, self);
  failover_stream_unref(self->stream);
  self->free_fn(s);
  SSL_free(self->ssl);
  g_free(self);
}

static void
_decorate(LogProtoClient *proto, FailoverStream *stream)
{
  Decoration *self = g_new0(Decoration, 1);

  if (failover_resend_new(&stream->settings, &self->resend) != FAILOVER_OK)
    g_error("failover: out of memory"); /* as GLib does */
  self->stream = failover_stream_ref(stream);
  _fetch_waiting(self);
  self->proto = proto;
  self->fd = fd_under_construction;
  self->ssl = ssl_under_construction;
  if (self->ssl)
    SSL_up_ref(self->ssl);
  self->drain_fd = -1;

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

  G_LOCK(decorations);
  if (!decorations)
    decorations = g_hash_table_new(NULL, NULL);
  g_hash_table_insert(decorations, proto, self);
  G_UNLOCK(decorations);
  stream->active = self;

  /* the socket has to be full before the buffer is: the LogWriter waits for the
   * one, and would ask the other again and again */
  tcp_limit_send_buffer(self->fd, stream->settings.buffer_size / 2);
  /* the window before anything was sent is what later ones are measured by */
  TcpState tcp;
  failover_stream_sample(self, &tcp);
  failover_stream_watch(stream);
}

/* construct() has no user data, and at a reload its address tells most versions (see
 * host_name_proto()) whether the protocol is still the same and the LogWriter can be
 * kept: one function for each original.  With TLS another one: a LogWriter made for plain TCP takes any input
 * for the end of the connection. */
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
    _decorate(proto, under_construction);
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
failover_stream_wrap_factory(LogProtoClientFactory *original, gboolean tls)
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
failover_stream_begin_connection(FailoverStream *self, gint fd, const TLSSession *session)
{
  under_construction = self;
  fd_under_construction = fd;
  ssl_under_construction = session ? session->ssl : NULL;
}

void
failover_stream_end_connection(void)
{
  under_construction = NULL;
}
