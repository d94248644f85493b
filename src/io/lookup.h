/*
 * The look-up of a name, by the env's getaddrinfo. The answer always comes from the loop, also when
 * the look-up cannot even start.
 */
#ifndef UVWS_IO_LOOKUP_H
#define UVWS_IO_LOOKUP_H

#include <uv.h>

#include "util/env.h"

/* Exactly once: 0 and the addresses (borrowed until the callback returns), or an error and NULL. */
typedef void (*uvws__lookup_cb)(void *arg, int err, const struct addrinfo *list);

/* Part of what waits for it, and not to be moved or freed before the callback. */
struct uvws__lookup {
  uv_getaddrinfo_t req;
  uv_idle_t later; /* closed at once when the look-up cannot start: its close is our turn */
  int err;
  uint8_t is_running;
  uint8_t is_cancelled;
  uvws__lookup_cb cb;
  void *arg;
};

/* 0: `cb` follows. UV_ENOMEM: it does not. `host` is borrowed during the call. */
int uvws__lookup_start(struct uvws__lookup *lookup, const struct uvws__env *env, uv_loop_t *loop,
                       const char *host, uvws__lookup_cb cb, void *arg);

/* One that was started and has not called back: it will, with UV_ECANCELED. */
void uvws__lookup_cancel(struct uvws__lookup *lookup);

#endif
