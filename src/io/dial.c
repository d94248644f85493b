/*
 * Dialling: look the name up, then race the addresses (RFC 8305, "Happy Eyeballs" version 2, as far
 * as getaddrinfo allows: it answers for both families at once, so sections 3 and 7 do not apply).
 *
 * Each attempt is a transport that is not connected yet. The next one starts when the one before
 * has failed, or after the Connection Attempt Delay of section 5; the first to connect wins and
 * becomes the result as it is. A unix domain socket is a race of one.
 *
 * `pending` counts what will still call back: the look-up, and each socket but the winner's. The
 * callback fires when it gets to zero, so nothing is left behind whatever the order of events.
 */
#include "io/dial.h"

#include <assert.h>
#include <string.h>

#include "io/dial_internal.h"
#include "io/tcp.h"
#include "io/unix.h"

#define ATTEMPT_DELAY_MS 250 /* RFC 8305 section 8 */

/*
 * The result
 */

static void dial_free(struct uvws__dial *dial) {
  uvws__deadline_clear(dial->deadlines, &dial->next_attempt);
  for (size_t i = 0; i < dial->count; i++)
    uvws__deadline_clear(dial->deadlines, &dial->attempts[i].deadline);
  uvws__deadlines_release(dial->deadlines, dial->deadlines_promised);
  uvws__free(dial->env, dial->attempts);
  uvws__free(dial->env, dial);
}

/* The callback is the last thing that happens; nothing may touch the dialler behind this. */
static void settle(struct uvws__dial *dial) {
  if (dial->pending) return;
  struct uvws__detail detail;
  int err = uvws__dial_outcome(dial, &detail);
  struct uvws__transport *winner = dial->winner;
  uvws__dial_cb cb = dial->cb;
  void *arg = dial->arg;
  dial_free(dial);
  cb(arg, err, winner, detail.text);
}

/*
 * The race
 */

static void start_next(struct uvws__dial *dial);

static void attempt_close(struct uvws__dial_attempt *a) {
  uvws__deadline_clear(a->dial->deadlines, &a->deadline);
  if (a->transport) a->transport->ops->close(a->transport);
}

static void close_all(struct uvws__dial *dial) {
  for (size_t i = 0; i < dial->started; i++)
    attempt_close(&dial->attempts[i]);
}

static void on_attempt_ready(void *owner) {
  struct uvws__dial_attempt *a = owner;
  struct uvws__dial *dial = a->dial;
  assert(!dial->winner && !dial->is_cancelled);
  dial->winner = a->transport;
  a->transport = NULL;
  dial->pending--;
  if (dial->keep_alive_s && !dial->is_unix) uvws__tcp_keep_alive(dial->winner, dial->keep_alive_s);
  uvws__deadline_clear(dial->deadlines, &dial->next_attempt);
  uvws__deadline_clear(dial->deadlines, &a->deadline);
  close_all(dial);
  settle(dial);
}

static void attempt_failed(struct uvws__dial_attempt *a, int err) {
  a->err = err;
  attempt_close(a);
  if (!a->dial->winner && !a->dial->is_cancelled) start_next(a->dial);
}

static void on_attempt_end(void *owner, int err, const char *detail) {
  (void)detail;
  attempt_failed(owner, err);
}

static void on_attempt_closed(void *owner) {
  struct uvws__dial_attempt *a = owner;
  a->transport = NULL;
  a->dial->pending--;
  settle(a->dial);
}

static const struct uvws__transport_events attempt_events = {
    .on_ready = on_attempt_ready,
    .on_end = on_attempt_end,
    .on_closed = on_attempt_closed,
};

static void on_attempt_timeout(struct uvws__deadline *deadline) {
  char *start = (char *)deadline - offsetof(struct uvws__dial_attempt, deadline);
  attempt_failed((struct uvws__dial_attempt *)(void *)start, UV_ETIMEDOUT);
}

static int attempt_connect(struct uvws__dial_attempt *a) {
  const struct uvws__dial *dial = a->dial;
  if (dial->is_unix) return uvws__unix_connect(a->transport, dial->host);
  int err = 0;
  if (dial->has_local) err = uvws__tcp_bind(a->transport, &dial->local.any);
  return err ? err : uvws__tcp_connect(a->transport, &a->address.any);
}

static int attempt_start(struct uvws__dial_attempt *a) {
  struct uvws__dial *dial = a->dial;
  if (dial->has_local && dial->local.any.sa_family != a->address.any.sa_family)
    return UV_EAFNOSUPPORT;
  int err = dial->is_unix ? uvws__unix_new(dial->env, dial->loop, &attempt_events, a, &a->transport)
                          : uvws__tcp_new(dial->env, dial->loop, &attempt_events, a, &a->transport);
  if (err) return err;
  dial->pending++;
  err = attempt_connect(a);
  if (err)
    a->transport->ops->close(a->transport);
  else if (dial->attempt_timeout_ms)
    uvws__deadline_set(dial->deadlines, &a->deadline, dial->attempt_timeout_ms, on_attempt_timeout);
  return err;
}

static void on_attempt_delay(struct uvws__deadline *deadline) {
  char *start = (char *)deadline - offsetof(struct uvws__dial, next_attempt);
  start_next((struct uvws__dial *)(void *)start);
}

