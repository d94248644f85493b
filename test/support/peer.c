/* A scripted raw TCP peer. */
#include "support/peer.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char good_answer[] = "HTTP/1.1 101 Switching Protocols\r\n"
                                  "Upgrade: websocket\r\n"
                                  "Connection: Upgrade\r\n"
                                  "Sec-WebSocket-Accept: %A\r\n\r\n";

static void buf_put(struct peer_buf *b, const void *data, size_t len) {
  if (b->cap - b->len < len) {
    while (b->cap - b->len < len)
      b->cap = b->cap ? b->cap * 2 : 256;
    b->data = realloc(b->data, b->cap);
    assert(b->data);
  }
  if (len) memcpy(b->data + b->len, data, len);
  b->len += len;
}

static void buf_drop(struct peer_buf *b, size_t len) {
  b->len -= len;
  if (b->len) memmove(b->data, b->data + len, b->len);
}

/*
 * Out
 */

struct out {
  uv_write_t req;
  struct peer_conn *conn;
  uint8_t data[];
};

static void drip(struct peer_conn *conn);
static void end_plan(struct peer_conn *conn);
static void plan_goes_on(struct peer_conn *conn);

static void on_peer_write(uv_write_t *req, int status) {
  struct out *out = req->data;
  struct peer_conn *conn = out->conn;
  (void)status; /* a client that is gone is the test's own business */
  free(out);
  conn->writes--;
  if (conn->is_closed) return;
  if (conn->is_dripping) drip(conn);
  plan_goes_on(conn);
}

static void send_now(struct peer_conn *conn, const void *data, size_t len) {
  struct out *out = malloc(sizeof *out + len);
  assert(out);
  memcpy(out->data, data, len);
  out->req.data = out;
  out->conn = conn;
  uv_buf_t buf = uv_buf_init((char *)out->data, (unsigned)len);
  conn->writes++;
  if (uv_write(&out->req, (uv_stream_t *)&conn->handle, &buf, 1, on_peer_write) != 0) {
    conn->writes--;
    free(out);
  }
}

static void drip(struct peer_conn *conn) {
  conn->is_dripping = conn->dripped < conn->drip.len;
  if (conn->is_dripping)
    send_now(conn, conn->drip.data + conn->dripped++, 1);
  else if (conn->wants_fin)
    peer_fin(conn);
}

void peer_send(struct peer_conn *conn, const void *data, size_t len) {
  if (conn->is_closed || len == 0) return;
  if (conn->plan->pace != PEER_BYTES) {
    send_now(conn, data, len);
    return;
  }
  buf_put(&conn->drip, data, len);
  if (!conn->is_dripping) drip(conn);
}

size_t peer_frame_header(uint8_t out[10], int first, uint64_t len) {
  size_t size = len < 126 ? 0 : len < 65536 ? 2 : 8;
  out[0] = (uint8_t)first;
  out[1] = (uint8_t)(size == 0 ? len : size == 2 ? 126 : 127);
  for (size_t i = 0; i < size; i++)
    out[2 + i] = (uint8_t)(len >> (8 * (size - 1 - i)));
  return 2 + size;
}

void peer_send_frame(struct peer_conn *conn, int first, const void *data, size_t len) {
  struct peer_buf b = {0};
  uint8_t header[10];
  buf_put(&b, header, peer_frame_header(header, first, len));
  buf_put(&b, data, len);
  peer_send(conn, b.data, b.len);
  free(b.data);
}

static void on_peer_shutdown(uv_shutdown_t *req, int status) {
  (void)status;
  free(req);
}

void peer_fin(struct peer_conn *conn) {
  if (conn->is_dripping) {
    conn->wants_fin = 1;
    return;
  }
  uv_shutdown_t *req = malloc(sizeof *req);
  assert(req);
  if (conn->is_closed || uv_shutdown(req, (uv_stream_t *)&conn->handle, on_peer_shutdown) != 0)
    free(req);
}

static void on_peer_closed(uv_handle_t *handle) {
  (void)handle;
}

static void conn_close(struct peer_conn *conn) {
  if (conn->is_closed) return;
  conn->is_closed = 1;
  uv_close((uv_handle_t *)&conn->handle, on_peer_closed);
}

void peer_drop(struct peer_conn *conn) {
  conn_close(conn);
}

void peer_reset(struct peer_conn *conn) {
  if (conn->is_closed) return;
  if (uv_tcp_close_reset(&conn->handle, on_peer_closed) == 0)
    conn->is_closed = 1;
  else
    conn_close(conn);
}

/*
 * The plan
 */

void peer_accept_value(const char *key, char out[29]) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned hash_len;
  char text[128];
  snprintf(text, sizeof text, "%.64s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
  EVP_Digest(text, strlen(text), hash, &hash_len, EVP_sha1(), NULL);
  EVP_EncodeBlock((unsigned char *)out, hash, (int)hash_len);
}

