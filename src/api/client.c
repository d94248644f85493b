/* The client's functions: arguments checked, then handed on. */
#include "api/check.h"
#include "conn/conn.h"

static int fail(const uvws_t *ws, int err, const char *text) {
  ws->ctx->last_error_of = ws;
  return uvws__fail(&ws->ctx->last_error, err, "%s", text);
}

int uvws_new(uvws_context_t *ctx, const uvws_callbacks_t *callbacks, void *user, uvws_t **out) {
  if (!ctx || !out || (callbacks && callbacks->size < sizeof callbacks->size)) return UV_EINVAL;
  return uvws__client_new(ctx, callbacks, user, out);
}

void uvws_free(uvws_t *ws) {
  if (ws) uvws__client_free(ws);
}

void uvws_set_callbacks(uvws_t *ws, const uvws_callbacks_t *callbacks) {
  uvws__client_set_callbacks(ws, callbacks);
}

void *uvws_user(const uvws_t *ws) {
  return ws->user;
}

void uvws_set_user(uvws_t *ws, void *user) {
  ws->user = user;
}

uvws_context_t *uvws_context(const uvws_t *ws) {
  return ws->ctx;
}

int uvws_connect(uvws_t *ws, const uvws_options_t *options) {
  ws->ctx->last_error.text[0] = '\0';
  ws->ctx->last_error_of = ws;
  if (ws->is_freed) return fail(ws, UV_EINVAL, "the client was freed");
  return uvws__client_connect(ws, options);
}

const char *uvws_last_error(const uvws_t *ws) {
  return ws->ctx->last_error_of == ws ? ws->ctx->last_error.text : "";
}

static int told(const uvws_t *ws, int err) {
  return err < 0 ? fail(ws, err, uvws_strerror(err)) : err;
}

static int send_message(uvws_t *ws, const struct uvws__outgoing *out) {
  if (!out->data && out->len) return fail(ws, UV_EINVAL, "data is NULL");
  return told(ws, uvws__client_send(ws, out));
}

int uvws_send_text(uvws_t *ws, const char *data, size_t len, uvws_send_cb cb, void *arg) {
  struct uvws__outgoing out = {UVWS_TEXT, 0, (const uint8_t *)data, len, cb, arg};
  return send_message(ws, &out);
}

int uvws_send_binary(uvws_t *ws, const void *data, size_t len, uvws_send_cb cb, void *arg) {
  struct uvws__outgoing out = {UVWS_BINARY, 0, data, len, cb, arg};
  return send_message(ws, &out);
}

static int check_kind(const uvws_t *ws, uvws_kind_t kind, unsigned flags, unsigned known) {
  if (kind != UVWS_TEXT && kind != UVWS_BINARY)
    return fail(ws, UV_EINVAL, "kind is neither UVWS_TEXT nor UVWS_BINARY");
  if (flags & ~known) return fail(ws, UV_EINVAL, "flags has a bit that means nothing here");
  return 0;
}

int uvws_send(uvws_t *ws, uvws_kind_t kind, const void *data, size_t len, unsigned flags,
              uvws_send_cb cb, void *arg) {
  struct uvws__outgoing out = {kind, flags, data, len, cb, arg};
  int err = check_kind(ws, kind, flags, UVWS__HOW_TO_PACK | UVWS_SEND_BORROWED);
  if (!err && (flags & UVWS_SEND_BORROWED) && !cb)
    err = fail(ws, UV_EINVAL, "UVWS_SEND_BORROWED needs a callback: it says when `data` is free");
  return err ? err : send_message(ws, &out);
}

int uvws_message_begin(uvws_t *ws, uvws_kind_t kind, unsigned flags) {
  int err = check_kind(ws, kind, flags, UVWS__HOW_TO_PACK);
  if (err) return err;
  return told(ws, ws->conn ? uvws__conn_pieces_begin(ws->conn, kind, flags) : UVWS_ENOTOPEN);
}

int uvws_message_write(uvws_t *ws, const void *data, size_t len, uvws_send_cb cb, void *arg) {
  if (!data && len) return fail(ws, UV_EINVAL, "data is NULL");
  struct uvws__conn *c = ws->conn;
  return told(ws, c ? uvws__conn_pieces_write(c, data, len, 0, cb, arg) : UVWS_ENOTOPEN);
}

int uvws_message_end(uvws_t *ws, uvws_send_cb cb, void *arg) {
  struct uvws__conn *c = ws->conn;
  return told(ws, c ? uvws__conn_pieces_write(c, NULL, 0, 1, cb, arg) : UVWS_ENOTOPEN);
}

void uvws_pause(uvws_t *ws) {
  if (ws->conn) uvws__conn_pause(ws->conn);
}

void uvws_resume(uvws_t *ws) {
  if (ws->conn) uvws__conn_resume(ws->conn);
}

int uvws_ping(uvws_t *ws, const void *data, size_t len) {
  if ((!data && len) || len > UVWS__CONTROL_MAX)
    return fail(ws, UV_EINVAL, "a Ping carries 0 to 125 bytes (RFC 6455 5.5)");
  struct uvws__conn *c = ws->conn;
  if (!c || c->state != CONN_OPEN || c->write_error)
    return fail(ws, UVWS_ENOTOPEN, "the connection is not open");
  return told(ws, uvws__conn_send_control(c, UVWS__OP_PING, data, len));
}

int uvws_close(uvws_t *ws, int code, const char *reason, size_t reason_len) {
  ws->ctx->last_error_of = ws;
  int err = uvws__check_close(code, reason, reason_len, &ws->ctx->last_error);
  if (err) return err;
  return told(ws, uvws__client_close(ws, code, reason, reason_len));
}

size_t uvws_buffered(const uvws_t *ws) {
  const struct uvws__conn *c = ws->conn;
  return c ? uvws__conn_buffered(c) : ws->waiting_len;
}

uvws_state_t uvws_state(const uvws_t *ws) {
  const struct uvws__conn *c = ws->conn;
  if (!c && ws->retry) return ws->retry->is_over ? UVWS_STATE_CLOSING : UVWS_STATE_CONNECTING;
  if (!c) return UVWS_STATE_CLOSED;
  if (c->state < CONN_OPEN) return UVWS_STATE_CONNECTING;
  return c->state == CONN_OPEN ? UVWS_STATE_OPEN : UVWS_STATE_CLOSING;
}

/* The connection whose answer can be read: in on_close it is the one that has just ended. */
static const struct uvws__conn *readable(const uvws_t *ws) {
  return ws->conn ? ws->conn : ws->ended;
}

const char *uvws_protocol(const uvws_t *ws) {
  const struct uvws__conn *c = readable(ws);
  return c ? c->protocol : NULL;
}

const char *uvws_response_header(const uvws_t *ws, const char *name) {
  const struct uvws__conn *c = readable(ws);
  return c && name ? uvws__conn_field(c, name) : NULL;
}

int uvws_stats(const uvws_t *ws, uvws_stats_t *out) {
  return uvws__client_stats(ws, out);
}

int uvws_should_retry(const uvws_retry_t *retry) {
  return uvws__should_retry(retry);
}

int uvws_tls_info(uvws_t *ws, const uvws_tls_info_t **out) {
  return out ? told(ws, uvws__client_tls_info(ws, out)) : fail(ws, UV_EINVAL, "out is NULL");
}
