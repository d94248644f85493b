/* See tls_peer.h. The thread never fails a test: what goes wrong, the client sees. */
#include "tls_peer.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/accept.h"
#include "proto/handshake.h"

#define PATIENCE_S 20

/* One connection. */
struct visit {
  struct tls_peer *peer;
  SSL *ssl;
  int fd;
  size_t sent; /* bytes of TLS */
};

static void file_name(char *out, size_t cap, const char *name, const char *ending) {
  snprintf(out, cap, "%s.%s", name, ending);
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *in, unsigned in_len, void *arg) {
  const char *name = ((const struct tls_peer *)arg)->plan->alpn;
  (void)ssl;
  int is_rude = name[0] == '!';
  name += is_rude;
  size_t len = strlen(name);
  for (unsigned at = 0; at < in_len; at += 1u + in[at]) {
    if (!is_rude && (in[at] != len || memcmp(in + at + 1, name, len) != 0)) continue;
    *out = (const unsigned char *)name;
    *out_len = (unsigned char)len;
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

static int on_staple(SSL *ssl, void *arg) {
  const struct tls_peer *peer = arg;
  FILE *file = fopen(peer->plan->staple, "rb");
  unsigned char *der = OPENSSL_malloc(16384);
  size_t len = file && der ? fread(der, 1, 16384, file) : 0;
  if (file) fclose(file);
  if (len && SSL_set_tlsext_status_ocsp_resp(ssl, der, (long)len)) return SSL_TLSEXT_ERR_OK;
  OPENSSL_free(der);
  return SSL_TLSEXT_ERR_NOACK;
}

static void load_certificate(SSL_CTX *ctx, const char *name) {
  char path[64];
  file_name(path, sizeof path, name, "pem");
  assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, path), 1);
  file_name(path, sizeof path, name, "key");
  assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM), 1);
}

static void make_context(struct tls_peer *peer) {
  const struct tls_peer_plan *plan = peer->plan;
  SSL_CTX *ctx = peer->ctx = SSL_CTX_new(TLS_server_method());
  assert_non_null(ctx);
  SSL_CTX_set_security_level(ctx, 0);
  SSL_CTX_set_min_proto_version(ctx, plan->min ? plan->min : TLS1_VERSION);
  SSL_CTX_set_max_proto_version(ctx, plan->max);
  SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"test", 4);
  if (plan->ciphers) assert_int_equal(SSL_CTX_set_cipher_list(ctx, plan->ciphers), 1);
  if (plan->ciphersuites) assert_int_equal(SSL_CTX_set_ciphersuites(ctx, plan->ciphersuites), 1);
  load_certificate(ctx, plan->cert ? plan->cert : "good");
  if (plan->client_ca) {
    assert_int_equal(SSL_CTX_load_verify_file(ctx, plan->client_ca), 1);
    int demand = plan->is_client_optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | demand, NULL);
  }
  if (plan->alpn) SSL_CTX_set_alpn_select_cb(ctx, on_alpn, peer);
  if (plan->staple) SSL_CTX_set_tlsext_status_cb(ctx, on_staple);
  SSL_CTX_set_tlsext_status_arg(ctx, peer);
}

/* Before each write: when it would go beyond the cut, what is before it leaves, and the end. */
static long on_bio(BIO *bio, int what, const char *data, size_t len, int i, long l, int answer,
                   size_t *done) {
  struct visit *v = (struct visit *)BIO_get_callback_arg(bio);
  (void)i, (void)l, (void)done;
  if (what != BIO_CB_WRITE) return answer;
  size_t left = v->peer->cut_at - v->sent;
  v->sent += len;
  if (len <= left) return answer;
  if (left) (void)!send(v->fd, data, left, MSG_NOSIGNAL);
  v->sent = v->peer->cut_at;
  shutdown(v->fd, SHUT_WR);
  return -1;
}

static int read_all(struct visit *v, void *out, size_t len) {
  size_t done = 0;
  while (done < len) {
    size_t got;
    if (SSL_read_ex(v->ssl, (char *)out + done, len - done, &got) != 1) return 0;
    done += got;
  }
  return 1;
}

static int write_all(struct visit *v, const void *data, size_t len) {
  size_t done;
  return SSL_write_ex(v->ssl, data, len, &done) == 1;
}

static int read_head(struct visit *v, char *head, size_t cap) {
  size_t len = 0;
  while (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0) {
    if (len == cap - 1 || !read_all(v, head + len, 1)) return 0;
    len++;
  }
  head[len] = '\0';
  return 1;
}

/* TLS within TLS, when the server behind the proxy is secure. */
static int be_proxy(struct visit *v) {
  static const char agreement[] = "HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n";
  char head[4096];
  if (!v->peer->plan->is_proxy) return 1;
  if (!read_head(v, head, sizeof head) || strncmp(head, "CONNECT ", 8) != 0) return 0;
  if (!write_all(v, agreement, sizeof agreement - 1)) return 0;
  if (!v->peer->plan->is_secure_behind) return 1;
  BIO *below = BIO_new(BIO_f_ssl());
  SSL *inner = SSL_new(v->peer->ctx);
  BIO_set_ssl(below, v->ssl, BIO_NOCLOSE);
  SSL_set_bio(inner, below, below);
  v->ssl = inner;
  return SSL_accept(inner) == 1;
}

