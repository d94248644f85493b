/* OpenSSL with buffers of our own, for the floor. */
#include "floor_tls.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN_SIZE 65536

/* All connections of the process share these: one of them is at work at a time. */
static uint8_t plain[PLAIN_SIZE];
static uint8_t *out;
static size_t out_len, out_cap;

struct floor_tls {
  SSL *ssl;
  const char *in;
  size_t in_len;
};

static int on_read(BIO *bio, char *to, int cap) {
  struct floor_tls *t = BIO_get_data(bio);
  size_t n = t->in_len < (size_t)cap ? t->in_len : (size_t)cap;
  BIO_clear_retry_flags(bio);
  if (!n) {
    BIO_set_retry_read(bio);
    return -1;
  }
  memcpy(to, t->in, n);
  t->in += n;
  t->in_len -= n;
  return (int)n;
}

static int on_write(BIO *bio, const char *data, int len) {
  (void)bio;
  if (out_cap - out_len < (size_t)len) {
    out_cap = 2 * (out_len + (size_t)len);
    out = realloc(out, out_cap);
    if (!out) exit(1);
  }
  memcpy(out + out_len, data, (size_t)len);
  out_len += (size_t)len;
  return len;
}

static long on_ctrl(BIO *bio, int command, long number, void *pointer) {
  (void)bio, (void)number, (void)pointer;
  return command == BIO_CTRL_FLUSH;
}

static BIO *new_bio(struct floor_tls *t) {
  static BIO_METHOD *method;
  if (!method) {
    method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "floor");
    BIO_meth_set_read(method, on_read);
    BIO_meth_set_write(method, on_write);
    BIO_meth_set_ctrl(method, on_ctrl);
  }
  BIO *bio = BIO_new(method);
  BIO_set_data(bio, t);
  BIO_set_init(bio, 1);
  return bio;
}

struct floor_tls *floor_tls_new(void) {
  static SSL_CTX *ctx;
  if (!ctx) {
    ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
  }
  struct floor_tls *t = calloc(1, sizeof *t);
  if (!t) exit(1);
  t->ssl = SSL_new(ctx);
  BIO *bio = new_bio(t);
  SSL_set_bio(t->ssl, bio, bio);
  SSL_set_connect_state(t->ssl);
  return t;
}

const uint8_t *floor_tls_seal(struct floor_tls *t, const uint8_t *data, size_t len,
                              size_t *sealed_len) {
  size_t done;
  out_len = 0;
  if (SSL_write_ex(t->ssl, data, len, &done) != 1) exit(1);
  *sealed_len = out_len;
  out_len = 0;
  return out;
}

int floor_tls_open(struct floor_tls *t, const char *data, size_t len,
                   void (*take)(void *arg, const uint8_t *data, size_t len), void *arg) {
  t->in = data;
  t->in_len = len;
  out_len = 0;
  int is_new = !SSL_is_init_finished(t->ssl);
  if (is_new && SSL_do_handshake(t->ssl) != 1) return 0;
  size_t n;
  while (SSL_read_ex(t->ssl, plain, sizeof plain, &n) == 1)
    take(arg, plain, n);
  return is_new;
}

const uint8_t *floor_tls_answer(struct floor_tls *t, size_t *len) {
  if (!SSL_is_init_finished(t->ssl) && !out_len) SSL_do_handshake(t->ssl);
  *len = out_len;
  out_len = 0;
  return out;
}
