/*
 * UTF-8 judged a vector at a time says what a decoder by the definition says (RFC 3629 3), for
 * every short sequence that differs to a validator, wherever it lies in a block and however it is
 * cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/utf8.h"
#include "proto/utf8_blocks.h"

/* The first and last byte of each class that RFC 3629 tells apart, and neighbours of them. */
static const uint8_t bytes[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
                                0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF8, 0xFF};
#define BYTE_COUNT (sizeof bytes)
#define TEXT_LEN 160

/* Bytes of the character at `p`, 0 for none: decoded, then judged by its number. */
static size_t decode(const uint8_t *p, size_t len) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  size_t need = *p < 0x80 ? 1 : (*p & 0xE0) == 0xC0 ? 2 : (*p & 0xF0) == 0xE0 ? 3 : 4;
  if (need == 1) return 1;
  if (len < need || (need == 4 && (*p & 0xF8) != 0xF0) || (*p & 0xC0) == 0x80) return 0;
  uint32_t number = *p & (0xFFu >> (need + 1));
  for (size_t i = 1; i < need; i++) {
    if ((p[i] & 0xC0) != 0x80) return 0;
    number = number << 6 | (p[i] & 0x3F);
  }
  if (number < least[need] || number > 0x10FFFF) return 0;
  return number >= 0xD800 && number <= 0xDFFF ? 0 : need;
}

static int is_valid_by_definition(const uint8_t *data, size_t len) {
  while (len) {
    size_t n = decode(data, len);
    if (!n) return 0;
    data += n;
    len -= n;
  }
  return 1;
}

/* `sequence` at `place` in text of `filler`, whole and cut behind each of its bytes. */
static void check(const uint8_t *sequence, size_t len, size_t place, uint8_t filler) {
  uint8_t text[TEXT_LEN];
  memset(text, filler, sizeof text);
  memcpy(text + place, sequence, len);
  int expected = is_valid_by_definition(sequence, len);
  if (uvws__utf8_is_valid(text, sizeof text) != expected)
    fail_msg("%02x %02x %02x %02x at %zu: expected %d", sequence[0], sequence[1], sequence[2],
             sequence[3], place, expected);
}

static void check_cuts(const uint8_t *sequence, size_t len, size_t place) {
  uint8_t text[TEXT_LEN];
  memset(text, 'x', sizeof text);
  memcpy(text + place, sequence, len);
  int expected = is_valid_by_definition(sequence, len);
  for (size_t cut = place; cut <= place + len; cut++) {
    struct uvws__utf8 u = {0};
    int is_valid = uvws__utf8_feed(&u, text, cut) &&
                   uvws__utf8_feed(&u, text + cut, sizeof text - cut) && uvws__utf8_is_whole(&u);
    assert_int_equal(is_valid, expected);
  }
}

static void every_class_of_four_bytes_is_judged_as_defined(void **state) {
  (void)state;
  uint8_t s[4];
  for (size_t a = 0; a < BYTE_COUNT; a++)
    for (size_t b = 0; b < BYTE_COUNT; b++)
      for (size_t c = 0; c < BYTE_COUNT; c++)
        for (size_t d = 0; d < BYTE_COUNT; d++) {
          s[0] = bytes[a], s[1] = bytes[b], s[2] = bytes[c], s[3] = bytes[d];
          check(s, 4, 30 + (a + b + c + d) % 4, 'x'); /* across the border of two vectors */
        }
}

static void every_two_bytes_are_judged_as_defined(void **state) {
  (void)state;
  uint8_t s[4] = {0, 0, 'x', 'x'};
  for (unsigned a = 0; a < 256; a++)
    for (unsigned b = 0; b < 256; b++) {
      s[0] = (uint8_t)a, s[1] = (uint8_t)b;
      check(s, 4, 63, 'x');
    }
}

static const char *const samples[] = {
    "\xC3\xA9xx",       "\xE0\xA0\x80x",    "\xED\x9F\xBFx", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF",
    "\x80xxx",          "\xC1\xBFxx",       "\xE0\x9F\xBFx", "\xED\xA0\x80x",    "\xF0\x8F\xBF\xBF",
    "\xF4\x90\x80\x80", "\xF8\x88\x80\x80", "\xE2\x82xx",    "\xF0\x9F\x98x"};
