/*
 * A session: connect, send, receive, close, then judge. Callbacks only count and compare; the
 * asserts stand behind uv_run, so none of them jumps out of the library.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "session.h"

#define WATCHDOG_MS 60000

struct bytes {
  uint8_t *data;
  size_t len;
};

struct session {
  const struct row *row;
  const struct target *target;
  uvws_context_t *context;
  uvws_t *ws;
  uv_timer_t watchdog;

  struct bytes wanted[2 * SESSION_MESSAGES];
  uvws_kind_t wanted_kind[2 * SESSION_MESSAGES];
  size_t wanted_count;
  size_t wanted_len; /* of all together */

  size_t messages;
  size_t received_len;
  int opens, errors, closes, pings, pongs, sent, sent_well, was_clean, close_code;
  int error, status;
  int is_closing;
  char wrong[256]; /* the first thing that was not as it should be */
};

#define WRONG(s, ...)                                                                              \
  do {                                                                                             \
    if (!(s)->wrong[0]) snprintf((s)->wrong, sizeof(s)->wrong, __VA_ARGS__);                       \
  } while (0)

static struct bytes bytes_of(const struct message *m) {
  size_t len = m->text ? (m->len ? m->len : strlen(m->text)) : m->len;
  struct bytes out = {malloc(len ? len : 1), len};
  assert_non_null(out.data);
  if (m->text) {
    memcpy(out.data, m->text, len);
    return out;
  }
  for (size_t i = 0; i < len; i++) {
    out.data[i] = m->kind == UVWS_TEXT ? (uint8_t)('a' + i % 23) : (uint8_t)(i ^ i >> 8 ^ i >> 16);
  }
  return out;
}

static void want(struct session *s, const struct message *list) {
  for (size_t i = 0; i < SESSION_MESSAGES && list[i].kind; i++) {
    s->wanted[s->wanted_count] = bytes_of(&list[i]);
    s->wanted_kind[s->wanted_count] = list[i].kind;
    s->wanted_len += s->wanted[s->wanted_count].len;
    s->wanted_count++;
  }
}

static size_t count_sends(const struct row *row) {
  size_t count = 0;
  while (count < SESSION_MESSAGES && row->send[count].kind)
    count++;
  return count;
}

static int has_all(const struct session *s) {
  int has_messages =
      s->row->flags & IS_STREAM ? s->received_len >= s->wanted_len : s->messages >= s->wanted_count;
  return has_messages && s->pings >= s->row->pings && s->pongs >= (s->row->ping ? 1 : 0);
}

static void close_when_done(struct session *s) {
  if (s->row->close_code || s->row->error || s->is_closing || !has_all(s)) return;
  s->is_closing = 1;
  int err = uvws_close(s->ws, 1000, "done", 4);
  if (err) WRONG(s, "uvws_close: %s", uvws_strerror(err));
}

static void on_sent(uvws_t *ws, int status, void *arg) {
  struct session *s = arg;
  (void)ws;
  s->sent++;
  if (status == 0) s->sent_well++;
}

static void send_all(struct session *s) {
  for (size_t i = 0; i < count_sends(s->row); i++) {
    const struct message *m = &s->row->send[i];
    struct bytes b = bytes_of(m);
    int err = m->kind == UVWS_TEXT ? uvws_send_text(s->ws, (const char *)b.data, b.len, on_sent, s)
                                   : uvws_send_binary(s->ws, b.data, b.len, on_sent, s);
    if (err < 0) WRONG(s, "message %zu not sent: %s", i, uvws_strerror(err));
    free(b.data);
  }
}

