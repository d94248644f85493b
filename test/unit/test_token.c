/* Tokens, lists and case (RFC 9110 5.6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/token.h"

static void only_ascii_letters_lose_their_case(void **state) {
  (void)state;
  assert_true(uvws__ascii_equal("", ""));
  assert_true(uvws__ascii_equal("aZ-09", "Az-09"));
  assert_false(uvws__ascii_equal("a", "ab"));
  assert_false(uvws__ascii_equal("ab", "a"));
  assert_false(uvws__ascii_equal("@", "`"));
  assert_false(uvws__ascii_equal("[", "{"));
  assert_false(uvws__ascii_equal("\xc9", "\xe9"));
  assert_true(uvws__ascii_begins("WSS://h", "wss:"));
  assert_true(uvws__ascii_begins("x", ""));
  assert_false(uvws__ascii_begins("ws", "wss"));
  assert_false(uvws__ascii_begins("", "w"));
}

static void a_tchar_is_one_of_77_characters(void **state) {
  (void)state;
  static const char tchars[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (int c = 0; c < 256; c++)
    assert_int_equal(!!uvws__is_tchar((char)c), c && strchr(tchars, c) != NULL);
}

static void a_control_character_is_below_32_or_127(void **state) {
  (void)state;
  for (int c = 0; c < 256; c++)
    assert_int_equal(!!uvws__is_control((char)c), c < 32 || c == 127);
  assert_false(uvws__has_control(""));
  assert_false(uvws__has_control("caf\xc3\xa9 ~"));
  assert_true(uvws__has_control("a\r"));
}

static void a_token_has_at_least_one_tchar_and_nothing_else(void **state) {
  (void)state;
  assert_true(uvws__is_token("a"));
  assert_true(uvws__is_token("chat.v2"));
  assert_false(uvws__is_token(""));
  assert_false(uvws__is_token("a b"));
  assert_false(uvws__is_token("a,"));
  assert_false(uvws__is_token("\xc3\xa9"));
}

static void a_list_has_whole_elements_only(void **state) {
  (void)state;
  static const char *const with[] = {"upgrade",    "Upgrade",      "a, upgrade",  "upgrade,a",
                                     " upgrade\t", ",,upgrade,, ", "a,UPGRADE ,b"};
  static const char *const without[] = {
      "",          " ",         ",",           "upgrad",      "upgrades", "up, grade",
      "a upgrade", "upgrade a", "upgrade;q=1", "\"upgrade\"", "up,,"};
  for (size_t i = 0; i < sizeof with / sizeof with[0]; i++)
    assert_true(uvws__list_has(with[i], "upgrade"));
  for (size_t i = 0; i < sizeof without / sizeof without[0]; i++)
    assert_false(uvws__list_has(without[i], "upgrade"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(only_ascii_letters_lose_their_case),
      cmocka_unit_test(a_tchar_is_one_of_77_characters),
      cmocka_unit_test(a_control_character_is_below_32_or_127),
      cmocka_unit_test(a_token_has_at_least_one_tchar_and_nothing_else),
      cmocka_unit_test(a_list_has_whole_elements_only),
  };
  return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
