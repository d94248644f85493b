/*
 * Servers that do not shake hands as RFC 6455 4 asks, each giving the documented error once, then
 * on_close 1006, whole and byte by byte; and what may come glued to a good answer.
 */
#include "support/fixture.h"

#define OK "HTTP/1.1 101 Switching Protocols\r\n"
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECTION "Connection: Upgrade\r\n"
#define ACCEPT "Sec-WebSocket-Accept: %A\r\n"
#define END "\r\n"

struct row {
  const char *name;
  const char *answer;
  int error; /* 0: it opens */
  int status;
  enum peer_end end;
  const char *body;    /* NULL: none */
  const char *message; /* a part of what a person reads; NULL: not looked at */
  size_t pad;          /* for %X; such rows are not sent byte by byte */
  int speaks_first;
};

#define HANDSHAKE UVWS_EHANDSHAKE, 101
#define FIELD_100 "a: b\r\na: b\r\na: b\r\na: b\r\na: b\r\na: b\r\na: b\r\na: b\r\na: b\r\na: b\r\n"
#define FIELDS_50 FIELD_100 FIELD_100 FIELD_100 FIELD_100 FIELD_100
#define FIELDS_600                                                                                 \
  FIELDS_50 FIELDS_50 FIELDS_50 FIELDS_50 FIELDS_50 FIELDS_50 FIELDS_50 FIELDS_50 FIELDS_50        \
      FIELDS_50 FIELDS_50 FIELDS_50

