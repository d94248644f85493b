/* The life of a connection: its states, its birth and its end. */
#include "conn/conn.h"

#include <assert.h>
#include <string.h>

static void enter_connecting(struct uvws__conn *c) {
  uvws__conn_set_deadline(c, c->opening->options->connect_timeout_ms);
}

/* What is left of the hop is its transport, which is closed within the loop's turn. */
static void enter_redirecting(struct uvws__conn *c) {
  uvws__deadline_clear(&c->ctx->deadlines, &c->deadline);
  c->opening->is_hop_closing = 1;
  c->transport->ops->close(c->transport);
}

static void enter_securing(struct uvws__conn *c) {
  uvws__conn_set_deadline(c, c->opening->options->handshake_timeout_ms);
}

/* One deadline spans TLS and HTTP: it is not set anew when it runs already. */
static void enter_upgrading(struct uvws__conn *c) {
  if (!c->opening->is_secured)
    uvws__conn_set_deadline(c, c->opening->options->handshake_timeout_ms);
}

static void enter_open(struct uvws__conn *c) {
  uvws__deadline_clear(&c->ctx->deadlines, &c->deadline);
  uvws__opening_free(c);
  c->ctx->phases = c->ws->phases;
  c->ws->counters.opens++;
  uvws__retry_take_open(c);
  uvws__keepalive_start(c);
}

static void enter_ending(struct uvws__conn *c) {
  uvws__keepalive_stop(c);
  uvws__conn_has_progressed(c); /* what was before does not count */
  uvws__conn_set_deadline(c, c->close_timeout_ms);
}

/* While redirecting, the transport is closed already: it must not be closed twice. */
static int is_hop_closing(const struct uvws__conn *c) {
  return c->opening && c->opening->is_hop_closing;
}

static void enter_cut(struct uvws__conn *c) {
  uvws__keepalive_stop(c);
  uvws__deadline_clear(&c->ctx->deadlines, &c->deadline);
  /* A flush that was due would be taken for the end, which comes when the transport has closed. */
  uvws__context_drop_task(&c->task);
  if (c->opening && c->opening->dial)
    c->ctx->dial_cancel(c->opening->dial);
  else if (c->opening && c->opening->tunnel && c->opening->tunnel->is_looking_up)
    uvws__lookup_cancel(&c->opening->tunnel->lookup);
  else if (c->transport && !is_hop_closing(c))
    c->transport->ops->close(c->transport);
  else if (!c->transport)
    uvws__context_add_task(c->ctx, &c->task);
}

#define BIT(state) (1u << (state))

static const struct {
  const char *name;
  void (*enter)(struct uvws__conn *c);
  uint32_t next; /* states that may follow */
} states[CONN_STATE_COUNT] = {
    [CONN_NEW] = {"new", NULL, BIT(CONN_CONNECTING)},
    [CONN_CONNECTING] = {"connecting", enter_connecting,
                         BIT(CONN_TUNNELLING) | BIT(CONN_SECURING) | BIT(CONN_UPGRADING) |
                             BIT(CONN_CUT)},
    /* The deadline of connecting goes on: connected is who has reached the server. */
    [CONN_TUNNELLING] = {"tunnelling", NULL,
                         BIT(CONN_SECURING) | BIT(CONN_UPGRADING) | BIT(CONN_CUT)},
    [CONN_SECURING] = {"securing", enter_securing, BIT(CONN_UPGRADING) | BIT(CONN_CUT)},
    [CONN_REDIRECTING] = {"redirecting", enter_redirecting, BIT(CONN_CONNECTING) | BIT(CONN_CUT)},
    [CONN_UPGRADING] = {"upgrading", enter_upgrading,
                        BIT(CONN_REDIRECTING) | BIT(CONN_OPEN) | BIT(CONN_CUT)},
    [CONN_OPEN] = {"open", enter_open, BIT(CONN_CLOSING) | BIT(CONN_DRAINING) | BIT(CONN_CUT)},
    [CONN_CLOSING] = {"closing", enter_ending, BIT(CONN_DRAINING) | BIT(CONN_CUT)},
    [CONN_DRAINING] = {"draining", enter_ending, BIT(CONN_CUT)},
    [CONN_CUT] = {"cut", enter_cut, 0},
};

/* How long the phase took that is over. */
static void clock_phase(struct uvws__conn *c) {
  struct uvws__opening *o = c->opening;
  struct uvws__phases *phases = &c->ws->phases;
  uint64_t now_us = uvws__context_now_us(c->ctx);
  uint64_t took_us = now_us - o->phase_us;
  o->phase_us = now_us;
  switch (c->state) {
  case CONN_NEW:
    memset(phases, 0, sizeof *phases);
    break;
  case CONN_SECURING:
    phases->tls_us += took_us;
    break;
  case CONN_UPGRADING:
    phases->upgrade_us += took_us;
    break;
  default:
    phases->connect_us += took_us;
    break;
  }
}

void uvws__conn_on_resolved(void *arg) {
  struct uvws__conn *c = arg;
  uint64_t now_us = uvws__context_now_us(c->ctx);
  c->ws->phases.resolve_us += now_us - c->opening->phase_us;
  c->opening->phase_us = now_us;
}

void uvws__conn_go(struct uvws__conn *c, enum uvws__conn_state to) {
  assert(states[c->state].next & BIT(to));
  uvws__trace(c->ws, UVWS_LOG_INFO, "%s -> %s", states[c->state].name, states[to].name);
  if (c->opening) clock_phase(c);
  c->state = to;
  if (states[to].enter) states[to].enter(c);
}

