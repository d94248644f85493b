/*
 * Where something is made to fail: whatever can be hit is counted, and the n-th is hit. One for the
 * program, since the hooks of libuv, OpenSSL and the dialler have no argument of ours. It is held
 * while the far end of a conversation is at work, which is never to fail.
 */
#ifndef UVWS_TEST_FAULT_H
#define UVWS_TEST_FAULT_H

#include <stddef.h>

#define FAULT_ROUNDS_MAX 20000 /* OpenSSL's settings take thousands of allocations */

enum fault_kind {
  FAULT_NONE,
  FAULT_TRANSPORT,
  FAULT_UV,
  FAULT_UV_MEMORY,
  FAULT_OPENSSL,
  FAULT_LUA,
  FAULT_RANDOM
};

struct fault {
  enum fault_kind kind; /* what is counted; FAULT_NONE: nothing */
  size_t at;            /* which of them, counted from 1 */
  size_t seen;          /* so far */
  size_t hits;
  int goes_on; /* all that come behind it are hit too */
  int held;
};

extern struct fault fault;

void fault_arm(enum fault_kind kind, size_t at, int goes_on);
void fault_disarm(void); /* `hits` stays */

/* Count one of that kind; 1: it is to be hit. */
int fault_is_due(enum fault_kind kind);

void fault_hold(void);
void fault_let(void);

#endif
