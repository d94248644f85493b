/*
 * What the connections of a loop share: memory that each needs only for a moment, one timer for all
 * deadlines, the tasks for the end of the turn, prepared TLS settings.
 */
#ifndef UVWS_CONN_CONTEXT_H
#define UVWS_CONN_CONTEXT_H

#include <uv.h>

#include "conn/hub.h"
#include "conn/stats.h"
#include "conn/trace.h"
#include "io/dial.h"
#include "io/tls.h"
#include "proto/frame.h"
#include "proto/inbound.h"
#include "util/bytes.h"
#include "util/chain.h"
#include "util/deadline.h"

/* One read takes this much at most: a message that a read cuts in two has to be copied, so reads
 * larger than a message pay (bench/README.md). */
#define UVWS__READ_SIZE 131072

/* Mask keys come out of a pool, since a system call per frame costs more than the frame. */
#define UVWS__RANDOM_POOL 4096

/* Something to do once, at the end of this turn of the loop. Part of what it is for; a zeroed
 * struct with `run` set is one that is not due. */
struct uvws__task {
  struct uvws__task *next; /* in a ring; NULL: not due */
  struct uvws__task *prev;
  void (*run)(struct uvws__task *task);
};

/* Something to do once the loop has polled: what was ready to be read by now has been read then. */
struct uvws__after_poll {
  struct uvws__task task;
  uvws_context_t *ctx;
  uint64_t poll; /* polls seen when it was asked for */
  void (*run)(struct uvws__after_poll *after);
};

struct uvws_context {
  uv_loop_t *loop;
  struct uvws__env env;
  int has_own_clock; /* the env's clock is not the loop's */
  size_t holds;      /* the user's and one per client; at 0 the handles close */
  int is_closing;
  int handles; /* not closed yet */

  /* How a connection is made; a test puts its own here. */
  int (*dial_start)(const struct uvws__env *env, uv_loop_t *loop, struct uvws__deadlines *deadlines,
                    const struct uvws__dial_options *options, uvws__dial_cb cb, void *arg,
                    struct uvws__dial **out);
  void (*dial_cancel)(struct uvws__dial *dial);

  /* The end of the turn: idle runs before the loop waits (and keeps it from waiting while a task is
   * due), check right after it polled. Both are active only while a task is due. */
  uv_idle_t idle;
  uv_check_t check;
  struct uvws__task tasks; /* the ring's head */
  uint64_t polls;          /* times that the loop polled while a task was due */

  uv_timer_t timer; /* for the earliest deadline; does not keep the loop alive */
  uint64_t timer_at_ms;
  size_t keepers; /* who wants it to keep the loop alive all the same */
  struct uvws__deadlines deadlines;

  struct uvws__pool pool;
  struct uvws__inbound_shared inbound;
  struct uvws__bytes packed;   /* the message that is being compressed */
  struct uvws__framer *writer; /* for all that goes out */
  struct uvws__framer *reader; /* for connections that stand between two frames */
  uint8_t *read_buffer;        /* UVWS__READ_SIZE bytes */
  size_t random_left;
  uint8_t random[UVWS__RANDOM_POOL];
  struct uvws__detail last_error;

  struct uvws__hub *hub;      /* NULL: nobody sends from other threads */
  uint64_t last_id;           /* of a client */
  uvws_t *clients;            /* all that are not freed, the newest first */
  struct uvws__counters gone; /* of clients that are */
  struct uvws__phases phases; /* of the last handshake */
  struct uvws__trace trace;
  struct uvws__close_all {
    int is_busy;
    int cut_count;
    size_t left; /* connections that it waits for */
    uvws_close_all_cb cb;
    void *arg;
    struct uvws__task task;
  } close_all;
  const uvws_t *last_error_of; /* the client whose call it was */

  struct uvws__tls_cache tls_cache;
  struct uvws__tls_scratch tls_scratch;
  struct uvws__tls_scratch proxy_scratch; /* of TLS to proxies: the server's TLS runs inside it */
};

/* With an env of one's own; members that are NULL get their default. */
int uvws__context_new(uv_loop_t *loop, const struct uvws__env *env, uvws_context_t **out);
void uvws__context_hold(uvws_context_t *ctx);
void uvws__context_release(uvws_context_t *ctx);

/* Run `task->run` at the end of this turn; when it is due already, nothing changes. */
void uvws__context_add_task(uvws_context_t *ctx, struct uvws__task *task);
/* Take it back. Not due: nothing happens. */
void uvws__context_drop_task(struct uvws__task *task);

/* A deadline does not keep the loop alive by itself. From here on it does, until as many calls of
 * the other. */
void uvws__context_keep_loop(uvws_context_t *ctx);
void uvws__context_let_loop(uvws_context_t *ctx);

void uvws__context_after_poll(uvws_context_t *ctx, struct uvws__after_poll *after,
                              void (*run)(struct uvws__after_poll *after));

/* The loop's idea of now, which costs nothing: as old as this turn of the loop at most. */
static inline uint64_t uvws__context_loop_ms(const uvws_context_t *ctx) {
  return ctx->has_own_clock ? ctx->env.now_ms(ctx->env.arg) : uv_now(ctx->loop);
}
uint64_t uvws__context_now_us(const uvws_context_t *ctx);

/* random.c: the default of env->random. */
int uvws__random_bytes(void *arg, void *out, size_t len);

/* 4 fresh CSPRNG bytes, for a mask key (RFC 6455 5.3) and whatever else. 0 or an error. */
int uvws__context_mask_key(uvws_context_t *ctx, uint8_t key[4]);

/* A framer to read with, for as long as the connection stands inside a frame. */
int uvws__context_take_reader(uvws_context_t *ctx, struct uvws__framer **out);
void uvws__context_give_reader(uvws_context_t *ctx, struct uvws__framer *reader);

#endif
