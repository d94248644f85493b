/*
 * Messages into frames, and who hears when they are out. A large message leaves while it is being
 * masked, as long as the kernel takes it, so that it goes through a few warm blocks and not through
 * memory.
 */
#include "conn/conn.h"

#include <assert.h>

static int reserve_sent(struct uvws__conn *c) {
  struct uvws__sent_queue *q = &c->sent;
  assert(q->count <= q->cap);
  if (q->count < q->cap) return 0;
  if (q->cap > UINT32_MAX / 2 / sizeof q->ring[0]) return UV_ENOMEM;
  uint32_t cap = q->cap ? q->cap * 2 : 8;
  struct uvws__sent *ring = uvws__alloc(&c->ctx->env, cap * sizeof *ring);
  if (!ring) return UV_ENOMEM;
  for (uint32_t i = 0; i < q->count; i++)
    ring[i] = q->ring[(q->first + i) % q->cap];
  uvws__free(&c->ctx->env, q->ring);
  *q = (struct uvws__sent_queue){ring, cap, 0, q->count};
  return 0;
}

static void expect_sent(struct uvws__conn *c, uvws_send_cb cb, void *arg) {
  struct uvws__sent_queue *q = &c->sent;
  assert(q->count < q->cap);
  q->ring[(q->first + q->count++) % q->cap] =
      (struct uvws__sent){c->written + uvws__conn_queued(c), cb, arg};
}

void uvws__conn_complete(struct uvws__conn *c, int status) {
  struct uvws__sent_queue *q = &c->sent;
  if (!status) status = c->write_error;
  while (q->count && (status || q->ring[q->first].end <= c->written)) {
    struct uvws__sent sent = q->ring[q->first];
    q->first = (q->first + 1) % q->cap;
    q->count--;
    sent.cb(c->ws, sent.end <= c->written ? 0 : status, sent.arg);
  }
}

/* `room` bytes of payload are to be written at once. */
static int start_frame(struct uvws__conn *c, struct uvws__frame_out *frame, size_t room) {
  if (frame->payload_len > SIZE_MAX - (size_t)2 * UVWS__BLOCK_SIZE) return UV_ENOMEM;
  if (c->ctx->trace.level >= UVWS_LOG_FRAMES)
    uvws__trace_frame(c->ws, 0, frame->fin, frame->rsv, frame->opcode, frame->payload_len);
  int err = uvws__pool_reserve(&c->ctx->pool, room + UVWS__HEADER_MAX);
  return err ? err : uvws__context_mask_key(c->ctx, frame->key);
}

static void append(struct uvws__conn *c, struct uvws__frame_out *frame, const uint8_t *data,
                   size_t len) {
  if (c->lending)
    uvws__lending_append(c, frame, data, len);
  else
    uvws__framer_write(c->ctx->writer, frame, data, len, &c->out, &c->ctx->pool);
}

/* A large frame leaves while it is being masked. */
static void append_large(struct uvws__conn *c, struct uvws__frame_out *frame, const uint8_t *data,
                         size_t len) {
  while (len > UVWS__MASK_STEP) {
    append(c, frame, data, UVWS__MASK_STEP);
    data += UVWS__MASK_STEP;
    len -= UVWS__MASK_STEP;
    uvws__conn_push(c);
  }
  append(c, frame, data, len);
}

size_t uvws__conn_buffered(const struct uvws__conn *c) {
  return c->ws->waiting_len + (c->state >= CONN_OPEN ? uvws__conn_queued(c) : 0);
}

int uvws__conn_is_full(const struct uvws__conn *c, size_t more) {
  size_t buffered = uvws__conn_buffered(c);
  return buffered > c->ws->marks.max || more > c->ws->marks.max - buffered;
}

static int copy_frame(struct uvws__conn *c, struct uvws__frame_out *frame,
                      const struct uvws__outgoing *out) {
  int err = start_frame(c, frame, out->len);
  if (err) return err;
  if (out->len > UVWS__MASK_STEP)
    append_large(c, frame, out->data, out->len);
  else
    append(c, frame, out->data, out->len);
  return 0;
}

static int lend_frame(struct uvws__conn *c, struct uvws__frame_out *frame,
                      const struct uvws__outgoing *out) {
  struct uvws__loan *loan;
  int err = start_frame(c, frame, 0);
  if (!err) err = uvws__loan_new(c, &loan);
  if (err) return err;
  loan->frame = *frame;
  loan->data = out->data;
  loan->len = out->len;
  uvws__lend(c, loan);
  return 0;
}

