/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "resolver.h"

#include <iv.h>
#include <iv_event.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

/* What the thread works on.  Shared by the look-up and its thread: whoever
 * lets go last frees it.  The lock guards `abandoned` against the thread's
 * iv_event_post(), which must not meet an unregistered event. */
typedef struct _Question
{
  gatomicrefcount references;
  GMutex lock;
  gboolean abandoned;
  gchar *host;
  gchar port[8];
  gint family;
  gint error;
  struct addrinfo *addresses;
  struct iv_event answered;
} Question;

struct _FailoverLookup
{
  Question *question;
  FailoverLookupDone done;
  gpointer user_data;
  struct iv_task numeric_done;
  GPtrArray *addresses; /* GSockAddr */
  GPtrArray *texts;
};

static void
_question_unref(Question *self)
{
  if (!g_atomic_ref_count_dec(&self->references))
    return;
  if (self->addresses)
    freeaddrinfo(self->addresses);
  g_mutex_clear(&self->lock);
  g_free(self->host);
  g_free(self);
}

static gint
_ask(Question *self, gint family, gint flags)
{
  struct addrinfo hints =
  {
    .ai_family = family,
    .ai_socktype = SOCK_STREAM,
    .ai_flags = flags | AI_NUMERICSERV,
  };
  return getaddrinfo(self->host, self->port, &hints, &self->addresses);
}

static gpointer
_resolve_in_thread(gpointer s)
{
  Question *self = s;

  /* as syslog-ng asks: without AI_ADDRCONFIG only if that is what hid the name */
  self->error = _ask(self, self->family, AI_V4MAPPED | AI_ADDRCONFIG);
  if (self->error == EAI_NONAME || self->error == EAI_ADDRFAMILY || self->error == EAI_NODATA)
    self->error = _ask(self, self->family, AI_V4MAPPED);

  g_mutex_lock(&self->lock);
  if (!self->abandoned)
    iv_event_post(&self->answered);
  g_mutex_unlock(&self->lock);
  _question_unref(self);
  return NULL;
}

static gchar *
_format_address(const struct addrinfo *address)
{
  gchar host[NI_MAXHOST], port[NI_MAXSERV];

  if (getnameinfo(address->ai_addr, address->ai_addrlen, host, sizeof(host), port, sizeof(port),
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return g_strdup("?");
  return g_strdup_printf(strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

static void
_finish(gpointer s)
{
  FailoverLookup *self = s;

  for (struct addrinfo *a = self->question->addresses; a; a = a->ai_next)
    {
      if (a->ai_family != AF_INET && a->ai_family != AF_INET6)
        continue;
      g_ptr_array_add(self->addresses, g_sockaddr_new(a->ai_addr, a->ai_addrlen));
      g_ptr_array_add(self->texts, _format_address(a));
    }
  self->done(self, self->user_data);
}

static gboolean
_start_thread(Question *question)
{
  g_atomic_ref_count_inc(&question->references);
  GThread *thread = g_thread_try_new("failover-lookup", _resolve_in_thread, question, NULL);
  if (!thread)
    {
      question->error = EAI_MEMORY;
      _question_unref(question);
      return FALSE;
    }
  g_thread_unref(thread);
  return TRUE;
}

FailoverLookup *
failover_lookup_start(const gchar *host, guint16 port, gint family, FailoverLookupDone done, gpointer user_data)
{
  FailoverLookup *self = g_new0(FailoverLookup, 1);
  Question *question = g_new0(Question, 1);

  self->question = question;
  self->done = done;
  self->user_data = user_data;
  self->addresses = g_ptr_array_new_with_free_func((GDestroyNotify) g_sockaddr_unref);
  self->texts = g_ptr_array_new_with_free_func(g_free);
  IV_TASK_INIT(&self->numeric_done);
  self->numeric_done.cookie = self;
  self->numeric_done.handler = _finish;

  g_atomic_ref_count_init(&question->references);
  g_mutex_init(&question->lock);
  question->host = g_strdup(host);
  g_snprintf(question->port, sizeof(question->port), "%d", port);
  question->family = family;
  IV_EVENT_INIT(&question->answered);
  question->answered.cookie = self;
  question->answered.handler = _finish;
  iv_event_register(&question->answered);

  question->error = _ask(question, AF_UNSPEC, AI_NUMERICHOST);
  if (question->error == 0 || !_start_thread(question))
    iv_task_register(&self->numeric_done);
  return self;
}

void
failover_lookup_free(FailoverLookup *self)
{
  g_mutex_lock(&self->question->lock);
  self->question->abandoned = TRUE;
  iv_event_unregister(&self->question->answered);
  g_mutex_unlock(&self->question->lock);
  _question_unref(self->question);

  if (iv_task_registered(&self->numeric_done))
    iv_task_unregister(&self->numeric_done);
  g_ptr_array_free(self->addresses, TRUE);
  g_ptr_array_free(self->texts, TRUE);
  g_free(self);
}

guint
failover_lookup_get_count(FailoverLookup *self)
{
  return self->addresses->len;
}

GSockAddr *
failover_lookup_get_address(FailoverLookup *self, guint index)
{
  return g_ptr_array_index(self->addresses, index);
}

const gchar *
failover_lookup_get_text(FailoverLookup *self, guint index)
{
  return g_ptr_array_index(self->texts, index);
}

const gchar *
failover_lookup_get_error(FailoverLookup *self)
{
  return self->question->error ? gai_strerror(self->question->error) : "";
}
