/* Holding back: pause and resume from inside every callback, marks, on_drain, the hard cap. */
#include "support/fixture.h"

#include <stdio.h>

#include "conn/conn.h"

#define AGREED                                                                                     \
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"              \
  "Sec-WebSocket-Accept: %A\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
#define CLOSE "\x88\x02\x03\xE8"

static struct fixture f;

/*
 * Pause and resume
 */

static int events;

static void pause_after_each(struct player *p, enum event event) {
  if (event == EVENT_CLOSE) return;
  events++;
  uvws_pause(p->ws);
  uvws_pause(p->ws);
}

/* One event for each resume, and the same events as without a pause. */
static void play_paused(const char *bytes, size_t len, const char *diary) {
  for (enum peer_pace pace = PEER_WHOLE; pace < PEER_PACES; pace++) {
    struct peer_plan plan = {.answer = AGREED, .bytes = bytes, .len = len, .pace = pace};
    fixture_init(&f, &plan);
    f.hook = pause_after_each;
    assert_int_equal(player_connect(&f.players[0], NULL), 0);
    for (int turns = 0; f.players[0].closes == 0; turns++) {
      assert_true(turns < 1000);
      events = 0;
      uvws_resume(f.players[0].ws);
      uvws_resume(f.players[0].ws);
      fixture_run(&f);
      assert_true(events <= 1);
    }
    assert_diary(&f, diary);
    fixture_end(&f);
  }
}

static void a_pause_in_every_callback_holds_the_next_event_back(void **state) {
  (void)state;
  static const char bytes[] =
      "\x81\x03one\x89\x01p\x01\x01t\x8A\x01q\x00\x00\x80\x02wo\x82\x05three" CLOSE;
  play_paused(bytes, sizeof bytes - 1,
              "open text(one) ping(p) pong(q) text(two) binary(three) close(1000,clean) ");
}

static void a_pause_between_compressed_messages_holds_the_next_back(void **state) {
  (void)state;
  static const char bytes[] =
      "\xC1\x07\xF2\x48\xCD\xC9\xC9\x07\x00\x41\x02\xF2\x48\x89\x00\x80\x05\xCD\xC9\xC9\x07\x00"
      "\xC2\x01\x00\x81\x05plain" CLOSE;
  play_paused(bytes, sizeof bytes - 1,
              "open text(Hello) ping() text(Hello) binary() text(plain) close(1000,clean) ");
}

static void a_pause_holds_a_fault_back(void **state) {
  (void)state;
  static const char bytes[] = "\x81\x03one\x83\x00";
  play_paused(bytes, sizeof bytes - 1, "open text(one) error(UVWS_EPROTOCOL) close(1006) ");
}

static size_t chunk_bytes;
static int chunks;

static void on_chunk(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, unsigned part,
                     void *user) {
  (void)kind, (void)part, (void)user, (void)data;
  chunks++;
  chunk_bytes += len;
  uvws_pause(ws);
}

/* 1 MiB of zeros, a little more than 1 KiB on the wire. */
static void put_zeros(struct peer_conn *conn, size_t len) {
  struct uvws__env env = {.realloc = uvws__env_realloc};
  struct uvws__deflater_options options = {15, 9, 8};
  struct uvws__zstock stock = {0};
  struct uvws__bytes packed = {0};
  struct uvws__deflater *d;
  uint8_t *zeros = calloc(1, len);
  assert_int_equal(uvws__deflater_take(&env, &stock, &options, &d), 0);
  assert_int_equal(uvws__deflate(d, zeros, len, 1, &packed), 0);
  peer_send_frame(conn, 0xC2, packed.data, packed.len);
  uvws__deflater_give(&stock, d);
  uvws__zstock_deinit(&stock);
  uvws__bytes_deinit(&env, &packed);
  free(zeros);
}

static void a_pause_in_the_middle_of_an_expansion_goes_on_there(void **state) {
  (void)state;
  for (enum peer_pace pace = PEER_WHOLE; pace <= PEER_BYTES; pace++) {
    struct peer_plan plan = {.answer = AGREED, .pace = pace};
    chunk_bytes = 0;
    fixture_init(&f, &plan);
    struct player *p = &f.players[0];
    uvws_callbacks_t callbacks = p->ws->callbacks;
    callbacks.on_chunk = on_chunk;
    uvws_set_callbacks(p->ws, &callbacks);
    assert_int_equal(player_connect(p, NULL), 0);
    fixture_run_until(&f, is_open);
    put_zeros(fixture_conn(&f), 1 << 20);
    put_zeros(fixture_conn(&f), 100001);
    peer_send(fixture_conn(&f), CLOSE, 4);
    for (int turns = 0; p->closes == 0; turns++) {
      assert_true(turns < 5000);
      chunks = 0;
      fixture_run(&f);
      assert_true(chunks <= 1);
      uvws_resume(p->ws);
    }
    assert_int_equal(chunk_bytes, (1 << 20) + 100001);
    fixture_end(&f);
  }
}

