/*
 * Sending and closing from other threads. The threads here do nothing but call; what comes of it is
 * seen on the loop. The suite runs under the thread sanitizer too (script/test).
 */
#include "support/fixture.h"

#include <stdio.h>

#define THREADS 4
#define MESSAGES 500

static const struct peer_plan polite = {0};

struct world {
  struct fixture f;
  uvws_async_t *async;
  uv_thread_t threads[THREADS];
  struct thread_arg {
    struct world *w;
    int number;
  } args[THREADS];
  int completions; /* told on the loop's thread */
  int failures;
  int last_status;
};

/* The fixture's allocator counts without a lock, so these tests take the C library's. */
static void world_init(struct world *w, const struct peer_plan *plan, size_t max_bytes) {
  memset(w, 0, sizeof *w);
  fixture_init_bare(&w->f, plan);
  assert_int_equal(uvws_context_new(&w->f.loop, NULL, &w->f.ctx), 0);
  assert_int_equal(fixture_player(&w->f, 0, w->f.ctx), 0);
  assert_int_equal(uvws_async_new(w->f.players[0].ws, max_bytes, &w->async), 0);
}

static void world_open(struct world *w) {
  assert_int_equal(player_connect(&w->f.players[0], NULL), 0);
  fixture_run_until(&w->f, is_open);
}

static void world_end(struct world *w) {
  uvws_async_free(w->async);
  fixture_end(&w->f);
}

/* An async keeps the loop alive: until on_close, and a few turns more. */
static void settle(struct world *w) {
  fixture_run_until(&w->f, is_over);
  for (int i = 0; i < 8; i++)
    uv_run(&w->f.loop, UV_RUN_NOWAIT);
}

static void on_sent(uvws_t *ws, int status, void *arg) {
  struct world *w = arg;
  assert_non_null(ws);
  w->completions++;
  w->last_status = status;
  if (status) w->failures++;
}

static void start_threads(struct world *w, void (*run)(void *)) {
  for (int i = 0; i < THREADS; i++) {
    w->args[i] = (struct thread_arg){w, i};
    assert_int_equal(uv_thread_create(&w->threads[i], run, &w->args[i]), 0);
  }
}

static void join_threads(struct world *w) {
  for (int i = 0; i < THREADS; i++)
    uv_thread_join(&w->threads[i]);
}

static void send_many(void *arg) {
  struct thread_arg *a = arg;
  for (int i = 0; i < MESSAGES; i++) {
    char text[32];
    int len = snprintf(text, sizeof text, "%d %d", a->number, i);
    if (uvws_async_send(a->w->async, UVWS_TEXT, text, (size_t)len, 0, on_sent, a->w) != 0) abort();
  }
}

static void messages_of_each_thread_arrive_in_order(void **state) {
  (void)state;
  struct world w;
  int next[THREADS] = {0};
  world_init(&w, &polite, 0);
  world_open(&w);
  start_threads(&w, send_many);
  while (w.completions < THREADS * MESSAGES)
    uv_run(&w.f.loop, UV_RUN_ONCE);
  join_threads(&w);
  assert_int_equal(uvws_async_close(w.async, 1000, "done", 4), 0);
  settle(&w);
  struct peer_conn *conn = fixture_conn(&w.f);
  assert_int_equal(peer_count(conn, 1), THREADS * MESSAGES);
  for (size_t i = 0; i < conn->frame_count; i++) {
    int thread, number;
    if (conn->frames[i].opcode != 1) continue;
    assert_int_equal(sscanf((char *)conn->frames[i].data, "%d %d", &thread, &number), 2);
    assert_int_equal(number, next[thread]++);
  }
  assert_int_equal(w.failures, 0);
  assert_int_equal(peer_close_code(conn), 1000);
  world_end(&w);
}

static void queue_is_bounded(void **state) {
  (void)state;
  struct world w;
  world_init(&w, &polite, 10);
  world_open(&w);
  assert_int_equal(uvws_async_send(w.async, UVWS_BINARY, "12345", 5, 0, on_sent, &w), 0);
  assert_int_equal(uvws_async_send(w.async, UVWS_BINARY, "123456", 6, 0, on_sent, &w),
                   UVWS_EQUEUEFULL);
  assert_int_equal(uvws_async_send(w.async, UVWS_BINARY, "54321", 5, 0, on_sent, &w), 0);
  assert_int_equal(uvws_async_send(w.async, UVWS_BINARY, "", 0, 0, on_sent, &w), 0);
  while (w.completions < 3)
    uv_run(&w.f.loop, UV_RUN_ONCE);
  assert_int_equal(uvws_async_send(w.async, UVWS_BINARY, "1234567890", 10, 0, on_sent, &w), 0);
  assert_int_equal(uvws_async_close(w.async, 1000, NULL, 0), 0);
  settle(&w);
  assert_int_equal(w.completions, 4);
  assert_int_equal(w.failures, 0);
  world_end(&w);
}

