/*
 * Keep-alive: Pings after a time of silence (RFC 6455 5.5.2), a dead peer noticed, round trips
 * measured, idle connections ended.
 *
 * The hot path stores one number a read (`heard_ms`); all else happens when a deadline fires. A
 * timer that fires late says that this process was busy or asleep, not that the peer is dead: what
 * the peer said in the meantime may wait in the kernel. So nobody is judged when a deadline fires,
 * but after the loop has polled and read once more.
 */
#include "conn/conn.h"

#include <string.h>

#define PAYLOAD_LEN                                                                                \
  8 /* random: the Pong of our own Ping is not mistaken for one of the caller's                    \
     */

struct uvws__keepalive {
  struct uvws__conn *c;
  uint32_t ping_interval_ms;
  uint32_t pong_timeout_ms;
  uint32_t idle_timeout_ms;

  struct uvws__deadline ping; /* the next Ping, or the answer to the last one */
  struct uvws__after_poll judge_ping;
  int is_awaiting;    /* a Ping is out, and nothing was heard since */
  uint64_t asked_ms;  /* since when its answer is awaited */
  uint64_t ping_us;   /* when it was sent; 0: its Pong has come, or none was sent */
  uint64_t ping_end;  /* it is with the kernel when this many bytes are */
  uint64_t sent_seen; /* bytes with the kernel at the last look */
  uint8_t payload[PAYLOAD_LEN];

  struct uvws__deadline idle;
  struct uvws__after_poll judge_idle;
  uint64_t activity_seen;
  uint64_t active_ms; /* when activity was seen last */
};

static uint64_t now_ms(const struct uvws__keepalive *k) {
  const struct uvws__env *env = &k->c->ctx->env;
  return env->now_ms(env->arg);
}