static void a_close_by_a_paused_client_is_answered(void **state) {
  (void)state;
  struct peer_plan plan = {.bytes = "\x81\x03one\x81\x03two", .len = 10};
  fixture_init(&f, &plan);
  f.hook = pause_after_each;
  assert_int_equal(player_connect(&f.players[0], NULL), 0);
  fixture_run_until(&f, is_open);
  fixture_run(&f);
  f.hook = NULL;
  assert_int_equal(player_close(&f.players[0], 1000, NULL), 0);
  fixture_run_until(&f, is_over);
  assert_diary(&f, "open text(one) text(two) close(1000,clean) ");
  fixture_end(&f);
}

static void a_paused_client_may_be_freed(void **state) {
  (void)state;
  struct peer_plan plan = {.bytes = "\x81\x03one\x81\x03two", .len = 10, .pace = PEER_GLUED};
  fixture_init(&f, &plan);
  f.hook = pause_after_each;
  assert_int_equal(player_connect(&f.players[0], NULL), 0);
  fixture_run_until(&f, is_open);
  fixture_run(&f);
  player_free(&f.players[0]);
  fixture_end(&f);
}

/*
 * Marks
 */

static int drains;
static size_t buffered_at_drain;

static void on_drain(uvws_t *ws, void *user) {
  assert_ptr_equal(ws, ((struct player *)user)->ws);
  assert_int_equal(f.inside, 0);
  drains++;
  buffered_at_drain = uvws_buffered(ws);
}

static uint8_t payload[100000];

static struct player *start(const struct peer_plan *plan, const uvws_options_t *options) {
  drains = 0;
  fixture_init(&f, plan);
  struct player *p = &f.players[0];
  uvws_callbacks_t callbacks = p->ws->callbacks;
  callbacks.on_drain = on_drain;
  uvws_set_callbacks(p->ws, &callbacks);
  assert_int_equal(player_connect(p, options), 0);
  return p;
}

static int sents;

static void on_sent(uvws_t *ws, int status, void *arg) {
  (void)ws;
  assert_int_equal(status, 0);
  assert_int_equal((intptr_t)arg, sents); /* in order */
  sents++;
}

static int has_drained(struct fixture *fixture) {
  (void)fixture;
  return drains > 0;
}

static void above_the_mark_send_says_so_and_on_drain_fires_once(void **state) {
  (void)state;
  struct peer_plan plan = {.is_deaf = 1, .receive_buffer = 4096};
  uvws_options_t options = {.high_water_mark = 5000000, .low_water_mark = 1000};
  struct player *p = start(&plan, &options);
  fixture_run_until(&f, is_open);
  sents = 0;
  intptr_t count = 0;
  for (; count < 200; count++) {
    size_t before = uvws_buffered(p->ws);
    int answer = player_binary(p, payload, sizeof payload, on_sent, (void *)count);
    assert_int_equal(answer, uvws_buffered(p->ws) >= 5000000 ? UVWS_ABOVE_MARK : 0);
    assert_true(uvws_buffered(p->ws) > before || before == 0);
    uv_run(&f.loop, UV_RUN_NOWAIT);
  }
  assert_true(uvws_buffered(p->ws) >= 5000000);
  assert_int_equal(drains, 0);
  peer_read(fixture_conn(&f), SIZE_MAX);
  fixture_run_until(&f, has_drained);
  assert_true(buffered_at_drain <= 1000);
  assert_int_equal(player_close(p, 1000, NULL), 0);
  fixture_run_until(&f, is_over);
  assert_int_equal(drains, 1);
  assert_int_equal(sents, count);
  assert_int_equal(peer_count(fixture_conn(&f), 2), count);
  fixture_end(&f);
}

static void what_leaves_at_once_is_told_by_on_drain_too(void **state) {
  (void)state;
  uvws_options_t options = {.high_water_mark = 1000};
  struct player *p = start(NULL, &options);
  fixture_run_until(&f, is_open);
  for (int i = 1; i <= 3; i++) {
    assert_int_equal(player_binary(p, payload, 2000, NULL, NULL), UVWS_ABOVE_MARK);
    assert_int_equal(player_binary(p, payload, 2000, NULL, NULL), UVWS_ABOVE_MARK);
    assert_int_equal(drains, i - 1);
    while (drains < i)
      uv_run(&f.loop, UV_RUN_ONCE);
    assert_int_equal(uvws_buffered(p->ws), 0);
  }
  assert_int_equal(player_binary(p, payload, 100, NULL, NULL), 0);
  assert_int_equal(player_close(p, 1000, NULL), 0);
  fixture_run_until(&f, is_over);
  assert_int_equal(drains, 3);
  fixture_end(&f);
}

