/*
 * How long it takes to open a connection, compared with RFC 8305 under a clock of the test's own; a
 * time for each attempt; a chosen local address; unix domain sockets; how far it has come, in
 * words.
 */
#include <stdio.h>

#include "dial_world.h"

#define ADDRESSES_MAX 8
#define STEP_MS 50

/* One row: what stands at each address that the look-up answers, in its order: Good, Refusing,
 * Silent; of IPv4 in capitals, of IPv6 (one address, ::1) in small letters. */
static const struct {
  const char *addresses;
  uint64_t open_ms; /* as RFC 8305 sections 4 and 5 have it */
  const char *why;
} rows[] = {
    {"G", 0, "the only one"},
    {"GS", 0, "the first is good"},
    {"RG", 0, "a refusal starts the next at once"},
    {"RRRG", 0, "so do three"},
    {"SG", 250, "the Connection Attempt Delay"},
    {"SSG", 500, "twice"},
    {"SSSG", 750, "three times"},
    {"SRG", 250, "a refusal behind a silent one"},
    {"RSG", 250, "a silent one behind a refusal"},
    {"SSRRG", 500, "both"},
    {"gG", 0, "both families are good"},
    {"rG", 0, "IPv6 refuses"},
    {"sG", 250, "IPv6 is a black hole"},
    {"Sg", 250, "IPv4 is a black hole"},
    {"ssG", 250, "the families take turns (section 4): IPv4 is second, whatever getaddrinfo says"},
    {"SSSg", 250, "the other way round"},
    {"sRG", 250, "IPv6 silent, the first IPv4 refuses"},
};

struct street {
  int fds[ADDRESSES_MAX];
  struct silent silents[ADDRESSES_MAX];
  char texts[ADDRESSES_MAX][16];
  const char *answer[ADDRESSES_MAX + 1];
};

static void build(struct world *w, struct street *street, const char *plan) {
  memset(street, 0, sizeof *street);
  for (size_t i = 0; plan[i]; i++) {
    int is_v6 = plan[i] >= 'a';
    char *text = street->texts[i];
    street->fds[i] = street->silents[i].listener = -1;
    street->answer[i] = text;
    if (is_v6)
      snprintf(text, sizeof street->texts[i], "::1");
    else
      snprintf(text, sizeof street->texts[i], "127.0.0.%zu", i + 2);
    if (i && is_v6 && plan[i - 1] == plan[i]) continue; /* the same address once more */
    char what = (char)(is_v6 ? plan[i] - 'a' + 'A' : plan[i]);
    if (what == 'S')
      street->silents[i] = world_silent_on(w, text);
    else
      street->fds[i] = what == 'G' ? world_listen_on(w, text) : world_refuse_on(w, text);
  }
}

static void tear_down(struct street *street) {
  for (size_t i = 0; street->answer[i]; i++) {
    if (street->fds[i] >= 0) close(street->fds[i]);
    if (street->silents[i].listener >= 0) world_silent_close(street->silents[i]);
  }
}

static void the_time_to_open_is_what_rfc_8305_says(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct street street;
    if (strpbrk(rows[i].addresses, "grs") && !world_has_ipv6()) continue;
    struct world *w = world_start();
    uint64_t begin = w->fake.now_ms;
    build(w, &street, rows[i].addresses);
    world_dial_name(w, street.answer);
    world_turn(w);
    while (!w->dones && w->fake.now_ms - begin < 5000)
      world_pass_ms(w, STEP_MS);
    if (w->err || w->fake.now_ms - begin != rows[i].open_ms)
      fail_msg("%s (%s): %d after %d ms", rows[i].addresses, rows[i].why, w->err,
               (int)(w->fake.now_ms - begin));
    world_finish(w);
    tear_down(&street);
  }
}

static void each_attempt_has_its_own_time(void **state) {
  struct street street;
  (void)state;
  struct world *w = world_start();
  build(w, &street, "SSR");
  w->options.attempt_timeout_ms = 1000;
  world_dial_name(w, street.answer);
  world_turn(w);
  world_pass_ms(w, 250);
  world_pass_ms(w, 250); /* the refusal has come */
  world_pass_ms(w, 499);
  assert_int_equal(w->deadlines.count, 2);
  world_pass_ms(w, 1);
  assert_int_equal(w->deadlines.count, 1);
  assert_int_equal(w->dones, 0);
  world_pass_ms(w, 250);
  world_turn_until_done(w);
  assert_non_null(strstr(w->detail, "127.0.0.2: connection timed out"));
  assert_non_null(strstr(w->detail, "127.0.0.3: connection timed out"));
  assert_non_null(strstr(w->detail, "127.0.0.4: connection refused"));
  world_finish(w);
  tear_down(&street);
}

