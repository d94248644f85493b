/*
 * Redirects that clients follow or not. One scripted server answers with the redirect, another one
 * (or the same, asked again) with a good 101. What goes along is read from the second request.
 */
#include "conn/conn.h"
#include "support/fixture.h"

#include <stdio.h>

struct world {
  struct fixture f;
  struct peer first; /* redirects to f.peer */
  char uri[128];
  char answer[512];
  uvws_options_t options;
};

static struct world world;

static const uvws_header_t caller_headers[] = {{"X-Secret", "yes"}, {"Cookie", "a=b"}};

static void set_answer(struct world *w, int status, const char *location) {
  snprintf(w->answer, sizeof w->answer,
           "HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 4\r\n\r\nbody", status, location);
}

/* `format` may have a %u for the second server's port. */
static struct world *start(int status, const char *format) {
  struct world *w = &world;
  char location[256];
  memset(w, 0, sizeof *w);
  fixture_init(&w->f, NULL);
  snprintf(location, sizeof location, format, w->f.peer.port);
  set_answer(w, status, location);
  const struct peer_plan plan = {.answer = w->answer};
  peer_init(&w->first, &w->f.loop, &plan);
  snprintf(w->uri, sizeof w->uri, "ws://127.0.0.1:%u/a/b?c", w->first.port);
  w->options = (uvws_options_t){.size = sizeof w->options,
                                .uri = w->uri,
                                .headers = caller_headers,
                                .header_count = 2,
                                .max_redirects = 3};
  return w;
}

static void finish(struct world *w) {
  fixture_run(&w->f);
  peer_close(&w->first);
  fixture_end(&w->f);
  peer_deinit(&w->first);
}

static void close_when_open(struct player *p, enum event event) {
  if (event == EVENT_OPEN) player_close(p, 1000, "");
}

static struct player *run(struct world *w) {
  w->f.hook = close_when_open;
  assert_int_equal(player_connect(&w->f.players[0], &w->options), 0);
  fixture_run(&w->f);
  assert_int_equal(w->f.players[0].closes, 1);
  return &w->f.players[0];
}

static void expect_error(struct world *w, int err, const char *words) {
  struct player *p = run(w);
  if (p->error != err || !strstr(p->error_message, words))
    fail_msg("%s: %s", uvws_err_name(p->error), p->error_message);
  assert_int_equal(p->errors, 1);
  assert_true(p->status >= 300);
  assert_string_equal(p->body, "body");
}

static void each_status_that_redirects_is_followed(void **state) {
  static const int statuses[] = {301, 302, 303, 307, 308};
  (void)state;
  for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
    struct world *w = start(statuses[i], "http://127.0.0.1:%u/next");
    struct player *p = run(w);
    assert_int_equal(p->opens, 1);
    assert_int_equal(p->errors, 0);
    assert_true(p->was_clean);
    assert_memory_equal(fixture_conn(&w->f)->request, "GET /next HTTP/1.1\r\n", 20);
    finish(w);
  }
}

static void redirects_are_refusals_unless_asked_for(void **state) {
  (void)state;
  struct world *w = start(302, "http://127.0.0.1:%u/next");
  w->options.max_redirects = 0;
  expect_error(w, UVWS_EHTTP_STATUS, "302");
  assert_int_equal(w->f.peer.conn_count, 0);
  finish(w);
}

static void other_statuses_with_a_location_are_refusals(void **state) {
  static const int statuses[] = {300, 304, 305, 306, 401, 503};
  (void)state;
  for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
    struct world *w = start(statuses[i], "http://127.0.0.1:%u/next");
    struct player *p = run(w);
    assert_int_equal(p->error, UVWS_EHTTP_STATUS);
    assert_int_equal(p->status, statuses[i]);
    finish(w);
  }
}

