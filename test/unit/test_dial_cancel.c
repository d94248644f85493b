/* Cancelling a dialler at each moment. */
#include "dial_world.h"

static void a_look_up_that_cannot_start_may_be_cancelled(void **state) {
  struct world *w = world_start();
  (void)state;
  w->refuse_lookup = UV_EINVAL;
  assert_int_equal(world_dial(w, "bad name"), 0);
  uvws__dial_cancel(w->dial);
  assert_int_equal(w->dones, 0);
  world_turn_until_done(w);
  assert_int_equal(w->err, UV_ECANCELED);
  world_finish(w);
}

/*
 * Cancelling
 */

static void cancelling_during_the_look_up_waits_for_it_and_drops_its_answer(void **state) {
  struct world *w = world_start();
  (void)state;
  int listener = world_listen_on(w, "127.0.0.1");
  w->hold = 1;
  DIAL(w, "127.0.0.1");
  world_turn(w);
  uvws__dial_cancel(w->dial);
  uvws__dial_cancel(w->dial);
  world_turn(w);
  assert_int_equal(w->dones, 0);
  w->hold = 0;
  world_turn_until_done(w);
  world_expect_failure(w, UV_ECANCELED, "cancelled");
  world_finish(w);
  assert_int_equal(world_count_connections(listener), 0);
  close(listener);
}

static void cancelling_the_platforms_look_up_leaves_nothing(void **state) {
  struct world *w = world_start();
  (void)state;
  w->fake.env.getaddrinfo = uv_getaddrinfo;
  assert_int_equal(world_dial(w, "127.1"), 0);
  uvws__dial_cancel(w->dial);
  assert_int_equal(w->dones, 0);
  world_turn_until_done(w);
  assert_int_equal(w->err, UV_ECANCELED);
  world_finish(w);
}

static void cancelling_while_attempts_are_under_way_closes_them_first(void **state) {
  struct world *w = world_start();
  (void)state;
  struct silent silent = world_silent_on(w, "127.0.0.2");
  DIAL(w, "127.0.0.2", "127.0.0.2", "127.0.0.2");
  world_turn(w);
  world_pass_ms(w, 250);
  uvws__dial_cancel(w->dial);
  assert_int_equal(w->dones, 0);
  assert_int_equal(w->deadlines.count, 0);
  world_turn_until_done(w);
  assert_int_equal(w->err, UV_ECANCELED);
  world_finish(w);
  world_silent_close(silent);
}

static void cancelling_right_after_the_start_of_a_literal_works(void **state) {
  struct world *w = world_start();
  (void)state;
  int listener = world_listen_on(w, "127.0.0.1");
  assert_int_equal(world_dial(w, "127.0.0.1"), 0);
  uvws__dial_cancel(w->dial);
  assert_int_equal(w->dones, 0);
  world_turn_until_done(w);
  assert_int_equal(w->err, UV_ECANCELED);
  world_finish(w);
  close(listener);
}

static void on_check(uv_check_t *check) {
  struct world *w = check->data;
  if (w->dial) uvws__dial_cancel(w->dial);
  uv_close((uv_handle_t *)check, NULL);
}

/* In the phase behind the poll that saw the winner, while the loser's close is still to come. */
static void cancelling_between_winning_and_the_callback_closes_the_winner(void **state) {
  struct world *w = world_start();
  (void)state;
  int listener = world_listen_on(w, "127.0.0.1");
  struct silent silent = world_silent_on(w, "127.0.0.2");
  DIAL(w, "127.0.0.2", "127.0.0.1");
  world_turn(w);
  w->fake.now_ms += 250;
  uvws__deadlines_run(&w->deadlines);
  uv_check_init(&w->loop, &w->check);
  w->check.data = w;
  uv_check_start(&w->check, on_check);
  assert_int_equal(w->dones, 0);
  world_turn_until_done(w);
  assert_int_equal(w->err, UV_ECANCELED);
  world_finish(w);
  assert_int_equal(world_count_connections(listener), 1);
  world_silent_close(silent);
  close(listener);
}

static void cancelling_behind_the_last_failure_is_still_told_as_cancelled(void **state) {
  struct world *w = world_start();
  (void)state;
  w->port = 9;
  assert_int_equal(world_dial(w, "255.255.255.255"), 0);
  uvws__dial_cancel(w->dial);
  world_turn_until_done(w);
  assert_int_equal(w->err, UV_ECANCELED);
  world_finish(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_look_up_that_cannot_start_may_be_cancelled),
      cmocka_unit_test(cancelling_during_the_look_up_waits_for_it_and_drops_its_answer),
      cmocka_unit_test(cancelling_the_platforms_look_up_leaves_nothing),
      cmocka_unit_test(cancelling_while_attempts_are_under_way_closes_them_first),
      cmocka_unit_test(cancelling_right_after_the_start_of_a_literal_works),
      cmocka_unit_test(cancelling_between_winning_and_the_callback_closes_the_winner),
      cmocka_unit_test(cancelling_behind_the_last_failure_is_still_told_as_cancelled),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
