/* TLS in front of a plain server, by OpenSSL and memory BIOs. */
#include "fault/tls_front.h"

#include <assert.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "fault/fault.h"

struct front_conn {
  struct tls_front *front;
  uv_tcp_t client;
  uv_tcp_t server;
  uv_connect_t connect;
  SSL *ssl;
  int is_secured;
  int is_shut; /* towards the client */
};

static void conn_close(struct front_conn *conn) {
  if (uv_is_closing((uv_handle_t *)&conn->client)) return;
  uv_close((uv_handle_t *)&conn->client, NULL);
  uv_close((uv_handle_t *)&conn->server, NULL);
}

struct out {
  uv_write_t req;
  uint8_t data[];
};

static void on_written(uv_write_t *req, int status) {
  (void)status;
  free(req->data);
}

static void send_to(uv_tcp_t *to, const void *data, size_t len) {
  struct out *out = malloc(sizeof *out + len);
  assert(out);
  memcpy(out->data, data, len);
  out->req.data = out;
  uv_buf_t buf = uv_buf_init((char *)out->data, (unsigned)len);
  if (uv_is_closing((uv_handle_t *)to) ||
      uv_write(&out->req, (uv_stream_t *)to, &buf, 1, on_written) != 0)
    free(out);
}

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

/* What OpenSSL has sealed. */
static void flush(struct front_conn *conn) {
  uint8_t room[16384];
  int len;
  while ((len = BIO_read(SSL_get_wbio(conn->ssl), room, sizeof room)) > 0)
    send_to(&conn->client, room, (size_t)len);
}

static int is_waiting(struct front_conn *conn, int answer) {
  return SSL_get_error(conn->ssl, answer) == SSL_ERROR_WANT_READ;
}

/* 0: OpenSSL gave up. */
static int shake(struct front_conn *conn) {
  if (conn->is_secured) return 1;
  int answer = SSL_accept(conn->ssl);
  if (answer != 1) return is_waiting(conn, answer);
  conn->is_secured = 1;
  conn->front->secured++;
  conn->front->resumed += (size_t)SSL_session_reused(conn->ssl);
  return 1;
}

static int open_up(struct front_conn *conn) {
  uint8_t room[16384];
  int len;
  while ((len = SSL_read(conn->ssl, room, sizeof room)) > 0)
    send_to(&conn->server, room, (size_t)len);
  if (SSL_get_error(conn->ssl, len) == SSL_ERROR_ZERO_RETURN) shut(&conn->server);
  return is_waiting(conn, len) || SSL_get_error(conn->ssl, len) == SSL_ERROR_ZERO_RETURN;
}

static void advance(struct front_conn *conn) {
  ERR_clear_error();
  int is_well = shake(conn) && (!conn->is_secured || open_up(conn));
  flush(conn);
  if (!is_well) shut(&conn->server);
  if (!is_well && !conn->is_shut) {
    conn->is_shut = 1;
    shut(&conn->client); /* behind the alert */
  }
  ERR_clear_error();
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
  (void)handle;
  *out = uv_buf_init(malloc(suggested), (unsigned)suggested);
}

static void on_client_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct front_conn *conn = stream->data;
  fault_hold();
  if (n > 0) {
    BIO_write(SSL_get_rbio(conn->ssl), buf->base, (int)n);
    advance(conn);
  } else if (n == UV_EOF) {
    uv_read_stop(stream);
    shut(&conn->server);
  } else if (n < 0) {
    conn_close(conn);
  }
  fault_let();
  free(buf->base);
}

static void end_client(struct front_conn *conn) {
  if (conn->is_shut) return;
  conn->is_shut = 1;
  ERR_clear_error();
  if (conn->is_secured) SSL_shutdown(conn->ssl);
  flush(conn);
  shut(&conn->client);
}

static void on_server_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct front_conn *conn = stream->data;
  fault_hold();
  if (n > 0 && !conn->is_shut) {
    ERR_clear_error();
    SSL_write(conn->ssl, buf->base, (int)n);
    flush(conn);
  } else if (n == UV_EOF) {
    uv_read_stop(stream);
    end_client(conn);
  } else if (n < 0) {
    conn_close(conn);
  }
  fault_let();
  free(buf->base);
}

static void on_connect(uv_connect_t *req, int status) {
  struct front_conn *conn = req->data;
  if (status)
    conn_close(conn);
  else
    uv_read_start((uv_stream_t *)&conn->server, on_alloc, on_server_read);
}

static void open_handle(uv_loop_t *loop, uv_tcp_t *handle, struct front_conn *conn) {
  uv_tcp_init(loop, handle);
  uv_tcp_nodelay(handle, 1);
  uv_unref((uv_handle_t *)handle);
  handle->data = conn;
}

/* Writes to the target wait until it is connected. */
static void on_connection(uv_stream_t *listener, int status) {
  struct tls_front *front = listener->data;
  struct front_conn *conn = calloc(1, sizeof *conn);
  struct sockaddr_in address;
  assert(conn && status == 0 && front->conn_count < FRONT_CONNS_MAX);
  front->conns[front->conn_count++] = conn;
  fault_hold();
  conn->front = front;
  open_handle(front->loop, &conn->client, conn);
  open_handle(front->loop, &conn->server, conn);
  uv_accept(listener, (uv_stream_t *)&conn->client);
  conn->ssl = SSL_new(front->ctx);
  assert(conn->ssl);
  SSL_set_bio(conn->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_accept_state(conn->ssl);
  uv_ip4_addr("127.0.0.1", (int)front->target, &address);
  conn->connect.data = conn;
  uv_tcp_connect(&conn->connect, &conn->server, (struct sockaddr *)&address, on_connect);
  uv_read_start((uv_stream_t *)&conn->client, on_alloc, on_client_read);
  fault_let();
}

void tls_front_init(struct tls_front *front, uv_loop_t *loop, SSL_CTX *ctx, unsigned target) {
  struct sockaddr_in address;
  int len = sizeof address;
  memset(front, 0, sizeof *front);
  front->loop = loop;
  front->ctx = ctx;
  front->target = target;
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_init(loop, &front->listener);
  front->listener.data = front;
  uv_tcp_bind(&front->listener, (struct sockaddr *)&address, 0);
  int err = uv_listen((uv_stream_t *)&front->listener, 64, on_connection);
  assert(err == 0);
  (void)err;
  uv_tcp_getsockname(&front->listener, (struct sockaddr *)&address, &len);
  front->port = ntohs(address.sin_port);
  uv_unref((uv_handle_t *)&front->listener);
}

void tls_front_close(struct tls_front *front) {
  uv_close((uv_handle_t *)&front->listener, NULL);
  for (size_t i = 0; i < front->conn_count; i++)
    conn_close(front->conns[i]);
}

void tls_front_deinit(struct tls_front *front) {
  fault_hold();
  for (size_t i = 0; i < front->conn_count; i++) {
    SSL_free(front->conns[i]->ssl);
    free(front->conns[i]);
  }
  fault_let();
}
