/* A client, a peer, a clock, memory, and a diary. */
#include "support/fixture.h"

#include <stdio.h>

/*
 * What the library is given
 */

/* In front of each block stands its size. */
#define FRONT 16

static void *memory_realloc(void *arg, void *ptr, size_t size) {
  struct memory *m = arg;
  uint8_t *block = ptr ? (uint8_t *)ptr - FRONT : NULL;
  size_t before = 0;
  if (block) memcpy(&before, block, sizeof before);
  if (size == 0) {
    m->live -= block != NULL;
    m->bytes -= before;
    free(block);
    return NULL;
  }
  m->asked++;
  if (m->fail_at && (m->asked == m->fail_at || (m->fails_on && m->asked > m->fail_at))) {
    m->has_failed = 1;
    return NULL;
  }
  /* Always elsewhere, so that a pointer kept too long is found by the sanitizers. */
  uint8_t *fresh = malloc(size + FRONT);
  assert_non_null(fresh);
  memcpy(fresh, &size, sizeof size);
  if (block) memcpy(fresh + FRONT, ptr, before < size ? before : size);
  free(block);
  m->live += !block;
  m->bytes += size - before;
  if (m->bytes > m->peak) m->peak = m->bytes;
  return fresh + FRONT;
}

static uint64_t fixture_now(void *arg) {
  return ((struct fixture *)arg)->now_ms;
}

static int fixture_random(void *arg, void *out, size_t len) {
  struct fixture *f = arg;
  uint8_t *to = out;
  for (size_t i = 0; i < len; i++) {
    f->random = f->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    to[i] = (uint8_t)(f->random >> 56);
  }
  return 0;
}

static void on_watchdog(uv_timer_t *timer) {
  struct fixture *f = timer->data;
  fail_msg("the test hangs; so far: %s", f->diary);
}

/*
 * The diary
 */

static void note(struct player *p, const char *format, ...) {
  struct fixture *f = p->f;
  size_t used = strlen(f->diary);
  if (p != f->players && used + 2 < sizeof f->diary) {
    f->diary[used++] = (char)('a' + (p - f->players));
    f->diary[used++] = ':';
    f->diary[used] = '\0';
  }
  va_list args;
  va_start(args, format);
  vsnprintf(f->diary + used, sizeof f->diary - used, format, args);
  va_end(args);
  used = strlen(f->diary);
  if (used + 1 < sizeof f->diary) memcpy(f->diary + used, " ", 2);
}

static void note_data(struct player *p, const char *what, const uint8_t *data, size_t len) {
  if (p->f->is_quiet) return;
  if (len <= 32)
    note(p, "%s(%.*s)", what, (int)len, (const char *)data);
  else
    note(p, "%s[%zu]", what, len);
}

/* What holds for every callback of a client. */
static struct player *enter(uvws_t *ws, void *user) {
  struct player *p = user;
  if (p->f->inside) fail_msg("a callback fired inside a call; so far: %s", p->f->diary);
  if (p->connects == p->closes) fail_msg("a callback behind on_close; so far: %s", p->f->diary);
  if (!p->is_freed) assert_ptr_equal(ws, p->ws);
  return p;
}

static void leave(struct player *p, enum event event) {
  if (p->f->hook) p->f->hook(p, event);
}

static void on_open(uvws_t *ws, void *user) {
  struct player *p = enter(ws, user);
  assert_int_equal(uvws_state(ws), UVWS_STATE_OPEN);
  assert_int_equal(++p->opens_now, 1);
  assert_int_equal(p->errors_now, 0);
  p->opens++;
  note(p, "open");
  leave(p, EVENT_OPEN);
}

static void on_message(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, void *user) {
  struct player *p = enter(ws, user);
  assert_int_equal(p->opens_now, 1);
  p->messages++;
  p->bytes += len;
  p->last_len = len;
  note_data(p, kind == UVWS_TEXT ? "text" : "binary", data, len);
  leave(p, EVENT_MESSAGE);
}

