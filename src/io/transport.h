/*
 * The seam below conn: a stream of bytes to one peer. Implementations: TCP (io/tcp.c), a unix
 * domain socket (io/unix.c), TLS over any transport (io/tls.c), later an HTTP/2 stream; a fake for
 * tests. A proxy's tunnel needs none: once the proxy has agreed (conn/tunnel.c), the bytes of the
 * transport that leads to it are those of the tunnel.
 *
 * A transport has one owner: the connection, or the transport above it. The owner calls `ops`, the
 * transport calls `events`. Rules:
 *
 *   - Events come from the loop, never from inside an op.
 *   - Inside an event the owner may call any op, `close` included (but for on_alloc, see there). An
 * implementation therefore looks at its state again after each event, before it touches anything
 * else.
 *   - One write at a time: while a write is under way (UVWS__WRITING) the owner calls neither
 * `write` nor `shutdown`.
 *   - on_written comes before on_data of what the peer answers to that write.
 *   - on_end fires at most once, and no on_data behind it.
 *   - After `close` only on_closed fires, exactly once, from the loop; the transport frees itself
 * behind it. Memory of a write under way and the buffer given by on_alloc must stay valid until
 * then.
 */
#ifndef UVWS_IO_TRANSPORT_H
#define UVWS_IO_TRANSPORT_H

#include <uv.h>

#include "util/env.h"
#include "util/errors.h"

struct uvws__transport;

struct uvws__transport_events {
  /* Ready to carry bytes. Only for transports with a handshake of their own (TLS, a tunnel); TCP is
   * handed over connected. Reading is off until the owner calls read_start. */
  void (*on_ready)(void *owner);

  /* Where to put what is read next: memory of the owner, `out->len` > 0. The transport may use it
   * until its next on_data or on_end, or not at all. The one event in which the owner may neither
   * stop reading nor close: the transport reads into that memory at once. */
  void (*on_alloc)(void *owner, uv_buf_t *out);

  /* `len` > 0 bytes at `data`, which lie in the memory of the last on_alloc. */
  void (*on_data)(void *owner, uint8_t *data, size_t len);

  /* Nothing more can be read, and perhaps not written: UV_EOF for an orderly end, else an error; a
   * handshake that failed ends here too. `detail` (never NULL) is one line for a person, borrowed.
   */
  void (*on_end)(void *owner, int err, const char *detail);

  /* A write that returned UVWS__WRITING is done: 0, or an error (then only `close` makes sense). */
  void (*on_written)(void *owner, int status);

  void (*on_closed)(void *owner);
};

enum {
  UVWS__WRITTEN = 0, /* all bytes are with the kernel */
  UVWS__WRITING = 1  /* the rest goes later: the memory stays the transport's until on_written */
};

struct uvws__transport_ops {
  int (*read_start)(struct uvws__transport *t); /* 0 or an error; started already: 0 */
  void (*read_stop)(struct uvws__transport *t); /* no on_data until the next read_start */

  /* Write all of `bufs`, at least one byte in all. UVWS__WRITTEN, UVWS__WRITING or an error. */
  int (*write)(struct uvws__transport *t, const uv_buf_t *bufs, unsigned count);

  /* Bytes of the write under way that the kernel has not taken yet: a peer that makes them fewer is
   * slow, not dead. Meaningless while no write is under way. */
  size_t (*unsent)(const struct uvws__transport *t);

  /* No more will be written: TLS sends close_notify, TCP a FIN. Errors are not told. */
  void (*shutdown)(struct uvws__transport *t);

  void (*close)(struct uvws__transport *t);
};

struct uvws__transport {
  const struct uvws__transport_ops *ops;
  const struct uvws__transport_events *events;
  void *owner;
};

#endif
