/*
 * How a connection ends: the closing handshake from both sides (RFC 6455 7.1), failing (7.1.7),
 * draining.
 *
 *   - Both Close frames exchanged: the server closes TCP first (7.1.1), so its end is awaited.
 *   - The peer broke a rule: our Close goes out, then a FIN, and what still comes is read and
 * dropped, since closing a socket with unread bytes resets it and could destroy our Close under
 * way.
 *   - Nobody said anything for too long (idle_timeout_ms): nothing is broken, so the closing
 * handshake is done as if the caller had closed, and the error is told behind what still arrives.
 * What goes wrong on the way does not take its place.
 *   - The stream ended or failed: cut at once.
 */
#include "conn/conn.h"

#include <string.h>

static void set_detail(struct uvws__conn *c, const char *text) {
  struct uvws__ending *e = &c->ending;
  if (!e->detail) e->detail = uvws__alloc(&c->ctx->env, sizeof *e->detail);
  if (e->detail) uvws__explain(e->detail, "%s", text);
}

void uvws__conn_cut(struct uvws__conn *c) {
  if (c->state != CONN_CUT) uvws__conn_go(c, CONN_CUT);
}

static int send_close(struct uvws__conn *c, int code, const char *reason, size_t reason_len) {
  uint8_t payload[UVWS__CONTROL_MAX] = {(uint8_t)(code >> 8), (uint8_t)(code & 0xFF)};
  if (code && reason_len) memcpy(payload + 2, reason, reason_len);
  int err = uvws__conn_send_control(c, UVWS__OP_CLOSE, payload, code ? 2 + reason_len : 0);
  if (!err) c->ending.has_sent_close = 1;
  return err;
}

int uvws__conn_close(struct uvws__conn *c, int code, const char *reason, size_t reason_len) {
  if (c->state < CONN_OPEN) {
    set_detail(c, "closed before the connection was open");
    uvws__conn_cut(c);
    return 0;
  }
  if (c->state != CONN_OPEN) return 0;
  int err = send_close(c, code, reason, reason_len);
  if (err) return err;
  uvws__conn_go(c, CONN_CLOSING);
  uvws__conn_resume(c);
  return err;
}

void uvws__conn_take_close(struct uvws__conn *c, const struct uvws__inbound_event *event) {
  struct uvws__ending *e = &c->ending;
  e->has_received_close = 1;
  e->code = event->code;
  e->reason = uvws__strndup(&c->ctx->env, (const char *)event->data, event->len);
  e->reason_len = (uint8_t)(e->reason ? event->len : 0);
  /* RFC 6455 5.5.1: the answer echoes the code. Without memory for it there is none. */
  if (!e->has_sent_close)
    send_close(c, event->code == UVWS__CLOSE_NO_STATUS ? 0 : event->code, "", 0);
  uvws__conn_go(c, CONN_DRAINING);
}

static void note_error(struct uvws__conn *c, int err, const char *detail) {
  c->ending.error = err;
  set_detail(c, detail);
  c->ws->counters.failures++;
  uvws__trace(c->ws, UVWS_LOG_ERROR, "%s: %s", uvws_err_name(err), detail);
}

void uvws__conn_expire(struct uvws__conn *c, int err) {
  note_error(c, err, uvws_strerror(err));
  c->ending.has_expired = 1;
  if (uvws__conn_close(c, UVWS__CLOSE_GOING_AWAY, NULL, 0) != 0) uvws__conn_cut(c);
}

void uvws__conn_fail(struct uvws__conn *c, int err, int close_code, const char *detail) {
  if (c->state == CONN_CUT) return;
  if (!c->ending.has_expired) note_error(c, err, detail);
  int can_say_why =
      close_code && !c->write_error && (c->state == CONN_OPEN || c->state == CONN_CLOSING);
  if (can_say_why && !c->ending.has_sent_close) can_say_why = send_close(c, close_code, "", 0) == 0;
  uvws__conn_go(c, can_say_why ? CONN_DRAINING : CONN_CUT);
  /* Of a connection that may not be the last the error is told when that is known. */
  uvws_error_t error;
  if (!c->ws->retry && !c->ending.has_expired && uvws__ending_error(c, &error))
    uvws__deliver_error(c->ws, &error);
}

