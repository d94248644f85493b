/*
 * TLS over any transport: opening, the handshake, closing. See tls_internal.h for the map.
 *
 * RFC 8446 (TLS 1.3), RFC 5246 (1.2), RFC 6066 3 (SNI). Renegotiation and compression are off
 * (tls_settings.c).
 */
#include "io/tls.h"

#include <openssl/err.h>
#include <string.h>

#include "io/tls_internal.h"

void uvws__tls_scratch_init(struct uvws__tls_scratch *scratch, uv_loop_t *loop) {
  memset(scratch, 0, sizeof *scratch);
  scratch->loop = loop;
}

void uvws__tls_scratch_deinit(const struct uvws__env *env, struct uvws__tls_scratch *scratch) {
  uvws__free(env, scratch->cipher);
  scratch->cipher = NULL;
  scratch->cap = 0;
  uvws__bytes_deinit(env, &scratch->spare);
}

static int prepare_scratch(const struct uvws__env *env, struct uvws__tls_scratch *scratch) {
  if (scratch->cipher) return 0;
  scratch->cipher = uvws__alloc(env, UVWS__TLS_CIPHER_LEN);
  if (!scratch->cipher) return UV_ENOMEM;
  scratch->cap = UVWS__TLS_CIPHER_LEN;
  return 0;
}

static void handshake_free(struct uvws__tls *t) {
  if (!t->handshake) return;
  sk_X509_pop_free(t->handshake->shown, X509_free);
  uvws__free(t->env, t->handshake->host);
  uvws__free(t->env, t->handshake);
  t->handshake = NULL;
}

/* All that a transport holds, but for itself and `lower`. */
static void deinit(struct uvws__tls *t) {
  handshake_free(t);
  /* OpenSSL would give up a session of TLS 1.2 for a missing close_notify of ours, which RFC 5246
   * 7.2.1 does not ask for. After a fatal alert it is given up all the same. */
  if (t->ssl) SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(t->ssl);
  t->ssl = NULL;
  uvws__tls_drop_output(t);
  uvws__free(t->env, t->stash);
  t->stash = NULL;
  uvws__free(t->env, t->session_name);
  t->session_name = NULL;
  uvws__tls_settings_release(t->settings);
  t->settings = NULL;
}

void uvws__tls_end(struct uvws__tls *t, int err, const char *detail) {
  if (t->is_ended) return;
  t->is_ended = 1;
  t->is_reading = 0;
  uvws__tls_follow_reading(t); /* stops it */
  t->base.events->on_end(t->base.owner, err, detail);
}

static void end_handshake_badly(struct uvws__tls *t, const struct uvws__tls_failure *failure) {
  t->is_broken = 1;
  uvws__tls_flush(t); /* our alert */
  uvws__tls_end(t, failure->err, failure->detail.text);
}

/* OpenSSL waits for more. Is there hope for it? */
static void await_server(struct uvws__tls *t) {
  struct uvws__tls_failure failure = {0};
  const char *host = t->handshake->host;
  uvws__tls_flush(t);
  /* A server that refuses us closes its side, and a write of ours may hear of that before its alert
   * is read: then what is read tells more. */
  int is_gone = t->write_err == UV_EPIPE || t->write_err == UV_ECONNRESET;
  if (t->lower_err == UV_EOF) {
    failure.err = uvws__fail(&failure.detail, UVWS_ETLS,
                             "%s closed the connection during the TLS handshake", host);
  } else if (t->lower_err || (t->write_err && !is_gone)) {
    int err = t->lower_err ? t->lower_err : t->write_err;
    failure.err =
        uvws__fail(&failure.detail, err, "TLS handshake with %s: %s", host, uvws_strerror(err));
  }
  if (failure.err) end_handshake_badly(t, &failure);
}