static void a_full_queue_refuses_and_the_connection_goes_on(void **state) {
  (void)state;
  uvws_options_t options = {.max_buffered = 10000};
  struct player *p = start(NULL, &options);
  fixture_run_until(&f, is_open);
  sents = 0;
  assert_int_equal(player_binary(p, payload, 10001, NULL, NULL), UVWS_EQUEUEFULL);
  assert_int_equal(player_binary(p, payload, 9000, on_sent, (void *)0), 0);
  assert_int_equal(player_binary(p, payload, 2000, on_sent, (void *)1), UVWS_EQUEUEFULL);
  assert_int_equal(uvws_message_begin(p->ws, UVWS_TEXT, 0), 0);
  assert_int_equal(uvws_message_write(p->ws, payload, 2000, NULL, NULL), UVWS_EQUEUEFULL);
  while (sents == 0)
    uv_run(&f.loop, UV_RUN_ONCE);
  assert_int_equal(uvws_message_write(p->ws, payload, 2000, on_sent, (void *)1), 0);
  assert_int_equal(uvws_message_end(p->ws, on_sent, (void *)2), 0);
  assert_int_equal(player_close(p, 1000, NULL), 0);
  fixture_run_until(&f, is_over);
  assert_int_equal(sents, 3);
  assert_diary(&f, "open close(1000,clean) ");
  fixture_end(&f);
}

static void a_queue_that_is_full_before_the_connection_opens_leaves(void **state) {
  (void)state;
  uvws_options_t options = {.max_buffered = 10000, .high_water_mark = 5000};
  struct player *p = start(NULL, &options);
  sents = 0;
  for (intptr_t i = 0; i < 10; i++)
    assert_int_equal(player_binary(p, payload, 1000, on_sent, (void *)i), i < 4 ? 0 : 1);
  assert_int_equal(player_binary(p, payload, 1, NULL, NULL), UVWS_EQUEUEFULL);
  fixture_run_until(&f, is_open);
  fixture_run_until(&f, has_drained);
  assert_int_equal(player_close(p, 1000, NULL), 0);
  fixture_run_until(&f, is_over);
  assert_int_equal(sents, 10);
  assert_int_equal(drains, 1);
  assert_diary(&f, "open close(1000,clean) ");
  fixture_end(&f);
}

static void what_was_queued_before_the_limit_was_known_leaves(void **state) {
  (void)state;
  uvws_options_t options = {.max_buffered = 100};
  fixture_init(&f, NULL);
  struct player *p = &f.players[0];
  sents = 0;
  assert_int_equal(player_binary(p, payload, 50000, on_sent, (void *)0), 0);
  assert_int_equal(player_connect(p, &options), 0);
  fixture_run_until(&f, is_open);
  assert_int_equal(player_close(p, 1000, NULL), 0);
  fixture_run_until(&f, is_over);
  assert_int_equal(sents, 1);
  assert_diary(&f, "open close(1000,clean) ");
  fixture_end(&f);
}

static void a_connection_owes_no_on_drain_for_the_one_before(void **state) {
  (void)state;
  struct peer_plan plan = {.is_deaf = 1, .receive_buffer = 4096};
  uvws_options_t options = {.high_water_mark = 5000000};
  struct player *p = start(&plan, &options);
  fixture_run_until(&f, is_open);
  while (uvws_buffered(p->ws) < 5000000)
    player_binary(p, payload, sizeof payload, NULL, NULL);
  peer_reset(fixture_conn(&f));
  fixture_run_until(&f, is_over);
  assert_int_equal(drains, 0);
  f.peer.plan.is_deaf = 0;
  assert_int_equal(player_connect(p, &options), 0);
  fixture_run_until(&f, is_open);
  assert_int_equal(player_binary(p, payload, 10, NULL, NULL), 0);
  assert_int_equal(player_close(p, 1000, NULL), 0);
  fixture_run_until(&f, is_over);
  assert_int_equal(drains, 0);
  fixture_end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_pause_in_every_callback_holds_the_next_event_back),
      cmocka_unit_test(a_pause_between_compressed_messages_holds_the_next_back),
      cmocka_unit_test(a_pause_holds_a_fault_back),
      cmocka_unit_test(a_pause_in_the_middle_of_an_expansion_goes_on_there),
      cmocka_unit_test(a_close_by_a_paused_client_is_answered),
      cmocka_unit_test(a_paused_client_may_be_freed),
      cmocka_unit_test(above_the_mark_send_says_so_and_on_drain_fires_once),
      cmocka_unit_test(what_leaves_at_once_is_told_by_on_drain_too),
      cmocka_unit_test(a_full_queue_refuses_and_the_connection_goes_on),
      cmocka_unit_test(a_queue_that_is_full_before_the_connection_opens_leaves),
      cmocka_unit_test(what_was_queued_before_the_limit_was_known_leaves),
      cmocka_unit_test(a_connection_owes_no_on_drain_for_the_one_before),
  };
  return cmocka_run_group_tests_name("backpressure", tests, NULL, NULL);
}
