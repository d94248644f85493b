/*
 * Connections that end without manners: streams that stop or break in each state, peers that do not
 * answer, do not read, or read slowly. The clock is the test's.
 */
#include <stdio.h>

#include "conn/conn.h"
#include "io/stream.h"
#include "support/fixture.h"

enum { LARGE = 16 << 20 };

static uint8_t *filled(size_t len) {
  uint8_t *data = malloc(len);
  assert_non_null(data);
  for (size_t i = 0; i < len; i++)
    data[i] = (uint8_t)(i * 31 + (i >> 16));
  return data;
}

static void turn(struct fixture *f) {
  for (int i = 0; i < 4; i++)
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void open_it(struct fixture *f, const struct peer_plan *plan,
                    const uvws_options_t *options) {
  fixture_init(f, plan);
  assert_int_equal(player_connect(&f->players[0], options), 0);
  fixture_run_until(f, is_open);
}

/*
 * Ends
 */

static void refused_port_is_an_error(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  uv_close((uv_handle_t *)&f.peer.listener, NULL);
  turn(&f);
  player_connect(&f.players[0], NULL);
  fixture_run(&f);
  assert_diary(&f, "error(ECONNREFUSED) close(1006) ");
  peer_init(&f.peer, &f.loop, NULL); /* for the end to close */
  fixture_end(&f);
}

static void end_in_the_open_state_is_a_loss(void **state) {
  (void)state;
  struct fixture f;
  open_it(&f, NULL, NULL);
  peer_fin(fixture_conn(&f));
  fixture_end(&f);
  assert_diary(&f, "open error(UVWS_ELOST) close(1006) ");
}

static void reset_in_the_open_state_is_an_error(void **state) {
  (void)state;
  struct fixture f;
  open_it(&f, NULL, NULL);
  turn(&f);
  peer_reset(fixture_conn(&f));
  fixture_end(&f);
  assert_diary(&f, "open error(ECONNRESET) close(1006) ");
}

static void end_inside_a_message_is_a_loss(void **state) {
  (void)state;
  static const uint8_t part[] = {0x01, 2, 'h', 'i', 0x80, 100, 'x'};
  static const struct peer_plan plan = {.bytes = part, .len = sizeof part, .end = PEER_FIN};
  struct fixture f;
  fixture_init(&f, &plan);
  player_connect(&f.players[0], NULL);
  fixture_end(&f);
  assert_diary(&f, "open error(UVWS_ELOST) close(1006) ");
}

static void end_inside_a_header_is_a_loss(void **state) {
  (void)state;
  static const uint8_t part[] = {0x81, 126, 1};
  static const struct peer_plan plan = {.bytes = part, .len = sizeof part, .end = PEER_FIN};
  struct fixture f;
  fixture_init(&f, &plan);
  player_connect(&f.players[0], NULL);
  fixture_end(&f);
  assert_diary(&f, "open error(UVWS_ELOST) close(1006) ");
}

static void end_in_place_of_the_answer_to_our_close_is_a_loss(void **state) {
  (void)state;
  static const struct peer_plan drops = {.manners = PEER_DROPS};
  struct fixture f;
  open_it(&f, &drops, NULL);
  player_close(&f.players[0], 1000, NULL);
  fixture_end(&f);
  assert_diary(&f, "open error(UVWS_ELOST) close(1006) ");
}

static void reset_in_place_of_the_answer_to_our_close_is_an_error(void **state) {
  (void)state;
  static const struct peer_plan resets = {.manners = PEER_RESETS};
  struct fixture f;
  open_it(&f, &resets, NULL);
  turn(&f);
  player_close(&f.players[0], 1000, NULL);
  fixture_end(&f);
  assert_diary(&f, "open error(ECONNRESET) close(1006) ");
}

static void close_then_end_is_clean(void **state) {
  (void)state;
  static const uint8_t close[] = {0x88, 2, 0x03, 0xE8};
  static const struct peer_plan plan = {.bytes = close, .len = sizeof close, .end = PEER_FIN};
  struct fixture f;
  fixture_init(&f, &plan);
  f.peer.plan.manners = PEER_MUTE;
  player_connect(&f.players[0], NULL);
  fixture_end(&f);
  assert_diary(&f, "open close(1000,clean) ");
}

static void close_then_reset_keeps_what_the_close_said(void **state) {
  (void)state;
  static const uint8_t close[] = {0x88, 2, 0x0F, 0xA0};
  static const struct peer_plan plan = {
      .bytes = close, .len = sizeof close, .manners = PEER_RESETS};
  struct fixture f;
  fixture_init(&f, &plan);
  player_connect(&f.players[0], NULL);
  fixture_end(&f);
  assert_int_equal(f.players[0].code, 4000);
  assert_int_equal(f.players[0].errors, 0);
}

static void end_after_both_closes_needs_no_time(void **state) {
  (void)state;
  struct fixture f;
  open_it(&f, NULL, NULL);
  player_close(&f.players[0], 1000, NULL);
  fixture_run(&f); /* the clock stands still */
  assert_diary(&f, "open close(1000,clean) ");
  fixture_end(&f);
}

/* A server says goodbye and is gone while we speak. The first write brings its RST and the second
 * one fails, inside the call, but what it had said before is still there to be read. */
static void close_of_the_peer_is_heard_though_writing_failed(void **state) {
  (void)state;
  static const uint8_t close[] = {0x88, 5, 0x03, 0xE9, 'b', 'y', 'e'};
  struct fixture f;
  uint8_t *data = filled(LARGE);
  open_it(&f, NULL, NULL);
  turn(&f);
  f.is_quiet = 1;
  peer_send(fixture_conn(&f), close, sizeof close);
  peer_drop(fixture_conn(&f));
  player_text(&f.players[0], "crossing");
  uvws__conn_push(f.players[0].ws->conn); /* on loopback the answer is there when this returns */
  assert_true(player_binary(&f.players[0], data, LARGE, NULL, NULL) >= 0);
  assert_int_equal(player_text(&f.players[0], "too late"), UVWS_ENOTOPEN);
  assert_int_equal(player_ping(&f.players[0], "too late"), UVWS_ENOTOPEN);
  free(data);
  fixture_end(&f);
  assert_int_equal(f.players[0].sents, 1);
  assert_diary(&f, "open close(1001,bye) "); /* not clean: our Close never left */
}

static void server_that_is_gone_is_noticed_by_reading(void **state) {
  (void)state;
  struct fixture f;
  uint8_t *data = filled(LARGE);
  open_it(&f, NULL, NULL);
  turn(&f);
  peer_drop(fixture_conn(&f));
  assert_true(player_binary(&f.players[0], data, LARGE, NULL, NULL) >= 0);
  free(data);
  fixture_end(&f);
  struct player *p = &f.players[0];
  assert_int_equal(p->errors, 1);
  assert_true(p->error == UV_ECONNRESET || p->error == UV_EPIPE || p->error == UVWS_ELOST);
}

static void messages_that_wait_are_told_when_the_server_is_gone_at_once(void **state) {
  (void)state;
  static const struct peer_plan silent = {.is_silent = 1};
  struct fixture f;
  uint8_t *data = filled(LARGE);
  char accept[29], answer[256], key[64];
  fixture_init(&f, &silent);
  struct player *p = &f.players[0];
  player_binary(p, data, LARGE, NULL, NULL);
  player_text(p, "never");
  player_connect(p, NULL);
  fixture_run_until(&f, is_requested);
  struct peer_conn *conn = fixture_conn(&f);
  assert_int_equal(sscanf(strstr(conn->request, "Key: "), "Key: %63[^\r]", key), 1);
  peer_accept_value(key, accept);
  snprintf(answer, sizeof answer,
           "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: %s\r\n\r\n",
           accept);
  peer_send(conn, answer, strlen(answer));
  peer_drop(conn);
  free(data);
  fixture_end(&f);
  assert_int_equal(p->opens, 1);
  assert_int_equal(p->errors, 1);
  assert_true(p->error == UV_ECONNRESET || p->error == UV_EPIPE || p->error == UVWS_ELOST);
  assert_int_equal(p->sents, 1);
}

/*
 * Time
 */

/* A TCP connection under way: a dialler that never comes back by itself. */
static uvws__dial_cb stuck_cb;
static void *stuck_arg;

static int dial_stuck(const struct uvws__env *env, uv_loop_t *loop,
                      struct uvws__deadlines *deadlines, const struct uvws__dial_options *options,
                      uvws__dial_cb cb, void *arg, struct uvws__dial **out) {
  (void)env;
  (void)loop;
  (void)deadlines;
  (void)options;
  stuck_cb = cb;
  stuck_arg = arg;
  *out = (struct uvws__dial *)&stuck_cb;
  return 0;
}

static void on_stuck_turn(uv_timer_t *timer) {
  uv_close((uv_handle_t *)timer, NULL);
  stuck_cb(stuck_arg, UV_ECANCELED, NULL, "cancelled");
}

static uv_timer_t stuck_timer;

static void cancel_stuck(struct uvws__dial *dial) {
  (void)dial;
  uv_timer_start(&stuck_timer, on_stuck_turn, 0, 0);
}

static void connect_timeout_fires_to_the_millisecond(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  uv_timer_init(&f.loop, &stuck_timer);
  f.ctx->dial_start = dial_stuck;
  f.ctx->dial_cancel = cancel_stuck;
  player_connect(&f.players[0], &(uvws_options_t){.connect_timeout_ms = 250});
  player_text(&f.players[0], "waits");
  fixture_advance(&f, 249);
  assert_diary(&f, "");
  fixture_advance(&f, 1);
  assert_diary(&f, "error(UVWS_ECONNECT_TIMEOUT) ");
  fixture_end(&f);
  assert_diary(&f, "error(UVWS_ECONNECT_TIMEOUT) sent(ECANCELED) close(1006) ");
}

static void close_timeout_fires_to_the_millisecond(void **state) {
  (void)state;
  static const struct peer_plan mute = {.manners = PEER_MUTE};
  struct fixture f;
  open_it(&f, &mute, NULL);
  player_close(&f.players[0], 1000, NULL);
  turn(&f);
  fixture_advance(&f, 4999);
  assert_diary(&f, "open ");
  fixture_advance(&f, 1);
  fixture_end(&f);
  assert_diary(&f, "open error(UVWS_ECLOSE_TIMEOUT) close(1006) ");
}

static void server_that_never_ends_tcp_is_cut_after_close_timeout(void **state) {
  (void)state;
  static const struct peer_plan stays = {.manners = PEER_ANSWERS_ONLY};
  struct fixture f;
  open_it(&f, &stays, &(uvws_options_t){.close_timeout_ms = 100});
  player_close(&f.players[0], 1000, NULL);
  turn(&f);
  fixture_advance(&f, 99);
  turn(&f);
  assert_diary(&f, "open ");
  fixture_advance(&f, 1);
  fixture_end(&f);
  assert_diary(&f, "open close(1000,clean) ");
}

static void server_that_never_ends_tcp_after_a_breach_is_cut(void **state) {
  (void)state;
  static const uint8_t bad[] = {0x83, 0};
  static const struct peer_plan stays = {
      .bytes = bad, .len = sizeof bad, .is_deaf = 1, .manners = PEER_MUTE};
  struct fixture f;
  fixture_init(&f, &stays);
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_open);
  turn(&f);
  assert_diary(&f, "open error(UVWS_EPROTOCOL) ");
  fixture_advance(&f, 5000);
  fixture_end(&f);
  assert_diary(&f, "open error(UVWS_EPROTOCOL) close(1006) ");
}

