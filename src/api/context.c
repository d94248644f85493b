/* uvws_context_*: arguments checked, then handed on. */
#include "api/check.h"
#include "conn/conn.h"

int uvws_context_new(struct uv_loop_s *loop, const uvws_context_options_t *options,
                     uvws_context_t **out) {
  struct uvws__env env = {0};
  if (!loop || !out) return UV_EINVAL;
  if (options) {
    if (options->size < sizeof *options) return UV_EINVAL;
    env.realloc = options->realloc_cb;
    env.alloc_arg = options->realloc_arg;
  }
  return uvws__context_new(loop, &env, out);
}

void uvws_context_free(uvws_context_t *ctx) {
  if (ctx) uvws__context_release(ctx);
}

struct uv_loop_s *uvws_context_loop(const uvws_context_t *ctx) {
  return ctx->loop;
}

int uvws_context_close_all(uvws_context_t *ctx, int code, const char *reason, size_t reason_len,
                           uint32_t timeout_ms, uvws_close_all_cb cb, void *arg) {
  struct uvws__farewell farewell = {code, reason, reason_len, timeout_ms};
  struct uvws__detail detail;
  int err = uvws__check_close(code, reason, reason_len, &detail);
  return err ? err : uvws__context_close_all(ctx, &farewell, cb, arg);
}

int uvws_context_stats(const uvws_context_t *ctx, uvws_stats_t *out) {
  return uvws__context_stats(ctx, out);
}

void uvws_context_trace(uvws_context_t *ctx, uvws_log_level_t level, uvws_trace_cb cb, void *arg) {
  ctx->trace = (struct uvws__trace){cb ? level : UVWS_LOG_OFF, cb, arg};
}