static void on_open(uvws_t *ws, void *user) {
  struct session *s = user;
  const char *protocol = uvws_protocol(ws);
  const char *wanted = s->row->protocol;
  int has_extension = uvws_response_header(ws, "Sec-WebSocket-Extensions") != NULL;
  s->opens++;
  if (has_extension != s->target->is_compressed) WRONG(s, "compression is %d", has_extension);
  if (!protocol != !wanted || (wanted && strcmp(protocol, wanted))) {
    WRONG(s, "subprotocol is %s", protocol ? protocol : "none");
  }
  if (!(s->row->flags & SEND_EARLY)) send_all(s);
  if (s->row->ping) {
    int err = uvws_ping(ws, s->row->ping, strlen(s->row->ping));
    if (err) WRONG(s, "uvws_ping: %s", uvws_strerror(err));
  }
  close_when_done(s);
}

static void compare_whole(struct session *s, uvws_kind_t kind, const uint8_t *data, size_t len) {
  if (s->messages >= s->wanted_count) {
    WRONG(s, "one message too many, %zu bytes", len);
    return;
  }
  const struct bytes *wanted = &s->wanted[s->messages];
  if (kind != s->wanted_kind[s->messages]) WRONG(s, "message %zu is of kind %d", s->messages, kind);
  if (len != wanted->len || memcmp(data, wanted->data, len) != 0) {
    WRONG(s, "message %zu came back with %zu bytes for %zu, or with other bytes", s->messages, len,
          wanted->len);
  }
}

/* Against the one message that such a row sends. */
static void compare_piece(struct session *s, const uint8_t *data, size_t len) {
  const struct bytes *wanted = &s->wanted[0];
  if (len > wanted->len - s->received_len ||
      memcmp(data, wanted->data + s->received_len, len) != 0) {
    WRONG(s, "wrong bytes at %zu", s->received_len);
  }
}

static void on_message(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, void *user) {
  struct session *s = user;
  (void)ws;
  if (s->row->flags & KEEPS_SENDING && has_all(s)) return;
  if (s->row->flags & IS_STREAM) {
    compare_piece(s, data, len);
  } else {
    compare_whole(s, kind, data, len);
  }
  s->messages++;
  s->received_len += len;
  close_when_done(s);
}

static void on_ping(uvws_t *ws, const uint8_t *data, size_t len, void *user) {
  struct session *s = user;
  (void)ws;
  (void)data;
  if (!len) WRONG(s, "an empty ping");
  s->pings++;
  close_when_done(s);
}

static void on_pong(uvws_t *ws, const uint8_t *data, size_t len, void *user) {
  struct session *s = user;
  (void)ws;
  const char *ping = s->row->ping ? s->row->ping : "";
  if (len != strlen(ping) || memcmp(data, ping, len) != 0) WRONG(s, "a pong with other bytes");
  s->pongs++;
  close_when_done(s);
}

static void on_error(uvws_t *ws, const uvws_error_t *error, void *user) {
  struct session *s = user;
  (void)ws;
  s->errors++;
  s->error = error->code;
  s->status = error->status;
  if (!error->message[0]) WRONG(s, "an error without a message");
  if (!s->row->error) WRONG(s, "error: %s", error->message);
  const char *body = s->row->body ? s->row->body : "";
  if (error->body_len != strlen(body) || (body[0] && memcmp(error->body, body, strlen(body)))) {
    WRONG(s, "the body is %zu bytes, or others", error->body_len);
  }
  int is_marked = 0;
  for (size_t i = 0; i < error->header_count; i++) {
    is_marked |= strcmp(error->headers[i].name, "X-Refused-By") == 0;
  }
  if (!is_marked && s->row->body) WRONG(s, "no header of the refusal");
}

static void on_close(uvws_t *ws, const uvws_close_info_t *info, void *user) {
  struct session *s = user;
  const char *reason = s->row->close_reason;
  s->closes++;
  s->close_code = info->code;
  s->was_clean = info->was_clean;
  if (strlen(info->reason) != info->reason_len) WRONG(s, "a reason of the wrong length");
  if (reason && strcmp(info->reason, reason)) WRONG(s, "closed for: %s", info->reason);
  uv_close((uv_handle_t *)&s->watchdog, NULL);
  uvws_free(ws);
  uvws_context_free(s->context);
}