static void open_connection_has_no_deadline(void **state) {
  (void)state;
  struct fixture f;
  open_it(&f, NULL, NULL);
  fixture_advance(&f, UINT32_MAX);
  turn(&f);
  assert_diary(&f, "open ");
  player_close(&f.players[0], 1000, NULL);
  fixture_end(&f);
  assert_diary(&f, "open close(1000,clean) ");
}

/*
 * Peers that read slowly, or not
 */

static const struct peer_plan slow = {.is_deaf = 1, .receive_buffer = 16384};

static int is_rested(struct fixture *f) {
  return fixture_conn(f)->budget == 0;
}

static void large_message_reaches_a_peer_that_reads_slowly(void **state) {
  (void)state;
  struct fixture f;
  uint8_t *data = filled(LARGE);
  open_it(&f, &slow, NULL);
  struct peer_conn *conn = fixture_conn(&f);
  assert_int_equal(player_binary(&f.players[0], data, LARGE, NULL, NULL) < 0, 0);
  player_text(&f.players[0], "behind");
  player_close(&f.players[0], 1000, NULL);
  turn(&f);
  assert_true(uvws_buffered(f.players[0].ws) > 0);
  for (int i = 0; i < 40; i++) {
    peer_read(conn, 100000);
    fixture_run_until(&f, is_rested);
  }
  peer_read(conn, SIZE_MAX);
  fixture_run(&f);
  assert_int_equal(conn->frame_count, 3);
  assert_int_equal(conn->frames[0].len, LARGE);
  assert_memory_equal(conn->frames[0].data, data, LARGE);
  assert_string_equal((char *)conn->frames[1].data, "behind");
  free(data);
  fixture_end(&f);
  assert_diary(&f, "open sent(0) close(1000,clean) ");
}

