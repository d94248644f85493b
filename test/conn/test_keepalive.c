/* Pings, dead peers, round trips, idle connections, on a clock that the test moves. */
#include "support/fixture.h"

#include "conn/conn.h"

static const struct peer_plan polite = {0};
static const struct peer_plan silent_about_pings = {.manners = PEER_POLITE};

static const uvws_options_t with_pings = {.ping_interval_ms = 1000, .pong_timeout_ms = 500};

static void open_with(struct fixture *f, const struct peer_plan *plan, const uvws_options_t *o) {
  fixture_init(f, plan);
  assert_int_equal(player_connect(&f->players[0], o), 0);
  fixture_run_until(f, is_open);
}

static void end_politely(struct fixture *f) {
  player_close(&f->players[0], 1000, NULL);
  fixture_end(f);
}

static size_t ping_count(struct fixture *f) {
  return peer_count(fixture_conn(f), 9);
}

static size_t expected_pings;
static int has_pinged(struct fixture *f) {
  return ping_count(f) >= expected_pings;
}

static void wait_for_pings(struct fixture *f, size_t count) {
  expected_pings = count;
  fixture_run_until(f, has_pinged);
}

static uint64_t expected_pongs;
static int has_ponged(struct fixture *f) {
  return f->players[0].ws->counters.pongs_in >= expected_pongs;
}

static void answer_last_ping(struct fixture *f) {
  struct peer_conn *conn = fixture_conn(f);
  for (size_t i = conn->frame_count; i-- > 0;)
    if (conn->frames[i].opcode == 9) {
      peer_send_frame(conn, 0x8A, conn->frames[i].data, conn->frames[i].len);
      return;
    }
  fail_msg("there was no Ping");
}

static void wait_for_pongs(struct fixture *f, uint64_t count) {
  expected_pongs = count;
  fixture_run_until(f, has_ponged);
}

static int has_asked_to_close(struct fixture *f) {
  return fixture_conn(f)->saw_close;
}

