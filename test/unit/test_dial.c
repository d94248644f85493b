/*
 * Dialling: names, addresses that refuse or stay silent, cancelling at each moment. The look-up is
 * a fake that answers with chosen loopback addresses; the clock moves when a test moves it. An
 * address that stays silent is a listener whose backlog is full.
 */
#include "io/dial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka needs the four above first. */
#include <cmocka.h>
#include <fcntl.h>
#include <netdb.h>

#include "fake_env.h"
#include "loopback.h"

#define SETTLE_TURNS 20 /* of the loop, none of which waits */

struct world {
  struct fake_env fake;
  struct uvws__deadlines deadlines;
  uv_loop_t loop;
  struct uvws__dial *dial;

  unsigned dones;
  int err;
  char detail[256];
  struct uvws__transport *transport;
  unsigned closeds;

  /* The fake look-up. */
  const char *const *answer; /* addresses, NULL at the end */
  int answer_status;
  int refuse_lookup; /* the error of the call itself */
  int hold;          /* answer only when the test says so */
  uv_getaddrinfo_t *lookup;
  uv_getaddrinfo_cb lookup_cb;
  unsigned lookups;
  uv_idle_t turn; /* answers in the loop's next turn */

  uv_check_t check; /* runs behind the poll and before handles close */
  int port;
};

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

static void answer_now(struct world *w) {
  uv_getaddrinfo_cb cb = w->lookup_cb;
  w->lookup_cb = NULL;
  uv_close((uv_handle_t *)&w->turn, NULL);
  cb(w->lookup, w->answer_status, w->answer_status ? NULL : answer_make(w->answer));
}

