/*
 * The callback law at the top of include/uvws.h, rule by rule. What holds for every callback and
 * every call is checked by the fixture: nothing fires inside a call, at most one on_open and one
 * on_error, one on_close for each uvws_connect that returned 0 and nothing behind it, completions
 * once and in order.
 */
#include "support/fixture.h"

#include <stdio.h>

static const struct peer_plan echoing = {.echoes = 1};
static const struct peer_plan silent = {.is_silent = 1};

/* The server says "hi", a Ping and a Pong as soon as it can. */
static const uint8_t greeting[] = {0x81, 2, 'h', 'i', 0x89, 1, 'p', 0x8A, 1, 'q'};
static const struct peer_plan greets = {
    .bytes = greeting, .len = sizeof greeting, .pace = PEER_GLUED};
/* The server breaks a rule behind its greeting. */
static const uint8_t bad_greeting[] = {0x81, 2, 'h', 'i', 0x83, 0};
static const struct peer_plan greets_badly = {
    .bytes = bad_greeting, .len = sizeof bad_greeting, .pace = PEER_GLUED};

/*
 * Rule 1: an error means that nothing fires
 */

static void bad_options_fire_no_callback(void **state) {
  (void)state;
  static const uvws_options_t bad[] = {
      {.uri = "http://127.0.0.1/"},   {.uri = "ws://"},     {.uri = "ws://127.0.0.1/#fragment"},
      {.tls = (uvws_tls_version_t)7}, {.origin = "a\r\nb"}, {.header_count = 1},
      {.protocol_count = 1},
  };
  struct fixture f;
  fixture_init(&f, NULL);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    assert_true(player_connect(&f.players[0], &bad[i]) < 0);
    assert_string_not_equal(uvws_last_error(f.players[0].ws), "");
    assert_int_equal(uvws_state(f.players[0].ws), UVWS_STATE_CLOSED);
  }
  fixture_run(&f);
  assert_diary(&f, "");
  fixture_end(&f);
}

static void connect_without_options_is_refused(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  assert_int_equal(uvws_connect(f.players[0].ws, NULL), UV_EINVAL);
  assert_int_equal(uvws_connect(f.players[0].ws, &(uvws_options_t){.uri = f.uri}), UV_EINVAL);
  assert_int_equal(uvws_connect(f.players[0].ws, &(uvws_options_t){.size = sizeof(uvws_options_t)}),
                   UVWS_EURI);
  fixture_end(&f);
}

static void option_that_this_version_does_not_know_is_refused(void **state) {
  (void)state;
  struct fixture f;
  struct {
    uvws_options_t known;
    int newer;
  } o = {{.size = sizeof o}, 0};
  fixture_init(&f, NULL);
  o.known.uri = f.uri;
  o.newer = 1;
  assert_int_equal(uvws_connect(f.players[0].ws, &o.known), UVWS_EOPTION);
  o.newer = 0;
  assert_int_equal(uvws_connect(f.players[0].ws, &o.known), 0);
  f.players[0].connects++;
  fixture_run_until(&f, is_open);
  player_close(&f.players[0], 1000, NULL);
  fixture_end(&f);
  assert_diary(&f, "open close(1000,clean) ");
}

static void options_of_an_older_header_are_taken(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  uvws_options_t o = {.size = offsetof(uvws_options_t, port), .uri = f.uri, .port = 1};
  assert_int_equal(uvws_connect(f.players[0].ws, &o), 0);
  f.players[0].connects++;
  fixture_run_until(&f, is_open);
  player_close(&f.players[0], 1000, NULL);
  fixture_end(&f);
  assert_diary(&f, "open close(1000,clean) ");
}

static void second_connect_is_busy(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  assert_int_equal(player_connect(&f.players[0], NULL), 0);
  assert_int_equal(player_connect(&f.players[0], NULL), UVWS_EBUSY);
  fixture_run_until(&f, is_open);
  assert_int_equal(player_connect(&f.players[0], NULL), UVWS_EBUSY);
  player_close(&f.players[0], 1000, NULL);
  assert_int_equal(player_connect(&f.players[0], NULL), UVWS_EBUSY);
  fixture_end(&f);
  assert_diary(&f, "open close(1000,clean) ");
}

static void send_that_fails_fires_no_completion(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  struct player *p = &f.players[0];
  assert_int_equal(player_connect(p, NULL), 0);
  fixture_run_until(&f, is_open);
  assert_int_equal(player_binary(p, NULL, 1, NULL, NULL), UV_EINVAL);
  player_close(p, 1000, NULL);
  assert_int_equal(player_text(p, "late"), UVWS_ENOTOPEN);
  assert_int_equal(player_ping(p, "late"), UVWS_ENOTOPEN);
  fixture_run(&f);
  assert_int_equal(player_text(p, "later"), UVWS_ENOTOPEN);
  assert_int_equal(player_ping(p, "later"), UVWS_ENOTOPEN);
  fixture_end(&f);
  assert_diary(&f, "open close(1000,clean) ");
}

