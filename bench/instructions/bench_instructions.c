/*
 * bench_instructions: what a message costs above the socket, for each size and direction, through
 * the C interface. script/bench --instructions runs it under callgrind. bench_instructions_lua is
 * the same through plugin.websockets.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "phase.h"
#include "uvws.h"

static uint64_t allocations;

static void *count_realloc(void *arg, void *ptr, size_t size) {
  (void)arg;
  if (size) {
    allocations++;
    return realloc(ptr, size);
  }
  free(ptr);
  return NULL;
}

static void send_messages(void *face, int is_text, const uint8_t *data, size_t len,
                          unsigned count) {
  uvws_t *ws = *(uvws_t **)face;
  for (unsigned i = 0; i < count; i++) {
    int err = is_text ? uvws_send_text(ws, (const char *)data, len, NULL, NULL)
                      : uvws_send_binary(ws, data, len, NULL, NULL);
    if (err < 0) abort();
  }
}

static void on_done(void *face) {
  uvws_free(*(uvws_t **)face);
}

static struct bench_wire wire;
static uvws_t *client;
static struct bench_face face = {"c", send_messages, &client};

static void on_open(uvws_t *ws, void *user) {
  bench_phases_start(uvws_context_loop(uvws_context(ws)), &wire, &face, &allocations, on_done);
  (void)user;
}

static uint64_t received;

static void on_message(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, void *user) {
  (void)ws, (void)kind, (void)data, (void)user;
  received += len;
}

int main(void) {
  uv_loop_t loop;
  uvws_context_t *ctx;
  uvws_callbacks_t callbacks = {
      .size = sizeof callbacks, .on_open = on_open, .on_message = on_message};
  uvws_context_options_t options = {.size = sizeof options, .realloc_cb = count_realloc};
  uvws_options_t connect = {
      .size = sizeof connect, .uri = "ws://memory/", .compression = UVWS_COMPRESSION_OFF};
  if (uv_loop_init(&loop) || uvws_context_new(&loop, &options, &ctx)) return 1;
  bench_wire_init(&wire, ctx);
  if (uvws_new(ctx, &callbacks, NULL, &client) || uvws_connect(client, &connect)) return 1;
  uvws_context_free(ctx);
  uv_run(&loop, UV_RUN_DEFAULT);
  return uv_loop_close(&loop) || !received;
}
