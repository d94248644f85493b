/* Bytes in, events out. */
#include "conn/conn.h"

#include <string.h>

/* Reading stops while so many bytes of Pongs are queued behind a write that is stuck: a peer that
 * asks and never listens costs this much and no more. */
#define STUCK_ANSWERS_MAX 65536

static int is_listening(const struct uvws__conn *c) {
  return c->state == CONN_OPEN || c->state == CONN_CLOSING;
}

static void on_ready(void *owner) {
  struct uvws__conn *c = owner;
  if (c->state == CONN_TUNNELLING)
    uvws__tunnel_on_ready(c);
  else
    uvws__conn_on_secured(c);
}

static void on_alloc(void *owner, uv_buf_t *out) {
  struct uvws__conn *c = owner;
  size_t room = 0;
  uint8_t *to = NULL;
  /* The rest of a large message goes straight to its place. */
  if (is_listening(c) && c->reader)
    to = uvws__inbound_room(&c->inbound, c->reader, UVWS__READ_SIZE, &room);
  if (!to) {
    to = c->ctx->read_buffer;
    room = c->ws->callbacks.on_chunk ? UVWS__CHUNK_SIZE : UVWS__READ_SIZE;
  }
  *out = uv_buf_init((char *)to, room > INT32_MAX ? INT32_MAX : (unsigned)room);
}

static void on_data(void *owner, uint8_t *data, size_t len) {
  struct uvws__conn *c = owner;
  c->heard_ms = uvws__context_loop_ms(c->ctx);
  c->ws->counters.bytes_in += len;
  c->is_receiving = 1;
  if (c->state == CONN_TUNNELLING)
    uvws__tunnel_receive(c, data, len);
  else if (c->state == CONN_UPGRADING)
    uvws__conn_upgrade(c, data, len);
  else if (is_listening(c))
    uvws__conn_receive(c, data, len);
  c->is_receiving = 0;
  uvws__conn_flush(c);
}

static void on_end(void *owner, int err, const char *detail) {
  uvws__conn_on_end(owner, err, detail);
}

static void on_written(void *owner, int status) {
  uvws__conn_on_written(owner, status);
}

static void on_closed(void *owner) {
  struct uvws__conn *c = owner;
  c->transport = NULL;
  if (c->state == CONN_REDIRECTING)
    uvws__conn_follow_redirect(c);
  else
    uvws__conn_end(c);
}

const struct uvws__transport_events uvws__conn_events = {.on_ready = on_ready,
                                                         .on_alloc = on_alloc,
                                                         .on_data = on_data,
                                                         .on_end = on_end,
                                                         .on_written = on_written,
                                                         .on_closed = on_closed};

void uvws__conn_read_as_due(struct uvws__conn *c) {
  if (c->state < CONN_UPGRADING || c->state == CONN_CUT) return;
  int must_hold = c->is_paused || c->stash.len || c->stuck_answers > STUCK_ANSWERS_MAX;
  c->is_held = is_listening(c) && must_hold;
  if (c->is_held)
    c->transport->ops->read_stop(c->transport);
  else
    c->transport->ops->read_start(c->transport);
}

static void answer_ping(struct uvws__conn *c, const struct uvws__inbound_event *event) {
  /* Without memory for the Pong the connection goes on: the next Ping gets its own. */
  if (c->state != CONN_OPEN || c->write_error) return;
  if (uvws__conn_send_control(c, UVWS__OP_PONG, event->data, event->len) == 0 && c->writing)
    c->stuck_answers += event->len + UVWS__HEADER_MAX;
}