static int redirect(struct visit *v) {
  char where[256], answer[512];
  const char *location = v->peer->plan->location, *number = strstr(location, "%u");
  if (number)
    snprintf(where, sizeof where, "%.*s%u%s", (int)(number - location), location, v->peer->port,
             number + 2);
  int size = snprintf(answer, sizeof answer,
                      "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
                      number ? where : location);
  write_all(v, answer, (size_t)size);
  return 0;
}

static int upgrade(struct visit *v) {
  char head[4096], answer[256], accept[UVWS__ACCEPT_LEN + 1];
  if (!read_head(v, head, sizeof head)) return 0;
  if (v->peer->plan->location && strncmp(head, "GET / ", 6) == 0) return redirect(v);
  char *key = strstr(head, "Sec-WebSocket-Key: ");
  if (!key) return 0;
  key += strlen("Sec-WebSocket-Key: ");
  key[strcspn(key, "\r")] = '\0';
  if (uvws__accept_make(key, accept)) return 0;
  int size = snprintf(answer, sizeof answer,
                      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                      "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n\x81\x05hello",
                      accept);
  return write_all(v, answer, (size_t)size);
}

/* A masked frame of up to 125 bytes, and the answer. Answers whether to go on. */
static int answer_frame(struct visit *v) {
  uint8_t in[6 + 125];
  if (!read_all(v, in, 6)) return 0;
  size_t len = in[1] & 0x7f;
  if (len > 125 || !read_all(v, in + 6, len)) return 0;
  for (size_t i = 0; i < len; i++)
    in[6 + i] ^= in[2 + i % 4];
  int opcode = in[0] & 0x0f;
  in[4] = (uint8_t)(0x80 | (opcode == 9 ? 10 : opcode));
  in[5] = (uint8_t)len;
  if (opcode != 10 && !write_all(v, in + 4, len + 2)) return 0;
  return opcode != 8;
}

/* Before the client hears anything else. */
static int be_rude(struct visit *v) {
  char byte;
  switch (v->peer->plan->quirk) {
  case QUIRK_RENEGOTIATES:
    if (SSL_renegotiate(v->ssl) && SSL_do_handshake(v->ssl) == 1)
      while (read_all(v, &byte, 1)) { /* up to the client's "no renegotiation" */
      }
    return 0;
  case QUIRK_KEY_UPDATES:
    for (int i = 0; i < v->peer->plan->key_updates; i++)
      if (!SSL_key_update(v->ssl, SSL_KEY_UPDATE_REQUESTED) || SSL_do_handshake(v->ssl) != 1)
        return 0;
    return 1;
  default:
    return 1;
  }
}

static void talk(struct visit *v) {
  enum tls_quirk quirk = v->peer->plan->quirk;
  if (SSL_accept(v->ssl) != 1) return;
  v->peer->secured++;
  v->peer->resumed += (unsigned)SSL_session_reused(v->ssl);
  v->peer->certified += SSL_get0_peer_certificate(v->ssl) != NULL;
  if (!be_rude(v) || !be_proxy(v) || !upgrade(v) || quirk == QUIRK_TRUNCATES) return;
  while (answer_frame(v)) {
  }
  if (quirk != QUIRK_NO_CLOSE_NOTIFY) SSL_shutdown(v->ssl);
}

/* Read up to the client's end, so that what we said is not destroyed by a reset. */
static void leave(int fd) {
  char rest[4096];
  shutdown(fd, SHUT_WR);
  while (recv(fd, rest, sizeof rest, 0) > 0) {
  }
  close(fd);
}

static void receive_visit(struct tls_peer *peer, int fd) {
  SSL *outer = SSL_new(peer->ctx);
  struct visit v = {.peer = peer, .ssl = outer, .fd = fd};
  struct timeval patience = {.tv_sec = PATIENCE_S};
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (v.ssl && SSL_set_fd(v.ssl, fd)) {
    BIO_set_callback_arg(SSL_get_wbio(v.ssl), (char *)&v);
    if (peer->plan->has_cut) BIO_set_callback_ex(SSL_get_wbio(v.ssl), on_bio);
    talk(&v);
  }
  leave(fd);
  if (v.ssl != outer) SSL_free(v.ssl);
  SSL_free(outer);
  ERR_clear_error();
}

static void *serve(void *arg) {
  struct tls_peer *peer = arg;
  int fd;
  while ((fd = accept(peer->listener, NULL, NULL)) >= 0) {
    peer->accepted++;
    receive_visit(peer, fd);
  }
  OPENSSL_thread_stop();
  return NULL;
}

void tls_peer_start(struct tls_peer *peer, const struct tls_peer_plan *plan) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t len = sizeof address;
  memset(peer, 0, sizeof *peer);
  peer->plan = plan;
  peer->cut_at = SIZE_MAX;
  make_context(peer);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(peer->listener >= 0);
  assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(peer->listener, 64), 0);
  assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &len), 0);
  peer->port = ntohs(address.sin_port);
  assert_int_equal(pthread_create(&peer->thread, NULL, serve, peer), 0);
}

void tls_peer_stop(struct tls_peer *peer) {
  shutdown(peer->listener, SHUT_RDWR); /* makes accept return */
  pthread_join(peer->thread, NULL);
  close(peer->listener);
  SSL_CTX_free(peer->ctx);
}
