/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "queue.h"

#include "host-queue.h"
#include "log.h"

struct _FailoverQueue
{
  failover_destination *core;
  LogQueue *queue; /* while it is attached; not referenced.  Atomic */
  gchar *file;     /* of the one attached last */
  gchar *destination;
  FailoverQueue *next;
};

/* Queues have no room for user data.  An entry is never freed, as workers look for theirs
 * without a lock: it is used again. */
static FailoverQueue *queues;

/* of all reliable queues */
static LogMessage *(*pop_head)(LogQueue *queue, LogPathOptions *path_options);
static void (*rewind_backlog_all)(LogQueue *queue);

static FailoverQueue *
_find(LogQueue *queue)
{
  FailoverQueue *self = g_atomic_pointer_get(&queues);

  while (self && g_atomic_pointer_get(&self->queue) != queue)
    self = self->next;
  return self;
}

static LogMessage *
_pop_head(LogQueue *queue, LogPathOptions *path_options)
{
  FailoverQueue *self = _find(queue);

  if (self && !failover_destination_takes_messages(self->core))
    {
      /* as if throttle() had been used up, which what is posted once more has to wait for: or the
       * LogWriter would ask again at once, all the time.  Without throttle() nobody looks at it */
      queue->throttle_buckets = 0;
      return NULL;
    }
  return pop_head(queue, path_options);
}

/* The driver wants that at each init, and the LogWriter of the newest version when it ends:
 * for a reload, too.  It is done when it is attached, and then not of everything. */
static void
_rewind_backlog_all(LogQueue *queue)
{
  if (!_find(queue))
    rewind_backlog_all(queue);
}

static void
_decorate(LogQueue *queue)
{
  if (queue->pop_head == _pop_head)
    return;
  pop_head = queue->pop_head;
  queue->pop_head = _pop_head;
  rewind_backlog_all = queue->rewind_backlog_all;
  queue->rewind_backlog_all = _rewind_backlog_all;
}

/* ------------------------------------------------------------------------
 * The core's view of it
 */

static uint64_t
_get_backlog(void *user_data)
{
  FailoverQueue *self = user_data;
  return host_queue_get_backlog(self->queue);
}

static failover_queue_room
_get_room(void *user_data)
{
  FailoverQueue *self = user_data;
  HostQueueRoom room = host_queue_get_room(self->queue);

  return (failover_queue_room)
  {
    .size = room.size, .free = room.free, .reserved = room.reserved,
  };
}

static void
_acknowledge(void *user_data, uint64_t messages)
{
  FailoverQueue *self = user_data;
  log_queue_ack_backlog(self->queue, messages);
}

static void
_short_of_room(void *user_data)
{
  FailoverQueue *self = user_data;
  HostQueueRoom room = host_queue_get_room(self->queue);

  failover_log_warning("failover: too little room in the disk-buffer, messages leave it before a log server confirmed them",
                       evt_tag_str("destination", self->destination),
                       evt_tag_str("file", self->file),
                       evt_tag_printf("free_bytes", "%" G_GUINT64_FORMAT, room.free),
                       evt_tag_printf("least_free_bytes", "%" G_GUINT64_FORMAT, MAX(room.reserved, room.size / 4)));
}

/* ------------------------------------------------------------------------ */

static void
_attach(FailoverQueue *self, LogQueue *queue)
{
  const gchar *file = host_queue_get_file(queue);
  gboolean same = g_strcmp0(self->file, file) == 0;
  failover_queue host =
  {
    .user_data = self,
    .backlog = _get_backlog,
    .room = _get_room,
    .acknowledge = _acknowledge,
    .short_of_room = _short_of_room,
  };

  g_free(self->file);
  self->file = g_strdup(file);
  _decorate(queue);
  g_atomic_pointer_set(&self->queue, queue);
  guint64 unknown = failover_destination_attach_queue(self->core, &host, same);
  if (unknown > 0)
    log_queue_rewind_backlog(queue, unknown);
}

void
failover_queue_attach(FailoverQueue *self, LogWriter *writer, const gchar *destination)
{
  LogQueue *queue = log_writer_get_queue(writer);

  failover_queue_detach(self);
  g_free(self->destination);
  self->destination = g_strdup(destination);
  if (host_queue_is_reliable(queue))
    _attach(self, queue);
  log_queue_unref(queue);
}

void
failover_queue_detach(FailoverQueue *self)
{
  g_atomic_pointer_set(&self->queue, NULL);
  failover_destination_detach_queue(self->core);
}

FailoverQueue *
failover_queue_new(failover_destination *core)
{
  FailoverQueue *self = queues;

  while (self && self->core)
    self = self->next;
  if (!self)
    {
      self = g_new0(FailoverQueue, 1);
      self->next = queues;
      g_atomic_pointer_set(&queues, self);
    }
  self->core = core;
  return self;
}

void
failover_queue_free(FailoverQueue *self)
{
  failover_queue_detach(self);
  g_clear_pointer(&self->file, g_free);
  g_clear_pointer(&self->destination, g_free);
  self->core = NULL;
}
