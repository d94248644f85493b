/*
 * The shape of an HTTP/1.1 response head, judged byte by byte (RFC 9112 2 to 5): lines end with
 * CR LF and nothing else, names are tokens with the colon right behind, no folded lines, no control
 * characters. It says where the head ends.
 */
#ifndef UVWS_PROTO_STRICT_H
#define UVWS_PROTO_STRICT_H

#include <stddef.h>
#include <stdint.h>

/* A zeroed struct stands before the first byte of a head. */
struct uvws__strict {
  int place;
  int takes_old;  /* HTTP/1.0 is taken as well: proxies answer so */
  size_t matched; /* characters of the version that have come */
  int status;     /* the status code's digits so far */
  size_t line;    /* lines that are whole; the status line is the first */
  const char *wrong;
};

enum {
  UVWS__STRICT_MORE = 0,
  UVWS__STRICT_END = 1,     /* `*used` is the first byte behind the blank line */
  UVWS__STRICT_FOREIGN = 2, /* not "HTTP/1.1 " from byte `*used` on */
  UVWS__STRICT_WRONG = 3    /* `wrong` says what byte `*used` breaks */
};

int uvws__strict_feed(struct uvws__strict *s, const uint8_t *data, size_t len, size_t *used);

/* What every answer begins with. */
extern const char uvws__strict_version[];

#endif
