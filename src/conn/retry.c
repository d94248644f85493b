/* When to try again, waiting, giving up. */
#include "conn/conn.h"

#include <string.h>

#include "conn/options.h"
#include "proto/retry_after.h"
#include "util/backoff.h"

#define RETRY_AFTER_MAX_MS                                                                         \
  3600000 /* a server may be wrong by a day, and nobody waits that long                            \
           */

static uint64_t now_ms(const uvws_t *ws) {
  return ws->ctx->env.now_ms(ws->ctx->env.arg);
}

static const uvws_reconnect_t *how(const struct uvws__retry *r) {
  return r->options->reconnect;
}

int uvws__retry_new(uvws_t *ws, uvws_options_t *options) {
  struct uvws__retry *r = uvws__calloc(&ws->ctx->env, sizeof *r);
  if (!r || uvws__deadlines_reserve(&ws->ctx->deadlines, 1) != 0) {
    uvws__free(&ws->ctx->env, r);
    uvws__free(&ws->ctx->env, options);
    return UV_ENOMEM;
  }
  r->ws = ws;
  r->options = options;
  ws->retry = r;
  return 0;
}

void uvws__retry_free(uvws_t *ws) {
  struct uvws__retry *r = ws->retry;
  if (!r) return;
  uvws__deadline_clear(&ws->ctx->deadlines, &r->deadline);
  uvws__deadlines_release(&ws->ctx->deadlines, 1);
  uvws__context_drop_task(&r->task);
  if (r->is_waiting) uvws__context_let_loop(ws->ctx);
  uvws__free(&ws->ctx->env, r->options);
  uvws__free(&ws->ctx->env, r);
  ws->retry = NULL;
}

void uvws__retry_take_open(struct uvws__conn *c) {
  struct uvws__retry *r = c->ws->retry;
  if (!r) return;
  r->opened_ms = now_ms(c->ws);
  r->back_at = NULL;
}

/*
 * Giving up
 */

/* Without a connection: the last words to the caller. */
static void end_waiting(uvws_t *ws, const uvws_error_t *error, const char *reason) {
  int is_in_close_all = ws->retry->is_in_close_all;
  uvws_context_t *ctx = ws->ctx;
  ws->retry->is_over = 1;
  uvws__client_drop_waiting(ws);
  if (error) uvws__deliver_error(ws, error);
  uvws__retry_free(ws);
  uvws_close_info_t info = {
      .code = UVWS__CLOSE_ABNORMAL, .reason = reason, .reason_len = strlen(reason)};
  ws->is_above = 0;
  uvws__context_hold(ctx);
  ws->is_telling = 1;
  uvws__deliver_close(ws, &info);
  ws->is_telling = 0;
  if (ws->is_freed && !ws->conn) uvws__client_destroy(ws);
  if (is_in_close_all) uvws__close_all_count_down(ctx);
  uvws__context_release(ctx);
}

static void on_cancelled(struct uvws__task *task) {
  struct uvws__retry *r = (struct uvws__retry *)((char *)task - offsetof(struct uvws__retry, task));
  end_waiting(r->ws, NULL, "closed while waiting to connect again");
}

void uvws__retry_cancel(uvws_t *ws) {
  struct uvws__retry *r = ws->retry;
  if (!r || r->is_over) return;
  r->is_over = 1;
  if (!r->is_waiting) return;
  uvws__deadline_clear(&ws->ctx->deadlines, &r->deadline);
  r->task.run = on_cancelled;
  uvws__context_add_task(ws->ctx, &r->task);
}

/*
 * Trying again
 */

static void on_due(struct uvws__deadline *deadline);

static int is_wanted(struct uvws__retry *r, const uvws_retry_t *retry) {
  const uvws_reconnect_t *h = how(r);
  uvws_t *ws = r->ws;
  if (r->is_over || ws->is_freed) return 0;
  if (h->max_attempts && retry->attempt > h->max_attempts) return 0;
  int is = h->should_retry ? h->should_retry(ws, retry, ws->user) : uvws__should_retry(retry);
  return is && !r->is_over && !ws->is_freed; /* the predicate may have closed it */
}

