/* Reconnection: when, how long after, with what, and how it ends. */
#include "support/fixture.h"

#include <stdio.h>

#include "conn/conn.h"

static const uvws_reconnect_t exact = {.size = sizeof exact,
                                       .delay_ms = 1000,
                                       .max_delay_ms = 5000,
                                       .stable_ms = 10000,
                                       .no_jitter = 1};

static int connect_with(struct fixture *f, const uvws_reconnect_t *how) {
  uvws_options_t o = {.reconnect = how};
  return player_connect(&f->players[0], &o);
}

static void open_with(struct fixture *f, const struct peer_plan *plan,
                      const uvws_reconnect_t *how) {
  fixture_init(f, plan);
  assert_int_equal(connect_with(f, how), 0);
  fixture_run_until(f, is_open);
}

static int is_waiting(struct fixture *f) {
  struct uvws__retry *r = f->players[0].ws->retry;
  return r && r->is_waiting;
}

/* The connection at hand is the peer's last. */
static struct peer_conn *last_conn(struct fixture *f) {
  return f->peer.conns[f->peer.conn_count - 1];
}

static void lose(struct fixture *f) {
  peer_reset(last_conn(f));
  fixture_run_until(f, is_waiting);
}

/* The wait passes, and the next attempt opens. */
static void come_back(struct fixture *f) {
  fixture_advance(f, f->players[0].retry_delay_ms);
  fixture_run_until(f, is_open);
}

static void end_politely(struct fixture *f) {
  player_close(&f->players[0], 1000, NULL);
  fixture_end(f);
}

