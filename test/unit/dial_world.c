/* A dialler and its surroundings. */
#include "dial_world.h"

#include <fcntl.h>
#include <netdb.h>

#define SETTLE_TURNS 20 /* of the loop, none of which waits */

static struct world world; /* where the fake look-up finds it: it has no argument of ours */

/* Lists that the platform's freeaddrinfo can free: made by its getaddrinfo, one by one. */
static struct addrinfo *answer_make(const char *const *texts) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
  struct addrinfo *first = NULL;
  struct addrinfo **link = &first;
  for (; *texts; texts++) {
    assert_int_equal(getaddrinfo(*texts, NULL, &hints, link), 0);
    link = &(*link)->ai_next;
  }
  return first;
}

void world_answer_now(struct world *w) {
  uv_getaddrinfo_cb cb = w->lookup_cb;
  w->lookup_cb = NULL;
  uv_close((uv_handle_t *)&w->turn, NULL);
  cb(w->lookup, w->answer_status, w->answer_status ? NULL : answer_make(w->answer));
}

static void on_turn(uv_idle_t *turn) {
  struct world *w = turn->data;
  if (!w->hold) world_answer_now(w);
}

static int fake_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *req, uv_getaddrinfo_cb cb,
                            const char *node, const char *service, const struct addrinfo *hints) {
  struct world *w = &world;
  w->lookups++;
  assert_non_null(node);
  assert_null(service);
  assert_int_equal(hints->ai_family, AF_UNSPEC);
  assert_int_equal(hints->ai_socktype, SOCK_STREAM);
  if (w->refuse_lookup) return w->refuse_lookup;
  w->lookup = req;
  w->lookup_cb = cb;
  w->turn.data = w;
  uv_idle_init(loop, &w->turn);
  uv_idle_start(&w->turn, on_turn);
  return 0;
}

static void on_closed(void *owner) {
  struct world *w = owner;
  w->closeds++;
  w->transport = NULL;
}

static const struct uvws__transport_events events = {.on_closed = on_closed};

static void on_done(void *arg, int err, struct uvws__transport *transport, const char *detail) {
  struct world *w = arg;
  assert_non_null(w->dial); /* uvws__dial_start has returned */
  assert_int_equal(transport != NULL, err == 0);
  w->dones++;
  w->err = err;
  w->dial = NULL;
  w->transport = transport;
  snprintf(w->detail, sizeof w->detail, "%s", detail);
  if (!transport) return;
  transport->events = &events;
  transport->owner = w;
}

struct world *world_start(void) {
  struct world *w = &world;
  memset(w, 0, sizeof *w);
  fake_env_init(&w->fake);
  w->fake.now_ms = 1000000;
  w->fake.env.getaddrinfo = fake_getaddrinfo;
  uvws__deadlines_init(&w->deadlines, &w->fake.env, NULL, NULL);
  assert_int_equal(uv_loop_init(&w->loop), 0);
  return w;
}

int world_dial(struct world *w, const char *host) {
  struct uvws__dial_options options = w->options;
  options.host = host;
  options.port = (uint16_t)w->port;
  return uvws__dial_start(&w->fake.env, &w->loop, &w->deadlines, &options, on_done, w, &w->dial);
}

void world_dial_name(struct world *w, const char *const *answer) {
  w->answer = answer;
  assert_int_equal(world_dial(w, "example.org"), 0);
  assert_int_equal(w->dones, 0);
}

void world_turn(struct world *w) {
  for (int i = 0; i < SETTLE_TURNS; i++)
    uv_run(&w->loop, UV_RUN_NOWAIT);
}

void world_pass_ms(struct world *w, uint64_t ms) {
  w->fake.now_ms += ms;
  uvws__deadlines_run(&w->deadlines);
  world_turn(w);
}

void world_turn_until_done(struct world *w) {
  while (!w->dones)
    if (!uv_run(&w->loop, UV_RUN_ONCE)) break;
  assert_int_equal(w->dones, 1);
}

/* Close what was won, let the loop run dry, and show that nothing is left. */
void world_finish(struct world *w) {
  if (w->transport) w->transport->ops->close(w->transport);
  assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(w->dones, 1);
  assert_int_equal(w->closeds, w->err == 0);
  assert_int_equal(w->deadlines.count, 0);
  assert_int_equal(w->deadlines.promised, 0);
  uvws__deadlines_deinit(&w->deadlines);
  assert_int_equal(uv_loop_close(&w->loop), 0);
  assert_int_equal(w->fake.live, 0);
}

/* Listen on the world's port, or on one that the kernel chooses. */
int world_listen_on(struct world *w, const char *ip) {
  int fd = loopback_bind(ip, w->port);
  assert_true(fd >= 0);
  assert_int_equal(listen(fd, 8), 0);
  assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
  w->port = loopback_port(fd);
  return fd;
}

struct silent world_silent_on(struct world *w, const char *ip) {
  struct silent silent = {.listener = loopback_bind(ip, w->port)};
  assert_true(silent.listener >= 0);
  assert_int_equal(listen(silent.listener, 0), 0);
  w->port = loopback_port(silent.listener);
  silent.filler = loopback_connect(ip, w->port);
  assert_true(silent.filler >= 0);
  return silent;
}

void world_silent_close(struct silent silent) {
  close(silent.filler);
  close(silent.listener);
}

/* A port that refuses, taken so that nobody else can listen on it. */
int world_refuse_on(struct world *w, const char *ip) {
  int fd = loopback_bind(ip, w->port);
  assert_true(fd >= 0);
  w->port = loopback_port(fd);
  return fd;
}

unsigned world_count_connections(int listener) {
  unsigned count = 0;
  for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; count++)
    close(fd);
  return count;
}

void world_expect_failure(struct world *w, int err, const char *format, ...) {
  char expected[256];
  va_list args;
  va_start(args, format);
  vsnprintf(expected, sizeof expected, format, args);
  va_end(args);
  assert_int_equal(w->err, err);
  assert_string_equal(w->detail, expected);
}

int world_has_ipv6(void) {
  int fd = loopback_bind("::1", 0);
  if (fd >= 0) close(fd);
  return fd >= 0;
}
