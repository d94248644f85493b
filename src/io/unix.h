/* A unix domain socket as a transport (io/transport.h); as with TCP a new one is not connected. */
#ifndef UVWS_IO_UNIX_H
#define UVWS_IO_UNIX_H

#include "io/stream.h"

/* As uvws__stream_new. */
int uvws__unix_new(const struct uvws__env *env, uv_loop_t *loop,
                   const struct uvws__transport_events *events, void *owner,
                   struct uvws__transport **out);

/* Start to connect to the socket at `path` (copied). 0: on_ready or on_end follows from the loop.
 * UV_ENAMETOOLONG: no event follows, and only `close` makes sense. */
int uvws__unix_connect(struct uvws__transport *transport, const char *path);

#endif
