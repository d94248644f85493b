/*
 * UTF-8 by the table of RFC 3629 4: a lead byte fixes how many continuation bytes follow and,
 * against overlong forms, surrogates and what lies beyond U+10FFFF, a narrower range for the first
 * of them. Long texts are judged a vector at a time (utf8_blocks.h).
 */
#include "proto/utf8.h"

#include <string.h>

#include "proto/utf8_blocks.h"

#define SHORT_MAX 256 /* so much is looked through for ASCII before anything else */
#define HIGH_BITS UINT64_C(0x8080808080808080)

static const uint8_t *skip_ascii(const uint8_t *p, const uint8_t *end) {
  uint64_t word;
  while ((size_t)(end - p) >= sizeof word) {
    memcpy(&word, p, sizeof word);
    if (word & HIGH_BITS) break;
    p += sizeof word;
  }
  while (p < end && *p < 0x80)
    p++;
  return p;
}

/* What must follow the lead byte; 0 when it leads nothing. */
static int take_lead(struct uvws__utf8 *u, uint8_t lead) {
  u->low = 0x80;
  u->high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    u->need = 1;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    u->need = 2;
    if (lead == 0xE0) u->low = 0xA0;
    if (lead == 0xED) u->high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    u->need = 3;
    if (lead == 0xF0) u->low = 0x90;
    if (lead == 0xF4) u->high = 0x8F;
  } else {
    return 0;
  }
  return 1;
}

/* Byte by byte: what is short, and the ends of what is long. */
static int feed_bytes(struct uvws__utf8 *u, const uint8_t *p, const uint8_t *end) {
  while (p < end) {
    if (u->need == 0) {
      p = skip_ascii(p, end);
      if (p == end) break;
      if (!take_lead(u, *p++)) return 0;
      continue;
    }
    if (*p < u->low || *p > u->high) return 0;
    u->low = 0x80;
    u->high = 0xBF;
    u->need--;
    p++;
  }
  return 1;
}

static size_t character_len(uint8_t lead) {
  return lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* The end of the last whole character; what is wrong there stays in front of it. */
static const uint8_t *last_border(const uint8_t *data, const uint8_t *end) {
  for (const uint8_t *p = end; p > data && end - p < 3;) {
    p--;
    if ((*p & 0xC0) == 0x80) continue;
    return character_len(*p) > (size_t)(end - p) ? p : end;
  }
  return end;
}

static uint64_t word_at(const uint8_t *p) {
  uint64_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

/* Most short texts are. The last word may overlap the one before: that costs less than to look at
 * single bytes. */
static int is_ascii(const uint8_t *p, size_t len) {
  uint64_t any = 0;
  if (len < sizeof any) {
    while (len--)
      any |= (uint64_t)*p++;
    return any < 0x80;
  }
  const uint8_t *last = p + len - sizeof any;
  for (; p < last; p += 8)
    any |= word_at(p);
  return ((any | word_at(last)) & HIGH_BITS) == 0;
}

static int feed_long(struct uvws__utf8 *u, const uint8_t *p, const uint8_t *end) {
  for (; u->need; p++)
    if (!feed_bytes(u, p, p + 1)) return 0;
  const uint8_t *border = last_border(p, end);
  int answer = uvws__utf8_blocks(p, (size_t)(border - p));
  if (answer == 0) return 0;
  return feed_bytes(u, answer == 1 ? border : p, end);
}

static int feed(struct uvws__utf8 *u, const uint8_t *data, size_t len) {
  if (len < UVWS__UTF8_BLOCK) return feed_bytes(u, data, data + len);
  return feed_long(u, data, data + len);
}

int uvws__utf8_feed(struct uvws__utf8 *u, const uint8_t *data, size_t len) {
  if (len <= SHORT_MAX && u->need == 0 && is_ascii(data, len)) return 1;
  return feed(u, data, len);
}

int uvws__utf8_is_whole(const struct uvws__utf8 *u) {
  return u->need == 0;
}

int uvws__utf8_is_valid(const uint8_t *data, size_t len) {
  struct uvws__utf8 u = {0};
  if (len <= SHORT_MAX && is_ascii(data, len)) return 1;
  return feed(&u, data, len) && uvws__utf8_is_whole(&u);
}