static void ping_is_refused_until_open_and_when_long(void **state) {
  (void)state;
  struct fixture f;
  char text[127];
  memset(text, 'x', 126);
  text[126] = '\0';
  fixture_init(&f, NULL);
  struct player *p = &f.players[0];
  assert_int_equal(player_ping(p, "x"), UVWS_ENOTOPEN);
  player_connect(p, NULL);
  assert_int_equal(player_ping(p, "x"), UVWS_ENOTOPEN);
  fixture_run_until(&f, is_open);
  assert_int_equal(player_ping(p, text), UV_EINVAL);
  assert_int_equal(player_ping(p, text + 1), 0);
  player_close(p, 1000, NULL);
  fixture_end(&f);
}

static void close_with_a_bad_code_or_reason_does_nothing(void **state) {
  (void)state;
  static const int bad[] = {1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, -1, 65536 + 1000};
  struct fixture f;
  char reason[125];
  memset(reason, 'x', 124);
  reason[124] = '\0';
  fixture_init(&f, NULL);
  struct player *p = &f.players[0];
  player_connect(p, NULL);
  fixture_run_until(&f, is_open);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_int_equal(player_close(p, bad[i], NULL), UVWS_ECLOSECODE);
  assert_int_equal(player_close(p, 1000, reason), UVWS_ECLOSECODE);
  assert_int_equal(player_close(p, 0, "why"), UVWS_ECLOSECODE);
  assert_int_equal(player_close(p, 1000, "\xff"), UVWS_ECLOSECODE);
  assert_int_equal(uvws_state(p->ws), UVWS_STATE_OPEN);
  assert_int_equal(player_close(p, 1000, reason + 1), 0);
  fixture_end(&f);
  assert_diary(&f, "open close(1000,clean) ");
}

/*
 * Rules 2 and 3: what is promised fires, once
 */

static void conversation_fires_each_callback_once(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, &greets);
  struct player *p = &f.players[0];
  assert_int_equal(player_connect(p, NULL), 0);
  assert_int_equal(uvws_state(p->ws), UVWS_STATE_CONNECTING);
  fixture_run_until(&f, is_open);
  assert_int_equal(player_text(p, "a"), 0);
  assert_int_equal(player_close(p, 3000, "why"), 0);
  assert_int_equal(uvws_state(p->ws), UVWS_STATE_CLOSING);
  fixture_run(&f);
  assert_int_equal(p->opens, 1);
  assert_int_equal(p->messages, 1);
  assert_int_equal(p->pings, 1);
  assert_int_equal(p->pongs, 1);
  assert_int_equal(p->sents, 1);
  assert_int_equal(p->closes, 1);
  assert_int_equal(p->errors, 0);
  fixture_end(&f);
}

static void completions_fire_in_order_with_0(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  struct player *p = &f.players[0];
  player_connect(p, NULL);
  fixture_run_until(&f, is_open);
  for (int i = 0; i < 20; i++)
    assert_int_equal(player_text(p, "x"), 0);
  assert_int_equal(p->sents, 0);
  player_close(p, 1000, NULL);
  f.is_quiet = 1;
  fixture_end(&f);
  assert_int_equal(p->sents, 20);
}

static void messages_queued_before_connect_leave_in_order(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, &echoing);
  struct player *p = &f.players[0];
  assert_int_equal(player_text(p, "one"), 0);
  assert_int_equal(player_text(p, "two"), 0);
  assert_int_equal(uvws_buffered(p->ws), 6);
  assert_int_equal(player_connect(p, NULL), 0);
  assert_int_equal(player_text(p, "three"), 0);
  assert_int_equal(uvws_buffered(p->ws), 11);
  fixture_run_until(&f, is_open);
  assert_int_equal(player_text(p, "four"), 0);
  assert_int_equal(player_close(p, 1000, NULL), 0);
  fixture_end(&f);
  const char *expected = "open sent(0) sent(0) sent(0) sent(0) text(one) text(two) text(three) "
                         "text(four) close(1000,clean) ";
  assert_diary(&f, expected);
}

static void buffered_counts_what_the_kernel_has_not_taken(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  struct player *p = &f.players[0];
  player_connect(p, NULL);
  fixture_run_until(&f, is_open);
  assert_int_equal(uvws_buffered(p->ws), 0);
  player_text(p, "12345");
  assert_int_equal(uvws_buffered(p->ws), 5 + 6); /* with header and key */
  uv_run(&f.loop, UV_RUN_NOWAIT);
  assert_int_equal(uvws_buffered(p->ws), 0);
  player_close(p, 1000, NULL);
  fixture_end(&f);
}