static void bad_arguments_are_refused(void **state) {
  (void)state;
  struct world w;
  uvws_async_t *async;
  world_init(&w, &polite, 0);
  assert_int_equal(uvws_async_new(NULL, 0, &async), UV_EINVAL);
  assert_int_equal(uvws_async_send(w.async, UVWS_TEXT, NULL, 1, 0, NULL, NULL), UV_EINVAL);
  assert_int_equal(uvws_async_send(w.async, (uvws_kind_t)7, "x", 1, 0, NULL, NULL), UV_EINVAL);
  assert_int_equal(uvws_async_send(w.async, UVWS_TEXT, "x", 1, 99, NULL, NULL), UV_EINVAL);
  assert_int_equal(uvws_async_close(w.async, 1005, NULL, 0), UVWS_ECLOSECODE);
  world_end(&w);
}

static void what_uvws_send_refuses_is_told_on_the_loop(void **state) {
  (void)state;
  struct world w;
  world_init(&w, &polite, 0);
  world_open(&w);
  player_close(&w.f.players[0], 1000, NULL);
  settle(&w);
  assert_int_equal(uvws_async_send(w.async, UVWS_TEXT, "x", 1, 0, on_sent, &w), 0);
  while (w.completions < 1)
    uv_run(&w.f.loop, UV_RUN_NOWAIT);
  assert_int_equal(w.last_status, UVWS_ENOTOPEN);
  world_end(&w);
}

static void messages_before_the_connection_wait(void **state) {
  (void)state;
  struct world w;
  world_init(&w, &polite, 0);
  assert_int_equal(uvws_async_send(w.async, UVWS_TEXT, "early", 5, 0, on_sent, &w), 0);
  uv_run(&w.f.loop, UV_RUN_NOWAIT);
  world_open(&w);
  while (w.completions < 1)
    uv_run(&w.f.loop, UV_RUN_ONCE);
  player_close(&w.f.players[0], 1000, NULL);
  settle(&w);
  assert_int_equal(peer_count(fixture_conn(&w.f), 1), 1);
  world_end(&w);
}

static void freed_client_cancels_what_is_queued(void **state) {
  (void)state;
  struct world w;
  world_init(&w, &polite, 0);
  world_open(&w);
  for (int i = 0; i < 3; i++)
    assert_int_equal(uvws_async_send(w.async, UVWS_TEXT, "x", 1, 0, on_sent, &w), 0);
  assert_int_equal(uvws_async_close(w.async, 1000, NULL, 0), 0);
  player_free(&w.f.players[0]);
  assert_int_equal(w.completions, 0);
  assert_int_equal(uvws_async_send(w.async, UVWS_TEXT, "x", 1, 0, on_sent, &w), UVWS_ENOTOPEN);
  assert_int_equal(uvws_async_close(w.async, 1000, NULL, 0), UVWS_ENOTOPEN);
  settle(&w);
  assert_int_equal(w.completions, 3);
  assert_int_equal(w.last_status, UV_ECANCELED);
  world_end(&w);
}

static void freed_client_without_a_connection_cancels_too(void **state) {
  (void)state;
  struct world w;
  world_init(&w, &polite, 0);
  assert_int_equal(uvws_async_send(w.async, UVWS_TEXT, "x", 1, 0, on_sent, &w), 0);
  player_free(&w.f.players[0]);
  assert_int_equal(w.completions, 0);
  while (w.completions < 1)
    uv_run(&w.f.loop, UV_RUN_NOWAIT);
  world_end(&w);
}

static void async_outlives_its_context(void **state) {
  (void)state;
  struct world w;
  world_init(&w, &polite, 0);
  uvws_async_t *async = w.async;
  w.async = NULL;
  player_free(&w.f.players[0]);
  world_end(&w);
  assert_int_equal(uvws_async_send(async, UVWS_TEXT, "x", 1, 0, NULL, NULL), UVWS_ENOTOPEN);
  uvws_async_free(async);
}

