/* The TLS transport as a whole: bytes both ways, the handshake, closing, memory that runs out. */
#include <stdlib.h>
#include <string.h>

#include "support/tls_world.h"

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void echo_both_ways(int version, size_t len, size_t chunk, size_t room_len) {
  struct tls_world w;
  struct tls_plan plan = tls_plan_for(version);
  uint8_t *data = tls_world_pattern(len);
  tls_world_connect(&w, &plan);
  w.chunk = chunk;
  w.room_len = room_len;
  if (len) assert_int_equal(tls_world_write(&w, data, len), UVWS__WRITTEN);
  tls_world_turn(&w);
  tls_world_assert_got(&w.server_got, data, len);
  tls_world_serve(&w, data, len);
  tls_world_turn(&w);
  tls_world_assert_got(&w.got, data, len);
  assert_int_equal(w.written, 0);
  free(data);
  tls_world_deinit(&w);
}

static void bytes_of_any_size_arrive_both_ways(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 125, 16383, 16384, 16385, 65535, 65536, 65537, 1048576};
  for (size_t v = 0; v < 2; v++)
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
      echo_both_ways(versions[v], sizes[i], SIZE_MAX, 65536);
}

static void bytes_arrive_one_by_one_or_in_odd_pieces(void **state) {
  (void)state;
  for (size_t v = 0; v < 2; v++) {
    echo_both_ways(versions[v], 20000, 1, 65536);
    echo_both_ways(versions[v], 200000, 1447, 4099);
    echo_both_ways(versions[v], 3000, SIZE_MAX, 1);
  }
}

static void the_handshake_survives_delivery_byte_by_byte(void **state) {
  (void)state;
  for (size_t v = 0; v < 2; v++) {
    struct tls_world w;
    struct tls_plan plan = tls_plan_for(versions[v]);
    tls_world_init(&w, &plan);
    w.chunk = 1;
    assert_int_equal(tls_world_open(&w, &plan), 0);
    tls_world_turn(&w);
    assert_int_equal(w.ready, 1);
    tls_world_deinit(&w);
  }
}

static void a_handshake_whose_writes_block_succeeds(void **state) {
  (void)state;
  for (size_t v = 0; v < 2; v++) {
    struct tls_world w;
    struct tls_plan plan = tls_plan_for(versions[v]);
    tls_world_init(&w, &plan);
    w.lower.room = 0;
    assert_int_equal(tls_world_open(&w, &plan), 0);
    tls_world_turn(&w);
    assert_int_equal(w.ready, 1);
    assert_int_equal(w.written, 0);
    tls_world_deinit(&w);
  }
}

static void close_works_from_inside_each_event(void **state) {
  (void)state;
  static const enum tls_event events[] = {EVENT_READY, EVENT_ALLOC, EVENT_DATA, EVENT_END,
                                          EVENT_WRITTEN};
  uint8_t *data = tls_world_pattern(100000);
  for (size_t i = 0; i < 10; i++) {
    struct tls_world w;
    struct tls_plan plan = tls_plan_for(versions[i / 5]);
    tls_world_init(&w, &plan);
    w.close_in = events[i % 5];
    assert_int_equal(tls_world_open(&w, &plan), 0);
    tls_world_turn(&w);
    if (!w.closed) {
      w.lower.room = 100;
      w.room_len = 1000;
      assert_int_equal(tls_world_write(&w, data, 100000), UVWS__WRITING);
      tls_world_serve(&w, data, 100000);
      w.holds_writes = events[i % 5] != EVENT_WRITTEN;
      if (events[i % 5] == EVENT_END) w.cut_at = w.delivered + 5000;
      tls_world_turn(&w);
    }
    assert_int_equal(w.closed, 1);
    assert_int_equal(w.data_count, events[i % 5] == EVENT_DATA ? 1 : w.data_count);
    tls_world_deinit(&w);
  }
  free(data);
}

static size_t handshake_cut_at(int version, size_t cut, int err) {
  struct tls_world w;
  struct tls_plan plan = tls_plan_for(version);
  tls_world_init(&w, &plan);
  w.starts_in_ready = 0;
  w.cut_at = cut;
  w.cut_err = err;
  assert_int_equal(tls_world_open(&w, &plan), 0);
  tls_world_turn(&w);
  assert_int_equal(w.ready + w.ended, 1);
  if (w.ended) assert_int_equal(w.end_err, err ? err : UVWS_ETLS);
  size_t is_over = w.ready ? 1 : 0;
  tls_world_deinit(&w);
  return is_over;
}

