/* Where a proxy is and how it is talked to, out of an option or an environment variable. */
#ifndef UVWS_PROTO_PROXY_URI_H
#define UVWS_PROTO_PROXY_URI_H

#include "proto/uri.h"

enum uvws__proxy_kind {
  UVWS__PROXY_HTTP,
  UVWS__PROXY_HTTPS, /* HTTP in TLS */
  UVWS__PROXY_SOCKS4A,
  UVWS__PROXY_SOCKS5, /* names are looked up here */
  UVWS__PROXY_SOCKS5H /* by the proxy */
};

struct uvws__proxy {
  enum uvws__proxy_kind kind;
  struct uvws__uri uri; /* host, port (never 0) and userinfo count */
};

/* "scheme://user:password@host:port"; http when there is no scheme, 80, 443 or 1080 when there is
 * no port. `detail` names `option`, and never repeats the userinfo. 0, UVWS_EOPTION, UV_ENOMEM. */
int uvws__proxy_parse(const struct uvws__env *env, const char *text, const char *option,
                      struct uvws__detail *detail, struct uvws__proxy *out);
void uvws__proxy_deinit(const struct uvws__env *env, struct uvws__proxy *proxy);

/* Does an entry of no_proxy (`len` bytes) cover the name `host`: "*", the name itself or a domain
 * above it, with or without a dot in front. */
int uvws__no_proxy_covers(const char *entry, size_t len, const char *host);

#endif
