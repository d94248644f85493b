/* The growing run of bytes: nothing is lost, growth doubles, a failure changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_env.h"
#include "util/bytes.h"
#include "util/errors.h"

static struct fake_env fake;
static struct uvws__bytes bytes;

static int fresh(void **state) {
  (void)state;
  fake_env_init(&fake);
  memset(&bytes, 0, sizeof bytes);
  return 0;
}

static int nothing_leaked(void **state) {
  (void)state;
  uvws__bytes_deinit(&fake.env, &bytes);
  return fake.live == 0 ? 0 : -1;
}

static void an_empty_run_takes_no_memory(void **state) {
  (void)state;
  assert_int_equal(uvws__bytes_reserve(&fake.env, &bytes, 0), 0);
  assert_int_equal(uvws__bytes_append(&fake.env, &bytes, NULL, 0), 0);
  assert_int_equal(uvws__bytes_append_str(&fake.env, &bytes, ""), 0);
  assert_null(bytes.data);
  assert_int_equal(fake.asked, 0);
  uvws__bytes_deinit(&fake.env, &bytes);
}

static void what_is_appended_is_there_in_order(void **state) {
  (void)state;
  for (int i = 0; i < 1000; i++) {
    uint8_t byte = (uint8_t)i;
    assert_int_equal(uvws__bytes_append(&fake.env, &bytes, &byte, 1), 0);
  }
  assert_int_equal(uvws__bytes_append_str(&fake.env, &bytes, "end"), 0);
  assert_int_equal(bytes.len, 1003);
  for (int i = 0; i < 1000; i++)
    assert_int_equal(bytes.data[i], (uint8_t)i);
  assert_memory_equal(bytes.data + 1000, "end", 3);
}

static void growth_doubles(void **state) {
  (void)state;
  for (int i = 0; i < 100000; i++)
    assert_int_equal(uvws__bytes_append(&fake.env, &bytes, "x", 1), 0);
  assert_true(fake.asked < 20);
  assert_true(bytes.cap < 2 * 131072);
}

static void reserved_room_is_filled_without_another_allocation(void **state) {
  (void)state;
  char text[5000];
  memset(text, 'a', sizeof text);
  assert_int_equal(uvws__bytes_reserve(&fake.env, &bytes, sizeof text), 0);
  assert_int_equal(bytes.len, 0);
  assert_true(bytes.cap >= sizeof text);
  assert_int_equal(uvws__bytes_append(&fake.env, &bytes, text, sizeof text), 0);
  assert_int_equal(fake.asked, 1);
}

static void a_failed_growth_changes_nothing(void **state) {
  (void)state;
  assert_int_equal(uvws__bytes_append_str(&fake.env, &bytes, "kept"), 0);
  struct uvws__bytes before = bytes;
  char more[100] = {0};
  fake.fail_at = fake.asked + 1;
  assert_int_equal(uvws__bytes_append(&fake.env, &bytes, more, sizeof more), UVWS__ENOMEM);
  assert_memory_equal(&bytes, &before, sizeof bytes);
  assert_memory_equal(bytes.data, "kept", 4);
}

static void sizes_that_overflow_are_refused_without_asking(void **state) {
  (void)state;
  assert_int_equal(uvws__bytes_append_str(&fake.env, &bytes, "x"), 0);
  size_t asked = fake.asked;
  assert_int_equal(uvws__bytes_reserve(&fake.env, &bytes, SIZE_MAX), UVWS__ENOMEM);
  assert_int_equal(uvws__bytes_reserve(&fake.env, &bytes, SIZE_MAX - 1), UVWS__ENOMEM);
  assert_int_equal(uvws__bytes_reserve(&fake.env, &bytes, SIZE_MAX / 2), UVWS__ENOMEM);
  assert_int_equal(fake.asked, asked);
}

static void a_run_cut_to_its_length_grows_again(void **state) {
  (void)state;
  assert_int_equal(uvws__bytes_append_str(&fake.env, &bytes, "abc"), 0);
  bytes.data = uvws__realloc(&fake.env, bytes.data, bytes.len);
  assert_non_null(bytes.data);
  bytes.cap = bytes.len;
  assert_int_equal(uvws__bytes_append_str(&fake.env, &bytes, "defgh"), 0);
  assert_int_equal(bytes.len, 8);
  assert_memory_equal(bytes.data, "abcdefgh", 8);
}

static void deinit_leaves_an_empty_run_that_can_be_used_again(void **state) {
  (void)state;
  assert_int_equal(uvws__bytes_append_str(&fake.env, &bytes, "abc"), 0);
  uvws__bytes_deinit(&fake.env, &bytes);
  assert_null(bytes.data);
  assert_int_equal(bytes.len + bytes.cap, 0);
  assert_int_equal(uvws__bytes_append_str(&fake.env, &bytes, "d"), 0);
  assert_int_equal(bytes.len, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, nothing_leaked)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(an_empty_run_takes_no_memory),
      TEST(what_is_appended_is_there_in_order),
      TEST(growth_doubles),
      TEST(reserved_room_is_filled_without_another_allocation),
      TEST(a_failed_growth_changes_nothing),
      TEST(sizes_that_overflow_are_refused_without_asking),
      TEST(a_run_cut_to_its_length_grows_again),
      TEST(deinit_leaves_an_empty_run_that_can_be_used_again),
  };
  return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
