/* The echo server of a build without TLS. */
#include <stdio.h>
#include <uv.h>

#include "cli/echo_tls.h"

int echo_tls_context_new(const char *certificate_file, uvws_tls_version_t version,
                         struct echo_tls_context **out) {
  (void)certificate_file;
  (void)version;
  (void)out;
  fprintf(stderr, "uvws: %s: %s\n", uvws_err_name(UVWS_ETLS_UNAVAILABLE),
          uvws_strerror(UVWS_ETLS_UNAVAILABLE));
  return -1;
}

void echo_tls_context_free(struct echo_tls_context *context) {
  (void)context;
}

int echo_tls_new(struct echo_tls_context *context, struct echo_tls **out) {
  (void)context;
  (void)out;
  return UV_ENOTSUP;
}

void echo_tls_free(struct echo_tls *tls) {
  (void)tls;
}

int echo_tls_feed(struct echo_tls *tls, const char *data, size_t len) {
  (void)tls;
  (void)data;
  (void)len;
  return UV_ENOTSUP;
}

int echo_tls_send(struct echo_tls *tls, const char *data, size_t len) {
  (void)tls;
  (void)data;
  (void)len;
  return UV_ENOTSUP;
}

int echo_tls_take(struct echo_tls *tls, struct cli_buffer *wire) {
  (void)tls;
  (void)wire;
  return UV_ENOTSUP;
}

int echo_tls_read(struct echo_tls *tls, char *out, size_t cap) {
  (void)tls;
  (void)out;
  (void)cap;
  return UV_ENOTSUP;
}

void echo_tls_end(struct echo_tls *tls) {
  (void)tls;
}
