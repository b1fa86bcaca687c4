/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "resolver.h"

#include "turns.h"

#include <iv.h>
#include <iv_event.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

enum { MOST_THREADS = 128 }; /* that wait for name servers; more names wait for them */

/* A name that is looked up in a thread, for all look-ups of it.  Shared by the main
 * thread and that one: whoever lets go last frees it.  The lock guards `wanted` and
 * `answered` against the thread's iv_event_post(), which must not meet an event
 * that is not registered. */
typedef struct _Question
{
  gatomicrefcount references;
  gboolean wanted; /* the event is registered */
  gboolean answered;
  gchar *host;
  gint family;
  gint error;
  struct addrinfo *addresses;
  struct iv_event answer;
  GQueue lookups; /* on the main thread */
} Question;

struct _FailoverLookup
{
  Question *question; /* NULL: answered */
  guint16 port;
  FailoverLookupDone done;
  gpointer user_data;
  FailoverTurn turn;
  const gchar *error;
  GPtrArray *addresses; /* GSockAddr */
  GPtrArray *texts;
};

/* Questions that are asked, also those whose answer nobody wants any more: their
 * threads wait for it all the same, and who wants it again need not ask again. */
static GHashTable *questions;

/* Questions that no thread has taken yet, and the threads that take them.  GLib's own
 * pool needs a thread to create threads; where that one cannot be created, GLib 2.84
 * waits for it for ever, and 2.74 may end the process. */
static GMutex lock; /* guards these, and what is said at Question */
static GQueue not_taken = G_QUEUE_INIT;
static guint thread_count;

static void
_question_unref(gpointer s)
{
  Question *self = s;

  if (!g_atomic_ref_count_dec(&self->references))
    return;
  if (self->addresses)
    freeaddrinfo(self->addresses);
  g_free(self->host);
  g_free(self);
}

static guint
_question_hash(gconstpointer s)
{
  const Question *self = s;
  return g_str_hash(self->host) ^ (guint) self->family;
}

static gboolean
_question_equal(gconstpointer s, gconstpointer t)
{
  const Question *self = s, *other = t;
  return self->family == other->family && strcmp(self->host, other->host) == 0;
}

static gint
_ask(const gchar *host, gint family, gint flags, struct addrinfo **addresses)
{
  struct addrinfo hints =
  {
    .ai_family = family,
    .ai_socktype = SOCK_STREAM,
    .ai_flags = flags,
  };
  return getaddrinfo(host, NULL, &hints, addresses);
}

/* Whether nobody has given up waiting while there was no thread for it. */
static gboolean
_is_still_wanted(Question *self)
{
  g_mutex_lock(&lock);
  gboolean wanted = self->wanted;
  self->answered = !wanted;
  g_mutex_unlock(&lock);
  return wanted;
}

static void
_resolve_in_thread(Question *self)
{
  if (_is_still_wanted(self))
    {
      /* as syslog-ng asks: without AI_ADDRCONFIG only if that is what hid the name */
      self->error = _ask(self->host, self->family, AI_V4MAPPED | AI_ADDRCONFIG, &self->addresses);
      if (self->error == EAI_NONAME || self->error == EAI_ADDRFAMILY || self->error == EAI_NODATA)
        self->error = _ask(self->host, self->family, AI_V4MAPPED, &self->addresses);

      g_mutex_lock(&lock);
      self->answered = TRUE;
      if (self->wanted)
        iv_event_post(&self->answer);
      g_mutex_unlock(&lock);
    }
  _question_unref(self);
}

static Question *
_take_question(void)
{
  g_mutex_lock(&lock);
  Question *question = g_queue_pop_head(&not_taken);
  if (!question)
    thread_count--;
  g_mutex_unlock(&lock);
  return question;
}

static gpointer
_thread(gpointer user_data G_GNUC_UNUSED)
{
  Question *question;

  while ((question = _take_question()))
    _resolve_in_thread(question);
  return NULL;
}