static void on_error(uvws_t *ws, const uvws_error_t *error, void *user) {
  struct player *p = enter(ws, user);
  assert_int_equal(++p->errors_now, 1);
  assert_true(error->code < 0);
  assert_non_null(error->message);
  assert_true(*error->message);
  p->errors++;
  p->error = error->code;
  p->status = error->status;
  p->header_count = error->header_count;
  p->body_len = error->body_len;
  snprintf(p->error_message, sizeof p->error_message, "%s", error->message);
  snprintf(p->body, sizeof p->body, "%.*s", (int)(error->body_len < 60 ? error->body_len : 60),
           error->body ? (const char *)error->body : "");
  note(p, "error(%s)", uvws_err_name(error->code));
  leave(p, EVENT_ERROR);
}

static void on_close(uvws_t *ws, const uvws_close_info_t *info, void *user) {
  struct player *p = enter(ws, user);
  assert_int_equal(uvws_state(ws), UVWS_STATE_CLOSED);
  assert_non_null(info->reason);
  assert_int_equal(strlen(info->reason), info->reason_len);
  p->closes++;
  assert_int_equal(p->closes, p->connects);
  assert_int_equal(p->sents, p->sends);
  p->code = info->code;
  p->was_clean = info->was_clean;
  snprintf(p->reason, sizeof p->reason, "%s", info->reason);
  if (info->code == 1006)
    note(p, "close(1006)");
  else
    note(p, "close(%d%s%s%s)", info->code, *info->reason ? "," : "", info->reason,
         info->was_clean ? ",clean" : "");
  leave(p, EVENT_CLOSE);
}

static void on_ping(uvws_t *ws, const uint8_t *data, size_t len, void *user) {
  struct player *p = enter(ws, user);
  p->pings++;
  note_data(p, "ping", data, len);
  leave(p, EVENT_PING);
}

static void on_pong(uvws_t *ws, const uint8_t *data, size_t len, void *user) {
  struct player *p = enter(ws, user);
  p->pongs++;
  note_data(p, "pong", data, len);
  leave(p, EVENT_PONG);
}

/* Every attempt may open once. */
static void on_retry(uvws_t *ws, const uvws_retry_t *retry, void *user) {
  struct player *p = enter(ws, user);
  assert_non_null(retry->close);
  assert_int_equal(p->errors_now, 0);
  assert_int_equal(uvws_state(ws), UVWS_STATE_CONNECTING);
  p->retries++;
  p->opens_now = 0;
  p->retry_delay_ms = retry->delay_ms;
  if (retry->error)
    note(p, "retry(%u,%s)", (unsigned)retry->attempt, uvws_err_name(retry->error->code));
  else
    note(p, "retry(%u,%d)", (unsigned)retry->attempt, retry->close->code);
  leave(p, EVENT_RETRY);
}

static const uvws_callbacks_t callbacks = {.size = sizeof callbacks,
                                           .on_open = on_open,
                                           .on_message = on_message,
                                           .on_error = on_error,
                                           .on_close = on_close,
                                           .on_ping = on_ping,
                                           .on_pong = on_pong,
                                           .on_retry = on_retry};

/*
 * The API
 */

int player_connect(struct player *p, const uvws_options_t *options) {
  uvws_options_t o = {.size = sizeof o};
  if (options) o = *options;
  o.size = sizeof o;
  if (!o.uri) o.uri = p->f->uri;
  p->f->inside++;
  int err = uvws_connect(p->ws, &o);
  p->f->inside--;
  if (err) return err;
  p->connects++;
  p->opens_now = p->errors_now = 0;
  return 0;
}

struct sent {
  struct player *p;
  int number;
};

static void on_sent(uvws_t *ws, int status, void *arg) {
  struct sent sent = *(struct sent *)arg;
  struct player *p = sent.p;
  free(arg);
  assert_non_null(ws);
  if (p->f->inside) fail_msg("a completion fired inside a call; so far: %s", p->f->diary);
  assert_true(p->closes < p->connects || p->connects == 0);
  assert_int_equal(sent.number, p->last_sent + 1); /* in order, none twice */
  p->last_sent = sent.number;
  p->sents++;
  if (!p->f->is_quiet) note(p, "sent(%s)", status ? uvws_err_name(status) : "0");
  leave(p, EVENT_SENT);
}

int player_text(struct player *p, const char *text) {
  struct sent *sent = malloc(sizeof *sent);
  assert_non_null(sent);
  *sent = (struct sent){p, p->sends + 1};
  p->f->inside++;
  int err = uvws_send_text(p->ws, text, strlen(text), on_sent, sent);
  p->f->inside--;
  if (err < 0)
    free(sent);
  else
    p->sends++;
  return err;
}

