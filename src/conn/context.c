/* What the connections of a loop share. */
#include "conn/context.h"

#include <assert.h>
#include <string.h>

/* Not uv_now: that stands still while user code runs, and a deadline must not be cut short by it.
 */
static uint64_t monotonic_ms(void *arg) {
  (void)arg;
  return uv_hrtime() / 1000000;
}

static void complete_env(struct uvws__env *env) {
  if (!env->realloc) env->realloc = uvws__env_realloc;
  if (!env->random) env->random = uvws__random_bytes;
  if (!env->now_ms) env->now_ms = monotonic_ms;
  if (!env->getaddrinfo) env->getaddrinfo = uv_getaddrinfo;
}

static void ring_init(struct uvws__task *ring) {
  ring->next = ring->prev = ring;
}

static void ring_add(struct uvws__task *ring, struct uvws__task *task) {
  task->next = ring;
  task->prev = ring->prev;
  ring->prev->next = task;
  ring->prev = task;
}

static void ring_remove(struct uvws__task *task) {
  task->prev->next = task->next;
  task->next->prev = task->prev;
  task->next = task->prev = NULL;
}

static int ring_is_empty(const struct uvws__task *ring) {
  return ring->next == ring;
}

static void run_tasks(uvws_context_t *ctx) {
  uvws__context_hold(ctx);
  /* A mark at the end: what is added from here on waits for the next round, and a task that another
   * one drops is simply not there any more. */
  struct uvws__task mark = {0};
  ring_add(&ctx->tasks, &mark);
  while (ctx->tasks.next != &mark) {
    struct uvws__task *task = ctx->tasks.next;
    ring_remove(task);
    task->run(task);
  }
  ring_remove(&mark);
  uvws__pool_trim(&ctx->pool);
  if (ring_is_empty(&ctx->tasks)) {
    uv_idle_stop(&ctx->idle);
    uv_check_stop(&ctx->check);
  }
  uvws__context_release(ctx);
}

static void on_idle(uv_idle_t *idle) {
  run_tasks(idle->data);
}

static void on_check(uv_check_t *check) {
  uvws_context_t *ctx = check->data;
  ctx->polls++;
  run_tasks(ctx);
}

static void arm_timer(void *arg);

static void on_timer(uv_timer_t *timer) {
  uvws_context_t *ctx = timer->data;
  uvws__context_hold(ctx);
  ctx->timer_at_ms = UINT64_MAX;
  uvws__deadlines_run(&ctx->deadlines);
  uvws__context_release(ctx);
}

/* A timer that would fire too early stays as it is: it then finds nothing due and is set anew. */
static void arm_timer(void *arg) {
  uvws_context_t *ctx = arg;
  if (ctx->is_closing) return;
  uint64_t delay_ms = uvws__deadlines_next_ms(&ctx->deadlines);
  if (delay_ms == UINT64_MAX) {
    uv_timer_stop(&ctx->timer);
    ctx->timer_at_ms = UINT64_MAX;
    return;
  }
  uint64_t at_ms = uv_now(ctx->loop) + delay_ms;
  if (at_ms >= ctx->timer_at_ms) return;
  ctx->timer_at_ms = at_ms;
  uv_timer_start(&ctx->timer, on_timer, delay_ms, 0);
}

static void free_memory(uvws_context_t *ctx) {
  struct uvws__env env = ctx->env;
  uvws__tls_cache_deinit(&ctx->tls_cache);
  uvws__tls_scratch_deinit(&env, &ctx->tls_scratch);
  uvws__tls_scratch_deinit(&env, &ctx->proxy_scratch);
  uvws__deadlines_deinit(&ctx->deadlines);
  uvws__framer_free(&env, ctx->writer);
  uvws__framer_free(&env, ctx->reader);
  uvws__inbound_shared_deinit(&env, &ctx->inbound);
  uvws__bytes_deinit(&env, &ctx->packed);
  uvws__pool_deinit(&ctx->pool);
  uvws__free(&env, ctx->read_buffer);
  uvws__free(&env, ctx);
}

static void on_handle_closed(uv_handle_t *handle) {
  uvws_context_t *ctx = handle->data;
  if (--ctx->handles == 0) free_memory(ctx);
}

static void on_hub_closed(uv_handle_t *handle) {
  struct uvws__hub *hub = handle->data;
  uvws_context_t *ctx = hub->ctx;
  uvws__hub_closed(hub);
  if (--ctx->handles == 0) free_memory(ctx);
}

static void close_handles(uvws_context_t *ctx) {
  ctx->is_closing = 1;
  ctx->handles += uvws__hub_close(ctx, on_hub_closed);
  uv_close((uv_handle_t *)&ctx->idle, on_handle_closed);
  uv_close((uv_handle_t *)&ctx->check, on_handle_closed);
  uv_close((uv_handle_t *)&ctx->timer, on_handle_closed);
}

