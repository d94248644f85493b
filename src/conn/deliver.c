/* The only caller of user code (but for completions, in send.c). */
#include "conn/conn.h"

#include <string.h>

void uvws__deliver_open(struct uvws__conn *c) {
  uvws_t *ws = c->ws;
  if (c->state == CONN_OPEN && ws->callbacks.on_open) ws->callbacks.on_open(ws, ws->user);
}

int uvws__deliver_password(void *asked, char *out, size_t cap) {
  struct uvws__conn *c = asked;
  return c->opening->options->on_key_password(c->ws, out, cap, c->ws->user);
}

int uvws__deliver_verify(void *owner, int err, const char *message, const uvws_tls_info_t *info) {
  struct uvws__conn *c = owner;
  uvws_t *ws = c->ws;
  int answer = c->opening->options->on_verify(ws, err, message, info, ws->user);
  return answer > 0 ? UVWS_ECERT : answer; /* a positive number is no error */
}

void uvws__deliver_chunk(struct uvws__conn *c, const struct uvws__inbound_event *event) {
  uvws_t *ws = c->ws;
  ws->counters.messages_in += event->is_last != 0;
  unsigned part = (event->is_first ? UVWS_FIRST : 0u) | (event->is_last ? UVWS_LAST : 0u);
  if (ws->callbacks.on_chunk)
    ws->callbacks.on_chunk(ws, event->kind, event->data, event->len, part, ws->user);
}

void uvws__deliver_drain(struct uvws__conn *c) {
  uvws_t *ws = c->ws;
  if (ws->callbacks.on_drain) ws->callbacks.on_drain(ws, ws->user);
}

void uvws__deliver_message(struct uvws__conn *c, const struct uvws__inbound_event *event) {
  uvws_t *ws = c->ws;
  ws->counters.messages_in++;
  if (ws->callbacks.on_message)
    ws->callbacks.on_message(ws, event->kind, event->data, event->len, ws->user);
}

void uvws__deliver_control(struct uvws__conn *c, int type,
                           const struct uvws__inbound_event *event) {
  uvws_t *ws = c->ws;
  if (type == UVWS__IN_PING && ws->callbacks.on_ping)
    ws->callbacks.on_ping(ws, event->data, event->len, ws->user);
  if (type == UVWS__IN_PONG && ws->callbacks.on_pong)
    ws->callbacks.on_pong(ws, event->data, event->len, ws->user);
}

int uvws__ending_error(const struct uvws__conn *c, uvws_error_t *out) {
  const struct uvws__ending *e = &c->ending;
  uvws_error_t error = {.code = e->error,
                        .message = e->detail && *e->detail->text ? e->detail->text
                                                                 : uvws_strerror(e->error)};
  if (!e->error) return 0;
  struct uvws__head *head = c->opening ? c->opening->head : NULL;
  if (head && uvws__head_status(head)) {
    error.status = uvws__head_status(head);
    error.headers = uvws__head_fields(head, &error.header_count);
    error.body = uvws__head_body(head, &error.body_len);
  }
  *out = error;
  return 1;
}

void uvws__deliver_error(uvws_t *ws, const uvws_error_t *error) {
  if (ws->callbacks.on_error) ws->callbacks.on_error(ws, error, ws->user);
}

void uvws__deliver_retry(uvws_t *ws, const uvws_retry_t *retry) {
  if (ws->callbacks.on_retry) ws->callbacks.on_retry(ws, retry, ws->user);
}

void uvws__ending_close_info(const struct uvws__conn *c, uvws_close_info_t *out) {
  const struct uvws__ending *e = &c->ending;
  uvws_close_info_t info = {.code = UVWS__CLOSE_ABNORMAL, .reason = ""};
  if (e->has_received_close) {
    info.code = e->code;
    info.was_clean = e->has_sent_close && (!e->error || e->has_expired) && !c->write_error;
    info.reason = e->reason ? e->reason : "";
    info.reason_len = e->reason_len;
  } else if (e->detail) {
    info.reason = e->detail->text;
    info.reason_len = strlen(info.reason);
  }
  *out = info;
}

void uvws__deliver_close(uvws_t *ws, const uvws_close_info_t *info) {
  if (ws->callbacks.on_close) ws->callbacks.on_close(ws, info, ws->user);
}
