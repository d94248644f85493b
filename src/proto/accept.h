/* The proof that a server speaks WebSocket: a random key, and the hash of it that comes back (RFC
 * 6455 1.3, 4.1, 4.2.2). */
#ifndef UVWS_PROTO_ACCEPT_H
#define UVWS_PROTO_ACCEPT_H

#include "util/env.h"

#define UVWS__KEY_LEN 24    /* base64 of 16 bytes */
#define UVWS__ACCEPT_LEN 28 /* base64 of a SHA-1 */

/* 16 random bytes as base64 with NUL. 0 or the error of env->random. */
int uvws__key_make(const struct uvws__env *env, char out[UVWS__KEY_LEN + 1]);

/* The Sec-WebSocket-Accept that belongs to `key` (UVWS__KEY_LEN characters), with NUL. 0 or
 * UV_ENOMEM. */
int uvws__accept_make(const char *key, char out[UVWS__ACCEPT_LEN + 1]);

/* Base64 (RFC 4648 4) of `len` bytes, UVWS__BASE64_LEN(len) characters, with NUL. */
#define UVWS__BASE64_LEN(len) (((len) + 2) / 3 * 4)
void uvws__base64_encode(const uint8_t *data, size_t len, char *out);

#endif