#define SAMPLE_COUNT (sizeof samples / sizeof samples[0])

static void a_character_is_judged_alike_at_every_place(void **state) {
  (void)state;
  for (size_t i = 0; i < SAMPLE_COUNT; i++)
    for (size_t place = 0; place + 4 <= TEXT_LEN; place++)
      check((const uint8_t *)samples[i], 4, place, 'x');
}

static void text_cut_anywhere_is_judged_as_if_it_were_whole(void **state) {
  (void)state;
  for (size_t i = 0; i < SAMPLE_COUNT; i++)
    for (size_t place = 60; place < 100; place++)
      check_cuts((const uint8_t *)samples[i], 4, place);
}

static void a_character_that_is_not_whole_waits_for_the_rest(void **state) {
  (void)state;
  static const char *const whole[] = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x99\x82"};
  for (size_t i = 0; i < 3; i++)
    for (size_t missing = 1; missing < strlen(whole[i]); missing++) {
      uint8_t text[TEXT_LEN];
      struct uvws__utf8 u = {0};
      size_t there = strlen(whole[i]) - missing;
      memset(text, 'x', sizeof text);
      memcpy(text + sizeof text - there, whole[i], there);
      assert_int_equal(uvws__utf8_feed(&u, text, sizeof text), 1);
      assert_int_equal(uvws__utf8_is_whole(&u), 0);
      assert_int_equal(u.need, missing);
    }
}

static void a_wrong_byte_at_the_end_is_seen_at_once(void **state) {
  (void)state;
  static const char *const wrong[] = {"\x80",     "\xC0",     "\xFF",    "\xE0\x80",
                                      "\xED\xA0", "\xF4\x90", "\xF0\x80"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    uint8_t text[TEXT_LEN];
    struct uvws__utf8 u = {0};
    memset(text, 'x', sizeof text);
    memcpy(text + sizeof text - strlen(wrong[i]), wrong[i], strlen(wrong[i]));
    assert_int_equal(uvws__utf8_feed(&u, text, sizeof text), 0);
  }
}

static void long_text_of_many_scripts_is_valid(void **state) {
  (void)state;
  static const char unit[] = "Žluťoučký kůň 日本語 καλημέρα 🙂 plain ";
  uint8_t text[sizeof unit * 40];
  for (size_t i = 0; i < 40; i++)
    memcpy(text + i * (sizeof unit - 1), unit, sizeof unit - 1);
  size_t len = 40 * (sizeof unit - 1);
  assert_int_equal(uvws__utf8_is_valid(text, len), 1);
  for (size_t i = 0; i < len; i += 7) {
    uint8_t was = text[i];
    text[i] ^= 0x80;
    assert_int_equal(uvws__utf8_is_valid(text, len), is_valid_by_definition(text, len));
    text[i] = was;
  }
}

static void the_blocks_agree_or_decline(void **state) {
  (void)state;
  uint8_t text[200];
  memset(text, 'x', sizeof text);
  int answer = uvws__utf8_blocks(text, sizeof text);
  assert_true(answer == 1 || answer < 0);
  text[100] = 0xFF;
  assert_true(uvws__utf8_blocks(text, sizeof text) == (answer < 0 ? answer : 0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_class_of_four_bytes_is_judged_as_defined),
      cmocka_unit_test(every_two_bytes_are_judged_as_defined),
      cmocka_unit_test(a_character_is_judged_alike_at_every_place),
      cmocka_unit_test(text_cut_anywhere_is_judged_as_if_it_were_whole),
      cmocka_unit_test(a_character_that_is_not_whole_waits_for_the_rest),
      cmocka_unit_test(a_wrong_byte_at_the_end_is_seen_at_once),
      cmocka_unit_test(long_text_of_many_scripts_is_valid),
      cmocka_unit_test(the_blocks_agree_or_decline),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