static void async_freed_early_loses_nothing(void **state) {
  (void)state;
  struct world w;
  world_init(&w, &polite, 0);
  world_open(&w);
  assert_int_equal(uvws_async_send(w.async, UVWS_TEXT, "last", 4, 0, on_sent, &w), 0);
  assert_int_equal(uvws_async_close(w.async, 1000, NULL, 0), 0);
  uvws_async_free(w.async);
  w.async = NULL;
  settle(&w);
  assert_int_equal(w.completions, 1);
  assert_int_equal(peer_count(fixture_conn(&w.f), 1), 1);
  world_end(&w);
}

/* Threads that go on while the client is freed: each call answers one way or the other. */
static void send_until_gone(void *arg) {
  struct thread_arg *a = arg;
  for (int i = 0; i < 100000; i++) {
    int err = uvws_async_send(a->w->async, UVWS_TEXT, "x", 1, 0, NULL, NULL);
    if (err == UVWS_ENOTOPEN) return;
    if (err != 0 && err != UVWS_EQUEUEFULL) abort();
  }
}

static void client_may_be_freed_under_its_threads(void **state) {
  (void)state;
  struct world w;
  world_init(&w, &polite, 1000);
  world_open(&w);
  start_threads(&w, send_until_gone);
  while (fixture_conn(&w.f)->frame_count < 100)
    uv_run(&w.f.loop, UV_RUN_ONCE);
  player_free(&w.f.players[0]);
  settle(&w);
  join_threads(&w);
  world_end(&w);
}

static void free_in_completion(uvws_t *ws, int status, void *arg) {
  struct world *w = arg;
  (void)ws;
  (void)status;
  w->completions++;
  if (w->f.players[0].ws) player_free(&w->f.players[0]);
}

static void client_freed_in_a_completion_takes_the_rest_along(void **state) {
  (void)state;
  struct world w;
  world_init(&w, &polite, 0);
  world_open(&w);
  player_close(&w.f.players[0], 1000, NULL);
  settle(&w);
  for (int i = 0; i < 3; i++)
    assert_int_equal(uvws_async_send(w.async, UVWS_TEXT, "x", 1, 0, free_in_completion, &w), 0);
  while (w.completions < 3)
    uv_run(&w.f.loop, UV_RUN_NOWAIT);
  world_end(&w);
}

/* A loop, a client and a peer for each thread, with nothing shared. The order of opening and
 * closing is for the thread sanitizer: libuv closes descriptors behind its back, so to it a number
 * that comes again in another thread is a race. */
static struct {
  uv_mutex_t opening;
  uv_barrier_t done;
  struct fixture fixtures[THREADS];
} loops;

static void run_loop(void *arg) {
  struct fixture *f = arg;
  uv_mutex_lock(&loops.opening);
  fixture_init(f, &(struct peer_plan){.echoes = 1});
  player_connect(&f->players[0], NULL);
  fixture_run_until(f, is_open);
  uv_mutex_unlock(&loops.opening);
  f->is_quiet = 1;
  for (int i = 1; i <= 50; i++) {
    player_binary(&f->players[0], "x", 1, NULL, NULL);
    while (f->players[0].messages < i)
      uv_run(&f->loop, UV_RUN_ONCE);
  }
  uv_barrier_wait(&loops.done);
  player_close(&f->players[0], 1000, NULL);
  fixture_end(f);
}

static void loops_of_different_threads_share_nothing(void **state) {
  (void)state;
  uv_thread_t threads[THREADS];
  uv_mutex_init(&loops.opening);
  uv_barrier_init(&loops.done, THREADS);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(uv_thread_create(&threads[i], run_loop, &loops.fixtures[i]), 0);
  for (int i = 0; i < THREADS; i++)
    uv_thread_join(&threads[i]);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(loops.fixtures[i].players[0].messages, 50);
  uv_barrier_destroy(&loops.done);
  uv_mutex_destroy(&loops.opening);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(messages_of_each_thread_arrive_in_order),
      cmocka_unit_test(queue_is_bounded),
      cmocka_unit_test(bad_arguments_are_refused),
      cmocka_unit_test(what_uvws_send_refuses_is_told_on_the_loop),
      cmocka_unit_test(messages_before_the_connection_wait),
      cmocka_unit_test(freed_client_cancels_what_is_queued),
      cmocka_unit_test(freed_client_without_a_connection_cancels_too),
      cmocka_unit_test(async_outlives_its_context),
      cmocka_unit_test(async_freed_early_loses_nothing),
      cmocka_unit_test(client_may_be_freed_under_its_threads),
      cmocka_unit_test(client_freed_in_a_completion_takes_the_rest_along),
      cmocka_unit_test(loops_of_different_threads_share_nothing),
  };
  return cmocka_run_group_tests_name("async", tests, NULL, NULL);
}
