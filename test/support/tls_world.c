/* See tls_world.h. */
#include "support/tls_world.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

static void *memory_realloc(void *arg, void *ptr, size_t size) {
  struct tls_memory *m = arg;
  if (size == 0) {
    if (ptr) m->live--;
    free(ptr);
    return NULL;
  }
  if (++m->count == m->fail_at) return NULL;
  void *out = realloc(ptr, size);
  assert_non_null(out);
  if (!ptr) m->live++;
  return out;
}

/* The transport below. */

static struct tls_lower *lower_of(struct uvws__transport *base) {
  return (struct tls_lower *)base;
}

static int lower_read_start(struct uvws__transport *base) {
  if (lower_of(base)->start_err) return lower_of(base)->start_err;
  assert_false(lower_of(base)->is_closing);
  lower_of(base)->is_reading = 1;
  return 0;
}

static void lower_read_stop(struct uvws__transport *base) {
  assert_false(lower_of(base)->is_closing);
  lower_of(base)->is_reading = 0;
}

static void to_server(struct tls_world *w, const char *data, size_t len) {
  if (len) assert_int_equal(BIO_write(SSL_get_rbio(w->server), data, (int)len), (int)len);
}

static int lower_write(struct uvws__transport *base, const uv_buf_t *bufs, unsigned count) {
  struct tls_lower *l = lower_of(base);
  assert_false(l->is_writing);
  assert_false(l->is_closing);
  assert_false(l->is_shut);
  assert_true(count > 0 && count <= 4);
  l->writes++;
  if (l->write_err) return l->write_err;
  for (unsigned i = 0; i < count; i++) {
    size_t taken = bufs[i].len < l->room ? bufs[i].len : l->room;
    to_server(l->world, bufs[i].base, taken);
    if (l->room != SIZE_MAX) l->room -= taken;
    if (taken == bufs[i].len) continue;
    l->held[l->held_count++] = uv_buf_init(bufs[i].base + taken, (unsigned)(bufs[i].len - taken));
    l->is_writing = 1;
  }
  return l->is_writing ? UVWS__WRITING : UVWS__WRITTEN;
}

static void lower_shutdown(struct uvws__transport *base) {
  assert_false(lower_of(base)->is_writing);
  assert_false(lower_of(base)->is_shut);
  lower_of(base)->is_shut = 1;
}

static void lower_close(struct uvws__transport *base) {
  assert_false(lower_of(base)->is_closing);
  lower_of(base)->is_closing = 1;
  lower_of(base)->is_reading = 0;
}

static const struct uvws__transport_ops lower_ops = {
    .read_start = lower_read_start,
    .read_stop = lower_read_stop,
    .write = lower_write,
    .shutdown = lower_shutdown,
    .close = lower_close,
};

/* The owner. */

static void saw(struct tls_world *w, enum tls_event event) {
  assert_false(w->is_inside_op);
  assert_int_equal(w->closed, 0);
  if (w->close_in == event) tls_world_close(w);
}

static void on_ready(void *owner) {
  struct tls_world *w = owner;
  w->ready++;
  assert_int_equal(w->ended, 0);
  if (w->starts_in_ready) assert_int_equal(tls_world_read_start(w), 0);
  saw(w, EVENT_READY);
}

static void on_alloc(void *owner, uv_buf_t *out) {
  struct tls_world *w = owner;
  *out = uv_buf_init((char *)w->room, (unsigned)w->room_len);
  saw(w, EVENT_ALLOC);
}

static void on_data(void *owner, uint8_t *data, size_t len) {
  struct tls_world *w = owner;
  assert_true(len > 0 && len <= w->room_len);
  assert_ptr_equal(data, w->room);
  assert_int_equal(w->ended, 0);
  w->data_count++;
  static const struct uvws__env plain = {.realloc = uvws__env_realloc};
  assert_int_equal(uvws__bytes_append(&plain, &w->got, data, len), 0);
  if (w->stops_after_each_data) tls_world_read_stop(w);
  saw(w, EVENT_DATA);
}

