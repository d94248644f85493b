/* What dial.c and dial_text.c share. */
#ifndef UVWS_IO_DIAL_INTERNAL_H
#define UVWS_IO_DIAL_INTERNAL_H

#include "io/dial.h"
#include "io/lookup.h"

struct uvws__dial_attempt {
  struct uvws__dial *dial;
  struct uvws__transport *transport; /* from its start until it is closed or has won */
  struct uvws__deadline deadline;
  union uvws__address address;
  int err; /* why it failed; 0: it did not */
};

struct uvws__dial {
  const struct uvws__env *env;
  uv_loop_t *loop;
  struct uvws__deadlines *deadlines;
  size_t deadlines_promised;
  struct uvws__deadline next_attempt;
  uvws__dial_cb cb;
  void *arg;
  void (*on_resolved)(void *arg);

  struct uvws__lookup lookup;
  int lookup_err;

  struct uvws__dial_attempt *attempts;
  size_t count;
  size_t started;
  size_t pending;
  struct uvws__transport *winner;

  union uvws__address local;
  unsigned keep_alive_s;
  uint32_t attempt_timeout_ms;
  uint8_t has_local;
  uint8_t is_unix;
  uint8_t is_literal;
  uint8_t is_looking_up;
  uint8_t is_cancelled;
  uint16_t port;
  char host[]; /* or the socket's path */
};

/* How it ended, in `detail`; returns the error. */
int uvws__dial_outcome(const struct uvws__dial *dial, struct uvws__detail *detail);

#endif
