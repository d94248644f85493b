/* A ws:// or wss:// URI (RFC 6455 3, RFC 3986) taken apart and checked. */
#ifndef UVWS_PROTO_URI_H
#define UVWS_PROTO_URI_H

#include "util/env.h"
#include "util/errors.h"

/* Servers refuse request lines far below this (nginx 8 KiB, Node.js 16 KiB). */
#define UVWS__URI_MAX 16384

struct uvws__uri {
  int is_secure;
  char *host;    /* lower case, an IPv6 address without its brackets (zone id kept: fe80::1%eth0) */
  int is_ipv6;   /* host is an IPv6 literal: brackets in the Host field */
  uint16_t port; /* 0: none in the URI */
  char *resource; /* path and query as sent in the request line, "/" at least */
  char *userinfo; /* NULL: none; percent-decoded */
};

/* On failure `*out` is untouched and `detail` says what is wrong with which part; it never repeats
 * the userinfo. Returns 0, UVWS_EURI, UV_ENOMEM. */
int uvws__uri_parse(const struct uvws__env *env, const char *text, struct uvws__detail *detail,
                    struct uvws__uri *out);
void uvws__uri_deinit(const struct uvws__env *env, struct uvws__uri *uri);

uint16_t uvws__uri_default_port(int is_secure);

#endif
