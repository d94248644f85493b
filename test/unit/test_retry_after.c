/* Retry-After in both its forms (RFC 9110 10.2.3), and in none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/retry_after.h"

#define NOW "Sun, 06 Nov 1994 08:49:37 GMT"

static void seconds_are_read(void **state) {
  (void)state;
  uint64_t ms = 1;
  assert_true(uvws__retry_after("0", NULL, &ms));
  assert_int_equal(ms, 0);
  assert_true(uvws__retry_after("120", NULL, &ms));
  assert_int_equal(ms, 120000);
  assert_true(uvws__retry_after("99999999999999999999999", NULL, &ms));
  assert_int_equal(ms, UINT64_C(1000000000000));
}

static void dates_are_taken_relative_to_the_answers_own(void **state) {
  (void)state;
  static const struct {
    const char *value;
    uint64_t ms;
  } rows[] = {
      {"Sun, 06 Nov 1994 08:49:38 GMT", 1000},
      {"Mon, 07 Nov 1994 08:49:37 GMT", 86400000},
      {"Wed, 01 Mar 1995 08:49:37 GMT", UINT64_C(115) * 86400000},
      {"Fri, 01 Mar 1996 08:49:37 GMT", UINT64_C(481) * 86400000}, /* a leap day on the way */
      {"Sun, 06 Nov 1994 08:49:36 GMT", 0},
      {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    uint64_t ms = 1;
    assert_true(uvws__retry_after(rows[i].value, NOW, &ms));
    assert_int_equal(ms, rows[i].ms);
  }
}

static void what_is_neither_says_nothing(void **state) {
  (void)state;
  static const char *const bad[] = {"",
                                    "-1",
                                    "1.5",
                                    " 7",
                                    "soon",
                                    "Sunday, 06-Nov-94 08:49:37 GMT",
                                    "Sun Nov  6 08:49:37 1994",
                                    "Sun, 06 Nov 1994 08:49:37 UTC",
                                    "Sun, 06 Nox 1994 08:49:37 GMT",
                                    "Sun, 00 Nov 1994 08:49:37 GMT",
                                    "Sun, 06 Nov 1994 24:49:37 GMT",
                                    "Sun, 06 Nov 1994 08:49:3x GMT"};
  uint64_t ms = 7;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    assert_false(uvws__retry_after(bad[i], NOW, &ms));
    assert_false(uvws__retry_after(NOW, bad[i], &ms));
  }
  assert_false(uvws__retry_after(NULL, NOW, &ms));
  assert_false(uvws__retry_after(NOW, NULL, &ms));
  assert_int_equal(ms, 7);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(seconds_are_read),
      cmocka_unit_test(dates_are_taken_relative_to_the_answers_own),
      cmocka_unit_test(what_is_neither_says_nothing),
  };
  return cmocka_run_group_tests_name("retry_after", tests, NULL, NULL);
}