/* The kernel holds little, as towards a distant peer: here it would swallow megabytes at once. */
static void shrink_send_buffer(struct fixture *f) {
  struct uvws__stream *stream = (struct uvws__stream *)f->players[0].ws->conn->transport;
  int size = 16384;
  assert_int_equal(uv_send_buffer_size(&stream->uv.handle, &size), 0);
}

/* 64 KiB in each of 40 steps of 4 seconds. */
static void slow_peer_that_goes_on_reading_is_not_cut_by_close_timeout(void **state) {
  (void)state;
  enum { SOME = 40 * 65536 };
  struct fixture f;
  uint8_t *data = filled(LARGE);
  open_it(&f, &slow, NULL);
  shrink_send_buffer(&f);
  struct peer_conn *conn = fixture_conn(&f);
  player_binary(&f.players[0], data, SOME, NULL, NULL);
  player_close(&f.players[0], 1000, NULL);
  turn(&f);
  while (conn->received < SOME - 65536) {
    peer_read(conn, 65536);
    fixture_run_until(&f, is_rested);
    turn(&f);
    fixture_advance(&f, 4000);
    if (strcmp(f.diary, "open ") != 0) fail_msg("cut after %zu bytes", conn->received);
  }
  peer_read(conn, SIZE_MAX);
  fixture_run(&f);
  free(data);
  fixture_end(&f);
  assert_diary(&f, "open close(1000,clean) ");
}

