/* The end of all connections of a context, with one call and a deadline. */
#include "support/fixture.h"

struct ending {
  int calls;
  int cut_count;
  struct fixture *f;
  int closes_seen;
};

static void on_all_closed(uvws_context_t *ctx, int cut_count, void *arg) {
  struct ending *e = arg;
  assert_non_null(ctx);
  assert_int_equal(e->f->inside, 0);
  e->calls++;
  e->cut_count = cut_count;
  for (int i = 0; i < PLAYERS; i++)
    e->closes_seen += e->f->players[i].closes;
}

static int close_all(struct fixture *f, uint32_t timeout_ms, struct ending *e) {
  e->f = f;
  f->inside++;
  int err = uvws_context_close_all(f->ctx, 1001, "bye", 3, timeout_ms, on_all_closed, e);
  f->inside--;
  return err;
}

static void open_all(struct fixture *f, const struct peer_plan *plan) {
  fixture_init(f, plan);
  for (int i = 0; i < PLAYERS; i++) {
    if (i) assert_int_equal(fixture_player(f, i, f->ctx), 0);
    assert_int_equal(player_connect(&f->players[i], NULL), 0);
    while (!f->players[i].opens)
      uv_run(&f->loop, UV_RUN_ONCE);
  }
}

static void all_clients_close_cleanly(void **state) {
  (void)state;
  struct fixture f;
  struct ending e = {0};
  open_all(&f, NULL);
  player_text(&f.players[2], "last words");
  assert_int_equal(close_all(&f, 1000, &e), 0);
  fixture_run(&f);
  assert_int_equal(e.calls, 1);
  assert_int_equal(e.cut_count, 0);
  assert_int_equal(e.closes_seen, PLAYERS);
  for (int i = 0; i < PLAYERS; i++) {
    assert_true(f.players[i].was_clean);
    assert_int_equal(peer_close_code(f.peer.conns[i]), 1001);
  }
  assert_int_equal(peer_count(f.peer.conns[2], 1), 1);
  fixture_end(&f);
}

static void nothing_to_close_is_told_from_the_loop(void **state) {
  (void)state;
  struct fixture f;
  struct ending e = {0};
  fixture_init(&f, NULL);
  assert_int_equal(close_all(&f, 1000, &e), 0);
  assert_int_equal(e.calls, 0);
  assert_int_equal(close_all(&f, 1000, &e), UVWS_EBUSY);
  fixture_run(&f);
  assert_int_equal(e.calls, 1);
  assert_int_equal(close_all(&f, 1000, &e), 0);
  fixture_run(&f);
  assert_int_equal(e.calls, 2);
  fixture_end(&f);
}

static void those_that_do_not_answer_are_cut_in_time(void **state) {
  (void)state;
  static const struct peer_plan mute = {.manners = PEER_MUTE};
  struct fixture f;
  struct ending e = {0};
  open_all(&f, &mute);
  assert_int_equal(close_all(&f, 700, &e), 0);
  for (int i = 0; i < 8; i++)
    uv_run(&f.loop, UV_RUN_NOWAIT);
  fixture_advance(&f, 699);
  for (int i = 0; i < 8; i++)
    uv_run(&f.loop, UV_RUN_NOWAIT);
  assert_int_equal(e.calls, 0);
  fixture_advance(&f, 1);
  fixture_run(&f);
  assert_int_equal(e.calls, 1);
  assert_int_equal(e.cut_count, PLAYERS);
  for (int i = 0; i < PLAYERS; i++)
    assert_int_equal(f.players[i].error, UVWS_ECLOSE_TIMEOUT);
  fixture_end(&f);
}

static void close_under_way_gets_the_same_limit(void **state) {
  (void)state;
  static const struct peer_plan mute = {.manners = PEER_MUTE};
  struct fixture f;
  struct ending e = {0};
  uvws_options_t patient = {.close_timeout_ms = UVWS_NO_TIMEOUT};
  fixture_init(&f, &mute);
  player_connect(&f.players[0], &patient);
  fixture_run_until(&f, is_open);
  player_close(&f.players[0], 1000, NULL);
  assert_int_equal(close_all(&f, 100, &e), 0);
  fixture_advance(&f, 100);
  fixture_run(&f);
  assert_int_equal(e.calls, 1);
  assert_int_equal(f.players[0].error, UVWS_ECLOSE_TIMEOUT);
  fixture_end(&f);
}

static void connecting_clients_are_cancelled(void **state) {
  (void)state;
  static const struct peer_plan silent = {.is_silent = 1};
  struct fixture f;
  struct ending e = {0};
  fixture_init(&f, &silent);
  player_connect(&f.players[0], NULL);
  assert_int_equal(close_all(&f, UVWS_NO_TIMEOUT, &e), 0);
  fixture_run(&f);
  assert_int_equal(e.calls, 1);
  assert_diary(&f, "close(1006) ");
  fixture_end(&f);
}

static void free_all_in_close(struct player *p, enum event event) {
  if (event != EVENT_CLOSE) return;
  for (int i = 0; i < PLAYERS; i++)
    if (p->f->players[i].ws) player_free(&p->f->players[i]);
}

static void clients_freed_meanwhile_count_as_closed(void **state) {
  (void)state;
  struct fixture f;
  struct ending e = {0};
  open_all(&f, NULL);
  f.hook = free_all_in_close;
  assert_int_equal(close_all(&f, 1000, &e), 0);
  fixture_run(&f);
  assert_int_equal(e.calls, 1);
  fixture_end(&f);
}

static void connect_again_in_close(struct player *p, enum event event) {
  if (event == EVENT_CLOSE && p->connects == 1) player_connect(p, NULL);
}

static void connections_begun_later_are_left_alone(void **state) {
  (void)state;
  struct fixture f;
  struct ending e = {0};
  fixture_init(&f, NULL);
  f.hook = connect_again_in_close;
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_open);
  assert_int_equal(close_all(&f, 1000, &e), 0);
  while (f.players[0].opens < 2)
    uv_run(&f.loop, UV_RUN_ONCE);
  assert_int_equal(e.calls, 1);
  player_close(&f.players[0], 1000, NULL);
  fixture_end(&f);
}

static void bad_code_closes_nothing(void **state) {
  (void)state;
  struct fixture f;
  struct ending e = {0};
  fixture_init(&f, NULL);
  assert_int_equal(uvws_context_close_all(f.ctx, 1005, NULL, 0, 0, on_all_closed, &e),
                   UVWS_ECLOSECODE);
  fixture_end(&f);
  assert_int_equal(e.calls, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_clients_close_cleanly),
      cmocka_unit_test(nothing_to_close_is_told_from_the_loop),
      cmocka_unit_test(those_that_do_not_answer_are_cut_in_time),
      cmocka_unit_test(close_under_way_gets_the_same_limit),
      cmocka_unit_test(connecting_clients_are_cancelled),
      cmocka_unit_test(clients_freed_meanwhile_count_as_closed),
      cmocka_unit_test(connections_begun_later_are_left_alone),
      cmocka_unit_test(bad_code_closes_nothing),
  };
  return cmocka_run_group_tests_name("close_all", tests, NULL, NULL);
}
