/* Sending and closing from any thread. */
#include "conn/conn.h"

#include <assert.h>
#include <string.h>

#define DEFAULT_MAX_BYTES ((size_t)1 << 20)

/* A message, or a Close. */
struct uvws__item {
  struct uvws__item *next;
  uvws_async_t *async;
  int is_close;
  int code;
  uvws_kind_t kind;
  unsigned flags;
  uvws_send_cb cb;
  void *arg;
  size_t len;
  uint8_t data[];
};

static void *hub_alloc(struct uvws__hub *hub, size_t size) {
  return hub->realloc(hub->alloc_arg, NULL, size);
}

static void hub_free(struct uvws__hub *hub, void *ptr) {
  if (ptr) hub->realloc(hub->alloc_arg, ptr, 0);
}

/*
 * Holds. Each of these is called with the mutex locked, and unlocks it: who lets go last frees.
 */

static void release_hub_and_unlock(struct uvws__hub *hub) {
  int is_last = --hub->holds == 0;
  uv_mutex_unlock(&hub->mutex);
  if (!is_last) return;
  uv_mutex_destroy(&hub->mutex);
  hub_free(hub, hub);
}

static void release_async_and_unlock(uvws_async_t *async) {
  struct uvws__hub *hub = async->hub;
  if (--async->holds) {
    uv_mutex_unlock(&hub->mutex);
    return;
  }
  hub_free(hub, async);
  release_hub_and_unlock(hub);
}

/* What counts for max_bytes: a Close always finds room. */
static size_t payload_of(const struct uvws__item *item) {
  return item->is_close ? 0 : item->len;
}

static void item_free(struct uvws__item *item) {
  struct uvws__hub *hub = item->async->hub;
  uv_mutex_lock(&hub->mutex);
  uvws_async_t *async = item->async;
  async->queued_len -= payload_of(item);
  hub_free(hub, item);
  release_async_and_unlock(async);
}

/*
 * On the loop's thread
 */

static void on_item_sent(uvws_t *ws, int status, void *arg) {
  struct uvws__item *item = arg;
  uvws_send_cb cb = item->cb;
  void *cb_arg = item->arg;
  item_free(item);
  if (cb) cb(ws, status, cb_arg);
}

static void take_item(struct uvws__item *item) {
  uvws_t *ws = item->async->ws;
  assert(ws); /* uvws__async_forget has taken it otherwise */
  if (item->is_close) {
    /* Without memory for a Close the connection stays: the same as with uvws_close. */
    uvws__client_close(ws, item->code, (const char *)item->data, item->len);
    item_free(item);
    return;
  }
  unsigned flags = item->flags | UVWS_SEND_BORROWED; /* the item lives until on_item_sent */
  struct uvws__outgoing out = {item->kind, flags, item->data, item->len, on_item_sent, item};
  int err = uvws__client_send(ws, &out);
  if (err < 0) on_item_sent(ws, err, item);
}

static struct uvws__item *pop(struct uvws__hub *hub) {
  uv_mutex_lock(&hub->mutex);
  struct uvws__item *item = hub->first;
  if (item) {
    hub->first = item->next;
    if (!hub->first) hub->last = &hub->first;
    hub->count--;
  }
  uv_mutex_unlock(&hub->mutex);
  return item;
}

/* What is left wakes us again; when nothing can come any more the loop need not wait for it. */
static void rest(struct uvws__hub *hub) {
  uv_mutex_lock(&hub->mutex);
  if (hub->count)
    uv_async_send(&hub->wake);
  else if (!hub->users)
    uv_unref((uv_handle_t *)&hub->wake);
  uv_mutex_unlock(&hub->mutex);
}

/* One by one, since each may run user code that frees the client of the next; and no more than were
 * there at the start, since others have a right to the loop as well. */
static void on_wake(uv_async_t *wake) {
  struct uvws__hub *hub = wake->data;
  uvws_context_t *ctx = hub->ctx;
  uvws__context_hold(ctx);
  uv_mutex_lock(&hub->mutex);
  size_t count = hub->count;
  uv_mutex_unlock(&hub->mutex);
  for (size_t i = 0; i < count; i++) {
    struct uvws__item *item = pop(hub);
    if (!item) break;
    take_item(item);
  }
  rest(hub);
  uvws__context_release(ctx);
}

static int hub_new(uvws_context_t *ctx) {
  struct uvws__hub *hub = uvws__calloc(&ctx->env, sizeof *hub);
  if (!hub) return UV_ENOMEM;
  int err = uv_mutex_init(&hub->mutex);
  if (err) {
    uvws__free(&ctx->env, hub);
    return err;
  }
  err = uv_async_init(ctx->loop, &hub->wake, on_wake);
  if (err) {
    uv_mutex_destroy(&hub->mutex);
    uvws__free(&ctx->env, hub);
    return err;
  }
  /* Until there is an async: each makes it keep the loop alive. */
  uv_unref((uv_handle_t *)&hub->wake);
  hub->wake.data = hub;
  hub->ctx = ctx;
  hub->realloc = ctx->env.realloc;
  hub->alloc_arg = ctx->env.alloc_arg;
  hub->holds = 1;
  hub->last = &hub->first;
  ctx->hub = hub;
  return 0;
}