static void find_key(const char *request, char key[64]) {
  const char *at = request ? strstr(request, "Sec-WebSocket-Key: ") : NULL;
  key[0] = '\0';
  if (at) sscanf(at, "Sec-WebSocket-Key: %63[^\r]", key);
}

static void put_answer(struct peer_conn *conn, struct peer_buf *b) {
  const char *text = conn->plan->answer ? conn->plan->answer : good_answer;
  for (; *text; text++) {
    if (text[0] == '%' && text[1] == 'A') {
      char key[64], accept[29];
      find_key(conn->request, key);
      peer_accept_value(key, accept);
      buf_put(b, accept, strlen(accept));
      text++;
    } else if (text[0] == '%' && text[1] == 'X') {
      for (size_t i = 0; i < conn->plan->answer_pad; i++)
        buf_put(b, "x", 1);
      text++;
    } else {
      buf_put(b, text, 1);
    }
  }
}

static void answer(struct peer_conn *conn) {
  struct peer_buf b = {0};
  if (conn->plan->is_silent || conn->is_answered) return;
  conn->is_answered = 1;
  put_answer(conn, &b);
  if (conn->plan->pace == PEER_GLUED) buf_put(&b, conn->plan->bytes, conn->plan->len);
  peer_send(conn, b.data, b.len);
  free(b.data);
  plan_goes_on(conn);
}

static void end_plan(struct peer_conn *conn) {
  conn->is_ended = 1;
  if (conn->plan->end == PEER_FIN) peer_fin(conn);
  if (conn->plan->end == PEER_RESET) peer_reset(conn);
}

/* Called whenever something was written. */
static void plan_goes_on(struct peer_conn *conn) {
  if (!conn->is_answered || conn->writes || conn->is_dripping || conn->is_ended) return;
  if (!conn->is_done_sending) {
    conn->is_done_sending = 1;
    if (conn->plan->pace != PEER_GLUED) peer_send(conn, conn->plan->bytes, conn->plan->len);
    if (conn->writes || conn->is_dripping) return;
  }
  end_plan(conn);
}

/*
 * In
 */

static void take_request(struct peer_conn *conn) {
  buf_put(&conn->in, "", 1);
  conn->in.len--;
  const char *end = strstr((char *)conn->in.data, "\r\n\r\n");
  if (!end) return;
  size_t len = (size_t)(end - (char *)conn->in.data) + 4;
  conn->request = malloc(len + 1);
  assert(conn->request);
  memcpy(conn->request, conn->in.data, len);
  conn->request[len] = '\0';
  buf_drop(&conn->in, len);
  conn->received = conn->in.len;
  if (conn->plan->is_deaf) peer_read(conn, 0);
  answer(conn);
}

static void take_close(struct peer_conn *conn, const struct peer_frame *frame) {
  conn->saw_close = 1;
  switch (conn->plan->manners) {
  case PEER_POLITE:
    peer_send_frame(conn, 0x88, frame->data, frame->len < 2 ? 0 : 2);
    peer_fin(conn);
    break;
  case PEER_ANSWERS_ONLY:
    peer_send_frame(conn, 0x88, frame->data, frame->len < 2 ? 0 : 2);
    break;
  case PEER_DROPS:
    peer_fin(conn);
    break;
  case PEER_RESETS:
    peer_reset(conn);
    break;
  case PEER_MUTE:
    break;
  }
}

/* The length of the frame at the front of `in`, header included; 0: it is not whole. */
static size_t read_frame(const struct peer_buf *in, struct peer_frame *frame) {
  const uint8_t *p = in->data;
  if (in->len < 2) return 0;
  size_t size = (p[1] & 0x7F) == 126 ? 2 : (p[1] & 0x7F) == 127 ? 8 : 0;
  *frame = (struct peer_frame){.fin = p[0] >> 7,
                               .rsv = (p[0] >> 4) & 7,
                               .opcode = p[0] & 15,
                               .is_masked = p[1] >> 7,
                               .len = size ? 0 : p[1] & 0x7F};
  size_t head = 2 + size + (frame->is_masked ? 4 : 0);
  if (in->len < head) return 0;
  for (size_t i = 0; i < size; i++)
    frame->len = frame->len << 8 | p[2 + i];
  if (in->len - head < frame->len) return 0;
  if (frame->is_masked) memcpy(frame->key, p + 2 + size, 4);
  frame->data = malloc(frame->len + 1);
  assert(frame->data);
  for (size_t i = 0; i < frame->len; i++)
    frame->data[i] = p[head + i] ^ frame->key[i & 3];
  frame->data[frame->len] = '\0';
  return head + frame->len;
}

static void keep_frame(struct peer_conn *conn, const struct peer_frame *frame) {
  size_t n = conn->frame_count;
  if ((n & (n - 1)) == 0) {
    conn->frames = realloc(conn->frames, (n ? 2 * n : 1) * sizeof *frame);
    assert(conn->frames);
  }
  conn->frames[conn->frame_count++] = *frame;
}