static gchar *
_format_address(GSockAddr *address)
{
  gchar host[NI_MAXHOST], port[NI_MAXSERV];

  if (getnameinfo(&address->sa, address->salen, host, sizeof(host), port, sizeof(port),
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return g_strdup("?");
  return g_strdup_printf(strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

/* Its user is told when it is its turn. */
static void
_take_answer(FailoverLookup *self, const gchar *error, const struct addrinfo *addresses)
{
  self->error = error;
  for (const struct addrinfo *a = addresses; a; a = a->ai_next)
    {
      if (a->ai_family != AF_INET && a->ai_family != AF_INET6)
        continue;
      GSockAddr *address = g_sockaddr_new(a->ai_addr, a->ai_addrlen);
      g_sockaddr_set_port(address, self->port);
      g_ptr_array_add(self->addresses, address);
      g_ptr_array_add(self->texts, _format_address(address));
    }
  turn_request(&self->turn);
}

static void
_answered(gpointer s)
{
  Question *self = s;
  FailoverLookup *lookup;

  iv_event_unregister(&self->answer);
  while ((lookup = g_queue_pop_head(&self->lookups)))
    {
      lookup->question = NULL;
      _take_answer(lookup, self->error ? gai_strerror(self->error) : "", self->addresses);
    }
  g_hash_table_remove(questions, self);
}

static void
_want(Question *self)
{
  self->wanted = TRUE;
  iv_event_register(&self->answer);
}

/* FALSE: it was answered when nobody wanted it. */
static gboolean
_want_again(Question *self)
{
  g_mutex_lock(&lock);
  gboolean lost = self->answered && !self->wanted;
  if (!lost && !self->wanted)
    _want(self);
  g_mutex_unlock(&lock);
  return !lost;
}

static Question *
_question_new(const gchar *host, gint family)
{
  Question *self = g_new0(Question, 1);

  g_atomic_ref_count_init(&self->references);
  self->host = g_strdup(host);
  self->family = family;
  IV_EVENT_INIT(&self->answer);
  self->answer.cookie = self;
  self->answer.handler = _answered;
  g_queue_init(&self->lookups);
  return self;
}

/* FALSE: no thread will ever take it.  Without a new one a busy one takes it later,
 * as when there are too many. */
static gboolean
_hand_to_thread(Question *self)
{
  g_mutex_lock(&lock);
  GThread *thread = thread_count < MOST_THREADS ? g_thread_try_new("failover-names", _thread, NULL, NULL) : NULL;
  if (thread)
    {
      g_thread_unref(thread);
      thread_count++;
    }
  gboolean possible = thread_count > 0;
  if (possible)
    {
      _want(self);
      g_atomic_ref_count_inc(&self->references);
      g_queue_push_tail(&not_taken, self);
    }
  g_mutex_unlock(&lock);
  return possible;
}

/* NULL: there is no thread for it. */
static Question *
_find_or_ask(const gchar *host, gint family)
{
  if (!questions)
    questions = g_hash_table_new_full(_question_hash, _question_equal, NULL, _question_unref);

  Question key = { .host = (gchar *) host, .family = family };
  Question *question = g_hash_table_lookup(questions, &key);
  if (question && _want_again(question))
    return question;

  if (question)
    g_hash_table_remove(questions, question);
  question = _question_new(host, family);
  if (!_hand_to_thread(question))
    {
      _question_unref(question);
      return NULL;
    }
  g_hash_table_add(questions, question);
  return question;
}

static void
_tell(gpointer s)
{
  FailoverLookup *self = s;
  self->done(self, self->user_data);
}

FailoverLookup *
failover_lookup_start(const gchar *host, guint16 port, gint family, FailoverLookupDone done, gpointer user_data)
{
  FailoverLookup *self = g_new0(FailoverLookup, 1);
  struct addrinfo *address = NULL;

  self->port = port;
  self->done = done;
  self->user_data = user_data;
  turn_init(&self->turn, _tell, self);
  self->addresses = g_ptr_array_new_with_free_func((GDestroyNotify) g_sockaddr_unref);
  self->texts = g_ptr_array_new_with_free_func(g_free);

  if (_ask(host, AF_UNSPEC, AI_NUMERICHOST, &address) == 0)
    {
      _take_answer(self, "", address);
      freeaddrinfo(address);
      return self;
    }
  self->question = _find_or_ask(host, family);
  if (self->question)
    g_queue_push_tail(&self->question->lookups, self);
  else
    _take_answer(self, "no thread could be created to look up the name", NULL);
  return self;
}

static void
_stop_waiting(FailoverLookup *self)
{
  Question *question = self->question;

  g_queue_remove(&question->lookups, self);
  if (!g_queue_is_empty(&question->lookups))
    return;
  g_mutex_lock(&lock);
  question->wanted = FALSE;
  iv_event_unregister(&question->answer);
  g_mutex_unlock(&lock);
}

void
failover_lookup_free(FailoverLookup *self)
{
  if (self->question)
    _stop_waiting(self);
  turn_cancel(&self->turn);
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
  return self->error;
}
