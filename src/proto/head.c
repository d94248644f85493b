/*
 * The HTTP/1.1 answer (RFC 9112), in two stages. strict.c judges each byte of the head and says
 * where it ends; llhttp takes it apart and knows how a body is framed. llhttp is never given a byte
 * behind the head of a 1xx answer (which has no body, RFC 9110 15.2), so what is glued to a 101
 * stays the caller's whatever llhttp makes of it.
 *
 * Everything is bounded: the heads of all answers together by max_head_size, the fields of one by
 * UVWS__FIELDS_MAX, the body kept by UVWS__BODY_MAX and the bytes it is carried in (chunk headers,
 * trailers) by RAW_BODY_MAX.
 */
#include "proto/head.h"

#include <assert.h>
#include <llhttp.h>
#include <string.h>

#include "proto/strict.h"
#include "proto/token.h"

/* A chunk of one byte costs six: a body in such chunks still gets through whole. */
#define RAW_BODY_MAX (8 * (size_t)UVWS__BODY_MAX)
#define EXCERPT_LEN 40

enum phase { IN_HEAD, IN_BODY, ANSWERED };

/* What only the reading of an answer needs. */
struct reading {
  const char *who; /* answers, in words */
  size_t max_head_size;
  size_t head_size; /* bytes of all heads so far */
  size_t raw_body;  /* bytes behind the head, framing included */
  size_t value_at;  /* where the value being read begins; 0: none is */
  struct uvws__strict strict;
  llhttp_t parser;
};

struct uvws__head {
  const struct uvws__env *env;
  struct reading *reading;
  int is_tunnel; /* to CONNECT */
  enum phase phase;
  int answer; /* once ANSWERED: what feed says from then on */
  int err;    /* set by a callback of llhttp's before it stops the parser */
  int is_head_whole;
  int is_body_whole;
  struct uvws__bytes text; /* name NUL value NUL, and so on */
  uvws_header_t *fields;   /* point into text */
  size_t field_count;
  struct uvws__bytes body;
};

/* Callbacks of llhttp's. Trailers of a chunked body come the same way as fields: skipped. */

static int keep(struct uvws__head *head, const void *data, size_t len) {
  head->err = uvws__bytes_append(head->env, &head->text, data, len);
  return head->err ? HPE_USER : 0;
}

/* Whitespace around a value is not part of it (RFC 9110 5.5). A value is closed when the next field
 * or the end of the head comes, so that it does not matter whether llhttp reports empty ones. */
static int close_value(struct uvws__head *head) {
  struct uvws__bytes *text = &head->text;
  if (!head->reading->value_at) return 0;
  while (text->len > head->reading->value_at && strchr(" \t", text->data[text->len - 1]))
    text->len--;
  head->reading->value_at = 0;
  return keep(head, "", 1);
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len) {
  struct uvws__head *head = parser->data;
  if (head->is_head_whole) return 0;
  return close_value(head) ? HPE_USER : keep(head, at, len);
}

static int on_header_field_complete(llhttp_t *parser) {
  struct uvws__head *head = parser->data;
  if (head->is_head_whole) return 0;
  if (head->field_count == UVWS__FIELDS_MAX) {
    head->err = UVWS_EHEAD_TOO_LARGE;
    return HPE_USER;
  }
  head->field_count++;
  if (keep(head, "", 1)) return HPE_USER;
  head->reading->value_at = head->text.len;
  return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len) {
  struct uvws__head *head = parser->data;
  return head->is_head_whole ? 0 : keep(head, at, len);
}

/* Where memory cannot even be made smaller it stays as it is. */
static void shrink(const struct uvws__env *env, struct uvws__bytes *b) {
  if (b->len == 0) {
    uvws__bytes_deinit(env, b);
    return;
  }
  uint8_t *data = uvws__realloc(env, b->data, b->len);
  if (!data) return;
  b->data = data;
  b->cap = b->len;
}

