/*
 * Frames by wslay's frame layer. Two of its properties make it as fast as memory (wslay 1.1.1):
 *
 *   - wslay_frame_recv does not look at payload that is not masked, it only counts it. So the
 * receive callback gives it exactly the bytes of the header and, for payload, says "n bytes"
 * without copying any: the payload is taken from our own input. One payload byte may be counted
 * before it is there
 *     (`owed`), since wslay tells of a header only together with payload: rules can be applied as
 * soon as the header is whole.
 *   - wslay_frame_send with `mask = 0` hands header and payload to the send callback as they are.
 * The callback sets the MASK bit, adds the key and masks the payload while it copies it out.
 */
#include "proto/frame.h"

#include <assert.h>
#include <string.h>
#include <wslay/wslay.h>

#include "proto/mask.h"
#include "util/errors.h"

#define FIN 0x80
#define MASK 0x80
#define SHORT_MAX 125 /* payload whose length stands in the second byte (RFC 6455 5.2) */
#define LENGTH_16 126 /* the next two bytes hold it */
#define LENGTH_64 127 /* the next eight */

struct uvws__framer {
  wslay_frame_context_ptr wslay;

  /* Input. */
  const uint8_t *in;
  const uint8_t *in_end;
  uint8_t header_len;  /* of the header at hand as far as known: 2 at least */
  uint8_t header_seen; /* bytes of it that wslay has */
  uint8_t is_in_payload;
  uint8_t owed;     /* payload bytes counted by wslay and not there yet: 0 or 1 */
  size_t claimable; /* payload bytes that the receive callback may count now */
  uint64_t awaited; /* payload of the frame at hand that is still to come */
  struct uvws__frame frame;

  /* Output: where the send callback writes, during uvws__framer_write. */
  struct uvws__frame_out *out;
  struct uvws__chain *chain;
  struct uvws__pool *pool;
  int is_out_header; /* the next thing sent is a header */
};

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

static size_t header_len(uint8_t second) {
  size_t len = 2;
  if ((second & 0x7F) == 126) len += 2;
  if ((second & 0x7F) == 127) len += 8;
  if (second & 0x80) len += 4;
  return len;
}

static size_t give_header(struct uvws__framer *f, uint8_t *buf) {
  size_t have = (size_t)(f->in_end - f->in);
  if (f->header_seen == 0 && have >= 2) f->header_len = (uint8_t)header_len(f->in[1]);
  if (f->header_seen == 1 && have >= 1) f->header_len = (uint8_t)header_len(f->in[0]);
  size_t n = smaller(have, (size_t)(f->header_len - f->header_seen));
  memcpy(buf, f->in, n);
  f->in += n;
  f->header_seen += (uint8_t)n;
  if (f->header_seen >= 2 && f->header_seen == f->header_len) f->is_in_payload = 1;
  return n;
}

static ssize_t on_wslay_recv(uint8_t *buf, size_t len, int flags, void *user_data) {
  struct uvws__framer *f = user_data;
  (void)flags;
  if (!f->is_in_payload) return (ssize_t)give_header(f, buf);
  size_t n = smaller(f->claimable, len);
  if (n == 0 && f->frame.is_first) {
    f->owed = 1;
    return 1;
  }
  f->claimable -= n;
  return (ssize_t)n;
}

static void send_header(struct uvws__framer *f, const uint8_t *data, size_t len) {
  uint8_t header[UVWS__HEADER_MAX];
  assert(len + 4 <= sizeof header);
  memcpy(header, data, len);
  header[1] |= MASK; /* RFC 6455 5.1: a client masks every frame */
  memcpy(header + len, f->out->key, 4);
  uvws__chain_append(f->chain, f->pool, header, len + 4);
  f->is_out_header = 0;
}

void uvws__frame_go_on(struct uvws__frame_out *frame, const uint8_t *data, size_t len,
                       struct uvws__chain *chain, struct uvws__pool *pool) {
  for (size_t done = 0; done < len;) {
    size_t room;
    uint8_t *to = uvws__chain_room(chain, pool, &room);
    size_t n = smaller(room, len - done);
    uvws__mask_copy(to, data + done, n, frame->key, frame->offset);
    uvws__chain_advance(chain, n);
    frame->offset += n;
    done += n;
  }
}

