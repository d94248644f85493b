/* Reading over TLS: stopped and started anywhere, ended in every way. */
#include <stdlib.h>
#include <string.h>

#include "support/tls_world.h"

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void reading_is_off_until_it_is_started(void **state) {
  (void)state;
  for (size_t v = 0; v < 2; v++) {
    struct tls_world w;
    struct tls_plan plan = tls_plan_for(versions[v]);
    tls_world_init(&w, &plan);
    w.starts_in_ready = 0;
    assert_int_equal(tls_world_open(&w, &plan), 0);
    tls_world_serve(&w, "server first", 12);
    tls_world_turn(&w);
    assert_int_equal(w.ready, 1);
    assert_int_equal(w.got.len, 0);
    assert_false(w.lower.is_reading);
    assert_int_equal(tls_world_read_start(&w), 0);
    assert_int_equal(w.got.len, 0);
    tls_world_turn(&w);
    tls_world_assert_got(&w.got, (const uint8_t *)"server first", 12);
    tls_world_deinit(&w);
  }
}

static void a_reader_may_stop_after_each_piece_and_start_again(void **state) {
  (void)state;
  static const size_t rooms[] = {1000, 16384, 65536};
  uint8_t *data = tls_world_pattern(150000);
  for (size_t i = 0; i < 3; i++) {
    struct tls_world w;
    struct tls_plan plan = tls_plan_for(versions[i % 2]);
    tls_world_connect(&w, &plan);
    w.room_len = rooms[i];
    w.stops_after_each_data = 1;
    tls_world_serve(&w, data, 150000);
    int pieces = 0;
    while (w.got.len < 150000) {
      tls_world_turn(&w);
      assert_int_equal(w.data_count, ++pieces);
      assert_false(w.lower.is_reading);
      assert_int_equal(tls_world_read_start(&w), 0);
      assert_int_equal(w.data_count, pieces);
    }
    tls_world_assert_got(&w.got, data, 150000);
    tls_world_deinit(&w);
  }
  free(data);
}

static void a_start_that_is_taken_back_calls_nobody(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = tls_plan_for(TLS1_3_VERSION);
  tls_world_connect(&w, &plan);
  w.room_len = 10;
  w.stops_after_each_data = 1;
  tls_world_serve(&w, "0123456789abcdefghij", 20);
  tls_world_turn(&w);
  assert_int_equal(tls_world_read_start(&w), 0);
  tls_world_read_stop(&w);
  tls_world_turn(&w);
  assert_int_equal(w.data_count, 1);
  assert_int_equal(tls_world_read_start(&w), 0);
  tls_world_read_stop(&w);
  assert_int_equal(tls_world_read_start(&w), 0);
  tls_world_turn(&w);
  assert_int_equal(w.data_count, 2);
  tls_world_deinit(&w);
}

static void an_idle_connection_holds_no_buffers(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = tls_plan_for(TLS1_3_VERSION);
  tls_world_connect(&w, &plan);
  size_t live = w.memory.live;
  uint8_t *data = tls_world_pattern(200000);
  w.lower.room = 1000;
  assert_int_equal(tls_world_write(&w, data, 200000), UVWS__WRITING);
  w.room_len = 100;
  w.stops_after_each_data = 1;
  tls_world_serve(&w, data, 250);
  tls_world_turn(&w);
  w.stops_after_each_data = 0;
  assert_int_equal(tls_world_read_start(&w), 0);
  tls_world_turn(&w);
  assert_int_equal(w.got.len, 250);
  assert_int_equal(w.server_got.len, 200000);
  /* The loop's spare room for records is not the connection's. */
  assert_non_null(w.scratch.spare.data);
  assert_true(w.memory.live <= live + 1);
  free(data);
  tls_world_deinit(&w);
}

static void close_works_with_a_late_read_due(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = tls_plan_for(TLS1_3_VERSION);
  tls_world_connect(&w, &plan);
  w.room_len = 10;
  w.stops_after_each_data = 1;
  tls_world_serve(&w, "0123456789abcdefghij", 20);
  tls_world_turn(&w);
  assert_int_equal(tls_world_read_start(&w), 0);
  tls_world_close(&w);
  tls_world_turn(&w);
  assert_int_equal(w.data_count, 1);
  assert_int_equal(w.closed, 1);
  tls_world_deinit(&w);
}

