/*
 * Where a redirect leads (RFC 9110 10.2.2, 15.4), and what may go along. Off unless the caller asks
 * for it; never from wss to ws; only the same origin (RFC 6454 4) sees the caller's credentials.
 */
#ifndef UVWS_PROTO_REDIRECT_H
#define UVWS_PROTO_REDIRECT_H

#include "proto/uri.h"

/* 301, 302, 303, 307 and 308: for a GET they all mean the same. */
int uvws__is_redirect(int status);

/* Resolve `location` against the URI that was asked (`port`: the one dialled), and judge it. http
 * and https mean ws and wss. A fragment is dropped, and so are a user and a password: what a server
 * writes into a Location is not the caller's. Returns 0, UVWS_EREDIRECT with `detail`, UV_ENOMEM.
 */
int uvws__redirect_resolve(const struct uvws__env *env, const struct uvws__uri *base, uint16_t port,
                           const char *location, struct uvws__detail *detail,
                           struct uvws__uri *out);

/* Scheme, host and port are the same. `port` is the one that `a` was dialled on; that of `b` is its
 * own or its scheme's. */
int uvws__is_same_origin(const struct uvws__uri *a, uint16_t port, const struct uvws__uri *b);

#endif
