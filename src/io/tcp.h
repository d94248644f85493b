/*
 * TCP as a transport (io/transport.h). A new one is not connected yet: until it is, its owner is
 * the dialler that races several of them, and on_ready or on_end tells how that went. A connected
 * one is handed on as it is, with `events` and `owner` replaced.
 */
#ifndef UVWS_IO_TCP_H
#define UVWS_IO_TCP_H

#include "io/transport.h"

#define UVWS__TCP_BUFS_MAX 64 /* buffers in one write */

/* `*out` is owned by the caller, until its close. Sets TCP_NODELAY, and once in the process turns
 * SIGPIPE off where its action is the default (tcp.c says why). Returns 0 or UV_ENOMEM. */
int uvws__tcp_new(const struct uvws__env *env, uv_loop_t *loop,
                  const struct uvws__transport_events *events, void *owner,
                  struct uvws__transport **out);

/* Start to connect; `address` is copied. 0: on_ready or on_end follows from the loop. An error: no
 * event follows, and only `close` makes sense. */
int uvws__tcp_connect(struct uvws__transport *transport, const struct sockaddr *address);

#endif
