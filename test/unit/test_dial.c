/* Dialling: names, addresses that refuse or stay silent, memory that runs out. */
#include "dial_world.h"

/*
 * Literals
 */

static void an_ipv4_literal_is_dialled_without_a_look_up(void **state) {
  struct world *w = world_start();
  (void)state;
  int listener = world_listen_on(w, "127.0.0.1");
  assert_int_equal(world_dial(w, "127.0.0.1"), 0);
  assert_int_equal(w->dones, 0);
  world_turn_until_done(w);
  assert_int_equal(w->err, 0);
  assert_int_equal(w->lookups, 0);
  world_finish(w);
  assert_int_equal(world_count_connections(listener), 1);
  close(listener);
}

static void an_ipv6_literal_is_dialled_without_a_look_up(void **state) {
  (void)state;
  if (!world_has_ipv6()) skip();
  struct world *w = world_start();
  int listener = world_listen_on(w, "::1");
  assert_int_equal(world_dial(w, "::1"), 0);
  world_turn_until_done(w);
  assert_int_equal(w->err, 0);
  assert_int_equal(w->lookups, 0);
  world_finish(w);
  close(listener);
}

static void a_refused_literal_is_told_in_plain_words(void **state) {
  struct world *w = world_start();
  (void)state;
  int refuser = world_refuse_on(w, "127.0.0.1");
  assert_int_equal(world_dial(w, "127.0.0.1"), 0);
  assert_int_equal(w->dones, 0);
  world_turn_until_done(w);
  world_expect_failure(w, UV_ECONNREFUSED,
                       "cannot connect to 127.0.0.1 port %d: connection refused", w->port);
  world_finish(w);
  close(refuser);
}

/* The kernel refuses the broadcast address within the call. */
static void a_connect_that_fails_at_once_is_told_from_the_loop(void **state) {
  struct world *w = world_start();
  (void)state;
  w->port = 9;
  assert_int_equal(world_dial(w, "255.255.255.255"), 0);
  assert_int_equal(w->dones, 0);
  world_turn_until_done(w);
  assert_true(w->err < 0);
  world_finish(w);
}

/*
 * Names
 */

static void a_name_is_looked_up_and_dialled(void **state) {
  struct world *w = world_start();
  (void)state;
  int listener = world_listen_on(w, "127.0.0.1");
  DIAL(w, "127.0.0.1");
  world_turn_until_done(w);
  assert_int_equal(w->err, 0);
  assert_int_equal(w->lookups, 1);
  world_finish(w);
  assert_int_equal(world_count_connections(listener), 1);
  close(listener);
}

static void a_failed_look_up_passes_its_error_on(void **state) {
  struct world *w = world_start();
  (void)state;
  w->answer_status = UV_EAI_NONAME;
  assert_int_equal(world_dial(w, "no-such.example"), 0);
  world_turn_until_done(w);
  world_expect_failure(w, UV_EAI_NONAME,
                       "cannot resolve host no-such.example: unknown node or service");
  world_finish(w);
}

static void a_look_up_without_addresses_fails(void **state) {
  struct world *w = world_start();
  static const char *const none[] = {NULL};
  (void)state;
  world_dial_name(w, none);
  world_turn_until_done(w);
  world_expect_failure(w, UV_EAI_NODATA, "cannot resolve host example.org: no address");
  world_finish(w);
}

static void a_look_up_that_cannot_start_is_told_from_the_loop(void **state) {
  struct world *w = world_start();
  (void)state;
  w->refuse_lookup = UV_EINVAL;
  assert_int_equal(world_dial(w, "bad name"), 0);
  assert_int_equal(w->dones, 0);
  world_turn_until_done(w);
  world_expect_failure(w, UV_EINVAL, "cannot resolve host bad name: invalid argument");
  world_finish(w);
}

static void a_name_too_long_for_the_platform_is_told_with_its_beginning(void **state) {
  struct world *w = world_start();
  char host[2001];
  (void)state;
  memset(host, 'a', sizeof host - 1);
  host[sizeof host - 1] = '\0';
  w->fake.env.getaddrinfo = uv_getaddrinfo;
  assert_int_equal(world_dial(w, host), 0);
  world_turn_until_done(w);
  assert_true(w->err < 0);
  assert_memory_equal(w->detail, "cannot resolve host aaaa", 24);
  assert_non_null(strstr(w->detail, "aaa: "));
  world_finish(w);
}

static void the_platforms_look_up_works_too(void **state) {
  struct world *w = world_start();
  (void)state;
  int listener = world_listen_on(w, "127.0.0.1");
  w->fake.env.getaddrinfo = uv_getaddrinfo;
  assert_int_equal(world_dial(w, "127.1"), 0); /* a number, but no literal of RFC 3986 */
  world_turn_until_done(w);
  assert_int_equal(w->err, 0);
  world_finish(w);
  close(listener);
}

