/* The client's side of the opening handshake (RFC 6455 4.1): the request written, the answer
 * judged. */
#ifndef UVWS_PROTO_HANDSHAKE_H
#define UVWS_PROTO_HANDSHAKE_H

#include "proto/head.h"
#include "proto/uri.h"

#define UVWS__KEY_LEN 24    /* base64 of 16 bytes */
#define UVWS__ACCEPT_LEN 28 /* base64 of a SHA-1 */

/* What goes into the request; all borrowed during the call. */
struct uvws__request {
  const struct uvws__uri *uri;
  uint16_t port; /* the one dialled: in Host unless it is the scheme's default */
  const uvws_header_t *headers;
  size_t header_count;
  const char *const *protocols;
  size_t protocol_count;
  const char *origin;
  const char *extensions; /* Sec-WebSocket-Extensions; NULL: none */
};

/* Judge the caller's strings: token grammar for names and subprotocols (no duplicates), no control
 * characters in values, no field that belongs to the handshake itself. 0 or UVWS_EOPTION. */
int uvws__request_check(const struct uvws__request *request, struct uvws__detail *detail);

/* 16 random bytes as base64 with NUL. 0 or the error of env->random. */
int uvws__key_make(const struct uvws__env *env, char out[UVWS__KEY_LEN + 1]);
/* The Sec-WebSocket-Accept that belongs to `key`, with NUL. */
int uvws__accept_make(const char *key, char out[UVWS__ACCEPT_LEN + 1]);

/* Append the whole request to `out`. 0 or UV_ENOMEM. */
int uvws__request_write(const struct uvws__env *env, const struct uvws__request *request,
                        const char *key, struct uvws__bytes *out);

/*
 * Judge a whole 101 answer: Upgrade and Connection as exact tokens, Accept, subprotocol (one of
 * those offered or none; none offered means none answered), no field twice that must be single.
 * Extensions are returned for whoever offered them: `*extensions` is the joined field, NULL when
 * absent; when none was offered any answer fails. `*protocol` points into the head. Returns 0 or
 * UVWS_EHANDSHAKE.
 */
int uvws__answer_check(const struct uvws__head *head, const struct uvws__request *request,
                       const char *key, struct uvws__detail *detail, const char **protocol,
                       const char **extensions);

#endif