static void an_attempt_that_ran_out_of_time_starts_the_next(void **state) {
  struct street street;
  (void)state;
  struct world *w = world_start();
  build(w, &street, "SG");
  w->options.attempt_timeout_ms = 100;
  world_dial_name(w, street.answer);
  world_turn(w);
  world_pass_ms(w, 100);
  world_turn_until_done(w);
  assert_int_equal(w->err, 0);
  world_finish(w);
  tear_down(&street);
}

static void how_far_it_has_come_can_be_told(void **state) {
  struct street street;
  struct uvws__detail detail = {{0}};
  (void)state;
  struct world *w = world_start();
  build(w, &street, "RSSG");
  w->hold = 1;
  world_dial_name(w, street.answer);
  world_turn(w);
  uvws__dial_explain(w->dial, &detail);
  assert_string_equal(detail.text, "cannot resolve host example.org: no answer");
  w->hold = 0;
  world_turn(w);
  uvws__dial_explain(w->dial, &detail);
  assert_non_null(strstr(detail.text, "127.0.0.2: connection refused; 127.0.0.3: no answer; "
                                      "127.0.0.4: not tried yet"));
  uvws__dial_cancel(w->dial);
  world_finish(w);
  tear_down(&street);
}

static void addresses_of_another_family_than_the_local_one_are_passed_over(void **state) {
  union uvws__address local;
  struct street street;
  (void)state;
  if (!world_has_ipv6()) skip();
  struct world *w = world_start();
  build(w, &street, "gG");
  assert_int_equal(uvws__address_parse("127.0.0.7", 0, &local), 1);
  w->options.local = &local;
  world_dial_name(w, street.answer);
  world_turn_until_done(w);
  assert_int_equal(w->err, 0);
  struct sockaddr_in peer;
  socklen_t len = sizeof peer;
  int fd = accept(street.fds[1], (struct sockaddr *)&peer, &len);
  assert_true(fd >= 0);
  assert_int_equal(ntohl(peer.sin_addr.s_addr), 0x7f000007);
  close(fd);
  world_finish(w);
  tear_down(&street);
}

static void when_no_address_is_of_the_local_ones_family_it_is_said(void **state) {
  union uvws__address local;
  struct street street;
  (void)state;
  struct world *w = world_start();
  build(w, &street, "G");
  assert_int_equal(uvws__address_parse("::1", 0, &local), 1);
  w->options.local = &local;
  world_dial_name(w, street.answer);
  world_turn_until_done(w);
  assert_int_equal(w->err, UV_EAFNOSUPPORT);
  assert_non_null(strstr(w->detail, "127.0.0.2: not of local_address's family"));
  world_finish(w);
  tear_down(&street);
}

static void a_unix_socket_may_be_cancelled_at_once(void **state) {
  (void)state;
  struct world *w = world_start();
  w->options.socket_path = "/nowhere/uvws.sock";
  assert_int_equal(world_dial(w, "ignored"), 0);
  uvws__dial_cancel(w->dial);
  world_turn_until_done(w);
  assert_int_equal(w->err, UV_ECANCELED);
  world_finish(w);
}

static void each_allocation_may_fail_with_a_time_for_each_attempt(void **state) {
  int is_done = 0;
  (void)state;
  for (size_t n = 1; !is_done; n++) {
    struct street street;
    struct world *w = world_start();
    build(w, &street, "RRG");
    w->options.attempt_timeout_ms = 100;
    w->answer = street.answer;
    w->fake.fail_at = n;
    int err = world_dial(w, "example.org");
    if (!err) {
      world_turn_until_done(w);
      is_done = w->fake.asked < n;
    } else {
      assert_int_equal(err, UV_ENOMEM);
      w->dones = 1; /* for world_finish: nothing is to come */
      w->err = err;
    }
    world_finish(w);
    tear_down(&street);
    assert_true(n < 100);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_time_to_open_is_what_rfc_8305_says),
      cmocka_unit_test(each_attempt_has_its_own_time),
      cmocka_unit_test(an_attempt_that_ran_out_of_time_starts_the_next),
      cmocka_unit_test(how_far_it_has_come_can_be_told),
      cmocka_unit_test(addresses_of_another_family_than_the_local_one_are_passed_over),
      cmocka_unit_test(when_no_address_is_of_the_local_ones_family_it_is_said),
      cmocka_unit_test(a_unix_socket_may_be_cancelled_at_once),
      cmocka_unit_test(each_allocation_may_fail_with_a_time_for_each_attempt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