static uint64_t smaller(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

/*
 * Pings
 */

static void on_ping_deadline(struct uvws__deadline *deadline);

static void wait_for(struct uvws__keepalive *k, uint64_t delay_ms) {
  uvws__deadline_set(&k->c->ctx->deadlines, &k->ping, delay_ms, on_ping_deadline);
}

static uint64_t sent(const struct uvws__conn *c) {
  return c->written + (c->writing ? c->writing - c->transport->ops->unsent(c->transport) : 0);
}

static int make_payload(struct uvws__keepalive *k) {
  int err = uvws__context_mask_key(k->c->ctx, k->payload);
  return err ? err : uvws__context_mask_key(k->c->ctx, k->payload + 4);
}

static void ask(struct uvws__keepalive *k) {
  k->asked_ms = now_ms(k);
  wait_for(k, smaller(k->ping_interval_ms, k->pong_timeout_ms));
}

static void send_ping(struct uvws__keepalive *k) {
  struct uvws__conn *c = k->c;
  if (c->write_error) return; /* the end comes from the reading side, or by its own deadline */
  int err = make_payload(k);
  if (!err) err = uvws__conn_send_control(c, UVWS__OP_PING, k->payload, sizeof k->payload);
  if (err) {
    wait_for(k, k->ping_interval_ms);
    return;
  }
  c->heard_ms = 0;
  k->is_awaiting = 1;
  k->ping_us = uvws__context_now_us(c->ctx);
  k->ping_end = c->written + uvws__conn_queued(c);
  ask(k);
  uvws__conn_flush(c);
  k->sent_seen = sent(c);
}

/* The next Ping is due when the silence has lasted for the interval. */
static void hear_on(struct uvws__keepalive *k) {
  uint64_t due_ms = k->c->heard_ms + k->ping_interval_ms;
  uint64_t now = now_ms(k);
  k->is_awaiting = 0;
  if (due_ms > now)
    wait_for(k, due_ms - now);
  else
    send_ping(k);
}

/* While the Ping still waits behind other bytes, and those go out, the peer is slow and not dead.
 */
static int is_making_way(struct uvws__keepalive *k) {
  uint64_t before = k->sent_seen;
  k->sent_seen = sent(k->c);
  return before < k->ping_end && k->sent_seen > before;
}

static void on_judge_ping(struct uvws__after_poll *after) {
  struct uvws__keepalive *k =
      (struct uvws__keepalive *)((char *)after - offsetof(struct uvws__keepalive, judge_ping));
  struct uvws__conn *c = k->c;
  /* Who does not read cannot hear. */
  if (c->is_paused) c->heard_ms = now_ms(k);
  if (c->heard_ms)
    hear_on(k);
  else if (is_making_way(k))
    ask(k);
  else
    uvws__conn_fail(c, UVWS_EPONG_TIMEOUT, 0, uvws_strerror(UVWS_EPONG_TIMEOUT));
}

/* Awake at least once in an interval, so that the next Ping does not wait for the time-out of one
 * that was answered. */
static void await(struct uvws__keepalive *k) {
  uint64_t waited_ms = now_ms(k) - k->asked_ms;
  if (k->pong_timeout_ms == UVWS_NO_TIMEOUT)
    send_ping(k);
  else if (waited_ms < k->pong_timeout_ms)
    wait_for(k, smaller(k->ping_interval_ms, k->pong_timeout_ms - waited_ms));
  else
    uvws__context_after_poll(k->c->ctx, &k->judge_ping, on_judge_ping);
}

static void on_ping_deadline(struct uvws__deadline *deadline) {
  struct uvws__keepalive *k =
      (struct uvws__keepalive *)((char *)deadline - offsetof(struct uvws__keepalive, ping));
  struct uvws__conn *c = k->c;
  if (!k->is_awaiting && c->is_paused)
    wait_for(k, k->ping_interval_ms);
  else if (!k->is_awaiting || c->heard_ms)
    hear_on(k);
  else
    await(k);
}

static void measure(struct uvws__rtt *rtt, uint64_t us) {
  int is_first = !rtt->last_us;
  if (!us) us = 1;
  rtt->last_us = us;
  if (is_first || us < rtt->min_us) rtt->min_us = us;
  /* RFC 6298 2.2, 2.3: an eighth of what is new. */
  if (is_first)
    rtt->smoothed_us = us;
  else
    rtt->smoothed_us = rtt->smoothed_us - rtt->smoothed_us / 8 + us / 8;
}

int uvws__keepalive_take_pong(struct uvws__conn *c, const uint8_t *data, size_t len) {
  struct uvws__keepalive *k = c->keepalive;
  if (!k || !k->ping_us || len != PAYLOAD_LEN || memcmp(data, k->payload, len) != 0) return 0;
  measure(&c->ws->rtt, uvws__context_now_us(c->ctx) - k->ping_us);
  k->ping_us = 0;
  return 1;
}

/*
 * Idle connections
 */

/* Changes with every message, and with every piece of a large one. Pings do not count. */
static uint64_t activity(const struct uvws__conn *c) {
  const struct uvws__counters *n = &c->ws->counters;
  return n->messages_in + n->messages_out + (c->inbound.kind ? n->bytes_in : 0) +
         (uvws__conn_queued(c) ? c->written : 0);
}

static int is_idle(struct uvws__keepalive *k) {
  uint64_t now = now_ms(k);
  uint64_t seen = activity(k->c);
  if (seen != k->activity_seen || k->c->is_paused) k->active_ms = now;
  k->activity_seen = seen;
  return now - k->active_ms >= k->idle_timeout_ms;
}

static void on_idle_deadline(struct uvws__deadline *deadline);

/* A look four times in the time-out: nothing has to be noted for each message, and the end comes
 * at most a quarter late. */
static void look_again(struct uvws__keepalive *k) {
  uint64_t left = k->active_ms + k->idle_timeout_ms - now_ms(k);
  uint64_t step = k->idle_timeout_ms / 4 + 1;
  uvws__deadline_set(&k->c->ctx->deadlines, &k->idle, left < step ? left : step, on_idle_deadline);
}

static void on_judge_idle(struct uvws__after_poll *after) {
  struct uvws__keepalive *k =
      (struct uvws__keepalive *)((char *)after - offsetof(struct uvws__keepalive, judge_idle));
  if (is_idle(k))
    uvws__conn_expire(k->c, UVWS_EIDLE_TIMEOUT);
  else
    look_again(k);
}

static void on_idle_deadline(struct uvws__deadline *deadline) {
  struct uvws__keepalive *k =
      (struct uvws__keepalive *)((char *)deadline - offsetof(struct uvws__keepalive, idle));
  if (is_idle(k))
    uvws__context_after_poll(k->c->ctx, &k->judge_idle, on_judge_idle);
  else
    look_again(k);
}

/*
 * Life
 */

int uvws__keepalive_new(struct uvws__conn *c, const uvws_options_t *options) {
  if (!options->ping_interval_ms && !options->idle_timeout_ms) return 0;
  struct uvws__keepalive *k = uvws__calloc(&c->ctx->env, sizeof *k);
  if (!k) return UV_ENOMEM;
  if (uvws__deadlines_reserve(&c->ctx->deadlines, 2) != 0) {
    uvws__free(&c->ctx->env, k);
    return UV_ENOMEM;
  }
  k->c = c;
  k->ping_interval_ms = options->ping_interval_ms;
  k->pong_timeout_ms = options->pong_timeout_ms;
  k->idle_timeout_ms = options->idle_timeout_ms;
  c->keepalive = k;
  return 0;
}

void uvws__keepalive_start(struct uvws__conn *c) {
  struct uvws__keepalive *k = c->keepalive;
  if (!k) return;
  c->heard_ms = k->active_ms = now_ms(k);
  k->activity_seen = activity(c);
  if (k->ping_interval_ms) hear_on(k);
  if (k->idle_timeout_ms) look_again(k);
}

void uvws__keepalive_stop(struct uvws__conn *c) {
  struct uvws__keepalive *k = c->keepalive;
  if (!k) return;
  uvws__deadline_clear(&c->ctx->deadlines, &k->ping);
  uvws__deadline_clear(&c->ctx->deadlines, &k->idle);
  uvws__context_drop_task(&k->judge_ping.task);
  uvws__context_drop_task(&k->judge_idle.task);
}

void uvws__keepalive_free(struct uvws__conn *c) {
  if (!c->keepalive) return;
  uvws__keepalive_stop(c);
  uvws__deadlines_release(&c->ctx->deadlines, 2);
  uvws__free(&c->ctx->env, c->keepalive);
  c->keepalive = NULL;
}