/* A few turns of the loop, for what must not happen. */
static void turn(struct fixture *f) {
  for (int i = 0; i < 8; i++)
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

/*
 * Pings
 */

static void no_option_sends_no_ping(void **state) {
  (void)state;
  struct fixture f;
  open_with(&f, &polite, NULL);
  fixture_advance(&f, 100000000);
  turn(&f);
  assert_int_equal(ping_count(&f), 0);
  end_politely(&f);
  assert_diary(&f, "open close(1000,clean) ");
}

static void ping_follows_the_time_of_silence(void **state) {
  (void)state;
  struct fixture f;
  open_with(&f, &polite, &with_pings);
  fixture_advance(&f, 999);
  turn(&f);
  assert_int_equal(ping_count(&f), 0);
  fixture_advance(&f, 1);
  wait_for_pings(&f, 1);
  assert_int_equal(fixture_conn(&f)->frames[0].len, 8);
  end_politely(&f);
}

static void any_byte_of_the_peer_puts_the_ping_off(void **state) {
  (void)state;
  struct fixture f;
  open_with(&f, &polite, &with_pings);
  for (int i = 1; i <= 5; i++) {
    fixture_advance(&f, 900);
    peer_send_frame(fixture_conn(&f), 0x81, "x", 1);
    while (f.players[0].messages < i)
      uv_run(&f.loop, UV_RUN_ONCE);
  }
  assert_int_equal(ping_count(&f), 0);
  fixture_advance(&f, 999);
  turn(&f);
  assert_int_equal(ping_count(&f), 0);
  fixture_advance(&f, 1);
  wait_for_pings(&f, 1);
  end_politely(&f);
}

static void pong_to_our_ping_is_not_told(void **state) {
  (void)state;
  struct fixture f;
  open_with(&f, &polite, &with_pings);
  fixture_advance(&f, 1000);
  wait_for_pings(&f, 1);
  answer_last_ping(&f);
  wait_for_pongs(&f, 1);
  peer_send_frame(fixture_conn(&f), 0x8A, "mine", 4);
  wait_for_pongs(&f, 2);
  end_politely(&f);
  assert_diary(&f, "open pong(mine) close(1000,clean) ");
}

static void pings_go_on_while_the_peer_answers(void **state) {
  (void)state;
  struct fixture f;
  open_with(&f, &polite, &with_pings);
  for (size_t i = 1; i <= 20; i++) {
    fixture_advance(&f, 1000);
    wait_for_pings(&f, i);
    fixture_advance(&f, 400);
    answer_last_ping(&f);
    wait_for_pongs(&f, i);
  }
  end_politely(&f);
  assert_diary(&f, "open close(1000,clean) ");
}

static void round_trips_are_measured(void **state) {
  (void)state;
  static const uint64_t trips_ms[] = {80, 160, 40};
  struct fixture f;
  open_with(&f, &polite, &with_pings);
  struct uvws__rtt *rtt = &f.players[0].ws->rtt;
  for (size_t i = 0; i < 3; i++) {
    fixture_advance(&f, 1000);
    wait_for_pings(&f, i + 1);
    fixture_advance(&f, trips_ms[i]);
    answer_last_ping(&f);
    wait_for_pongs(&f, i + 1);
    assert_int_equal(rtt->last_us, trips_ms[i] * 1000);
  }
  assert_int_equal(rtt->min_us, 40000);
  assert_int_equal(rtt->smoothed_us, (80000 * 7 / 8 + 20000) * 7 / 8 + 5000);
  end_politely(&f);
}

/*
 * Dead peers
 */

static void peer_that_says_nothing_is_dead_in_time(void **state) {
  (void)state;
  struct fixture f;
  open_with(&f, &silent_about_pings, &with_pings);
  fixture_advance(&f, 1000);
  wait_for_pings(&f, 1);
  fixture_advance(&f, 499);
  turn(&f);
  assert_diary(&f, "open ");
  fixture_advance(&f, 1);
  fixture_run_until(&f, is_over);
  fixture_end(&f);
  assert_diary(&f, "open error(UVWS_EPONG_TIMEOUT) close(1006) ");
}

static void message_in_place_of_a_pong_is_a_sign_of_life(void **state) {
  (void)state;
  struct fixture f;
  open_with(&f, &polite, &with_pings);
  fixture_advance(&f, 1000);
  wait_for_pings(&f, 1);
  peer_send_frame(fixture_conn(&f), 0x81, "x", 1);
  while (f.players[0].messages == 0)
    uv_run(&f.loop, UV_RUN_ONCE);
  fixture_advance(&f, 500);
  turn(&f);
  assert_int_equal(ping_count(&f), 1);
  fixture_advance(&f, 500);
  wait_for_pings(&f, 2);
  end_politely(&f);
  assert_diary(&f, "open text(x) close(1000,clean) ");
}

/* The answer lies in the kernel while the process is busy, or asleep, far beyond the deadline. */
static void late_timer_reads_before_it_judges(void **state) {
  (void)state;
  struct fixture f;
  open_with(&f, &polite, &with_pings);
  fixture_advance(&f, 1000);
  wait_for_pings(&f, 1);
  answer_last_ping(&f);
  fixture_advance(&f, 3600000);
  wait_for_pongs(&f, 1);
  turn(&f);
  assert_diary(&f, "open ");
  end_politely(&f);
  assert_diary(&f, "open close(1000,clean) ");
}

static void sleep_before_the_ping_costs_no_connection(void **state) {
  (void)state;
  struct fixture f;
  open_with(&f, &polite, &with_pings);
  fixture_advance(&f, 86400000);
  wait_for_pings(&f, 1);
  answer_last_ping(&f);
  wait_for_pongs(&f, 1);
  end_politely(&f);
  assert_diary(&f, "open close(1000,clean) ");
}

static void paused_connection_is_not_judged(void **state) {
  (void)state;
  struct fixture f;
  open_with(&f, &polite, &with_pings);
  fixture_advance(&f, 1000);
  wait_for_pings(&f, 1);
  uvws_pause(f.players[0].ws);
  answer_last_ping(&f);
  for (int i = 0; i < 10; i++) {
    fixture_advance(&f, 1000);
    turn(&f);
  }
  assert_int_equal(ping_count(&f), 1);
  uvws_resume(f.players[0].ws);
  wait_for_pongs(&f, 1);
  end_politely(&f);
  assert_diary(&f, "open close(1000,clean) ");
}

/* The Ping stands behind megabytes that the peer takes slowly. */
static void slow_reader_is_not_dead(void **state) {
  (void)state;
  static const struct peer_plan deaf = {.is_deaf = 1, .receive_buffer = 65536};
  static uint8_t data[8 << 20];
  struct fixture f;
  open_with(&f, &deaf, &with_pings);
  assert_int_equal(player_binary(&f.players[0], data, sizeof data, NULL, NULL), UVWS_ABOVE_MARK);
  turn(&f);
  fixture_advance(&f, 1000);
  struct peer_conn *conn = fixture_conn(&f);
  while (f.players[0].ws->conn->out.len) {
    uint64_t before = f.players[0].ws->conn->written;
    peer_read(conn, SIZE_MAX);
    while (f.players[0].ws->conn->written == before)
      uv_run(&f.loop, UV_RUN_ONCE);
    peer_read(conn, 0);
    fixture_advance(&f, 500);
    turn(&f);
    assert_diary(&f, "open ");
  }
  peer_read(conn, SIZE_MAX);
  wait_for_pings(&f, 1);
  answer_last_ping(&f);
  wait_for_pongs(&f, 1);
  end_politely(&f);
  assert_diary(&f, "open close(1000,clean) ");
}

static void peer_that_takes_nothing_is_dead(void **state) {
  (void)state;
  static const struct peer_plan deaf = {.is_deaf = 1, .receive_buffer = 65536};
  static uint8_t data[8 << 20];
  struct fixture f;
  open_with(&f, &deaf, &with_pings);
  assert_int_equal(player_binary(&f.players[0], data, sizeof data, NULL, NULL), UVWS_ABOVE_MARK);
  turn(&f);
  fixture_advance(&f, 1000);
  turn(&f);
  fixture_advance(&f, 500);
  fixture_run_until(&f, is_over);
  fixture_end(&f);
  assert_diary(&f, "open error(UVWS_EPONG_TIMEOUT) close(1006) ");
}

static void without_a_pong_timeout_nobody_is_judged(void **state) {
  (void)state;
  struct fixture f;
  uvws_options_t o = {.ping_interval_ms = 1000, .pong_timeout_ms = UVWS_NO_TIMEOUT};
  open_with(&f, &polite, &o);
  for (size_t i = 1; i <= 5; i++) {
    fixture_advance(&f, 1000);
    wait_for_pings(&f, i);
  }
  end_politely(&f);
  assert_diary(&f, "open close(1000,clean) ");
}

static void closing_ends_the_pings(void **state) {
  (void)state;
  static const struct peer_plan mute = {.manners = PEER_MUTE};
  struct fixture f;
  uvws_options_t o = with_pings;
  o.idle_timeout_ms = 1200;
  o.close_timeout_ms = 100000;
  open_with(&f, &mute, &o);
  fixture_advance(&f, 1000);
  wait_for_pings(&f, 1);
  player_close(&f.players[0], 1000, NULL);
  turn(&f);
  fixture_advance(&f, 50000);
  turn(&f);
  assert_diary(&f, "open ");
  fixture_advance(&f, 50000);
  fixture_end(&f);
  assert_diary(&f, "open error(UVWS_ECLOSE_TIMEOUT) close(1006) ");
}

static void free_while_a_peer_is_being_judged_is_safe(void **state) {
  (void)state;
  struct fixture f;
  uvws_options_t o = with_pings;
  o.idle_timeout_ms = 1500;
  open_with(&f, &polite, &o);
  fixture_advance(&f, 1000);
  wait_for_pings(&f, 1);
  fixture_advance(&f, 500);
  player_free(&f.players[0]);
  fixture_end(&f);
  assert_diary(&f, "open close(1006) ");
}

/*
 * Idle connections
 */

static void idle_connection_closes_with_1001(void **state) {
  (void)state;
  struct fixture f;
  uvws_options_t o = {.idle_timeout_ms = 1000};
  open_with(&f, &polite, &o);
  for (int i = 0; i < 9; i++) {
    fixture_advance(&f, 111);
    turn(&f);
  }
  assert_diary(&f, "open ");
  fixture_advance(&f, 1);
  fixture_run_until(&f, is_over);
  assert_int_equal(peer_close_code(fixture_conn(&f)), 1001);
  fixture_end(&f);
  assert_string_equal(f.diary, "open error(UVWS_EIDLE_TIMEOUT) close(1001,clean) ");
}

static void an_idle_end_is_told_once_when_the_peer_does_not_answer_it(void **state) {
  (void)state;
  static const struct peer_plan mute = {.manners = PEER_MUTE};
  struct fixture f;
  uvws_options_t o = {.idle_timeout_ms = 1000, .close_timeout_ms = 300};
  open_with(&f, &mute, &o);
  fixture_advance(&f, 1000);
  fixture_run_until(&f, has_asked_to_close);
  fixture_advance(&f, 299);
  turn(&f);
  assert_diary(&f, "open ");
  fixture_advance(&f, 1);
  fixture_run_until(&f, is_over);
  assert_string_equal(f.players[0].error_message, uvws_strerror(UVWS_EIDLE_TIMEOUT));
  fixture_end(&f);
  assert_diary(&f, "open error(UVWS_EIDLE_TIMEOUT) close(1006) ");
}

static void a_message_that_crosses_the_idle_end_is_told(void **state) {
  (void)state;
  static const struct peer_plan mute = {.manners = PEER_MUTE};
  struct fixture f;
  uvws_options_t o = {.idle_timeout_ms = 1000};
  open_with(&f, &mute, &o);
  fixture_advance(&f, 1000);
  fixture_run_until(&f, has_asked_to_close);
  peer_send_frame(fixture_conn(&f), 0x81, "x", 1);
  peer_send_frame(fixture_conn(&f), 0x88, "\x0f\xa1", 2);
  peer_fin(fixture_conn(&f));
  fixture_run_until(&f, is_over);
  fixture_end(&f);
  assert_diary(&f, "open text(x) error(UVWS_EIDLE_TIMEOUT) close(4001,clean) ");
}

static void messages_put_the_idle_end_off(void **state) {
  (void)state;
  struct fixture f;
  uvws_options_t o = {.idle_timeout_ms = 1000};
  open_with(&f, &polite, &o);
  f.is_quiet = 1;
  for (int i = 1; i <= 6; i++) {
    fixture_advance(&f, 400);
    if (i % 2) {
      player_text(&f.players[0], "x");
    } else {
      peer_send_frame(fixture_conn(&f), 0x81, "x", 1);
      while (f.players[0].messages < i / 2)
        uv_run(&f.loop, UV_RUN_ONCE);
    }
    turn(&f);
  }
  assert_int_equal(f.players[0].errors, 0);
  for (int i = 0; i < 13 && f.players[0].closes == 0; i++) {
    fixture_advance(&f, 100);
    turn(&f);
  }
  fixture_run_until(&f, is_over);
  assert_int_equal(f.players[0].error, UVWS_EIDLE_TIMEOUT);
  fixture_end(&f);
}

static void pings_do_not_put_the_idle_end_off(void **state) {
  (void)state;
  struct fixture f;
  uvws_options_t o = {.ping_interval_ms = 300, .idle_timeout_ms = 1000};
  open_with(&f, &polite, &o);
  for (size_t i = 1; i <= 3; i++) {
    fixture_advance(&f, 300);
    wait_for_pings(&f, i);
    answer_last_ping(&f);
    wait_for_pongs(&f, i);
  }
  fixture_advance(&f, 100);
  fixture_run_until(&f, is_over);
  fixture_end(&f);
  assert_diary(&f, "open error(UVWS_EIDLE_TIMEOUT) close(1001,clean) ");
}

static void message_that_comes_slowly_is_not_idle(void **state) {
  (void)state;
  struct fixture f;
  uvws_options_t o = {.idle_timeout_ms = 1000};
  uint8_t header[10];
  open_with(&f, &polite, &o);
  struct peer_conn *conn = fixture_conn(&f);
  peer_send(conn, header, peer_frame_header(header, 0x82, 20));
  for (int i = 0; i < 20; i++) {
    peer_send(conn, "x", 1);
    turn(&f);
    fixture_advance(&f, 900);
    turn(&f);
  }
  assert_diary(&f, "open binary(xxxxxxxxxxxxxxxxxxxx) ");
  end_politely(&f);
}

static void keepalive_needs_memory(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, &polite);
  for (size_t n = 1;; n++) {
    f.memory.fail_at = f.memory.asked + n;
    f.memory.has_failed = 0;
    int err = player_connect(&f.players[0], &with_pings);
    if (err == 0) break;
    assert_int_equal(err, UV_ENOMEM);
    assert_true(f.memory.has_failed);
  }
  f.memory.fail_at = 0;
  fixture_run_until(&f, is_open);
  end_politely(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_option_sends_no_ping),
      cmocka_unit_test(ping_follows_the_time_of_silence),
      cmocka_unit_test(any_byte_of_the_peer_puts_the_ping_off),
      cmocka_unit_test(pong_to_our_ping_is_not_told),
      cmocka_unit_test(pings_go_on_while_the_peer_answers),
      cmocka_unit_test(round_trips_are_measured),
      cmocka_unit_test(peer_that_says_nothing_is_dead_in_time),
      cmocka_unit_test(message_in_place_of_a_pong_is_a_sign_of_life),
      cmocka_unit_test(late_timer_reads_before_it_judges),
      cmocka_unit_test(sleep_before_the_ping_costs_no_connection),
      cmocka_unit_test(paused_connection_is_not_judged),
      cmocka_unit_test(slow_reader_is_not_dead),
      cmocka_unit_test(peer_that_takes_nothing_is_dead),
      cmocka_unit_test(without_a_pong_timeout_nobody_is_judged),
      cmocka_unit_test(closing_ends_the_pings),
      cmocka_unit_test(free_while_a_peer_is_being_judged_is_safe),
      cmocka_unit_test(idle_connection_closes_with_1001),
      cmocka_unit_test(an_idle_end_is_told_once_when_the_peer_does_not_answer_it),
      cmocka_unit_test(a_message_that_crosses_the_idle_end_is_told),
      cmocka_unit_test(messages_put_the_idle_end_off),
      cmocka_unit_test(pings_do_not_put_the_idle_end_off),
      cmocka_unit_test(message_that_comes_slowly_is_not_idle),
      cmocka_unit_test(keepalive_needs_memory),
  };
  return cmocka_run_group_tests_name("keepalive", tests, NULL, NULL);
}
