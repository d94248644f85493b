/*
 * Dialling: look the name up, then race the addresses (RFC 8305, "Happy Eyeballs" version 2, as far
 * as getaddrinfo allows: it answers for both families at once, so sections 3 and 7 do not apply).
 *
 * Each attempt is a TCP transport that is not connected yet. The next one starts when the one
 * before has failed, or after the Connection Attempt Delay of section 5; the first to connect wins
 * and becomes the result as it is.
 *
 * `pending` counts what will still call back: the look-up, and each socket but the winner's. The
 * callback fires when it gets to zero, so nothing is left behind whatever the order of events.
 */
#include "io/dial.h"

#include <assert.h>
#include <string.h>

#include "io/address.h"
#include "io/tcp.h"

#define ATTEMPT_DELAY_MS 250 /* RFC 8305 section 8 */
#define HOST_SHOWN 100       /* of a name in a detail line; leaves room for the reasons */

struct attempt {
  struct uvws__dial *dial;
  struct uvws__transport *transport; /* from its start until it is closed or has won */
  union uvws__address address;
  int err; /* why it failed; 0: it did not */
};

struct uvws__dial {
  const struct uvws__env *env;
  uv_loop_t *loop;
  struct uvws__deadlines *deadlines;
  struct uvws__deadline next_attempt;
  uvws__dial_cb cb;
  void *arg;

  uv_getaddrinfo_t lookup;
  uv_idle_t later; /* closed at once when the look-up cannot even start: its close is our turn */
  int lookup_err;

  struct attempt *attempts;
  size_t count;
  size_t started;
  size_t pending;
  struct uvws__transport *winner;

  uint8_t is_literal;
  uint8_t is_looking_up;
  uint8_t is_cancelled;
  uint16_t port;
  char host[];
};

/*
 * The result
 */

/* An address that cannot be reached from here at all says less than one that was tried. */
static int telling_rank(int err) {
  switch (err) {
  case UV_ENETUNREACH:
  case UV_EHOSTUNREACH:
  case UV_EADDRNOTAVAIL:
  case UV_EAFNOSUPPORT:
  case UV_EINVAL:
    return 0;
  default:
    return 1;
  }
}

/* The last of the most telling ones. */
static int most_telling_error(const struct uvws__dial *dial) {
  int err = dial->attempts[0].err;
  for (size_t i = 1; i < dial->count; i++)
    if (telling_rank(dial->attempts[i].err) >= telling_rank(err)) err = dial->attempts[i].err;
  return err;
}

/* Append "ADDRESS: why" for each address, as many as there is room for. */
static void append_reasons(const struct uvws__dial *dial, struct uvws__detail *detail) {
  size_t used = strlen(detail->text);
  for (size_t i = 0; i < dial->count; i++) {
    const struct attempt *a = &dial->attempts[i];
    const size_t reserve = i + 1 < dial->count ? sizeof "; and 12345 more" : 1;
    char text[UVWS__ADDRESS_TEXT];
    uvws__address_text(&a->address, text);
    size_t room = sizeof detail->text - used;
    int len =
        snprintf(detail->text + used, room, "%s%s: %s", i ? "; " : "", text, uv_strerror(a->err));
    if (len < 0 || (size_t)len + reserve > room) {
      snprintf(detail->text + used, room, "%s%zu more", i ? "; and " : "", dial->count - i);
      return;
    }
    used += (size_t)len;
  }
}

static int tell_failures(const struct uvws__dial *dial, struct uvws__detail *detail) {
  int err = most_telling_error(dial);
  if (dial->is_literal)
    return uvws__fail(detail, err, "cannot connect to %s port %u: %s", dial->host, dial->port,
                      uv_strerror(err));
  uvws__fail(detail, 0, "cannot connect to %.*s port %u: ", HOST_SHOWN, dial->host, dial->port);
  append_reasons(dial, detail);
  return err;
}

static int outcome(const struct uvws__dial *dial, struct uvws__detail *detail) {
  if (dial->is_cancelled) return uvws__fail(detail, UV_ECANCELED, "cancelled");
  if (dial->winner) return uvws__fail(detail, 0, "connected");
  if (dial->lookup_err)
    return uvws__fail(detail, dial->lookup_err, "cannot resolve host %.*s: %s", HOST_SHOWN,
                      dial->host, uv_strerror(dial->lookup_err));
  return tell_failures(dial, detail);
}

static void dial_free(struct uvws__dial *dial) {
  uvws__deadline_clear(dial->deadlines, &dial->next_attempt);
  uvws__deadlines_release(dial->deadlines, 1);
  uvws__free(dial->env, dial->attempts);
  uvws__free(dial->env, dial);
}

