/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fake_stream.h - the messages of one connection, and a kernel that says of them
 * what a test wants it to say.
 *
 * Each message is one byte longer in the stream than in the buffer, as with a
 * newline.  One test owns one FakeStream on its stack and the buffer inside it.
 */
#ifndef FAKE_STREAM_H_INCLUDED
#define FAKE_STREAM_H_INCLUDED

#include "resend.h"

enum
{
  FAKE_STREAM_GRACE_MS = 500,
  FAKE_STREAM_LIMIT = 64 * 1024,
  FAKE_STREAM_WINDOW = 60000,
  FAKE_STREAM_FRAME = 1,  /* bytes of the stream around each message */
  FAKE_STREAM_HEADER = 4, /* bytes of the buffer around each message */
};

typedef struct FakeStream
{
  failover_resend *resend;
  int64_t now_ms;
  uint64_t written;
  uint64_t acked;
  uint32_t window;
} FakeStream;

failover_resend *fake_resend_new(int64_t grace_ms, size_t buffer_size);

void fake_stream_init(FakeStream *self, int64_t grace_ms, size_t buffer_size);
void fake_stream_done(FakeStream *self);

/* Keeps a message and writes all of it.  False: it has to wait. */
bool fake_stream_post(FakeStream *self, const char *message);
/* The same for a message of so many bytes. */
bool fake_stream_post_bytes(FakeStream *self, size_t length);

/* Posts what waits to be posted once more; "a b c" of what that was, valid until
 * the next call. */
const char *fake_stream_resend_all(FakeStream *self);

/* What the kernel says now, or after some time. */
void fake_stream_sample(FakeStream *self);
void fake_stream_sample_partial(FakeStream *self);
void fake_stream_sample_after(FakeStream *self, int64_t ms);
/* The peer acknowledges everything, and the kernel is asked. */
void fake_stream_acknowledge(FakeStream *self);

/* The connection ends and the next one begins. */
void fake_stream_lose(FakeStream *self);

failover_resend_state fake_stream_state(const FakeStream *self);

#endif
