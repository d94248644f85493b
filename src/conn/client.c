/* The client: what outlives its connections. */
#include "conn/conn.h"

#include "conn/options.h"

#include <assert.h>
#include <string.h>

static void on_free_task(struct uvws__task *task) {
  uvws_t *ws = (uvws_t *)((char *)task - offsetof(struct uvws, task));
  uvws__client_drop_waiting(ws);
  uvws__client_destroy(ws);
}

int uvws__client_new(uvws_context_t *ctx, const uvws_callbacks_t *callbacks, void *user,
                     uvws_t **out) {
  uvws_t *ws = uvws__calloc(&ctx->env, sizeof *ws);
  if (!ws) return UV_ENOMEM;
  ws->ctx = ctx;
  ws->user = user;
  ws->id = ++ctx->last_id;
  ws->task.run = on_free_task;
  ws->waiting_end = &ws->waiting;
  ws->marks = (struct uvws__marks){UVWS_NO_LIMIT, 0, UVWS_NO_LIMIT};
  uvws__client_set_callbacks(ws, callbacks);
  uvws__context_hold(ctx);
  ws->next = ctx->clients;
  if (ws->next) ws->next->prev = ws;
  ctx->clients = ws;
  *out = ws;
  return 0;
}

/* A caller built against an older header has a shorter struct: what it lacks is NULL. */
void uvws__client_set_callbacks(uvws_t *ws, const uvws_callbacks_t *callbacks) {
  memset(&ws->callbacks, 0, sizeof ws->callbacks);
  if (!callbacks) return;
  size_t size = callbacks->size < sizeof *callbacks ? callbacks->size : sizeof *callbacks;
  memcpy(&ws->callbacks, callbacks, size);
}

int uvws__client_begin(uvws_t *ws, const uvws_options_t *options, struct uvws__detail *detail) {
  uvws_options_t *copy;
  int err = uvws__options_copy(&ws->ctx->env, options, detail, &copy);
  if (err) return err;
  struct uvws__marks marks = {copy->high_water_mark, copy->low_water_mark, copy->max_buffered};
  struct uvws__conn *c;
  err = uvws__conn_new(ws, copy, &c);
  if (err) return err;
  err = uvws__conn_connect(c, detail);
  if (err) {
    uvws__conn_free(c);
    return err;
  }
  ws->conn = c;
  ws->counters.connects++;
  ws->marks = marks;
  ws->was_connected = 1;
  return 0;
}

static int prepare_retry(uvws_t *ws, const uvws_options_t *options, struct uvws__detail *detail) {
  uvws_options_t *copy;
  if (!options || options->size < offsetof(uvws_options_t, reconnect) + sizeof options->reconnect ||
      !options->reconnect)
    return 0;
  int err = uvws__options_copy(&ws->ctx->env, options, detail, &copy);
  return err ? err : uvws__retry_new(ws, copy);
}

/* What uvws_free does, or does behind the uvws_connect that it was called within. */
static void let_go(uvws_t *ws) {
  if (ws->conn)
    uvws__conn_cut(ws->conn);
  else if (ws->retry)
    return; /* its end is on its way, and ours with it */
  else if (ws->waiting || ws->orphans)
    uvws__context_add_task(ws->ctx, &ws->task);
  else if (!ws->ended && !ws->is_telling)
    uvws__client_destroy(ws);
}

int uvws__client_connect(uvws_t *ws, const uvws_options_t *options) {
  struct uvws__detail *detail = &ws->ctx->last_error;
  if (ws->conn || ws->retry || ws->is_beginning)
    return uvws__fail(detail, UVWS_EBUSY, "%s", uvws_strerror(UVWS_EBUSY));
  ws->is_beginning = 1;
  ws->is_called_off = 0;
  int err = prepare_retry(ws, options, detail);
  if (!err) err = uvws__client_begin(ws, options, detail);
  if (err) uvws__retry_free(ws);
  ws->is_beginning = 0;
  ws->ctx->last_error_of = ws; /* on_key_password may have called for another client */
  if (ws->is_freed) let_go(ws);
  return err;
}

