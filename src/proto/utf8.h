/*
 * UTF-8 judged as it comes (RFC 3629, RFC 6455 8.1): text may be cut anywhere, and a wrong byte is
 * seen as soon as it is there.
 */
#ifndef UVWS_PROTO_UTF8_H
#define UVWS_PROTO_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Where a text stands. Zeroed: at the start, on a character's border. */
struct uvws__utf8 {
  uint8_t need; /* continuation bytes still to come */
  uint8_t low;  /* the range that the next of them must lie in */
  uint8_t high;
};

/* Judge the next bytes. 1: valid so far; 0: never valid, whatever follows. */
int uvws__utf8_feed(struct uvws__utf8 *u, const uint8_t *data, size_t len);

/* 1 when the text may end here. */
int uvws__utf8_is_whole(const struct uvws__utf8 *u);

/* A whole text at once. */
int uvws__utf8_is_valid(const uint8_t *data, size_t len);

#endif
