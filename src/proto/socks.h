/*
 * The client's side of SOCKS: version 5 (RFC 1928) without authentication or by user and password
 * (RFC 1929), and 4a. Bytes in, bytes out; the connection carries them.
 */
#ifndef UVWS_PROTO_SOCKS_H
#define UVWS_PROTO_SOCKS_H

#include "util/bytes.h"
#include "util/errors.h"

#define UVWS__SOCKS_STRING_MAX 255 /* of a host, a user, a password: their length is one byte */
/* The longest reply: version, code, reserved, type, length, 255 bytes of name, port. */
#define UVWS__SOCKS_REPLY_MAX (4 + 1 + 255 + 2)

enum uvws__socks_version { UVWS__SOCKS_4A, UVWS__SOCKS_5 };

/* Where the tunnel leads, and who asks. Strings are borrowed until the talk is over. */
struct uvws__socks_target {
  enum uvws__socks_version version;
  const char *host; /* looked up by the proxy, unless there is `ip` */
  uint8_t ip[16];
  size_t ip_len; /* 4, 16, or 0: `host` is a name */
  uint16_t port;
  const char *userinfo; /* "user:password", or NULL */
};

/* A talk under way. A zeroed struct is none. */
struct uvws__socks {
  struct uvws__socks_target target;
  int step;
  size_t have; /* bytes of the reply that is awaited */
  uint8_t reply[UVWS__SOCKS_REPLY_MAX];
};

/* Begin: what is to be sent first is appended to `out`. 0, UVWS_EPROXY with `detail` (something is
 * too long, or SOCKS4 cannot say it), UV_ENOMEM. */
int uvws__socks_begin(const struct uvws__env *env, struct uvws__socks *socks,
                      const struct uvws__socks_target *target, struct uvws__detail *detail,
                      struct uvws__bytes *out);

enum { UVWS__SOCKS_MORE = 0, UVWS__SOCKS_DONE = 1 };

/* Feed bytes of the proxy's; `*used` of them were taken, no byte behind the last reply. What is to
 * be sent is appended to `out`. MORE, DONE, or UVWS_EPROXY, UVWS_EPROXY_AUTH with `detail`,
 * UV_ENOMEM. */
int uvws__socks_feed(const struct uvws__env *env, struct uvws__socks *socks, const uint8_t *data,
                     size_t len, struct uvws__detail *detail, struct uvws__bytes *out,
                     size_t *used);

#endif
