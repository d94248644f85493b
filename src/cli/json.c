/*
 * JSON in one pass and without recursion: a stack of bits remembers which brackets are open, and
 * `expects` which tokens may come next. Layout is written as the tokens come; text that turns out
 * not to be JSON is taken back.
 */
#include "cli/json.h"

#include <stdint.h>
#include <string.h>
#include <uv.h>

#include "cli/style.h"

enum { DEPTH_MAX = 256, INDENT = 2 };

enum expected {
  EXPECT_VALUE,
  EXPECT_VALUE_OR_END, /* behind [ */
  EXPECT_KEY,
  EXPECT_KEY_OR_END, /* behind { */
  EXPECT_COLON,
  EXPECT_COMMA_OR_END,
  EXPECT_NOTHING
};

struct json {
  const char *next;
  const char *end;
  struct cli_buffer *out;
  struct cli_json_style style;
  enum expected expects;
  size_t depth;
  uint8_t is_object[DEPTH_MAX / 8];
};

/*
 * Output
 */

static int put(struct json *j, const char *text) {
  return cli_buffer_append_str(j->out, text);
}

static int put_token(struct json *j, const char *color, const char *text, size_t len) {
  int err = j->style.has_colors ? put(j, color) : 0;
  if (err == 0)
    err = j->style.is_terminal ? cli_buffer_append_shown(j->out, text, len)
                               : cli_buffer_append(j->out, text, len);
  if (err == 0 && j->style.has_colors) err = put(j, CLI_STYLE_RESET);
  return err;
}

static int put_newline(struct json *j) {
  int err = put(j, "\n");
  for (size_t i = 0; i < j->depth * INDENT && err == 0; i++)
    err = put(j, " ");
  return err;
}

/*
 * Tokens: each answers how long the one at `text` is, 0 when there is none.
 */

static int is_digit(char c) {
  return c >= '0' && c <= '9';
}

static size_t digits_len(const char *text, const char *end) {
  const char *p = text;
  while (p < end && is_digit(*p))
    p++;
  return (size_t)(p - text);
}

/* RFC 8259 6: no leading zero, no bare point, no plus in front. */
static size_t number_len(const char *text, const char *end) {
  const char *p = text;
  if (p < end && *p == '-') p++;
  size_t whole = digits_len(p, end);
  if (whole == 0 || (whole > 1 && *p == '0')) return 0;
  p += whole;
  if (p < end && *p == '.') {
    size_t fraction = digits_len(++p, end);
    if (fraction == 0) return 0;
    p += fraction;
  }
  if (p < end && (*p == 'e' || *p == 'E')) {
    p++;
    if (p < end && (*p == '+' || *p == '-')) p++;
    size_t exponent = digits_len(p, end);
    if (exponent == 0) return 0;
    p += exponent;
  }
  return (size_t)(p - text);
}

static int is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Behind a backslash (RFC 8259 7). */
static size_t escape_len(const char *text, const char *end) {
  if (text == end) return 0;
  if (*text != 'u') return *text != '\0' && strchr("\"\\/bfnrt", *text) != NULL;
  for (int i = 1; i <= 4; i++)
    if (text + i >= end || !is_hex(text[i])) return 0;
  return 5;
}

static size_t string_len(const char *text, const char *end) {
  const char *p = text + 1;
  while (p < end && *p != '"') {
    if ((unsigned char)*p < 0x20) return 0;
    if (*p++ != '\\') continue;
    size_t escape = escape_len(p, end);
    if (escape == 0) return 0;
    p += escape;
  }
  return p < end ? (size_t)(p - text) + 1 : 0;
}

static size_t word_len(const char *text, const char *end) {
  static const char *const words[] = {"true", "false", "null"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    size_t len = strlen(words[i]);
    if ((size_t)(end - text) >= len && memcmp(text, words[i], len) == 0) return len;
  }
  return 0;
}

/*
 * Structure
 */

static int is_in_object(const struct json *j) {
  return j->is_object[(j->depth - 1) / 8] >> ((j->depth - 1) % 8) & 1;
}

