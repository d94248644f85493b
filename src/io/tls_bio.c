/*
 * OpenSSL's end of the transport: a BIO that reads from the bytes `lower` has just delivered and
 * appends what it writes to the output that waits. No bytes lie in the BIO itself, as they would in
 * a memory BIO, so nothing is copied twice.
 */
#include <openssl/bio.h>
#include <string.h>

#include "io/tls_internal.h"

/* The only global of the library: OpenSSL wants methods by pointer, and they outlive all BIOs. */
static uv_once_t method_once = UV_ONCE_INIT;
static BIO_METHOD *method;

static int on_bio_read(BIO *bio, char *out, size_t cap, size_t *out_len) {
  struct uvws__tls *t = BIO_get_data(bio);
  size_t len = t->in_len < cap ? t->in_len : cap;
  BIO_clear_retry_flags(bio);
  *out_len = len;
  if (len == 0) {
    /* The end of `lower` is not told here: the reader sees it when OpenSSL has nothing more. */
    BIO_set_retry_read(bio);
    return -1;
  }
  memcpy(out, t->in, len);
  t->in += len;
  t->in_len -= len;
  return 1;
}

/* Room for `len` more sealed bytes; the first time that which is spare on this loop. */
static int reserve_output(struct uvws__tls *t, size_t len) {
  if (!t->out.data && t->scratch->spare.data) {
    t->out = t->scratch->spare;
    memset(&t->scratch->spare, 0, sizeof t->scratch->spare);
  }
  return uvws__bytes_reserve(t->env, &t->out, len);
}

/* Never asks for a retry: what cannot be written now waits in `out`, which the writer bounds. */
static int on_bio_write(BIO *bio, const char *data, size_t len, size_t *out_len) {
  struct uvws__tls *t = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  *out_len = 0;
  int err = reserve_output(t, len);
  if (!err) err = uvws__bytes_append(t->env, &t->out, data, len);
  if (err) {
    t->write_err = err;
    return 0;
  }
  *out_len = len;
  return 1;
}

static long on_bio_ctrl(BIO *bio, int command, long number, void *pointer) {
  (void)bio, (void)number, (void)pointer;
  return command == BIO_CTRL_FLUSH; /* the one that OpenSSL insists on */
}

static void make_method(void) {
  BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "uvws transport");
  if (!made) return;
  BIO_meth_set_read_ex(made, on_bio_read);
  BIO_meth_set_write_ex(made, on_bio_write);
  BIO_meth_set_ctrl(made, on_bio_ctrl);
  method = made;
}

BIO *uvws__tls_bio_new(struct uvws__tls *t) {
  uv_once(&method_once, make_method);
  BIO *bio = method ? BIO_new(method) : NULL;
  if (!bio) return NULL;
  BIO_set_data(bio, t);
  BIO_set_init(bio, 1);
  return bio;
}
