/* A scripted proxy. */
#include "net/relay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct relay_conn {
  struct relay *relay;
  uv_tcp_t client;
  uv_tcp_t server;
  uv_connect_t connect;
  int has_server;
  int is_tunnel;
  int step;
  uint8_t in[RELAY_REQUEST_MAX];
  size_t in_len;
  const uint8_t *drip; /* what is still to be sent byte by byte */
  size_t drip_len;
  size_t sent;
};

struct answer {
  const void *data;
  size_t len;
};

#define ANSWER(text)                                                                               \
  { text, sizeof(text) - 1 }

static const struct answer good_answers[][RELAY_STEPS] = {
    [RELAY_HTTP] = {ANSWER("HTTP/1.1 200 Connection established\r\n\r\n")},
    [RELAY_SOCKS5] = {ANSWER("\x05\x00"), ANSWER("\x05\x00\x00\x01\x7f\0\0\1\0\x50")},
    [RELAY_SOCKS5_LOGIN] = {ANSWER("\x05\x02"), ANSWER("\x01\x00"),
                            ANSWER("\x05\x00\x00\x03\x04host\0\x50")},
    [RELAY_SOCKS4A] = {ANSWER("\0\x5a\0\0\0\0\0\0")},
};

static int step_count(enum relay_kind kind) {
  int count = 0;
  while (count < RELAY_STEPS && good_answers[kind][count].data)
    count++;
  return count;
}

size_t relay_answers_len(enum relay_kind kind) {
  size_t len = 0;
  for (int i = 0; i < step_count(kind); i++)
    len += good_answers[kind][i].len;
  return len;
}

static void conn_close(struct relay_conn *conn) {
  if (!uv_is_closing((uv_handle_t *)&conn->client)) uv_close((uv_handle_t *)&conn->client, NULL);
  if (conn->has_server && !uv_is_closing((uv_handle_t *)&conn->server))
    uv_close((uv_handle_t *)&conn->server, NULL);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
  (void)handle;
  *out = uv_buf_init(malloc(suggested), (unsigned)suggested);
}

struct out {
  uv_write_t req;
  void (*then)(struct relay_conn *conn);
  struct relay_conn *conn;
  uint8_t data[];
};

static void on_written(uv_write_t *req, int status) {
  struct out *out = req->data;
  struct relay_conn *conn = out->conn;
  void (*then)(struct relay_conn *) = out->then;
  free(out);
  if (then && status == 0) then(conn);
}

static void send_to(struct relay_conn *conn, uv_tcp_t *to, const void *data, size_t len,
                    void (*then)(struct relay_conn *conn)) {
  struct out *out = malloc(sizeof *out + len);
  assert(out);
  memcpy(out->data, data, len);
  out->req.data = out;
  out->conn = conn;
  out->then = then;
  uv_buf_t buf = uv_buf_init((char *)out->data, (unsigned)len);
  if (uv_is_closing((uv_handle_t *)to) ||
      uv_write(&out->req, (uv_stream_t *)to, &buf, 1, on_written) != 0)
    free(out);
}

/*
 * The tunnel
 */

static void on_shut(uv_shutdown_t *req, int status) {
  (void)status;
  free(req);
}

static void shut(uv_tcp_t *to) {
  uv_shutdown_t *req = malloc(sizeof *req);
  assert(req);
  if (uv_is_closing((uv_handle_t *)to) || uv_shutdown(req, (uv_stream_t *)to, on_shut) != 0)
    free(req);
}

static void on_tunnel_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct relay_conn *conn = stream->data;
  uv_tcp_t *other = stream == (uv_stream_t *)&conn->client ? &conn->server : &conn->client;
  if (n > 0) send_to(conn, other, buf->base, (size_t)n, NULL);
  if (n < 0) {
    uv_read_stop(stream);
    if (n == UV_EOF)
      shut(other);
    else
      conn_close(conn);
  }
  free(buf->base);
}

static void on_connect(uv_connect_t *req, int status) {
  struct relay_conn *conn = req->data;
  if (status) {
    conn_close(conn);
    return;
  }
  uv_read_start((uv_stream_t *)&conn->server, on_alloc, on_tunnel_read);
  uv_read_start((uv_stream_t *)&conn->client, on_alloc, on_tunnel_read);
}

/* What the client says meanwhile stays in the kernel. */
static void begin_tunnel(struct relay_conn *conn) {
  struct sockaddr_in address;
  uv_read_stop((uv_stream_t *)&conn->client);
  conn->is_tunnel = 1;
  conn->has_server = 1;
  uv_ip4_addr("127.0.0.1", (int)conn->relay->target, &address);
  uv_tcp_init(conn->relay->loop, &conn->server);
  uv_unref((uv_handle_t *)&conn->server);
  conn->server.data = conn;
  conn->connect.data = conn;
  uv_tcp_connect(&conn->connect, &conn->server, (struct sockaddr *)&address, on_connect);
}

/*
 * The talk
 */

static void step_done(struct relay_conn *conn) {
  if (++conn->step == step_count(conn->relay->plan.kind)) begin_tunnel(conn);
}