static const struct row rows[] = {
    {"good_answer_opens", OK UPGRADE CONNECTION ACCEPT END, 0},
    {"good_answer_in_other_case_opens",
     OK
     "UPGRADE: WebSocket\r\nconnection: keep-alive, UPGRADE\r\nsec-websocket-accept:%A  \r\n" END,
     0},
    {"interim_103_before_101_opens",
     "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" OK UPGRADE CONNECTION ACCEPT END, 0},
    {"interim_100_and_102_before_101_open",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" OK UPGRADE CONNECTION ACCEPT
         END,
     0},

    {"accept_of_another_key_fails",
     OK UPGRADE CONNECTION "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" END, HANDSHAKE},
    {"accept_in_wrong_case_fails",
     OK UPGRADE CONNECTION "Sec-WebSocket-Accept: S3PPLMBITXAQ9KYGZZHZRBK+XOO=\r\n" END, HANDSHAKE},
    {"missing_accept_fails", OK UPGRADE CONNECTION END, HANDSHAKE},
    {"empty_accept_fails", OK UPGRADE CONNECTION "Sec-WebSocket-Accept:\r\n" END, HANDSHAKE},
    {"accept_twice_fails", OK UPGRADE CONNECTION ACCEPT ACCEPT END, HANDSHAKE},
    {"accept_with_a_tail_fails", OK UPGRADE CONNECTION "Sec-WebSocket-Accept: %Ax\r\n" END,
     HANDSHAKE},
    {"missing_upgrade_fails", OK CONNECTION ACCEPT END, HANDSHAKE},
    {"upgrade_to_something_else_fails", OK "Upgrade: h2c\r\n" CONNECTION ACCEPT END, HANDSHAKE},
    {"upgrade_that_only_begins_so_fails", OK "Upgrade: websocket2\r\n" CONNECTION ACCEPT END,
     HANDSHAKE},
    {"missing_connection_fails", OK UPGRADE ACCEPT END, HANDSHAKE},
    {"connection_close_fails", OK UPGRADE "Connection: close\r\n" ACCEPT END, HANDSHAKE},
    {"connection_that_only_contains_it_fails", OK UPGRADE "Connection: notupgrade\r\n" ACCEPT END,
     HANDSHAKE},
    {"extension_that_was_not_offered_fails",
     OK UPGRADE CONNECTION ACCEPT "Sec-WebSocket-Extensions: x-unheard-of\r\n" END, HANDSHAKE},
    {"subprotocol_that_was_not_offered_fails",
     OK UPGRADE CONNECTION ACCEPT "Sec-WebSocket-Protocol: smtp\r\n" END, HANDSHAKE},
    {"subprotocol_in_other_case_fails",
     OK UPGRADE CONNECTION ACCEPT "Sec-WebSocket-Protocol: CHAT\r\n" END, HANDSHAKE},
    {"two_subprotocols_fail",
     OK UPGRADE CONNECTION ACCEPT "Sec-WebSocket-Protocol: chat, superchat\r\n" END, HANDSHAKE},
    {"subprotocol_twice_fails",
     OK UPGRADE CONNECTION ACCEPT
     "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n" END,
     HANDSHAKE},
    {"answer_that_did_not_wait_for_the_key_fails", OK UPGRADE CONNECTION ACCEPT END, HANDSHAKE,
     .speaks_first = 1},

    {"status_200_is_a_refusal", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
     UVWS_EHTTP_STATUS, 200, .body = "hello"},
    {"status_404_brings_its_body", "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot here\n",
     UVWS_EHTTP_STATUS, 404, .body = "not here\n", .message = "404"},
    {"status_404_brings_a_chunked_body",
     "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnot "
     "\r\n4\r\nhere\r\n0\r\n\r\n",
     UVWS_EHTTP_STATUS, 404, .body = "not here"},
    {"status_404_brings_a_body_up_to_the_end", "HTTP/1.1 404 Not Found\r\n\r\nnot here",
     UVWS_EHTTP_STATUS, 404, .end = PEER_FIN, .body = "not here"},
    {"status_401_is_a_refusal",
     "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: "
     "0\r\n\r\n",
     UVWS_EHTTP_STATUS, 401},
    {"status_302_is_a_refusal",
     "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
     UVWS_EHTTP_STATUS, 302},
    {"status_503_is_a_refusal", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
     UVWS_EHTTP_STATUS, 503},
    {"status_204_is_a_refusal", "HTTP/1.1 204 No Content\r\n\r\n", UVWS_EHTTP_STATUS, 204},
    {"body_of_a_refusal_is_cut_at_64_KiB", "HTTP/1.1 404 Not Found\r\n\r\n%X", UVWS_EHTTP_STATUS,
     404, .pad = 100000},

    {"header_of_70_KiB_is_too_large", OK "X: %X\r\n" UPGRADE CONNECTION ACCEPT END,
     UVWS_EHEAD_TOO_LARGE, 101, .pad = 70 * 1024},
    {"reason_of_70_KiB_is_too_large", "HTTP/1.1 101 %X\r\n" UPGRADE CONNECTION ACCEPT END,
     UVWS_EHEAD_TOO_LARGE, 0, .pad = 70 * 1024},
    {"fields_by_the_hundred_are_too_many", OK FIELDS_600 UPGRADE CONNECTION ACCEPT END,
     UVWS_EHEAD_TOO_LARGE, 101},

    {"garbage_is_not_http", "\x01\x02\x03\x04garbage\r\n\r\n", UVWS_EHTTP, 0},
    {"ssh_banner_is_not_http", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", UVWS_EHTTP, 0,
     .message = "SSH-2.0", .speaks_first = 1},
    {"smtp_banner_is_not_http", "220 mail.example.org ESMTP\r\n", UVWS_EHTTP, 0, .speaks_first = 1},
    {"tls_alert_is_not_http", "\x15\x03\x01\x02\x02\x46", UVWS_EHTTP, 0, .message = "TLS"},
    {"http_1_0_is_refused", "HTTP/1.0 101 Switching Protocols\r\n" UPGRADE CONNECTION ACCEPT END,
     UVWS_EHTTP, 0},
    {"http_2_is_refused", "HTTP/2 101 Switching Protocols\r\n" UPGRADE CONNECTION ACCEPT END,
     UVWS_EHTTP, 0},
    {"status_of_four_digits_is_refused", "HTTP/1.1 1010 X\r\n" UPGRADE CONNECTION ACCEPT END,
     UVWS_EHTTP, 0},
    {"bare_line_feeds_are_refused", "HTTP/1.1 101 X\nUpgrade: websocket\n\n", UVWS_EHTTP, 0},
    {"folded_line_is_refused", OK "Upgrade:\r\n websocket\r\n" CONNECTION ACCEPT END, UVWS_EHTTP,
     101},
    {"space_before_the_colon_is_refused", OK "Upgrade : websocket\r\n" CONNECTION ACCEPT END,
     UVWS_EHTTP, 101},
    {"line_without_a_colon_is_refused", OK "nonsense\r\n" END, UVWS_EHTTP, 101},

    {"end_without_an_answer_fails", "", UVWS_EHTTP, 0, .end = PEER_FIN},
    {"end_in_the_status_line_fails", "HTTP/1.1 10", UVWS_EHTTP, 0, .end = PEER_FIN},
    {"end_in_a_field_fails", OK "Upgrade: web", UVWS_EHTTP, 101, .end = PEER_FIN},
    {"end_before_the_blank_line_fails", OK UPGRADE CONNECTION ACCEPT, UVWS_EHTTP, 101,
     .end = PEER_FIN},
    {"end_in_the_body_fails", "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot", UVWS_EHTTP,
     404, .end = PEER_FIN, .body = "not"},
    {"reset_without_an_answer_fails", "", UV_ECONNRESET, 0, .end = PEER_RESET},
};

