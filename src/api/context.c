/* uvws_context_*: arguments checked, then handed on. */
#include "conn/context.h"

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