int uvws__async_new(uvws_t *ws, size_t max_bytes, uvws_async_t **out) {
  uvws_context_t *ctx = ws->ctx;
  int err = ctx->hub ? 0 : hub_new(ctx);
  if (err) return err;
  uvws_async_t *async = uvws__calloc(&ctx->env, sizeof *async);
  if (!async) return UV_ENOMEM;
  async->hub = ctx->hub;
  async->ws = ws;
  async->max_bytes = max_bytes ? max_bytes : DEFAULT_MAX_BYTES;
  async->holds = 2;
  async->next_of_ws = ws->asyncs;
  ws->asyncs = async;
  uv_mutex_lock(&ctx->hub->mutex);
  ctx->hub->holds++;
  ctx->hub->users++;
  uv_mutex_unlock(&ctx->hub->mutex);
  uv_ref((uv_handle_t *)&ctx->hub->wake);
  *out = async;
  return 0;
}

/* Take the items of `ws` out of the queue, in order. */
static struct uvws__item *take_items_of(struct uvws__hub *hub, const uvws_t *ws) {
  struct uvws__item *taken = NULL;
  struct uvws__item **taken_last = &taken;
  struct uvws__item **at = &hub->first;
  while (*at) {
    struct uvws__item *item = *at;
    if (item->async->ws != ws) {
      at = &item->next;
      continue;
    }
    *at = item->next;
    hub->count--;
    item->next = NULL;
    *taken_last = item;
    taken_last = &item->next;
  }
  hub->last = at;
  return taken;
}

void uvws__async_forget(uvws_t *ws) {
  struct uvws__hub *hub = ws->ctx->hub;
  if (!ws->asyncs) return;
  uv_mutex_lock(&hub->mutex);
  ws->orphans = take_items_of(hub, ws);
  for (uvws_async_t *async = ws->asyncs; async; async = async->next_of_ws) {
    async->is_dead = 1;
    hub->users -= !async->is_free;
  }
  uv_mutex_unlock(&hub->mutex);
  rest(hub);
  while (ws->asyncs) {
    uvws_async_t *async = ws->asyncs;
    ws->asyncs = async->next_of_ws;
    async->ws = NULL;
    uv_mutex_lock(&hub->mutex);
    release_async_and_unlock(async);
  }
}

void uvws__async_tell_orphans(uvws_t *ws) {
  while (ws->orphans) {
    struct uvws__item *item = ws->orphans;
    ws->orphans = item->next;
    if (item->is_close)
      item_free(item);
    else
      on_item_sent(ws, UV_ECANCELED, item);
  }
}

int uvws__hub_close(uvws_context_t *ctx, uv_close_cb on_closed) {
  struct uvws__hub *hub = ctx->hub;
  if (!hub) return 0;
  uv_mutex_lock(&hub->mutex);
  hub->is_closed = 1;
  uv_mutex_unlock(&hub->mutex);
  uv_close((uv_handle_t *)&hub->wake, on_closed);
  return 1;
}

void uvws__hub_closed(struct uvws__hub *hub) {
  uv_mutex_lock(&hub->mutex);
  release_hub_and_unlock(hub);
}

/*
 * On any thread
 */

/* Queue an item; on an error it is still the caller's. */
static int push(uvws_async_t *async, struct uvws__item *item) {
  struct uvws__hub *hub = async->hub;
  int err = 0;
  uv_mutex_lock(&hub->mutex);
  if (async->is_dead || hub->is_closed)
    err = UVWS_ENOTOPEN;
  else if (payload_of(item) > async->max_bytes - async->queued_len)
    err = UVWS_EQUEUEFULL;
  if (!err) {
    async->holds++;
    async->queued_len += payload_of(item);
    *hub->last = item;
    hub->last = &item->next;
    if (hub->count++ == 0) uv_async_send(&hub->wake);
  }
  uv_mutex_unlock(&hub->mutex);
  return err;
}

static int push_or_free(uvws_async_t *async, struct uvws__item *item) {
  struct uvws__hub *hub = async->hub;
  int err = push(async, item);
  if (err) hub_free(hub, item);
  return err;
}

static struct uvws__item *item_new(uvws_async_t *async, const void *data, size_t len) {
  if (len > SIZE_MAX / 2) return NULL;
  struct uvws__item *item = hub_alloc(async->hub, sizeof *item + len);
  if (!item) return NULL;
  memset(item, 0, sizeof *item);
  item->async = async;
  item->len = len;
  if (len) memcpy(item->data, data, len);
  return item;
}

int uvws__async_send(uvws_async_t *async, const struct uvws__outgoing *out) {
  struct uvws__item *item = item_new(async, out->data, out->len);
  if (!item) return UV_ENOMEM;
  item->kind = out->kind;
  item->flags = out->flags;
  item->cb = out->cb;
  item->arg = out->arg;
  return push_or_free(async, item);
}

int uvws__async_close(uvws_async_t *async, int code, const char *reason, size_t reason_len) {
  struct uvws__item *item = item_new(async, reason, reason_len);
  if (!item) return UV_ENOMEM;
  item->is_close = 1;
  item->code = code;
  return push_or_free(async, item);
}

void uvws__async_free(uvws_async_t *async) {
  struct uvws__hub *hub = async->hub;
  uv_mutex_lock(&hub->mutex);
  async->is_free = 1;
  if (!async->is_dead && --hub->users == 0) uv_async_send(&hub->wake);
  release_async_and_unlock(async);
}
