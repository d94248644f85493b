/*
 * Messages in, bytes out. What is queued in one turn leaves in one write: at the end of on_data
 * when it was queued below it, else at the end of the turn. A large message leaves while it is
 * being masked, as long as the kernel takes it, so that it goes through a few warm blocks and not
 * through memory.
 */
#include "conn/conn.h"

#include <assert.h>
#include <string.h>

#define WRITE_BLOCKS 64 /* per write; a transport takes this many buffers */
#define MASK_STEP ((size_t)8 * UVWS__BLOCK_SIZE)

static size_t gather(const struct uvws__chain *chain, uv_buf_t bufs[WRITE_BLOCKS],
                     unsigned *count) {
  size_t len = 0;
  *count = 0;
  for (struct uvws__block *b = chain->first; b && *count < WRITE_BLOCKS; b = b->next) {
    if (b->end == b->begin) continue;
    bufs[(*count)++] = uv_buf_init((char *)b->data + b->begin, b->end - b->begin);
    len += b->end - b->begin;
  }
  return len;
}

static void drop_output(struct uvws__conn *c, int err) {
  c->write_error = err;
  uvws__chain_clear(&c->out, &c->ctx->pool);
  c->writing = 0;
}

static void wrote(struct uvws__conn *c, size_t len) {
  uvws__chain_consume(&c->out, &c->ctx->pool, len);
  c->written += len;
}

/* Write as much as the kernel takes. Calls no user code. */
static void push(struct uvws__conn *c) {
  uv_buf_t bufs[WRITE_BLOCKS];
  unsigned count;
  while (c->out.len && !c->writing && !c->write_error) {
    size_t len = gather(&c->out, bufs, &count);
    int answer = c->transport->ops->write(c->transport, bufs, count);
    if (answer == UVWS__WRITTEN)
      wrote(c, len);
    else if (answer == UVWS__WRITING)
      c->writing = len;
    else
      drop_output(c, answer);
  }
}

static int is_writable(const struct uvws__conn *c) {
  return c->state >= CONN_UPGRADING && c->state <= CONN_DRAINING;
}

void uvws__conn_flush(struct uvws__conn *c) {
  if (!is_writable(c)) return;
  push(c);
  /* What the peer sent before it stopped listening, its Close perhaps, is still to be read: the end
   * comes from the reading side, or by this deadline. */
  if (c->write_error) uvws__conn_set_deadline(c, c->close_timeout_ms);
  uvws__conn_complete(c, 0);
  if (c->state == CONN_DRAINING && !c->out.len) uvws__conn_drained(c);
}

void uvws__conn_flush_later(struct uvws__conn *c) {
  if (!c->is_receiving) uvws__context_add_task(c->ctx, &c->task);
}

void uvws__conn_on_written(struct uvws__conn *c, int status) {
  if (status == 0) {
    wrote(c, c->writing);
    c->writing = 0;
    c->stuck_answers = 0;
    /* Progress: a peer that is slow, not dead, gets its time anew. */
    if (c->state == CONN_CLOSING || c->state == CONN_DRAINING)
      uvws__conn_set_deadline(c, c->close_timeout_ms);
    uvws__conn_read_as_due(c);
  } else {
    drop_output(c, status);
  }
  uvws__conn_flush(c);
}

static int reserve_sent(struct uvws__conn *c) {
  struct uvws__sent_queue *q = &c->sent;
  if (q->count < q->cap) return 0;
  size_t cap = q->cap ? q->cap * 2 : 8;
  struct uvws__sent *ring = uvws__alloc(&c->ctx->env, cap * sizeof *ring);
  if (!ring) return UV_ENOMEM;
  for (size_t i = 0; i < q->count; i++)
    ring[i] = q->ring[(q->first + i) % q->cap];
  uvws__free(&c->ctx->env, q->ring);
  *q = (struct uvws__sent_queue){ring, cap, 0, q->count};
  return 0;
}

static void expect_sent(struct uvws__conn *c, uvws_send_cb cb, void *arg) {
  struct uvws__sent_queue *q = &c->sent;
  q->ring[(q->first + q->count++) % q->cap] = (struct uvws__sent){c->written + c->out.len, cb, arg};
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
  if (!q->count && q->ring) {
    uvws__free(&c->ctx->env, q->ring);
    *q = (struct uvws__sent_queue){0};
  }
}

static int start_frame(struct uvws__conn *c, uint8_t opcode, size_t len,
                       struct uvws__frame_out *frame) {
  if (len > SIZE_MAX - 2 * UVWS__BLOCK_SIZE) return UV_ENOMEM;
  int err = uvws__pool_reserve(&c->ctx->pool, len + UVWS__HEADER_MAX);
  if (err) return err;
  *frame = (struct uvws__frame_out){.fin = 1, .opcode = opcode, .payload_len = len};
  return uvws__context_mask_key(c->ctx, frame->key);
}

static void write_frame(struct uvws__conn *c, struct uvws__frame_out *frame, const uint8_t *data,
                        size_t len) {
  while (len > MASK_STEP) {
    uvws__framer_write(c->ctx->writer, frame, data, MASK_STEP, &c->out, &c->ctx->pool);
    data += MASK_STEP;
    len -= MASK_STEP;
    push(c);
  }
  uvws__framer_write(c->ctx->writer, frame, data, len, &c->out, &c->ctx->pool);
}

int uvws__conn_send(struct uvws__conn *c, uvws_kind_t kind, const uint8_t *data, size_t len,
                    uvws_send_cb cb, void *arg) {
  struct uvws__frame_out frame;
  if (c->state != CONN_OPEN || c->write_error) return UVWS_ENOTOPEN;
  int err = cb ? reserve_sent(c) : 0;
  if (!err) err = start_frame(c, kind == UVWS_TEXT ? UVWS__OP_TEXT : UVWS__OP_BINARY, len, &frame);
  if (err) return err;
  write_frame(c, &frame, data, len);
  if (cb) expect_sent(c, cb, arg);
  uvws__conn_flush_later(c);
  return 0;
}

int uvws__conn_send_control(struct uvws__conn *c, uint8_t opcode, const uint8_t *data, size_t len) {
  struct uvws__frame_out frame;
  assert(len <= UVWS__CONTROL_MAX);
  int err = start_frame(c, opcode, len, &frame);
  if (err) return err;
  write_frame(c, &frame, data, len);
  uvws__conn_flush_later(c);
  return 0;
}

void uvws__conn_send_waiting(struct uvws__conn *c) {
  uvws_t *ws = c->ws;
  while (ws->waiting) {
    struct uvws__waiting *w = ws->waiting;
    int err = uvws__conn_send(c, w->kind, w->data, w->len, w->cb, w->arg);
    if (err) {
      /* Nothing may be lost without a word, and later messages must not overtake this one. */
      uvws__conn_fail(c, err, UVWS__CLOSE_INTERNAL_ERROR, uvws_strerror(err));
      return;
    }
    uvws__client_pop_waiting(ws);
    uvws__free(&ws->ctx->env, w);
  }
}
