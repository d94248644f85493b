/* Memory in the steady state: messages that go back and forth take none, whatever their size. */
#include "support/fixture.h"

static const struct peer_plan echoing = {.echoes = 1};

enum { WARM_UP = 16, MEASURED = 100 };

static uint8_t payload[1 << 20];
static size_t payload_len;

static int is_warm(struct fixture *f) {
  return f->players[0].messages >= WARM_UP;
}

static int is_measured(struct fixture *f) {
  return f->players[0].messages >= WARM_UP + MEASURED;
}

static void on_sent(uvws_t *ws, int status, void *arg) {
  (void)ws;
  assert_int_equal(status, 0);
  ++*(size_t *)arg;
}

static size_t sent_count;

static void on_echo_sends_again(struct player *p, enum event event) {
  if (event == EVENT_OPEN || event == EVENT_MESSAGE)
    assert_true(player_binary(p, payload, payload_len, on_sent, &sent_count) >= 0);
}

static void echoes_of_allocate_nothing(size_t len) {
  struct fixture f;
  fixture_init(&f, &echoing);
  f.is_quiet = 1;
  f.hook = on_echo_sends_again;
  payload_len = len;
  sent_count = 0;
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_warm);
  size_t asked = f.memory.asked;
  size_t bytes = f.memory.bytes;
  fixture_run_until(&f, is_measured);
  assert_int_equal(f.memory.asked, asked);
  assert_int_equal(f.memory.bytes, bytes);
  f.hook = NULL;
  player_close(&f.players[0], 1000, NULL);
  fixture_end(&f);
  assert_int_equal(f.players[0].code, 1000);
  assert_true(sent_count >= WARM_UP + MEASURED);
}

static void echoes_of_0_bytes_allocate_nothing(void **state) {
  (void)state;
  echoes_of_allocate_nothing(0);
}

static void echoes_of_16_bytes_allocate_nothing(void **state) {
  (void)state;
  echoes_of_allocate_nothing(16);
}

static void echoes_of_64_KiB_allocate_nothing(void **state) {
  (void)state;
  echoes_of_allocate_nothing(65536);
}

static void echoes_of_1_MiB_allocate_nothing(void **state) {
  (void)state;
  echoes_of_allocate_nothing(1 << 20);
}

/* Sent from outside of the library's callbacks, so that they leave at the end of the turn. */
static void bursts_from_outside_allocate_nothing(void **state) {
  (void)state;
  struct fixture f;
  size_t asked = 0;
  fixture_init(&f, NULL);
  f.is_quiet = 1;
  sent_count = 0;
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_open);
  for (int i = 0; i < 100; i++) {
    if (i == 10) asked = f.memory.asked;
    for (int j = 0; j < 50; j++)
      assert_int_equal(player_binary(&f.players[0], payload, 100, on_sent, &sent_count), 0);
    while (sent_count < (size_t)(i + 1) * 50)
      uv_run(&f.loop, UV_RUN_ONCE);
  }
  assert_int_equal(f.memory.asked, asked);
  player_close(&f.players[0], 1000, NULL);
  fixture_end(&f);
}

static int is_ponged(struct fixture *f) {
  return f->players[0].pongs > 0;
}

static void pings_and_pongs_allocate_nothing(void **state) {
  (void)state;
  struct fixture f;
  size_t asked = 0;
  fixture_init(&f, NULL);
  f.is_quiet = 1;
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_open);
  for (int i = 0; i < 50; i++) {
    if (i == 5) asked = f.memory.asked;
    f.players[0].pongs = 0;
    assert_int_equal(player_ping(&f.players[0], "are you there"), 0);
    peer_send_frame(fixture_conn(&f), 0x89, "are you there", 13);
    peer_send_frame(fixture_conn(&f), 0x8A, "yes", 3);
    fixture_run_until(&f, is_ponged);
  }
  assert_int_equal(f.memory.asked, asked);
  player_close(&f.players[0], 1000, NULL);
  fixture_end(&f);
}

/* What a connection keeps while nothing happens, allocated by the library itself. */
static void idle_connection_takes_little(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, &echoing);
  fixture_player(&f, 1, f.ctx);
  player_connect(&f.players[0], NULL);
  player_text(&f.players[0], "warm up");
  fixture_run_until(&f, is_open);
  while (f.players[0].messages < 1)
    uv_run(&f.loop, UV_RUN_ONCE);
  size_t before = f.memory.bytes;
  player_connect(&f.players[1], NULL);
  player_text(&f.players[1], "hello");
  while (f.players[1].messages < 1)
    uv_run(&f.loop, UV_RUN_ONCE);
  if (f.memory.bytes > before + 1100)
    fail_msg("%zu bytes for an idle connection", f.memory.bytes - before);
  player_close(&f.players[0], 1000, NULL);
  player_close(&f.players[1], 1000, NULL);
  fixture_end(&f);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(echoes_of_0_bytes_allocate_nothing),
      cmocka_unit_test(echoes_of_16_bytes_allocate_nothing),
      cmocka_unit_test(echoes_of_64_KiB_allocate_nothing),
      cmocka_unit_test(echoes_of_1_MiB_allocate_nothing),
      cmocka_unit_test(bursts_from_outside_allocate_nothing),
      cmocka_unit_test(pings_and_pongs_allocate_nothing),
      cmocka_unit_test(idle_connection_takes_little),
  };
  return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
