/* TLS for the echo server by OpenSSL over two memory BIOs. */
#include "cli/echo_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "cli/self_signed.h"

struct echo_tls_context {
  SSL_CTX *ssl;
};

struct echo_tls {
  SSL *ssl;
  BIO *in;
  BIO *out;
  int has_ended;
};

static int tls_error(const char *what) {
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  fprintf(stderr, "uvws: %s: %s: %s\n", uvws_err_name(UVWS_ETLS), what, text);
  return -1;
}

static int write_certificate(X509 *certificate, const char *path) {
  FILE *file = fopen(path, "w");
  int ok = file != NULL && PEM_write_X509(file, certificate) == 1;
  if (file != NULL) ok &= fclose(file) == 0;
  if (!ok) fprintf(stderr, "uvws: %s: %s\n", path, strerror(errno));
  return ok ? 0 : -1;
}

/* OpenSSL 3 speaks TLS 1.0 and 1.1 at security level 0 only: both sign with SHA-1. */
static int set_version(SSL_CTX *ssl, uvws_tls_version_t version) {
  if (version == UVWS_TLS_DEFAULT) return SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
  if (version < UVWS_TLS_1_2) SSL_CTX_set_security_level(ssl, 0);
  return SSL_CTX_set_min_proto_version(ssl, (int)version) &&
         SSL_CTX_set_max_proto_version(ssl, (int)version);
}

static int use_certificate(SSL_CTX *ssl, const char *certificate_file) {
  EVP_PKEY *key = NULL;
  X509 *certificate = NULL;
  if (cli_self_signed_make(&key, &certificate) != 0) return tls_error("no certificate");
  int err = 0;
  if (SSL_CTX_use_certificate(ssl, certificate) != 1 || SSL_CTX_use_PrivateKey(ssl, key) != 1)
    err = tls_error("the certificate is not usable");
  if (err == 0 && certificate_file != NULL) err = write_certificate(certificate, certificate_file);
  EVP_PKEY_free(key);
  X509_free(certificate);
  return err;
}

int echo_tls_context_new(const char *certificate_file, uvws_tls_version_t version,
                         struct echo_tls_context **out) {
  struct echo_tls_context *context = calloc(1, sizeof *context);
  if (context == NULL) return -1;
  context->ssl = SSL_CTX_new(TLS_server_method());
  int err = 0;
  if (context->ssl == NULL || set_version(context->ssl, version) != 1)
    err = tls_error("TLS cannot start");
  if (err == 0) err = use_certificate(context->ssl, certificate_file);
  if (err != 0) {
    echo_tls_context_free(context);
    return err;
  }
  SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS);
  *out = context;
  return 0;
}

void echo_tls_context_free(struct echo_tls_context *context) {
  if (context == NULL) return;
  SSL_CTX_free(context->ssl);
  free(context);
}

int echo_tls_new(struct echo_tls_context *context, struct echo_tls **out) {
  struct echo_tls *tls = calloc(1, sizeof *tls);
  if (tls == NULL) return UV_ENOMEM;
  tls->ssl = SSL_new(context->ssl);
  tls->in = BIO_new(BIO_s_mem());
  tls->out = BIO_new(BIO_s_mem());
  if (tls->ssl == NULL || tls->in == NULL || tls->out == NULL) {
    BIO_free(tls->in);
    BIO_free(tls->out);
    SSL_free(tls->ssl);
    free(tls);
    return UV_ENOMEM;
  }
  SSL_set_bio(tls->ssl, tls->in, tls->out);
  SSL_set_accept_state(tls->ssl);
  *out = tls;
  return 0;
}

void echo_tls_free(struct echo_tls *tls) {
  if (tls == NULL) return;
  SSL_free(tls->ssl);
  free(tls);
}

int echo_tls_feed(struct echo_tls *tls, const char *data, size_t len) {
  return BIO_write(tls->in, data, (int)len) == (int)len ? 0 : UV_ENOMEM;
}

int echo_tls_read(struct echo_tls *tls, char *out, size_t cap) {
  ERR_clear_error();
  int len = SSL_read(tls->ssl, out, (int)cap);
  if (len > 0) return len;
  int reason = SSL_get_error(tls->ssl, len);
  return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_ZERO_RETURN ? 0 : UV_EPROTO;
}

/* A memory BIO takes everything, so a write is whole or has failed. */
int echo_tls_send(struct echo_tls *tls, const char *data, size_t len) {
  if (len == 0) return 0;
  size_t written = 0;
  ERR_clear_error();
  if (SSL_write_ex(tls->ssl, data, len, &written) != 1 || written != len) return UV_EPROTO;
  return 0;
}

int echo_tls_take(struct echo_tls *tls, struct cli_buffer *wire) {
  char *data = NULL;
  long len = BIO_get_mem_data(tls->out, &data);
  if (len <= 0) return 0;
  int err = cli_buffer_append(wire, data, (size_t)len);
  if (err == 0) (void)BIO_reset(tls->out);
  return err;
}

void echo_tls_end(struct echo_tls *tls) {
  if (tls->has_ended) return;
  tls->has_ended = 1;
  ERR_clear_error();
  (void)SSL_shutdown(
      tls->ssl); /* fails before the handshake is done: then there is no one to tell */
  ERR_clear_error();
}
