/* Counters, the Prometheus text, and the trace. */
#include "support/fixture.h"

#include <stdio.h>

static const struct peer_plan echoing = {.echoes = 1};

static uvws_stats_t stats_of(struct fixture *f) {
  uvws_stats_t stats = {.size = sizeof stats};
  assert_int_equal(uvws_stats(f->players[0].ws, &stats), 0);
  return stats;
}

static uvws_stats_t stats_of_context(struct fixture *f) {
  uvws_stats_t stats = {.size = sizeof stats};
  assert_int_equal(uvws_context_stats(f->ctx, &stats), 0);
  return stats;
}

static void wait_for_messages(struct fixture *f, int count) {
  while (f->players[0].messages < count)
    uv_run(&f->loop, UV_RUN_ONCE);
}

static void talk(struct fixture *f) {
  struct player *p = &f->players[0];
  assert_int_equal(player_connect(p, NULL), 0);
  fixture_run_until(f, is_open);
  player_text(p, "hello");
  player_binary(p, "bytes!", 6, NULL, NULL);
  player_ping(p, "p");
  peer_send_frame(fixture_conn(f), 0x89, "q", 1);
  peer_send_frame(fixture_conn(f), 0x8A, "r", 1);
  wait_for_messages(f, 2);
}

static void client_counts_what_it_does(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, &echoing);
  talk(&f);
  uvws_stats_t s = stats_of(&f);
  assert_int_equal(s.connects, 1);
  assert_int_equal(s.opens, 1);
  assert_int_equal(s.open, 1);
  assert_int_equal(s.clients, 1);
  assert_int_equal(s.messages_out, 2);
  assert_int_equal(s.messages_in, 2);
  assert_int_equal(s.pings_out, 1);
  assert_int_equal(s.pings_in, 1);
  assert_int_equal(s.pongs_in, 1);
  assert_int_equal(s.frames_in, 4);
  assert_int_equal(s.failures, 0);
  player_close(&f.players[0], 1000, NULL);
  fixture_run(&f);
  s = stats_of(&f);
  struct peer_conn *conn = fixture_conn(&f);
  assert_int_equal(s.bytes_out, strlen(conn->request) + conn->received);
  assert_int_equal(s.frames_out, conn->frame_count);
  assert_int_equal(s.pongs_out, 1);
  assert_int_equal(s.frames_in, 5);
  assert_int_equal(s.open, 0);
  assert_int_equal(s.bytes_dropped, 0);
  fixture_end(&f);
}

static void context_remembers_clients_that_are_gone(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, &echoing);
  talk(&f);
  assert_int_equal(fixture_player(&f, 1, f.ctx), 0);
  player_connect(&f.players[1], NULL);
  while (!f.players[1].opens)
    uv_run(&f.loop, UV_RUN_ONCE);
  uvws_stats_t s = stats_of_context(&f);
  assert_int_equal(s.clients, 2);
  assert_int_equal(s.open, 2);
  assert_int_equal(s.opens, 2);
  assert_int_equal(s.messages_in, 2);
  player_free(&f.players[0]);
  player_close(&f.players[1], 1000, NULL);
  fixture_run(&f);
  s = stats_of_context(&f);
  assert_int_equal(s.clients, 1);
  assert_int_equal(s.open, 0);
  assert_int_equal(s.opens, 2);
  assert_int_equal(s.messages_in, 2);
  fixture_end(&f);
}

static void counters_go_on_over_connections(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, &echoing);
  talk(&f);
  player_close(&f.players[0], 1000, NULL);
  fixture_run(&f);
  uint64_t bytes_out = stats_of(&f).bytes_out;
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_open);
  player_text(&f.players[0], "more");
  wait_for_messages(&f, 3);
  uvws_stats_t s = stats_of(&f);
  assert_int_equal(s.connects, 2);
  assert_int_equal(s.opens, 2);
  assert_int_equal(s.messages_in, 3);
  assert_true(s.bytes_out > bytes_out);
  player_close(&f.players[0], 1000, NULL);
  fixture_end(&f);
}

static void what_is_never_sent_counts_as_dropped(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  player_text(&f.players[0], "12345");
  uvws_options_t o = {.uri = "ws://127.0.0.1:1/"};
  player_connect(&f.players[0], &o);
  assert_int_equal(stats_of(&f).buffered, 5);
  fixture_run(&f);
  uvws_stats_t s = stats_of(&f);
  assert_int_equal(s.bytes_dropped, 5);
  assert_int_equal(s.buffered, 0);
  assert_int_equal(s.failures, 1);
  assert_int_equal(s.opens, 0);
  fixture_end(&f);
}

