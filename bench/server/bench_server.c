/*
 * bench_server [--cert FILE --key FILE]: the lean server that all clients are measured against.
 *
 * Listens on 127.0.0.1, prints "ws PORT" and, with a certificate, "wss PORT", and ends when its
 * standard input does. What a path means: session.h. One loop, one thread: give it a core of its
 * own.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include "session.h"

#define READ_SIZE 262144
#define BACKLOG 16384
#define QUEUE_MOST ((size_t)4 << 20) /* of an echo that is not taken: then reading stops */

struct peer {
  uv_tcp_t tcp;
  struct bench_session session;
  SSL *ssl; /* NULL: plain */
  struct bench_buffer out;
  uv_write_t write;
  struct bench_buffer flying;
  int is_writing;
  int is_reading;
};

static uv_loop_t loop;
static SSL_CTX *tls;
static uv_tcp_t listeners[2];
static uv_pipe_t life;
static char read_buffer[READ_SIZE];
static char plain[READ_SIZE];

static void on_peer_closed(uv_handle_t *handle) {
  struct peer *p = handle->data;
  SSL_free(p->ssl);
  free(p->out.data);
  free(p->flying.data);
  free(p);
}

static void hang_up(struct peer *p) {
  if (!uv_is_closing((uv_handle_t *)&p->tcp)) uv_close((uv_handle_t *)&p->tcp, on_peer_closed);
}

static void go_on(struct peer *p);

static void on_written(uv_write_t *write, int status) {
  struct peer *p = write->data;
  p->is_writing = 0;
  p->flying.len = 0;
  if (status)
    hang_up(p);
  else
    go_on(p);
}

static void write_later(struct peer *p, const uint8_t *data, size_t len) {
  uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data, (unsigned)len);
  p->write.data = p;
  p->is_writing = 1;
  if (uv_write(&p->write, (uv_stream_t *)&p->tcp, &buf, 1, on_written) != 0) hang_up(p);
}

/* Bytes that OpenSSL has sealed. */
static void take_sealed(struct peer *p) {
  BIO *bio = SSL_get_wbio(p->ssl);
  size_t len;
  while ((len = BIO_ctrl_pending(bio)) > 0) {
    int n = BIO_read(bio, bench_buffer_room(&p->out, len), (int)len);
    if (n > 0) p->out.len += (size_t)n;
  }
}

static void flush(struct peer *p) {
  if (p->is_writing || !p->out.len) return;
  uv_buf_t buf = uv_buf_init((char *)p->out.data, (unsigned)p->out.len);
  int n = uv_try_write((uv_stream_t *)&p->tcp, &buf, 1);
  if (n < 0 && n != UV_EAGAIN) {
    hang_up(p);
    return;
  }
  size_t sent = n < 0 ? 0 : (size_t)n;
  if (sent == p->out.len) {
    p->out.len = 0;
    return;
  }
  struct bench_buffer empty = p->flying;
  p->flying = p->out;
  p->out = empty;
  p->out.len = 0;
  write_later(p, p->flying.data + sent, p->flying.len - sent);
}

static void source_more(struct peer *p) {
  const struct bench_block *block = p->session.block;
  if (p->is_writing || p->out.len || p->session.is_ending) return;
  if (!p->ssl) {
    write_later(p, block->data, block->len);
    return;
  }
  for (size_t done = 0; done < block->len;) {
    size_t n = block->len - done < 16384 ? block->len - done : 16384;
    if (SSL_write(p->ssl, block->data + done, (int)n) <= 0) break;
    done += n;
  }
  take_sealed(p);
  struct bench_buffer empty = p->flying;
  p->flying = p->out;
  p->out = empty;
  write_later(p, p->flying.data, p->flying.len);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
  (void)handle, (void)suggested;
  *out = uv_buf_init(read_buffer, sizeof read_buffer);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void follow_reading(struct peer *p) {
  int is_wanted = p->out.len + p->flying.len < QUEUE_MOST;
  if (uv_is_closing((uv_handle_t *)&p->tcp) || is_wanted == p->is_reading) return;
  p->is_reading = is_wanted;
  if (is_wanted)
    uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read);
  else
    uv_read_stop((uv_stream_t *)&p->tcp);
}