/* One byte, or all; up to the cut. */
static void drip(struct relay_conn *conn) {
  const struct relay_plan *plan = &conn->relay->plan;
  size_t len = plan->is_bytewise && conn->drip_len ? 1 : conn->drip_len;
  if (plan->is_cut && len > plan->cut_at - conn->sent) len = plan->cut_at - conn->sent;
  if (conn->drip_len && len == 0) {
    shut(&conn->client);
    return;
  }
  if (conn->drip_len == 0) {
    step_done(conn);
    return;
  }
  const uint8_t *data = conn->drip;
  conn->drip += len;
  conn->drip_len -= len;
  conn->sent += len;
  send_to(conn, &conn->client, data, len, drip);
}

static void answer(struct relay_conn *conn) {
  const struct relay_plan *plan = &conn->relay->plan;
  const struct answer *good = &good_answers[plan->kind][conn->step];
  if (plan->is_silent) return;
  conn->drip = plan->answers[conn->step] ? plan->answers[conn->step] : good->data;
  conn->drip_len = plan->answers[conn->step] ? plan->lens[conn->step] : good->len;
  drip(conn);
}

static size_t socks4_len(const uint8_t *in, size_t len) {
  size_t at = 8;
  for (int strings = 0; strings < 2; strings++) {
    while (at < len && in[at])
      at++;
    if (at++ >= len) return 0;
  }
  return at;
}

static size_t socks5_len(int step, int steps, const uint8_t *in, size_t len) {
  if (len < 5 && step == steps - 1) return 0;
  if (len < 2) return 0;
  if (step == 0) return 2 + (size_t)in[1];
  if (step < steps - 1) return len < 2u + in[1] + 1 ? 0 : 3 + (size_t)in[1] + in[2 + in[1]];
  return in[3] == 1 ? 10 : in[3] == 4 ? 22 : 7 + (size_t)in[4];
}

/* The length of the request at the front of `in`; 0: it is not whole. */
static size_t request_len(const struct relay_conn *conn) {
  enum relay_kind kind = conn->relay->plan.kind;
  size_t len = 0;
  if (kind == RELAY_HTTP) {
    const char *end = strstr((const char *)conn->in, "\r\n\r\n");
    return end ? (size_t)(end - (const char *)conn->in) + 4 : 0;
  }
  if (kind == RELAY_SOCKS4A)
    len = socks4_len(conn->in, conn->in_len);
  else
    len = socks5_len(conn->step, step_count(kind), conn->in, conn->in_len);
  return len > conn->in_len ? 0 : len;
}

static void take_request(struct relay_conn *conn) {
  struct relay *relay = conn->relay;
  size_t len = request_len(conn);
  if (!len) return;
  memcpy(relay->requests[conn->step], conn->in, len);
  relay->requests[conn->step][len] = '\0';
  relay->request_lens[conn->step] = len;
  conn->in_len -= len;
  memmove(conn->in, conn->in + len, conn->in_len);
  answer(conn);
}

static void on_talk_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct relay_conn *conn = stream->data;
  if (n < 0) {
    conn_close(conn);
  } else if (n > 0) {
    assert((size_t)n < sizeof conn->in - conn->in_len);
    memcpy(conn->in + conn->in_len, buf->base, (size_t)n);
    conn->in_len += (size_t)n;
    conn->in[conn->in_len] = '\0';
    take_request(conn);
  }
  free(buf->base);
}

static void on_connection(uv_stream_t *listener, int status) {
  struct relay *relay = listener->data;
  struct relay_conn *conn = calloc(1, sizeof *conn);
  assert(conn && status == 0 && relay->conn_count < RELAY_CONNS_MAX);
  relay->conns[relay->conn_count++] = conn;
  conn->relay = relay;
  uv_tcp_init(relay->loop, &conn->client);
  uv_unref((uv_handle_t *)&conn->client);
  conn->client.data = conn;
  uv_accept(listener, (uv_stream_t *)&conn->client);
  uv_tcp_nodelay(&conn->client, 1);
  uv_read_start((uv_stream_t *)&conn->client, on_alloc, on_talk_read);
}

void relay_init(struct relay *relay, uv_loop_t *loop, unsigned target,
                const struct relay_plan *plan) {
  struct sockaddr_in address;
  int len = sizeof address;
  memset(relay, 0, sizeof *relay);
  relay->loop = loop;
  relay->target = target;
  relay->plan = *plan;
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_init(loop, &relay->listener);
  relay->listener.data = relay;
  uv_tcp_bind(&relay->listener, (struct sockaddr *)&address, 0);
  int err = uv_listen((uv_stream_t *)&relay->listener, 64, on_connection);
  assert(err == 0);
  (void)err;
  uv_tcp_getsockname(&relay->listener, (struct sockaddr *)&address, &len);
  relay->port = ntohs(address.sin_port);
  uv_unref((uv_handle_t *)&relay->listener);
}

void relay_say(struct relay *relay, const void *data, size_t len) {
  struct relay_conn *conn = relay->conns[relay->conn_count - 1];
  send_to(conn, &conn->client, data, len, NULL);
}

void relay_close(struct relay *relay) {
  uv_close((uv_handle_t *)&relay->listener, NULL);
  for (size_t i = 0; i < relay->conn_count; i++)
    conn_close(relay->conns[i]);
}

void relay_deinit(struct relay *relay) {
  for (size_t i = 0; i < relay->conn_count; i++)
    free(relay->conns[i]);
}
