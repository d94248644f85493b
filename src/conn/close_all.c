/*
 * All connections of a context closed with one call, by a time that holds for all of them: each
 * gets it as a limit to every deadline that it sets from then on.
 */
#include "conn/conn.h"

#include <string.h>

static void on_all_closed(struct uvws__task *task) {
  uvws_context_t *ctx = (uvws_context_t *)((char *)task - offsetof(uvws_context_t, close_all.task));
  uvws_close_all_cb cb = ctx->close_all.cb;
  void *arg = ctx->close_all.arg;
  int cut_count = ctx->close_all.cut_count;
  ctx->close_all.is_busy = 0;
  if (cb) cb(ctx, cut_count, arg);
  uvws__context_release(ctx);
}

static void tell_when_done(uvws_context_t *ctx) {
  if (ctx->close_all.left) return;
  ctx->close_all.task.run = on_all_closed;
  uvws__context_add_task(ctx, &ctx->close_all.task);
}

/* One whose Close cannot be sent for want of memory is cut. Nothing here calls the user. */
static void close_one(struct uvws__conn *c, const struct uvws__farewell *farewell) {
  uint64_t now = c->ctx->env.now_ms(c->ctx->env.arg);
  c->is_in_close_all = 1;
  c->ctx->close_all.left++;
  if (farewell->timeout_ms != UVWS_NO_TIMEOUT) c->end_by_ms = now + farewell->timeout_ms;
  if (c->state == CONN_CLOSING || c->state == CONN_DRAINING)
    uvws__conn_set_deadline(c, c->close_timeout_ms);
  else if (uvws__conn_close(c, farewell->code, farewell->reason, farewell->reason_len) != 0)
    uvws__conn_cut(c);
}

static void close_client(uvws_t *ws, const struct uvws__farewell *farewell) {
  ws->is_called_off = ws->is_beginning;
  if (ws->retry && !ws->conn && !ws->is_beginning) {
    ws->retry->is_in_close_all = 1;
    ws->ctx->close_all.left++;
  }
  uvws__retry_cancel(ws);
  if (ws->conn) close_one(ws->conn, farewell);
}

int uvws__context_close_all(uvws_context_t *ctx, const struct uvws__farewell *farewell,
                            uvws_close_all_cb cb, void *arg) {
  if (ctx->close_all.is_busy) return UVWS_EBUSY;
  ctx->close_all.is_busy = 1;
  ctx->close_all.left = 0;
  ctx->close_all.cut_count = 0;
  ctx->close_all.cb = cb;
  ctx->close_all.arg = arg;
  uvws__context_hold(ctx);
  for (uvws_t *ws = ctx->clients; ws; ws = ws->next)
    close_client(ws, farewell);
  tell_when_done(ctx);
  return 0;
}

void uvws__close_all_take_end(struct uvws__conn *c) {
  if (!c->is_in_close_all) return;
  if (!c->ending.has_received_close) c->ctx->close_all.cut_count++;
  uvws__close_all_count_down(c->ctx);
}

void uvws__close_all_count_down(uvws_context_t *ctx) {
  ctx->close_all.left--;
  tell_when_done(ctx);
}
