/* Waits before attempts: bounds, jitter, the server's own wish. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/backoff.h"

static const struct uvws__backoff plain = {1000, 30000, 1};
static const struct uvws__backoff jittered = {1000, 30000, 0};

static void longest_wait_doubles_up_to_the_cap(void **state) {
  (void)state;
  static const uint64_t expected[] = {1000, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
  for (uint32_t i = 0; i < 8; i++)
    assert_int_equal(uvws__backoff_ms(&plain, i, 0, 12345), expected[i]);
  assert_int_equal(uvws__backoff_ms(&plain, UINT32_MAX, 0, 0), 30000);
}

static void nothing_overflows(void **state) {
  (void)state;
  struct uvws__backoff huge = {UINT32_MAX, UINT32_MAX, 0};
  assert_int_equal(uvws__backoff_ms(&huge, UINT32_MAX, 0, UINT32_MAX), UINT32_MAX);
  assert_int_equal(uvws__backoff_ms(&huge, 1, 0, 0), 0);
}

static void jitter_reaches_both_ends(void **state) {
  (void)state;
  assert_int_equal(uvws__backoff_ms(&jittered, 1, 0, 0), 0);
  assert_int_equal(uvws__backoff_ms(&jittered, 1, 0, UINT32_MAX), 1000);
  assert_int_equal(uvws__backoff_ms(&jittered, 1, 0, UINT32_MAX / 2), 500);
}

static void server_is_not_asked_before_its_time(void **state) {
  (void)state;
  assert_int_equal(uvws__backoff_ms(&plain, 1, 5000, 0), 5000);
  assert_int_equal(uvws__backoff_ms(&plain, 4, 5000, 0), 8000);
  assert_int_equal(uvws__backoff_ms(&jittered, 1, 5000, 0), 5000);
  assert_int_equal(uvws__backoff_ms(&jittered, 1, 5000, UINT32_MAX), 6000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(longest_wait_doubles_up_to_the_cap),
      cmocka_unit_test(nothing_overflows),
      cmocka_unit_test(jitter_reaches_both_ends),
      cmocka_unit_test(server_is_not_asked_before_its_time),
  };
  return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}