int player_binary(struct player *p, const void *data, size_t len, uvws_send_cb cb, void *arg) {
  p->f->inside++;
  int err = uvws_send_binary(p->ws, data, len, cb, arg);
  p->f->inside--;
  return err;
}

int player_ping(struct player *p, const char *text) {
  p->f->inside++;
  int err = uvws_ping(p->ws, text, strlen(text));
  p->f->inside--;
  return err;
}

int player_close(struct player *p, int code, const char *reason) {
  p->f->inside++;
  int err = uvws_close(p->ws, code, reason, reason ? strlen(reason) : 0);
  p->f->inside--;
  return err;
}

void player_free(struct player *p) {
  uvws_t *ws = p->ws;
  p->is_freed = 1;
  p->ws = NULL;
  p->f->inside++;
  uvws_free(ws);
  p->f->inside--;
}

void player_silence(struct player *p) {
  p->is_silent = 1;
  uvws_set_callbacks(p->ws, NULL);
}

/*
 * Life
 */

int fixture_player(struct fixture *f, int n, uvws_context_t *ctx) {
  struct player *p = &f->players[n];
  p->f = f;
  return uvws_new(ctx, &callbacks, p, &p->ws);
}

int fixture_make_context(struct fixture *f, uvws_context_t **out) {
  struct uvws__env env = {.realloc = memory_realloc,
                          .alloc_arg = &f->memory,
                          .random = fixture_random,
                          .now_ms = fixture_now,
                          .arg = f};
  return uvws__context_new(&f->loop, &env, out);
}

void fixture_init_bare(struct fixture *f, const struct peer_plan *plan) {
  memset(f, 0, sizeof *f);
  f->now_ms = 1000000;
  f->random = 1;
  assert_int_equal(uv_loop_init(&f->loop), 0);
  uv_timer_init(&f->loop, &f->watchdog);
  f->watchdog.data = f;
  uv_timer_start(&f->watchdog, on_watchdog, WATCHDOG_MS, 0);
  uv_unref((uv_handle_t *)&f->watchdog);
  peer_init(&f->peer, &f->loop, plan);
  snprintf(f->uri, sizeof f->uri, "ws://127.0.0.1:%u/", f->peer.port);
}

void fixture_init(struct fixture *f, const struct peer_plan *plan) {
  fixture_init_bare(f, plan);
  assert_int_equal(fixture_make_context(f, &f->ctx), 0);
  assert_int_equal(fixture_player(f, 0, f->ctx), 0);
}

static void check_player(const struct player *p) {
  if (!p->is_silent) assert_int_equal(p->closes, p->connects);
  assert_int_equal(p->sents, p->sends);
}

void fixture_end(struct fixture *f) {
  fixture_run(f);
  for (int i = 0; i < PLAYERS; i++)
    if (f->players[i].ws) player_free(&f->players[i]);
  if (f->ctx) uvws_context_free(f->ctx);
  peer_close(&f->peer);
  uv_close((uv_handle_t *)&f->watchdog, NULL);
  assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
  for (int i = 0; i < PLAYERS; i++)
    check_player(&f->players[i]);
  assert_int_equal(uv_loop_close(&f->loop), 0);
  assert_int_equal(f->memory.live, 0);
  assert_int_equal(f->memory.bytes, 0);
  peer_deinit(&f->peer);
}

void fixture_run(struct fixture *f) {
  assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

void fixture_run_until(struct fixture *f, int (*is_done)(struct fixture *f)) {
  while (!is_done(f)) {
    int is_alive = uv_run(&f->loop, UV_RUN_ONCE);
    if (!is_alive && !is_done(f)) fail_msg("the loop ended too early; so far: %s", f->diary);
  }
}

void fixture_advance(struct fixture *f, uint64_t ms) {
  f->now_ms += ms;
  uvws__deadlines_run(&f->ctx->deadlines);
}

struct peer_conn *fixture_conn(struct fixture *f) {
  assert_true(f->peer.conn_count > 0);
  return f->peer.conns[0];
}

int is_requested(struct fixture *f) {
  return f->peer.conn_count > 0 && f->peer.conns[0]->request;
}

int is_open(struct fixture *f) {
  return f->players[0].opens_now;
}

int is_over(struct fixture *f) {
  return f->players[0].closes > 0 && f->players[0].closes == f->players[0].connects;
}