/* The callback is the last thing that happens; nothing may touch the dialler behind this. */
static void settle(struct uvws__dial *dial) {
  if (dial->pending) return;
  struct uvws__detail detail;
  int err = outcome(dial, &detail);
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

static void close_all(struct uvws__dial *dial) {
  for (size_t i = 0; i < dial->started; i++) {
    struct uvws__transport *transport = dial->attempts[i].transport;
    if (transport) transport->ops->close(transport);
  }
}

static void on_attempt_ready(void *owner) {
  struct attempt *a = owner;
  struct uvws__dial *dial = a->dial;
  assert(!dial->winner && !dial->is_cancelled);
  dial->winner = a->transport;
  a->transport = NULL;
  dial->pending--;
  uvws__deadline_clear(dial->deadlines, &dial->next_attempt);
  close_all(dial);
  settle(dial);
}

static void on_attempt_end(void *owner, int err, const char *detail) {
  struct attempt *a = owner;
  (void)detail;
  a->err = err;
  a->transport->ops->close(a->transport);
  start_next(a->dial);
}

static void on_attempt_closed(void *owner) {
  struct attempt *a = owner;
  a->transport = NULL;
  a->dial->pending--;
  settle(a->dial);
}

static const struct uvws__transport_events attempt_events = {
    .on_ready = on_attempt_ready,
    .on_end = on_attempt_end,
    .on_closed = on_attempt_closed,
};

static int attempt_start(struct attempt *a) {
  struct uvws__dial *dial = a->dial;
  int err = uvws__tcp_new(dial->env, dial->loop, &attempt_events, a, &a->transport);
  if (err) return err;
  dial->pending++;
  err = uvws__tcp_connect(a->transport, &a->address.any);
  if (err) a->transport->ops->close(a->transport);
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
    struct attempt *a = &dial->attempts[dial->started++];
    a->err = attempt_start(a);
    if (a->err == 0) break;
  }
  if (dial->started < dial->count)
    uvws__deadline_set(dial->deadlines, &dial->next_attempt, ATTEMPT_DELAY_MS, on_attempt_delay);
}

static int attempts_alloc(struct uvws__dial *dial, size_t count) {
  if (count > SIZE_MAX / sizeof dial->attempts[0]) return UV_ENOMEM;
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

static void on_lookup(uv_getaddrinfo_t *req, int status, struct addrinfo *list) {
  struct uvws__dial *dial = req->data;
  dial->is_looking_up = 0;
  dial->pending--;
  if (!dial->is_cancelled) {
    dial->lookup_err = status ? status : take_addresses(dial, list);
    if (dial->lookup_err == 0) start_next(dial);
  }
  uv_freeaddrinfo(list);
  settle(dial);
}

static void on_later(uv_handle_t *handle) {
  struct uvws__dial *dial = handle->data;
  dial->pending--;
  settle(dial);
}

/* Some names fail before a look-up (too long, not UTF-8). That too is told by the callback, which
 * has room for the reason. */
static void fail_later(struct uvws__dial *dial, int err) {
  dial->lookup_err = err;
  dial->later.data = dial;
  dial->pending++;
  uv_idle_init(dial->loop, &dial->later);
  uv_close((uv_handle_t *)&dial->later, on_later);
}

static int start_lookup(struct uvws__dial *dial) {
  struct addrinfo hints;
  memset(&hints, 0, sizeof hints);
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  dial->lookup.data = dial;
  int err = dial->env->getaddrinfo(dial->loop, &dial->lookup, on_lookup, dial->host, NULL, &hints);
  if (err == UV_ENOMEM) return err;
  if (err) {
    fail_later(dial, err);
    return 0;
  }
  dial->is_looking_up = 1;
  dial->pending++;
  return 0;
}

static int start_literal(struct uvws__dial *dial, const union uvws__address *address) {
  dial->is_literal = 1;
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
  size_t host_size = strlen(options->host) + 1;
  int err = uvws__deadlines_reserve(deadlines, 1);
  if (err) return err;
  struct uvws__dial *dial = uvws__calloc(env, sizeof *dial + host_size);
  if (!dial) {
    uvws__deadlines_release(deadlines, 1);
    return UV_ENOMEM;
  }
  memcpy(dial->host, options->host, host_size);
  dial->env = env;
  dial->deadlines = deadlines;
  dial->port = options->port;
  *out = dial;
  return 0;
}

int uvws__dial_start(const struct uvws__env *env, uv_loop_t *loop,
                     struct uvws__deadlines *deadlines, const struct uvws__dial_options *options,
                     uvws__dial_cb cb, void *arg, struct uvws__dial **out) {
  struct uvws__dial *dial;
  union uvws__address address;
  int err = dial_new(env, deadlines, options, &dial);
  if (err) return err;
  dial->loop = loop;
  dial->cb = cb;
  dial->arg = arg;
  err = uvws__address_parse(dial->host, dial->port, &address) ? start_literal(dial, &address)
                                                              : start_lookup(dial);
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
  /* A look-up that runs already cannot be stopped; then its answer is dropped when it comes. */
  if (dial->is_looking_up) uv_cancel((uv_req_t *)&dial->lookup);
  if (dial->winner) {
    dial->pending++; /* for its on_closed: it is still owned by its attempt */
    dial->winner->ops->close(dial->winner);
    dial->winner = NULL;
  }
  close_all(dial);
}
