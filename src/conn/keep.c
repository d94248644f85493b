/*
 * Messages that outlive their connection. While one is on its way its copy is kept; when the kernel
 * has taken it all, it is done with; when the connection ends before, it goes back to those that
 * wait, in order. What the kernel has taken may be lost on the way all the same: only an answer of
 * the peer's own can tell.
 */
#include "conn/conn.h"

#include <string.h>

int uvws__is_keeping(const uvws_t *ws) {
  return ws->retry && !ws->retry->is_over && ws->retry->options->reconnect->keep_bytes;
}

int uvws__keep_is_full(const uvws_t *ws, size_t more) {
  size_t max = ws->retry->options->reconnect->keep_bytes;
  size_t now = ws->waiting_len + ws->retry->kept_len;
  return now > max || more > max - now;
}

static void go_back(uvws_t *ws, struct uvws__waiting *w) {
  struct uvws__retry *r = ws->retry;
  if (!r->back_at) r->back_at = &ws->waiting;
  w->next = *r->back_at;
  *r->back_at = w;
  if (!w->next) ws->waiting_end = &w->next;
  r->back_at = &w->next;
  ws->waiting_len += w->len;
}

static void on_kept_sent(uvws_t *ws, int status, void *arg) {
  struct uvws__waiting *w = arg;
  if (ws->retry) ws->retry->kept_len -= w->len;
  if (status && uvws__is_keeping(ws) && !ws->is_freed) {
    go_back(ws, w);
    return;
  }
  uvws_send_cb cb = w->cb;
  void *cb_arg = w->arg;
  uvws__free(&ws->ctx->env, w);
  if (cb) cb(ws, status, cb_arg);
}

int uvws__keep_send_waiting(struct uvws__conn *c, struct uvws__waiting *w) {
  uvws_t *ws = c->ws;
  unsigned flags = w->flags | UVWS_SEND_BORROWED; /* `w` lives until on_kept_sent */
  struct uvws__outgoing out = {w->kind, flags, w->data, w->len, on_kept_sent, w};
  int err = uvws__conn_send_message(c, &out);
  if (err < 0) return err;
  ws->retry->kept_len += w->len;
  return err;
}

int uvws__keep_send(struct uvws__conn *c, const struct uvws__outgoing *out) {
  struct uvws__waiting *w;
  int err = uvws__conn_may_send(c, out);
  if (!err && uvws__keep_is_full(c->ws, out->len)) err = UVWS_EQUEUEFULL;
  if (!err) err = uvws__waiting_new(c->ws, out, &w);
  if (err) return err;
  err = uvws__keep_send_waiting(c, w);
  if (err < 0) uvws__free(&c->ctx->env, w);
  return err;
}
