/*
 * The message layer on the way in (RFC 6455 5.4 to 5.6): frames become messages, pings, pongs and a
 * Close. Pulled, not pushed: the connection asks for the next event, calls the user, asks again.
 */
#ifndef UVWS_PROTO_INBOUND_H
#define UVWS_PROTO_INBOUND_H

#include "proto/deflate.h"
#include "proto/extension.h"
#include "proto/fault.h"
#include "proto/frame.h"
#include "proto/utf8.h"
#include "util/bytes.h"
#include "util/errors.h"

#define UVWS__CONTROL_MAX 125 /* payload of a control frame (RFC 6455 5.5) */

struct uvws__inbound_limits {
  size_t max_message_size;
  size_t max_fragments;
};

/* What the connections of a loop lend each other for a message. */
struct uvws__inbound_shared {
  struct uvws__bytes spare; /* a buffer that messages in pieces take turns with */
  uint8_t *chunk;           /* UVWS__CHUNK_SIZE bytes to expand a chunk into; made when needed */
  struct uvws__zstock zstock;
};
void uvws__inbound_shared_deinit(const struct uvws__env *env, struct uvws__inbound_shared *shared);

#define UVWS__CHUNK_SIZE 65536

/*
 * Unused bytes in front of a message that is put together. Processors copy at a third of their
 * speed when the place to write to is up to 16 bytes ahead of the place to read from, modulo 4,096
 * (AMD Zen, by `rep movsb` in the kernel). glibc's large allocations begin 16 bytes into a page, a
 * message 10 bytes into the server's segment; with these bytes the two keep apart.
 */
#define UVWS__LEAD 48

/* A part of a compressed message. */
struct uvws__piece {
  const uint8_t *data; /* what is left of it */
  size_t len;
};

struct uvws__inbound {
  const struct uvws__env *env;
  struct uvws__inbound_shared *shared;
  struct uvws__inbound_limits limits;
  struct uvws__deflate_terms terms; /* set when compression was agreed */
  uint8_t wants_chunks;             /* from the next message on: chunks, not whole messages */

  /* Each header that was let in, or is about to be refused; NULL: nobody asks. */
  void (*on_frame)(void *arg, const struct uvws__frame *frame);
  void *on_frame_arg;

  struct uvws__inbound_counts {
    uint64_t frames;
    uint64_t compressed; /* payload of compressed messages */
    uint64_t expanded;   /* what became of it */
  } counts;

  /* The message at hand. */
  uint8_t kind; /* UVWS__OP_TEXT or UVWS__OP_BINARY; 0: between messages */
  uint8_t is_compressed;
  uint8_t is_chunked;
  uint8_t is_begun; /* its first chunk is delivered */
  struct uvws__utf8 utf8;
  struct uvws__bytes message; /* UVWS__LEAD bytes, then what came so far, unless it is whole in the
                                 input */
  uint64_t total;             /* bytes of it so far, expanded */
  size_t fragments;

  /* Compression. */
  struct uvws__inflater *inflater;
  struct uvws__piece piece; /* being expanded */
  uint8_t is_expanding;
  uint8_t is_last_piece; /* the message ends with it */

  /* The control frame at hand. */
  uint8_t control_len;
  uint8_t *control; /* UVWS__CONTROL_MAX bytes; NULL until one comes in pieces */
};

enum uvws__inbound_event_type {
  UVWS__IN_MORE = 0, /* the input is used up */
  UVWS__IN_MESSAGE,
  UVWS__IN_CHUNK, /* a part of a message */
  UVWS__IN_PING,
  UVWS__IN_PONG,
  UVWS__IN_CLOSE
};

struct uvws__inbound_event {
  uvws_kind_t kind; /* of a message or chunk */
  int is_first;     /* of a chunk: its message begins, ends with it */
  int is_last;
  int code;            /* of a Close: 1005 when it had none */
  const uint8_t *data; /* payload, or a Close's reason; valid until the next call */
  size_t len;
};

void uvws__inbound_init(struct uvws__inbound *in, const struct uvws__env *env,
                        const struct uvws__inbound_limits *limits,
                        struct uvws__inbound_shared *shared);
void uvws__inbound_deinit(struct uvws__inbound *in);

/* The bytes to be read next; `data` is borrowed until they are used up. */
void uvws__inbound_feed(struct uvws__inbound *in, struct uvws__framer *framer, const uint8_t *data,
                        size_t len);

/* What was fed and not used yet: to be fed again. */
size_t uvws__inbound_rest(const struct uvws__inbound *in, const struct uvws__framer *framer,
                          const uint8_t **data);

/*
 * The next event out of the framer's input: one of the above, or UVWS_EPROTOCOL, UVWS_EUTF8,
 * UVWS_EMESSAGE_TOO_BIG, UVWS_ETOO_MANY_FRAGMENTS, UV_ENOMEM with `fault` filled in. After an
 * error, or IN_CLOSE, it must not be called again.
 */
int uvws__inbound_next(struct uvws__inbound *in, struct uvws__framer *framer,
                       struct uvws__inbound_event *event, struct uvws__fault *fault);

/* The message delivered last is done with: its memory becomes the spare one or is freed. */
void uvws__inbound_release(struct uvws__inbound *in);

/*
 * Room at the end of the message at hand, to read its payload into without a copy, when at least
 * `least` bytes of a frame are awaited; NULL otherwise. Memory grows with what has come, not with
 * what was announced. What is read there is then fed like any other input.
 */
uint8_t *uvws__inbound_room(struct uvws__inbound *in, const struct uvws__framer *framer,
                            size_t least, size_t *room);

#endif