static const char *const offered[] = {"chat", "superchat"};

static void check(const struct fixture *f, const struct row *row) {
  const struct player *p = &f->players[0];
  assert_int_equal(p->error, row->error);
  assert_int_equal(p->errors, 1);
  assert_int_equal(p->opens, 0);
  assert_int_equal(p->code, 1006);
  assert_int_equal(p->status, row->status);
  if (row->message && !strstr(p->error_message, row->message))
    fail_msg("\"%s\" does not say \"%s\"", p->error_message, row->message);
  assert_string_equal(p->reason, p->error_message);
  if (row->body) assert_string_equal(p->body, row->body);
  if (row->body) assert_int_equal(p->body_len, strlen(row->body));
}

static void run_row(const struct row *row, enum peer_pace pace) {
  struct peer_plan plan = {.answer = row->answer,
                           .answer_pad = row->pad,
                           .end = row->end,
                           .pace = pace,
                           .speaks_first = row->speaks_first};
  struct fixture f;
  fixture_init(&f, &plan);
  struct player *p = &f.players[0];
  assert_int_equal(player_connect(p, &(uvws_options_t){.protocols = offered, .protocol_count = 2}),
                   0);
  if (row->error == 0) {
    fixture_run_until(&f, is_open);
    player_close(p, 1000, NULL);
  }
  fixture_run(&f);
  if (row->error) check(&f, row);
  fixture_end(&f);
  if (row->error == 0) assert_diary(&f, "open close(1000,clean) ");
}

static void answer_gives(void **state) {
  const struct row *row = *state;
  run_row(row, PEER_WHOLE);
  if (!row->pad && strlen(row->answer) < 1000) run_row(row, PEER_BYTES);
}

/*
 * Time
 */

static void turn(struct fixture *f) {
  for (int i = 0; i < 4; i++)
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void answer_of_one_byte_per_second_times_out(void **state) {
  (void)state;
  static const struct peer_plan silent = {.is_silent = 1};
  static const char answer[] = OK UPGRADE CONNECTION;
  struct fixture f;
  fixture_init(&f, &silent);
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_requested);
  for (int i = 0; i < 9; i++) {
    peer_send(fixture_conn(&f), answer + i, 1);
    turn(&f);
    fixture_advance(&f, 1000);
  }
  fixture_advance(&f, 999);
  assert_diary(&f, "");
  fixture_advance(&f, 1);
  assert_diary(&f, "error(UVWS_EHANDSHAKE_TIMEOUT) ");
  fixture_end(&f);
  assert_diary(&f, "error(UVWS_EHANDSHAKE_TIMEOUT) close(1006) ");
}

/* Not a row of the table: libuv tells a reset that comes in one turn with data as an orderly end.
 */
