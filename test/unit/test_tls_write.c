/* Writing over TLS: whole records, few writes, held back and resumed. */
#include <stdlib.h>
#include <string.h>

#include "support/tls_world.h"

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void many_small_buffers_share_records_and_one_write(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = tls_plan_for(TLS1_3_VERSION);
  tls_world_connect(&w, &plan);
  uint8_t *data = tls_world_pattern(64 * 300);
  uv_buf_t bufs[64];
  for (size_t i = 0; i < 64; i++)
    bufs[i] = uv_buf_init((char *)data + i * 300, i == 7 ? 0 : 300);
  memmove(data + 7 * 300, data + 8 * 300, 56 * 300);
  for (size_t i = 8; i < 64; i++)
    bufs[i].base -= 300;
  w.lower.writes = 0;
  assert_int_equal(w.t->ops->write(w.t, bufs, 64), UVWS__WRITTEN);
  assert_int_equal(w.lower.writes, 1);
  /* Two records, each with a header, a type byte and a tag. */
  assert_int_equal(BIO_pending(SSL_get_rbio(w.server)), 63 * 300 + 2 * 22);
  tls_world_turn(&w);
  tls_world_assert_got(&w.server_got, data, (size_t)63 * 300);
  free(data);
  tls_world_deinit(&w);
}

static void a_large_write_leaves_in_few_writes(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = tls_plan_for(TLS1_3_VERSION);
  tls_world_connect(&w, &plan);
  uint8_t *data = tls_world_pattern(1048576);
  w.lower.writes = 0;
  assert_int_equal(tls_world_write(&w, data, 1048576), UVWS__WRITTEN);
  assert_true(w.lower.writes <= 17);
  free(data);
  tls_world_deinit(&w);
}

static void a_write_takes_no_memory_in_the_steady_state(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = tls_plan_for(TLS1_3_VERSION);
  char data[1000] = {0};
  tls_world_connect(&w, &plan);
  assert_int_equal(tls_world_write(&w, data, sizeof data), UVWS__WRITTEN);
  size_t count = w.memory.count;
  for (int i = 0; i < 20; i++) {
    assert_int_equal(tls_world_write(&w, data, sizeof data), UVWS__WRITTEN);
    tls_world_serve(&w, data, sizeof data);
    tls_world_turn(&w);
  }
  assert_int_equal(w.got.len, 20 * sizeof data);
  assert_int_equal(w.memory.count, count);
  tls_world_deinit(&w);
}

static void a_blocked_write_goes_on_when_the_kernel_has_room(void **state) {
  (void)state;
  static const size_t rooms[] = {0, 1, 1000, 70000, 200000};
  uint8_t *data = tls_world_pattern(300000);
  for (size_t i = 0; i < 5; i++) {
    struct tls_world w;
    struct tls_plan plan = tls_plan_for(versions[i % 2]);
    tls_world_connect(&w, &plan);
    w.lower.room = rooms[i];
    w.holds_writes = 1;
    assert_int_equal(tls_world_write(&w, data, 300000), UVWS__WRITING);
    tls_world_turn(&w);
    assert_int_equal(w.written, 0);
    tls_world_serve(&w, data, 5000); /* reading goes on meanwhile */
    tls_world_turn(&w);
    tls_world_assert_got(&w.got, data, 5000);
    w.holds_writes = 0;
    tls_world_turn(&w);
    assert_int_equal(w.written, 1);
    assert_int_equal(w.written_status, 0);
    tls_world_assert_got(&w.server_got, data, 300000);
    w.lower.room = SIZE_MAX;
    assert_int_equal(tls_world_write(&w, data, 10), UVWS__WRITTEN);
    tls_world_deinit(&w);
  }
  free(data);
}

static void a_write_behind_a_blocked_finished_message_waits_for_it(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = tls_plan_for(TLS1_3_VERSION);
  tls_world_init(&w, &plan);
  assert_int_equal(tls_world_open(&w, &plan), 0);
  w.lower.room = 0;
  w.holds_writes = 1;
  tls_world_turn(&w);
  assert_int_equal(w.ready, 1);
  assert_int_equal(tls_world_write(&w, "hello", 5), UVWS__WRITING);
  w.holds_writes = 0;
  tls_world_turn(&w);
  assert_int_equal(w.written, 1);
  tls_world_assert_got(&w.server_got, (const uint8_t *)"hello", 5);
  tls_world_deinit(&w);
}