static uint64_t within_limit(const struct uvws__conn *c, uint32_t timeout_ms) {
  uint64_t now = c->ctx->env.now_ms(c->ctx->env.arg);
  uint64_t left = c->end_by_ms > now ? c->end_by_ms - now : 0;
  return timeout_ms == UVWS_NO_TIMEOUT || timeout_ms > left ? left : timeout_ms;
}

void uvws__conn_set_deadline(struct uvws__conn *c, uint32_t timeout_ms) {
  if (c->end_by_ms) {
    uvws__deadline_set(&c->ctx->deadlines, &c->deadline, within_limit(c, timeout_ms),
                       uvws__conn_on_deadline);
    return;
  }
  if (timeout_ms == UVWS_NO_TIMEOUT)
    uvws__deadline_clear(&c->ctx->deadlines, &c->deadline);
  else
    uvws__deadline_set(&c->ctx->deadlines, &c->deadline, timeout_ms, uvws__conn_on_deadline);
}

static void on_task(struct uvws__task *task) {
  struct uvws__conn *c = (struct uvws__conn *)((char *)task - offsetof(struct uvws__conn, task));
  if (c->state == CONN_CUT) {
    uvws__conn_end(c);
    return;
  }
  uvws__conn_receive_stash(c);
  uvws__conn_flush(c);
}

int uvws__conn_new(uvws_t *ws, uvws_options_t *options, struct uvws__conn **out) {
  uvws_context_t *ctx = ws->ctx;
  struct uvws__conn *c = uvws__calloc(&ctx->env, sizeof *c);
  if (!c) goto fail;
  c->opening = uvws__calloc(&ctx->env, sizeof *c->opening);
  if (!c->opening) goto fail;
  if (uvws__deadlines_reserve(&ctx->deadlines, 1) != 0) goto fail;
  struct uvws__inbound_limits limits = {options->max_message_size, options->max_fragments};
  uvws__inbound_init(&c->inbound, &ctx->env, &limits, &ctx->inbound);
  c->ctx = ctx;
  c->ws = ws;
  c->inbound.on_frame_arg = c;
  c->task.run = on_task;
  c->close_timeout_ms = options->close_timeout_ms;
  c->packer.options.level = (uint8_t)options->compression_level;
  c->packer.options.memory_level = (uint8_t)options->compression_memory_level;
  c->packer.threshold = options->compression_threshold;
  c->opening->options = options;
  if (uvws__keepalive_new(c, options) != 0) {
    uvws__conn_free(c);
    return UV_ENOMEM;
  }
  *out = c;
  return 0;
fail:
  if (c) uvws__free(&ctx->env, c->opening);
  uvws__free(&ctx->env, c);
  uvws__free(&ctx->env, options);
  return UV_ENOMEM;
}

void uvws__opening_free(struct uvws__conn *c) {
  struct uvws__opening *o = c->opening;
  if (!o) return;
  const struct uvws__env *env = &c->ctx->env;
  uvws__tls_settings_release(o->tls);
  uvws__head_free(o->head);
  uvws__tunnel_free(c);
  uvws__uri_deinit(env, &o->uri);
  uvws__uri_deinit(env, &o->redirect);
  uvws__free(env, o->options);
  uvws__free(env, o);
  c->opening = NULL;
}

const char *uvws__conn_field(const struct uvws__conn *c, const char *name) {
  struct uvws__head *head = c->opening ? c->opening->head : NULL;
  return head ? uvws__head_find(head, name) : uvws__fields_find(&c->answer, name);
}

void uvws__conn_free(struct uvws__conn *c) {
  const struct uvws__env *env = &c->ctx->env;
  assert(!c->deadline.place);
  uvws__deadlines_release(&c->ctx->deadlines, 1);
  uvws__context_drop_task(&c->task);
  uvws__opening_free(c);
  uvws__keepalive_free(c);
  uvws__free(env, c->answer.text);
  uvws__tls_info_free(env, c->tls_info);
  uvws__inbound_deinit(&c->inbound);
  uvws__framer_free(env, c->reader);
  uvws__lending_free(c);
  uvws__chain_clear(&c->out, &c->ctx->pool);
  uvws__bytes_deinit(env, &c->stash);
  uvws__deflater_give(&c->ctx->inbound.zstock, c->packer.deflater);
  uvws__free(env, c->sent.ring);
  uvws__free(env, c->ending.reason);
  uvws__free(env, c->ending.detail);
  uvws__free(env, c);
}

void uvws__conn_end(struct uvws__conn *c) {
  uvws_t *ws = c->ws;
  uvws__stats_take_conn(c);
  uvws__conn_complete(c, UV_ECANCELED);
  ws->ended = c;
  if (uvws__retry_takes_over(c)) {
    ws->ended = NULL;
    uvws__conn_free(c);
    return;
  }
  uvws__client_drop_waiting(ws);
  ws->is_above = 0; /* what is dropped does not drain */
  uvws_error_t error;
  int is_untold = ws->retry || c->ending.has_expired;
  if (is_untold && uvws__ending_error(c, &error)) uvws__deliver_error(ws, &error);
  uvws__retry_free(ws);
  ws->conn = NULL;
  uvws__close_all_take_end(c);
  uvws_close_info_t info;
  uvws__ending_close_info(c, &info);
  uvws__deliver_close(ws, &info);
  ws->ended = NULL;
  uvws__conn_free(c);
  /* A client that was freed waited for us; or for its next connection, begun and cut in on_close.
   */
  if (ws->is_freed && !ws->conn) uvws__client_destroy(ws);
}