static void reset_in_a_field_fails(void **state) {
  (void)state;
  static const struct peer_plan stays = {.answer = OK "Upgrade: web"};
  struct fixture f;
  fixture_init(&f, &stays);
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_requested);
  turn(&f);
  peer_reset(fixture_conn(&f));
  fixture_end(&f);
  assert_diary(&f, "error(ECONNRESET) close(1006) ");
}

static void refusal_whose_body_never_ends_times_out_with_its_status(void **state) {
  (void)state;
  static const struct peer_plan endless = {
      .answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nwait"};
  struct fixture f;
  fixture_init(&f, &endless);
  player_connect(&f.players[0], &(uvws_options_t){.handshake_timeout_ms = 300});
  fixture_run_until(&f, is_requested);
  turn(&f);
  fixture_advance(&f, 300);
  fixture_end(&f);
  assert_int_equal(f.players[0].error, UVWS_EHANDSHAKE_TIMEOUT);
  assert_int_equal(f.players[0].status, 403);
}

static void timeout_of_the_handshake_can_be_turned_off(void **state) {
  (void)state;
  static const struct peer_plan silent = {.is_silent = 1};
  struct fixture f;
  fixture_init(&f, &silent);
  player_connect(&f.players[0], &(uvws_options_t){.handshake_timeout_ms = UVWS_NO_TIMEOUT,
                                                  .connect_timeout_ms = UVWS_NO_TIMEOUT});
  fixture_run_until(&f, is_requested);
  fixture_advance(&f, UINT32_MAX);
  assert_diary(&f, "");
  player_free(&f.players[0]);
  fixture_end(&f);
  assert_diary(&f, "close(1006) ");
}

/*
 * Limits, refusals
 */

static void max_head_size_is_a_limit_to_the_byte(void **state) {
  (void)state;
  static const char answer[] = OK UPGRADE CONNECTION ACCEPT END;
  const size_t size = sizeof answer - 1 - 2 + 28; /* with the value in place of %A */
  static const char *const diaries[] = {"error(UVWS_EHEAD_TOO_LARGE) close(1006) ",
                                        "open close(1000,clean) "};
  for (size_t i = 0; i < 2; i++) {
    struct fixture f;
    fixture_init(&f, NULL);
    player_connect(&f.players[0], &(uvws_options_t){.max_head_size = size - 1 + i});
    f.peer.plan.answer = answer;
    while (!f.players[0].opens && !f.players[0].errors)
      uv_run(&f.loop, UV_RUN_ONCE);
    player_close(&f.players[0], 1000, NULL);
    fixture_end(&f);
    assert_diary(&f, diaries[i]);
  }
}

static int fields_seen;

static void on_refusal(uvws_t *ws, const uvws_error_t *error, void *user) {
  (void)ws;
  (void)user;
  assert_int_equal(error->status, 401);
  assert_int_equal(error->header_count, 3);
  assert_string_equal(error->headers[0].name, "WWW-Authenticate");
  assert_string_equal(error->headers[0].value, "Basic realm=\"x\"");
  assert_string_equal(error->headers[1].name, "X-Empty");
  assert_string_equal(error->headers[1].value, "");
  assert_int_equal(error->body_len, 2);
  assert_memory_equal(error->body, "no", 2);
  fields_seen++;
}

static void refusal_brings_its_fields_in_order(void **state) {
  (void)state;
  static const struct peer_plan refuses = {.answer = "HTTP/1.1 401 Unauthorized\r\n"
                                                     "WWW-Authenticate: Basic realm=\"x\"\r\n"
                                                     "X-Empty:\r\n"
                                                     "Content-Length: 2\r\n\r\nno"};
  struct fixture f;
  uvws_callbacks_t callbacks = {.size = sizeof callbacks, .on_error = on_refusal};
  fixture_init(&f, &refuses);
  player_silence(&f.players[0]);
  uvws_set_callbacks(f.players[0].ws, &callbacks);
  fields_seen = 0;
  player_connect(&f.players[0], NULL);
  fixture_end(&f);
  assert_int_equal(fields_seen, 1);
}

static void refusal_keeps_64_KiB_of_body(void **state) {
  (void)state;
  static const struct peer_plan refuses = {.answer = "HTTP/1.1 404 Not Found\r\n\r\n%X",
                                           .answer_pad = 65536 + 10};
  struct fixture f;
  fixture_init(&f, &refuses);
  player_connect(&f.players[0], NULL);
  fixture_end(&f);
  assert_int_equal(f.players[0].body_len, 65536);
}

/*
 * Glued to the 101
 */

static void frames_glued_to_the_answer_come_behind_on_open(void **state) {
  (void)state;
  static const uint8_t bytes[] = {0x81, 1, 'a',  0x82, 1,   'b',  0x01, 1,  'c',
                                  0x89, 0, 0x80, 1,    'd', 0x8A, 1,    'e'};
  static const struct {
    size_t len;
    const char *diary;
  } steps[] = {
      {0, "open "},
      {3, "open text(a) "},
      {6, "open text(a) binary(b) "},
      {9, "open text(a) binary(b) "},
      {11, "open text(a) binary(b) ping() "},
      {14, "open text(a) binary(b) ping() text(cd) "},
      {17, "open text(a) binary(b) ping() text(cd) pong(e) "},
  };
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    struct peer_plan plan = {.bytes = bytes, .len = steps[i].len, .pace = PEER_GLUED};
    struct fixture f;
    fixture_init(&f, &plan);
    player_connect(&f.players[0], NULL);
    fixture_run_until(&f, is_open);
    assert_diary(&f, steps[i].diary);
    player_free(&f.players[0]);
    fixture_end(&f);
  }
}

