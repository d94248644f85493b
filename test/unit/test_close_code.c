/* Close codes that may stand in a frame (RFC 6455 7.4, IANA registry). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/close_code.h"

/* Written down from the registry, not from the code. */
static int is_registered(int code) {
  static const int codes[] = {1000, 1001, 1002, 1003, 1007, 1008,
                              1009, 1010, 1011, 1012, 1013, 1014};
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
    if (codes[i] == code) return 1;
  return 0;
}

static void codes_of_the_registry_are_valid_and_no_others_below_3000(void **state) {
  (void)state;
  for (int code = -70000; code < 3000; code++)
    assert_int_equal(uvws__close_code_is_valid(code), is_registered(code));
}

static void codes_from_3000_to_4999_are_valid_and_none_above(void **state) {
  (void)state;
  for (int code = 3000; code < 70000; code++)
    assert_int_equal(uvws__close_code_is_valid(code), code < 5000);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(codes_of_the_registry_are_valid_and_no_others_below_3000),
      cmocka_unit_test(codes_from_3000_to_4999_are_valid_and_none_above),
  };
  return cmocka_run_group_tests_name("close_code", tests, NULL, NULL);
}
