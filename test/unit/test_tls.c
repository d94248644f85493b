/* The TLS transport: bytes both ways, however they are cut, held back or ended. */
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "support/tls_world.h"

static struct test_cert server_cert;
static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static int make_certs(void **state) {
  (void)state;
  server_cert = test_cert_make(
      &(struct test_cert_spec){.common_name = "server", .alt_names = "DNS:a.test"}, NULL);
  return 0;
}

static int free_certs(void **state) {
  (void)state;
  test_cert_free(&server_cert);
  return 0;
}

static struct tls_plan plan_for(int version) {
  return (struct tls_plan){
      .cert = &server_cert,
      .server_min = version,
      .server_max = version,
      .options = {.insecure_skip_verify = 1},
  };
}

/* Bytes that differ from their neighbours. */
static uint8_t *pattern(size_t len) {
  uint8_t *data = malloc(len ? len : 1);
  assert_non_null(data);
  for (size_t i = 0; i < len; i++)
    data[i] = (uint8_t)(i * 31 + i / 251);
  return data;
}

static void assert_got(const struct uvws__bytes *got, const uint8_t *data, size_t len) {
  assert_int_equal(got->len, len);
  if (len) assert_memory_equal(got->data, data, len);
}

static void echo_both_ways(int version, size_t len, size_t chunk, size_t room_len) {
  struct tls_world w;
  struct tls_plan plan = plan_for(version);
  uint8_t *data = pattern(len);
  tls_world_connect(&w, &plan);
  w.chunk = chunk;
  w.room_len = room_len;
  if (len) assert_int_equal(tls_world_write(&w, data, len), UVWS__WRITTEN);
  tls_world_turn(&w);
  assert_got(&w.server_got, data, len);
  tls_world_serve(&w, data, len);
  tls_world_turn(&w);
  assert_got(&w.got, data, len);
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
    struct tls_plan plan = plan_for(versions[v]);
    tls_world_init(&w, &plan);
    w.chunk = 1;
    assert_int_equal(tls_world_open(&w, &plan), 0);
    tls_world_turn(&w);
    assert_int_equal(w.ready, 1);
    tls_world_deinit(&w);
  }
}

static void many_small_buffers_share_records_and_one_write(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = plan_for(TLS1_3_VERSION);
  tls_world_connect(&w, &plan);
  uint8_t *data = pattern(64 * 300);
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
  assert_got(&w.server_got, data, (size_t)63 * 300);
  free(data);
  tls_world_deinit(&w);
}

static void a_large_write_leaves_in_few_writes(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = plan_for(TLS1_3_VERSION);
  tls_world_connect(&w, &plan);
  uint8_t *data = pattern(1048576);
  w.lower.writes = 0;
  assert_int_equal(tls_world_write(&w, data, 1048576), UVWS__WRITTEN);
  assert_true(w.lower.writes <= 17);
  free(data);
  tls_world_deinit(&w);
}

static void a_write_takes_no_memory_in_the_steady_state(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = plan_for(TLS1_3_VERSION);
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
  uint8_t *data = pattern(300000);
  for (size_t i = 0; i < 5; i++) {
    struct tls_world w;
    struct tls_plan plan = plan_for(versions[i % 2]);
    tls_world_connect(&w, &plan);
    w.lower.room = rooms[i];
    w.holds_writes = 1;
    assert_int_equal(tls_world_write(&w, data, 300000), UVWS__WRITING);
    tls_world_turn(&w);
    assert_int_equal(w.written, 0);
    tls_world_serve(&w, data, 5000); /* reading goes on meanwhile */
    tls_world_turn(&w);
    assert_got(&w.got, data, 5000);
    w.holds_writes = 0;
    tls_world_turn(&w);
    assert_int_equal(w.written, 1);
    assert_int_equal(w.written_status, 0);
    assert_got(&w.server_got, data, 300000);
    w.lower.room = SIZE_MAX;
    assert_int_equal(tls_world_write(&w, data, 10), UVWS__WRITTEN);
    tls_world_deinit(&w);
  }
  free(data);
}

static void a_handshake_whose_writes_block_succeeds(void **state) {
  (void)state;
  for (size_t v = 0; v < 2; v++) {
    struct tls_world w;
    struct tls_plan plan = plan_for(versions[v]);
    tls_world_init(&w, &plan);
    w.lower.room = 0;
    assert_int_equal(tls_world_open(&w, &plan), 0);
    tls_world_turn(&w);
    assert_int_equal(w.ready, 1);
    assert_int_equal(w.written, 0);
    tls_world_deinit(&w);
  }
}

