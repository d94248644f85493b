/*
 * TLS for the echo server: bytes in, bytes out, no socket. Without TLS in the build every call
 * fails.
 */
#ifndef UVWS_CLI_ECHO_TLS_H
#define UVWS_CLI_ECHO_TLS_H

#include "cli/buffer.h"
#include "uvws.h"

struct echo_tls_context; /* the certificate, for all sessions */
struct echo_tls;         /* one session */

/* Make a certificate, and write it to `certificate_file` (PEM; NULL: nowhere). `version` is the
 * only one spoken, 0: every one from 1.2 on. 0, or -1 with words on standard error. */
int echo_tls_context_new(const char *certificate_file, uvws_tls_version_t version,
                         struct echo_tls_context **out);
void echo_tls_context_free(struct echo_tls_context *context); /* NULL is accepted */

int echo_tls_new(struct echo_tls_context *context, struct echo_tls **out);
void echo_tls_free(struct echo_tls *tls); /* NULL is accepted */

/* Each returns 0, UV_ENOMEM or UV_EPROTO. */
int echo_tls_feed(struct echo_tls *tls, const char *data, size_t len); /* came from the peer */
int echo_tls_send(struct echo_tls *tls, const char *data, size_t len); /* plain, for the peer */
int echo_tls_take(struct echo_tls *tls, struct cli_buffer *wire);      /* append what must leave */

/* Plain bytes from the peer: their number, 0 when there are none, or UV_EPROTO. Also moves the
 * handshake on. */
int echo_tls_read(struct echo_tls *tls, char *out, size_t cap);

/* Say close_notify, once. */
void echo_tls_end(struct echo_tls *tls);

#endif
