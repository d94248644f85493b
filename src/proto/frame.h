/*
 * Frames (RFC 6455 5.2) by wslay's frame layer: wslay parses and writes the headers and counts the
 * payload; payload bytes never pass through its buffers. On the way in they stay where they were
 * read; on the way out they are masked while they are copied into the chain.
 *
 * A framer serves any connection that stands between two frames, so a loop needs one, and one more
 * for each connection that is in the middle of a frame.
 */
#ifndef UVWS_PROTO_FRAME_H
#define UVWS_PROTO_FRAME_H

#include "util/chain.h"

enum uvws__opcode {
  UVWS__OP_CONTINUATION = 0x0,
  UVWS__OP_TEXT = 0x1,
  UVWS__OP_BINARY = 0x2,
  UVWS__OP_CLOSE = 0x8,
  UVWS__OP_PING = 0x9,
  UVWS__OP_PONG = 0xA
};

#define UVWS__RSV1 4 /* the bits in wslay's order: RSV1 is the highest of three */

#define UVWS__HEADER_MAX 14

struct uvws__framer;

int uvws__framer_new(const struct uvws__env *env, struct uvws__framer **out); /* 0 or UV_ENOMEM */
void uvws__framer_free(const struct uvws__env *env, struct uvws__framer *framer);

/* A piece of a frame that came in. */
struct uvws__frame {
  uint8_t fin;
  uint8_t rsv;
  uint8_t opcode;
  uint8_t mask;
  uint64_t payload_len;
  int is_first;        /* the header has just become whole; `len` may be 0 with payload to come */
  int is_last;         /* the payload ends with this piece */
  const uint8_t *data; /* points into the input */
  size_t len;
};

/* The bytes to be read next: borrowed until they are used up or replaced. */
void uvws__framer_feed(struct uvws__framer *framer, const uint8_t *data, size_t len);

enum {
  UVWS__FRAME_MORE = 0, /* the input is used up */
  UVWS__FRAME_PIECE = 1
};

/* The next piece, borrowed until the next call. Answers one of the above, or UVWS_EPROTOCOL (RFC
 * 6455 5.2, 5.5: a length that is not minimal or beyond 63 bits, a control frame that is long or
 * fragmented). */
int uvws__framer_next(struct uvws__framer *framer, const struct uvws__frame **out);

/*
 * The commonest frame without wslay: a data message in one frame of up to `max_len` bytes, its
 * length in at most 16 bits, whole in the input, with no reserved bit and no mask. Takes it and
 * answers its opcode; 0: what comes next is not that, nothing is taken.
 */
int uvws__framer_take_whole(struct uvws__framer *framer, size_t max_len, const uint8_t **data,
                            size_t *len);

/* Input that no piece was made of yet. */
size_t uvws__framer_left(const struct uvws__framer *framer, const uint8_t **data);

/* 1 when the input stands between two frames: another connection may use the framer. */
int uvws__framer_is_idle(const struct uvws__framer *framer);

/* Payload that the frame at hand still lacks; 0 between frames and inside a header. */
uint64_t uvws__framer_awaited(const struct uvws__framer *framer);

/* A frame that goes out. Set the fields, offset 0; the payload may be handed over in parts. */
struct uvws__frame_out {
  uint8_t fin;
  uint8_t rsv;
  uint8_t opcode;
  uint8_t key[4]; /* unpredictable (RFC 6455 5.3) */
  uint64_t payload_len;
  uint64_t offset; /* payload written so far */
};

/* Write the header, when nothing was written yet, and the next `len` bytes of payload. Room for
 * them and UVWS__HEADER_MAX was reserved in the pool. Another frame must not start before this one
 * is whole. */
void uvws__framer_write(struct uvws__framer *framer, struct uvws__frame_out *frame,
                        const uint8_t *data, size_t len, struct uvws__chain *chain,
                        struct uvws__pool *pool);

/* The same in two steps and without a framer, for a frame whose payload is masked while other
 * frames are written: the header, then any number of parts. */
void uvws__frame_begin(const struct uvws__frame_out *frame, struct uvws__chain *chain,
                       struct uvws__pool *pool);
void uvws__frame_go_on(struct uvws__frame_out *frame, const uint8_t *data, size_t len,
                       struct uvws__chain *chain, struct uvws__pool *pool);

#endif
