/*
 * TCP as a transport: uv_try_write first, which for most writes is all, and one uv_write for what
 * the kernel did not take.
 *
 * A connection is mostly idle, so this struct is kept small: the three requests share their memory,
 * and room for more than a few unsent buffers is taken only while a write is stuck.
 */
#include "io/tcp.h"

#include <assert.h>
#include <signal.h>
#include <string.h>

/* libuv keeps four buffer descriptors inside a write request, and allocates by itself for more. It
 * is therefore given four at a time: memory comes from our env only. When they are gone the socket
 * has room again, and uv_try_write takes all the others at once. */
#define QUEUED_MAX 4

struct tcp {
  struct uvws__transport base;
  const struct uvws__env *env;
  uv_tcp_t handle;

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

static struct tcp *tcp_of(struct uvws__transport *transport) {
  return (struct tcp *)transport;
}

static uv_stream_t *stream_of(struct tcp *tcp) {
  return (uv_stream_t *)&tcp->handle;
}

static int is_closing(const struct tcp *tcp) {
  return uv_is_closing((const uv_handle_t *)&tcp->handle);
}

static void tell_end(struct tcp *tcp, int err, const char *detail) {
  tcp->has_ended = 1;
  uv_read_stop(stream_of(tcp));
  tcp->base.events->on_end(tcp->base.owner, err, detail);
}

/*
 * Reading
 */

static void on_tcp_alloc(uv_handle_t *handle, size_t suggested_size, uv_buf_t *out) {
  struct tcp *tcp = handle->data;
  (void)suggested_size;
  tcp->base.events->on_alloc(tcp->base.owner, out);
  /* libuv reads into this at once, so neither may the owner close in here. */
  assert(out->len > 0 && !is_closing(tcp));
}

static void on_tcp_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
  struct tcp *tcp = stream->data;
  struct uvws__detail detail;
  if (nread > 0) {
    tcp->base.events->on_data(tcp->base.owner, (uint8_t *)buf->base, (size_t)nread);
  } else if (nread == UV_EOF) {
    tell_end(tcp, UV_EOF, "the peer closed the TCP connection");
  } else if (nread < 0) {
    uvws__fail(&detail, 0, "the TCP connection broke: %s", uv_strerror((int)nread));
    tell_end(tcp, (int)nread, detail.text);
  }
}

static int tcp_read_start(struct uvws__transport *transport) {
  struct tcp *tcp = tcp_of(transport);
  if (tcp->has_ended) return 0; /* on_end has told */
  int err = uv_read_start(stream_of(tcp), on_tcp_alloc, on_tcp_read);
  return err == UV_EALREADY ? 0 : err;
}

static void tcp_read_stop(struct uvws__transport *transport) {
  uv_read_stop(stream_of(tcp_of(transport)));
}

/*
 * Writing
 */

/* Hand `bufs` to the kernel. Answers how many of them are wholly gone, with `*skip` the bytes that
 * the kernel took of the next one; or an error. */
static int try_write(struct tcp *tcp, const uv_buf_t *bufs, unsigned count, size_t *skip) {
  int n = uv_try_write(stream_of(tcp), bufs, count);
  if (n < 0 && n != UV_EAGAIN) return n;
  size_t sent = n < 0 ? 0 : (size_t)n;
  unsigned gone = 0;
  while (gone < count && sent >= bufs[gone].len)
    sent -= bufs[gone++].len;
  *skip = sent;
  return (int)gone;
}

static void on_tcp_write(uv_write_t *req, int status);

static int queue_write(struct tcp *tcp, const uv_buf_t *bufs, unsigned count) {
  assert(count <= QUEUED_MAX);
  tcp->req.write.data = tcp;
  int err = uv_write(&tcp->req.write, stream_of(tcp), bufs, count, on_tcp_write);
  return err ? err : UVWS__WRITING;
}

static int keep_rest(struct tcp *tcp, const uv_buf_t *bufs, unsigned count) {
  tcp->rest = uvws__alloc(tcp->env, count * sizeof bufs[0]);
  if (!tcp->rest) return UV_ENOMEM;
  memcpy(tcp->rest, bufs, count * sizeof bufs[0]);
  tcp->rest_count = (uint16_t)count;
  tcp->rest_next = QUEUED_MAX;
  return 0;
}

/* The kernel took `skip` bytes of the first of `bufs` and asks to wait. */
static int write_later(struct tcp *tcp, const uv_buf_t *bufs, unsigned count, size_t skip) {
  uv_buf_t few[QUEUED_MAX];
  if (count > QUEUED_MAX) {
    int err = keep_rest(tcp, bufs, count);
    if (err) return err;
    count = QUEUED_MAX;
  }
  memcpy(few, bufs, count * sizeof bufs[0]);
  few[0].base += skip;
  few[0].len -= skip;
  return queue_write(tcp, few, count);
}

static void drop_rest(struct tcp *tcp) {
  uvws__free(tcp->env, tcp->rest);
  tcp->rest = NULL;
  tcp->rest_count = tcp->rest_next = 0;
}