static void a_write_behind_a_blocked_finished_message_waits_for_it(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = plan_for(TLS1_3_VERSION);
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
  assert_got(&w.server_got, (const uint8_t *)"hello", 5);
  tls_world_deinit(&w);
}

static void a_write_that_fails_below_says_so(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = plan_for(TLS1_3_VERSION);
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

static void reading_is_off_until_it_is_started(void **state) {
  (void)state;
  for (size_t v = 0; v < 2; v++) {
    struct tls_world w;
    struct tls_plan plan = plan_for(versions[v]);
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
    assert_got(&w.got, (const uint8_t *)"server first", 12);
    tls_world_deinit(&w);
  }
}

static void a_reader_may_stop_after_each_piece_and_start_again(void **state) {
  (void)state;
  static const size_t rooms[] = {1000, 16384, 65536};
  uint8_t *data = pattern(150000);
  for (size_t i = 0; i < 3; i++) {
    struct tls_world w;
    struct tls_plan plan = plan_for(versions[i % 2]);
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
    assert_got(&w.got, data, 150000);
    tls_world_deinit(&w);
  }
  free(data);
}

static void a_start_that_is_taken_back_calls_nobody(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = plan_for(TLS1_3_VERSION);
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
  struct tls_plan plan = plan_for(TLS1_3_VERSION);
  tls_world_connect(&w, &plan);
  size_t live = w.memory.live;
  uint8_t *data = pattern(200000);
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

static void close_works_from_inside_each_event(void **state) {
  (void)state;
  static const enum tls_event events[] = {EVENT_READY, EVENT_ALLOC, EVENT_DATA, EVENT_END,
                                          EVENT_WRITTEN};
  uint8_t *data = pattern(100000);
  for (size_t i = 0; i < 10; i++) {
    struct tls_world w;
    struct tls_plan plan = plan_for(versions[i / 5]);
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

static void close_works_with_a_late_read_due(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = plan_for(TLS1_3_VERSION);
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
    struct tls_plan plan = plan_for(versions[v]);
    tls_world_connect(&w, &plan);
    tls_world_serve(&w, "last words", 10);
    tls_world_turn(&w);
    SSL_shutdown(w.server);
    tls_world_turn(&w);
    assert_got(&w.got, (const uint8_t *)"last words", 10);
    assert_int_equal(w.end_err, UV_EOF);
    assert_false(w.lower.is_reading);
    /* Half closed: ours is still open. */
    assert_int_equal(tls_world_write(&w, "bye", 3), UVWS__WRITTEN);
    tls_world_deinit(&w);
  }
}

static void shutdown_sends_close_notify_and_then_shuts_below(void **state) {
  (void)state;
  for (size_t v = 0; v < 2; v++) {
    struct tls_world w;
    struct tls_plan plan = plan_for(versions[v]);
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

static void an_end_without_close_notify_is_a_truncation(void **state) {
  (void)state;
  for (size_t v = 0; v < 2; v++) {
    for (size_t more = 0; more < 31; more++) { /* within the record */
      struct tls_world w;
      struct tls_plan plan = plan_for(versions[v]);
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
  struct tls_plan plan = plan_for(TLS1_3_VERSION);
  tls_world_connect(&w, &plan);
  tls_world_serve(&w, "0123456789", 10);
  w.cut_at = w.delivered + 32;
  w.cut_err = UV_ECONNRESET;
  tls_world_turn(&w);
  assert_int_equal(w.got.len, 10);
  assert_int_equal(w.end_err, UV_ECONNRESET);
  tls_world_deinit(&w);
}

static size_t handshake_cut_at(int version, size_t cut, int err) {
  struct tls_world w;
  struct tls_plan plan = plan_for(version);
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

/* A handshake takes a hundred times as long under valgrind: a sample must do there. */
static size_t cut_step(void) {
  const char *preload = getenv("LD_PRELOAD");
  return preload && strstr(preload, "vgpreload") ? 41 : 1;
}

static void a_handshake_cut_at_any_byte_fails_once(void **state) {
  (void)state;
  for (size_t v = 0; v < 2; v++) {
    size_t cut = 0, step = cut_step();
    while (!handshake_cut_at(versions[v], cut, 0))
      cut += step;
    assert_true(cut > 300);
    assert_false(handshake_cut_at(versions[v], 100, UV_ECONNRESET));
  }
}

static void feed_garbage(const void *data, size_t len, const char *detail) {
  struct tls_world w;
  struct tls_plan plan = plan_for(TLS1_3_VERSION);
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

static void a_broken_record_ends_with_an_alert_to_the_server(void **state) {
  (void)state;
  for (size_t v = 0; v < 2; v++) {
    struct tls_world w;
    struct tls_plan plan = plan_for(versions[v]);
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

static void key_updates_are_answered(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = plan_for(TLS1_3_VERSION);
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
  struct tls_plan plan = plan_for(TLS1_3_VERSION);
  tls_world_connect(&w, &plan);
  w.lower.room = 0;
  w.holds_writes = 1;
  for (int i = 0; i < 8000; i++) {
    assert_int_equal(SSL_key_update(w.server, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_int_equal(SSL_do_handshake(w.server), 1);
  }
  tls_world_serve(&w, "x", 1);
  tls_world_turn(&w);
  assert_false(w.lower.is_reading);
  assert_true(w.wire.len - w.wire_done > 100000);
  assert_int_equal(w.got.len, 0);
  w.lower.room = SIZE_MAX;
  w.holds_writes = 0;
  tls_world_turn(&w);
  assert_int_equal(w.got.len, 1);
  assert_false(w.server_failed);
  tls_world_deinit(&w);
}

static void renegotiation_by_the_server_is_refused(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = plan_for(TLS1_2_VERSION);
  tls_world_connect(&w, &plan);
  assert_int_equal(SSL_renegotiate(w.server), 1);
  SSL_do_handshake(w.server);
  tls_world_turn(&w);
  assert_int_equal(w.ready, 1);
  assert_int_equal(w.got.len, 0);
  assert_false(w.ended && w.end_err == UV_EOF);
  tls_world_deinit(&w);
}

static void a_write_before_the_handshake_is_refused(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = plan_for(TLS1_3_VERSION);
  tls_world_init(&w, &plan);
  assert_int_equal(tls_world_open(&w, &plan), 0);
  assert_int_equal(tls_world_write(&w, "x", 1), UV_ENOTCONN);
  tls_world_deinit(&w);
}

static void a_lower_that_fails_at_once_is_closed(void **state) {
  (void)state;
  struct tls_world w;
  struct tls_plan plan = plan_for(TLS1_3_VERSION);
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
  struct tls_plan plan = plan_for(TLS1_3_VERSION);
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
  uint8_t *data = pattern(90000);
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
      cmocka_unit_test(many_small_buffers_share_records_and_one_write),
      cmocka_unit_test(a_large_write_leaves_in_few_writes),
      cmocka_unit_test(a_write_takes_no_memory_in_the_steady_state),
      cmocka_unit_test(a_blocked_write_goes_on_when_the_kernel_has_room),
      cmocka_unit_test(a_handshake_whose_writes_block_succeeds),
      cmocka_unit_test(a_write_behind_a_blocked_finished_message_waits_for_it),
      cmocka_unit_test(a_write_that_fails_below_says_so),
      cmocka_unit_test(reading_is_off_until_it_is_started),
      cmocka_unit_test(a_reader_may_stop_after_each_piece_and_start_again),
      cmocka_unit_test(a_start_that_is_taken_back_calls_nobody),
      cmocka_unit_test(an_idle_connection_holds_no_buffers),
      cmocka_unit_test(close_works_from_inside_each_event),
      cmocka_unit_test(close_works_with_a_late_read_due),
      cmocka_unit_test(close_notify_of_the_server_is_an_orderly_end),
      cmocka_unit_test(shutdown_sends_close_notify_and_then_shuts_below),
      cmocka_unit_test(an_end_without_close_notify_is_a_truncation),
      cmocka_unit_test(an_error_below_comes_through_behind_the_data),
      cmocka_unit_test(a_handshake_cut_at_any_byte_fails_once),
      cmocka_unit_test(a_server_that_speaks_something_else_is_told_from_tls),
      cmocka_unit_test(a_broken_record_ends_with_an_alert_to_the_server),
      cmocka_unit_test(key_updates_are_answered),
      cmocka_unit_test(a_flood_of_key_updates_makes_no_flood_of_answers),
      cmocka_unit_test(renegotiation_by_the_server_is_refused),
      cmocka_unit_test(a_write_before_the_handshake_is_refused),
      cmocka_unit_test(a_lower_that_fails_at_once_is_closed),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, make_certs, free_certs);
}