/*
 * The race
 */

static void the_next_address_is_tried_at_once_when_one_refuses(void **state) {
  struct world *w = world_start();
  (void)state;
  int listener = world_listen_on(w, "127.0.0.1");
  int refuser = world_refuse_on(w, "127.0.0.2");
  DIAL(w, "127.0.0.2", "127.0.0.2", "127.0.0.1");
  world_turn_until_done(w); /* the clock stands still */
  assert_int_equal(w->err, 0);
  world_finish(w);
  assert_int_equal(world_count_connections(listener), 1);
  close(refuser);
  close(listener);
}

static void an_address_that_fails_within_the_call_is_passed_over(void **state) {
  struct world *w = world_start();
  (void)state;
  int listener = world_listen_on(w, "127.0.0.1");
  DIAL(w, "255.255.255.255", "255.255.255.255", "127.0.0.1");
  world_turn_until_done(w);
  assert_int_equal(w->err, 0);
  world_finish(w);
  close(listener);
}

static void the_next_address_waits_250_ms_for_a_silent_one_and_wins(void **state) {
  struct world *w = world_start();
  (void)state;
  int listener = world_listen_on(w, "127.0.0.1");
  struct silent silent = world_silent_on(w, "127.0.0.2");
  DIAL(w, "127.0.0.2", "127.0.0.1");
  world_turn(w);
  assert_int_equal(w->deadlines.count, 1);
  assert_int_equal(uvws__deadlines_next_ms(&w->deadlines), 250);
  world_pass_ms(w, 249);
  assert_int_equal(w->dones, 0);
  assert_int_equal(world_count_connections(listener), 0);
  world_pass_ms(w, 1);
  world_turn_until_done(w);
  assert_int_equal(w->err, 0);
  assert_int_equal(w->fake.live, 2); /* the winner and the heap of deadlines: losers are gone */
  world_finish(w);
  assert_int_equal(world_count_connections(listener), 1);
  world_silent_close(silent);
  close(listener);
}

static void a_refusal_does_not_wait_for_a_silent_address(void **state) {
  struct world *w = world_start();
  (void)state;
  int listener = world_listen_on(w, "127.0.0.1");
  struct silent silent = world_silent_on(w, "127.0.0.2");
  int refuser = world_refuse_on(w, "127.0.0.3");
  DIAL(w, "127.0.0.2", "127.0.0.3", "127.0.0.1");
  world_turn(w);
  assert_int_equal(w->dones, 0);
  world_pass_ms(w, 250);
  world_turn_until_done(w);
  assert_int_equal(w->err, 0);
  world_finish(w);
  close(refuser);
  world_silent_close(silent);
  close(listener);
}

static void after_the_last_address_nothing_is_timed(void **state) {
  struct world *w = world_start();
  (void)state;
  struct silent silent = world_silent_on(w, "127.0.0.2");
  DIAL(w, "127.0.0.2", "127.0.0.2");
  world_turn(w);
  world_pass_ms(w, 250);
  assert_int_equal(w->deadlines.count, 0);
  world_pass_ms(w, 100000);
  assert_int_equal(w->dones, 0);
  uvws__dial_cancel(w->dial);
  world_finish(w);
  assert_int_equal(w->err, UV_ECANCELED);
  world_silent_close(silent);
}

static void only_one_of_several_that_answer_is_handed_over(void **state) {
  struct world *w = world_start();
  (void)state;
  int first = world_listen_on(w, "127.0.0.1");
  int second = world_listen_on(w, "127.0.0.2");
  w->hold = 1;
  DIAL(w, "127.0.0.1", "127.0.0.2");
  /* Both attempts start before the loop turns, so that it sees both succeed in one poll. */
  world_answer_now(w);
  w->fake.now_ms += 250;
  uvws__deadlines_run(&w->deadlines);
  world_turn_until_done(w);
  assert_int_equal(w->err, 0);
  world_finish(w);
  assert_int_equal(world_count_connections(first) + world_count_connections(second), 2);
  close(first);
  close(second);
}

static void both_families_are_tried(void **state) {
  (void)state;
  if (!world_has_ipv6()) skip();
  struct world *w = world_start();
  /* In this order: a port that is free on ::1 is less often free on 127.0.0.1, where others run. */
  int refuser = world_refuse_on(w, "127.0.0.1");
  int listener = world_listen_on(w, "::1");
  DIAL(w, "127.0.0.1", "127.0.0.1", "::1");
  world_turn_until_done(w);
  assert_int_equal(w->err, 0);
  world_finish(w);
  close(refuser);
  close(listener);
}

