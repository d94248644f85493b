/*
 * A server made of memory below a real connection: a dialler that succeeds at once, a transport
 * that swallows what is written, answers the handshake, and delivers what the bench hands it as if
 * it had been read. No socket, no system call, so that instructions can be counted.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include "conn/context.h"

struct bench_wire {
  struct uvws__transport base;
  uv_idle_t idle; /* the next thing that has to come from the loop */
  void (*next)(struct bench_wire *wire);
  uvws__dial_cb dial_cb;
  void *dial_arg;
  char request[4096];
  size_t request_len;
  int is_open;      /* the handshake is answered: writes are only counted from here on */
  uint64_t written; /* bytes since then */
  uint64_t writes;
};

/* The clients of `ctx` connect to this wire from now on; one at a time. */
void bench_wire_init(struct bench_wire *wire, uvws_context_t *ctx);

/* Deliver bytes, in as many reads as the connection has room for. `before` and `after` (may be
 * NULL) are called around what the connection does with each read: the copy that a kernel would
 * make is not among it. From the loop only. */
void bench_wire_deliver(struct bench_wire *wire, const uint8_t *data, size_t len,
                        void (*before)(void), void (*after)(void));

#endif