static void open_handles(uvws_context_t *ctx) {
  uv_idle_init(ctx->loop, &ctx->idle);
  uv_check_init(ctx->loop, &ctx->check);
  uv_timer_init(ctx->loop, &ctx->timer);
  uv_unref((uv_handle_t *)&ctx->timer);
  ctx->idle.data = ctx->check.data = ctx->timer.data = ctx;
  ctx->handles = 3;
  ctx->timer_at_ms = UINT64_MAX;
}

static int take_memory(uvws_context_t *ctx) {
  ctx->read_buffer = uvws__alloc(&ctx->env, UVWS__READ_SIZE);
  if (!ctx->read_buffer) return UV_ENOMEM;
  return uvws__framer_new(&ctx->env, &ctx->writer);
}

int uvws__context_new(uv_loop_t *loop, const struct uvws__env *env, uvws_context_t **out) {
  struct uvws__env whole = *env;
  complete_env(&whole);
  uvws_context_t *ctx = uvws__calloc(&whole, sizeof *ctx);
  if (!ctx) return UV_ENOMEM;
  ctx->loop = loop;
  ctx->env = whole;
  ctx->has_own_clock = env->now_ms != NULL;
  ctx->holds = 1;
  ring_init(&ctx->tasks);
  ctx->dial_start = uvws__dial_start;
  ctx->dial_cancel = uvws__dial_cancel;
  uvws__tls_scratch_init(&ctx->tls_scratch, loop);
  uvws__tls_scratch_init(&ctx->proxy_scratch, loop);
  uvws__pool_init(&ctx->pool, &ctx->env);
  uvws__deadlines_init(&ctx->deadlines, &ctx->env, arm_timer, ctx);
  int err = take_memory(ctx);
  if (err) {
    free_memory(ctx);
    return err;
  }
  open_handles(ctx);
  *out = ctx;
  return 0;
}

void uvws__context_hold(uvws_context_t *ctx) {
  ctx->holds++;
}

void uvws__context_release(uvws_context_t *ctx) {
  assert(ctx->holds > 0);
  if (--ctx->holds == 0) close_handles(ctx);
}

void uvws__context_add_task(uvws_context_t *ctx, struct uvws__task *task) {
  if (task->next) return;
  if (ring_is_empty(&ctx->tasks)) {
    uv_idle_start(&ctx->idle, on_idle);
    uv_check_start(&ctx->check, on_check);
  }
  ring_add(&ctx->tasks, task);
}

void uvws__context_drop_task(struct uvws__task *task) {
  if (task->next) ring_remove(task);
}

void uvws__context_keep_loop(uvws_context_t *ctx) {
  if (ctx->keepers++ == 0) uv_ref((uv_handle_t *)&ctx->timer);
}

void uvws__context_let_loop(uvws_context_t *ctx) {
  if (--ctx->keepers == 0) uv_unref((uv_handle_t *)&ctx->timer);
}

static void on_after_poll(struct uvws__task *task) {
  struct uvws__after_poll *after = (struct uvws__after_poll *)task;
  if (after->ctx->polls == after->poll)
    uvws__context_add_task(after->ctx, task);
  else
    after->run(after);
}

void uvws__context_after_poll(uvws_context_t *ctx, struct uvws__after_poll *after,
                              void (*run)(struct uvws__after_poll *after)) {
  after->ctx = ctx;
  after->poll = ctx->polls;
  after->run = run;
  after->task.run = on_after_poll;
  uvws__context_add_task(ctx, &after->task);
}

uint64_t uvws__context_now_us(const uvws_context_t *ctx) {
  return ctx->has_own_clock ? ctx->env.now_ms(ctx->env.arg) * 1000 : uv_hrtime() / 1000;
}

int uvws__context_mask_key(uvws_context_t *ctx, uint8_t key[4]) {
  if (ctx->random_left == 0) {
    int err = ctx->env.random(ctx->env.arg, ctx->random, sizeof ctx->random);
    if (err) return err;
    ctx->random_left = sizeof ctx->random;
  }
  ctx->random_left -= 4;
  memcpy(key, ctx->random + ctx->random_left, 4);
  return 0;
}

int uvws__context_take_reader(uvws_context_t *ctx, struct uvws__framer **out) {
  *out = ctx->reader;
  ctx->reader = NULL;
  return *out ? 0 : uvws__framer_new(&ctx->env, out);
}

void uvws__context_give_reader(uvws_context_t *ctx, struct uvws__framer *reader) {
  if (!reader) return;
  if (ctx->reader || !uvws__framer_is_idle(reader))
    uvws__framer_free(&ctx->env, reader);
  else
    ctx->reader = reader;
}