static void peer_that_stops_reading_is_cut_by_close_timeout(void **state) {
  (void)state;
  struct fixture f;
  uint8_t *data = filled(LARGE);
  open_it(&f, &slow, NULL);
  player_binary(&f.players[0], data, LARGE, NULL, NULL);
  player_text(&f.players[0], "never");
  player_close(&f.players[0], 1000, NULL);
  turn(&f);
  fixture_advance(&f, 5000);
  free(data);
  fixture_end(&f);
  assert_diary(&f, "open error(UVWS_ECLOSE_TIMEOUT) sent(ECANCELED) close(1006) ");
}

static void free_while_a_write_is_stuck_closes(void **state) {
  (void)state;
  struct fixture f;
  uint8_t *data = filled(LARGE);
  open_it(&f, &slow, NULL);
  player_binary(&f.players[0], data, LARGE, NULL, NULL);
  player_text(&f.players[0], "never");
  turn(&f);
  player_free(&f.players[0]);
  free(data);
  fixture_end(&f);
  assert_diary(&f, "open sent(ECANCELED) close(1006) ");
}

static void reset_while_a_write_is_stuck_is_an_error(void **state) {
  (void)state;
  struct fixture f;
  uint8_t *data = filled(LARGE);
  open_it(&f, &slow, NULL);
  player_binary(&f.players[0], data, LARGE, NULL, NULL);
  player_text(&f.players[0], "never");
  turn(&f);
  peer_reset(fixture_conn(&f));
  free(data);
  fixture_end(&f);
  struct player *p = &f.players[0];
  assert_int_equal(p->errors, 1);
  assert_true(p->error == UV_ECONNRESET || p->error == UV_EPIPE || p->error == UVWS_ELOST);
  assert_int_equal(p->code, 1006);
}

static int is_echoed(struct fixture *f) {
  return f->players[0].bytes >= LARGE;
}

static void sixteen_MiB_go_both_ways(void **state) {
  (void)state;
  static const struct peer_plan echoing = {.echoes = 1};
  struct fixture f;
  uint8_t *data = filled(LARGE);
  open_it(&f, &echoing, NULL);
  f.is_quiet = 1;
  player_binary(&f.players[0], data, LARGE, NULL, NULL);
  fixture_run_until(&f, is_echoed);
  player_close(&f.players[0], 1000, NULL);
  fixture_run(&f);
  struct peer_conn *conn = fixture_conn(&f);
  assert_int_equal(f.players[0].last_len, LARGE);
  assert_int_equal(conn->frames[0].len, LARGE);
  assert_memory_equal(conn->frames[0].data, data, LARGE);
  free(data);
  fixture_end(&f);
}

