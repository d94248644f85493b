/* Bytes in, events out. */
#include "conn/conn.h"

/* Reading stops while so many bytes of Pongs are queued behind a write that is stuck: a peer that
 * asks and never listens costs this much and no more. */
#define STUCK_ANSWERS_MAX 65536

static int is_listening(const struct uvws__conn *c) {
  return c->state == CONN_OPEN || c->state == CONN_CLOSING;
}

static void on_ready(void *owner) {
  uvws__conn_on_secured(owner);
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
    room = UVWS__READ_SIZE;
  }
  *out = uv_buf_init((char *)to, room > INT32_MAX ? INT32_MAX : (unsigned)room);
}

static void on_data(void *owner, uint8_t *data, size_t len) {
  struct uvws__conn *c = owner;
  c->is_receiving = 1;
  if (c->state == CONN_UPGRADING)
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
  if (c->stuck_answers > STUCK_ANSWERS_MAX)
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
  case UVWS__IN_PING:
    answer_ping(c, event);
    uvws__deliver_control(c, type, event);
    break;
  case UVWS__IN_PONG:
    uvws__deliver_control(c, type, event);
    break;
  default:
    uvws__conn_take_close(c, event);
    break;
  }
}

static void put_reader_back(struct uvws__conn *c) {
  if (is_listening(c) && !uvws__framer_is_idle(c->reader)) return;
  uvws__context_give_reader(c->ctx, c->reader);
  c->reader = NULL;
}

void uvws__conn_receive(struct uvws__conn *c, const uint8_t *data, size_t len) {
  struct uvws__inbound_event event = {0};
  struct uvws__inbound_fault fault = {0};
  int type = c->reader ? 0 : uvws__context_take_reader(c->ctx, &c->reader);
  if (type < 0) {
    uvws__conn_fail(c, type, UVWS__CLOSE_INTERNAL_ERROR, uvws_strerror(type));
    return;
  }
  uvws__framer_feed(c->reader, data, len);
  while (is_listening(c)) {
    type = uvws__inbound_next(&c->inbound, c->reader, &event, &fault);
    if (type == UVWS__IN_MORE) break;
    if (type > 0)
      take_event(c, type, &event);
    else
      uvws__conn_fail(c, type, fault.close_code, fault.detail.text);
  }
  put_reader_back(c);
  if (c->stuck_answers > STUCK_ANSWERS_MAX) uvws__conn_read_as_due(c);
}