static void on_watchdog(uv_timer_t *timer) {
  struct session *s = timer->data;
  WRONG(s, "hangs in state %d after %d open, %zu messages, %zu bytes, %d pings, %d pongs",
        uvws_state(s->ws), s->opens, s->messages, s->received_len, s->pings, s->pongs);
  uvws_free(s->ws);
}

static void session_start(struct session *s, const struct target *target, uv_loop_t *loop) {
  uvws_callbacks_t callbacks = {
      .size = sizeof callbacks,
      .on_open = on_open,
      .on_message = on_message,
      .on_error = on_error,
      .on_close = on_close,
      .on_ping = on_ping,
      .on_pong = on_pong,
  };
  char uri[256];
  snprintf(uri, sizeof uri, "%s://%s:%u%s", target->scheme, target->host, target->port,
           s->row->path);
  uvws_options_t options = {.size = sizeof options, .uri = uri, .ca_file = target->ca_file};
  if (!target->is_compressed) options.compression = UVWS_COMPRESSION_OFF;
  options.protocols = s->row->protocols;
  while (s->row->protocols[options.protocol_count])
    options.protocol_count++;

  assert_int_equal(uv_timer_init(loop, &s->watchdog), 0);
  s->watchdog.data = s;
  assert_int_equal(uv_timer_start(&s->watchdog, on_watchdog, WATCHDOG_MS, 0), 0);
  assert_int_equal(uvws_context_new(loop, NULL, &s->context), 0);
  assert_int_equal(uvws_new(s->context, &callbacks, s, &s->ws), 0);
  if (s->row->flags & SEND_EARLY) send_all(s);
  assert_int_equal(uvws_connect(s->ws, &options), 0);
  assert_int_equal(s->opens + s->errors + s->closes + s->sent, 0);
}

static int is_cut_error(int code) {
  return code == UVWS_ELOST || code == UVWS_ETLS_TRUNCATED || code == UV_ECONNRESET;
}

static void judge_failure(const struct session *s) {
  const struct row *row = s->row;
  assert_int_equal(s->errors, 1);
  if (row->flags & IS_CUT) {
    assert_true(is_cut_error(s->error));
  } else {
    assert_string_equal(uvws_err_name(s->error), uvws_err_name(row->error));
  }
  assert_int_equal(s->status, row->status);
  assert_int_equal(s->close_code, 1006);
  assert_int_equal(s->was_clean, 0);
}

static void judge(const struct session *s) {
  const struct row *row = s->row;
  int is_opened = !row->error || row->flags & IS_CUT;
  assert_string_equal(s->wrong, "");
  assert_int_equal(s->closes, 1);
  assert_int_equal(s->opens, is_opened);
  assert_int_equal(s->received_len, s->wanted_len);
  assert_int_equal(s->pings, row->pings);
  assert_int_equal(s->pongs, row->ping ? 1 : 0);
  assert_int_equal(s->sent, count_sends(row));
  if (row->error) {
    judge_failure(s);
    return;
  }
  assert_int_equal(s->errors, 0);
  assert_int_equal(s->sent_well, s->sent);
  assert_int_equal(s->close_code, row->close_code ? row->close_code : 1000);
  assert_int_equal(s->was_clean, 1);
}

void session_run(const struct target *target, const struct row *row) {
  struct session s = {.row = row, .target = target};
  uv_loop_t loop;
  want(&s, row->expect);
  if (!(row->flags & IS_SILENT)) want(&s, row->send);
  assert_int_equal(uv_loop_init(&loop), 0);
  session_start(&s, target, &loop);
  assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(uv_loop_close(&loop), 0);
  judge(&s);
  for (size_t i = 0; i < s.wanted_count; i++)
    free(s.wanted[i].data);
}
