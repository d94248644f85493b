/*
 * Conversations to be had again and again with something failing in them, and how one is had: with
 * a far end that never fails, on a clock that moves when nothing else does, to an end in any case.
 * scenario_run proves what holds whatever failed: the callback law (fixture.h), errors that uvws.h
 * knows, no memory and no descriptor left, a loop that closes. When nothing failed the conversation
 * must have gone as its diary says.
 */
#ifndef UVWS_TEST_SCENARIO_H
#define UVWS_TEST_SCENARIO_H

#include "fault/fault.h"
#include "fault/tls_front.h"
#include "fault/transport.h"
#include "net/relay.h"
#include "support/fixture.h"

/* The way to the peer. */
enum scenario_way {
  WAY_TCP,
  WAY_NAME, /* a look-up */
  WAY_UNIX, /* a socket that is not there */
  WAY_REDIRECT,
  WAY_HTTP_PROXY,
  WAY_SOCKS5,
  WAY_TLS,
  WAY_TLS_TUNNEL, /* through an HTTP proxy */
  WAY_TLS_IN_TLS  /* through one that is met with TLS itself */
};

struct world;

struct scenario {
  const char *name;
  const char *diary; /* of one that nothing happens to */
  const char *other; /* or this, where it depends on who is first; may be NULL */
  enum scenario_way way;
  struct peer_plan plan;
  int relay_kind;
  int tls_server; /* a bit of enum tls_servers' */
  uvws_options_t options;
  void (*hook)(struct player *p, enum event event);
  void (*on_frame)(struct peer_conn *conn, const struct peer_frame *frame);
};

enum tls_servers {
  TLS_GOOD,
  TLS_STRANGER, /* of an authority that nobody trusts */
  TLS_OTHER,    /* for another host */
  TLS_EXPIRED,
  TLS_REVOKED,
  TLS_ASKS, /* for a client's certificate */
  TLS_SERVERS
};

struct world {
  struct fixture f; /* its `arg` is the world */
  const struct scenario *scenario;
  const struct scenario_faults *faults;
  struct peer redirector;
  struct relay relay;
  struct tls_front front;
  struct tls_front proxy_front;
  char uri[128], redirect[256], proxy[64];
  uvws_options_t options;
  const struct fault_transport *transport; /* NULL: it does not fail */
  void (*on_context)(uvws_context_t *ctx); /* when it is made; may be NULL */
  void (*on_connect)(void); /* when the first uvws_connect has returned; may be NULL */
  int pending, fired;       /* callbacks that are no player's */
};

/* All of them; the last has no name. Those of TLS need scenario_tls_set_up. */
extern const struct scenario scenarios[];

int scenario_tls_set_up(void **state);
int scenario_tls_tear_down(void **state);
int scenario_is_tls(const struct scenario *s);

/* What fails. A list of them ends with one without words. */
struct scenario_faults {
  const char *words;
  enum fault_kind kind; /* FAULT_NONE: `prepare` looks at fault.h and does it */
  int goes_on;
  int is_harmless; /* it goes as its diary says all the same, unless the peer ends it */
  size_t step;     /* every so many-th, unless UVWS_FAULT_EACH is set; 0: each */
  int (*concerns)(const struct scenario *s);         /* NULL: all conversations */
  void (*after)(void);                               /* each of them, when nothing is left of it */
  int frees;                                         /* the client is freed in on_error */
  void (*prepare)(struct world *w, const void *arg); /* before the context is made; may be NULL */
  const void *arg;
};

/* Arm fault.h first. Answers whether anything was hit: by fault.h, or by the fixture's memory. */
int scenario_run(const struct scenario *s, const struct scenario_faults *faults);

/* The main of a program: a test for each scenario and each of `faults`. It has the conversation
 * with the first, the second, ... hit, or all from there on, until none is, and hands the number of
 * those that there are to `check`, so that nothing passes in which nothing was hit. */
int scenario_main(const char *name, const struct scenario_faults *faults,
                  void (*check)(const struct scenario *s, size_t rounds));

#endif