static void on_end(void *owner, int err, const char *detail) {
  struct tls_world *w = owner;
  w->ended++;
  assert_int_equal(w->ended, 1);
  assert_true(err < 0);
  assert_non_null(detail);
  w->end_err = err;
  snprintf(w->end_detail, sizeof w->end_detail, "%s", detail);
  saw(w, EVENT_END);
}

static void on_written(void *owner, int status) {
  struct tls_world *w = owner;
  w->written++;
  w->written_status = status;
  saw(w, EVENT_WRITTEN);
}

static void on_closed(void *owner) {
  struct tls_world *w = owner;
  assert_false(w->is_inside_op);
  w->closed++;
  w->t = NULL;
}

static const struct uvws__transport_events owner_events = {
    .on_ready = on_ready,
    .on_alloc = on_alloc,
    .on_data = on_data,
    .on_end = on_end,
    .on_written = on_written,
    .on_closed = on_closed,
};

int tls_world_write(struct tls_world *w, const void *data, size_t len) {
  uv_buf_t buf = uv_buf_init((char *)data, (unsigned)len);
  w->is_inside_op = 1;
  int answer = w->t->ops->write(w->t, &buf, 1);
  w->is_inside_op = 0;
  memset(&buf, 0xff, sizeof buf); /* the array is ours again */
  return answer;
}

int tls_world_read_start(struct tls_world *w) {
  w->is_inside_op++;
  int err = w->t->ops->read_start(w->t);
  w->is_inside_op--;
  return err;
}

void tls_world_read_stop(struct tls_world *w) {
  w->is_inside_op++;
  w->t->ops->read_stop(w->t);
  w->is_inside_op--;
}

void tls_world_close(struct tls_world *w) {
  w->is_inside_op++;
  w->t->ops->close(w->t);
  w->is_inside_op--;
}

/* The server. */

static void make_server(struct tls_world *w, const struct tls_plan *plan) {
  w->server_ctx = SSL_CTX_new(TLS_server_method());
  assert_non_null(w->server_ctx);
  assert_int_equal(SSL_CTX_set_cipher_list(w->server_ctx, "DEFAULT:@SECLEVEL=0"), 1);
  SSL_CTX_set_min_proto_version(w->server_ctx, plan->server_min ? plan->server_min : TLS1_VERSION);
  SSL_CTX_set_max_proto_version(w->server_ctx, plan->server_max);
  assert_int_equal(SSL_CTX_use_certificate(w->server_ctx, plan->cert->x509), 1);
  assert_int_equal(SSL_CTX_use_PrivateKey(w->server_ctx, plan->cert->key), 1);
  if (plan->issuer) assert_int_equal(SSL_CTX_add1_chain_cert(w->server_ctx, plan->issuer->x509), 1);
  if (plan->client_issuer) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(w->server_ctx), plan->client_issuer->x509);
    SSL_CTX_set_verify(w->server_ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  }
  w->server = SSL_new(w->server_ctx);
  assert_non_null(w->server);
  SSL_set_bio(w->server, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  BIO_set_mem_eof_return(SSL_get_rbio(w->server), -1);
  SSL_set_accept_state(w->server);
}

static const struct uvws__env plain_env = {.realloc = uvws__env_realloc};

static void server_result(struct tls_world *w, int answer) {
  int reason = SSL_get_error(w->server, answer);
  if (reason == SSL_ERROR_ZERO_RETURN) w->server_saw_eof = 1;
  if (reason == SSL_ERROR_SSL || reason == SSL_ERROR_SYSCALL) w->server_failed = 1;
}

static void server_reads(struct tls_world *w) {
  char buf[16384];
  size_t len;
  int answer;
  ERR_clear_error();
  while ((answer = SSL_read_ex(w->server, buf, sizeof buf, &len)) == 1)
    assert_int_equal(uvws__bytes_append(&plain_env, &w->server_got, buf, len), 0);
  server_result(w, answer);
}

