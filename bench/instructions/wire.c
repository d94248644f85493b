/* A server made of memory below a real connection. */
#include "wire.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proto/accept.h"

/* dial_start has no argument of its own for us. */
static struct bench_wire *the_wire;

static void on_idle(uv_idle_t *idle) {
  struct bench_wire *wire = idle->data;
  void (*next)(struct bench_wire * wire) = wire->next;
  wire->next = NULL;
  uv_idle_stop(idle);
  if (next) next(wire);
}

static void from_loop(struct bench_wire *wire, void (*next)(struct bench_wire *wire)) {
  wire->next = next;
  uv_idle_start(&wire->idle, on_idle);
}

static void answer(struct bench_wire *wire) {
  static const char name[] = "Sec-WebSocket-Key: ";
  char accept[UVWS__ACCEPT_LEN + 1];
  char text[256];
  char key[UVWS__KEY_LEN + 1] = "";
  const char *field = strstr(wire->request, name);
  assert(field);
  memcpy(key, field + strlen(name), UVWS__KEY_LEN);
  int err = uvws__accept_make(key, accept);
  assert(!err);
  (void)err;
  int len = snprintf(text, sizeof text,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                     accept);
  wire->is_open = 1;
  bench_wire_deliver(wire, (const uint8_t *)text, (size_t)len, NULL, NULL);
}

static void take_request(struct bench_wire *wire, const uv_buf_t *buf) {
  assert(wire->request_len + buf->len < sizeof wire->request);
  memcpy(wire->request + wire->request_len, buf->base, buf->len);
  wire->request_len += buf->len;
  wire->request[wire->request_len] = '\0';
  if (strstr(wire->request, "\r\n\r\n")) from_loop(wire, answer);
}

static int wire_write(struct uvws__transport *t, const uv_buf_t *bufs, unsigned count) {
  struct bench_wire *wire = (struct bench_wire *)t;
  wire->writes++;
  for (unsigned i = 0; i < count; i++) {
    wire->written += bufs[i].len;
    if (!wire->is_open) take_request(wire, &bufs[i]);
  }
  return UVWS__WRITTEN;
}

static int wire_read_start(struct uvws__transport *t) {
  (void)t;
  return 0;
}

static void wire_read_stop(struct uvws__transport *t) {
  (void)t;
}

static void closed(struct bench_wire *wire) {
  uv_close((uv_handle_t *)&wire->idle, NULL);
  wire->base.events->on_closed(wire->base.owner);
}

static void wire_close(struct uvws__transport *t) {
  from_loop((struct bench_wire *)t, closed);
}

static const struct uvws__transport_ops ops = {.read_start = wire_read_start,
                                               .read_stop = wire_read_stop,
                                               .write = wire_write,
                                               .shutdown = wire_close,
                                               .close = wire_close};

static void dialled(struct bench_wire *wire) {
  wire->dial_cb(wire->dial_arg, 0, &wire->base, "");
}

static int dial_start(const struct uvws__env *env, uv_loop_t *loop,
                      struct uvws__deadlines *deadlines, const struct uvws__dial_options *options,
                      uvws__dial_cb cb, void *arg, struct uvws__dial **out) {
  struct bench_wire *wire = the_wire;
  (void)env, (void)deadlines, (void)options;
  uv_idle_init(loop, &wire->idle);
  wire->idle.data = wire;
  wire->dial_cb = cb;
  wire->dial_arg = arg;
  from_loop(wire, dialled);
  *out = (struct uvws__dial *)wire; /* opaque to the connection */
  return 0;
}

static void dial_cancel(struct uvws__dial *dial) {
  (void)dial; /* the bench never cancels */
}

void bench_wire_init(struct bench_wire *wire, uvws_context_t *ctx) {
  memset(wire, 0, sizeof *wire);
  wire->base.ops = &ops;
  the_wire = wire;
  ctx->dial_start = dial_start;
  ctx->dial_cancel = dial_cancel;
}

void bench_wire_deliver(struct bench_wire *wire, const uint8_t *data, size_t len,
                        void (*before)(void), void (*after)(void)) {
  const struct uvws__transport_events *events = wire->base.events;
  while (len) {
    uv_buf_t buf;
    if (before) before();
    events->on_alloc(wire->base.owner, &buf);
    if (after) after();
    size_t n = len < buf.len ? len : buf.len;
    memcpy(buf.base, data, n);
    if (before) before();
    events->on_data(wire->base.owner, (uint8_t *)buf.base, n);
    if (after) after();
    data += n;
    len -= n;
  }
}