/* The field at `at`, as it is kept; where the next one begins. */
static const char *next_field(const char *at, uvws_header_t *out) {
  const char *value = at + strlen(at) + 1;
  *out = (uvws_header_t){at, value + strspn(value, " \t")};
  return value + strlen(value) + 1;
}

static void point_fields(struct uvws__head *head) {
  const char *at = (const char *)head->text.data;
  for (size_t i = 0; i < head->field_count; i++)
    at = next_field(at, &head->fields[i]);
}

static int make_fields(struct uvws__head *head) {
  if (head->field_count == 0) return 0;
  /* Now, so that what points into the text may be kept for as long as the head. */
  shrink(head->env, &head->text);
  head->fields = uvws__alloc(head->env, head->field_count * sizeof head->fields[0]);
  if (!head->fields) return UVWS__ENOMEM;
  point_fields(head);
  return 0;
}

/* 101, or what takes its place in an answer to CONNECT. */
static int is_agreement(const struct uvws__head *head) {
  return head->is_tunnel ? head->reading->strict.status / 100 == 2
                         : head->reading->strict.status == 101;
}

/* RFC 9112 6.3: whatever the fields say. */
static int is_bodiless(const struct uvws__head *head) {
  int status = head->reading->strict.status;
  return status < 200 || status == 204 || status == 304 || is_agreement(head);
}

/* 1 tells llhttp that no body follows. */
static int on_headers_complete(llhttp_t *parser) {
  struct uvws__head *head = parser->data;
  if (close_value(head)) return -1;
  head->err = make_fields(head);
  if (head->err) return -1;
  head->is_head_whole = 1;
  return is_bodiless(head);
}

static int on_body(llhttp_t *parser, const char *at, size_t len) {
  struct uvws__head *head = parser->data;
  size_t room = UVWS__BODY_MAX - head->body.len;
  head->err = uvws__bytes_append(head->env, &head->body, at, len < room ? len : room);
  if (head->err) return HPE_USER;
  head->is_body_whole = head->body.len == UVWS__BODY_MAX;
  return head->is_body_whole ? HPE_USER : 0;
}

