/*
 * UTF-8 against a reader of our own that decodes code points (RFC 3629 3) and knows no table of
 * lead bytes: every code point, every sequence of up to three bytes, every cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/utf8.h"

static size_t encode(uint32_t c, uint8_t out[4]) {
  if (c < 0x80) {
    out[0] = (uint8_t)c;
    return 1;
  }
  size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  out[0] = (uint8_t)((0xFF00 >> (more + 1)) | (c >> (6 * more)));
  for (size_t i = 1; i <= more; i++)
    out[i] = (uint8_t)(0x80 | ((c >> (6 * (more - i))) & 0x3F));
  return more + 1;
}

/* The length of the one valid character at `data`, 0 when there is none: encoding what was decoded
 * must give the same bytes. */
static size_t character(const uint8_t *data, size_t len) {
  static const uint8_t bits[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
  for (size_t n = 1; n <= 4 && n <= len; n++) {
    uint8_t again[4];
    uint32_t c = data[0] & bits[n];
    for (size_t i = 1; i < n; i++)
      c = c << 6 | (data[i] & 0x3F);
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) continue;
    if (encode(c, again) == n && memcmp(again, data, n) == 0) return n;
  }
  return 0;
}

static int is_text(const uint8_t *data, size_t len) {
  while (len) {
    size_t n = character(data, len);
    if (!n) return 0;
    data += n;
    len -= n;
  }
  return 1;
}

/* Feed in two parts, in memory of just the size. */
static int judge_cut(const uint8_t *data, size_t len, size_t cut) {
  struct uvws__utf8 u = {0};
  uint8_t *first = malloc(cut + !cut);
  uint8_t *second = malloc(len - cut + (cut == len));
  assert_true(first && second);
  memcpy(first, data, cut);
  memcpy(second, data + cut, len - cut);
  int is_valid = uvws__utf8_feed(&u, first, cut) && uvws__utf8_feed(&u, second, len - cut) &&
                 uvws__utf8_is_whole(&u);
  free(first);
  free(second);
  return is_valid;
}

static void check(const uint8_t *data, size_t len) {
  int expected = is_text(data, len);
  if (uvws__utf8_is_valid(data, len) != expected)
    fail_msg("%02x %02x %02x %02x (%zu bytes) is%s text", data[0], data[1], data[2], data[3], len,
             expected ? "" : " not");
}

static void every_code_point_is_text_and_no_surrogate(void **state) {
  (void)state;
  for (uint32_t c = 0; c < 0x110000 + 0x1000; c++) {
    uint8_t bytes[4] = {0};
    size_t len = encode(c, bytes);
    int is_good = c <= 0x10FFFF && !(c >= 0xD800 && c <= 0xDFFF);
    if (uvws__utf8_is_valid(bytes, len) != is_good) fail_msg("U+%04X", c);
  }
}

static void every_sequence_of_up_to_three_bytes_is_judged_right(void **state) {
  (void)state;
  uint8_t b[4] = {0};
  for (unsigned i = 0; i < 1u << 24; i++) {
    /* The third byte matters at its borders only. */
    uint8_t third = (uint8_t)i;
    if (third != 0x7F && third != 0x80 && third != 0xBF && third != 0xC0) continue;
    b[0] = (uint8_t)(i >> 16);
    b[1] = (uint8_t)(i >> 8);
    b[2] = third;
    check(b, 1);
    check(b, 2);
    check(b, 3);
  }
}

static void every_four_byte_border_is_judged_right(void **state) {
  (void)state;
  static const uint8_t borders[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
  for (unsigned lead = 0xEF; lead <= 0xFF; lead++)
    for (size_t i = 0; i < 1000; i++) {
      uint8_t b[4] = {(uint8_t)lead, borders[i / 100], borders[i / 10 % 10], borders[i % 10]};
      check(b, 4);
    }
}

static void cut_anywhere_text_stays_text(void **state) {
  (void)state;
  static const char text[] =
      "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80 and some more ASCII, so that whole words "
      "are skipped \xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF";
  for (size_t cut = 0; cut < sizeof text; cut++)
    assert_true(judge_cut((const uint8_t *)text, sizeof text - 1, cut));
}

static void wrong_byte_is_found_at_every_place_and_at_every_cut(void **state) {
  (void)state;
  enum { LEN = 80 };
  static const uint8_t wrong[] = {0x80, 0xC0, 0xC1, 0xF5, 0xFF, 0xE2};
  uint8_t text[LEN];
  for (size_t i = 0; i < LEN; i++) {
    memset(text, 'x', LEN);
    text[i] = wrong[i % sizeof wrong];
    for (size_t cut = 0; cut <= LEN; cut++)
      assert_false(judge_cut(text, LEN, cut));
  }
}

static void wrong_byte_is_found_as_soon_as_it_is_there(void **state) {
  (void)state;
  struct uvws__utf8 u = {0};
  assert_true(uvws__utf8_feed(&u, (const uint8_t *)"\xF4", 1));
  assert_false(uvws__utf8_is_whole(&u));
  assert_false(uvws__utf8_feed(&u, (const uint8_t *)"\x90", 1));
  struct uvws__utf8 v = {0};
  assert_true(uvws__utf8_feed(&v, (const uint8_t *)"\xE0", 1));
  assert_false(uvws__utf8_feed(&v, (const uint8_t *)"\x9F", 1));
}

static void nothing_is_text(void **state) {
  (void)state;
  assert_true(uvws__utf8_is_valid(NULL, 0));
  assert_true(uvws__utf8_is_valid((const uint8_t *)"", 0));
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_code_point_is_text_and_no_surrogate),
      cmocka_unit_test(every_sequence_of_up_to_three_bytes_is_judged_right),
      cmocka_unit_test(every_four_byte_border_is_judged_right),
      cmocka_unit_test(cut_anywhere_text_stays_text),
      cmocka_unit_test(wrong_byte_is_found_at_every_place_and_at_every_cut),
      cmocka_unit_test(wrong_byte_is_found_as_soon_as_it_is_there),
      cmocka_unit_test(nothing_is_text),
  };
  return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