static int write_rest(struct tcp *tcp) {
  size_t skip;
  uv_buf_t *bufs = tcp->rest + tcp->rest_next;
  unsigned count = (unsigned)(tcp->rest_count - tcp->rest_next);
  int gone = try_write(tcp, bufs, count, &skip);
  if (gone < 0) return gone;
  bufs += gone;
  count -= (unsigned)gone;
  if (count == 0) return UVWS__WRITTEN;
  bufs[0].base += skip;
  bufs[0].len -= skip;
  if (count > QUEUED_MAX) count = QUEUED_MAX;
  tcp->rest_next = (uint16_t)(tcp->rest_next + (unsigned)gone + count);
  return queue_write(tcp, bufs, count);
}

static void on_tcp_write(uv_write_t *req, int status) {
  struct tcp *tcp = req->data;
  if (is_closing(tcp)) return;
  if (status == 0 && tcp->rest_next < tcp->rest_count) {
    status = write_rest(tcp);
    if (status == UVWS__WRITING) return;
  }
  drop_rest(tcp);
  tcp->is_writing = 0;
  tcp->base.events->on_written(tcp->base.owner, status);
}

static int tcp_write(struct uvws__transport *transport, const uv_buf_t *bufs, unsigned count) {
  struct tcp *tcp = tcp_of(transport);
  size_t skip;
  assert(count > 0 && count <= UVWS__TCP_BUFS_MAX && !tcp->is_writing && !tcp->has_shut_down);
  int gone = try_write(tcp, bufs, count, &skip);
  if (gone < 0) return gone;
  if ((unsigned)gone == count) return UVWS__WRITTEN;
  int result = write_later(tcp, bufs + gone, count - (unsigned)gone, skip);
  if (result == UVWS__WRITING) tcp->is_writing = 1;
  if (result < 0) drop_rest(tcp);
  return result;
}

/*
 * The end
 */

static void on_tcp_shutdown(uv_shutdown_t *req, int status) {
  (void)req;
  (void)status; /* told to nobody: the end of reading tells how the connection ended */
}

static void tcp_shutdown(struct uvws__transport *transport) {
  struct tcp *tcp = tcp_of(transport);
  assert(!tcp->is_writing);
  if (tcp->has_shut_down) return;
  tcp->has_shut_down = 1;
  uv_shutdown(&tcp->req.shutdown, stream_of(tcp), on_tcp_shutdown);
}

static void on_tcp_close(uv_handle_t *handle) {
  struct tcp *tcp = handle->data;
  const struct uvws__transport_events *events = tcp->base.events;
  void *owner = tcp->base.owner;
  drop_rest(tcp);
  uvws__free(tcp->env, tcp);
  events->on_closed(owner);
}

static void tcp_close(struct uvws__transport *transport) {
  struct tcp *tcp = tcp_of(transport);
  if (!is_closing(tcp)) uv_close((uv_handle_t *)&tcp->handle, on_tcp_close);
}

static const struct uvws__transport_ops tcp_ops = {
    .read_start = tcp_read_start,
    .read_stop = tcp_read_stop,
    .write = tcp_write,
    .shutdown = tcp_shutdown,
    .close = tcp_close,
};

/*
 * The beginning
 */

/* libuv writes to sockets in a way that raises SIGPIPE once the peer has reset the connection, and
 * the default action ends the process: a peer must not be able to do that to our host. A handler
 * that the application has set stays as it is. */
static void ignore_sigpipe(void) {
#if defined(SIGPIPE)
  struct sigaction action;
  if (sigaction(SIGPIPE, NULL, &action) == 0 && !(action.sa_flags & SA_SIGINFO) &&
      action.sa_handler == SIG_DFL)
    signal(SIGPIPE, SIG_IGN);
#endif
}

int uvws__tcp_new(const struct uvws__env *env, uv_loop_t *loop,
                  const struct uvws__transport_events *events, void *owner,
                  struct uvws__transport **out) {
  static uv_once_t sigpipe_once = UV_ONCE_INIT;
  uv_once(&sigpipe_once, ignore_sigpipe);

  struct tcp *tcp = uvws__calloc(env, sizeof *tcp);
  if (!tcp) return UV_ENOMEM;
  int err = uv_tcp_init(loop, &tcp->handle);
  if (err) {
    uvws__free(env, tcp);
    return err;
  }
  /* Remembered by libuv until there is a socket. Frames are batched by us, not by the kernel. */
  uv_tcp_nodelay(&tcp->handle, 1);
  tcp->handle.data = tcp;
  tcp->env = env;
  tcp->base.ops = &tcp_ops;
  tcp->base.events = events;
  tcp->base.owner = owner;
  *out = &tcp->base;
  return 0;
}

static void on_tcp_connect(uv_connect_t *req, int status) {
  struct tcp *tcp = req->data;
  struct uvws__detail detail;
  if (is_closing(tcp)) return;
  if (status == 0) {
    tcp->base.events->on_ready(tcp->base.owner);
    return;
  }
  uvws__fail(&detail, 0, "no TCP connection: %s", uv_strerror(status));
  tell_end(tcp, status, detail.text);
}

int uvws__tcp_connect(struct uvws__transport *transport, const struct sockaddr *address) {
  struct tcp *tcp = tcp_of(transport);
  tcp->req.connect.data = tcp;
  return uv_tcp_connect(&tcp->req.connect, &tcp->handle, address, on_tcp_connect);
}