static void server_writes(struct tls_world *w) {
  size_t len = 0;
  if (!w->server_sends.len || !SSL_is_init_finished(w->server)) return;
  ERR_clear_error();
  assert_int_equal(SSL_write_ex(w->server, w->server_sends.data, w->server_sends.len, &len), 1);
  assert_int_equal(len, w->server_sends.len);
  w->server_sends.len = 0;
}

static void server_to_wire(struct tls_world *w) {
  char buf[16384];
  int len;
  while ((len = BIO_read(SSL_get_wbio(w->server), buf, sizeof buf)) > 0)
    assert_int_equal(uvws__bytes_append(&plain_env, &w->wire, buf, (size_t)len), 0);
}

static void turn_server(struct tls_world *w) {
  if (!w->server_failed && !w->server_is_deaf) {
    server_reads(w);
    if (!w->server_failed) server_writes(w);
  }
  server_to_wire(w);
}

void tls_world_serve(struct tls_world *w, const void *data, size_t len) {
  assert_int_equal(uvws__bytes_append(&plain_env, &w->server_sends, data, len), 0);
}

/* The world. */

static int deliver(struct tls_world *w) {
  struct tls_lower *l = &w->lower;
  size_t len = w->wire.len - w->wire_done;
  if (len > w->chunk) len = w->chunk;
  if (len > w->cut_at - w->delivered) len = w->cut_at - w->delivered;
  if (!l->is_reading || !len) return 0;
  uv_buf_t buf = uv_buf_init(NULL, 0);
  l->base.events->on_alloc(l->base.owner, &buf);
  assert_true(buf.len > 0);
  if (len > buf.len) len = buf.len;
  memcpy(buf.base, w->wire.data + w->wire_done, len);
  w->wire_done += len;
  w->delivered += len;
  if (w->wire_done == w->wire.len) w->wire_done = w->wire.len = 0;
  l->base.events->on_data(l->base.owner, (uint8_t *)buf.base, len);
  /* What was delivered is gone, as when another connection reads. */
  if (w->scratch.cipher) memset(w->scratch.cipher, 0xee, w->scratch.cap);
  return 1;
}

static int cut(struct tls_world *w) {
  struct tls_lower *l = &w->lower;
  if (w->delivered != w->cut_at || !l->is_reading || l->has_ended) return 0;
  l->has_ended = 1;
  l->base.events->on_end(l->base.owner, w->cut_err ? w->cut_err : UV_EOF, "cut");
  return 1;
}

void tls_world_release(struct tls_world *w) {
  struct tls_lower *l = &w->lower;
  if (!l->is_writing || l->is_closing) return;
  for (unsigned i = 0; i < l->held_count; i++)
    to_server(w, l->held[i].base, l->held[i].len);
  l->held_count = 0;
  l->is_writing = 0;
  l->base.events->on_written(l->base.owner, 0);
}

static int finish_close(struct tls_world *w) {
  struct tls_lower *l = &w->lower;
  if (!l->is_closing || l->is_closed) return 0;
  l->is_closed = 1;
  /* The bytes of a held write must be there still. */
  for (unsigned i = 0; i < l->held_count; i++)
    to_server(w, l->held[i].base, l->held[i].len);
  l->base.events->on_closed(l->base.owner);
  return 1;
}

static int turn_once(struct tls_world *w) {
  int moved = 0;
  turn_server(w);
  if (w->lower.is_writing && !w->holds_writes && !w->lower.is_closing) {
    tls_world_release(w);
    moved = 1;
  }
  moved |= deliver(w) | cut(w) | finish_close(w);
  moved |= uv_loop_alive(&w->loop);
  uv_run(&w->loop, UV_RUN_NOWAIT);
  return moved;
}

void tls_world_turn(struct tls_world *w) {
  int budget = 8 * 1024 * 1024;
  int idle_turns = 0;
  while (idle_turns < 2) {
    idle_turns = turn_once(w) ? 0 : idle_turns + 1;
    assert_true(--budget > 0);
  }
}

