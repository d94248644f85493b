/* The request that asks an HTTP proxy for a tunnel (RFC 9110 9.3.6); its answer is read by head.c.
 */
#ifndef UVWS_PROTO_HTTP_CONNECT_H
#define UVWS_PROTO_HTTP_CONNECT_H

#include "util/bytes.h"
#include "util/errors.h"

/* All borrowed during the call. */
struct uvws__connect_request {
  const char *host; /* without brackets */
  int is_ipv6;
  uint16_t port;
  const char *userinfo; /* becomes Proxy-Authorization: Basic, unless `headers` has one; or NULL */
  const uvws_header_t *headers;
  size_t header_count;
};

/* Judge the caller's fields as those of the handshake are judged. 0 or UVWS_EOPTION. */
int uvws__connect_request_check(const uvws_header_t *headers, size_t count,
                                struct uvws__detail *detail);

/* Append the whole request, one whose fields were let pass, to `out`. 0 or UV_ENOMEM, then `out`
 * holds a part. */
int uvws__connect_request_write(const struct uvws__env *env,
                                const struct uvws__connect_request *request,
                                struct uvws__bytes *out);

#endif