/* OpenSSL takes any answer to our offer (RFC 7301 3.2 does not). */
static int check_alpn(const struct uvws__tls *t, struct uvws__tls_failure *out) {
  const unsigned char *name;
  unsigned len;
  SSL_get0_alpn_selected(t->ssl, &name, &len);
  if (!len) return 0;
  for (size_t at = 0; at < t->settings->alpn_len; at += 1u + t->settings->alpn[at])
    if (t->settings->alpn[at] == len && memcmp(t->settings->alpn + at + 1, name, len) == 0)
      return 0;
  out->err = uvws__fail(&out->detail, UVWS_ETLS,
                        "the server chose an application protocol (ALPN) that was not offered");
  return out->err;
}

static void become_open(struct uvws__tls *t) {
  struct uvws__tls_failure failure = {0};
  if (check_alpn(t, &failure)) {
    t->out.len = 0; /* our Finished would say that all is well */
    end_handshake_badly(t, &failure);
    return;
  }
  uvws__tls_flush(t);
  handshake_free(t);
  t->state = UVWS__TLS_OPEN;
  t->base.events->on_ready(t->base.owner);
}

/* Between two calls of OpenSSL, which then asks for the certificate once more. */
static void await_owner(struct uvws__tls *t) {
  struct uvws__tls_failure failure = {0};
  int err = uvws__tls_ask_owner(t);
  if (t->state == UVWS__TLS_CLOSED) return;
  if (!err) {
    uvws__tls_shake(t);
    return;
  }
  failure.err = uvws__fail(&failure.detail, err, "out of memory in TLS");
  end_handshake_badly(t, &failure);
}

void uvws__tls_shake(struct uvws__tls *t) {
  ERR_clear_error();
  int answer = SSL_do_handshake(t->ssl);
  int reason = SSL_get_error(t->ssl, answer);
  if (answer == 1) {
    become_open(t);
  } else if (reason == SSL_ERROR_WANT_READ) {
    await_server(t);
  } else if (reason == SSL_ERROR_WANT_RETRY_VERIFY) {
    await_owner(t);
  } else {
    struct uvws__tls_failure failure = {0};
    uvws__tls_explain(t, &failure);
    end_handshake_badly(t, &failure);
  }
}

void uvws__tls_maybe_gone(struct uvws__tls *t) {
  if (t->state != UVWS__TLS_CLOSED || t->lower || t->later_count) return;
  const struct uvws__env *env = t->env;
  deinit(t);
  t->base.events->on_closed(t->base.owner);
  uvws__free(env, t);
}

void uvws__tls_close(struct uvws__tls *t) {
  if (t->state == UVWS__TLS_CLOSED) return;
  t->state = UVWS__TLS_CLOSED;
  uvws__tls_cancel_later(t);
  t->lower->ops->close(t->lower);
}

static void tls_close(struct uvws__transport *base) {
  uvws__tls_close((struct uvws__tls *)base);
}

static const struct uvws__transport_ops tls_ops = {
    .read_start = uvws__tls_read_start,
    .read_stop = uvws__tls_read_stop,
    .write = uvws__tls_write,
    .unsent = uvws__tls_unsent,
    .shutdown = uvws__tls_shutdown,
    .close = tls_close,
};

/* Nobody hears of a `lower` whose securing failed at once; it frees itself. */
static void on_orphan_closed(void *owner) {
  (void)owner;
}

static const struct uvws__transport_events orphan_events = {.on_closed = on_orphan_closed};

static void abandon(struct uvws__transport *lower) {
  lower->events = &orphan_events;
  lower->owner = NULL;
  lower->ops->close(lower);
}

/* The name as certificates have it: without the zone of an IPv6 address, which means something on
 * this machine only, and without the dot of the root. */
static char *certificate_name(const struct uvws__env *env, const char *host) {
  size_t len = strlen(host);
  const char *zone = strchr(host, '%');
  if (zone && strchr(host, ':')) len = (size_t)(zone - host);
  if (len && host[len - 1] == '.') len--;
  return uvws__strndup(env, host, len);
}