static void a_handshake_cut_at_any_byte_fails_once(void **state) {
  (void)state;
  for (size_t v = 0; v < 2; v++) {
    size_t cut = 0, step = tls_world_is_slow() ? 41 : 1;
    while (!handshake_cut_at(versions[v], cut, 0))
      cut += step;
    assert_true(cut > 300);
    assert_false(handshake_cut_at(versions[v], 100, UV_ECONNRESET));
  }
}

static void feed_garbage(const void *data, size_t len, const char *detail) {
  struct tls_world w;
  struct tls_plan plan = tls_plan_for(TLS1_3_VERSION);
  tls_world_init(&w, &plan);
  w.server_is_deaf = 1;
  assert_int_equal(tls_world_open(&w, &plan), 0);
  static const struct uvws__env plain = {.realloc = uvws__env_realloc};
  assert_int_equal(uvws__bytes_append(&plain, &w.wire, data, len), 0);
  tls_world_turn(&w);
  assert_int_equal(w.ready, 0);
  assert_int_equal(w.end_err, UVWS_ETLS);
  assert_non_null(strstr(w.end_detail, detail));
  tls_world_deinit(&w);
}

static void a_server_that_speaks_something_else_is_told_from_tls(void **state) {
  (void)state;
  feed_garbage("HTTP/1.1 400 Bad Request\r\n\r\n", 28, "does not speak TLS");
  feed_garbage("SSH-2.0-OpenSSH_9.2\r\n", 21, "does not speak TLS");
  feed_garbage("\x15\x03\x03\x00\x02\x02\x28", 7, "handshake failure");
  feed_garbage("\x15\x03\x03\x00\x02\x02\x00", 7, "TLS");
}

static void a_lower_that_fails_at_once_is_closed(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = tls_plan_for(TLS1_3_VERSION);
  tls_world_init(&w, &plan);
  w.lower.write_err = UV_EPIPE;
  assert_int_equal(tls_world_open(&w, &plan), UV_EPIPE);
  tls_world_deinit(&w);
  tls_world_init(&w, &plan);
  w.lower.start_err = UV_ENOTCONN;
  assert_int_equal(tls_world_open(&w, &plan), UV_ENOTCONN);
  tls_world_deinit(&w);
}

/* All that takes memory: answers whether the allocation that was to fail was reached. */
static int live_with_a_failing_allocation(size_t fail_at, const uint8_t *data) {
  struct tls_world w;
  struct tls_plan plan = tls_plan_for(TLS1_3_VERSION);
  plan.fail_at = fail_at;
  tls_world_init(&w, &plan);
  w.stops_after_each_data = 1;
  w.room_len = 1000;
  int err = tls_world_open(&w, &plan);
  if (err) {
    assert_int_equal(err, UV_ENOMEM);
  } else {
    tls_world_turn(&w);
    w.lower.room = 100;
    w.holds_writes = 1;
    if (w.ready) tls_world_write(&w, data, 90000);
    tls_world_serve(&w, data, 5000);
    for (int i = 0; i < 6; i++) {
      tls_world_turn(&w);
      if (!w.ended) tls_world_read_start(&w);
    }
    w.holds_writes = 0;
    tls_world_turn(&w);
    if (w.ended) assert_int_equal(w.end_err, UV_ENOMEM);
    if (w.written) assert_true(w.written_status == 0 || w.written_status == UV_ENOMEM);
  }
  int was_reached = w.memory.count >= fail_at;
  tls_world_deinit(&w);
  return was_reached;
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  uint8_t *data = tls_world_pattern(90000);
  size_t n = 1;
  while (live_with_a_failing_allocation(n, data))
    n++;
  assert_true(n > 10);
  free(data);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bytes_of_any_size_arrive_both_ways),
      cmocka_unit_test(bytes_arrive_one_by_one_or_in_odd_pieces),
      cmocka_unit_test(the_handshake_survives_delivery_byte_by_byte),
      cmocka_unit_test(a_handshake_whose_writes_block_succeeds),
      cmocka_unit_test(close_works_from_inside_each_event),
      cmocka_unit_test(a_handshake_cut_at_any_byte_fails_once),
      cmocka_unit_test(a_server_that_speaks_something_else_is_told_from_tls),
      cmocka_unit_test(a_lower_that_fails_at_once_is_closed),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, tls_world_set_up, tls_world_tear_down);
}
