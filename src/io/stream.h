/*
 * What TCP (tcp.c) and unix domain sockets (unix.c) share: all but how they begin.
 *
 * A connection is mostly idle, so its struct is kept small: memory for a request is taken to
 * connect and given back when that is done, and taken anew when a write gets stuck; room for more
 * than a few unsent buffers only while it is.
 */
#ifndef UVWS_IO_STREAM_H
#define UVWS_IO_STREAM_H

#include "io/transport.h"

#define UVWS__STREAM_BUFS_MAX 64 /* buffers in one write */

enum uvws__stream_kind { UVWS__STREAM_TCP, UVWS__STREAM_UNIX };

/* Never two requests at a time: a connection is made, then written to, and shut down behind the
 * last write. */
struct uvws__stream_req {
  union {
    uv_connect_t connect;
    uv_write_t write;
    uv_shutdown_t shutdown;
  };
  uv_buf_t *rest; /* buffers of a stuck write; NULL when they are few */
  uint16_t rest_count;
  uint16_t rest_next; /* the first that libuv has not been given yet */
};

struct uvws__stream {
  struct uvws__transport base;
  const struct uvws__env *env;
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } uv;

  struct uvws__stream_req *req; /* NULL: nothing was stuck since the connection was made */
  uint8_t is_writing;
  uint8_t has_ended;
  uint8_t has_shut_down;
};

/* `*out` is owned by the caller, until its close, and not connected yet. Once in the process this
 * turns SIGPIPE off where its action is the default (stream.c says why). Returns 0 or UV_ENOMEM. */
int uvws__stream_new(const struct uvws__env *env, uv_loop_t *loop, enum uvws__stream_kind kind,
                     const struct uvws__transport_events *events, void *owner,
                     struct uvws__transport **out);

/* For the request in `req->connect`, which a new stream has and whose `data` is the stream: calls
 * on_ready or on_end. */
void uvws__stream_on_connect(uv_connect_t *req, int status);

#endif
