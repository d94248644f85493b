/* Messages that are lent (UVWS_SEND_BORROWED): not copied, whole, in order, and given back once. */
#include "support/fixture.h"

#include <stdio.h>

#include "conn/conn.h"

#define LARGE ((size_t)3 << 20)
#define AGREED                                                                                     \
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"              \
  "Sec-WebSocket-Accept: %A\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"

/* What was lent: memory that is gone as soon as it has been given back, so that a look at it later
 * is seen by the sanitizers. */
struct item {
  uint8_t *data;
  size_t len;
  int returns;
  int status;
};

static struct fixture f;
static struct item items[80];
static int returned;

static uint8_t byte_at(unsigned seed, size_t i) {
  return (uint8_t)(i * 31 + (i >> 8) + (i >> 16) * 7 + seed);
}

static struct item *make_item(unsigned n, size_t len) {
  struct item *item = &items[n];
  *item = (struct item){.data = malloc(len), .len = len};
  assert_non_null(item->data);
  for (size_t i = 0; i < len; i++)
    item->data[i] = byte_at(n, i);
  return item;
}

static void on_returned(uvws_t *ws, int status, void *arg) {
  struct item *item = arg;
  (void)ws;
  assert_false(f.inside);
  item->returns++;
  item->status = status;
  free(item->data);
  item->data = NULL;
  returned++;
}

static int lend(unsigned n, size_t len, unsigned flags) {
  struct item *item = make_item(n, len);
  f.inside++;
  int err = uvws_send(f.players[0].ws, UVWS_BINARY, item->data, len, UVWS_SEND_BORROWED | flags,
                      on_returned, item);
  f.inside--;
  if (err < 0) free(item->data);
  return err;
}

static void begin(const struct peer_plan *plan) {
  memset(items, 0, sizeof items);
  returned = 0;
  fixture_init(&f, plan);
  f.is_quiet = 1;
}

static void open_up(void) {
  assert_int_equal(player_connect(&f.players[0], NULL), 0);
  fixture_run_until(&f, is_open);
}

static void close_up(void) {
  player_close(&f.players[0], 1000, NULL);
  fixture_end(&f);
}

static void assert_frame(size_t at, unsigned seed, size_t len) {
  const struct peer_frame *frame = &fixture_conn(&f)->frames[at];
  assert_int_equal(frame->len, len);
  assert_true(frame->fin && frame->is_masked);
  for (size_t i = 0; i < len; i++)
    if (frame->data[i] != byte_at(seed, i)) fail_msg("frame %zu is wrong at byte %zu", at, i);
}

static void assert_returned(unsigned n, int status) {
  assert_int_equal(items[n].returns, 1);
  assert_int_equal(items[n].status, status);
}

static size_t frames_wanted;

static int has_frames(struct fixture *fixture) {
  return fixture_conn(fixture)->frame_count >= frames_wanted;
}

/* Until the kernel takes no more. */
static void run_until_stuck(void) {
  for (int i = 0; i < 100; i++)
    uv_run(&f.loop, UV_RUN_NOWAIT);
}

static void lent_messages_arrive_whole_and_in_order_among_others(void **state) {
  (void)state;
  begin(&(struct peer_plan){.is_deaf = 1});
  open_up();
  assert_true(lend(0, LARGE, 0) >= 0);
  assert_true(player_binary(&f.players[0], "small", 5, NULL, NULL) >= 0);
  assert_true(lend(1, LARGE + 1, 0) >= 0);
  assert_true(lend(2, 1000, 0) >= 0); /* too short to be worth it */
  assert_int_equal(player_ping(&f.players[0], "ping"), 0);
  assert_true(lend(3, 131073, 0) >= 0);
  run_until_stuck();
  assert_true(returned < 4);
  peer_read(fixture_conn(&f), SIZE_MAX);
  frames_wanted = 6;
  fixture_run_until(&f, has_frames);
  assert_frame(0, 0, LARGE);
  assert_int_equal(fixture_conn(&f)->frames[1].len, 5);
  assert_frame(2, 1, LARGE + 1);
  assert_frame(3, 2, 1000);
  assert_int_equal(fixture_conn(&f)->frames[4].opcode, 9);
  assert_frame(5, 3, 131073);
  for (unsigned n = 0; n < 4; n++)
    assert_returned(n, 0);
  assert_int_equal(uvws_buffered(f.players[0].ws), 0);
  close_up();
  assert_int_equal(f.players[0].was_clean, 1);
}

static void a_queue_of_lent_messages_takes_no_memory_for_them(void **state) {
  (void)state;
  begin(&(struct peer_plan){.is_deaf = 1});
  open_up();
  size_t before = f.memory.bytes;
  for (unsigned n = 0; n < 20; n++)
    assert_true(lend(n, LARGE, 0) >= 0);
  run_until_stuck();
  assert_in_range(uvws_buffered(f.players[0].ws), 10 * LARGE, 20 * (LARGE + 14));
  assert_in_range(f.memory.bytes - before, 0, (size_t)1 << 20);
  peer_read(fixture_conn(&f), SIZE_MAX);
  close_up();
  assert_int_equal(f.players[0].was_clean, 1);
  assert_int_equal(returned, 20);
}

static void a_close_waits_behind_what_was_lent(void **state) {
  (void)state;
  begin(NULL);
  open_up();
  assert_true(lend(0, LARGE, 0) >= 0);
  close_up();
  assert_int_equal(f.players[0].was_clean, 1);
  assert_int_equal(f.players[0].code, 1000);
  assert_returned(0, 0);
}