static void turn(struct fixture *f) {
  for (int i = 0; i < 8; i++)
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

/* Ends attempts at once. */
static void refuse_port(struct fixture *f) {
  snprintf(f->uri, sizeof f->uri, "ws://127.0.0.1:1/");
}

/*
 * When
 */

static void lost_connection_is_tried_again(void **state) {
  (void)state;
  struct fixture f;
  open_with(&f, NULL, &exact);
  lose(&f);
  fixture_advance(&f, 999);
  turn(&f);
  assert_int_equal(f.peer.conn_count, 1);
  fixture_advance(&f, 1);
  fixture_run_until(&f, is_open);
  assert_int_equal(f.players[0].ws->counters.reconnects, 1);
  end_politely(&f);
  assert_diary(&f, "open retry(1,ECONNRESET) open close(1000,clean) ");
}

static void wait_keeps_the_loop_alive(void **state) {
  (void)state;
  struct fixture f;
  open_with(&f, NULL, &exact);
  lose(&f);
  turn(&f);
  assert_true(uv_loop_alive(&f.loop));
  player_close(&f.players[0], 1000, NULL);
  fixture_run(&f);
  assert_false(uv_loop_alive(&f.loop));
  fixture_end(&f);
}

static void waits_double_up_to_the_longest(void **state) {
  (void)state;
  static const uint64_t expected[] = {1000, 2000, 4000, 5000, 5000};
  struct fixture f;
  fixture_init(&f, NULL);
  refuse_port(&f);
  assert_int_equal(connect_with(&f, &exact), 0);
  for (int i = 0; i < 5; i++) {
    while (f.players[0].retries <= i)
      uv_run(&f.loop, UV_RUN_ONCE);
    assert_int_equal(f.players[0].retry_delay_ms, expected[i]);
    fixture_advance(&f, expected[i]);
  }
  end_politely(&f);
}

static void jitter_spreads_the_waits(void **state) {
  (void)state;
  uvws_reconnect_t how = exact;
  struct fixture f;
  uint64_t sum = 0, least = UINT64_MAX, most = 0;
  how.no_jitter = 0;
  how.max_delay_ms = 1000;
  fixture_init(&f, NULL);
  f.is_quiet = 1;
  refuse_port(&f);
  assert_int_equal(connect_with(&f, &how), 0);
  for (int i = 0; i < 100; i++) {
    while (f.players[0].retries <= i)
      uv_run(&f.loop, UV_RUN_ONCE);
    uint64_t delay = f.players[0].retry_delay_ms;
    sum += delay;
    least = delay < least ? delay : least;
    most = delay > most ? delay : most;
    f.diary[0] = '\0';
    fixture_advance(&f, delay);
  }
  assert_in_range(sum, 40000, 60000);
  assert_in_range(least, 0, 50);
  assert_in_range(most, 950, 1000);
  end_politely(&f);
}

static void stable_connection_starts_the_count_anew(void **state) {
  (void)state;
  struct fixture f;
  open_with(&f, NULL, &exact);
  lose(&f);
  come_back(&f);
  fixture_advance(&f, 9999);
  lose(&f);
  assert_int_equal(f.players[0].retry_delay_ms, 2000);
  come_back(&f);
  fixture_advance(&f, 10000);
  lose(&f);
  assert_int_equal(f.players[0].retry_delay_ms, 1000);
  come_back(&f);
  end_politely(&f);
}

static void last_attempt_tells_its_error(void **state) {
  (void)state;
  uvws_reconnect_t how = exact;
  struct fixture f;
  how.max_attempts = 2;
  fixture_init(&f, NULL);
  refuse_port(&f);
  assert_int_equal(connect_with(&f, &how), 0);
  for (int i = 1; i <= 2; i++) {
    while (f.players[0].retries < i)
      uv_run(&f.loop, UV_RUN_ONCE);
    fixture_advance(&f, f.players[0].retry_delay_ms);
  }
  fixture_run(&f);
  fixture_end(&f);
  assert_diary(&f, "retry(1,ECONNREFUSED) retry(2,ECONNREFUSED) error(ECONNREFUSED) close(1006) ");
}

/*
 * Whether
 */

static void ends_are_worth_it_or_not(void **state) {
  (void)state;
  static const struct {
    int error, status, code, expected;
  } rows[] = {
      {UV_ECONNREFUSED, 0, 1006, 1},
      {UV_EAI_NONAME, 0, 1006, 1},
      {UV_ENETUNREACH, 0, 1006, 1},
      {UV_ENOMEM, 0, 1006, 1},
      {UVWS_ELOST, 0, 1006, 1},
      {UVWS_EPONG_TIMEOUT, 0, 1006, 1},
      {UVWS_ECONNECT_TIMEOUT, 0, 1006, 1},
      {UVWS_ETLS_TRUNCATED, 0, 1006, 1},
      {UVWS_ECERT, 0, 1006, 0},
      {UVWS_ECERT_EXPIRED, 0, 1006, 0},
      {UVWS_ECERT_NOT_YET_VALID, 0, 1006, 0},
      {UVWS_ECERT_HOSTNAME, 0, 1006, 0},
      {UVWS_ECERT_SELF_SIGNED, 0, 1006, 0},
      {UVWS_ECERT_UNTRUSTED, 0, 1006, 0},
      {UVWS_ECERT_REVOKED, 0, 1006, 0},
      {UVWS_ETLS_VERSION, 0, 1006, 0},
      {UVWS_EHANDSHAKE, 0, 1006, 0},
      {UVWS_EPROTOCOL, 0, 1006, 0},
      {UVWS_EMESSAGE_TOO_BIG, 0, 1006, 0},
      {UVWS_EIDLE_TIMEOUT, 0, 1006, 0},
      {UVWS_EHTTP_STATUS, 301, 1006, 0},
      {UVWS_EHTTP_STATUS, 401, 1006, 0},
      {UVWS_EHTTP_STATUS, 404, 1006, 0},
      {UVWS_EHTTP_STATUS, 408, 1006, 1},
      {UVWS_EHTTP_STATUS, 425, 1006, 1},
      {UVWS_EHTTP_STATUS, 429, 1006, 1},
      {UVWS_EHTTP_STATUS, 500, 1006, 1},
      {UVWS_EHTTP_STATUS, 503, 1006, 1},
      {0, 0, 1000, 0},
      {0, 0, 1001, 1},
      {0, 0, 1002, 0},
      {0, 0, 1003, 0},
      {0, 0, 1005, 0},
      {0, 0, 1006, 1},
      {0, 0, 1007, 0},
      {0, 0, 1008, 0},
      {0, 0, 1009, 0},
      {0, 0, 1010, 0},
      {0, 0, 1011, 1},
      {0, 0, 1012, 1},
      {0, 0, 1013, 1},
      {0, 0, 1014, 1},
      {0, 0, 3000, 0},
      {0, 0, 4000, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    uvws_error_t error = {.code = rows[i].error, .message = "", .status = rows[i].status};
    uvws_close_info_t close = {.code = rows[i].code, .reason = ""};
    uvws_retry_t retry = {
        .size = sizeof retry, .error = rows[i].error ? &error : NULL, .close = &close};
    if (uvws_should_retry(&retry) != rows[i].expected)
      fail_msg("row %zu: %d %d %d", i, rows[i].error, rows[i].status, rows[i].code);
  }
}

static void close_code_of_the_peer_decides(void **state) {
  (void)state;
  static const uint8_t restart[] = {0x03, 0xF4};
  static const uint8_t normal[] = {0x03, 0xE8};
  struct fixture f;
  open_with(&f, NULL, &exact);
  peer_send_frame(last_conn(&f), 0x88, restart, 2);
  peer_fin(last_conn(&f));
  fixture_run_until(&f, is_waiting);
  come_back(&f);
  peer_send_frame(last_conn(&f), 0x88, normal, 2);
  peer_fin(last_conn(&f));
  fixture_end(&f);
  assert_diary(&f, "open retry(1,1012) open close(1000,clean) ");
}

static int judge_verdict, judge_calls;
static int judge(uvws_t *ws, const uvws_retry_t *retry, void *user) {
  assert_non_null(ws);
  assert_non_null(user);
  assert_non_null(retry->close);
  judge_calls++;
  return judge_verdict;
}

static void predicate_of_the_caller_decides(void **state) {
  (void)state;
  static const struct peer_plan refuses = {.answer =
                                               "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"};
  uvws_reconnect_t how = exact;
  struct fixture f;
  how.should_retry = judge;
  judge_verdict = 1;
  judge_calls = 0;
  fixture_init(&f, &refuses);
  assert_int_equal(connect_with(&f, &how), 0);
  fixture_run_until(&f, is_waiting);
  judge_verdict = 0;
  fixture_advance(&f, 1000);
  fixture_end(&f);
  assert_int_equal(judge_calls, 2);
  assert_int_equal(f.players[0].status, 404);
  assert_diary(&f, "retry(1,UVWS_EHTTP_STATUS) error(UVWS_EHTTP_STATUS) close(1006) ");
}

static void server_names_the_time_itself(void **state) {
  (void)state;
  static const struct {
    const char *answer;
    uint64_t delay_ms;
  } rows[] = {
      {"HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", 7000},
      {"HTTP/1.1 429 No\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
       "Retry-After: Sun, 06 Nov 1994 08:50:37 GMT\r\nContent-Length: 0\r\n\r\n",
       60000},
      {"HTTP/1.1 503 No\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n", 1000},
      {"HTTP/1.1 503 No\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n",
       3600000},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct peer_plan plan = {.answer = rows[i].answer};
    struct fixture f;
    fixture_init(&f, &plan);
    assert_int_equal(connect_with(&f, &exact), 0);
    fixture_run_until(&f, is_waiting);
    assert_int_equal(f.players[0].retry_delay_ms, rows[i].delay_ms);
    end_politely(&f);
  }
}

/*
 * The end
 */

static void close_while_waiting_gives_up(void **state) {
  (void)state;
  struct fixture f;
  open_with(&f, NULL, &exact);
  lose(&f);
  assert_int_equal(uvws_state(f.players[0].ws), UVWS_STATE_CONNECTING);
  assert_int_equal(connect_with(&f, &exact), UVWS_EBUSY);
  player_close(&f.players[0], 1000, NULL);
  player_close(&f.players[0], 1000, NULL);
  assert_int_equal(uvws_state(f.players[0].ws), UVWS_STATE_CLOSING);
  assert_int_equal(connect_with(&f, &exact), UVWS_EBUSY);
  fixture_run(&f);
  assert_int_equal(connect_with(&f, NULL), 0);
  fixture_run_until(&f, is_open);
  end_politely(&f);
  assert_diary(&f, "open retry(1,ECONNRESET) close(1006) open close(1000,clean) ");
}

static void free_while_waiting_is_safe(void **state) {
  (void)state;
  struct fixture f;
  open_with(&f, NULL, &exact);
  lose(&f);
  player_free(&f.players[0]);
  fixture_end(&f);
  assert_diary(&f, "open retry(1,ECONNRESET) close(1006) ");
}

static void close_of_the_caller_is_final(void **state) {
  (void)state;
  static const struct peer_plan drops = {.manners = PEER_DROPS};
  struct fixture f;
  open_with(&f, &drops, &exact);
  player_close(&f.players[0], 1000, NULL);
  fixture_end(&f);
  assert_diary(&f, "open error(UVWS_ELOST) close(1006) ");
}

static enum event act_in;
static void close_in(struct player *p, enum event event) {
  if (event == act_in && p->ws) player_close(p, 1000, NULL);
}

static void free_in(struct player *p, enum event event) {
  if (event == act_in && p->ws) player_free(p);
}

static void end_inside_any_callback_is_safe(void **state) {
  (void)state;
  static const enum event events[] = {EVENT_OPEN, EVENT_RETRY, EVENT_SENT, EVENT_ERROR,
                                      EVENT_CLOSE};
  static void (*const hooks[])(struct player *, enum event) = {close_in, free_in};
  for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
    for (size_t j = 0; j < 2; j++) {
      uvws_reconnect_t how = exact;
      struct fixture f;
      how.max_attempts = 1;
      act_in = events[i];
      fixture_init(&f, NULL);
      f.hook = hooks[j];
      assert_int_equal(connect_with(&f, &how), 0);
      player_text(&f.players[0], "x");
      while (!f.players[0].opens)
        uv_run(&f.loop, UV_RUN_ONCE);
      for (int k = 0; k < 2 && f.players[0].ws; k++) {
        peer_reset(last_conn(&f));
        turn(&f);
        if (f.players[0].ws) player_text(&f.players[0], "y");
        fixture_advance(&f, 1000);
        turn(&f);
      }
      fixture_end(&f);
    }
}

static int close_in_judge(uvws_t *ws, const uvws_retry_t *retry, void *user) {
  (void)retry;
  (void)user;
  uvws_close(ws, 1000, NULL, 0);
  return 1;
}

static void close_inside_the_predicate_gives_up(void **state) {
  (void)state;
  uvws_reconnect_t how = exact;
  struct fixture f;
  how.should_retry = close_in_judge;
  open_with(&f, NULL, &how);
  peer_reset(last_conn(&f));
  fixture_end(&f);
  assert_diary(&f, "open error(ECONNRESET) close(1006) ");
}

struct farewell {
  int calls;
};
static void on_all_closed(uvws_context_t *ctx, int cut_count, void *arg) {
  (void)ctx;
  assert_int_equal(cut_count, 0);
  ((struct farewell *)arg)->calls++;
}

static void close_all_ends_the_wait(void **state) {
  (void)state;
  struct fixture f;
  struct farewell farewell = {0};
  open_with(&f, NULL, &exact);
  lose(&f);
  uvws_context_close_all(f.ctx, 1001, NULL, 0, 1000, on_all_closed, &farewell);
  fixture_run(&f);
  assert_int_equal(farewell.calls, 1);
  fixture_end(&f);
  assert_diary(&f, "open retry(1,ECONNRESET) close(1006) ");
}

static void close_all_ends_reconnection(void **state) {
  (void)state;
  static const struct peer_plan drops = {.manners = PEER_DROPS};
  struct fixture f;
  open_with(&f, &drops, &exact);
  uvws_context_close_all(f.ctx, 1001, NULL, 0, 1000, NULL, NULL);
  fixture_end(&f);
  assert_diary(&f, "open error(UVWS_ELOST) close(1006) ");
}

/*
 * The hook
 */

static int hook_answer;
static char hook_uri[64];
static int fresh_token(uvws_t *ws, uvws_options_t *options, uint32_t attempt, void *user) {
  static uvws_header_t header = {"X-Token", NULL};
  static char token[32];
  (void)ws;
  (void)user;
  snprintf(token, sizeof token, "token%u", (unsigned)attempt);
  header.value = token;
  assert_int_equal(options->header_count, 0);
  options->headers = &header;
  options->header_count = 1;
  if (*hook_uri) options->uri = hook_uri;
  return hook_answer;
}

static void hook_changes_uri_and_headers(void **state) {
  (void)state;
  uvws_reconnect_t how = exact;
  struct fixture f;
  how.before_attempt = fresh_token;
  hook_answer = 0;
  open_with(&f, NULL, &how);
  assert_null(strstr(last_conn(&f)->request, "X-Token"));
  snprintf(hook_uri, sizeof hook_uri, "ws://127.0.0.1:%u/other", f.peer.port);
  lose(&f);
  come_back(&f);
  assert_non_null(strstr(last_conn(&f)->request, "GET /other "));
  assert_non_null(strstr(last_conn(&f)->request, "X-Token: token1\r\n"));
  lose(&f);
  come_back(&f);
  assert_non_null(strstr(last_conn(&f)->request, "X-Token: token2\r\n"));
  hook_uri[0] = '\0';
  end_politely(&f);
}

static void hook_gives_up(void **state) {
  (void)state;
  uvws_reconnect_t how = exact;
  struct fixture f;
  how.before_attempt = fresh_token;
  hook_answer = 1;
  open_with(&f, NULL, &how);
  lose(&f);
  fixture_advance(&f, 1000);
  fixture_end(&f);
  hook_answer = 0;
  assert_diary(&f, "open retry(1,ECONNRESET) close(1006) ");
}

static void bad_uri_of_the_hook_ends_it(void **state) {
  (void)state;
  uvws_reconnect_t how = exact;
  struct fixture f;
  how.before_attempt = fresh_token;
  snprintf(hook_uri, sizeof hook_uri, "http://127.0.0.1/");
  open_with(&f, NULL, &how);
  lose(&f);
  fixture_advance(&f, 1000);
  fixture_end(&f);
  hook_uri[0] = '\0';
  assert_diary(&f, "open retry(1,ECONNRESET) error(UVWS_EURI) close(1006) ");
}

/*
 * Messages
 */

static void messages_end_with_their_connection(void **state) {
  (void)state;
  struct fixture f;
  open_with(&f, NULL, &exact);
  lose(&f);
  assert_int_equal(player_text(&f.players[0], "between"), UVWS_ENOTOPEN);
  come_back(&f);
  player_text(&f.players[0], "after");
  player_close(&f.players[0], 1000, NULL);
  fixture_run(&f);
  assert_int_equal(peer_count(last_conn(&f), 1), 1);
  fixture_end(&f);
  assert_diary(&f, "open retry(1,ECONNRESET) open sent(0) close(1000,clean) ");
}

static void assert_frames(const struct peer_conn *conn, const char *expected) {
  char text[512] = "";
  for (size_t i = 0; i < conn->frame_count; i++)
    if (conn->frames[i].opcode == 1)
      snprintf(text + strlen(text), sizeof text - strlen(text), "%s ",
               (const char *)conn->frames[i].data);
  assert_string_equal(text, expected);
}

static void messages_wait_for_the_next_connection(void **state) {
  (void)state;
  uvws_reconnect_t how = exact;
  struct fixture f;
  how.keep_bytes = 1000;
  open_with(&f, NULL, &how);
  player_text(&f.players[0], "first");
  turn(&f);
  lose(&f);
  player_text(&f.players[0], "second");
  player_text(&f.players[0], "third");
  come_back(&f);
  player_text(&f.players[0], "fourth");
  turn(&f);
  player_close(&f.players[0], 1000, NULL);
  fixture_run(&f);
  assert_frames(f.peer.conns[0], "first ");
  assert_frames(f.peer.conns[1], "second third fourth ");
  fixture_end(&f);
  assert_int_equal(f.players[0].sents, 4);
  assert_diary(&f, "open sent(0) retry(1,ECONNRESET) open sent(0) sent(0) sent(0) "
                   "close(1000,clean) ");
}

static void on_big_sent(uvws_t *ws, int status, void *arg) {
  (void)ws;
  *(int *)arg = status;
}

static void unsent_messages_go_again_in_order(void **state) {
  (void)state;
  static const struct peer_plan deaf = {.is_deaf = 1, .receive_buffer = 65536};
  static uint8_t big[16 << 20];
  uvws_reconnect_t how = exact;
  struct fixture f;
  int status = 1;
  how.keep_bytes = 32 << 20;
  open_with(&f, &deaf, &how);
  player_binary(&f.players[0], big, sizeof big, on_big_sent, &status);
  player_text(&f.players[0], "one");
  player_text(&f.players[0], "two");
  turn(&f);
  f.peer.plan.is_deaf = 0;
  peer_reset(last_conn(&f));
  while (!is_waiting(&f)) {
    if (f.players[0].sends == 2) player_text(&f.players[0], "three");
    uv_run(&f.loop, UV_RUN_ONCE);
  }
  player_text(&f.players[0], "four");
  assert_int_equal(status, 1);
  come_back(&f);
  while (f.players[0].sents < 4)
    uv_run(&f.loop, UV_RUN_ONCE);
  assert_int_equal(status, 0);
  player_close(&f.players[0], 1000, NULL);
  fixture_run(&f);
  assert_int_equal(peer_count(last_conn(&f), 2), 1);
  assert_frames(last_conn(&f), "one two three four ");
  fixture_end(&f);
}

static void kept_messages_are_bounded(void **state) {
  (void)state;
  uvws_reconnect_t how = exact;
  struct fixture f;
  how.keep_bytes = 10;
  open_with(&f, NULL, &how);
  lose(&f);
  assert_int_equal(player_text(&f.players[0], "12345"), 0);
  assert_int_equal(player_text(&f.players[0], "123456"), UVWS_EQUEUEFULL);
  assert_int_equal(player_text(&f.players[0], "54321"), 0);
  come_back(&f);
  turn(&f);
  assert_int_equal(player_text(&f.players[0], "1234567890"), 0);
  turn(&f);
  player_close(&f.players[0], 1000, NULL);
  fixture_run(&f);
  assert_frames(last_conn(&f), "12345 54321 1234567890 ");
  fixture_end(&f);
}

static void kept_messages_end_with_the_last_attempt(void **state) {
  (void)state;
  uvws_reconnect_t how = exact;
  struct fixture f;
  how.keep_bytes = 1000;
  open_with(&f, NULL, &how);
  lose(&f);
  player_text(&f.players[0], "never");
  player_close(&f.players[0], 1000, NULL);
  assert_int_equal(player_text(&f.players[0], "late"), UVWS_ENOTOPEN);
  fixture_end(&f);
  assert_diary(&f, "open retry(1,ECONNRESET) sent(ECANCELED) close(1006) ");
}

static void want_of_memory_is_worth_another_attempt(void **state) {
  (void)state;
  uvws_reconnect_t how = exact;
  struct fixture f;
  how.keep_bytes = 1000;
  for (size_t n = 1; n <= 30; n++) {
    fixture_init(&f, NULL);
    assert_int_equal(connect_with(&f, &how), 0);
    fixture_run_until(&f, is_open);
    lose(&f);
    player_text(&f.players[0], "kept");
    f.memory.fail_at = f.memory.asked + n;
    for (int i = 0; i < 20 && !f.players[0].opens_now; i++) {
      fixture_advance(&f, f.players[0].retry_delay_ms);
      turn(&f);
    }
    f.memory.fail_at = 0;
    fixture_run_until(&f, is_open);
    while (f.players[0].sents < 1)
      uv_run(&f.loop, UV_RUN_ONCE);
    end_politely(&f);
  }
}

static void options_of_reconnect_are_judged(void **state) {
  (void)state;
  struct fixture f;
  uvws_reconnect_t none = {0};
  fixture_init(&f, NULL);
  assert_int_equal(connect_with(&f, &none), UV_EINVAL);
  uvws_options_t o = {.uri = "http://x/", .reconnect = &exact};
  assert_int_equal(player_connect(&f.players[0], &o), UVWS_EURI);
  assert_int_equal(uvws_state(f.players[0].ws), UVWS_STATE_CLOSED);
  fixture_end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lost_connection_is_tried_again),
      cmocka_unit_test(wait_keeps_the_loop_alive),
      cmocka_unit_test(waits_double_up_to_the_longest),
      cmocka_unit_test(jitter_spreads_the_waits),
      cmocka_unit_test(stable_connection_starts_the_count_anew),
      cmocka_unit_test(last_attempt_tells_its_error),
      cmocka_unit_test(ends_are_worth_it_or_not),
      cmocka_unit_test(close_code_of_the_peer_decides),
      cmocka_unit_test(predicate_of_the_caller_decides),
      cmocka_unit_test(server_names_the_time_itself),
      cmocka_unit_test(close_while_waiting_gives_up),
      cmocka_unit_test(free_while_waiting_is_safe),
      cmocka_unit_test(close_of_the_caller_is_final),
      cmocka_unit_test(end_inside_any_callback_is_safe),
      cmocka_unit_test(close_inside_the_predicate_gives_up),
      cmocka_unit_test(close_all_ends_the_wait),
      cmocka_unit_test(close_all_ends_reconnection),
      cmocka_unit_test(hook_changes_uri_and_headers),
      cmocka_unit_test(hook_gives_up),
      cmocka_unit_test(bad_uri_of_the_hook_ends_it),
      cmocka_unit_test(messages_end_with_their_connection),
      cmocka_unit_test(messages_wait_for_the_next_connection),
      cmocka_unit_test(unsent_messages_go_again_in_order),
      cmocka_unit_test(kept_messages_are_bounded),
      cmocka_unit_test(kept_messages_end_with_the_last_attempt),
      cmocka_unit_test(want_of_memory_is_worth_another_attempt),
      cmocka_unit_test(options_of_reconnect_are_judged),
  };
  return cmocka_run_group_tests_name("reconnect", tests, NULL, NULL);
}