static void messages_that_fill_max_buffered_before_open_leave(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, &echoing);
  struct player *p = &f.players[0];
  player_connect(p, &(uvws_options_t){.max_buffered = 10});
  assert_int_equal(player_text(p, "12345"), 0);
  assert_int_equal(player_text(p, "67890"), 0);
  assert_int_equal(player_text(p, "x"), UVWS_EQUEUEFULL);
  fixture_run_until(&f, is_open);
  player_close(p, 1000, NULL);
  fixture_end(&f);
  assert_diary(&f, "open sent(0) sent(0) text(12345) text(67890) close(1000,clean) ");
}

static void messages_of_a_connection_that_never_opened_are_cancelled(void **state) {
  (void)state;
  static const struct peer_plan refuses = {.answer = "HTTP/1.1 404 Not Found\r\n"
                                                     "Content-Length: 0\r\n\r\n"};
  struct fixture f;
  fixture_init(&f, &refuses);
  struct player *p = &f.players[0];
  player_text(p, "one");
  player_connect(p, NULL);
  player_text(p, "two");
  fixture_end(&f);
  assert_diary(&f, "error(UVWS_EHTTP_STATUS) sent(ECANCELED) sent(ECANCELED) close(1006) ");
}

static void client_that_was_never_connected_is_freed_silently(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  player_free(&f.players[0]);
  fixture_end(&f);
  assert_diary(&f, "");
}

static void messages_queued_and_never_connected_are_cancelled_by_free(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  player_text(&f.players[0], "one");
  player_text(&f.players[0], "two");
  player_free(&f.players[0]);
  assert_diary(&f, "");
  fixture_end(&f);
  assert_diary(&f, "sent(ECANCELED) sent(ECANCELED) ");
}

static size_t resends;

static void on_cancelled_sends_again(uvws_t *ws, int status, void *arg) {
  assert_int_equal(status, UV_ECANCELED);
  assert_true(++resends < 1000);
  uvws_send_text(ws, "again", 5, on_cancelled_sends_again, arg);
}

static void sending_again_from_a_cancelled_completion_comes_to_an_end(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  resends = 0;
  player_binary(&f.players[0], "x", 1, on_cancelled_sends_again, NULL);
  player_free(&f.players[0]);
  fixture_end(&f);
  assert_int_equal(resends, 1);
}

/*
 * uvws_free, whenever
 */

static void free_while_connecting_closes(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  player_text(&f.players[0], "waits");
  player_connect(&f.players[0], NULL);
  player_free(&f.players[0]);
  assert_diary(&f, "");
  fixture_end(&f);
  assert_diary(&f, "sent(ECANCELED) close(1006) ");
}

static void free_while_a_name_is_looked_up_closes(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  player_connect(&f.players[0], &(uvws_options_t){.uri = "ws://name.invalid/"});
  player_free(&f.players[0]);
  assert_diary(&f, "");
  fixture_end(&f);
  assert_diary(&f, "close(1006) ");
}

static void free_while_upgrading_closes(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, &silent);
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_requested);
  player_free(&f.players[0]);
  assert_diary(&f, "");
  fixture_end(&f);
  assert_diary(&f, "close(1006) ");
}

static void free_while_open_closes(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_open);
  player_free(&f.players[0]);
  assert_diary(&f, "open ");
  fixture_end(&f);
  assert_diary(&f, "open close(1006) ");
  assert_int_equal(f.players[0].code, 1006);
}

static void free_with_unsent_messages_cancels_them(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_open);
  player_text(&f.players[0], "one");
  player_text(&f.players[0], "two");
  player_free(&f.players[0]);
  fixture_end(&f);
  assert_diary(&f, "open sent(ECANCELED) sent(ECANCELED) close(1006) ");
}

static void free_while_closing_closes(void **state) {
  (void)state;
  static const struct peer_plan mute = {.manners = PEER_MUTE};
  struct fixture f;
  fixture_init(&f, &mute);
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_open);
  player_close(&f.players[0], 1000, NULL);
  player_free(&f.players[0]);
  fixture_end(&f);
  assert_diary(&f, "open close(1006) ");
}

static void free_without_callbacks_is_silent(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  struct player *p = &f.players[0];
  player_connect(p, NULL);
  fixture_run_until(&f, is_open);
  player_text(p, "one");
  player_silence(p);
  player_free(p);
  fixture_end(&f);
  assert_diary(&f, "open sent(ECANCELED) "); /* send callbacks fire all the same */
}