static void close_notify_of_the_server_is_an_orderly_end(void **state) {
  (void)state;
  for (size_t v = 0; v < 2; v++) {
    struct tls_world w;
    struct tls_plan plan = tls_plan_for(versions[v]);
    tls_world_connect(&w, &plan);
    tls_world_serve(&w, "last words", 10);
    tls_world_turn(&w);
    SSL_shutdown(w.server);
    tls_world_turn(&w);
    tls_world_assert_got(&w.got, (const uint8_t *)"last words", 10);
    assert_int_equal(w.end_err, UV_EOF);
    assert_false(w.lower.is_reading);
    /* Half closed: ours is still open. */
    assert_int_equal(tls_world_write(&w, "bye", 3), UVWS__WRITTEN);
    tls_world_deinit(&w);
  }
}

static void an_end_without_close_notify_is_a_truncation(void **state) {
  (void)state;
  for (size_t v = 0; v < 2; v++) {
    for (size_t more = 0; more < 31; more++) { /* within the record */
      struct tls_world w;
      struct tls_plan plan = tls_plan_for(versions[v]);
      tls_world_connect(&w, &plan);
      w.cut_at = w.delivered + more;
      tls_world_serve(&w, "0123456789", 10);
      tls_world_turn(&w);
      assert_int_equal(w.ended, 1);
      assert_int_equal(w.end_err, UVWS_ETLS_TRUNCATED);
      tls_world_deinit(&w);
    }
  }
}

static void an_error_below_comes_through_behind_the_data(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = tls_plan_for(TLS1_3_VERSION);
  tls_world_connect(&w, &plan);
  tls_world_serve(&w, "0123456789", 10);
  w.cut_at = w.delivered + 32;
  w.cut_err = UV_ECONNRESET;
  tls_world_turn(&w);
  assert_int_equal(w.got.len, 10);
  assert_int_equal(w.end_err, UV_ECONNRESET);
  tls_world_deinit(&w);
}

static void a_broken_record_ends_with_an_alert_to_the_server(void **state) {
  (void)state;
  for (size_t v = 0; v < 2; v++) {
    struct tls_world w;
    struct tls_plan plan = tls_plan_for(versions[v]);
    tls_world_connect(&w, &plan);
    static const struct uvws__env plain = {.realloc = uvws__env_realloc};
    static const char record[] = "\x17\x03\x03\x00\x20"
                                 "01234567890123456789012345678901";
    assert_int_equal(uvws__bytes_append(&plain, &w.wire, record, sizeof record - 1), 0);
    w.lower.writes = 0;
    tls_world_turn(&w);
    assert_int_equal(w.end_err, UVWS_ETLS);
    assert_int_equal(w.lower.writes, 1);
    assert_true(w.server_failed); /* by our alert */
    assert_int_equal(tls_world_write(&w, "x", 1), UV_EPIPE);
    w.t->ops->shutdown(w.t);
    tls_world_deinit(&w);
  }
}

static void renegotiation_by_the_server_is_refused(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = tls_plan_for(TLS1_2_VERSION);
  tls_world_connect(&w, &plan);
  assert_int_equal(SSL_renegotiate(w.server), 1);
  SSL_do_handshake(w.server);
  tls_world_turn(&w);
  assert_int_equal(w.ready, 1);
  assert_int_equal(w.got.len, 0);
  assert_false(w.ended && w.end_err == UV_EOF);
  tls_world_deinit(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reading_is_off_until_it_is_started),
      cmocka_unit_test(a_reader_may_stop_after_each_piece_and_start_again),
      cmocka_unit_test(a_start_that_is_taken_back_calls_nobody),
      cmocka_unit_test(an_idle_connection_holds_no_buffers),
      cmocka_unit_test(close_works_with_a_late_read_due),
      cmocka_unit_test(close_notify_of_the_server_is_an_orderly_end),
      cmocka_unit_test(an_end_without_close_notify_is_a_truncation),
      cmocka_unit_test(an_error_below_comes_through_behind_the_data),
      cmocka_unit_test(a_broken_record_ends_with_an_alert_to_the_server),
      cmocka_unit_test(renegotiation_by_the_server_is_refused),
  };
  return cmocka_run_group_tests(tests, tls_world_set_up, tls_world_tear_down);
}
