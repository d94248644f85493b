/*
 * What TCP (tcp.c) and unix domain sockets (unix.c) share: all but how they begin.
 *
 * A connection is mostly idle, so its struct is kept small: the three requests share their memory,
 * and room for more than a few unsent buffers is taken only while a write is stuck.
 */
#ifndef UVWS_IO_STREAM_H
#define UVWS_IO_STREAM_H

#include "io/transport.h"

#define UVWS__STREAM_BUFS_MAX 64 /* buffers in one write */

enum uvws__stream_kind { UVWS__STREAM_TCP, UVWS__STREAM_UNIX };

struct uvws__stream {
  struct uvws__transport base;
  const struct uvws__env *env;
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } uv;

  /* Never two at a time: a connection is made, then written to, and shut down behind the last
   * write. */
  union {
    uv_connect_t connect;
    uv_write_t write;
    uv_shutdown_t shutdown;
  } req;

  uv_buf_t *rest; /* buffers of a stuck write; NULL when they are few */
  uint16_t rest_count;
  uint16_t rest_next; /* the first that libuv has not been given yet */
  uint8_t is_writing;
  uint8_t has_ended;
  uint8_t has_shut_down;
};

/* `*out` is owned by the caller, until its close, and not connected yet. Once in the process this
 * turns SIGPIPE off where its action is the default (stream.c says why). Returns 0 or UV_ENOMEM. */
int uvws__stream_new(const struct uvws__env *env, uv_loop_t *loop, enum uvws__stream_kind kind,
                     const struct uvws__transport_events *events, void *owner,
                     struct uvws__transport **out);

/* For the request in `req.connect`, whose `data` is the stream: calls on_ready or on_end. */
void uvws__stream_on_connect(uv_connect_t *req, int status);

#endif
