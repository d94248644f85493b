/*
 * Pausing with input left, over ws:// and wss://, where OpenSSL may hold the input that is left:
 *
 *   test_pause SCHEME COMMAND ...   starts an echo server, see ../servers/README.md
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include <cmocka.h>

#include "interop/server.h"
#include "uvws.h"

#define COUNT 200
#define LARGEST 100000

static struct server server;
static const char *scheme;
static uint8_t data[LARGEST];

struct talk {
  uvws_t *ws;
  uv_idle_t idle; /* the turn behind a pause resumes */
  int is_paused;
  int turns; /* since then */
  int received;
  size_t chunk_bytes;
  int is_chunked;
  int closes;
};

/* Small ones many to a TLS record, and large ones of many records. */
static size_t len_of(int number) {
  return number % 10 == 9 ? LARGEST - (size_t)number : (size_t)number;
}

static void on_idle(uv_idle_t *idle) {
  struct talk *t = idle->data;
  if (++t->turns < 3) return;
  t->is_paused = t->turns = 0;
  uv_idle_stop(idle);
  uvws_resume(t->ws);
}

static void hold(struct talk *t) {
  assert_false(t->is_paused);
  t->is_paused = 1;
  uvws_pause(t->ws);
  uv_idle_start(&t->idle, on_idle);
}

static void on_open(uvws_t *ws, void *user) {
  for (int i = 0; i < COUNT; i++)
    assert_true(uvws_send_binary(ws, data, len_of(i), NULL, NULL) >= 0);
  hold(user);
}

static void got_one(struct talk *t, size_t len) {
  assert_int_equal(len, len_of(t->received));
  if (++t->received == COUNT) assert_int_equal(uvws_close(t->ws, 1000, NULL, 0), 0);
}

static void on_message(uvws_t *ws, uvws_kind_t kind, const uint8_t *bytes, size_t len, void *user) {
  (void)ws, (void)kind;
  if (len) assert_memory_equal(bytes, data, len);
  hold(user);
  got_one(user, len);
}

static void on_chunk(uvws_t *ws, uvws_kind_t kind, const uint8_t *bytes, size_t len, unsigned part,
                     void *user) {
  struct talk *t = user;
  (void)ws, (void)kind;
  if (len) assert_memory_equal(bytes, data + t->chunk_bytes, len);
  t->chunk_bytes += len;
  hold(t);
  if (!(part & UVWS_LAST)) return;
  len = t->chunk_bytes;
  t->chunk_bytes = 0;
  got_one(t, len);
}

static void on_error(uvws_t *ws, const uvws_error_t *error, void *user) {
  (void)ws, (void)user;
  fail_msg("%s: %s", uvws_err_name(error->code), error->message);
}

static void on_close(uvws_t *ws, const uvws_close_info_t *info, void *user) {
  struct talk *t = user;
  (void)ws;
  t->closes++;
  assert_true(info->was_clean);
  uv_close((uv_handle_t *)&t->idle, NULL);
}

static void talk(int is_chunked, uvws_compression_t compression) {
  uvws_callbacks_t callbacks = {.size = sizeof callbacks,
                                .on_open = on_open,
                                .on_message = on_message,
                                .on_error = on_error,
                                .on_close = on_close,
                                .on_chunk = is_chunked ? on_chunk : NULL};
  struct talk t = {.is_chunked = is_chunked};
  uvws_context_t *ctx;
  uv_loop_t loop;
  char uri[64];
  snprintf(uri, sizeof uri, "%s://127.0.0.1:%u/echo", scheme, (unsigned)server.port);
  uvws_options_t options = {
      .size = sizeof options, .uri = uri, .insecure_skip_verify = 1, .compression = compression};
  assert_int_equal(uv_loop_init(&loop), 0);
  uv_idle_init(&loop, &t.idle);
  t.idle.data = &t;
  assert_int_equal(uvws_context_new(&loop, NULL, &ctx), 0);
  assert_int_equal(uvws_new(ctx, &callbacks, &t, &t.ws), 0);
  assert_int_equal(uvws_connect(t.ws, &options), 0);
  uv_run(&loop, UV_RUN_DEFAULT);
  uvws_free(t.ws);
  uvws_context_free(ctx);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
  assert_int_equal(t.closes, 1);
  assert_int_equal(t.received, COUNT);
}

static void messages_come_one_for_each_resume(void **state) {
  (void)state;
  talk(0, UVWS_COMPRESSION_OFF);
}

static void compressed_messages_come_one_for_each_resume(void **state) {
  (void)state;
  talk(0, UVWS_COMPRESSION_DEFAULT);
}

static void chunks_come_one_for_each_resume(void **state) {
  (void)state;
  talk(1, UVWS_COMPRESSION_OFF);
}

static void chunks_of_compressed_messages_come_one_for_each_resume(void **state) {
  (void)state;
  talk(1, UVWS_COMPRESSION_DEFAULT);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(messages_come_one_for_each_resume),
      cmocka_unit_test(compressed_messages_come_one_for_each_resume),
      cmocka_unit_test(chunks_come_one_for_each_resume),
      cmocka_unit_test(chunks_of_compressed_messages_come_one_for_each_resume),
  };
  for (size_t i = 0; i < LARGEST; i++)
    data[i] = (uint8_t)(i * i >> 9);
  if (argc < 3 || server_start(&server, argv + 2) != 0) return 1;
  scheme = argv[1];
  int failed = cmocka_run_group_tests_name("pause", tests, NULL, NULL);
  server_stop(&server);
  return failed;
}