static void expect_behind_value(struct json *j) {
  j->expects = j->depth == 0 ? EXPECT_NOTHING : EXPECT_COMMA_OR_END;
}

static int take_scalar(struct json *j, const char *color, size_t len) {
  if (len == 0) return UV_EINVAL;
  int err = put_token(j, color, j->next, len);
  j->next += len;
  return err;
}

static int take_value(struct json *j) {
  expect_behind_value(j);
  if (*j->next == '"') return take_scalar(j, CLI_STYLE_STRING, string_len(j->next, j->end));
  size_t word = word_len(j->next, j->end);
  if (word > 0) return take_scalar(j, CLI_STYLE_WORD, word);
  return take_scalar(j, CLI_STYLE_NUMBER, number_len(j->next, j->end));
}

static int open_bracket(struct json *j) {
  if (j->depth == DEPTH_MAX) return UV_EINVAL;
  int is_object = *j->next == '{';
  uint8_t bit = (uint8_t)(1u << (j->depth % 8));
  j->is_object[j->depth / 8] &= (uint8_t)~bit;
  if (is_object) j->is_object[j->depth / 8] |= bit;
  j->depth++;
  j->next++;
  j->expects = is_object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
  return put(j, is_object ? "{" : "[");
}

static int close_bracket(struct json *j) {
  int is_object = *j->next == '}';
  if (j->depth == 0 || is_in_object(j) != is_object) return UV_EINVAL;
  int is_empty = j->expects != EXPECT_COMMA_OR_END;
  j->depth--;
  j->next++;
  int err = is_empty ? 0 : put_newline(j);
  expect_behind_value(j);
  return err != 0 ? err : put(j, is_object ? "}" : "]");
}

static int take_separator(struct json *j) {
  char c = *j->next++;
  if (j->expects == EXPECT_COLON) {
    j->expects = EXPECT_VALUE;
    return c == ':' ? put(j, ": ") : UV_EINVAL;
  }
  if (c != ',') return UV_EINVAL;
  j->expects = is_in_object(j) ? EXPECT_KEY : EXPECT_VALUE;
  int err = put(j, ",");
  return err != 0 ? err : put_newline(j);
}

static int take_key(struct json *j) {
  int err = j->expects == EXPECT_KEY_OR_END ? put_newline(j) : 0;
  if (err != 0 || *j->next != '"') return err != 0 ? err : UV_EINVAL;
  j->expects = EXPECT_COLON;
  return take_scalar(j, CLI_STYLE_KEY, string_len(j->next, j->end));
}

static int take_token(struct json *j) {
  int is_end = *j->next == '}' || *j->next == ']';
  switch (j->expects) {
  case EXPECT_VALUE_OR_END:
    if (is_end) return close_bracket(j);
    int err = put_newline(j);
    if (err != 0) return err;
    /* fall through */
  case EXPECT_VALUE:
    return *j->next == '{' || *j->next == '[' ? open_bracket(j) : take_value(j);
  case EXPECT_KEY_OR_END:
    return is_end ? close_bracket(j) : take_key(j);
  case EXPECT_KEY:
    return take_key(j);
  case EXPECT_COMMA_OR_END:
    return is_end ? close_bracket(j) : take_separator(j);
  case EXPECT_COLON:
    return take_separator(j);
  case EXPECT_NOTHING:
    break;
  }
  return UV_EINVAL;
}

static void skip_space(struct json *j) {
  while (j->next < j->end &&
         (*j->next == ' ' || *j->next == '\t' || *j->next == '\n' || *j->next == '\r'))
    j->next++;
}

int cli_json_append(struct cli_buffer *out, const char *text, size_t len,
                    struct cli_json_style style) {
  struct json j = {.next = text, .end = text + len, .out = out, .style = style};
  size_t before = out->len;
  int err = 0;
  skip_space(&j);
  while (err == 0 && j.next < j.end) {
    err = take_token(&j);
    skip_space(&j);
  }
  if (err == 0 && j.expects != EXPECT_NOTHING) err = UV_EINVAL;
  if (err != 0) out->len = before;
  return err;
}