static void take_frames(struct peer_conn *conn) {
  struct peer_frame frame;
  size_t at = 0;
  struct peer_buf rest = conn->in;
  for (size_t n; (n = read_frame(&rest, &frame)) > 0; at += n) {
    rest.data += n;
    rest.len -= n;
    keep_frame(conn, &frame);
    if (conn->peer->on_frame) conn->peer->on_frame(conn, &frame);
    if (frame.opcode == 8) take_close(conn, &frame);
    if (conn->plan->echoes && (frame.opcode == 1 || frame.opcode == 2))
      peer_send_frame(conn, 0x80 | frame.opcode, frame.data, frame.len);
  }
  buf_drop(&conn->in, at);
}

static void on_peer_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
  struct peer_conn *conn = handle->data;
  (void)suggested;
  size_t len = conn->budget < 65536 ? conn->budget : 65536;
  *out = uv_buf_init(malloc(len), (unsigned)len);
}

static void on_peer_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct peer_conn *conn = stream->data;
  if (n > 0) {
    buf_put(&conn->in, buf->base, (size_t)n);
    if (conn->request) conn->received += (size_t)n;
    if (conn->budget != SIZE_MAX) conn->budget -= (size_t)n;
    if (conn->budget == 0) uv_read_stop(stream);
    if (!conn->request) take_request(conn);
    if (conn->request && !conn->is_closed) take_frames(conn);
  } else if (n < 0) {
    conn->saw_eof = n == UV_EOF;
    conn->saw_error = n == UV_EOF ? 0 : (int)n;
    conn_close(conn);
  }
  free(buf->base);
}

void peer_read(struct peer_conn *conn, size_t len) {
  if (conn->is_closed) return;
  conn->budget = len;
  uv_read_stop((uv_stream_t *)&conn->handle);
  if (len) uv_read_start((uv_stream_t *)&conn->handle, on_peer_alloc, on_peer_read);
}

/*
 * Life
 */

static void on_connection(uv_stream_t *listener, int status) {
  struct peer *peer = listener->data;
  assert(status == 0 && peer->conn_count < PEER_CONNS_MAX);
  struct peer_conn *conn = calloc(1, sizeof *conn);
  assert(conn);
  peer->conns[peer->conn_count++] = conn;
  conn->peer = peer;
  conn->plan = &peer->plan;
  uv_tcp_init(peer->loop, &conn->handle);
  conn->handle.data = conn;
  uv_accept(listener, (uv_stream_t *)&conn->handle);
  uv_tcp_nodelay(&conn->handle, 1);
  uv_unref((uv_handle_t *)&conn->handle);
  peer_read(conn, SIZE_MAX);
  if (conn->plan->speaks_first) answer(conn);
}

void peer_init(struct peer *peer, uv_loop_t *loop, const struct peer_plan *plan) {
  struct sockaddr_in address;
  int len = sizeof address;
  memset(peer, 0, sizeof *peer);
  peer->loop = loop;
  if (plan) peer->plan = *plan;
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_init(loop, &peer->listener);
  peer->listener.data = peer;
  uv_tcp_bind(&peer->listener, (struct sockaddr *)&address, 0);
  if (peer->plan.receive_buffer)
    uv_recv_buffer_size((uv_handle_t *)&peer->listener, &peer->plan.receive_buffer);
  int err = uv_listen((uv_stream_t *)&peer->listener, 64, on_connection);
  assert(err == 0);
  (void)err;
  uv_tcp_getsockname(&peer->listener, (struct sockaddr *)&address, &len);
  peer->port = ntohs(address.sin_port);
  uv_unref((uv_handle_t *)&peer->listener);
}

void peer_close(struct peer *peer) {
  uv_close((uv_handle_t *)&peer->listener, NULL);
  for (size_t i = 0; i < peer->conn_count; i++)
    conn_close(peer->conns[i]);
}

void peer_deinit(struct peer *peer) {
  for (size_t i = 0; i < peer->conn_count; i++) {
    struct peer_conn *conn = peer->conns[i];
    for (size_t j = 0; j < conn->frame_count; j++)
      free(conn->frames[j].data);
    free(conn->frames);
    free(conn->in.data);
    free(conn->drip.data);
    free(conn->request);
    free(conn);
  }
  peer->conn_count = 0;
}

int peer_close_code(const struct peer_conn *conn) {
  for (size_t i = 0; i < conn->frame_count; i++) {
    const struct peer_frame *frame = &conn->frames[i];
    if (frame->opcode == 8) return frame->len < 2 ? 1005 : frame->data[0] << 8 | frame->data[1];
  }
  return 0;
}

size_t peer_count(const struct peer_conn *conn, int opcode) {
  size_t count = 0;
  for (size_t i = 0; i < conn->frame_count; i++)
    count += conn->frames[i].opcode == opcode;
  return count;
}
