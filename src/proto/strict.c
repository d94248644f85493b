/*
 * A response head judged byte by byte, in front of llhttp. Versions of llhttp differ in what they
 * let pass (bare LF, folded lines, spaces before the colon, leading blank lines); each of these has
 * been a way to make two readers of one stream see different messages, so none is let through to
 * it. RFC 9112 2.2 lets a recipient take a bare LF; we do not.
 *
 * Deviation: "HTTP/1.1 101" CR LF without the space before an empty reason is taken, as servers
 * that send it exist.
 */
#include "proto/strict.h"

#include "proto/token.h"

const char uvws__strict_version[] = "HTTP/1.1 ";

enum place {
  AT_VERSION,
  AT_STATUS,
  BEHIND_STATUS,
  IN_REASON,
  AT_LINE, /* the first byte of a field line */
  IN_NAME,
  IN_VALUE,
  AT_LINE_LF,
  AT_LAST_LF,
  BEHIND_HEAD
};

/* The next place, or -1 with `wrong` set. */
static int refuse(struct uvws__strict *s, const char *wrong) {
  s->wrong = wrong;
  return -1;
}

#define MINOR_AT 7 /* the minor version's place in "HTTP/1.1 " */

static int step_version(struct uvws__strict *s, char c) {
  int is_old = s->takes_old && s->matched == MINOR_AT && c == '0';
  if (c != uvws__strict_version[s->matched] && !is_old) return refuse(s, "not HTTP/1.1");
  s->matched++;
  return uvws__strict_version[s->matched] ? AT_VERSION : AT_STATUS;
}

static int step_status(struct uvws__strict *s, char c) {
  if (!uvws__is_digit(c) || (s->status == 0 && c == '0'))
    return refuse(s, "the status is not a number from 100 to 999");
  s->status = s->status * 10 + (c - '0');
  return s->status < 100 ? AT_STATUS : BEHIND_STATUS;
}

static int step_behind_status(struct uvws__strict *s, char c) {
  if (c == ' ') return IN_REASON;
  if (c == '\r') return AT_LINE_LF;
  return refuse(s, "the status is not three digits");
}

/* The reason and field values: everything but control characters (RFC 9112 4, RFC 9110 5.5). */
static int step_text(struct uvws__strict *s, char c, int place) {
  if (c == '\r') return AT_LINE_LF;
  if (c == '\n') return refuse(s, "a line ends with LF and no CR");
  if (c == '\0') return refuse(s, "a NUL byte");
  if (c != '\t' && uvws__is_control(c)) return refuse(s, "a control character");
  return place;
}

static int step_line(struct uvws__strict *s, char c) {
  if (c == '\r') return AT_LAST_LF;
  if (c == '\n') return refuse(s, "a line ends with LF and no CR");
  if (c == ' ' || c == '\t') return refuse(s, "a folded line");
  if (c == ':') return refuse(s, "a field without a name");
  if (!uvws__is_tchar(c)) return refuse(s, "a wrong character in a field name");
  return IN_NAME;
}

static int step_name(struct uvws__strict *s, char c) {
  if (c == ':') return IN_VALUE;
  if (c == ' ' || c == '\t') return refuse(s, "whitespace in or behind a field name");
  if (c == '\r' || c == '\n') return refuse(s, "a line without a colon");
  if (!uvws__is_tchar(c)) return refuse(s, "a wrong character in a field name");
  return IN_NAME;
}

static int step_lf(struct uvws__strict *s, char c, int place) {
  if (c != '\n') return refuse(s, "a CR without LF");
  s->line++;
  return place;
}

static int step(struct uvws__strict *s, char c) {
  switch ((enum place)s->place) {
  case AT_VERSION:
    return step_version(s, c);
  case AT_STATUS:
    return step_status(s, c);
  case BEHIND_STATUS:
    return step_behind_status(s, c);
  case AT_LINE:
    return step_line(s, c);
  case IN_NAME:
    return step_name(s, c);
  case IN_REASON:
  case IN_VALUE:
    return step_text(s, c, s->place);
  case AT_LINE_LF:
    return step_lf(s, c, AT_LINE);
  case AT_LAST_LF:
    return step_lf(s, c, BEHIND_HEAD);
  case BEHIND_HEAD:
    break;
  }
  return refuse(s, "a byte behind the head");
}

int uvws__strict_feed(struct uvws__strict *s, const uint8_t *data, size_t len, size_t *used) {
  size_t i = 0;
  while (i < len && s->place != BEHIND_HEAD) {
    int next = step(s, (char)data[i]);
    if (next < 0) {
      *used = i;
      return s->place == AT_VERSION ? UVWS__STRICT_FOREIGN : UVWS__STRICT_WRONG;
    }
    s->place = next;
    i++;
  }
  *used = i;
  return s->place == BEHIND_HEAD ? UVWS__STRICT_END : UVWS__STRICT_MORE;
}
