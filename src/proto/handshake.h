/* The client's side of the opening handshake (RFC 6455 4.1): the request written, the answer
 * judged. */
#ifndef UVWS_PROTO_HANDSHAKE_H
#define UVWS_PROTO_HANDSHAKE_H

#include "proto/accept.h"
#include "proto/head.h"
#include "proto/uri.h"

/* What goes into the request; all borrowed during the call. */
struct uvws__request {
  const struct uvws__uri *uri;
  uint16_t port; /* the one dialled: in Host unless it is the scheme's default */
  const uvws_header_t *headers;
  size_t header_count;
  const char *const *protocols;
  size_t protocol_count;
  const char *origin;
  const char *bearer_token; /* becomes Authorization: Bearer; NULL: none */
  const char *extensions;   /* Sec-WebSocket-Extensions; NULL: none */
};

/* Judge the caller's strings: token grammar for names and subprotocols (no duplicates), no control
 * characters in values, no field that belongs to the handshake itself or would give the request a
 * body; Host, Origin and Authorization once at most. 0 or UVWS_EOPTION. */
int uvws__request_check(const struct uvws__request *request, struct uvws__detail *detail);

/* Append the whole request, one that uvws__request_check has let pass, to `out`. The URI's userinfo
 * becomes Authorization: Basic unless the caller gave an Authorization field; a Host field of the
 * caller's takes the place of ours. 0 or UV_ENOMEM, then `out` holds a part. */
int uvws__request_write(const struct uvws__env *env, const struct uvws__request *request,
                        const char *key, struct uvws__bytes *out);

/*
 * Judge a whole 101 answer: Upgrade and Connection as exact tokens, Accept, subprotocol (one of
 * those offered or none; none offered means none answered), no field twice that must be single.
 * Extensions are returned for whoever offered them: `*extensions` is the field's value, NULL when
 * absent (RFC 6455 11.3.2 allows it once in an answer); when none was offered any answer fails.
 * `*protocol` and `*extensions` point into the head. Returns 0 or UVWS_EHANDSHAKE (UV_ENOMEM when
 * the hash cannot be had).
 */
int uvws__answer_check(const struct uvws__head *head, const struct uvws__request *request,
                       const char *key, struct uvws__detail *detail, const char **protocol,
                       const char **extensions);

#endif
