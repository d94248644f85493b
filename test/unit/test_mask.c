/* Masking against the definition of RFC 6455 5.3, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/mask.h"

#define LEN_MAX 300 /* several steps of every width */

static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};

static void check(size_t len, uint64_t offset, size_t from_shift, size_t to_shift) {
  /* Blocks of just the size, so that a sanitizer sees a step too far. */
  uint8_t *from = malloc(from_shift + len + 1);
  uint8_t *to = malloc(to_shift + len + 1);
  assert_true(from && to);
  for (size_t i = 0; i < len; i++)
    from[from_shift + i] = (uint8_t)(i * 11 + 3);
  to[to_shift + len] = 0xEE;
  uvws__mask_copy(to + to_shift, from + from_shift, len, key, offset);
  for (size_t i = 0; i < len; i++)
    assert_int_equal(to[to_shift + i], from[from_shift + i] ^ key[(offset + i) % 4]);
  assert_int_equal(to[to_shift + len], 0xEE);
  free(from);
  free(to);
}

static void every_length_at_every_offset_is_masked_right(void **state) {
  (void)state;
  for (size_t len = 0; len <= LEN_MAX; len++)
    for (uint64_t offset = 0; offset < 8; offset++)
      check(len, offset, 0, 0);
}

static void every_alignment_is_masked_right(void **state) {
  (void)state;
  for (size_t from = 0; from < 8; from++)
    for (size_t to = 0; to < 8; to++)
      for (size_t len = 180; len < 210; len++)
        check(len, from + to, from, to);
}

static void large_offsets_count_modulo_4(void **state) {
  (void)state;
  for (uint64_t i = 0; i < 8; i++)
    check(40, UINT64_MAX - i, 0, 0);
}

static void masking_in_place_twice_gives_the_text_back(void **state) {
  (void)state;
  char text[] = "the quick brown fox jumps over the lazy dog, and again, and again";
  char before[sizeof text];
  memcpy(before, text, sizeof text);
  uvws__mask_copy((uint8_t *)text, (uint8_t *)text, sizeof text, key, 1);
  assert_memory_not_equal(text, before, sizeof text);
  uvws__mask_copy((uint8_t *)text, (uint8_t *)text, sizeof text, key, 1);
  assert_memory_equal(text, before, sizeof text);
}

static void example_of_the_rfc_is_masked_right(void **state) {
  (void)state;
  uint8_t out[5]; /* RFC 6455 5.7 */
  uvws__mask_copy(out, (const uint8_t *)"Hello", 5, key, 0);
  assert_memory_equal(out, "\x7f\x9f\x4d\x51\x58", 5);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_length_at_every_offset_is_masked_right),
      cmocka_unit_test(every_alignment_is_masked_right),
      cmocka_unit_test(large_offsets_count_modulo_4),
      cmocka_unit_test(masking_in_place_twice_gives_the_text_back),
      cmocka_unit_test(example_of_the_rfc_is_masked_right),
  };
  return cmocka_run_group_tests_name("mask", tests, NULL, NULL);
}
