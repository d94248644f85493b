/*
 * One peer of the bench server as bytes in and bytes out: the handshake, then by the URI's path
 *
 *   /echo                     every message comes back
 *   /sink                     messages are dropped; control frames are answered
 *   /source/KIND/SIZE         messages of SIZE bytes without end; KIND: text, utf8 or binary
 *
 * each also below /deflate: permessage-deflate is agreed on, what the source sends is compressed.
 * It trusts its clients: frames are not judged.
 */
#ifndef BENCH_SESSION_H
#define BENCH_SESSION_H

#include <stddef.h>
#include <stdint.h>

struct bench_buffer {
  uint8_t *data;
  size_t len;
  size_t cap;
};

uint8_t *bench_buffer_room(struct bench_buffer *b, size_t more);
void bench_buffer_add(struct bench_buffer *b, const void *data, size_t len);

enum bench_mode { BENCH_HANDSHAKE, BENCH_ECHO, BENCH_SINK, BENCH_SOURCE };

/* Frames that a source sends again and again; kept for all who ask for the same. */
struct bench_block {
  struct bench_block *next;
  char path[64];
  uint8_t *data;
  size_t len;
};

struct bench_session {
  enum bench_mode mode;
  int is_deflate;
  int is_ending; /* a Close is answered: no more is read */
  char head[4096];
  size_t head_len;
  const struct bench_block *block; /* of a source */

  /* The frame at hand. */
  uint8_t header[14];
  uint8_t header_len;
  uint8_t is_dropped;
  uint8_t key[8];
  uint64_t left; /* of its payload */
};

/* Take bytes, add the answer to `out`. 0, or -1: hang up. */
int bench_session_feed(struct bench_session *s, const uint8_t *data, size_t len,
                       struct bench_buffer *out);

#endif
