/*
 * A bounded number is connecting at any time: servers lose patience with a handshake, and on a slow
 * machine the last of a thousand at once would wait for long. Those that echo begin when all are
 * open, so a thousand are open together.
 */
#include "crowd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define CONNECTING_MAX 100

/* On a slow machine a hundred TLS handshakes take a while. */
#define CROWD_TIMEOUT_MS 60000

struct crowd {
  uvws_context_t *context;
  const uvws_options_t *options;
  struct member *members;
  enum crowd_work work;
  int count, messages;
  int started, settled, opens, errors, closes, clean_closes, sent, received, wrong;
  char error[256]; /* the first one's words */
};

struct member {
  struct crowd *crowd;
  uvws_t *ws; /* NULL once closed */
  int number;
  int received;
  int is_settled; /* open, or failed */
};

static int member_text(const struct member *m, char *out, size_t size) {
  return snprintf(out, size, "client %d, message %d", m->number, m->received);
}

static void on_sent(uvws_t *ws, int status, void *arg) {
  struct member *m = arg;
  (void)ws;
  if (status == 0) m->crowd->sent++;
}

static void member_send(struct member *m) {
  char text[64];
  int len = member_text(m, text, sizeof text);
  if (uvws_send_text(m->ws, text, (size_t)len, on_sent, m) < 0) m->crowd->wrong++;
}

static void start_next(struct crowd *crowd);

static void settle(struct member *m) {
  struct crowd *crowd = m->crowd;
  if (m->is_settled) return;
  m->is_settled = 1;
  crowd->settled++;
  if (crowd->started < crowd->count) start_next(crowd);
  if (crowd->settled < crowd->count || crowd->work == CROWD_LISTENS) return;
  for (int i = 0; i < crowd->count; i++) {
    if (crowd->members[i].ws) member_send(&crowd->members[i]);
  }
}

static void on_open(uvws_t *ws, void *user) {
  struct member *m = user;
  (void)ws;
  m->crowd->opens++;
  settle(m);
}

static int is_expected(const struct member *m, const uint8_t *data, size_t len) {
  char text[64];
  if (m->crowd->work == CROWD_LISTENS) return len > 0;
  return (size_t)member_text(m, text, sizeof text) == len && memcmp(text, data, len) == 0;
}

static void on_message(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, void *user) {
  struct member *m = user;
  struct crowd *crowd = m->crowd;
  if (m->received == crowd->messages) return; /* behind our Close a server may still be talking */
  if (kind != UVWS_TEXT || !is_expected(m, data, len)) crowd->wrong++;
  crowd->received++;
  m->received++;
  if (m->received == crowd->messages) {
    if (uvws_close(ws, 1000, NULL, 0)) crowd->wrong++;
  } else if (crowd->work == CROWD_ECHOES) {
    member_send(m);
  }
}

static void on_error(uvws_t *ws, const uvws_error_t *error, void *user) {
  struct member *m = user;
  (void)ws;
  if (!m->crowd->errors++) {
    snprintf(m->crowd->error, sizeof m->crowd->error, "%s", error->message);
  }
  settle(m);
}

static void on_close(uvws_t *ws, const uvws_close_info_t *info, void *user) {
  struct member *m = user;
  m->crowd->closes++;
  m->crowd->clean_closes += info->was_clean && info->code == 1000;
  m->ws = NULL;
  uvws_free(ws);
}

static void start_next(struct crowd *crowd) {
  struct member *m = &crowd->members[crowd->started];
  uvws_callbacks_t callbacks = {
      .size = sizeof callbacks,
      .on_open = on_open,
      .on_message = on_message,
      .on_error = on_error,
      .on_close = on_close,
  };
  m->crowd = crowd;
  m->number = crowd->started++;
  if (uvws_new(crowd->context, &callbacks, m, &m->ws)) {
    crowd->wrong++;
  } else if (uvws_connect(m->ws, crowd->options)) {
    crowd->wrong++;
    uvws_free(m->ws);
    m->ws = NULL;
  }
}

static void judge(const struct crowd *crowd) {
  int count = crowd->count;
  assert_string_equal(crowd->error, "");
  assert_int_equal(crowd->errors, 0);
  assert_int_equal(crowd->wrong, 0);
  assert_int_equal(crowd->opens, count);
  assert_int_equal(crowd->received, count * crowd->messages);
  assert_int_equal(crowd->sent, crowd->work == CROWD_ECHOES ? count * crowd->messages : 0);
  assert_int_equal(crowd->closes, count);
  assert_int_equal(crowd->clean_closes, count);
}

void crowd_run(const struct target *target, const char *path, const char *protocol,
               enum crowd_work work, int count, int messages) {
  struct crowd crowd = {.work = work, .count = count, .messages = messages};
  uv_loop_t loop;
  char uri[256];
  snprintf(uri, sizeof uri, "%s://%s:%u%s", target->scheme, target->host, target->port, path);
  uvws_options_t options = {
      .size = sizeof options,
      .uri = uri,
      .protocols = &protocol,
      .protocol_count = protocol ? 1 : 0,
      .connect_timeout_ms = CROWD_TIMEOUT_MS,
      .handshake_timeout_ms = CROWD_TIMEOUT_MS,
      .close_timeout_ms = CROWD_TIMEOUT_MS,
      .ca_file = target->ca_file,
  };
  if (!target->is_compressed) options.compression = UVWS_COMPRESSION_OFF;
  crowd.options = &options;
  crowd.members = calloc((size_t)count, sizeof *crowd.members);
  assert_non_null(crowd.members);
  assert_int_equal(uv_loop_init(&loop), 0);
  assert_int_equal(uvws_context_new(&loop, NULL, &crowd.context), 0);
  while (crowd.started < count && crowd.started < CONNECTING_MAX)
    start_next(&crowd);
  assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
  uvws_context_free(crowd.context);
  assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(uv_loop_close(&loop), 0);
  free(crowd.members);
  judge(&crowd);
}