static void another_origin_gets_no_credentials(void **state) {
  (void)state;
  for (int is_bearer = 0; is_bearer < 2; is_bearer++) {
    struct world *w = start(302, "//evil:pw@127.0.0.1:%u/next");
    if (is_bearer)
      w->options.bearer_token = "secret";
    else
      snprintf(w->uri, sizeof w->uri, "ws://u:p@127.0.0.1:%u/", w->first.port);
    w->options.origin = "http://page.example";
    struct player *p = run(w);
    assert_int_equal(p->opens, 1);
    const char *before = w->first.conns[0]->request;
    assert_non_null(strstr(before, "X-Secret"));
    assert_non_null(strstr(before, "Authorization: "));
    const char *request = fixture_conn(&w->f)->request;
    assert_null(strstr(request, "X-Secret"));
    assert_null(strstr(request, "Cookie"));
    assert_null(strstr(request, "Authorization"));
    assert_non_null(strstr(request, "Origin: http://page.example\r\n"));
    finish(w);
  }
}

static int is_redirected(struct fixture *f) {
  (void)f;
  return world.first.conn_count > 0 && world.first.conns[0]->request;
}

static void the_same_origin_gets_all_again_with_a_key_of_its_own(void **state) {
  (void)state;
  struct world *w = start(302, "../x?y");
  w->f.hook = close_when_open;
  snprintf(w->uri, sizeof w->uri, "ws://u:p@127.0.0.1:%u/a/b/c", w->first.port);
  assert_int_equal(player_connect(&w->f.players[0], &w->options), 0);
  fixture_run_until(&w->f, is_redirected);
  w->first.plan.answer = NULL;
  fixture_run(&w->f);
  assert_int_equal(w->f.players[0].opens, 1);
  assert_int_equal(w->first.conn_count, 2);
  const char *request = w->first.conns[1]->request;
  assert_memory_equal(request, "GET /a/x?y HTTP/1.1\r\n", 21);
  assert_non_null(strstr(request, "X-Secret: yes\r\n"));
  assert_non_null(strstr(request, "Authorization: Basic dTpw\r\n"));
  const char *key = strstr(request, "Sec-WebSocket-Key: ");
  const char *old_key = strstr(w->first.conns[0]->request, "Sec-WebSocket-Key: ");
  assert_memory_not_equal(key, old_key, 43);
  finish(w);
}

/* Behind polling, before handles are closed: the first transport is on its way out. */
static void on_check(uv_check_t *check) {
  struct player *p = check->data;
  if (p->is_freed || !p->ws->conn || p->ws->conn->state != CONN_REDIRECTING) return;
  uv_check_stop(check);
  player_free(p);
}

static void a_client_freed_while_the_old_connection_closes_ends_once(void **state) {
  (void)state;
  struct world *w = start(302, "/again");
  uv_check_t check;
  uv_check_init(&w->f.loop, &check);
  check.data = &w->f.players[0];
  uv_check_start(&check, on_check);
  uv_unref((uv_handle_t *)&check);
  assert_int_equal(player_connect(&w->f.players[0], &w->options), 0);
  fixture_run(&w->f);
  assert_true(w->f.players[0].is_freed);
  assert_diary(&w->f, "close(1006) ");
  assert_int_equal(w->first.conn_count, 1);
  uv_close((uv_handle_t *)&check, NULL);
  finish(w);
}

static void a_loop_ends_with_max_redirects(void **state) {
  (void)state;
  struct world *w = start(302, "/again");
  expect_error(w, UVWS_EREDIRECT, "more than 3 redirects");
  assert_int_equal(w->first.conn_count, 4);
  finish(w);
}

static void bad_locations_are_told_with_the_answer(void **state) {
  static const char *const locations[] = {
      "ftp://127.0.0.1/", "http://", "http://127.1/", "/%%zz", "http:x", "javascript:x"};
  (void)state;
  for (size_t i = 0; i < sizeof locations / sizeof *locations; i++) {
    struct world *w = start(307, locations[i]);
    expect_error(w, UVWS_EREDIRECT, "the redirect");
    finish(w);
  }
}

static void without_a_location_it_is_a_refusal(void **state) {
  (void)state;
  struct world *w = start(302, "");
  snprintf(w->answer, sizeof w->answer, "HTTP/1.1 302 Found\r\nContent-Length: 4\r\n\r\nbody");
  expect_error(w, UVWS_EHTTP_STATUS, "302");
  finish(w);
}

