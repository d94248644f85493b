/*
 * What comes in. `lower` reads into memory that all transports of the loop share; OpenSSL takes it
 * from there and puts the plain bytes into the owner's. When the owner does not want any more, what
 * OpenSSL has not taken is kept in a stash, and `lower` stops reading until the stash is used up.
 */
#include <assert.h>
#include <openssl/err.h>
#include <string.h>

#include "io/tls_internal.h"

/* A call of uvws__tls_advance from the loop: for a reader that was started while there was a stash,
 * since a start must not call back. It is made for each such start and gone behind it. */
struct uvws__tls_later {
  uv_idle_t idle;
  struct uvws__tls *t;
};

static void on_later_closed(uv_handle_t *handle) {
  struct uvws__tls_later *later = handle->data;
  struct uvws__tls *t = later->t;
  uvws__free(t->env, later);
  t->later_count--;
  uvws__tls_maybe_gone(t);
}

void uvws__tls_cancel_later(struct uvws__tls *t) {
  if (!t->later) return;
  uv_close((uv_handle_t *)&t->later->idle, on_later_closed);
  t->later = NULL;
}

static void on_later(uv_idle_t *idle) {
  struct uvws__tls_later *later = idle->data;
  uvws__tls_cancel_later(later->t);
  uvws__tls_advance(later->t);
}

static int advance_later(struct uvws__tls *t) {
  if (t->later) return 0;
  struct uvws__tls_later *later = uvws__alloc(t->env, sizeof *later);
  if (!later) return UV_ENOMEM;
  uv_idle_init(t->scratch->loop, &later->idle); /* cannot fail, nor can the start */
  later->idle.data = later;
  later->t = t;
  uv_idle_start(&later->idle, on_later);
  t->later = later;
  t->later_count++;
  return 0;
}

static int has_input(const struct uvws__tls *t) {
  return t->in_len || t->lower_err || SSL_pending(t->ssl);
}

static int is_reading_now(const struct uvws__tls *t) {
  return t->state == UVWS__TLS_OPEN && t->is_reading && !t->is_ended && !uvws__tls_is_choked(t);
}

int uvws__tls_follow_reading(struct uvws__tls *t) {
  int is_wanted = t->state == UVWS__TLS_SECURING ? !t->is_ended : is_reading_now(t);
  if (t->lower_err || t->in_len) is_wanted = 0;
  if (is_wanted == t->is_lower_reading) return 0;
  if (!is_wanted) {
    t->is_lower_reading = 0;
    t->lower->ops->read_stop(t->lower);
    return 0;
  }
  int err = t->lower->ops->read_start(t->lower);
  t->is_lower_reading = !err;
  return err;
}

int uvws__tls_read_start(struct uvws__transport *base) {
  struct uvws__tls *t = (struct uvws__tls *)base;
  assert(t->state != UVWS__TLS_CLOSED);
  if (t->is_reading || t->is_ended) return 0;
  t->is_reading = 1;
  if (t->state != UVWS__TLS_OPEN || t->is_advancing) return 0;
  int err = uvws__tls_follow_reading(t);
  if (!err && has_input(t)) err = advance_later(t);
  if (err) t->is_reading = 0;
  return err;
}

void uvws__tls_read_stop(struct uvws__transport *base) {
  struct uvws__tls *t = (struct uvws__tls *)base;
  t->is_reading = 0;
  if (t->state == UVWS__TLS_OPEN && !t->is_advancing) uvws__tls_follow_reading(t);
}

enum fill { FILL_FULL, FILL_DRY, FILL_END };

/* Plain bytes into `buf` until it is full or OpenSSL has no more. An end, orderly or not, is put
 * into words at once: the owner's next steps may use the error queue. */
static enum fill fill(struct uvws__tls *t, const uv_buf_t *buf, size_t *len,
                      struct uvws__tls_failure *end) {
  while (*len < buf->len) {
    size_t got = 0;
    ERR_clear_error();
    if (SSL_read_ex(t->ssl, buf->base + *len, buf->len - *len, &got) == 1) {
      *len += got;
      continue;
    }
    int reason = SSL_get_error(t->ssl, 0);
    if (reason == SSL_ERROR_WANT_READ) return FILL_DRY;
    if (reason == SSL_ERROR_ZERO_RETURN) {
      end->err = uvws__fail(&end->detail, UV_EOF, "the server ended the TLS connection");
      return FILL_END;
    }
    t->is_broken = 1;
    uvws__tls_explain(t, end);
    return FILL_END;
  }
  return FILL_FULL;
}

