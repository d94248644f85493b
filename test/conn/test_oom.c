/*
 * Out of memory: whole conversations with the first, the second, ... allocation failing, and with
 * all failing from there on. Each ends in success or in UV_ENOMEM, keeps the callback law (the
 * fixture sees to that) and leaks nothing.
 */
#include "support/fixture.h"

#include <stdio.h>

#define ROUNDS_MAX 2000

static uint8_t payload[200000];

/* Pings, a message in pieces, one that is larger than a read. */
static uint8_t greeting[12 + 10 + 70000];

static const struct peer_plan *make_plan(void) {
  static const struct peer_plan plan = {.bytes = greeting, .len = sizeof greeting, .echoes = 1};
  memcpy(greeting,
         "\x01\x02"
         "he\x89\x01p\x80\x03"
         "llo",
         12);
  peer_frame_header(greeting + 12, 0x82, 70000);
  return &plan;
}

/* Memory may be short for the Close too: then the client goes without. */
static void leave(struct player *p) {
  int err = player_close(p, 1000, "that is all");
  if (err) assert_int_equal(err, UV_ENOMEM);
  if (err) player_free(p);
}

static void say(struct player *p, const void *data, size_t len) {
  int err = player_binary(p, data, len, NULL, NULL);
  if (err >= 0) return;
  assert_int_equal(err, UV_ENOMEM);
  leave(p);
}

static void on_event(struct player *p, enum event event) {
  if (p->is_freed) return;
  if (event == EVENT_OPEN) {
    int err = player_text(p, "with a completion");
    if (err < 0) assert_int_equal(err, UV_ENOMEM);
    say(p, payload, sizeof payload);
  }
  if (event == EVENT_MESSAGE && p->messages == 5) leave(p);
  if (event == EVENT_ERROR) assert_int_equal(p->error, UV_ENOMEM);
}

static int is_stuck(const struct fixture *f) {
  const struct player *p = &f->players[0];
  return p->connects && !p->closes && !p->is_freed;
}

/* A message that did not get into the queue is not echoed: then nobody says goodbye. */
static void converse(struct fixture *f) {
  struct player *p = &f->players[0];
  int err = player_text(p, "early");
  if (err < 0) assert_int_equal(err, UV_ENOMEM);
  err = player_connect(p, NULL);
  if (err) {
    assert_int_equal(err, UV_ENOMEM);
    return;
  }
  for (int i = 0; i < 200 && is_stuck(f); i++) {
    int is_quiet = !uv_run(&f->loop, UV_RUN_NOWAIT);
    if (is_quiet) break;
  }
  if (is_stuck(f) && p->opens) leave(p);
  fixture_run(f);
}

static int round_fails(size_t fail_at, int fails_on) {
  struct fixture f;
  fixture_init_bare(&f, make_plan());
  f.is_quiet = 1;
  f.hook = on_event;
  f.memory.fail_at = fail_at;
  f.memory.fails_on = fails_on;
  int err = fixture_make_context(&f, &f.ctx);
  if (!err) err = fixture_player(&f, 0, f.ctx);
  if (!err)
    converse(&f);
  else
    assert_int_equal(err, UV_ENOMEM);
  fixture_end(&f);
  if (!f.memory.has_failed) assert_int_equal(f.players[0].code, 1000);
  return f.memory.has_failed;
}

static void conversation_survives_each_allocation_that_fails(void **state) {
  (void)state;
  size_t n = 1;
  while (n < ROUNDS_MAX && round_fails(n, 0))
    n++;
  assert_in_range(n, 20, ROUNDS_MAX - 1);
}

static void conversation_survives_memory_that_runs_out(void **state) {
  (void)state;
  size_t n = 1;
  while (n < ROUNDS_MAX && round_fails(n, 1))
    n++;
  assert_in_range(n, 20, ROUNDS_MAX - 1);
}

/*
 * Handshakes that are refused, and breaches
 */

static void on_any_error(struct player *p, enum event event) {
  if (event != EVENT_ERROR) return;
  const int *expected = p->f->arg;
  if (p->error != UV_ENOMEM) assert_int_equal(p->error, *expected);
}

static int failure_fails(const struct peer_plan *plan, int error, size_t fail_at, int fails_on) {
  struct fixture f;
  fixture_init_bare(&f, plan);
  f.hook = on_any_error;
  f.arg = &error;
  f.memory.fail_at = fail_at;
  f.memory.fails_on = fails_on;
  int err = fixture_make_context(&f, &f.ctx);
  if (!err) err = fixture_player(&f, 0, f.ctx);
  if (!err) err = player_connect(&f.players[0], NULL);
  if (err) assert_int_equal(err, UV_ENOMEM);
  fixture_end(&f);
  if (!err) assert_int_equal(f.players[0].errors, 1);
  return f.memory.has_failed;
}

static void failures_survive_memory_that_runs_out(const struct peer_plan *plan, int error) {
  for (int fails_on = 0; fails_on < 2; fails_on++) {
    size_t n = 1;
    while (n < ROUNDS_MAX && failure_fails(plan, error, n, fails_on))
      n++;
    assert_in_range(n, 10, ROUNDS_MAX - 1);
  }
}

static void refusal_survives_memory_that_runs_out(void **state) {
  (void)state;
  static const struct peer_plan plan = {.answer = "HTTP/1.1 404 Not Found\r\nA: b\r\nC: d\r\n"
                                                  "Content-Length: 5\r\n\r\nhello"};
  failures_survive_memory_that_runs_out(&plan, UVWS_EHTTP_STATUS);
}

static void breach_survives_memory_that_runs_out(void **state) {
  (void)state;
  static const struct peer_plan plan = {.bytes = "\x01\x01x\x83\x00", .len = 5};
  failures_survive_memory_that_runs_out(&plan, UVWS_EPROTOCOL);
}

static void loss_survives_memory_that_runs_out(void **state) {
  (void)state;
  static const struct peer_plan plan = {.bytes = "\x01\x01x", .len = 3, .end = PEER_FIN};
  failures_survive_memory_that_runs_out(&plan, UVWS_ELOST);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(conversation_survives_each_allocation_that_fails),
      cmocka_unit_test(conversation_survives_memory_that_runs_out),
      cmocka_unit_test(refusal_survives_memory_that_runs_out),
      cmocka_unit_test(breach_survives_memory_that_runs_out),
      cmocka_unit_test(loss_survives_memory_that_runs_out),
  };
  return cmocka_run_group_tests_name("oom", tests, NULL, NULL);
}