static void a_target_that_refuses_is_told_as_any_other(void **state) {
  (void)state;
  struct world *w = start(302, "http://127.0.0.1:%u/next");
  w->f.peer.plan.answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nbody";
  expect_error(w, UVWS_EHTTP_STATUS, "404");
  finish(w);
}

static void a_target_that_cannot_be_reached_is_told_without_the_old_answer(void **state) {
  (void)state;
  struct world *w = start(302, "http://255.255.255.255/");
  struct player *p = run(w);
  assert_int_equal(p->errors, 1);
  assert_int_equal(p->status, 0);
  assert_non_null(strstr(p->error_message, "255.255.255.255"));
  finish(w);
}

/* Whatever the moment, between two turns of the loop. */
static void closing_at_any_turn_of_a_redirect_is_clean(void **state) {
  (void)state;
  for (int turns = 0; turns < 40; turns++) {
    for (int is_freeing = 0; is_freeing < 2; is_freeing++) {
      struct world *w = start(302, "http://127.0.0.1:%u/next");
      struct player *p = &w->f.players[0];
      assert_int_equal(player_connect(p, &w->options), 0);
      for (int i = 0; i < turns; i++)
        uv_run(&w->f.loop, UV_RUN_NOWAIT);
      if (is_freeing)
        player_free(p);
      else
        player_close(p, 1000, "");
      fixture_run(&w->f);
      assert_int_equal(p->closes, 1);
      assert_int_equal(p->errors, 0);
      finish(w);
    }
  }
}

static void messages_sent_before_leave_at_the_end_of_the_way(void **state) {
  (void)state;
  struct world *w = start(302, "http://127.0.0.1:%u/next");
  player_text(&w->f.players[0], "early");
  struct player *p = run(w);
  assert_int_equal(p->sents, 1);
  assert_int_equal(peer_count(fixture_conn(&w->f), 1), 1);
  assert_int_equal(w->first.conns[0]->frame_count, 0);
  finish(w);
}

static void each_allocation_may_fail(void **state) {
  (void)state;
  int is_done = 0;
  for (size_t n = 1; !is_done; n++) {
    struct world *w = start(302, "http://127.0.0.1:%u/next");
    struct player *p = &w->f.players[0];
    w->f.hook = close_when_open;
    w->f.memory.fail_at = w->f.memory.asked + n;
    int err = player_connect(p, &w->options);
    assert_true(err == 0 || err == UV_ENOMEM);
    /* A close without memory for its frame leaves the connection open. */
    while (!err && !p->closes && uv_run(&w->f.loop, UV_RUN_ONCE))
      if (p->opens && w->f.memory.has_failed) break;
    if (p->opens && !p->closes) player_close(p, 1000, "");
    fixture_run(&w->f);
    is_done = !w->f.memory.has_failed;
    w->f.memory.fail_at = 0;
    finish(w);
    assert_true(n < 500);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_status_that_redirects_is_followed),
      cmocka_unit_test(redirects_are_refusals_unless_asked_for),
      cmocka_unit_test(other_statuses_with_a_location_are_refusals),
      cmocka_unit_test(another_origin_gets_no_credentials),
      cmocka_unit_test(the_same_origin_gets_all_again_with_a_key_of_its_own),
      cmocka_unit_test(a_client_freed_while_the_old_connection_closes_ends_once),
      cmocka_unit_test(a_loop_ends_with_max_redirects),
      cmocka_unit_test(bad_locations_are_told_with_the_answer),
      cmocka_unit_test(without_a_location_it_is_a_refusal),
      cmocka_unit_test(a_target_that_refuses_is_told_as_any_other),
      cmocka_unit_test(a_target_that_cannot_be_reached_is_told_without_the_old_answer),
      cmocka_unit_test(closing_at_any_turn_of_a_redirect_is_clean),
      cmocka_unit_test(messages_sent_before_leave_at_the_end_of_the_way),
      cmocka_unit_test(each_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