static ssize_t on_wslay_send(const uint8_t *data, size_t len, int flags, void *user_data) {
  struct uvws__framer *f = user_data;
  (void)flags;
  if (f->is_out_header)
    send_header(f, data, len);
  else
    uvws__frame_go_on(f->out, data, len, f->chain, f->pool);
  return (ssize_t)len;
}

static int on_wslay_genmask(uint8_t *buf, size_t len, void *user_data) {
  (void)user_data;
  memset(buf, 0, len); /* never called: wslay is told not to mask */
  return 0;
}

static void expect_header(struct uvws__framer *f) {
  f->header_len = 2;
  f->header_seen = 0;
  f->is_in_payload = 0;
}

int uvws__framer_new(const struct uvws__env *env, struct uvws__framer **out) {
  static const struct wslay_frame_callbacks callbacks = {on_wslay_send, on_wslay_recv,
                                                         on_wslay_genmask};
  struct uvws__framer *f = uvws__calloc(env, sizeof *f);
  if (!f) return UVWS__ENOMEM;
  if (wslay_frame_context_init(&f->wslay, &callbacks, f) != 0) {
    uvws__free(env, f);
    return UVWS__ENOMEM;
  }
  expect_header(f);
  *out = f;
  return 0;
}

void uvws__framer_free(const struct uvws__env *env, struct uvws__framer *framer) {
  if (!framer) return;
  wslay_frame_context_free(framer->wslay);
  uvws__free(env, framer);
}

void uvws__framer_feed(struct uvws__framer *framer, const uint8_t *data, size_t len) {
  framer->in = data;
  framer->in_end = data + len;
}

size_t uvws__framer_left(const struct uvws__framer *framer, const uint8_t **data) {
  *data = framer->in;
  return (size_t)(framer->in_end - framer->in);
}

int uvws__framer_is_idle(const struct uvws__framer *framer) {
  return framer->header_seen == 0;
}

uint64_t uvws__framer_awaited(const struct uvws__framer *framer) {
  return framer->awaited;
}

/* The header, and as much payload as wslay counts along with it. */
static int next_header(struct uvws__framer *f) {
  struct wslay_frame_iocb iocb;
  size_t have = (size_t)(f->in_end - f->in);
  f->owed = 0;
  f->claimable = 0;
  f->frame.is_first = 1;
  /* The payload of a short frame can be counted together with its header. */
  if (f->header_seen == 0 && have > 2 && f->in[1] <= 125)
    f->claimable = smaller(have - 2, f->in[1]);
  ssize_t n = wslay_frame_recv(f->wslay, &iocb);
  if (n == WSLAY_ERR_WANT_READ) return UVWS__FRAME_MORE;
  if (n < 0) return UVWS_EPROTOCOL;
  f->frame.fin = iocb.fin;
  f->frame.rsv = iocb.rsv;
  f->frame.opcode = iocb.opcode;
  f->frame.mask = iocb.mask;
  f->frame.payload_len = iocb.payload_length;
  f->awaited = iocb.payload_length;
  f->frame.data = f->in;
  f->frame.len = (size_t)n - f->owed;
  return UVWS__FRAME_PIECE;
}

/* Have wslay count `len` bytes of payload. */
static void count_payload(struct uvws__framer *f, size_t len) {
  struct wslay_frame_iocb iocb;
  if (len && f->owed) {
    f->owed = 0;
    len--;
  }
  f->claimable = len;
  while (len) {
    ssize_t n = wslay_frame_recv(f->wslay, &iocb);
    assert(n > 0 && (size_t)n <= len);
    len -= (size_t)n;
  }
}

/* The length of a header without a mask, and of its payload; 0 when it is not all there, longer
 * than 16 bits or not minimal: wslay's to judge. */
static size_t plain_header(const uint8_t *in, size_t have, size_t *payload_len) {
  *payload_len = in[1];
  if (in[1] <= SHORT_MAX) return 2;
  if (in[1] != LENGTH_16 || have < 4) return 0;
  *payload_len = (size_t)in[2] << 8 | in[3];
  return *payload_len > SHORT_MAX ? 4 : 0;
}