static void client_without_callbacks_works(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, &greets_badly);
  struct player *p = &f.players[0];
  player_silence(p);
  assert_int_equal(player_connect(p, NULL), 0);
  fixture_run(&f);
  assert_int_equal(peer_close_code(fixture_conn(&f)), 1002);
  fixture_end(&f);
  assert_diary(&f, "");
}

/*
 * Rule 4: anything, from inside any callback. A row says what is done where.
 */

enum act { ACT_FREE, ACT_CLOSE, ACT_SILENCE_AND_FREE, ACT_FREE_CONTEXT, ACT_SEND, ACT_CONNECT };

struct rule_4 {
  enum event at;
  enum act act;
  const struct peer_plan *plan;
  const char *diary;
};

static const struct rule_4 *rule;

static void act(struct player *p) {
  int expected; /* asked for before the call counts, in whatever order arguments are computed */
  switch (rule->act) {
  case ACT_FREE:
    player_free(p);
    break;
  case ACT_SILENCE_AND_FREE:
    player_silence(p);
    player_free(p);
    break;
  case ACT_CLOSE:
    player_close(p, 1000, NULL);
    player_close(p, 1001, "twice");
    break;
  case ACT_FREE_CONTEXT:
    uvws_context_free(p->f->ctx);
    p->f->ctx = NULL;
    player_free(p);
    break;
  case ACT_SEND:
    player_text(p, "from inside");
    if (p->connects > p->closes) player_close(p, 1000, NULL);
    break;
  case ACT_CONNECT:
    expected = p->closes == p->connects ? 0 : UVWS_EBUSY;
    assert_int_equal(player_connect(p, NULL), expected);
    player_close(p, 1000, NULL);
    break;
  }
}

static void on_rule_4(struct player *p, enum event event) {
  if (event != rule->at || p->is_freed) return;
  p->f->hook = NULL;
  act(p);
}

static void rule_4_holds(void **state) {
  rule = *state;
  struct fixture f;
  fixture_init(&f, rule->plan);
  f.hook = on_rule_4;
  player_text(&f.players[0], "x");
  assert_int_equal(player_connect(&f.players[0], NULL), 0);
  fixture_run(&f);
  assert_null(f.hook); /* it came to pass */
  fixture_end(&f);
  assert_diary(&f, rule->diary);
}

static const struct peer_plan greets_and_goes = {
    .bytes = greeting, .len = sizeof greeting, .pace = PEER_GLUED, .end = PEER_FIN};

