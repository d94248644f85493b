/*
 * A TLS transport under test between a scripted transport below and an owner that writes down what
 * happens, and a server by OpenSSL at the far end. No sockets, no clock: the test turns the world
 * step by step, cuts the bytes where it likes and holds writes back.
 */
#ifndef UVWS_TEST_TLS_WORLD_H
#define UVWS_TEST_TLS_WORLD_H

#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/tls.h"
#include "support/certs.h"

/* Memory that counts what is out, and fails when told. */
struct tls_memory {
  size_t live;
  size_t count;   /* of allocations so far */
  size_t fail_at; /* the allocation, counted from 1, that fails; 0: none */
};

/* The transport below. */
struct tls_lower {
  struct uvws__transport base;
  struct tls_world *world;
  int is_reading;
  int is_writing;
  int is_shut;
  int is_closing;
  int is_closed;
  int has_ended;
  size_t room;      /* bytes that the kernel takes before it holds a write back */
  uv_buf_t held[4]; /* what is left of the write that is held back */
  unsigned held_count;
  size_t writes; /* calls of write */
  int write_err; /* what the next writes answer; 0: they succeed */
  int start_err; /* what read_start answers */
};

enum tls_event { EVENT_NONE, EVENT_READY, EVENT_ALLOC, EVENT_DATA, EVENT_END, EVENT_WRITTEN };

struct tls_world {
  uv_loop_t loop;
  struct tls_memory memory;
  struct uvws__env env;
  struct uvws__tls_cache cache;
  struct uvws__tls_scratch scratch;
  struct tls_lower lower;

  /* The owner of the transport under test, and what it saw. */
  struct uvws__transport *t;
  int is_inside_op; /* an event now would break the rules */
  int ready, ended, written, closed, data_count;
  int end_err, written_status;
  char end_detail[256];
  struct uvws__bytes got;
  uint8_t *room;
  size_t room_len;
  enum tls_event close_in;   /* close the transport in this event */
  int stops_after_each_data; /* read_stop in each on_data */
  int starts_in_ready;       /* read_start in on_ready */

  /* The server. */
  SSL_CTX *server_ctx;
  SSL *server;
  struct uvws__bytes server_got, server_sends; /* plain */
  struct uvws__bytes wire;                     /* sealed, on its way to the transport */
  size_t wire_done;
  size_t delivered;   /* bytes that reached the transport */
  size_t chunk;       /* the most that is delivered at once */
  size_t cut_at;      /* `delivered` at which the stream ends; SIZE_MAX: it does not */
  int cut_err;        /* how it ends then */
  int server_is_deaf; /* takes nothing from the wire */
  int server_saw_eof; /* close_notify came */
  int server_failed;
  int holds_writes; /* a held write stays so until tls_world_release */
};

/* What a world is made of; zero means the default. */
struct tls_plan {
  const struct test_cert *cert;   /* the server's; required */
  const struct test_cert *issuer; /* sent along; NULL: none */
  int server_min, server_max;
  const struct test_cert *client_issuer; /* the server demands a client certificate of this one */
  struct uvws__tls_options options;
  const char *host; /* default "a.test" */
  int (*on_verify)(void *world, int err, const char *message, const uvws_tls_info_t *info);
  size_t fail_at;
};

/* Loop, memory, server. */
void tls_world_init(struct tls_world *w, const struct tls_plan *plan);
/* Settings and transport. 0 or the error of the one that failed. */
int tls_world_open(struct tls_world *w, const struct tls_plan *plan);
/* Do what is due, until nothing moves any more. */
void tls_world_turn(struct tls_world *w);
void tls_world_release(struct tls_world *w); /* the write that is held back goes through */
int tls_world_write(struct tls_world *w, const void *data, size_t len);
int tls_world_read_start(struct tls_world *w);
void tls_world_read_stop(struct tls_world *w);
void tls_world_close(struct tls_world *w);
/* The server's application data; sent as the world turns. */
void tls_world_serve(struct tls_world *w, const void *data, size_t len);
/* Close, if it is not; then prove that on_closed came once, nothing leaked, the loop is empty. */
void tls_world_deinit(struct tls_world *w);

/* init, open, turn until the handshake is over, for tests of what comes then. */
void tls_world_connect(struct tls_world *w, const struct tls_plan *plan);

/* For groups of tests that need no certificate but some: the server's, for a.test, self-signed. */
extern struct test_cert tls_world_cert;
int tls_world_set_up(void **state);
int tls_world_tear_down(void **state);
struct tls_plan tls_plan_for(int version); /* it, not verified, and a server of that version */

/* Under valgrind a handshake takes a hundred times as long: a sample must do there. */
int tls_world_is_slow(void);

/* Bytes that differ from their neighbours; the caller frees them. */
uint8_t *tls_world_pattern(size_t len);
void tls_world_assert_got(const struct uvws__bytes *got, const uint8_t *data, size_t len);

#endif