int uvws__framer_take_whole(struct uvws__framer *f, size_t max_len, const uint8_t **data,
                            size_t *len) {
  const uint8_t *in = f->in;
  size_t have = (size_t)(f->in_end - in);
  size_t payload_len;
  if (have < 2 || f->header_seen || f->awaited) return 0;
  if (in[0] != (FIN | UVWS__OP_TEXT) && in[0] != (FIN | UVWS__OP_BINARY)) return 0;
  size_t header = plain_header(in, have, &payload_len);
  if (!header || payload_len > have - header || payload_len > max_len) return 0;
  *data = in + header;
  *len = payload_len;
  f->in += header + payload_len;
  return in[0] & 0x0F;
}

int uvws__framer_next(struct uvws__framer *f, const struct uvws__frame **out) {
  size_t counted = 0;
  if (f->in == f->in_end) return UVWS__FRAME_MORE;
  if (f->awaited == 0) {
    int answer = next_header(f);
    if (answer != UVWS__FRAME_PIECE) return answer;
    counted = f->frame.len;
  } else {
    f->frame.is_first = 0;
    f->frame.data = f->in;
  }
  size_t have = (size_t)(f->in_end - f->in);
  f->frame.len = f->awaited < have ? (size_t)f->awaited : have;
  count_payload(f, f->frame.len - counted);
  f->in += f->frame.len;
  f->awaited -= f->frame.len;
  f->frame.is_last = f->awaited == 0;
  *out = &f->frame;
  if (f->frame.is_last) expect_header(f);
  return UVWS__FRAME_PIECE;
}

/* Writes the header; answers its length. */
static size_t put_header(const struct uvws__frame_out *frame, uint8_t to[UVWS__HEADER_MAX]) {
  uint64_t len = frame->payload_len;
  unsigned length_bytes = len <= SHORT_MAX ? 0 : len <= UINT16_MAX ? 2 : 8;
  to[0] = (uint8_t)(frame->fin << 7 | frame->rsv << 4 | frame->opcode);
  to[1] = (uint8_t)(MASK | (length_bytes == 0 ? len : length_bytes == 2 ? LENGTH_16 : LENGTH_64));
  for (unsigned i = 0; i < length_bytes; i++)
    to[2 + i] = (uint8_t)(len >> 8 * (length_bytes - 1 - i));
  memcpy(to + 2 + length_bytes, frame->key, 4);
  return 2 + length_bytes + 4;
}

void uvws__frame_begin(const struct uvws__frame_out *frame, struct uvws__chain *chain,
                       struct uvws__pool *pool) {
  uint8_t header[UVWS__HEADER_MAX];
  uvws__chain_append(chain, pool, header, put_header(frame, header));
}

/* A frame whose length fits into 16 bits, and all of it into the chain's last block, is written in
 * one go, without wslay. */
static int write_whole(struct uvws__frame_out *frame, const uint8_t *data, size_t len,
                       struct uvws__chain *chain, struct uvws__pool *pool) {
  size_t room;
  if (frame->payload_len > UINT16_MAX || len != frame->payload_len) return 0;
  size_t header = len <= SHORT_MAX ? 6 : 8;
  uint8_t *to = uvws__chain_room(chain, pool, &room);
  if (room < header + len) return 0;
  put_header(frame, to);
  uvws__mask_copy(to + header, data, len, frame->key, 0);
  uvws__chain_advance(chain, header + len);
  frame->offset = len;
  return 1;
}

void uvws__framer_write(struct uvws__framer *framer, struct uvws__frame_out *frame,
                        const uint8_t *data, size_t len, struct uvws__chain *chain,
                        struct uvws__pool *pool) {
  if (frame->offset == 0 && write_whole(frame, data, len, chain, pool)) return;
  struct wslay_frame_iocb iocb = {.fin = frame->fin,
                                  .rsv = frame->rsv,
                                  .opcode = frame->opcode,
                                  .payload_length = frame->payload_len,
                                  .data = data,
                                  .data_length = len};
  framer->out = frame;
  framer->chain = chain;
  framer->pool = pool;
  if (frame->offset == 0) framer->is_out_header = 1;
  ssize_t n = wslay_frame_send(framer->wslay, &iocb);
  assert(n == (ssize_t)len);
  (void)n;
}