static int is_over_or_open(struct fixture *f) {
  return f->players[0].opens || f->players[0].closes;
}

static void memory_of_a_large_message_is_given_back(void **state) {
  (void)state;
  static const struct peer_plan echoing = {.echoes = 1};
  struct fixture f;
  uint8_t *data = filled(LARGE);
  fixture_init(&f, &echoing);
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_over_or_open);
  f.is_quiet = 1;
  player_binary(&f.players[0], data, LARGE, NULL, NULL);
  fixture_run_until(&f, is_echoed);
  turn(&f);
  assert_true(f.memory.peak > LARGE);
  assert_true(f.memory.bytes < (8u << 20));
  player_close(&f.players[0], 1000, NULL);
  free(data);
  fixture_end(&f);
}

static void on_large_message_echoes(struct player *p, enum event event) {
  static uint8_t back[LARGE];
  if (event == EVENT_MESSAGE) player_binary(p, back, LARGE, NULL, NULL);
}

static int is_answered(struct fixture *f) {
  return fixture_conn(f)->frame_count > 0;
}

static void memory_of_a_large_echo_is_given_back(void **state) {
  (void)state;
  struct fixture f;
  uint8_t *data = filled(LARGE);
  open_it(&f, NULL, NULL);
  f.is_quiet = 1;
  f.hook = on_large_message_echoes;
  peer_send_frame(fixture_conn(&f), 0x82, data, LARGE);
  fixture_run_until(&f, is_answered);
  turn(&f);
  assert_int_equal(fixture_conn(&f)->frames[0].len, LARGE);
  assert_int_equal(uvws_buffered(f.players[0].ws), 0);
  if (f.memory.bytes >= (8u << 20)) fail_msg("%zu bytes are kept", f.memory.bytes);
  player_close(&f.players[0], 1000, NULL);
  free(data);
  fixture_end(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(refused_port_is_an_error),
    cmocka_unit_test(end_in_the_open_state_is_a_loss),
    cmocka_unit_test(reset_in_the_open_state_is_an_error),
    cmocka_unit_test(end_inside_a_message_is_a_loss),
    cmocka_unit_test(end_inside_a_header_is_a_loss),
    cmocka_unit_test(end_in_place_of_the_answer_to_our_close_is_a_loss),
    cmocka_unit_test(reset_in_place_of_the_answer_to_our_close_is_an_error),
    cmocka_unit_test(close_then_end_is_clean),
    cmocka_unit_test(close_then_reset_keeps_what_the_close_said),
    cmocka_unit_test(end_after_both_closes_needs_no_time),
    cmocka_unit_test(close_of_the_peer_is_heard_though_writing_failed),
    cmocka_unit_test(server_that_is_gone_is_noticed_by_reading),
    cmocka_unit_test(messages_that_wait_are_told_when_the_server_is_gone_at_once),
    cmocka_unit_test(connect_timeout_fires_to_the_millisecond),
    cmocka_unit_test(close_timeout_fires_to_the_millisecond),
    cmocka_unit_test(server_that_never_ends_tcp_is_cut_after_close_timeout),
    cmocka_unit_test(server_that_never_ends_tcp_after_a_breach_is_cut),
    cmocka_unit_test(open_connection_has_no_deadline),
    cmocka_unit_test(large_message_reaches_a_peer_that_reads_slowly),
    cmocka_unit_test(slow_peer_that_goes_on_reading_is_not_cut_by_close_timeout),
    cmocka_unit_test(peer_that_stops_reading_is_cut_by_close_timeout),
    cmocka_unit_test(free_while_a_write_is_stuck_closes),
    cmocka_unit_test(reset_while_a_write_is_stuck_is_an_error),
    cmocka_unit_test(sixteen_MiB_go_both_ways),
    cmocka_unit_test(memory_of_a_large_message_is_given_back),
    cmocka_unit_test(memory_of_a_large_echo_is_given_back),
};

int main(void) {
  return cmocka_run_group_tests_name("loss", tests, NULL, NULL);
}