/* All of it comes in one read, and what the client has queued leaves behind that. */
#define HI "open text(hi) ping(p) pong(q) "
static const struct {
  const char *name;
  struct rule_4 rule;
} rule_4_rows[] = {
    {"free_in_on_open", {EVENT_OPEN, ACT_FREE, &greets, "open sent(ECANCELED) close(1006) "}},
    {"free_in_a_completion", {EVENT_SENT, ACT_FREE, &greets, HI "sent(0) close(1006) "}},
    {"free_in_on_message",
     {EVENT_MESSAGE, ACT_FREE, &greets, "open text(hi) sent(ECANCELED) close(1006) "}},
    {"free_in_on_ping",
     {EVENT_PING, ACT_FREE, &greets, "open text(hi) ping(p) sent(ECANCELED) close(1006) "}},
    {"free_in_on_pong", {EVENT_PONG, ACT_FREE, &greets, HI "sent(ECANCELED) close(1006) "}},
    {"free_in_on_error",
     {EVENT_ERROR, ACT_FREE, &greets_and_goes, HI "sent(0) error(UVWS_ELOST) close(1006) "}},
    {"free_in_on_error_of_a_breach",
     {EVENT_ERROR, ACT_FREE, &greets_badly,
      "open text(hi) error(UVWS_EPROTOCOL) sent(ECANCELED) close(1006) "}},
    {"free_in_on_close",
     {EVENT_CLOSE, ACT_FREE, &greets_and_goes, HI "sent(0) error(UVWS_ELOST) close(1006) "}},
    {"free_context_and_client_in_on_open",
     {EVENT_OPEN, ACT_FREE_CONTEXT, &greets, "open sent(ECANCELED) close(1006) "}},
    {"free_context_and_client_in_on_message",
     {EVENT_MESSAGE, ACT_FREE_CONTEXT, &greets, "open text(hi) sent(ECANCELED) close(1006) "}},
    {"free_context_and_client_in_on_close",
     {EVENT_CLOSE, ACT_FREE_CONTEXT, &greets_and_goes,
      HI "sent(0) error(UVWS_ELOST) close(1006) "}},
    {"silent_free_in_on_open",
     {EVENT_OPEN, ACT_SILENCE_AND_FREE, &greets, "open sent(ECANCELED) "}},
    {"silent_free_in_on_message",
     {EVENT_MESSAGE, ACT_SILENCE_AND_FREE, &greets, "open text(hi) sent(ECANCELED) "}},
    {"silent_free_in_on_error",
     {EVENT_ERROR, ACT_SILENCE_AND_FREE, &greets_and_goes, HI "sent(0) error(UVWS_ELOST) "}},
    {"close_in_on_open", {EVENT_OPEN, ACT_CLOSE, NULL, "open sent(0) close(1000,clean) "}},
    {"close_in_a_completion", {EVENT_SENT, ACT_CLOSE, NULL, "open sent(0) close(1000,clean) "}},
    {"close_in_on_message", {EVENT_MESSAGE, ACT_CLOSE, &greets, HI "sent(0) close(1000,clean) "}},
    {"close_in_on_ping", {EVENT_PING, ACT_CLOSE, &greets, HI "sent(0) close(1000,clean) "}},
    {"close_in_on_pong", {EVENT_PONG, ACT_CLOSE, &greets, HI "sent(0) close(1000,clean) "}},
    {"close_in_on_error",
     {EVENT_ERROR, ACT_CLOSE, &greets_badly,
      "open text(hi) error(UVWS_EPROTOCOL) sent(0) close(1006) "}},
    {"close_in_on_close",
     {EVENT_CLOSE, ACT_CLOSE, &greets_and_goes, HI "sent(0) error(UVWS_ELOST) close(1006) "}},
    {"send_in_on_open", {EVENT_OPEN, ACT_SEND, NULL, "open sent(0) sent(0) close(1000,clean) "}},
    {"send_in_a_completion",
     {EVENT_SENT, ACT_SEND, NULL, "open sent(0) sent(0) close(1000,clean) "}},
    {"send_in_on_message",
     {EVENT_MESSAGE, ACT_SEND, &greets, HI "sent(0) sent(0) close(1000,clean) "}},
    {"send_in_on_error",
     {EVENT_ERROR, ACT_SEND, &greets_and_goes, HI "sent(0) error(UVWS_ELOST) close(1006) "}},
    {"send_in_on_close",
     {EVENT_CLOSE, ACT_SEND, &greets_and_goes, HI "sent(0) error(UVWS_ELOST) close(1006) "}},
    {"connect_in_on_message_is_busy",
     {EVENT_MESSAGE, ACT_CONNECT, &greets, HI "sent(0) close(1000,clean) "}},
    {"connect_in_on_error_is_busy",
     {EVENT_ERROR, ACT_CONNECT, &greets_badly,
      "open text(hi) error(UVWS_EPROTOCOL) sent(0) close(1006) "}},
    {"connect_and_close_in_on_close",
     {EVENT_CLOSE, ACT_CONNECT, &greets_and_goes,
      HI "sent(0) error(UVWS_ELOST) close(1006) close(1006) "}},
};

/*
 * Again and again
 */

static void on_close_connects_again(struct player *p, enum event event) {
  if (event == EVENT_OPEN) player_close(p, 1000, NULL);
  if (event == EVENT_CLOSE && p->connects < 5) assert_int_equal(player_connect(p, NULL), 0);
}

static void client_connects_again_from_on_close(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  f.hook = on_close_connects_again;
  player_connect(&f.players[0], NULL);
  fixture_end(&f);
  assert_int_equal(f.players[0].closes, 5);
  assert_int_equal(f.players[0].opens, 5);
}

static void client_connects_again_from_on_close_after_a_failure(void **state) {
  (void)state;
  static const struct peer_plan refuses = {.answer = "SSH-2.0-OpenSSH_9.2\r\n"};
  struct fixture f;
  fixture_init(&f, &refuses);
  f.hook = on_close_connects_again;
  player_connect(&f.players[0], NULL);
  fixture_end(&f);
  assert_int_equal(f.players[0].closes, 5);
  assert_int_equal(f.players[0].errors, 5);
}

static void on_close_connects_sends_and_frees(struct player *p, enum event event) {
  if (event != EVENT_CLOSE || p->connects > 1) return;
  player_connect(p, NULL);
  player_text(p, "x");
  player_free(p);
}

static void client_connects_sends_and_is_freed_in_on_close(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  f.hook = on_close_connects_sends_and_frees;
  player_connect(&f.players[0], NULL);
  player_close(&f.players[0], 0, NULL);
  fixture_end(&f);
  assert_diary(&f, "close(1006) sent(ECANCELED) close(1006) ");
}

static uvws_t *freed;
static int freed_connect;

static void on_freed_close(uvws_t *ws, const uvws_close_info_t *info, void *user) {
  struct fixture *f = user;
  (void)info;
  assert_ptr_equal(ws, freed);
  freed_connect =
      uvws_connect(ws, &(uvws_options_t){.size = sizeof(uvws_options_t), .uri = f->uri});
}