static void close_glued_to_the_answer_is_answered(void **state) {
  (void)state;
  static const uint8_t close[] = {0x88, 5, 0x03, 0xE9, 'b', 'y', 'e'};
  static const struct peer_plan plan = {
      .bytes = close, .len = sizeof close, .pace = PEER_GLUED, .manners = PEER_DROPS};
  struct fixture f;
  fixture_init(&f, &plan);
  player_connect(&f.players[0], NULL);
  fixture_run(&f);
  assert_int_equal(peer_close_code(fixture_conn(&f)), 1001);
  fixture_end(&f);
  assert_diary(&f, "open close(1001,bye,clean) ");
}

static void end_glued_to_the_answer_is_a_loss(void **state) {
  (void)state;
  static const struct peer_plan plan = {.pace = PEER_GLUED, .end = PEER_FIN};
  struct fixture f;
  fixture_init(&f, &plan);
  player_connect(&f.players[0], NULL);
  fixture_end(&f);
  assert_diary(&f, "open error(UVWS_ELOST) close(1006) ");
}

static const struct CMUnitTest single_tests[] = {
    cmocka_unit_test(answer_of_one_byte_per_second_times_out),
    cmocka_unit_test(reset_in_a_field_fails),
    cmocka_unit_test(refusal_whose_body_never_ends_times_out_with_its_status),
    cmocka_unit_test(timeout_of_the_handshake_can_be_turned_off),
    cmocka_unit_test(max_head_size_is_a_limit_to_the_byte),
    cmocka_unit_test(refusal_brings_its_fields_in_order),
    cmocka_unit_test(refusal_keeps_64_KiB_of_body),
    cmocka_unit_test(frames_glued_to_the_answer_come_behind_on_open),
    cmocka_unit_test(close_glued_to_the_answer_is_answered),
    cmocka_unit_test(end_glued_to_the_answer_is_a_loss),
};

#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])

int main(void) {
  struct CMUnitTest tests[COUNT_OF(single_tests) + COUNT_OF(rows)];
  size_t count = 0;
  for (; count < COUNT_OF(single_tests); count++)
    tests[count] = single_tests[count];
  for (size_t i = 0; i < COUNT_OF(rows); i++)
    tests[count++] = ROW(rows[i].name, answer_gives, &rows[i]);
  return _cmocka_run_group_tests("bad_handshake", tests, count, NULL, NULL);
}