static void when_all_fail_each_address_is_named_with_its_reason(void **state) {
  struct world *w = world_start();
  (void)state;
  int one = world_refuse_on(w, "127.0.0.2");
  int two = world_refuse_on(w, "127.0.0.3");
  DIAL(w, "127.0.0.2", "127.0.0.3");
  world_turn_until_done(w);
  world_expect_failure(w, UV_ECONNREFUSED,
                       "cannot connect to example.org port %d: 127.0.0.2: connection refused; "
                       "127.0.0.3: connection refused",
                       w->port);
  world_finish(w);
  close(one);
  close(two);
}

static void a_refusal_tells_more_than_an_unreachable_network(void **state) {
  struct world *w = world_start();
  (void)state;
  int refuser = world_refuse_on(w, "127.0.0.2");
  DIAL(w, "255.255.255.255", "127.0.0.2", "255.255.255.255");
  world_turn_until_done(w);
  assert_non_null(strstr(w->detail, ": 255.255.255.255: "));
  assert_non_null(strstr(w->detail, "; 127.0.0.2: connection refused; 255.255.255.255: "));
  if (strstr(w->detail, "network is unreachable")) assert_int_equal(w->err, UV_ECONNREFUSED);
  world_finish(w);
  close(refuser);
}

static void a_long_list_of_reasons_is_cut_between_two(void **state) {
  struct world *w = world_start();
  (void)state;
  int refuser = world_refuse_on(w, "127.0.0.2");
  DIAL(w, "127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.2",
       "127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.2");
  world_turn_until_done(w);
  const char *tail = strstr(w->detail, "; and ");
  assert_non_null(tail);
  unsigned more;
  char word[8];
  assert_int_equal(sscanf(tail, "; and %u %7s", &more, word), 2);
  assert_string_equal(word, "more");
  unsigned told = 0;
  for (const char *at = w->detail; (at = strstr(at, "connection refused")); at++)
    told++;
  assert_int_equal(told + more, 12);
  world_finish(w);
  close(refuser);
}

/*
 * Memory
 */

static void fail_each_allocation(const char *host) {
  static const char *const answer[] = {"127.0.0.2", "127.0.0.1", NULL};
  int is_done = 0;
  for (size_t n = 1; !is_done; n++) {
    struct world *w = world_start();
    int listener = world_listen_on(w, "127.0.0.1");
    int refuser = world_refuse_on(w, "127.0.0.2");
    w->answer = answer;
    w->fake.fail_at = n;
    int err = world_dial(w, host);
    if (err) {
      assert_int_equal(err, UV_ENOMEM);
      assert_int_equal(w->dones, 0);
      w->dones = 1; /* for finish: nothing is to come */
      w->err = err;
    } else {
      world_turn_until_done(w);
      assert_true(w->err == 0 || w->err == UV_ENOMEM);
      is_done = w->fake.asked < n;
    }
    world_finish(w);
    close(refuser);
    close(listener);
    assert_true(n < 100);
  }
}

static void each_allocation_may_fail_when_dialling_a_name(void **state) {
  (void)state;
  fail_each_allocation("example.org");
}

static void each_allocation_may_fail_when_dialling_a_literal(void **state) {
  (void)state;
  fail_each_allocation("127.0.0.1");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_ipv4_literal_is_dialled_without_a_look_up),
      cmocka_unit_test(an_ipv6_literal_is_dialled_without_a_look_up),
      cmocka_unit_test(a_refused_literal_is_told_in_plain_words),
      cmocka_unit_test(a_connect_that_fails_at_once_is_told_from_the_loop),
      cmocka_unit_test(a_name_is_looked_up_and_dialled),
      cmocka_unit_test(a_failed_look_up_passes_its_error_on),
      cmocka_unit_test(a_look_up_without_addresses_fails),
      cmocka_unit_test(a_look_up_that_cannot_start_is_told_from_the_loop),
      cmocka_unit_test(a_name_too_long_for_the_platform_is_told_with_its_beginning),
      cmocka_unit_test(the_platforms_look_up_works_too),
      cmocka_unit_test(the_next_address_is_tried_at_once_when_one_refuses),
      cmocka_unit_test(an_address_that_fails_within_the_call_is_passed_over),
      cmocka_unit_test(the_next_address_waits_250_ms_for_a_silent_one_and_wins),
      cmocka_unit_test(a_refusal_does_not_wait_for_a_silent_address),
      cmocka_unit_test(after_the_last_address_nothing_is_timed),
      cmocka_unit_test(only_one_of_several_that_answer_is_handed_over),
      cmocka_unit_test(both_families_are_tried),
      cmocka_unit_test(when_all_fail_each_address_is_named_with_its_reason),
      cmocka_unit_test(a_refusal_tells_more_than_an_unreachable_network),
      cmocka_unit_test(a_long_list_of_reasons_is_cut_between_two),
      cmocka_unit_test(each_allocation_may_fail_when_dialling_a_name),
      cmocka_unit_test(each_allocation_may_fail_when_dialling_a_literal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
