/*
 * A client under test with a scripted peer (peer.h) on one loop, and a diary of what the client was
 * told, in order. The clock stands still until the test moves it; memory is counted and can be made
 * to fail; a watchdog in real time ends a test that hangs. fixture_end proves that the callback law
 * was kept, that uv_loop_close returns 0 unaided and that no memory of the library's is left.
 */
#ifndef UVWS_TEST_FIXTURE_H
#define UVWS_TEST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conn/context.h"
#include "support/peer.h"

#define PLAYERS 4
#define WATCHDOG_MS 60000 /* valgrind on a busy machine needs some of it */

enum event {
  EVENT_NONE,
  EVENT_OPEN,
  EVENT_MESSAGE,
  EVENT_ERROR,
  EVENT_CLOSE,
  EVENT_PING,
  EVENT_PONG,
  EVENT_SENT,
  EVENT_RETRY
};

struct fixture;

/* A client and what it was told. */
struct player {
  struct fixture *f;
  uvws_t *ws; /* NULL: freed */
  int is_freed;
  int is_silent; /* its callbacks were taken away */
  int connects;  /* that returned 0 */
  int opens, messages, errors, closes, pings, pongs, retries;
  uint64_t retry_delay_ms;   /* as told by the last on_retry */
  int opens_now, errors_now; /* since the last uvws_connect */
  int sends, sents;          /* completions asked for, and fired */
  int last_sent;             /* the number that the last completion was given */
  int error;
  int status;
  char error_message[256];
  size_t header_count;
  size_t body_len;
  char body[64];
  int code;
  char reason[160];
  int was_clean;
  size_t last_len;
  size_t bytes; /* of messages */
};

/* Memory that counts, and fails when told. */
struct memory {
  size_t live;    /* allocations */
  size_t bytes;   /* allocated now */
  size_t peak;    /* the most of them */
  size_t asked;   /* allocations and resizings so far */
  size_t fail_at; /* of `asked`, counted from 1; 0: none */
  int fails_on;   /* all that come behind it fail too */
  int has_failed;
};

struct fixture {
  uv_loop_t loop;
  uv_timer_t watchdog;
  struct memory memory;
  uint64_t now_ms;
  uvws_context_t *ctx;
  struct peer peer;
  char uri[64];
  struct player players[PLAYERS]; /* the first exists from the beginning */
  char diary[4096];
  int is_quiet;    /* messages are counted, not written down */
  int inside;      /* an API call is under way: no callback may fire */
  uint64_t random; /* state of the generator */
  void (*hook)(struct player *p, enum event event); /* at the end of each callback; may be NULL */
  void *arg;
};

/* `plan` may be NULL: a polite peer. */
void fixture_init(struct fixture *f, const struct peer_plan *plan);
/* The same without a context: the test makes its own. */
void fixture_init_bare(struct fixture *f, const struct peer_plan *plan);
int fixture_make_context(struct fixture *f, uvws_context_t **out);
/* Make player `n`, with callbacks that write the diary. */
int fixture_player(struct fixture *f, int n, uvws_context_t *ctx);
void fixture_end(struct fixture *f);

/* Every use of the API goes through these, which check the law for the call itself. `options` may
 * be NULL, its URI too: the peer's. */
int player_connect(struct player *p, const uvws_options_t *options);
int player_text(struct player *p, const char *text); /* with a completion */
int player_binary(struct player *p, const void *data, size_t len, uvws_send_cb cb, void *arg);
int player_ping(struct player *p, const char *text);
int player_close(struct player *p, int code, const char *reason);
void player_free(struct player *p);
void player_silence(struct player *p); /* uvws_set_callbacks(NULL) */

void fixture_run(struct fixture *f); /* until nothing is active */
void fixture_run_until(struct fixture *f, int (*is_done)(struct fixture *f));
/* Time passes; what is due fires. */
void fixture_advance(struct fixture *f, uint64_t ms);
/* The peer's connection, the first to come. */
struct peer_conn *fixture_conn(struct fixture *f);

/* Conditions to run until. */
int is_requested(struct fixture *f); /* the peer has the whole request */
int is_open(struct fixture *f);
int is_over(struct fixture *f); /* on_close fired */

#define assert_diary(f, text) assert_string_equal((f)->diary, text)

/* For tables: one test for each row, which it finds in *state. */
#define ROW(name, function, row)                                                                   \
  (struct CMUnitTest) {                                                                            \
    name, function, NULL, NULL, (void *)(uintptr_t)(row)                                           \
  }

#endif
