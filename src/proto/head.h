/*
 * The HTTP/1.1 answer to the opening handshake, parsed by llhttp as it comes: status line and
 * fields, and for an answer other than 101 up to 64 KiB of body. Linear, strict, bounded
 * (max_head_size).
 */
#ifndef UVWS_PROTO_HEAD_H
#define UVWS_PROTO_HEAD_H

#include "util/bytes.h"
#include "util/errors.h"

#define UVWS__BODY_MAX 65536
#define UVWS__FIELDS_MAX 512 /* more than any server sends; real answers have 5 to 40 */

struct uvws__head; /* the parser and what it found */

int uvws__head_new(const struct uvws__env *env, size_t max_head_size, struct uvws__head **out);
void uvws__head_free(struct uvws__head *head); /* NULL is accepted */

/* Before the first byte: this is a proxy's answer to CONNECT (RFC 9110 9.3.6). Then UPGRADED means
 * a 2xx answer, which ends with its head whatever its fields say; a 101 is a refusal. HTTP/1.0 is
 * taken too. */
void uvws__head_expect_tunnel(struct uvws__head *head);

enum {
  UVWS__HEAD_MORE = 0, /* all bytes taken, not complete yet */
  UVWS__HEAD_UPGRADED =
      1, /* a whole 101 head (or 2xx, to CONNECT); `*used` is where the frames begin */
  UVWS__HEAD_REFUSED = 2 /* a whole answer other than 101 (or as much body as is kept) */
};

/* Feed bytes. Answers one of the above, or UVWS_EHTTP, UVWS_EHEAD_TOO_LARGE, UV_ENOMEM with
 * `detail`. Interim 1xx answers other than 101 are skipped, and count for max_head_size. What is
 * fed behind a REFUSED answer is ignored; once it has answered or failed, the parser repeats itself
 * and takes nothing more. */
int uvws__head_feed(struct uvws__head *head, const uint8_t *data, size_t len,
                    struct uvws__detail *detail, size_t *used);

/* The stream ended: REFUSED when the body of a refusal runs until the end, else UVWS_EHTTP. */
int uvws__head_end(struct uvws__head *head, struct uvws__detail *detail);

int uvws__head_status(const struct uvws__head *head); /* 0 until the status line is whole */
/* The fields in order once the head is whole, borrowed until free. */
const uvws_header_t *uvws__head_fields(const struct uvws__head *head, size_t *count);
const uint8_t *uvws__head_body(const struct uvws__head *head, size_t *len);

/* The first field of that name, any case; NULL when absent. */
const char *uvws__head_find(const struct uvws__head *head, const char *name);

/* Fields without their parser: what an open connection keeps of the answer. */
struct uvws__fields {
  char *text; /* name NUL value NUL, and so on; NULL: there are none */
  size_t count;
};

/* Taken out of a whole head, which has none from then on. They stay where they are. `out->text` is
 * owned by the caller, memory of the head's env. */
void uvws__head_take_fields(struct uvws__head *head, struct uvws__fields *out);

/* As uvws__head_find. */
const char *uvws__fields_find(const struct uvws__fields *fields, const char *name);

#endif