void tls_world_init(struct tls_world *w, const struct tls_plan *plan) {
  memset(w, 0, sizeof *w);
  assert_int_equal(uv_loop_init(&w->loop), 0);
  w->memory.fail_at = plan->fail_at;
  w->env = (struct uvws__env){.realloc = memory_realloc, .alloc_arg = &w->memory};
  uvws__tls_scratch_init(&w->scratch, &w->loop);
  w->lower.base.ops = &lower_ops;
  w->lower.world = w;
  w->lower.room = SIZE_MAX;
  w->room_len = 65536;
  w->room = malloc(w->room_len);
  assert_non_null(w->room);
  w->starts_in_ready = 1;
  w->chunk = SIZE_MAX;
  w->cut_at = SIZE_MAX;
  make_server(w, plan);
}

int tls_world_open(struct tls_world *w, const struct tls_plan *plan) {
  struct uvws__tls_settings *settings = NULL;
  struct uvws__detail detail = {{0}};
  int err = uvws__tls_settings_get(&w->env, &w->cache, &plan->options, &detail, &settings);
  if (err) return err;
  w->is_inside_op = 1;
  const struct uvws__tls_peer peer = {
      .host = plan->host ? plan->host : "a.test", .port = 443, .on_verify = plan->on_verify};
  err = uvws__tls_open(&w->env, settings, &w->scratch, &w->lower.base, &peer, &owner_events, w,
                       &w->t);
  w->is_inside_op = 0;
  uvws__tls_settings_release(settings);
  assert_true(!err || w->lower.is_closing);
  return err;
}

void tls_world_connect(struct tls_world *w, const struct tls_plan *plan) {
  tls_world_init(w, plan);
  assert_int_equal(tls_world_open(w, plan), 0);
  tls_world_turn(w);
  assert_string_equal(w->end_detail, "");
  assert_int_equal(w->ready, 1);
  assert_int_equal(w->ended, 0);
}

void tls_world_deinit(struct tls_world *w) {
  int was_open = w->t != NULL || w->closed;
  if (w->t && !w->lower.is_closing) tls_world_close(w);
  tls_world_turn(w);
  assert_int_equal(w->closed, was_open);
  uvws__tls_cache_deinit(&w->cache);
  uvws__tls_scratch_deinit(&w->env, &w->scratch);
  assert_int_equal(w->memory.live, 0);
  assert_int_equal(uv_loop_close(&w->loop), 0);
  SSL_free(w->server);
  SSL_CTX_free(w->server_ctx);
  uvws__bytes_deinit(&plain_env, &w->got);
  uvws__bytes_deinit(&plain_env, &w->server_got);
  uvws__bytes_deinit(&plain_env, &w->server_sends);
  uvws__bytes_deinit(&plain_env, &w->wire);
  free(w->room);
  ERR_clear_error();
}

struct test_cert tls_world_cert;

int tls_world_set_up(void **state) {
  (void)state;
  tls_world_cert = test_cert_make(
      &(struct test_cert_spec){.common_name = "server", .alt_names = "DNS:a.test"}, NULL);
  return 0;
}

int tls_world_tear_down(void **state) {
  (void)state;
  test_cert_free(&tls_world_cert);
  return 0;
}

struct tls_plan tls_plan_for(int version) {
  return (struct tls_plan){
      .cert = &tls_world_cert,
      .server_min = version,
      .server_max = version,
      .options = {.insecure_skip_verify = 1},
  };
}

int tls_world_is_slow(void) {
  const char *preload = getenv("LD_PRELOAD");
  return preload && strstr(preload, "vgpreload");
}

uint8_t *tls_world_pattern(size_t len) {
  uint8_t *data = malloc(len ? len : 1);
  assert_non_null(data);
  for (size_t i = 0; i < len; i++)
    data[i] = (uint8_t)(i * 31 + i / 251);
  return data;
}

void tls_world_assert_got(const struct uvws__bytes *got, const uint8_t *data, size_t len) {
  assert_int_equal(got->len, len);
  if (len) assert_memory_equal(got->data, data, len);
}