static void on_turn(uv_idle_t *turn) {
  struct world *w = turn->data;
  if (!w->hold) answer_now(w);
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

static struct world *start(void) {
  struct world *w = &world;
  memset(w, 0, sizeof *w);
  fake_env_init(&w->fake);
  w->fake.now_ms = 1000000;
  w->fake.env.getaddrinfo = fake_getaddrinfo;
  uvws__deadlines_init(&w->deadlines, &w->fake.env, NULL, NULL);
  assert_int_equal(uv_loop_init(&w->loop), 0);
  return w;
}

static int dial(struct world *w, const char *host) {
  const struct uvws__dial_options options = {.host = host, .port = (uint16_t)w->port};
  return uvws__dial_start(&w->fake.env, &w->loop, &w->deadlines, &options, on_done, w, &w->dial);
}

static void dial_name(struct world *w, const char *const *answer) {
  w->answer = answer;
  assert_int_equal(dial(w, "example.org"), 0);
  assert_int_equal(w->dones, 0);
}

#define DIAL(w, ...) dial_name(w, (const char *const[]){__VA_ARGS__, NULL})

static void turn(struct world *w) {
  for (int i = 0; i < SETTLE_TURNS; i++)
    uv_run(&w->loop, UV_RUN_NOWAIT);
}

static void pass_ms(struct world *w, uint64_t ms) {
  w->fake.now_ms += ms;
  uvws__deadlines_run(&w->deadlines);
  turn(w);
}

static void turn_until_done(struct world *w) {
  while (!w->dones)
    if (!uv_run(&w->loop, UV_RUN_ONCE)) break;
  assert_int_equal(w->dones, 1);
}

/* Close what was won, let the loop run dry, and show that nothing is left. */
static void finish(struct world *w) {
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
static int listen_on(struct world *w, const char *ip) {
  int fd = loopback_bind(ip, w->port);
  assert_true(fd >= 0);
  assert_int_equal(listen(fd, 8), 0);
  assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
  w->port = loopback_port(fd);
  return fd;
}

/* A listener that answers no more: its backlog is full. */
struct silent {
  int listener;
  int filler;
};

static struct silent silent_on(struct world *w, const char *ip) {
  struct silent silent = {.listener = loopback_bind(ip, w->port)};
  assert_true(silent.listener >= 0);
  assert_int_equal(listen(silent.listener, 0), 0);
  w->port = loopback_port(silent.listener);
  silent.filler = loopback_connect(ip, w->port);
  assert_true(silent.filler >= 0);
  return silent;
}

static void silent_close(struct silent silent) {
  close(silent.filler);
  close(silent.listener);
}

/* A port that refuses, taken so that nobody else can listen on it. */
static int refuse_on(struct world *w, const char *ip) {
  int fd = loopback_bind(ip, w->port);
  assert_true(fd >= 0);
  w->port = loopback_port(fd);
  return fd;
}

static unsigned count_connections(int listener) {
  unsigned count = 0;
  for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; count++)
    close(fd);
  return count;
}

static void expect_failure(struct world *w, int err, const char *format, ...) {
  char expected[256];
  va_list args;
  va_start(args, format);
  vsnprintf(expected, sizeof expected, format, args);
  va_end(args);
  assert_int_equal(w->err, err);
  assert_string_equal(w->detail, expected);
}

static int has_ipv6(void) {
  int fd = loopback_bind("::1", 0);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

/*
 * Literals
 */

static void an_ipv4_literal_is_dialled_without_a_look_up(void **state) {
  struct world *w = start();
  (void)state;
  int listener = listen_on(w, "127.0.0.1");
  assert_int_equal(dial(w, "127.0.0.1"), 0);
  assert_int_equal(w->dones, 0);
  turn_until_done(w);
  assert_int_equal(w->err, 0);
  assert_int_equal(w->lookups, 0);
  finish(w);
  assert_int_equal(count_connections(listener), 1);
  close(listener);
}

static void an_ipv6_literal_is_dialled_without_a_look_up(void **state) {
  (void)state;
  if (!has_ipv6()) skip();
  struct world *w = start();
  int listener = listen_on(w, "::1");
  assert_int_equal(dial(w, "::1"), 0);
  turn_until_done(w);
  assert_int_equal(w->err, 0);
  assert_int_equal(w->lookups, 0);
  finish(w);
  close(listener);
}

static void a_refused_literal_is_told_in_plain_words(void **state) {
  struct world *w = start();
  (void)state;
  int refuser = refuse_on(w, "127.0.0.1");
  assert_int_equal(dial(w, "127.0.0.1"), 0);
  assert_int_equal(w->dones, 0);
  turn_until_done(w);
  expect_failure(w, UV_ECONNREFUSED, "cannot connect to 127.0.0.1 port %d: connection refused",
                 w->port);
  finish(w);
  close(refuser);
}

/* The kernel refuses the broadcast address within the call. */
static void a_connect_that_fails_at_once_is_told_from_the_loop(void **state) {
  struct world *w = start();
  (void)state;
  w->port = 9;
  assert_int_equal(dial(w, "255.255.255.255"), 0);
  assert_int_equal(w->dones, 0);
  turn_until_done(w);
  assert_true(w->err < 0);
  finish(w);
}

/*
 * Names
 */

static void a_name_is_looked_up_and_dialled(void **state) {
  struct world *w = start();
  (void)state;
  int listener = listen_on(w, "127.0.0.1");
  DIAL(w, "127.0.0.1");
  turn_until_done(w);
  assert_int_equal(w->err, 0);
  assert_int_equal(w->lookups, 1);
  finish(w);
  assert_int_equal(count_connections(listener), 1);
  close(listener);
}

static void a_failed_look_up_passes_its_error_on(void **state) {
  struct world *w = start();
  (void)state;
  w->answer_status = UV_EAI_NONAME;
  assert_int_equal(dial(w, "no-such.example"), 0);
  turn_until_done(w);
  expect_failure(w, UV_EAI_NONAME, "cannot resolve host no-such.example: unknown node or service");
  finish(w);
}

static void a_look_up_without_addresses_fails(void **state) {
  struct world *w = start();
  static const char *const none[] = {NULL};
  (void)state;
  dial_name(w, none);
  turn_until_done(w);
  expect_failure(w, UV_EAI_NODATA, "cannot resolve host example.org: no address");
  finish(w);
}

static void a_look_up_that_cannot_start_is_told_from_the_loop(void **state) {
  struct world *w = start();
  (void)state;
  w->refuse_lookup = UV_EINVAL;
  assert_int_equal(dial(w, "bad name"), 0);
  assert_int_equal(w->dones, 0);
  turn_until_done(w);
  expect_failure(w, UV_EINVAL, "cannot resolve host bad name: invalid argument");
  finish(w);
}

static void a_look_up_that_cannot_start_may_be_cancelled(void **state) {
  struct world *w = start();
  (void)state;
  w->refuse_lookup = UV_EINVAL;
  assert_int_equal(dial(w, "bad name"), 0);
  uvws__dial_cancel(w->dial);
  assert_int_equal(w->dones, 0);
  turn_until_done(w);
  assert_int_equal(w->err, UV_ECANCELED);
  finish(w);
}

static void a_name_too_long_for_the_platform_is_told_with_its_beginning(void **state) {
  struct world *w = start();
  char host[2001];
  (void)state;
  memset(host, 'a', sizeof host - 1);
  host[sizeof host - 1] = '\0';
  w->fake.env.getaddrinfo = uv_getaddrinfo;
  assert_int_equal(dial(w, host), 0);
  turn_until_done(w);
  assert_true(w->err < 0);
  assert_memory_equal(w->detail, "cannot resolve host aaaa", 24);
  assert_non_null(strstr(w->detail, "aaa: "));
  finish(w);
}

static void the_platforms_look_up_works_too(void **state) {
  struct world *w = start();
  (void)state;
  int listener = listen_on(w, "127.0.0.1");
  w->fake.env.getaddrinfo = uv_getaddrinfo;
  assert_int_equal(dial(w, "127.1"), 0); /* a number, but no literal of RFC 3986 */
  turn_until_done(w);
  assert_int_equal(w->err, 0);
  finish(w);
  close(listener);
}

/*
 * The race
 */

static void the_next_address_is_tried_at_once_when_one_refuses(void **state) {
  struct world *w = start();
  (void)state;
  int listener = listen_on(w, "127.0.0.1");
  int refuser = refuse_on(w, "127.0.0.2");
  DIAL(w, "127.0.0.2", "127.0.0.2", "127.0.0.1");
  turn_until_done(w); /* the clock stands still */
  assert_int_equal(w->err, 0);
  finish(w);
  assert_int_equal(count_connections(listener), 1);
  close(refuser);
  close(listener);
}

static void an_address_that_fails_within_the_call_is_passed_over(void **state) {
  struct world *w = start();
  (void)state;
  int listener = listen_on(w, "127.0.0.1");
  DIAL(w, "255.255.255.255", "255.255.255.255", "127.0.0.1");
  turn_until_done(w);
  assert_int_equal(w->err, 0);
  finish(w);
  close(listener);
}

static void the_next_address_waits_250_ms_for_a_silent_one_and_wins(void **state) {
  struct world *w = start();
  (void)state;
  int listener = listen_on(w, "127.0.0.1");
  struct silent silent = silent_on(w, "127.0.0.2");
  DIAL(w, "127.0.0.2", "127.0.0.1");
  turn(w);
  assert_int_equal(w->deadlines.count, 1);
  assert_int_equal(uvws__deadlines_next_ms(&w->deadlines), 250);
  pass_ms(w, 249);
  assert_int_equal(w->dones, 0);
  assert_int_equal(count_connections(listener), 0);
  pass_ms(w, 1);
  turn_until_done(w);
  assert_int_equal(w->err, 0);
  assert_int_equal(w->fake.live, 2); /* the winner and the heap of deadlines: losers are gone */
  finish(w);
  assert_int_equal(count_connections(listener), 1);
  silent_close(silent);
  close(listener);
}

static void a_refusal_does_not_wait_for_a_silent_address(void **state) {
  struct world *w = start();
  (void)state;
  int listener = listen_on(w, "127.0.0.1");
  struct silent silent = silent_on(w, "127.0.0.2");
  int refuser = refuse_on(w, "127.0.0.3");
  DIAL(w, "127.0.0.2", "127.0.0.3", "127.0.0.1");
  turn(w);
  assert_int_equal(w->dones, 0);
  pass_ms(w, 250);
  turn_until_done(w);
  assert_int_equal(w->err, 0);
  finish(w);
  close(refuser);
  silent_close(silent);
  close(listener);
}

static void after_the_last_address_nothing_is_timed(void **state) {
  struct world *w = start();
  (void)state;
  struct silent silent = silent_on(w, "127.0.0.2");
  DIAL(w, "127.0.0.2", "127.0.0.2");
  turn(w);
  pass_ms(w, 250);
  assert_int_equal(w->deadlines.count, 0);
  pass_ms(w, 100000);
  assert_int_equal(w->dones, 0);
  uvws__dial_cancel(w->dial);
  finish(w);
  assert_int_equal(w->err, UV_ECANCELED);
  silent_close(silent);
}

static void only_one_of_several_that_answer_is_handed_over(void **state) {
  struct world *w = start();
  (void)state;
  int first = listen_on(w, "127.0.0.1");
  int second = listen_on(w, "127.0.0.2");
  w->hold = 1;
  DIAL(w, "127.0.0.1", "127.0.0.2");
  /* Both attempts start before the loop turns, so that it sees both succeed in one poll. */
  answer_now(w);
  w->fake.now_ms += 250;
  uvws__deadlines_run(&w->deadlines);
  turn_until_done(w);
  assert_int_equal(w->err, 0);
  finish(w);
  assert_int_equal(count_connections(first) + count_connections(second), 2);
  close(first);
  close(second);
}

static void both_families_are_tried(void **state) {
  (void)state;
  if (!has_ipv6()) skip();
  struct world *w = start();
  int listener = listen_on(w, "::1");
  int refuser = refuse_on(w, "127.0.0.1");
  DIAL(w, "127.0.0.1", "127.0.0.1", "::1");
  turn_until_done(w);
  assert_int_equal(w->err, 0);
  finish(w);
  close(refuser);
  close(listener);
}

static void when_all_fail_each_address_is_named_with_its_reason(void **state) {
  struct world *w = start();
  (void)state;
  int one = refuse_on(w, "127.0.0.2");
  int two = refuse_on(w, "127.0.0.3");
  DIAL(w, "127.0.0.2", "127.0.0.3");
  turn_until_done(w);
  expect_failure(w, UV_ECONNREFUSED,
                 "cannot connect to example.org port %d: 127.0.0.2: connection refused; "
                 "127.0.0.3: connection refused",
                 w->port);
  finish(w);
  close(one);
  close(two);
}

static void a_refusal_tells_more_than_an_unreachable_network(void **state) {
  struct world *w = start();
  (void)state;
  int refuser = refuse_on(w, "127.0.0.2");
  DIAL(w, "255.255.255.255", "127.0.0.2", "255.255.255.255");
  turn_until_done(w);
  assert_non_null(strstr(w->detail, ": 255.255.255.255: "));
  assert_non_null(strstr(w->detail, "; 127.0.0.2: connection refused; 255.255.255.255: "));
  if (strstr(w->detail, "network is unreachable")) assert_int_equal(w->err, UV_ECONNREFUSED);
  finish(w);
  close(refuser);
}

static void a_long_list_of_reasons_is_cut_between_two(void **state) {
  struct world *w = start();
  (void)state;
  int refuser = refuse_on(w, "127.0.0.2");
  DIAL(w, "127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.2",
       "127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.2");
  turn_until_done(w);
  const char *tail = strstr(w->detail, "; and ");
  assert_non_null(tail);
  unsigned more;
  char word[8];
  assert_int_equal(sscanf(tail, "; and %u %7s", &more, word), 2);
  assert_string_equal(word, "more");
  unsigned told = 0;
  for (const char *at = w->detail; (at = strstr(at, "connection refused")); at++)
    told++;
  assert_int_equal(told + more, 12);
  finish(w);
  close(refuser);
}

/*
 * Cancelling
 */

static void cancelling_during_the_look_up_waits_for_it_and_drops_its_answer(void **state) {
  struct world *w = start();
  (void)state;
  int listener = listen_on(w, "127.0.0.1");
  w->hold = 1;
  DIAL(w, "127.0.0.1");
  turn(w);
  uvws__dial_cancel(w->dial);
  uvws__dial_cancel(w->dial);
  turn(w);
  assert_int_equal(w->dones, 0);
  w->hold = 0;
  turn_until_done(w);
  expect_failure(w, UV_ECANCELED, "cancelled");
  finish(w);
  assert_int_equal(count_connections(listener), 0);
  close(listener);
}

static void cancelling_the_platforms_look_up_leaves_nothing(void **state) {
  struct world *w = start();
  (void)state;
  w->fake.env.getaddrinfo = uv_getaddrinfo;
  assert_int_equal(dial(w, "127.1"), 0);
  uvws__dial_cancel(w->dial);
  assert_int_equal(w->dones, 0);
  turn_until_done(w);
  assert_int_equal(w->err, UV_ECANCELED);
  finish(w);
}

static void cancelling_while_attempts_are_under_way_closes_them_first(void **state) {
  struct world *w = start();
  (void)state;
  struct silent silent = silent_on(w, "127.0.0.2");
  DIAL(w, "127.0.0.2", "127.0.0.2", "127.0.0.2");
  turn(w);
  pass_ms(w, 250);
  uvws__dial_cancel(w->dial);
  assert_int_equal(w->dones, 0);
  assert_int_equal(w->deadlines.count, 0);
  turn_until_done(w);
  assert_int_equal(w->err, UV_ECANCELED);
  finish(w);
  silent_close(silent);
}

static void cancelling_right_after_the_start_of_a_literal_works(void **state) {
  struct world *w = start();
  (void)state;
  int listener = listen_on(w, "127.0.0.1");
  assert_int_equal(dial(w, "127.0.0.1"), 0);
  uvws__dial_cancel(w->dial);
  assert_int_equal(w->dones, 0);
  turn_until_done(w);
  assert_int_equal(w->err, UV_ECANCELED);
  finish(w);
  close(listener);
}

static void on_check(uv_check_t *check) {
  struct world *w = check->data;
  if (w->dial) uvws__dial_cancel(w->dial);
  uv_close((uv_handle_t *)check, NULL);
}

/* In the phase behind the poll that saw the winner, while the loser's close is still to come. */
static void cancelling_between_winning_and_the_callback_closes_the_winner(void **state) {
  struct world *w = start();
  (void)state;
  int listener = listen_on(w, "127.0.0.1");
  struct silent silent = silent_on(w, "127.0.0.2");
  DIAL(w, "127.0.0.2", "127.0.0.1");
  turn(w);
  w->fake.now_ms += 250;
  uvws__deadlines_run(&w->deadlines);
  uv_check_init(&w->loop, &w->check);
  w->check.data = w;
  uv_check_start(&w->check, on_check);
  assert_int_equal(w->dones, 0);
  turn_until_done(w);
  assert_int_equal(w->err, UV_ECANCELED);
  finish(w);
  assert_int_equal(count_connections(listener), 1);
  silent_close(silent);
  close(listener);
}

static void cancelling_behind_the_last_failure_is_still_told_as_cancelled(void **state) {
  struct world *w = start();
  (void)state;
  w->port = 9;
  assert_int_equal(dial(w, "255.255.255.255"), 0);
  uvws__dial_cancel(w->dial);
  turn_until_done(w);
  assert_int_equal(w->err, UV_ECANCELED);
  finish(w);
}

/*
 * Memory
 */

static void fail_each_allocation(const char *host) {
  static const char *const answer[] = {"127.0.0.2", "127.0.0.1", NULL};
  int is_done = 0;
  for (size_t n = 1; !is_done; n++) {
    struct world *w = start();
    int listener = listen_on(w, "127.0.0.1");
    int refuser = refuse_on(w, "127.0.0.2");
    w->answer = answer;
    w->fake.fail_at = n;
    int err = dial(w, host);
    if (err) {
      assert_int_equal(err, UV_ENOMEM);
      assert_int_equal(w->dones, 0);
      w->dones = 1; /* for finish: nothing is to come */
      w->err = err;
    } else {
      turn_until_done(w);
      assert_true(w->err == 0 || w->err == UV_ENOMEM);
      is_done = w->fake.asked < n;
    }
    finish(w);
    close(refuser);
    close(listener);
    assert_true(n < 100);
  }
}

static void each_allocation_may_fail_when_dialling_a_name(void **state) {
  (void)state;
  fail_each_allocation("example.org");
}

static void each_allocation_may_fail_when_dialling_a_literal(void **state) {
  (void)state;
  fail_each_allocation("127.0.0.1");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_ipv4_literal_is_dialled_without_a_look_up),
      cmocka_unit_test(an_ipv6_literal_is_dialled_without_a_look_up),
      cmocka_unit_test(a_refused_literal_is_told_in_plain_words),
      cmocka_unit_test(a_connect_that_fails_at_once_is_told_from_the_loop),
      cmocka_unit_test(a_name_is_looked_up_and_dialled),
      cmocka_unit_test(a_failed_look_up_passes_its_error_on),
      cmocka_unit_test(a_look_up_without_addresses_fails),
      cmocka_unit_test(a_look_up_that_cannot_start_is_told_from_the_loop),
      cmocka_unit_test(a_look_up_that_cannot_start_may_be_cancelled),
      cmocka_unit_test(a_name_too_long_for_the_platform_is_told_with_its_beginning),
      cmocka_unit_test(the_platforms_look_up_works_too),
      cmocka_unit_test(the_next_address_is_tried_at_once_when_one_refuses),
      cmocka_unit_test(an_address_that_fails_within_the_call_is_passed_over),
      cmocka_unit_test(the_next_address_waits_250_ms_for_a_silent_one_and_wins),
      cmocka_unit_test(a_refusal_does_not_wait_for_a_silent_address),
      cmocka_unit_test(after_the_last_address_nothing_is_timed),
      cmocka_unit_test(only_one_of_several_that_answer_is_handed_over),
      cmocka_unit_test(both_families_are_tried),
      cmocka_unit_test(when_all_fail_each_address_is_named_with_its_reason),
      cmocka_unit_test(a_refusal_tells_more_than_an_unreachable_network),
      cmocka_unit_test(a_long_list_of_reasons_is_cut_between_two),
      cmocka_unit_test(cancelling_during_the_look_up_waits_for_it_and_drops_its_answer),
      cmocka_unit_test(cancelling_the_platforms_look_up_leaves_nothing),
      cmocka_unit_test(cancelling_while_attempts_are_under_way_closes_them_first),
      cmocka_unit_test(cancelling_right_after_the_start_of_a_literal_works),
      cmocka_unit_test(cancelling_between_winning_and_the_callback_closes_the_winner),
      cmocka_unit_test(cancelling_behind_the_last_failure_is_still_told_as_cancelled),
      cmocka_unit_test(each_allocation_may_fail_when_dialling_a_name),
      cmocka_unit_test(each_allocation_may_fail_when_dialling_a_literal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
