/*
 * Bytes out. What is queued in one turn leaves in one write: at the end of on_data when it was
 * queued below it, else at the end of the turn.
 */
#include "conn/conn.h"

#define WRITE_BLOCKS 64 /* per write; a transport takes this many buffers */

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
  c->ws->counters.bytes_dropped += uvws__conn_queued(c);
  uvws__lending_clear(c);
  uvws__chain_clear(&c->out, &c->ctx->pool);
  c->writing = 0;
}

static void wrote(struct uvws__conn *c, size_t len) {
  uvws__chain_consume(&c->out, &c->ctx->pool, len);
  c->written += len;
}

void uvws__conn_push(struct uvws__conn *c) {
  uv_buf_t bufs[WRITE_BLOCKS];
  unsigned count;
  while (!c->writing && !c->write_error) {
    int err = c->lending ? uvws__lending_draw(c) : 0;
    if (err) drop_output(c, err);
    if (!c->out.len) return;
    size_t len = gather(&c->out, bufs, &count);
    int answer = c->transport->ops->write(c->transport, bufs, count);
    if (answer == UVWS__WRITTEN)
      wrote(c, len);
    else if (answer == UVWS__WRITING)
      c->writing = c->unsent = len;
    else
      drop_output(c, answer);
  }
}

int uvws__conn_has_progressed(struct uvws__conn *c) {
  size_t before = c->unsent;
  if (!c->writing) return 0;
  c->unsent = c->transport->ops->unsent(c->transport);
  return c->unsent < before;
}

static int is_writable(const struct uvws__conn *c) {
  return c->state == CONN_TUNNELLING || (c->state >= CONN_UPGRADING && c->state <= CONN_DRAINING);
}

static void tell_drained(struct uvws__conn *c) {
  uvws_t *ws = c->ws;
  if (!ws->is_above || c->state != CONN_OPEN || c->write_error) return;
  if (uvws__conn_buffered(c) > ws->marks.low) return;
  ws->is_above = 0;
  uvws__deliver_drain(c);
}

void uvws__conn_flush(struct uvws__conn *c) {
  if (!is_writable(c)) return;
  uvws__conn_push(c);
  /* What the peer sent before it stopped listening, its Close perhaps, is still to be read: the end
   * comes from the reading side, or by this deadline. */
  if (c->write_error && !c->deadline.place) uvws__conn_set_deadline(c, c->close_timeout_ms);
  uvws__conn_complete(c, 0);
  tell_drained(c);
  if (c->state == CONN_DRAINING && !uvws__conn_queued(c)) uvws__conn_drained(c);
  uvws__pool_trim(&c->ctx->pool);
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