static void go_on(struct peer *p) {
  flush(p);
  if (uv_is_closing((uv_handle_t *)&p->tcp)) return;
  if (p->session.mode == BENCH_SOURCE) source_more(p);
  if (p->session.is_ending && !p->is_writing && !p->out.len && !p->session.left) hang_up(p);
  follow_reading(p);
}

static int feed_tls(struct peer *p, const char *data, size_t len) {
  struct bench_buffer answer = {0};
  BIO_write(SSL_get_rbio(p->ssl), data, (int)len);
  int status = 0;
  if (!SSL_is_init_finished(p->ssl)) SSL_do_handshake(p->ssl);
  for (int n; !status && (n = SSL_read(p->ssl, plain, sizeof plain)) > 0;) {
    answer.len = 0;
    status = bench_session_feed(&p->session, (uint8_t *)plain, (size_t)n, &answer);
    if (answer.len) SSL_write(p->ssl, answer.data, (int)answer.len);
  }
  free(answer.data);
  ERR_clear_error();
  take_sealed(p);
  return status;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct peer *p = stream->data;
  if (n < 0) {
    hang_up(p);
    return;
  }
  int status = p->ssl ? feed_tls(p, buf->base, (size_t)n)
                      : bench_session_feed(&p->session, (uint8_t *)buf->base, (size_t)n, &p->out);
  if (status)
    hang_up(p);
  else
    go_on(p);
}

static void on_connection(uv_stream_t *listener, int status) {
  struct peer *p = status ? NULL : calloc(1, sizeof *p);
  if (!p) return;
  uv_tcp_init(&loop, &p->tcp);
  p->tcp.data = p;
  if (uv_accept(listener, (uv_stream_t *)&p->tcp) != 0) {
    hang_up(p);
    return;
  }
  uv_tcp_nodelay(&p->tcp, 1);
  if (listener == (uv_stream_t *)&listeners[1]) {
    p->ssl = SSL_new(tls);
    SSL_set_bio(p->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(p->ssl);
  }
  follow_reading(p);
}

static int listen_as(uv_tcp_t *listener, const char *name) {
  struct sockaddr_in address;
  int len = sizeof address;
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_init(&loop, listener);
  uv_tcp_bind(listener, (struct sockaddr *)&address, 0);
  int err = uv_listen((uv_stream_t *)listener, BACKLOG, on_connection);
  if (err) {
    fprintf(stderr, "bench_server: cannot listen: %s\n", uv_strerror(err));
    return 1;
  }
  uv_tcp_getsockname(listener, (struct sockaddr *)&address, &len);
  printf("%s %d\n", name, (address.sin_port & 0xFF) << 8 | address.sin_port >> 8);
  return 0;
}

static int load_tls(const char *cert, const char *key) {
  tls = SSL_CTX_new(TLS_server_method());
  if (tls && SSL_CTX_use_certificate_chain_file(tls, cert) == 1 &&
      SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) == 1) {
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return 0;
  }
  ERR_print_errors_fp(stderr);
  return 1;
}

static void on_life(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  (void)stream, (void)buf;
  if (n < 0) exit(0);
}

static void raise_limits(void) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

static const char *argument(int argc, char **argv, const char *name) {
  for (int i = 1; i + 1 < argc; i++)
    if (!strcmp(argv[i], name)) return argv[i + 1];
  return NULL;
}

int main(int argc, char **argv) {
  const char *cert = argument(argc, argv, "--cert");
  const char *key = argument(argc, argv, "--key");
  uv_loop_init(&loop);
  raise_limits();
  signal(SIGPIPE, SIG_IGN);
  if (listen_as(&listeners[0], "ws")) return 1;
  if (cert && key && (load_tls(cert, key) || listen_as(&listeners[1], "wss"))) return 1;
  fflush(stdout);
  uv_pipe_init(&loop, &life, 0);
  uv_pipe_open(&life, 0);
  uv_read_start((uv_stream_t *)&life, on_alloc, on_life);
  return uv_run(&loop, UV_RUN_DEFAULT);
}
