/*
 * What goes out. Small buffers are joined into whole records (a 64-byte record costs AES-GCM 25
 * times as much per byte as one of 16 KiB), records are gathered and written together.
 *
 * `lower` takes one write at a time. What OpenSSL has to say meanwhile on its own account (alerts,
 * answers to KeyUpdate) waits in `out`; what the owner wants to say waits unsealed in `bufs`.
 */
#include <assert.h>
#include <openssl/err.h>
#include <string.h>

#include "io/tls_internal.h"

static struct uvws__tls *tls_of(struct uvws__transport *base) {
  return (struct uvws__tls *)base; /* `base` is the first member */
}

/* Give an empty buffer back to the loop, so that an idle connection holds none. */
static void give_back(struct uvws__tls *t, struct uvws__bytes *b) {
  if (!b->data) return;
  if (t->scratch->spare.data) {
    uvws__bytes_deinit(t->env, b);
    return;
  }
  b->len = 0;
  t->scratch->spare = *b;
  memset(b, 0, sizeof *b);
}

void uvws__tls_drop_output(struct uvws__tls *t) {
  give_back(t, &t->out);
  give_back(t, &t->flying);
  uvws__free(t->env, t->bufs_copy);
  t->bufs_copy = NULL;
  t->bufs = NULL;
  t->buf_count = 0;
}

int uvws__tls_is_choked(const struct uvws__tls *t) {
  return t->flying.len && t->out.len >= UVWS__TLS_CHOKE_LEN;
}

int uvws__tls_flush(struct uvws__tls *t) {
  if (t->write_err) return t->write_err;
  if (t->flying.len) return UVWS__WRITING;
  if (!t->out.len) return UVWS__WRITTEN;
  if (t->is_lower_shut) {
    give_back(t, &t->out);
    return UV_EPIPE;
  }
  uv_buf_t buf = uv_buf_init((char *)t->out.data, (unsigned)t->out.len);
  int answer = t->lower->ops->write(t->lower, &buf, 1);
  if (answer == UVWS__WRITING) {
    t->flying = t->out;
    memset(&t->out, 0, sizeof t->out);
    return answer;
  }
  if (answer < 0) t->write_err = answer;
  give_back(t, &t->out);
  return answer;
}

/* Step over `len` bytes of the owner's buffers, and over empty ones. */
static void step_over(struct uvws__tls *t, size_t len) {
  t->buf_done += len;
  while (t->buf_count && t->buf_done >= t->bufs->len) {
    t->buf_done -= t->bufs->len;
    t->bufs++;
    t->buf_count--;
  }
}

/* What the next record carries: a piece of one buffer where it lies when that fills the record or
 * is the last, else as much as fits of several, joined in `room`. */
static size_t next_record(const struct uvws__tls *t, uint8_t *room, const uint8_t **out) {
  size_t skip = t->buf_done, len = 0;
  size_t first_len = t->bufs->len - skip;
  if (first_len >= UVWS__TLS_RECORD_LEN || t->buf_count == 1) {
    *out = (const uint8_t *)t->bufs->base + skip;
    return first_len < UVWS__TLS_RECORD_LEN ? first_len : UVWS__TLS_RECORD_LEN;
  }
  for (unsigned i = 0; i < t->buf_count && len < UVWS__TLS_RECORD_LEN; i++) {
    size_t piece = t->bufs[i].len - skip;
    if (piece > UVWS__TLS_RECORD_LEN - len) piece = UVWS__TLS_RECORD_LEN - len;
    if (piece) memcpy(room + len, t->bufs[i].base + skip, piece);
    len += piece;
    skip = 0;
  }
  *out = room;
  return len;
}

static int seal_failed(struct uvws__tls *t) {
  struct uvws__tls_failure failure = {0};
  uvws__tls_explain(t, &failure);
  t->is_broken = 1;
  if (!t->write_err) t->write_err = failure.err;
  return t->write_err;
}

/* Seal the owner's bytes until none are left or there is enough for a write. The BIO never refuses
 * for now, so OpenSSL never has to be asked again with the same bytes. */