static void take_event(struct uvws__conn *c, int type, const struct uvws__inbound_event *event) {
  switch (type) {
  case UVWS__IN_MESSAGE:
    uvws__deliver_message(c, event);
    uvws__inbound_release(&c->inbound);
    break;
  case UVWS__IN_CHUNK:
    uvws__deliver_chunk(c, event);
    break;
  case UVWS__IN_PING:
    c->ws->counters.pings_in++;
    answer_ping(c, event);
    uvws__deliver_control(c, type, event);
    break;
  case UVWS__IN_PONG:
    c->ws->counters.pongs_in++;
    if (!uvws__keepalive_take_pong(c, event->data, event->len))
      uvws__deliver_control(c, type, event);
    break;
  default:
    uvws__conn_take_close(c, event);
    break;
  }
}

/* What is read but not looked at waits for uvws_resume. */
static void stash(struct uvws__conn *c) {
  const uint8_t *rest;
  size_t len = uvws__inbound_rest(&c->inbound, c->reader, &rest);
  int err = len ? uvws__bytes_append(&c->ctx->env, &c->stash, rest, len) : 0;
  if (err) uvws__conn_fail(c, err, UVWS__CLOSE_INTERNAL_ERROR, uvws_strerror(err));
}

static void put_reader_back(struct uvws__conn *c) {
  if (is_listening(c) && !uvws__framer_is_idle(c->reader)) return;
  uvws__context_give_reader(c->ctx, c->reader);
  c->reader = NULL;
}

static void on_frame(void *arg, const struct uvws__frame *f) {
  uvws__trace_frame(((struct uvws__conn *)arg)->ws, 1, f->fin, f->rsv, f->opcode, f->payload_len);
}

static void receive_events(struct uvws__conn *c) {
  struct uvws__inbound_event event = {0};
  struct uvws__fault fault = {0};
  while (is_listening(c) && !c->is_paused) {
    c->inbound.wants_chunks = c->ws->callbacks.on_chunk != NULL;
    c->inbound.on_frame = c->ctx->trace.level >= UVWS_LOG_FRAMES ? on_frame : NULL;
    int type = uvws__inbound_next(&c->inbound, c->reader, &event, &fault);
    if (type == UVWS__IN_MORE) break;
    if (type > 0)
      take_event(c, type, &event);
    else
      uvws__conn_fail(c, type, fault.close_code, fault.detail.text);
  }
}

void uvws__conn_receive(struct uvws__conn *c, const uint8_t *data, size_t len) {
  if (!is_listening(c)) return; /* on_open, or what waited for it, may have ended us */
  int err = c->reader ? 0 : uvws__context_take_reader(c->ctx, &c->reader);
  if (err) {
    uvws__conn_fail(c, err, UVWS__CLOSE_INTERNAL_ERROR, uvws_strerror(err));
    return;
  }
  uvws__inbound_feed(&c->inbound, c->reader, data, len);
  receive_events(c);
  if (is_listening(c) && c->is_paused) stash(c);
  put_reader_back(c);
  if (c->is_paused || c->stuck_answers > STUCK_ANSWERS_MAX) uvws__conn_read_as_due(c);
}

void uvws__conn_receive_stash(struct uvws__conn *c) {
  if (!c->is_held || c->is_paused || !is_listening(c)) return;
  struct uvws__bytes stashed = c->stash;
  memset(&c->stash, 0, sizeof c->stash);
  if (stashed.data || c->inbound.is_expanding) {
    c->is_receiving = 1;
    uvws__conn_receive(c, stashed.data, stashed.len);
    c->is_receiving = 0;
  }
  uvws__bytes_deinit(&c->ctx->env, &stashed);
  uvws__conn_read_as_due(c);
}

void uvws__conn_pause(struct uvws__conn *c) {
  /* A paused socket would keep the peer's Close away, and nothing would keep the loop alive. */
  if (c->state > CONN_OPEN) return;
  c->is_paused = 1;
  if (is_listening(c)) uvws__conn_read_as_due(c);
}

void uvws__conn_resume(struct uvws__conn *c) {
  if (!c->is_paused) return;
  c->is_paused = 0;
  if (is_listening(c)) uvws__context_add_task(c->ctx, &c->task);
}
