/* See client.h. */
#include "client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WATCHDOG_MS 60000

static void copy(char *out, size_t cap, const char *text) {
  snprintf(out, cap, "%s", text ? text : "");
}

static void take_info(struct client *c) {
  const uvws_tls_info_t *info;
  c->has_info = uvws_tls_info(c->ws, &info) == 0;
  if (!c->has_info) return;
  c->is_resumed = info->is_resumed;
  c->version = info->version;
  c->certificates = info->certificate_count;
  copy(c->cipher, sizeof c->cipher, info->cipher);
  copy(c->alpn, sizeof c->alpn, info->alpn);
  copy(c->pin, sizeof c->pin, info->certificate_count ? info->certificates[0].public_key_pin : "");
}

static void on_open(uvws_t *ws, void *user) {
  struct client *c = user;
  (void)ws;
  c->opens++;
  take_info(c);
  if (c->on_open) c->on_open(c);
}

static void on_message(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, void *user) {
  struct client *c = user;
  (void)kind;
  c->messages += len == 5 && memcmp(data, "hello", 5) == 0;
  uvws_close(ws, 1000, NULL, 0);
}

static void on_error(uvws_t *ws, const uvws_error_t *error, void *user) {
  struct client *c = user;
  (void)ws;
  c->errors++;
  c->err = error->code;
  copy(c->message, sizeof c->message, error->message);
}

static void on_close(uvws_t *ws, const uvws_close_info_t *info, void *user) {
  struct client *c = user;
  (void)ws;
  c->closes++;
  c->is_clean = info->was_clean;
  uv_timer_stop(&c->watchdog);
}

static const uvws_callbacks_t callbacks = {
    .size = sizeof callbacks,
    .on_open = on_open,
    .on_message = on_message,
    .on_error = on_error,
    .on_close = on_close,
};

static void on_watchdog(uv_timer_t *timer) {
  struct client *c = timer->data;
  copy(c->message, sizeof c->message, "the test took too long");
  uv_stop(&c->loop);
}

void client_init(struct client *c, const uvws_context_options_t *memory) {
  memset(c, 0, sizeof *c);
  assert_int_equal(uv_loop_init(&c->loop), 0);
  uv_timer_init(&c->loop, &c->watchdog);
  c->watchdog.data = c;
  assert_int_equal(uvws_context_new(&c->loop, memory, &c->ctx), 0);
  assert_int_equal(uvws_new(c->ctx, &callbacks, c, &c->ws), 0);
}

void client_renew(struct client *c) {
  assert_int_equal(uvws_new(c->ctx, &callbacks, c, &c->ws), 0);
}

static void forget(struct client *c) {
  c->opens = c->messages = c->errors = c->closes = c->is_clean = c->err = c->has_info = 0;
  c->message[0] = '\0';
}

void client_visit(struct client *c, const struct tls_peer *peer, const uvws_options_t *options) {
  uvws_options_t all = *options;
  char uri[64];
  snprintf(uri, sizeof uri, "wss://127.0.0.1:%u/", peer->port);
  all.size = sizeof all;
  if (!all.uri) all.uri = uri;
  forget(c);
  c->err = uvws_connect(c->ws, &all);
  if (c->err) {
    copy(c->message, sizeof c->message, uvws_last_error(c->ws));
    return;
  }
  uv_timer_start(&c->watchdog, on_watchdog, WATCHDOG_MS, 0);
  uv_run(&c->loop, UV_RUN_DEFAULT);
  assert_int_equal(c->closes, 1);
  assert_true(c->opens <= 1 && c->errors <= 1);
  assert_int_equal(c->errors, c->err != 0);
}

void client_deinit(struct client *c) {
  uvws_free(c->ws);
  uvws_context_free(c->ctx);
  uv_close((uv_handle_t *)&c->watchdog, NULL);
  assert_int_equal(uv_run(&c->loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(uv_loop_close(&c->loop), 0);
}