static int seal(struct uvws__tls *t) {
  uint8_t room[UVWS__TLS_RECORD_LEN];
  while (t->buf_count && t->out.len < UVWS__TLS_GATHER_LEN) {
    const uint8_t *data;
    size_t len = next_record(t, room, &data), done = 0;
    ERR_clear_error();
    if (SSL_write_ex(t->ssl, data, len, &done) != 1) return seal_failed(t);
    step_over(t, done);
  }
  return 0;
}

/* Seal and write until all is done or `lower` wants to be waited for. */
static int pump(struct uvws__tls *t) {
  for (;;) {
    int answer = uvws__tls_flush(t);
    if (answer != UVWS__WRITTEN || !t->buf_count) return answer;
    int err = seal(t);
    if (err) return err;
  }
}

/* The array of buffers is the caller's for this call only; the bytes stay until on_written. */
static int keep_bufs(struct uvws__tls *t) {
  t->is_writing = 1;
  if (!t->buf_count) return UVWS__WRITING;
  t->bufs_copy = uvws__alloc(t->env, t->buf_count * sizeof *t->bufs);
  if (!t->bufs_copy) return t->write_err = UV_ENOMEM;
  memcpy(t->bufs_copy, t->bufs, t->buf_count * sizeof *t->bufs);
  t->bufs = t->bufs_copy;
  return UVWS__WRITING;
}

int uvws__tls_write(struct uvws__transport *base, const uv_buf_t *bufs, unsigned count) {
  struct uvws__tls *t = tls_of(base);
  assert(!t->is_writing && t->state != UVWS__TLS_CLOSED);
  if (t->state != UVWS__TLS_OPEN) return UV_ENOTCONN;
  if (t->write_err) return t->write_err;
  if (t->is_broken || t->is_shutting_down) return UV_EPIPE;
  t->bufs = bufs;
  t->buf_count = count;
  t->buf_done = 0;
  step_over(t, 0);
  int answer = pump(t);
  if (answer == UVWS__WRITING) answer = keep_bufs(t);
  if (answer < 0) t->is_writing = 0;
  if (answer != UVWS__WRITING) t->buf_count = 0;
  return answer;
}

size_t uvws__tls_unsent(const struct uvws__transport *base) {
  const struct uvws__tls *t = (const struct uvws__tls *)base;
  size_t len = t->out.len;
  if (t->flying.len) len += t->lower->ops->unsent(t->lower);
  for (unsigned i = 0; i < t->buf_count; i++)
    len += t->bufs[i].len;
  return t->buf_count ? len - t->buf_done : len;
}

static void shut_lower_down(struct uvws__tls *t) {
  if (!t->is_shutting_down || t->is_lower_shut || t->flying.len || t->out.len) return;
  t->is_lower_shut = 1;
  t->lower->ops->shutdown(t->lower);
}

void uvws__tls_shutdown(struct uvws__transport *base) {
  struct uvws__tls *t = tls_of(base);
  assert(!t->is_writing && t->state != UVWS__TLS_CLOSED);
  if (t->is_shutting_down) return;
  t->is_shutting_down = 1;
  ERR_clear_error();
  if (t->state == UVWS__TLS_OPEN && !t->is_broken && SSL_shutdown(t->ssl) < 0) t->is_broken = 1;
  uvws__tls_flush(t);
  if (t->write_err) give_back(t, &t->out);
  shut_lower_down(t);
}

/* Tell the owner that its write is done, and how. */
static void tell_written(struct uvws__tls *t, int status) {
  uvws__free(t->env, t->bufs_copy);
  t->bufs_copy = NULL;
  t->buf_count = 0;
  t->is_writing = 0;
  t->base.events->on_written(t->base.owner, status);
}

void uvws__tls_on_lower_written(struct uvws__tls *t, int status) {
  t->flying.len = 0;
  give_back(t, &t->flying);
  if (status < 0) t->write_err = status;
  int answer = pump(t);
  if (answer == UVWS__WRITING) return;
  if (t->is_writing) {
    tell_written(t, answer);
  } else {
    shut_lower_down(t);
  }
}