static void freed_client_cannot_connect_again(void **state) {
  (void)state;
  struct fixture f;
  uvws_callbacks_t callbacks = {.size = sizeof callbacks, .on_close = on_freed_close};
  fixture_init(&f, NULL);
  assert_int_equal(uvws_new(f.ctx, &callbacks, &f, &freed), 0);
  uvws_connect(freed, &(uvws_options_t){.size = sizeof(uvws_options_t), .uri = f.uri});
  uvws_free(freed);
  freed_connect = 1;
  fixture_end(&f);
  assert_int_equal(freed_connect, UV_EINVAL);
}

/*
 * uvws_close, whenever
 */

static void close_before_connect_does_nothing(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  assert_int_equal(player_close(&f.players[0], 1000, NULL), 0);
  fixture_run(&f);
  assert_diary(&f, "");
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_open);
  player_close(&f.players[0], 1000, NULL);
  fixture_run(&f);
  assert_int_equal(player_close(&f.players[0], 1000, NULL), 0);
  fixture_end(&f);
  assert_diary(&f, "open close(1000,clean) ");
}

static void close_while_connecting_cancels_without_an_error(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  player_text(&f.players[0], "x");
  player_connect(&f.players[0], NULL);
  assert_int_equal(player_close(&f.players[0], 1000, "early"), 0);
  assert_int_equal(player_close(&f.players[0], 1000, "twice"), 0);
  assert_int_equal(uvws_state(f.players[0].ws), UVWS_STATE_CLOSING);
  assert_int_equal(player_text(&f.players[0], "y"), UVWS_ENOTOPEN);
  fixture_end(&f);
  assert_diary(&f, "sent(ECANCELED) close(1006) ");
}

static void close_while_a_name_is_looked_up_cancels(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  player_connect(&f.players[0], &(uvws_options_t){.uri = "ws://name.invalid/"});
  player_close(&f.players[0], 1000, NULL);
  fixture_end(&f);
  assert_diary(&f, "close(1006) ");
}

static void close_while_upgrading_cancels(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, &silent);
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_requested);
  player_close(&f.players[0], 1000, NULL);
  fixture_end(&f);
  assert_diary(&f, "close(1006) ");
}

static void close_twice_sends_one_close(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_open);
  assert_int_equal(player_close(&f.players[0], 1000, "first"), 0);
  assert_int_equal(player_close(&f.players[0], 1001, "second"), 0);
  fixture_run(&f);
  assert_int_equal(peer_count(fixture_conn(&f), 8), 1);
  assert_int_equal(peer_close_code(fixture_conn(&f)), 1000);
  fixture_end(&f);
  assert_diary(&f, "open close(1000,clean) ");
}

static void close_waits_for_what_is_queued(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_open);
  player_text(&f.players[0], "first");
  player_close(&f.players[0], 1000, NULL);
  fixture_run(&f);
  struct peer_conn *conn = fixture_conn(&f);
  assert_int_equal(conn->frame_count, 2);
  assert_int_equal(conn->frames[0].opcode, 1);
  assert_string_equal((char *)conn->frames[0].data, "first");
  assert_int_equal(conn->frames[1].opcode, 8);
  fixture_end(&f);
}

/*
 * What is readable when
 */

static const char *const offered[] = {"chat", "superchat"};
static const struct peer_plan chooses = {.answer = "HTTP/1.1 101 Switching Protocols\r\n"
                                                   "Upgrade: websocket\r\n"
                                                   "Connection: Upgrade\r\n"
                                                   "Sec-WebSocket-Accept: %A\r\n"
                                                   "Sec-WebSocket-Protocol: superchat\r\n"
                                                   "X-Twice: one\r\n"
                                                   "x-twice: two\r\n\r\n"};

static void on_event_reads_the_answer(struct player *p, enum event event) {
  if (event != EVENT_OPEN && event != EVENT_CLOSE) return;
  assert_non_null(uvws_protocol(p->ws));
  assert_string_equal(uvws_protocol(p->ws), "superchat");
  assert_non_null(uvws_response_header(p->ws, "X-TWICE"));
  assert_string_equal(uvws_response_header(p->ws, "X-TWICE"), "one");
  assert_null(uvws_response_header(p->ws, "X-Never"));
}

static void answer_is_readable_from_on_open_until_on_close_returns(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, &chooses);
  f.hook = on_event_reads_the_answer;
  struct player *p = &f.players[0];
  assert_null(uvws_protocol(p->ws));
  assert_null(uvws_response_header(p->ws, "X-Twice"));
  player_connect(p, &(uvws_options_t){.protocols = offered, .protocol_count = 2});
  assert_null(uvws_protocol(p->ws));
  fixture_run_until(&f, is_open);
  player_close(p, 1000, NULL);
  fixture_run(&f);
  assert_null(uvws_protocol(p->ws));
  assert_null(uvws_response_header(p->ws, "X-Twice"));
  fixture_end(&f);
  assert_diary(&f, "open close(1000,clean) ");
}