/* `lower` has ended and all that it brought is used up. Without close_notify the end may be a
 * third party's doing (RFC 8446 6.1). */
static void explain_lower_end(const struct uvws__tls *t, struct uvws__tls_failure *end) {
  if (t->lower_err == UV_EOF) {
    end->err = uvws__fail(&end->detail, UVWS_ETLS_TRUNCATED,
                          "the connection ended without the server's close_notify");
  } else {
    end->err = uvws__fail(&end->detail, t->lower_err, "the connection under TLS failed: %s",
                          uvws_strerror(t->lower_err));
  }
}

/* One on_data, as full as can be. Answers whether another may follow. */
static int read_once(struct uvws__tls *t) {
  uv_buf_t buf = uv_buf_init(NULL, 0);
  t->base.events->on_alloc(t->base.owner, &buf);
  if (!is_reading_now(t)) return 0;
  size_t len = 0;
  struct uvws__tls_failure end = {0};
  enum fill how = fill(t, &buf, &len, &end);
  if (how == FILL_DRY && t->lower_err) explain_lower_end(t, &end);
  if (len) t->base.events->on_data(t->base.owner, (uint8_t *)buf.base, len);
  if (t->state == UVWS__TLS_CLOSED) return 0;
  if (end.err) {
    uvws__tls_flush(t); /* our alert */
    uvws__tls_end(t, end.err, end.detail.text);
    return 0;
  }
  return how == FILL_FULL;
}

static void drop_input(struct uvws__tls *t) {
  uvws__free(t->env, t->stash);
  t->stash = NULL;
  t->in = NULL;
  t->in_len = 0;
}

/* Before the shared memory is used for another connection, keep what is left in it. */
static int keep_input(struct uvws__tls *t) {
  if (t->is_ended || t->state == UVWS__TLS_CLOSED) t->in_len = 0;
  if (t->in_len && !t->stash) {
    uint8_t *stash = uvws__alloc(t->env, t->in_len);
    if (!stash) return UV_ENOMEM;
    memcpy(stash, t->in, t->in_len);
    t->stash = stash;
    t->in = stash;
  }
  if (!t->in_len) drop_input(t);
  return 0;
}

/* The same for the answers that OpenSSL has made, and for what `lower` should do now. */
static void settle(struct uvws__tls *t) {
  int err = keep_input(t);
  if (t->state == UVWS__TLS_CLOSED) return;
  uvws__tls_flush(t); /* a failure shows in the next write, or in the read that ends */
  if (!err) err = uvws__tls_follow_reading(t);
  if (!err) return;
  drop_input(t);
  t->is_broken = 1;
  uvws__tls_end(t, err, uvws_strerror(err));
}

void uvws__tls_advance(struct uvws__tls *t) {
  t->is_advancing = 1;
  if (t->state == UVWS__TLS_SECURING && !t->is_ended) uvws__tls_shake(t);
  int may_go_on = 1;
  while (may_go_on && is_reading_now(t) && has_input(t))
    may_go_on = read_once(t);
  t->is_advancing = 0;
  settle(t);
}

static void on_lower_alloc(void *owner, uv_buf_t *out) {
  struct uvws__tls *t = owner;
  *out = uv_buf_init((char *)t->scratch->cipher, (unsigned)t->scratch->cap);
}

static void on_lower_data(void *owner, uint8_t *data, size_t len) {
  struct uvws__tls *t = owner;
  if (t->state == UVWS__TLS_CLOSED) return;
  assert(!t->stash && !t->in_len);
  t->in = data;
  t->in_len = len;
  uvws__tls_advance(t);
}

static void on_lower_end(void *owner, int err, const char *detail) {
  struct uvws__tls *t = owner;
  (void)detail;
  t->lower_err = err;
  t->is_lower_reading = 0;
  if (t->state != UVWS__TLS_CLOSED) uvws__tls_advance(t);
}

static void on_lower_written(void *owner, int status) {
  struct uvws__tls *t = owner;
  if (t->state == UVWS__TLS_CLOSED) return;
  uvws__tls_on_lower_written(t, status);
  if (t->state != UVWS__TLS_CLOSED) uvws__tls_advance(t);
}

static void on_lower_closed(void *owner) {
  struct uvws__tls *t = owner;
  t->lower = NULL;
  uvws__tls_maybe_gone(t);
}

const struct uvws__transport_events uvws__tls_lower_events = {
    .on_alloc = on_lower_alloc,
    .on_data = on_lower_data,
    .on_end = on_lower_end,
    .on_written = on_lower_written,
    .on_closed = on_lower_closed,
};