/* Start the next attempt that can be started, and wait for the one behind it anew. */
static void start_next(struct uvws__dial *dial) {
  uvws__deadline_clear(dial->deadlines, &dial->next_attempt);
  while (dial->started < dial->count) {
    struct uvws__dial_attempt *a = &dial->attempts[dial->started++];
    a->err = attempt_start(a);
    if (a->err == 0) break;
  }
  if (dial->started < dial->count)
    uvws__deadline_set(dial->deadlines, &dial->next_attempt, ATTEMPT_DELAY_MS, on_attempt_delay);
}

static int promise_deadlines(struct uvws__dial *dial, size_t count) {
  int err = uvws__deadlines_reserve(dial->deadlines, count);
  if (!err) dial->deadlines_promised += count;
  return err;
}

static int attempts_alloc(struct uvws__dial *dial, size_t count) {
  if (count > SIZE_MAX / sizeof dial->attempts[0]) return UV_ENOMEM;
  int err = dial->attempt_timeout_ms ? promise_deadlines(dial, count) : 0;
  if (err) return err;
  dial->attempts = uvws__calloc(dial->env, count * sizeof dial->attempts[0]);
  if (!dial->attempts) return UV_ENOMEM;
  dial->count = count;
  for (size_t i = 0; i < count; i++)
    dial->attempts[i].dial = dial;
  return 0;
}

/*
 * The look-up
 */

static int take_addresses(struct uvws__dial *dial, const struct addrinfo *list) {
  size_t count = uvws__address_count(list);
  if (count == 0) return UV_EAI_NODATA;
  int err = attempts_alloc(dial, count);
  if (err) return err;
  struct uvws__address_walk walk;
  uvws__address_walk_init(&walk, list);
  for (size_t i = 0; i < count; i++)
    uvws__address_walk_next(&walk, dial->port, &dial->attempts[i].address);
  return 0;
}

static void on_looked_up(void *arg, int err, const struct addrinfo *list) {
  struct uvws__dial *dial = arg;
  dial->is_looking_up = 0;
  dial->pending--;
  if (!dial->is_cancelled) {
    dial->lookup_err = err ? err : take_addresses(dial, list);
    if (dial->lookup_err == 0 && dial->on_resolved) dial->on_resolved(dial->arg);
    if (dial->lookup_err == 0) start_next(dial);
  }
  settle(dial);
}

static int start_lookup(struct uvws__dial *dial) {
  int err =
      uvws__lookup_start(&dial->lookup, dial->env, dial->loop, dial->host, on_looked_up, dial);
  if (err) return err;
  dial->is_looking_up = 1;
  dial->pending++;
  return 0;
}

/* One address, known already. */
static int start_single(struct uvws__dial *dial, const union uvws__address *address) {
  int err = attempts_alloc(dial, 1);
  if (err) return err;
  dial->attempts[0].address = *address;
  start_next(dial);
  /* An attempt that failed at once is told when its socket has closed; without one, now. */
  return dial->pending ? 0 : dial->attempts[0].err;
}

/*
 * Start and stop
 */

static int dial_new(const struct uvws__env *env, struct uvws__deadlines *deadlines,
                    const struct uvws__dial_options *options, struct uvws__dial **out) {
  const char *host = options->socket_path ? options->socket_path : options->host;
  size_t host_size = strlen(host) + 1;
  struct uvws__dial *dial = uvws__calloc(env, sizeof *dial + host_size);
  if (!dial) return UV_ENOMEM;
  dial->env = env;
  dial->deadlines = deadlines;
  int err = promise_deadlines(dial, 1);
  if (err) {
    uvws__free(env, dial);
    return err;
  }
  memcpy(dial->host, host, host_size);
  dial->port = options->port;
  dial->is_unix = options->socket_path != NULL;
  dial->keep_alive_s = options->keep_alive_s;
  dial->on_resolved = options->on_resolved;
  if (options->attempt_timeout_ms != UVWS_NO_TIMEOUT)
    dial->attempt_timeout_ms = options->attempt_timeout_ms;
  dial->has_local = options->local && !dial->is_unix;
  if (dial->has_local) dial->local = *options->local;
  *out = dial;
  return 0;
}

static int start_dialling(struct uvws__dial *dial) {
  union uvws__address address;
  memset(&address, 0, sizeof address);
  if (dial->is_unix) return start_single(dial, &address);
  dial->is_literal = (uint8_t)uvws__address_parse(dial->host, dial->port, &address);
  return dial->is_literal ? start_single(dial, &address) : start_lookup(dial);
}

int uvws__dial_start(const struct uvws__env *env, uv_loop_t *loop,
                     struct uvws__deadlines *deadlines, const struct uvws__dial_options *options,
                     uvws__dial_cb cb, void *arg, struct uvws__dial **out) {
  struct uvws__dial *dial;
  int err = dial_new(env, deadlines, options, &dial);
  if (err) return err;
  dial->loop = loop;
  dial->cb = cb;
  dial->arg = arg;
  err = start_dialling(dial);
  if (err) {
    dial_free(dial);
    return err;
  }
  *out = dial;
  return 0;
}

void uvws__dial_cancel(struct uvws__dial *dial) {
  if (dial->is_cancelled) return;
  dial->is_cancelled = 1;
  uvws__deadline_clear(dial->deadlines, &dial->next_attempt);
  if (dial->is_looking_up) uvws__lookup_cancel(&dial->lookup);
  if (dial->winner) {
    dial->pending++; /* for its on_closed: it is still owned by its attempt */
    dial->winner->ops->close(dial->winner);
    dial->winner = NULL;
  }
  close_all(dial);
}