static void last_error_is_of_the_client_that_is_asked(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  fixture_player(&f, 1, f.ctx);
  assert_string_equal(uvws_last_error(f.players[0].ws), "");
  assert_int_equal(player_connect(&f.players[0], &(uvws_options_t){.uri = "ftp://a"}), UVWS_EURI);
  assert_string_equal(uvws_last_error(f.players[1].ws), "");
  assert_string_not_equal(uvws_last_error(f.players[0].ws), "");
  fixture_end(&f);
}

/*
 * Several
 */

static void on_open_frees_the_other(struct player *p, enum event event) {
  struct player *other = &p->f->players[p == p->f->players];
  if (event == EVENT_MESSAGE && other->ws) player_free(other);
}

static void client_frees_another_inside_its_callback(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, &greets);
  fixture_player(&f, 1, f.ctx);
  f.hook = on_open_frees_the_other;
  player_connect(&f.players[0], NULL);
  player_connect(&f.players[1], NULL);
  fixture_run_until(&f, is_open);
  while (f.players[0].ws && f.players[1].ws)
    uv_run(&f.loop, UV_RUN_ONCE);
  struct player *left = &f.players[f.players[0].ws == NULL];
  while (left->pongs == 0)
    uv_run(&f.loop, UV_RUN_ONCE);
  player_close(left, 1000, NULL);
  fixture_end(&f);
  assert_int_equal(left->messages, 1);
  assert_int_equal(left->pongs, 1);
  assert_int_equal(left->code, 1000);
}

static void on_deadline_frees_all(struct player *p, enum event event) {
  if (event != EVENT_ERROR) return;
  for (int i = 0; i < 3; i++)
    if (p->f->players[i].ws) player_free(&p->f->players[i]);
}

static void client_frees_others_whose_deadline_is_due_as_well(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, &silent);
  for (int i = 1; i < 3; i++)
    fixture_player(&f, i, f.ctx);
  f.hook = on_deadline_frees_all;
  for (int i = 0; i < 3; i++)
    player_connect(&f.players[i], NULL);
  while (f.peer.conn_count < 3 || !f.peer.conns[2]->request)
    uv_run(&f.loop, UV_RUN_ONCE);
  fixture_advance(&f, 10000);
  fixture_end(&f);
  int errors = 0;
  for (int i = 0; i < 3; i++)
    errors += f.players[i].errors;
  assert_int_equal(errors, 1);
}

static void context_may_be_freed_before_its_clients(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, &echoing);
  player_connect(&f.players[0], NULL);
  uvws_context_free(f.ctx);
  f.ctx = NULL;
  fixture_run_until(&f, is_open);
  player_text(&f.players[0], "x");
  player_close(&f.players[0], 1000, NULL);
  fixture_end(&f);
  assert_diary(&f, "open sent(0) text(x) close(1000,clean) ");
}

static void context_without_clients_does_not_keep_the_loop(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  fixture_run(&f);
  fixture_end(&f);
}

static void two_contexts_share_a_loop(void **state) {
  (void)state;
  struct fixture f;
  uvws_context_t *second;
  fixture_init(&f, &echoing);
  assert_int_equal(fixture_make_context(&f, &second), 0);
  fixture_player(&f, 1, second);
  assert_ptr_equal(uvws_context(f.players[1].ws), second);
  assert_ptr_equal(uvws_context_loop(second), &f.loop);
  for (int i = 0; i < 2; i++) {
    player_connect(&f.players[i], NULL);
    player_text(&f.players[i], "x");
  }
  while (f.players[0].messages < 1 || f.players[1].messages < 1)
    uv_run(&f.loop, UV_RUN_ONCE);
  uvws_context_free(second);
  player_close(&f.players[0], 1000, NULL);
  player_close(&f.players[1], 1000, NULL);
  fixture_end(&f);
  assert_int_equal(f.players[1].code, 1000);
}

/* Assertions belong to the main thread: the others only run. */
static void converse_on_a_thread(void *arg) {
  struct fixture *f = arg;
  f->is_quiet = 1;
  uv_run(&f->loop, UV_RUN_DEFAULT);
}

static void on_echo_goes_on(struct player *p, enum event event) {
  if (event == EVENT_MESSAGE && p->messages < 200) player_text(p, "again");
  if (event == EVENT_MESSAGE && p->messages == 200) player_close(p, 1000, NULL);
}