static int make_handshake(struct uvws__tls *t, const struct uvws__tls_peer *peer) {
  t->handshake = uvws__calloc(t->env, sizeof *t->handshake);
  if (!t->handshake) return UV_ENOMEM;
  t->handshake->on_verify = peer->on_verify;
  t->handshake->host = certificate_name(t->env, peer->host);
  return t->handshake->host ? 0 : UV_ENOMEM;
}

/* "PORT HOST": whose sessions may be resumed here. */
static int name_sessions(struct uvws__tls *t, const struct uvws__tls_peer *peer) {
  if (!t->settings->is_resuming || peer->on_verify) return 0;
  size_t size = strlen(t->handshake->host) + sizeof "65535 ";
  t->session_name = uvws__alloc(t->env, size);
  if (!t->session_name) return UV_ENOMEM;
  snprintf(t->session_name, size, "%u %s", (unsigned)peer->port, t->handshake->host);
  return 0;
}

static int make_ssl(struct uvws__tls *t) {
  ERR_clear_error();
  t->ssl = SSL_new(t->settings->ctx);
  BIO *bio = t->ssl ? uvws__tls_bio_new(t) : NULL;
  if (!bio) return UV_ENOMEM;
  SSL_set_bio(t->ssl, bio, bio);
  if (!SSL_set_app_data(t->ssl, t)) return UV_ENOMEM;
  SSL_set_connect_state(t->ssl);
  uvws__tls_sessions_offer(t);
  return uvws__tls_verify_host(t->ssl, t->handshake->host, t->settings->is_verifying);
}

/* The ClientHello. */
static int begin_handshake(struct uvws__tls *t) {
  int err = uvws__tls_follow_reading(t);
  if (err) return err;
  ERR_clear_error();
  int answer = SSL_do_handshake(t->ssl);
  if (SSL_get_error(t->ssl, answer) != SSL_ERROR_WANT_READ) {
    struct uvws__tls_failure failure = {0};
    uvws__tls_explain(t, &failure);
    return failure.err;
  }
  answer = uvws__tls_flush(t);
  return answer < 0 ? answer : 0;
}

static int start(struct uvws__tls *t, const struct uvws__tls_peer *peer) {
  int err = prepare_scratch(t->env, t->scratch);
  if (!err) err = make_handshake(t, peer);
  if (!err) err = name_sessions(t, peer);
  if (!err) err = make_ssl(t);
  if (err) return err;
  t->lower->events = &uvws__tls_lower_events;
  t->lower->owner = t;
  return begin_handshake(t);
}

int uvws__tls_info_make(const struct uvws__env *env, const struct uvws__transport *transport,
                        struct uvws__tls_info **out) {
  if (!transport || transport->ops != &tls_ops) return UVWS_ENOTOPEN;
  const struct uvws__tls *t = (const struct uvws__tls *)transport;
  if (t->state != UVWS__TLS_OPEN) return UVWS_ENOTOPEN;
  return uvws__tls_info_of(env, t->ssl, SSL_get_peer_cert_chain(t->ssl), out);
}

int uvws__tls_open(const struct uvws__env *env, struct uvws__tls_settings *settings,
                   struct uvws__tls_scratch *scratch, struct uvws__transport *lower,
                   const struct uvws__tls_peer *peer, const struct uvws__transport_events *events,
                   void *owner, struct uvws__transport **out) {
  struct uvws__tls *t = uvws__calloc(env, sizeof *t);
  if (!t) {
    abandon(lower);
    return UV_ENOMEM;
  }
  t->base.ops = &tls_ops;
  t->base.events = events;
  t->base.owner = owner;
  t->env = env;
  t->settings = settings;
  settings->refs++;
  t->scratch = scratch;
  t->lower = lower;
  int err = start(t, peer);
  if (err) {
    abandon(lower);
    deinit(t);
    uvws__free(env, t);
    return err;
  }
  *out = &t->base;
  return 0;
}