void uvws__conn_drained(struct uvws__conn *c) {
  if (c->write_error) {
    uvws__conn_cut(c);
    return;
  }
  if (c->is_shut || c->ending.has_received_close) return;
  c->is_shut = 1;
  c->transport->ops->shutdown(c->transport);
}

static void lost(struct uvws__conn *c, int err, const char *detail) {
  struct uvws__detail words;
  const char *whose = c->state == CONN_CLOSING ? " without answering the Close frame" : "";
  if (err == UV_EOF)
    uvws__explain(&words, "the server closed the connection%s%s", whose,
                  *whose ? "" : " without a Close frame");
  else
    uvws__explain(&words, "connection lost: %s", detail);
  uvws__conn_fail(c, err == UV_EOF ? UVWS_ELOST : err, 0, words.text);
}

void uvws__conn_on_end(struct uvws__conn *c, int err, const char *detail) {
  switch (c->state) {
  case CONN_TUNNELLING:
    uvws__tunnel_on_end(c, err, detail);
    break;
  case CONN_UPGRADING:
    if (err == UV_EOF)
      uvws__conn_upgrade_end(c);
    else
      uvws__conn_fail(c, err, 0, detail);
    break;
  case CONN_OPEN:
  case CONN_CLOSING:
    lost(c, err, detail);
    break;
  case CONN_DRAINING:
    uvws__conn_cut(c);
    break;
  default:
    uvws__conn_fail(c, err, 0, detail);
    break;
  }
}

/* Who did not answer. */
static void fail_connecting(struct uvws__conn *c) {
  const struct uvws__opening *o = c->opening;
  const char *text = uvws_strerror(UVWS_ECONNECT_TIMEOUT);
  struct uvws__detail words, why = {{0}};
  if (c->state == CONN_TUNNELLING)
    uvws__explain(&why, "the proxy %.100s is silent", o->tunnel->proxy.uri.host);
  else if (o->dial && c->ctx->dial_start == uvws__dial_start)
    uvws__dial_explain(o->dial, &why);
  uvws__explain(&words, "%s%s%s", text, why.text[0] ? ": " : "", why.text);
  uvws__conn_fail(c, UVWS_ECONNECT_TIMEOUT, 0, words.text);
}

void uvws__conn_on_deadline(struct uvws__deadline *deadline) {
  struct uvws__conn *c =
      (struct uvws__conn *)((char *)deadline - offsetof(struct uvws__conn, deadline));
  int is_ending = c->state == CONN_CLOSING || c->state == CONN_DRAINING;
  int is_overdue = c->end_by_ms && c->end_by_ms <= c->ctx->env.now_ms(c->ctx->env.arg);
  if (is_ending && !is_overdue && uvws__conn_has_progressed(c)) {
    uvws__conn_set_deadline(c, c->close_timeout_ms);
    return;
  }
  switch (c->state) {
  case CONN_CONNECTING:
  case CONN_TUNNELLING:
    fail_connecting(c);
    break;
  case CONN_SECURING:
  case CONN_UPGRADING:
    uvws__conn_fail(c, UVWS_EHANDSHAKE_TIMEOUT, 0, uvws_strerror(UVWS_EHANDSHAKE_TIMEOUT));
    break;
  case CONN_CLOSING:
    uvws__conn_fail(c, UVWS_ECLOSE_TIMEOUT, 0, uvws_strerror(UVWS_ECLOSE_TIMEOUT));
    break;
  case CONN_OPEN: /* a write failed and the reading side never ended */
    uvws__conn_fail(c, c->write_error, 0, uvws_strerror(c->write_error));
    break;
  default:
    uvws__conn_cut(c);
    break;
  }
}
