/* Deadlines on a clock that the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_env.h"
#include "util/deadline.h"
#include "util/errors.h"

#define MANY 500

static struct fake_env fake;
static struct uvws__deadlines set;
static struct uvws__deadline d[MANY];
static struct uvws__deadline *fired[MANY];
static size_t fired_count;
static size_t change_count;

static void on_change(void *arg) {
  assert_ptr_equal(arg, &fake);
  change_count++;
}

static void note(struct uvws__deadline *deadline) {
  assert_int_equal(deadline->place, 0);
  assert_true(fired_count < MANY);
  fired[fired_count++] = deadline;
}

static int fresh(void **state) {
  (void)state;
  fake_env_init(&fake);
  fake.now_ms = 1000;
  memset(d, 0, sizeof d);
  fired_count = change_count = 0;
  uvws__deadlines_init(&set, &fake.env, on_change, &fake);
  return uvws__deadlines_reserve(&set, MANY);
}

static int nothing_leaked(void **state) {
  (void)state;
  for (size_t i = 0; i < MANY; i++)
    uvws__deadline_clear(&set, &d[i]);
  uvws__deadlines_release(&set, MANY);
  assert_int_equal(set.promised, 0);
  uvws__deadlines_deinit(&set);
  return fake.live == 0 ? 0 : -1;
}

static void an_empty_set_has_no_next_one(void **state) {
  (void)state;
  assert_true(uvws__deadlines_next_ms(&set) == UINT64_MAX);
  uvws__deadlines_run(&set);
  assert_int_equal(fired_count, 0);
}

static void a_deadline_fires_once_when_its_time_has_come(void **state) {
  (void)state;
  uvws__deadline_set(&set, &d[0], 100, note);
  assert_int_equal(uvws__deadlines_next_ms(&set), 100);
  fake.now_ms += 99;
  assert_int_equal(uvws__deadlines_next_ms(&set), 1);
  uvws__deadlines_run(&set);
  assert_int_equal(fired_count, 0);
  fake.now_ms += 1;
  assert_int_equal(uvws__deadlines_next_ms(&set), 0);
  uvws__deadlines_run(&set);
  uvws__deadlines_run(&set);
  assert_int_equal(fired_count, 1);
  assert_ptr_equal(fired[0], &d[0]);
  assert_true(uvws__deadlines_next_ms(&set) == UINT64_MAX);
}

static void an_overdue_deadline_waits_0_ms(void **state) {
  (void)state;
  uvws__deadline_set(&set, &d[0], 5, note);
  fake.now_ms += 1000000;
  assert_int_equal(uvws__deadlines_next_ms(&set), 0);
}

static void many_fire_in_the_order_of_their_times(void **state) {
  (void)state;
  for (size_t i = 0; i < MANY; i++)
    uvws__deadline_set(&set, &d[i], i * 7919 % 1009, note);
  fake.now_ms += 504;
  uvws__deadlines_run(&set);
  for (size_t i = 0; i < fired_count; i++)
    assert_true(fired[i]->at_ms <= 1504);
  size_t early = fired_count;
  fake.now_ms += 1000;
  uvws__deadlines_run(&set);
  assert_true(early > 0 && early < MANY);
  assert_int_equal(fired_count, MANY);
  for (size_t i = 1; i < MANY; i++)
    assert_true(fired[i - 1]->at_ms <= fired[i]->at_ms);
}

static void setting_again_moves_it_either_way(void **state) {
  (void)state;
  uvws__deadline_set(&set, &d[0], 10, note);
  uvws__deadline_set(&set, &d[1], 20, note);
  uvws__deadline_set(&set, &d[0], 30, note);
  assert_int_equal(set.count, 2);
  assert_int_equal(uvws__deadlines_next_ms(&set), 20);
  uvws__deadline_set(&set, &d[0], 5, note);
  assert_int_equal(uvws__deadlines_next_ms(&set), 5);
  fake.now_ms += 100;
  uvws__deadlines_run(&set);
  assert_int_equal(fired_count, 2);
  assert_ptr_equal(fired[0], &d[0]);
}

static void a_cleared_deadline_never_fires(void **state) {
  (void)state;
  uvws__deadline_clear(&set, &d[0]);
  assert_int_equal(change_count, 0);
  for (size_t i = 0; i < MANY; i++)
    uvws__deadline_set(&set, &d[i], i * 7919 % 1009, note);
  for (size_t i = 0; i < MANY; i += 2)
    uvws__deadline_clear(&set, &d[i]);
  uvws__deadline_clear(&set, &d[0]);
  assert_int_equal(set.count, MANY / 2);
  fake.now_ms += 2000;
  uvws__deadlines_run(&set);
  assert_int_equal(fired_count, MANY / 2);
  for (size_t i = 0; i < fired_count; i++)
    assert_int_equal((fired[i] - d) % 2, 1);
  for (size_t i = 1; i < fired_count; i++)
    assert_true(fired[i - 1]->at_ms <= fired[i]->at_ms);
}

static void random_changes_keep_the_earliest_first(void **state) {
  (void)state;
  uint32_t seed = 12345;
  for (int round = 0; round < 20000; round++) {
    seed = seed * 1664525u + 1013904223u;
    struct uvws__deadline *one = &d[(seed >> 8) % MANY];
    if (seed >> 31)
      uvws__deadline_clear(&set, one);
    else
      uvws__deadline_set(&set, one, (seed >> 4) % 5000, note);
    if (round % 500) continue;
    uint64_t earliest = UINT64_MAX;
    for (size_t i = 0; i < MANY; i++)
      if (d[i].place && d[i].at_ms - fake.now_ms < earliest) earliest = d[i].at_ms - fake.now_ms;
    assert_true(uvws__deadlines_next_ms(&set) == earliest);
  }
}

static void a_delay_without_end_does_not_wrap_around(void **state) {
  (void)state;
  uvws__deadline_set(&set, &d[0], UINT64_MAX, note);
  uvws__deadline_set(&set, &d[1], UINT64_MAX - 1000, note);
  uvws__deadline_set(&set, &d[2], 1, note);
  assert_int_equal(uvws__deadlines_next_ms(&set), 1);
  fake.now_ms += 1000000;
  uvws__deadlines_run(&set);
  assert_int_equal(fired_count, 1);
}

static void set_again_at_once(struct uvws__deadline *deadline) {
  note(deadline);
  uvws__deadline_set(&set, deadline, 0, set_again_at_once);
}

static void one_that_sets_itself_anew_fires_once_a_run(void **state) {
  (void)state;
  uvws__deadline_set(&set, &d[0], 0, set_again_at_once);
  uvws__deadlines_run(&set);
  assert_int_equal(fired_count, 1);
  assert_int_equal(uvws__deadlines_next_ms(&set), 0);
  uvws__deadlines_run(&set);
  assert_int_equal(fired_count, 2);
}

static void clear_all_others(struct uvws__deadline *deadline) {
  note(deadline);
  for (size_t i = 0; i < MANY; i++)
    uvws__deadline_clear(&set, &d[i]);
}

static void one_that_fires_may_clear_all_others(void **state) {
  (void)state;
  for (size_t i = 0; i < 10; i++)
    uvws__deadline_set(&set, &d[i], 0, clear_all_others);
  uvws__deadlines_run(&set);
  assert_int_equal(fired_count, 1);
  assert_int_equal(set.count, 0);
}

static void set_others(struct uvws__deadline *deadline) {
  note(deadline);
  for (size_t i = 10; i < 20; i++)
    uvws__deadline_set(&set, &d[i], 50, note);
}

static void one_that_fires_may_set_others(void **state) {
  (void)state;
  uvws__deadline_set(&set, &d[0], 0, set_others);
  uvws__deadlines_run(&set);
  assert_int_equal(fired_count, 1);
  assert_int_equal(uvws__deadlines_next_ms(&set), 50);
  fake.now_ms += 50;
  uvws__deadlines_run(&set);
  assert_int_equal(fired_count, 11);
}

static void every_change_is_told(void **state) {
  (void)state;
  uvws__deadline_set(&set, &d[0], 10, note);
  assert_int_equal(change_count, 1);
  uvws__deadline_clear(&set, &d[0]);
  assert_int_equal(change_count, 2);
  uvws__deadline_set(&set, &d[0], 0, note);
  uvws__deadlines_run(&set);
  assert_true(change_count >= 4);
}

static void room_is_made_when_it_is_promised_not_when_it_is_used(void **state) {
  (void)state;
  size_t asked = fake.asked;
  for (size_t i = 0; i < MANY; i++)
    uvws__deadline_set(&set, &d[i], i, note);
  assert_int_equal(fake.asked, asked);
}

static void a_failed_reserve_promises_nothing(void **state) {
  (void)state;
  size_t cap = set.cap;
  fake.fail_at = fake.asked + 1;
  assert_int_equal(uvws__deadlines_reserve(&set, cap), UVWS__ENOMEM);
  assert_int_equal(set.promised, MANY);
  assert_int_equal(set.cap, cap);
  assert_int_equal(uvws__deadlines_reserve(&set, cap), 0);
  uvws__deadlines_release(&set, cap);
}

static void a_reserve_beyond_all_memory_is_refused(void **state) {
  (void)state;
  assert_int_equal(uvws__deadlines_reserve(&set, SIZE_MAX - 10), UVWS__ENOMEM);
  assert_int_equal(uvws__deadlines_reserve(&set, SIZE_MAX / sizeof(void *)), UVWS__ENOMEM);
  assert_int_equal(set.promised, MANY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, nothing_leaked)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(an_empty_set_has_no_next_one),
      TEST(a_deadline_fires_once_when_its_time_has_come),
      TEST(an_overdue_deadline_waits_0_ms),
      TEST(many_fire_in_the_order_of_their_times),
      TEST(setting_again_moves_it_either_way),
      TEST(a_cleared_deadline_never_fires),
      TEST(random_changes_keep_the_earliest_first),
      TEST(a_delay_without_end_does_not_wrap_around),
      TEST(one_that_sets_itself_anew_fires_once_a_run),
      TEST(one_that_fires_may_clear_all_others),
      TEST(one_that_fires_may_set_others),
      TEST(every_change_is_told),
      TEST(room_is_made_when_it_is_promised_not_when_it_is_used),
      TEST(a_failed_reserve_promises_nothing),
      TEST(a_reserve_beyond_all_memory_is_refused),
  };
  return cmocka_run_group_tests_name("deadline", tests, NULL, NULL);
}