static int on_message_complete(llhttp_t *parser) {
  struct uvws__head *head = parser->data;
  head->is_body_whole = 1;
  return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_header_field,
    .on_header_field_complete = on_header_field_complete,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* Ready for a head: the first, or the one behind an interim answer. */
static void begin_head(struct uvws__head *head) {
  llhttp_init(&head->reading->parser, HTTP_RESPONSE, &settings);
  head->reading->parser.data = head;
  memset(&head->reading->strict, 0, sizeof head->reading->strict);
  head->reading->strict.takes_old = head->is_tunnel;
  uvws__free(head->env, head->fields);
  head->fields = NULL;
  head->field_count = 0;
  head->text.len = 0;
  head->reading->value_at = 0;
  head->is_head_whole = 0;
  head->is_body_whole = 0;
}

static int answer(struct uvws__head *head, int what) {
  head->phase = ANSWERED;
  head->answer = what;
  return what;
}

/* Failures */

/* The line at `data`, printable, in quotes. */
static void excerpt(const uint8_t *data, size_t len, char out[4 * EXCERPT_LEN + 1]) {
  size_t at = 0;
  out[0] = '\0';
  for (size_t i = 0; i < len && i < EXCERPT_LEN && data[i] != '\r' && data[i] != '\n'; i++) {
    int is_plain = data[i] >= 0x20 && data[i] < 0x7f;
    at += (size_t)snprintf(out + at, 5, is_plain ? "%c" : "\\x%02x", data[i]);
  }
}

static int fail_foreign(struct uvws__head *head, const uint8_t *data, size_t len,
                        struct uvws__detail *detail) {
  char text[4 * EXCERPT_LEN + 1];
  excerpt(data, len, text);
  /* A TLS record is an alert (21) or a handshake (22) where a server speaks first. */
  int is_tls = head->reading->strict.matched == 0 && (data[0] == 0x15 || data[0] == 0x16);
  return answer(head, uvws__fail(detail, UVWS_EHTTP,
                                 "%s's answer is not HTTP/1.1, it begins with \"%.*s%s\"%s",
                                 head->reading->who, (int)head->reading->strict.matched,
                                 uvws__strict_version, text, is_tls ? " (that is TLS)" : ""));
}

static int fail_wrong(struct uvws__head *head, const char *wrong, struct uvws__detail *detail) {
  return answer(head, uvws__fail(detail, UVWS_EHTTP, "%s's answer breaks HTTP/1.1 in line %zu: %s",
                                 head->reading->who, head->reading->strict.line + 1, wrong));
}

static int fail_large(struct uvws__head *head, struct uvws__detail *detail) {
  return answer(head, uvws__fail(detail, UVWS_EHEAD_TOO_LARGE,
                                 "the head of %s's answer is larger than %zu bytes",
                                 head->reading->who, head->reading->max_head_size));
}

static int fail_callback(struct uvws__head *head, struct uvws__detail *detail) {
  if (head->err == UVWS_EHEAD_TOO_LARGE)
    uvws__explain(detail, "%s's answer has more than %d header fields", head->reading->who,
                  UVWS__FIELDS_MAX);
  return answer(head, head->err);
}

static int fail_parser(struct uvws__head *head, struct uvws__detail *detail) {
  const char *reason = llhttp_get_error_reason(&head->reading->parser);
  return answer(head,
                uvws__fail(detail, UVWS_EHTTP, "%s's answer breaks HTTP/1.1: %s",
                           head->reading->who, reason && *reason ? reason : "it is malformed"));
}

/* Feeding */

static int end_head(struct uvws__head *head) {
  if (is_agreement(head)) return answer(head, UVWS__HEAD_UPGRADED);
  if (head->reading->strict.status == 101) return answer(head, UVWS__HEAD_REFUSED);
  if (head->reading->strict.status < 200)
    begin_head(head);
  else if (head->is_body_whole)
    return answer(head, UVWS__HEAD_REFUSED);
  else
    head->phase = IN_BODY;
  return UVWS__HEAD_MORE;
}

static int parse_head(struct uvws__head *head, const uint8_t *data, size_t len, int is_end,
                      struct uvws__detail *detail) {
  llhttp_errno_t error = llhttp_execute(&head->reading->parser, (const char *)data, len);
  if (head->err) return fail_callback(head, detail);
  if (head->is_head_whole) return end_head(head);
  if (error != HPE_OK || is_end) return fail_parser(head, detail);
  return UVWS__HEAD_MORE;
}

static int feed_head(struct uvws__head *head, const uint8_t *data, size_t len,
                     struct uvws__detail *detail, size_t *used) {
  size_t room = head->reading->max_head_size - head->reading->head_size;
  size_t part = len < room ? len : room;
  int found = uvws__strict_feed(&head->reading->strict, data, part, used);
  head->reading->head_size += *used;
  if (found == UVWS__STRICT_FOREIGN) return fail_foreign(head, data + *used, len - *used, detail);
  if (found == UVWS__STRICT_WRONG) return fail_wrong(head, head->reading->strict.wrong, detail);
  int result = parse_head(head, data, *used, found == UVWS__STRICT_END, detail);
  if (result == UVWS__HEAD_MORE && found == UVWS__STRICT_MORE && part < len)
    return fail_large(head, detail);
  return result;
}

static int feed_body(struct uvws__head *head, const uint8_t *data, size_t len,
                     struct uvws__detail *detail) {
  size_t room = RAW_BODY_MAX - head->reading->raw_body;
  size_t part = len < room ? len : room;
  llhttp_errno_t error = llhttp_execute(&head->reading->parser, (const char *)data, part);
  head->reading->raw_body += part;
  if (head->err) return fail_callback(head, detail);
  if (head->is_body_whole) return answer(head, UVWS__HEAD_REFUSED);
  if (error != HPE_OK) return fail_parser(head, detail);
  return head->reading->raw_body == RAW_BODY_MAX ? answer(head, UVWS__HEAD_REFUSED)
                                                 : UVWS__HEAD_MORE;
}

int uvws__head_feed(struct uvws__head *head, const uint8_t *data, size_t len,
                    struct uvws__detail *detail, size_t *used) {
  *used = 0;
  while (head->phase == IN_HEAD && *used < len) {
    size_t part;
    int result = feed_head(head, data + *used, len - *used, detail, &part);
    *used += part;
    if (result != UVWS__HEAD_MORE) return result;
  }
  if (head->phase == ANSWERED) return head->answer;
  if (head->phase == IN_HEAD || *used == len) return UVWS__HEAD_MORE;
  size_t from = *used;
  *used = len;
  return feed_body(head, data + from, len - from, detail);
}

int uvws__head_end(struct uvws__head *head, struct uvws__detail *detail) {
  if (head->phase == ANSWERED) return head->answer;
  if (head->phase == IN_HEAD && head->reading->head_size == 0)
    return answer(
        head, uvws__fail(detail, UVWS_EHTTP, "%s hung up without an answer", head->reading->who));
  if (head->phase == IN_HEAD)
    return answer(head, uvws__fail(detail, UVWS_EHTTP, "%s hung up in the head of its answer",
                                   head->reading->who));
  if (llhttp_finish(&head->reading->parser) != HPE_OK && !head->is_body_whole)
    return answer(head,
                  uvws__fail(detail, UVWS_EHTTP, "%s hung up in the body of its answer (status %d)",
                             head->reading->who, head->reading->strict.status));
  return answer(head, UVWS__HEAD_REFUSED);
}

/* Life */

int uvws__head_new(const struct uvws__env *env, size_t max_head_size, struct uvws__head **out) {
  struct uvws__head *head = uvws__calloc(env, sizeof *head);
  if (!head) return UVWS__ENOMEM;
  head->reading = uvws__calloc(env, sizeof *head->reading);
  if (!head->reading) {
    uvws__free(env, head);
    return UVWS__ENOMEM;
  }
  head->env = env;
  head->reading->who = "the server";
  head->reading->max_head_size = max_head_size;
  begin_head(head);
  *out = head;
  return 0;
}

void uvws__head_expect_tunnel(struct uvws__head *head) {
  head->reading->who = "the proxy";
  head->is_tunnel = 1;
  head->reading->strict.takes_old = 1;
}

void uvws__head_free(struct uvws__head *head) {
  if (!head) return;
  const struct uvws__env *env = head->env;
  uvws__bytes_deinit(env, &head->text);
  uvws__bytes_deinit(env, &head->body);
  uvws__free(env, head->fields);
  uvws__free(env, head->reading);
  uvws__free(env, head);
}

void uvws__head_take_fields(struct uvws__head *head, struct uvws__fields *out) {
  assert(head->is_head_whole);
  *out = (struct uvws__fields){(char *)head->text.data, head->field_count};
  memset(&head->text, 0, sizeof head->text);
  uvws__free(head->env, head->fields);
  head->fields = NULL;
  head->field_count = 0;
}

/* Reading */

int uvws__head_status(const struct uvws__head *head) {
  return head->reading->strict.line ? head->reading->strict.status : 0;
}

const uvws_header_t *uvws__head_fields(const struct uvws__head *head, size_t *count) {
  *count = head->fields ? head->field_count : 0;
  return head->fields;
}

const uint8_t *uvws__head_body(const struct uvws__head *head, size_t *len) {
  *len = head->body.len;
  return head->body.data;
}

const char *uvws__head_find(const struct uvws__head *head, const char *name) {
  size_t count;
  const uvws_header_t *fields = uvws__head_fields(head, &count);
  for (size_t i = 0; i < count; i++)
    if (uvws__ascii_equal(fields[i].name, name)) return fields[i].value;
  return NULL;
}

const char *uvws__fields_find(const struct uvws__fields *fields, const char *name) {
  const char *at = fields->text;
  uvws_header_t field;
  for (size_t i = 0; i < fields->count; i++) {
    at = next_field(at, &field);
    if (uvws__ascii_equal(field.name, name)) return field.value;
  }
  return NULL;
}
