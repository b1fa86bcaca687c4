/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 */
#include "host-queue.h"

#include "host.h"
#include "log.h"

#include <fcntl.h>
#include <gmodule.h>
#include <string.h>
#include <unistd.h>

typedef struct _HostQDisk HostQDisk;

/* Of all disk queues, in all versions: LogQueueDisk. */
typedef struct _HostDiskQueue
{
  LogQueue super;
  HostQDisk *qdisk; /* its first field is the name of the file */
} HostDiskQueue;

static struct
{
  const gchar *(*get_filename)(LogQueue *queue);
  gboolean (*is_started)(HostQDisk *qdisk);
  gint64 (*get_backlog)(HostQDisk *qdisk);
  gint64 (*get_length)(HostQDisk *qdisk);
  gint64 (*get_size)(HostQDisk *qdisk);
  gint64 (*get_free)(HostQDisk *qdisk);
  gint (*get_reserved)(HostQDisk *qdisk);
} api;

static gboolean
_look_up_api(void)
{
  const struct
  {
    const gchar *name;
    gpointer *function;
  } symbols[] =
  {
    { "log_queue_disk_get_filename", (gpointer *) &api.get_filename },
    { "qdisk_started", (gpointer *) &api.is_started },
    { "qdisk_get_backlog_count", (gpointer *) &api.get_backlog },
    { "qdisk_get_length", (gpointer *) &api.get_length },
    { "qdisk_get_maximum_size", (gpointer *) &api.get_size },
    { "qdisk_get_empty_space", (gpointer *) &api.get_free },
    { HOST_QDISK_GET_RESERVED, (gpointer *) &api.get_reserved },
  };
  GModule *everything = g_module_open(NULL, 0);
  gboolean found = TRUE;

  for (gsize i = 0; i < G_N_ELEMENTS(symbols) && found; i++)
    found = g_module_symbol(everything, symbols[i].name, symbols[i].function) && *symbols[i].function;
  g_module_close(everything);
  return found;
}

static HostQDisk *
_qdisk(LogQueue *queue)
{
  return ((HostDiskQueue *) queue)->qdisk;
}

/* The mirrored layout shows what the queue's own function tells. */
static gboolean
_is_proven(LogQueue *queue)
{
  HostQDisk *qdisk = _qdisk(queue);
  const gchar *file = api.get_filename(queue);

  return file && host_is_readable(qdisk, sizeof(gpointer)) && *(const gchar **) qdisk == file;
}

static gboolean
_has_reliable_file(LogQueue *queue)
{
  gchar magic[4] = { 0 };
  gint fd = open(api.get_filename(queue), O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    return FALSE;
  gboolean reliable = read(fd, magic, sizeof(magic)) == sizeof(magic) && memcmp(magic, "SLRQ", sizeof(magic)) == 0;
  close(fd);
  return reliable;
}

gboolean
host_queue_is_reliable(LogQueue *queue)
{
  if (!log_queue_has_type(queue, "DISK"))
    return FALSE;
  if (!_look_up_api() || (api.get_filename(queue) && !_is_proven(queue)))
    {
      failover_log_warning("failover: unknown kind of disk-buffer, messages leave it before a log server confirmed them",
                           evt_tag_str("found", queue->persist_name));
      return FALSE;
    }
  return api.get_filename(queue) && api.is_started(_qdisk(queue)) && _has_reliable_file(queue);
}

const gchar *
host_queue_get_file(LogQueue *queue)
{
  return api.get_filename(queue);
}

/* With the queue's lock: while a file that cannot be read is put aside there is none.  Nor
 * is there afterwards, if no new one could be begun. */
guint64
host_queue_get_backlog(LogQueue *queue)
{
  HostQDisk *qdisk = _qdisk(queue);

  g_mutex_lock(&queue->lock);
  guint64 backlog = api.is_started(qdisk) ? api.get_backlog(qdisk) : 0;
  g_mutex_unlock(&queue->lock);
  return backlog;
}

HostQueueRoom
host_queue_get_room(LogQueue *queue)
{
  HostQDisk *qdisk = _qdisk(queue);
  HostQueueRoom room = { 0 };

  g_mutex_lock(&queue->lock);
  if (api.is_started(qdisk))
    {
      /* an empty one of older versions says that nothing is free */
      gboolean empty = api.get_length(qdisk) == 0 && api.get_backlog(qdisk) == 0;
      room.size = api.get_size(qdisk);
      room.free = empty ? api.get_size(qdisk) : api.get_free(qdisk);
      room.reserved = api.get_reserved(qdisk);
    }
  g_mutex_unlock(&queue->lock);
  return room;
}
