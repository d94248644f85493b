/*
 * A dialler under test: the look-up is a fake that answers with chosen loopback addresses; the
 * clock moves when a test moves it. An address that stays silent is a listener whose backlog is
 * full.
 */
#ifndef UVWS_TEST_DIAL_WORLD_H
#define UVWS_TEST_DIAL_WORLD_H

#include "io/dial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka needs the four above first. */
#include <cmocka.h>

#include "fake_env.h"
#include "loopback.h"

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

  struct uvws__dial_options options; /* but for host and port */

  uv_check_t check; /* runs behind the poll and before handles close */
  int port;
};

/* A listener that answers no more: its backlog is full. */
struct silent {
  int listener;
  int filler;
};

struct world *world_start(void);
int world_dial(struct world *w, const char *host);
void world_dial_name(struct world *w, const char *const *answer);
void world_turn(struct world *w);
void world_pass_ms(struct world *w, uint64_t ms);
void world_turn_until_done(struct world *w);
void world_finish(struct world *w);
int world_listen_on(struct world *w, const char *ip);
struct silent world_silent_on(struct world *w, const char *ip);
void world_silent_close(struct silent silent);
int world_refuse_on(struct world *w, const char *ip);
unsigned world_count_connections(int listener);
void world_expect_failure(struct world *w, int err, const char *format, ...);
int world_has_ipv6(void);
void world_answer_now(struct world *w);

#define DIAL(w, ...) world_dial_name(w, (const char *const[]){__VA_ARGS__, NULL})

#endif