static void phases_of_the_handshake_are_clocked(void **state) {
  (void)state;
  static const struct peer_plan silent = {.is_silent = 1};
  struct fixture f;
  fixture_init(&f, &silent);
  player_connect(&f.players[0], NULL);
  fixture_advance(&f, 20);
  fixture_run_until(&f, is_requested);
  fixture_advance(&f, 30);
  player_free(&f.players[0]);
  fixture_run(&f);
  fixture_end(&f);

  fixture_init(&f, NULL);
  player_connect(&f.players[0], NULL);
  fixture_advance(&f, 20);
  fixture_run_until(&f, is_requested);
  fixture_advance(&f, 30);
  fixture_run_until(&f, is_open);
  uvws_stats_t s = stats_of(&f);
  assert_int_equal(s.connect_us, 20000);
  assert_int_equal(s.upgrade_us, 30000);
  assert_int_equal(s.tls_us, 0);
  assert_int_equal(stats_of_context(&f).connect_us, 20000);
  player_close(&f.players[0], 1000, NULL);
  fixture_end(&f);
}

static void compression_is_counted(void **state) {
  (void)state;
  static const struct peer_plan packs = {
      .answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Accept: %A\r\n"
                "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"};
  static char text[4096];
  memset(text, 'x', sizeof text);
  struct fixture f;
  fixture_init(&f, &packs);
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_open);
  player_binary(&f.players[0], text, sizeof text, NULL, NULL);
  static const uint8_t hello[] = {0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00}; /* RFC 7692 7.2.3.1 */
  peer_send_frame(fixture_conn(&f), 0xC1, hello, sizeof hello);
  wait_for_messages(&f, 1);
  uvws_stats_t s = stats_of(&f);
  assert_int_equal(s.plain_bytes_out, sizeof text);
  assert_in_range(s.compressed_bytes_out, 1, 100);
  assert_int_equal(s.compressed_bytes_in, sizeof hello);
  assert_int_equal(s.expanded_bytes_in, 5);
  player_close(&f.players[0], 1000, NULL);
  fixture_end(&f);
}

static void shorter_struct_of_an_older_header_is_filled_as_far_as_it_goes(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  uvws_stats_t stats;
  memset(&stats, 0xAA, sizeof stats);
  stats.size = offsetof(uvws_stats_t, messages_in);
  assert_int_equal(uvws_stats(f.players[0].ws, &stats), 0);
  assert_int_equal(stats.size, offsetof(uvws_stats_t, messages_in));
  assert_int_equal(stats.bytes_in, 0);
  assert_int_equal(stats.messages_in, UINT64_C(0xAAAAAAAAAAAAAAAA));
  stats.size = 0;
  assert_int_equal(uvws_stats(f.players[0].ws, &stats), UV_EINVAL);
  fixture_end(&f);
}

static void prometheus_text_is_whole_or_cut(void **state) {
  (void)state;
  uvws_stats_t stats = {.size = sizeof stats, .bytes_in = 12, .rtt_min_us = 1500000};
  char text[8192];
  size_t len = uvws_stats_prometheus(&stats, "name=\"a\"", text, sizeof text);
  assert_int_equal(len, strlen(text));
  assert_non_null(strstr(text, "# TYPE uvws_bytes_in_total counter\n"
                               "uvws_bytes_in_total{name=\"a\"} 12\n"));
  assert_non_null(strstr(text, "\nuvws_rtt_min_seconds{name=\"a\"} 1.500000\n"));
  assert_int_equal(uvws_stats_prometheus(&stats, "name=\"a\"", NULL, 0), len);
  char cut[100];
  assert_int_equal(uvws_stats_prometheus(&stats, "name=\"a\"", cut, sizeof cut), len);
  assert_memory_equal(cut, text, sizeof cut - 1);
  assert_int_equal(cut[sizeof cut - 1], '\0');
  uvws_stats_prometheus(&stats, NULL, text, sizeof text);
  assert_non_null(strstr(text, "\nuvws_bytes_in_total 12\n"));
  stats.size = offsetof(uvws_stats_t, bytes_out);
  len = uvws_stats_prometheus(&stats, NULL, text, sizeof text);
  assert_null(strstr(text, "bytes_out"));
}

