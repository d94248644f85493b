/*
 * Compressing peers that nobody here wrote, npm ws and python3-websockets: with each combination of
 * the four parameters messages of many sizes come back as they went.
 *
 *   test_peers COMMAND ...   starts an echo server, see ../servers/README.md; 4 tests, one for each
 *                            pair of the takeover parameters, over all windows
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include <cmocka.h>

#include "interop/server.h"
#include "uvws.h"

#define ROUNDS 3
#define LARGEST 150000

static struct server server;
static uint8_t data[LARGEST];
static const size_t lens[] = {0, 1, 5, 125, 126, 700, 1024, 5000, 40000, LARGEST};
static const unsigned flags[] = {UVWS_SEND_COMPRESSED, UVWS_SEND_PLAIN, 0};

#define LENS (sizeof lens / sizeof *lens)

struct talk {
  const uvws_options_t *options;
  size_t received;
  int opens, errors, closes;
};

/* Text comes from the part of `data` that is ASCII: all of it. */
static void fill_data(void) {
  uint32_t random = 7;
  for (size_t i = 0; i < LARGEST; i++) {
    random = random * 1664525 + 1013904223;
    data[i] = (uint8_t)(i % 3000 < 1500 ? 'a' + (random >> 30) : ' ' + (random >> 25) % 90);
  }
}

static uvws_kind_t kind_of(size_t number) {
  return number % 2 ? UVWS_BINARY : UVWS_TEXT;
}

static void has_parameter(uvws_t *ws, const char *name, int is_asked) {
  const char *answer = uvws_response_header(ws, "Sec-WebSocket-Extensions");
  if (!answer) fail_msg("the server does not compress");
  if (is_asked && !strstr(answer, name)) fail_msg("%s is not in %s", name, answer);
}

static void on_open(uvws_t *ws, void *user) {
  struct talk *t = user;
  t->opens++;
  has_parameter(ws, "permessage-deflate", 1);
  has_parameter(ws, "server_no_context_takeover", t->options->server_no_context_takeover);
  has_parameter(ws, "server_max_window_bits", t->options->server_max_window_bits);
  for (size_t i = 0; i < ROUNDS * LENS; i++) {
    int err = uvws_send(ws, kind_of(i), data + i,
                        lens[i % LENS] > i ? lens[i % LENS] - i : lens[i % LENS], flags[i / LENS],
                        NULL, NULL);
    assert_true(err >= 0);
  }
}

static void on_message(uvws_t *ws, uvws_kind_t kind, const uint8_t *bytes, size_t len, void *user) {
  struct talk *t = user;
  size_t i = t->received++;
  assert_int_equal(kind, kind_of(i));
  assert_int_equal(len, lens[i % LENS] > i ? lens[i % LENS] - i : lens[i % LENS]);
  if (len) assert_memory_equal(bytes, data + i, len);
  if (t->received == ROUNDS * LENS) assert_int_equal(uvws_close(ws, 1000, NULL, 0), 0);
}

static void on_error(uvws_t *ws, const uvws_error_t *error, void *user) {
  (void)ws;
  ((struct talk *)user)->errors++;
  fail_msg("%s: %s", uvws_err_name(error->code), error->message);
}

static void on_close(uvws_t *ws, const uvws_close_info_t *info, void *user) {
  struct talk *t = user;
  (void)ws;
  t->closes++;
  assert_int_equal(info->code, 1000);
  assert_true(info->was_clean);
}

static void talk(const uvws_options_t *options) {
  static const uvws_callbacks_t callbacks = {.size = sizeof callbacks,
                                             .on_open = on_open,
                                             .on_message = on_message,
                                             .on_error = on_error,
                                             .on_close = on_close};
  struct talk t = {.options = options};
  uvws_context_t *ctx;
  uvws_t *ws;
  uv_loop_t loop;
  assert_int_equal(uv_loop_init(&loop), 0);
  assert_int_equal(uvws_context_new(&loop, NULL, &ctx), 0);
  assert_int_equal(uvws_new(ctx, &callbacks, &t, &ws), 0);
  assert_int_equal(uvws_connect(ws, options), 0);
  uv_run(&loop, UV_RUN_DEFAULT);
  uvws_free(ws);
  uvws_context_free(ctx);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
  assert_int_equal(t.opens, 1);
  assert_int_equal(t.errors, 0);
  assert_int_equal(t.closes, 1);
  assert_int_equal(t.received, ROUNDS * LENS);
}

static void talk_over_all_windows(int client_fresh, int server_fresh) {
  static const int windows[] = {0, 9, 12, 15};
  char uri[64];
  snprintf(uri, sizeof uri, "ws://127.0.0.1:%u/echo", (unsigned)server.port);
  for (size_t client = 0; client < 4; client++) {
    for (size_t peer = 0; peer < 4; peer++) {
      uvws_options_t options = {.size = sizeof options,
                                .uri = uri,
                                .client_max_window_bits = windows[client],
                                .server_max_window_bits = windows[peer],
                                .client_no_context_takeover = client_fresh,
                                .server_no_context_takeover = server_fresh};
      talk(&options);
    }
  }
}

static void messages_come_back_with_takeover_both_ways(void **state) {
  (void)state;
  talk_over_all_windows(0, 0);
}

static void messages_come_back_when_the_client_forgets(void **state) {
  (void)state;
  talk_over_all_windows(1, 0);
}

static void messages_come_back_when_the_server_forgets(void **state) {
  (void)state;
  talk_over_all_windows(0, 1);
}

static void messages_come_back_without_takeover(void **state) {
  (void)state;
  talk_over_all_windows(1, 1);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(messages_come_back_with_takeover_both_ways),
      cmocka_unit_test(messages_come_back_when_the_client_forgets),
      cmocka_unit_test(messages_come_back_when_the_server_forgets),
      cmocka_unit_test(messages_come_back_without_takeover),
  };
  fill_data();
  if (argc < 2 || server_start(&server, argv + 1) != 0) return 1;
  int failed = cmocka_run_group_tests_name("peers", tests, NULL, NULL);
  server_stop(&server);
  return failed;
}
