/*
 * TCP as a transport (io/transport.h). A new one is not connected yet: until it is, its owner is
 * the dialler that races several of them, and on_ready or on_end tells how that went. A connected
 * one is handed on as it is, with `events` and `owner` replaced.
 */
#ifndef UVWS_IO_TCP_H
#define UVWS_IO_TCP_H

#include "io/stream.h"

#define UVWS__TCP_BUFS_MAX UVWS__STREAM_BUFS_MAX

/* As uvws__stream_new. Sets TCP_NODELAY. */
int uvws__tcp_new(const struct uvws__env *env, uv_loop_t *loop,
                  const struct uvws__transport_events *events, void *owner,
                  struct uvws__transport **out);

/* Before connecting: which address of this machine to connect from; copied. 0 or an error. */
int uvws__tcp_bind(struct uvws__transport *transport, const struct sockaddr *local);

/* Start to connect; `address` is copied. 0: on_ready or on_end follows from the loop. An error: no
 * event follows, and only `close` makes sense. */
int uvws__tcp_connect(struct uvws__transport *transport, const struct sockaddr *address);

/* On one that is connected: probe a silent peer after `idle_s` seconds (RFC 9293 3.8.4). An error
 * is not told: the connection works without. */
void uvws__tcp_keep_alive(struct uvws__transport *transport, unsigned idle_s);

#endif