static void lend_four_and_get_stuck(void) {
  begin(&(struct peer_plan){.is_deaf = 1});
  open_up();
  for (unsigned n = 0; n < 4; n++)
    assert_true(lend(n, LARGE, 0) >= 0);
  run_until_stuck();
}

static void what_was_lent_is_given_back_when_the_client_is_freed(void **state) {
  (void)state;
  lend_four_and_get_stuck();
  int before = returned;
  player_free(&f.players[0]);
  assert_int_equal(returned, before);
  fixture_end(&f);
  assert_int_equal(returned, 4);
  assert_returned(3, UV_ECANCELED);
}

static void what_was_lent_is_given_back_when_the_peer_resets(void **state) {
  (void)state;
  lend_four_and_get_stuck();
  peer_reset(fixture_conn(&f));
  fixture_end(&f);
  assert_int_equal(f.players[0].closes, 1);
  assert_int_equal(returned, 4);
  assert_true(items[3].status < 0);
}

static void what_is_copied_all_the_same_is_given_back_too(void **state) {
  (void)state;
  begin(&(struct peer_plan){.answer = AGREED});
  assert_true(lend(0, LARGE, 0) >= 0); /* waits for the connection */
  open_up();
  assert_true(lend(1, LARGE, UVWS_SEND_COMPRESSED) >= 0);
  assert_true(lend(2, LARGE, UVWS_SEND_PLAIN) >= 0);
  close_up();
  assert_int_equal(f.players[0].was_clean, 1);
  for (unsigned n = 0; n < 3; n++)
    assert_returned(n, 0);
}

static void on_echo_lends_again(struct player *p, enum event event);

static const uint8_t *shared;

static void on_shared_returned(uvws_t *ws, int status, void *arg) {
  (void)ws, (void)status, (void)arg;
  returned++;
}

static void lend_shared(struct player *p) {
  assert_true(uvws_send(p->ws, UVWS_BINARY, shared, LARGE, UVWS_SEND_BORROWED, on_shared_returned,
                        NULL) >= 0);
}

static void on_echo_lends_again(struct player *p, enum event event) {
  if (event == EVENT_MESSAGE) lend_shared(p);
}

static int has_echoed_enough(struct fixture *fixture) {
  return fixture->players[0].messages >= *(int *)fixture->arg;
}

static int is_all_out(struct fixture *fixture) {
  return !uvws_buffered(fixture->players[0].ws);
}

/* 28 messages, four of them in flight, have at most four loans between them. */
static void loans_are_used_again(void **state) {
  (void)state;
  int enough = 24;
  begin(&(struct peer_plan){.echoes = 1});
  shared = make_item(0, LARGE)->data;
  f.hook = on_echo_lends_again;
  f.arg = &enough;
  open_up();
  for (int i = 0; i < 4; i++)
    lend_shared(&f.players[0]);
  fixture_run_until(&f, has_echoed_enough);
  f.hook = NULL;
  fixture_run_until(&f, is_all_out);
  assert_in_range(f.players[0].ws->conn->lending->spare_count, 1, 4);
  close_up();
  assert_true(returned >= 24);
  free(items[0].data);
}

/* Drawing from a loan may find no memory long after the call has returned. */
static void memory_that_runs_out_while_lent_ends_the_connection(void **state) {
  (void)state;
  lend_four_and_get_stuck();
  f.memory.fail_at = f.memory.asked + 1;
  f.memory.fails_on = 1;
  uvws__pool_deinit(&f.ctx->pool);
  peer_read(fixture_conn(&f), SIZE_MAX);
  run_until_stuck();
  assert_int_equal(returned, 4);
  assert_int_equal(items[3].status, UV_ENOMEM);
  fixture_advance(&f, 5000); /* a write error waits so long for what the peer may have to say */
  fixture_end(&f);
  assert_int_equal(f.players[0].closes, 1);
  assert_int_equal(returned, 4);
}

static void lending_without_a_callback_is_refused(void **state) {
  (void)state;
  uint8_t byte = 0;
  begin(NULL);
  open_up();
  uvws_t *ws = f.players[0].ws;
  assert_int_equal(uvws_send(ws, UVWS_TEXT, &byte, 1, UVWS_SEND_BORROWED, NULL, NULL), UV_EINVAL);
  assert_non_null(strstr(uvws_last_error(ws), "callback"));
  assert_int_equal(uvws_message_begin(ws, UVWS_TEXT, UVWS_SEND_BORROWED), UV_EINVAL);
  close_up();
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(lent_messages_arrive_whole_and_in_order_among_others),
      cmocka_unit_test(a_queue_of_lent_messages_takes_no_memory_for_them),
      cmocka_unit_test(a_close_waits_behind_what_was_lent),
      cmocka_unit_test(what_was_lent_is_given_back_when_the_client_is_freed),
      cmocka_unit_test(what_was_lent_is_given_back_when_the_peer_resets),
      cmocka_unit_test(what_is_copied_all_the_same_is_given_back_too),
      cmocka_unit_test(loans_are_used_again),
      cmocka_unit_test(memory_that_runs_out_while_lent_ends_the_connection),
      cmocka_unit_test(lending_without_a_callback_is_refused),
  };
  return cmocka_run_group_tests_name("lend", tests, NULL, NULL);
}