static void a_write_that_fails_below_says_so(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = tls_plan_for(TLS1_3_VERSION);
  tls_world_connect(&w, &plan);
  w.lower.write_err = UV_EPIPE;
  assert_int_equal(tls_world_write(&w, "x", 1), UV_EPIPE);
  assert_int_equal(tls_world_write(&w, "x", 1), UV_EPIPE);
  tls_world_deinit(&w);

  tls_world_connect(&w, &plan);
  w.lower.room = 0;
  w.holds_writes = 1;
  assert_int_equal(tls_world_write(&w, "x", 1), UVWS__WRITING);
  w.lower.is_writing = 0;
  w.lower.held_count = 0;
  w.lower.base.events->on_written(w.lower.base.owner, UV_ECONNRESET);
  assert_int_equal(w.written, 1);
  assert_int_equal(w.written_status, UV_ECONNRESET);
  tls_world_deinit(&w);
}

static void shutdown_sends_close_notify_and_then_shuts_below(void **state) {
  (void)state;
  for (size_t v = 0; v < 2; v++) {
    struct tls_world w;
    struct tls_plan plan = tls_plan_for(versions[v]);
    tls_world_connect(&w, &plan);
    w.lower.room = v ? SIZE_MAX : 0;
    w.t->ops->shutdown(w.t);
    assert_int_equal(w.lower.is_shut, v ? 1 : 0);
    tls_world_turn(&w);
    assert_true(w.lower.is_shut);
    assert_true(w.server_saw_eof);
    assert_int_equal(w.written, 0);
    tls_world_serve(&w, "still talking", 13);
    tls_world_turn(&w);
    assert_int_equal(w.got.len, 13);
    assert_int_equal(tls_world_write(&w, "x", 1), UV_EPIPE);
    tls_world_deinit(&w);
  }
}

static void key_updates_are_answered(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = tls_plan_for(TLS1_3_VERSION);
  tls_world_connect(&w, &plan);
  for (int i = 0; i < 5; i++) {
    assert_int_equal(SSL_key_update(w.server, SSL_KEY_UPDATE_REQUESTED), 1);
    tls_world_serve(&w, "x", 1);
    tls_world_turn(&w);
    assert_int_equal(tls_world_write(&w, "y", 1), UVWS__WRITTEN);
    tls_world_turn(&w);
  }
  assert_int_equal(w.got.len, 5);
  assert_int_equal(w.server_got.len, 5);
  assert_false(w.server_failed);
  tls_world_deinit(&w);
}

static void a_flood_of_key_updates_makes_no_flood_of_answers(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = tls_plan_for(TLS1_3_VERSION);
  tls_world_connect(&w, &plan);
  w.lower.room = 0;
  w.holds_writes = 1;
  int count = tls_world_is_slow() ? 300 : 14000;
  for (int i = 0; i < count; i++) {
    assert_int_equal(SSL_key_update(w.server, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_int_equal(SSL_do_handshake(w.server), 1);
  }
  tls_world_serve(&w, "x", 1);
  tls_world_turn(&w);
  if (!tls_world_is_slow()) {
    assert_false(w.lower.is_reading);
    assert_true(w.wire.len - w.wire_done > 100000);
    assert_int_equal(w.got.len, 0);
  }
  w.lower.room = SIZE_MAX;
  w.holds_writes = 0;
  tls_world_turn(&w);
  assert_int_equal(w.got.len, 1);
  assert_false(w.server_failed);
  tls_world_deinit(&w);
}

static void a_write_before_the_handshake_is_refused(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = tls_plan_for(TLS1_3_VERSION);
  tls_world_init(&w, &plan);
  assert_int_equal(tls_world_open(&w, &plan), 0);
  assert_int_equal(tls_world_write(&w, "x", 1), UV_ENOTCONN);
  tls_world_deinit(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(many_small_buffers_share_records_and_one_write),
      cmocka_unit_test(a_large_write_leaves_in_few_writes),
      cmocka_unit_test(a_write_takes_no_memory_in_the_steady_state),
      cmocka_unit_test(a_blocked_write_goes_on_when_the_kernel_has_room),
      cmocka_unit_test(a_write_behind_a_blocked_finished_message_waits_for_it),
      cmocka_unit_test(a_write_that_fails_below_says_so),
      cmocka_unit_test(shutdown_sends_close_notify_and_then_shuts_below),
      cmocka_unit_test(key_updates_are_answered),
      cmocka_unit_test(a_flood_of_key_updates_makes_no_flood_of_answers),
      cmocka_unit_test(a_write_before_the_handshake_is_refused),
  };
  return cmocka_run_group_tests(tests, tls_world_set_up, tls_world_tear_down);
}