/*
 * Trace
 */

struct log {
  char text[8192];
  int frames_in, frames_out;
};

static void on_trace(uvws_t *ws, const uvws_trace_event_t *event, void *arg) {
  struct log *log = arg;
  size_t used = strlen(log->text);
  assert_non_null(ws);
  assert_null(strchr(event->text, '\n'));
  snprintf(log->text + used, sizeof log->text - used, "%s\n", event->text);
  log->frames_in += event->kind == UVWS_TRACE_FRAME_IN;
  log->frames_out += event->kind == UVWS_TRACE_FRAME_OUT;
}

static void trace_tells_states_heads_and_frames(void **state) {
  (void)state;
  struct fixture f;
  struct log log = {{0}, 0, 0};
  fixture_init(&f, &echoing);
  uvws_context_trace(f.ctx, UVWS_LOG_FRAMES, on_trace, &log);
  talk(&f);
  player_close(&f.players[0], 1000, NULL);
  fixture_run(&f);
  assert_non_null(strstr(log.text, "new -> connecting\n"));
  assert_non_null(strstr(log.text, "upgrading -> open\n"));
  assert_non_null(strstr(log.text, "GET / HTTP/1.1\n"));
  assert_non_null(strstr(log.text, "HTTP/1.1 101\n"));
  assert_non_null(strstr(log.text, "frame out: text, 5 bytes\n"));
  assert_non_null(strstr(log.text, "frame in: binary, 6 bytes\n"));
  assert_int_equal(log.frames_in, 5);
  assert_int_equal(log.frames_out, 5);
  fixture_end(&f);
}

static void trace_hides_what_lets_its_reader_log_in(void **state) {
  (void)state;
  static const struct peer_plan bakes = {
      .answer = "HTTP/1.1 401 No\r\nset-cookie: secret=4\r\nContent-Length: 0\r\n\r\n"};
  struct fixture f;
  struct log log = {{0}, 0, 0};
  uvws_header_t headers[] = {{"AUTHORIZATION", "Bearer secret1"},
                             {"Cookie", "a=secret2"},
                             {"proxy-authorization", "secret3"},
                             {"X-Shown", "shown"}};
  uvws_options_t o = {.headers = headers, .header_count = 4};
  fixture_init(&f, &bakes);
  uvws_context_trace(f.ctx, UVWS_LOG_DEBUG, on_trace, &log);
  assert_int_equal(player_connect(&f.players[0], &o), 0);
  fixture_run(&f);
  assert_null(strstr(log.text, "secret"));
  assert_non_null(strstr(log.text, "AUTHORIZATION: (not shown)\n"));
  assert_non_null(strstr(log.text, "set-cookie: (not shown)\n"));
  assert_non_null(strstr(log.text, "X-Shown: shown\n"));
  assert_non_null(strstr(log.text, "UVWS_EHTTP_STATUS: "));
  fixture_end(&f);
}

static void trace_tells_no_more_than_was_asked(void **state) {
  (void)state;
  struct fixture f;
  struct log log = {{0}, 0, 0};
  fixture_init(&f, &echoing);
  uvws_context_trace(f.ctx, UVWS_LOG_ERROR, on_trace, &log);
  talk(&f);
  assert_string_equal(log.text, "");
  uvws_context_trace(f.ctx, UVWS_LOG_INFO, on_trace, &log);
  player_close(&f.players[0], 1000, NULL);
  fixture_run(&f);
  assert_string_equal(log.text, "open -> closing\nclosing -> draining\ndraining -> cut\n");
  uvws_context_trace(f.ctx, UVWS_LOG_OFF, NULL, NULL);
  fixture_end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(client_counts_what_it_does),
      cmocka_unit_test(context_remembers_clients_that_are_gone),
      cmocka_unit_test(counters_go_on_over_connections),
      cmocka_unit_test(what_is_never_sent_counts_as_dropped),
      cmocka_unit_test(phases_of_the_handshake_are_clocked),
      cmocka_unit_test(compression_is_counted),
      cmocka_unit_test(shorter_struct_of_an_older_header_is_filled_as_far_as_it_goes),
      cmocka_unit_test(prometheus_text_is_whole_or_cut),
      cmocka_unit_test(trace_tells_states_heads_and_frames),
      cmocka_unit_test(trace_hides_what_lets_its_reader_log_in),
      cmocka_unit_test(trace_tells_no_more_than_was_asked),
  };
  return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