static void two_loops_run_on_two_threads(void **state) {
  (void)state;
  static struct fixture f[2];
  uv_thread_t threads[2];
  for (int i = 0; i < 2; i++) {
    fixture_init(&f[i], &echoing);
    f[i].hook = on_echo_goes_on;
    player_connect(&f[i].players[0], NULL);
    player_text(&f[i].players[0], "start");
  }
  for (int i = 0; i < 2; i++)
    assert_int_equal(uv_thread_create(&threads[i], converse_on_a_thread, &f[i]), 0);
  for (int i = 0; i < 2; i++)
    uv_thread_join(&threads[i]);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(f[i].players[0].messages, 200);
    assert_int_equal(f[i].players[0].code, 1000);
    fixture_end(&f[i]);
  }
}

static void connection_that_goes_on_keeps_uv_run_from_returning(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, &silent);
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_requested);
  assert_true(uv_loop_alive(&f.loop));
  player_close(&f.players[0], 1000, NULL);
  fixture_run(&f);
  assert_false(uv_loop_alive(&f.loop));
  fixture_end(&f);
}

static const struct CMUnitTest single_tests[] = {
    cmocka_unit_test(bad_options_fire_no_callback),
    cmocka_unit_test(connect_without_options_is_refused),
    cmocka_unit_test(option_that_this_version_does_not_know_is_refused),
    cmocka_unit_test(options_of_an_older_header_are_taken),
    cmocka_unit_test(second_connect_is_busy),
    cmocka_unit_test(send_that_fails_fires_no_completion),
    cmocka_unit_test(ping_is_refused_until_open_and_when_long),
    cmocka_unit_test(close_with_a_bad_code_or_reason_does_nothing),
    cmocka_unit_test(conversation_fires_each_callback_once),
    cmocka_unit_test(completions_fire_in_order_with_0),
    cmocka_unit_test(messages_queued_before_connect_leave_in_order),
    cmocka_unit_test(buffered_counts_what_the_kernel_has_not_taken),
    cmocka_unit_test(messages_that_fill_max_buffered_before_open_leave),
    cmocka_unit_test(messages_of_a_connection_that_never_opened_are_cancelled),
    cmocka_unit_test(client_that_was_never_connected_is_freed_silently),
    cmocka_unit_test(messages_queued_and_never_connected_are_cancelled_by_free),
    cmocka_unit_test(sending_again_from_a_cancelled_completion_comes_to_an_end),
    cmocka_unit_test(free_while_connecting_closes),
    cmocka_unit_test(free_while_a_name_is_looked_up_closes),
    cmocka_unit_test(free_while_upgrading_closes),
    cmocka_unit_test(free_while_open_closes),
    cmocka_unit_test(free_with_unsent_messages_cancels_them),
    cmocka_unit_test(free_while_closing_closes),
    cmocka_unit_test(free_without_callbacks_is_silent),
    cmocka_unit_test(client_without_callbacks_works),
    cmocka_unit_test(client_connects_again_from_on_close),
    cmocka_unit_test(client_connects_again_from_on_close_after_a_failure),
    cmocka_unit_test(client_connects_sends_and_is_freed_in_on_close),
    cmocka_unit_test(freed_client_cannot_connect_again),
    cmocka_unit_test(close_before_connect_does_nothing),
    cmocka_unit_test(close_while_connecting_cancels_without_an_error),
    cmocka_unit_test(close_while_a_name_is_looked_up_cancels),
    cmocka_unit_test(close_while_upgrading_cancels),
    cmocka_unit_test(close_twice_sends_one_close),
    cmocka_unit_test(close_waits_for_what_is_queued),
    cmocka_unit_test(answer_is_readable_from_on_open_until_on_close_returns),
    cmocka_unit_test(last_error_is_of_the_client_that_is_asked),
    cmocka_unit_test(client_frees_another_inside_its_callback),
    cmocka_unit_test(client_frees_others_whose_deadline_is_due_as_well),
    cmocka_unit_test(context_may_be_freed_before_its_clients),
    cmocka_unit_test(context_without_clients_does_not_keep_the_loop),
    cmocka_unit_test(two_contexts_share_a_loop),
    cmocka_unit_test(two_loops_run_on_two_threads),
    cmocka_unit_test(connection_that_goes_on_keeps_uv_run_from_returning),
};

#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])

int main(void) {
  struct CMUnitTest tests[COUNT_OF(single_tests) + COUNT_OF(rule_4_rows)];
  size_t count = 0;
  for (; count < COUNT_OF(single_tests); count++)
    tests[count] = single_tests[count];
  for (size_t i = 0; i < COUNT_OF(rule_4_rows); i++)
    tests[count++] = ROW(rule_4_rows[i].name, rule_4_holds, &rule_4_rows[i].rule);
  return _cmocka_run_group_tests("callback_law", tests, count, NULL, NULL);
}