static uint64_t delay_of(struct uvws__retry *r, const uvws_retry_t *retry) {
  const uvws_reconnect_t *h = how(r);
  struct uvws__backoff backoff = {h->delay_ms, h->max_delay_ms, h->no_jitter};
  uint8_t bytes[4] = {0};
  /* Without randomness the wait is still a wait. */
  if (uvws__context_mask_key(r->ws->ctx, bytes) != 0) memset(bytes, 0xFF, sizeof bytes);
  uint32_t random =
      (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
  uint64_t after_ms = retry->retry_after_ms;
  if (after_ms > RETRY_AFTER_MAX_MS) after_ms = RETRY_AFTER_MAX_MS;
  return uvws__backoff_ms(&backoff, retry->attempt, after_ms, random);
}

static void wait(struct uvws__retry *r, uint64_t delay_ms) {
  uvws_context_t *ctx = r->ws->ctx;
  if (!r->is_waiting) uvws__context_keep_loop(ctx);
  r->is_waiting = 1;
  uvws__deadline_set(&ctx->deadlines, &r->deadline, delay_ms, on_due);
}

/* Decide; 1: the wait has begun and the caller is to be told. */
static int go_on(struct uvws__retry *r, uvws_retry_t *retry) {
  retry->attempt = r->attempt + 1;
  if (!is_wanted(r, retry)) return 0;
  r->attempt = retry->attempt;
  retry->delay_ms = delay_of(r, retry);
  wait(r, retry->delay_ms);
  uvws__trace(r->ws, UVWS_LOG_WARN, "attempt %u in %llu ms", (unsigned)retry->attempt,
              (unsigned long long)retry->delay_ms);
  return 1;
}

static void read_retry_after(const struct uvws__conn *c, uvws_retry_t *retry) {
  if (!retry->error || !retry->error->status) return;
  uvws__retry_after(uvws__conn_field(c, "Retry-After"), uvws__conn_field(c, "Date"),
                    &retry->retry_after_ms);
}

int uvws__retry_takes_over(struct uvws__conn *c) {
  struct uvws__retry *r = c->ws->retry;
  uvws_error_t error;
  uvws_close_info_t info;
  if (!r) return 0;
  uvws_retry_t retry = {.size = sizeof retry, .was_open = r->opened_ms != 0, .close = &info};
  uvws__ending_close_info(c, &info);
  if (uvws__ending_error(c, &error)) retry.error = &error;
  read_retry_after(c, &retry);
  if (r->opened_ms && now_ms(c->ws) - r->opened_ms >= how(r)->stable_ms) r->attempt = 0;
  r->opened_ms = 0;
  if (!go_on(r, &retry)) return 0;
  if (!uvws__is_keeping(c->ws)) uvws__client_drop_waiting(c->ws);
  c->ws->conn = NULL;
  uvws__deliver_retry(c->ws, &retry);
  return 1;
}

static void fail_attempt(struct uvws__retry *r, int err, const struct uvws__detail *detail) {
  uvws_t *ws = r->ws;
  const char *text = *detail->text ? detail->text : uvws_strerror(err);
  uvws_error_t error = {.code = err, .message = text};
  uvws_close_info_t info = {
      .code = UVWS__CLOSE_ABNORMAL, .reason = text, .reason_len = strlen(text)};
  uvws_retry_t retry = {.size = sizeof retry, .error = &error, .close = &info};
  ws->counters.failures++;
  if (go_on(r, &retry))
    uvws__deliver_retry(ws, &retry);
  else
    end_waiting(ws, r->is_over ? NULL : &error, text);
}

/* The hook sees a copy, whose strings it may replace by its own. */
static int attempt(struct uvws__retry *r, struct uvws__detail *detail) {
  uvws_t *ws = r->ws;
  uvws_options_t options = *r->options;
  const uvws_reconnect_t *h = how(r);
  options.reconnect = NULL;
  if (h->before_attempt && h->before_attempt(ws, &options, r->attempt, ws->user) != 0) {
    uvws__retry_cancel(ws);
    return 0;
  }
  if (r->is_over) return 0;
  return uvws__client_begin(ws, &options, detail);
}

static void on_due(struct uvws__deadline *deadline) {
  struct uvws__retry *r =
      (struct uvws__retry *)((char *)deadline - offsetof(struct uvws__retry, deadline));
  uvws_t *ws = r->ws;
  struct uvws__detail detail = {{0}};
  ws->counters.reconnects++;
  int err = attempt(r, &detail);
  if (err) {
    fail_attempt(r, err, &detail);
  } else if (ws->conn) {
    r->is_waiting = 0;
    uvws__context_let_loop(ws->ctx);
  }
}