int uvws__waiting_new(uvws_t *ws, const struct uvws__outgoing *out, struct uvws__waiting **w) {
  if (out->len > SIZE_MAX / 2) return UV_ENOMEM;
  *w = uvws__alloc(&ws->ctx->env, sizeof **w + out->len);
  if (!*w) return UV_ENOMEM;
  unsigned flags = out->flags & ~(unsigned)UVWS_SEND_BORROWED; /* this copy is not lent */
  **w = (struct uvws__waiting){
      .kind = out->kind, .flags = flags, .cb = out->cb, .arg = out->arg, .len = out->len};
  if (out->len) memcpy((*w)->data, out->data, out->len);
  return 0;
}

void uvws__client_push_waiting(uvws_t *ws, struct uvws__waiting *w) {
  *ws->waiting_end = w;
  ws->waiting_end = &w->next;
  ws->waiting_len += w->len;
}

static int wait_for_open(uvws_t *ws, const struct uvws__outgoing *out) {
  struct uvws__waiting *w;
  if (ws->waiting_len > ws->marks.max || out->len > ws->marks.max - ws->waiting_len)
    return UVWS_EQUEUEFULL;
  if (uvws__is_keeping(ws) && uvws__keep_is_full(ws, out->len)) return UVWS_EQUEUEFULL;
  int err = uvws__waiting_new(ws, out, &w);
  if (err) return err;
  uvws__client_push_waiting(ws, w);
  if (ws->waiting_len < ws->marks.high) return 0;
  ws->is_above = 1;
  return UVWS_ABOVE_MARK;
}

void uvws__client_unpop_waiting(uvws_t *ws, struct uvws__waiting *w) {
  w->next = ws->waiting;
  if (!ws->waiting) ws->waiting_end = &w->next;
  ws->waiting = w;
  ws->waiting_len += w->len;
}

void uvws__client_pop_waiting(uvws_t *ws) {
  struct uvws__waiting *w = ws->waiting;
  ws->waiting = w->next;
  if (!ws->waiting) ws->waiting_end = &ws->waiting;
  ws->waiting_len -= w->len;
}

int uvws__client_send(uvws_t *ws, const struct uvws__outgoing *out) {
  struct uvws__conn *c = ws->conn;
  int is_keeping = uvws__is_keeping(ws);
  if (c && c->state >= CONN_OPEN && !is_keeping) return uvws__conn_send(c, out);
  if (c && c->state == CONN_OPEN && !c->write_error) return uvws__keep_send(c, out);
  if (!c && !is_keeping && (ws->was_connected || ws->is_freed)) return UVWS_ENOTOPEN;
  return wait_for_open(ws, out);
}

int uvws__client_close(uvws_t *ws, int code, const char *reason, size_t reason_len) {
  int err = ws->conn ? uvws__conn_close(ws->conn, code, reason, reason_len) : 0;
  ws->is_called_off = ws->is_beginning;
  if (!err) uvws__retry_cancel(ws);
  return err;
}

void uvws__client_drop_waiting(uvws_t *ws) {
  while (ws->waiting) {
    struct uvws__waiting *w = ws->waiting;
    uvws__client_pop_waiting(ws);
    ws->counters.bytes_dropped += w->len;
    if (w->cb) w->cb(ws, UV_ECANCELED, w->arg);
    uvws__free(&ws->ctx->env, w);
  }
  uvws__async_tell_orphans(ws);
}

void uvws__client_free(uvws_t *ws) {
  assert(!ws->is_freed);
  ws->is_freed = 1;
  uvws__async_forget(ws);
  uvws__retry_cancel(ws);
  if (!ws->is_beginning) let_go(ws);
}

void uvws__client_destroy(uvws_t *ws) {
  uvws_context_t *ctx = ws->ctx;
  assert(!ws->conn && !ws->retry && !ws->waiting);
  if (ctx->last_error_of == ws) ctx->last_error_of = NULL;
  uvws__stats_take_client(ws);
  if (ws->next) ws->next->prev = ws->prev;
  if (ws->prev)
    ws->prev->next = ws->next;
  else
    ctx->clients = ws->next;
  uvws__free(&ctx->env, ws);
  uvws__context_release(ctx);
}

int uvws__client_tls_info(uvws_t *ws, const uvws_tls_info_t **out) {
  struct uvws__conn *c = ws->conn ? ws->conn : ws->ended;
  if (!c || !c->is_tls) return UVWS_ENOTOPEN;
  int err = c->tls_info ? 0 : uvws__tls_info_make(&c->ctx->env, c->transport, &c->tls_info);
  if (!err) *out = &c->tls_info->info;
  return err;
}