int uvws__conn_send_frame(struct uvws__conn *c, struct uvws__frame_out *frame,
                          const struct uvws__outgoing *out) {
  int is_lent = (out->flags & UVWS_SEND_BORROWED) && out->len > UVWS__LEND_MIN;
  frame->payload_len = out->len;
  int err = out->cb ? reserve_sent(c) : 0;
  if (!err) err = is_lent ? lend_frame(c, frame, out) : copy_frame(c, frame, out);
  if (err) return err;
  c->ws->counters.frames_out++;
  c->ws->counters.messages_out += frame->fin;
  if (out->cb) expect_sent(c, out->cb, out->arg);
  if (is_lent) uvws__conn_push(c);
  uvws__conn_flush_later(c);
  if (uvws__conn_buffered(c) < c->ws->marks.high) return 0;
  c->ws->is_above = 1;
  return UVWS_ABOVE_MARK;
}

static int send_packed(struct uvws__conn *c, struct uvws__frame_out *frame,
                       const struct uvws__outgoing *out) {
  struct uvws__bytes *packed = &c->ctx->packed;
  packed->len = 0;
  int err = uvws__conn_pack(c, out->data, out->len, 1, packed);
  if (err) return err;
  /* What grew goes out plain, unless the server's window now has to know it. */
  if (packed->len >= out->len && out->len && c->inbound.terms.client_no_context_takeover)
    return uvws__conn_send_frame(c, frame, out);
  struct uvws__outgoing small = *out;
  small.data = packed->data;
  small.len = packed->len;
  small.flags = 0; /* this memory is not lent */
  frame->rsv = UVWS__RSV1;
  err = uvws__conn_send_frame(c, frame, &small);
  if (err < 0) uvws__conn_unpack(c);
  return err;
}

int uvws__conn_send_message(struct uvws__conn *c, const struct uvws__outgoing *out) {
  struct uvws__frame_out frame = {.fin = 1};
  frame.opcode = out->kind == UVWS_TEXT ? UVWS__OP_TEXT : UVWS__OP_BINARY;
  if (uvws__conn_is_packed(c, out->len, out->flags)) return send_packed(c, &frame, out);
  return uvws__conn_send_frame(c, &frame, out);
}

int uvws__conn_may_send(const struct uvws__conn *c, const struct uvws__outgoing *out) {
  if (c->state != CONN_OPEN || c->write_error) return UVWS_ENOTOPEN;
  if (c->pieces.is_begun) return UVWS_EMESSAGE_OPEN;
  if (uvws__conn_is_full(c, out->len)) return UVWS_EQUEUEFULL;
  return 0;
}

int uvws__conn_send(struct uvws__conn *c, const struct uvws__outgoing *out) {
  int err = uvws__conn_may_send(c, out);
  if (err) return err;
  return uvws__conn_send_message(c, out);
}

int uvws__conn_send_control(struct uvws__conn *c, uint8_t opcode, const uint8_t *data, size_t len) {
  struct uvws__frame_out frame = {.fin = 1, .opcode = opcode, .payload_len = len};
  assert(len <= UVWS__CONTROL_MAX);
  int err = start_frame(c, &frame, len);
  if (err) return err;
  c->ws->counters.frames_out++;
  c->ws->counters.pings_out += opcode == UVWS__OP_PING;
  c->ws->counters.pongs_out += opcode == UVWS__OP_PONG;
  append(c, &frame, data, len);
  uvws__conn_flush_later(c);
  return 0;
}

/* What waited was let in by max_buffered already; frame headers count from now on only. When a
 * write fails the end of reading, or a deadline, tells. */
void uvws__conn_send_waiting(struct uvws__conn *c) {
  uvws_t *ws = c->ws;
  while (ws->waiting && !c->write_error) {
    struct uvws__waiting *w = ws->waiting;
    struct uvws__outgoing out = {w->kind, w->flags, w->data, w->len, w->cb, w->arg};
    uvws__client_pop_waiting(ws);
    int is_kept = uvws__is_keeping(ws);
    int err = is_kept ? uvws__keep_send_waiting(c, w) : uvws__conn_send_message(c, &out);
    if (err < 0) {
      /* Nothing may be lost without a word, and later messages must not overtake this one. */
      uvws__client_unpop_waiting(ws, w);
      uvws__conn_fail(c, err, UVWS__CLOSE_INTERNAL_ERROR, uvws_strerror(err));
      return;
    }
    if (!is_kept) uvws__free(&ws->ctx->env, w);
  }
}
