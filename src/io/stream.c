/*
 * A libuv stream as a transport: uv_try_write first, which for most writes is all, and one uv_write
 * for what the kernel did not take.
 */
#include "io/stream.h"

#include <assert.h>
#include <signal.h>
#include <string.h>

/* libuv keeps four buffer descriptors inside a write request, and allocates by itself for more. It
 * is therefore given four at a time: memory comes from our env only. When they are gone the socket
 * has room again, and uv_try_write takes all the others at once. */
#define QUEUED_MAX 4

static struct uvws__stream *self_of(struct uvws__transport *transport) {
  return (struct uvws__stream *)transport;
}

static uv_stream_t *stream_of(struct uvws__stream *s) {
  return &s->uv.stream;
}

static int is_closing(const struct uvws__stream *s) {
  return uv_is_closing(&s->uv.handle);
}

/* In words. */
static const char *what(const struct uvws__stream *s) {
  return s->uv.handle.type == UV_NAMED_PIPE ? "connection by the unix socket" : "TCP connection";
}

static void tell_end(struct uvws__stream *s, int err, const char *detail) {
  s->has_ended = 1;
  uv_read_stop(stream_of(s));
  s->base.events->on_end(s->base.owner, err, detail);
}

/*
 * Reading
 */

static void on_stream_alloc(uv_handle_t *handle, size_t suggested_size, uv_buf_t *out) {
  struct uvws__stream *s = handle->data;
  (void)suggested_size;
  s->base.events->on_alloc(s->base.owner, out);
  /* libuv reads into this at once, so neither may the owner close in here. */
  assert(out->len > 0 && !is_closing(s));
}

static void on_stream_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
  struct uvws__stream *s = stream->data;
  struct uvws__detail detail;
  if (nread > 0) {
    s->base.events->on_data(s->base.owner, (uint8_t *)buf->base, (size_t)nread);
  } else if (nread == UV_EOF) {
    uvws__explain(&detail, "the peer closed the %s", what(s));
    tell_end(s, UV_EOF, detail.text);
  } else if (nread < 0) {
    uvws__explain(&detail, "the %s broke: %s", what(s), uv_strerror((int)nread));
    tell_end(s, (int)nread, detail.text);
  }
}

static int stream_read_start(struct uvws__transport *transport) {
  struct uvws__stream *s = self_of(transport);
  if (s->has_ended) return 0; /* on_end has told */
  int err = uv_read_start(stream_of(s), on_stream_alloc, on_stream_read);
  return err == UV_EALREADY ? 0 : err;
}

static void stream_read_stop(struct uvws__transport *transport) {
  uv_read_stop(stream_of(self_of(transport)));
}

/*
 * Writing
 */

/* Hand `bufs` to the kernel. Answers how many of them are wholly gone, with `*skip` the bytes that
 * the kernel took of the next one; or an error. */
static int try_write(struct uvws__stream *s, const uv_buf_t *bufs, unsigned count, size_t *skip) {
  int n = uv_try_write(stream_of(s), bufs, count);
  if (n < 0 && n != UV_EAGAIN) return n;
  size_t sent = n < 0 ? 0 : (size_t)n;
  unsigned gone = 0;
  while (gone < count && sent >= bufs[gone].len)
    sent -= bufs[gone++].len;
  *skip = sent;
  return (int)gone;
}

static void on_stream_write(uv_write_t *req, int status);

static int has_req(struct uvws__stream *s) {
  if (!s->req) s->req = uvws__calloc(s->env, sizeof *s->req);
  return s->req != NULL;
}

static int queue_write(struct uvws__stream *s, const uv_buf_t *bufs, unsigned count) {
  assert(count <= QUEUED_MAX);
  if (!has_req(s)) return UV_ENOMEM;
  s->req->write.data = s;
  int err = uv_write(&s->req->write, stream_of(s), bufs, count, on_stream_write);
  return err ? err : UVWS__WRITING;
}

static int keep_rest(struct uvws__stream *s, const uv_buf_t *bufs, unsigned count) {
  uv_buf_t *rest = has_req(s) ? uvws__alloc(s->env, count * sizeof bufs[0]) : NULL;
  if (!rest) return UV_ENOMEM;
  memcpy(rest, bufs, count * sizeof bufs[0]);
  s->req->rest = rest;
  s->req->rest_count = (uint16_t)count;
  s->req->rest_next = QUEUED_MAX;
  return 0;
}

/* The kernel took `skip` bytes of the first of `bufs` and asks to wait. */
static int write_later(struct uvws__stream *s, const uv_buf_t *bufs, unsigned count, size_t skip) {
  uv_buf_t few[QUEUED_MAX];
  if (count > QUEUED_MAX) {
    int err = keep_rest(s, bufs, count);
    if (err) return err;
    count = QUEUED_MAX;
  }
  memcpy(few, bufs, count * sizeof bufs[0]);
  few[0].base += skip;
  few[0].len -= skip;
  return queue_write(s, few, count);
}

static void drop_rest(struct uvws__stream *s) {
  if (!s->req) return;
  uvws__free(s->env, s->req->rest);
  s->req->rest = NULL;
  s->req->rest_count = s->req->rest_next = 0;
}

static int write_rest(struct uvws__stream *s) {
  size_t skip;
  struct uvws__stream_req *req = s->req;
  uv_buf_t *bufs = req->rest + req->rest_next;
  unsigned count = (unsigned)(req->rest_count - req->rest_next);
  int gone = try_write(s, bufs, count, &skip);
  if (gone < 0) return gone;
  bufs += gone;
  count -= (unsigned)gone;
  if (count == 0) return UVWS__WRITTEN;
  bufs[0].base += skip;
  bufs[0].len -= skip;
  if (count > QUEUED_MAX) count = QUEUED_MAX;
  req->rest_next = (uint16_t)(req->rest_next + (unsigned)gone + count);
  return queue_write(s, bufs, count);
}

static void on_stream_write(uv_write_t *req, int status) {
  struct uvws__stream *s = req->data;
  if (is_closing(s)) return;
  if (status == 0 && s->req->rest_next < s->req->rest_count) {
    status = write_rest(s);
    if (status == UVWS__WRITING) return;
  }
  drop_rest(s);
  s->is_writing = 0;
  s->base.events->on_written(s->base.owner, status);
}

static int stream_write(struct uvws__transport *transport, const uv_buf_t *bufs, unsigned count) {
  struct uvws__stream *s = self_of(transport);
  size_t skip;
  assert(count > 0 && count <= UVWS__STREAM_BUFS_MAX && !s->is_writing && !s->has_shut_down);
  int gone = try_write(s, bufs, count, &skip);
  if (gone < 0) return gone;
  if ((unsigned)gone == count) return UVWS__WRITTEN;
  int result = write_later(s, bufs + gone, count - (unsigned)gone, skip);
  if (result == UVWS__WRITING) s->is_writing = 1;
  if (result < 0) drop_rest(s);
  return result;
}

static size_t stream_unsent(const struct uvws__transport *transport) {
  const struct uvws__stream *s = (const struct uvws__stream *)transport;
  size_t len = uv_stream_get_write_queue_size((const uv_stream_t *)&s->uv);
  const struct uvws__stream_req *req = s->req;
  for (unsigned i = req ? req->rest_next : 0; req && i < req->rest_count; i++)
    len += req->rest[i].len;
  return len;
}

/*
 * The end
 */

static void on_stream_shutdown(uv_shutdown_t *req, int status) {
  (void)req;
  (void)status; /* told to nobody: the end of reading tells how the connection ended */
}

static void stream_shutdown(struct uvws__transport *transport) {
  struct uvws__stream *s = self_of(transport);
  assert(!s->is_writing);
  if (s->has_shut_down) return;
  s->has_shut_down = 1;
  /* Without memory there is no FIN: the peer learns of the end when the socket closes. */
  if (has_req(s)) uv_shutdown(&s->req->shutdown, stream_of(s), on_stream_shutdown);
}

static void on_stream_close(uv_handle_t *handle) {
  struct uvws__stream *s = handle->data;
  const struct uvws__transport_events *events = s->base.events;
  void *owner = s->base.owner;
  drop_rest(s);
  uvws__free(s->env, s->req);
  uvws__free(s->env, s);
  events->on_closed(owner);
}

static void stream_close(struct uvws__transport *transport) {
  struct uvws__stream *s = self_of(transport);
  if (!is_closing(s)) uv_close(&s->uv.handle, on_stream_close);
}

static const struct uvws__transport_ops stream_ops = {
    .read_start = stream_read_start,
    .read_stop = stream_read_stop,
    .write = stream_write,
    .unsent = stream_unsent,
    .shutdown = stream_shutdown,
    .close = stream_close,
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

static int handle_init(struct uvws__stream *s, uv_loop_t *loop, enum uvws__stream_kind kind) {
  if (kind == UVWS__STREAM_UNIX) return uv_pipe_init(loop, &s->uv.pipe, 0);
  int err = uv_tcp_init(loop, &s->uv.tcp);
  /* Remembered by libuv until there is a socket. Frames are batched by us, not by the kernel. */
  if (!err) uv_tcp_nodelay(&s->uv.tcp, 1);
  return err;
}

int uvws__stream_new(const struct uvws__env *env, uv_loop_t *loop, enum uvws__stream_kind kind,
                     const struct uvws__transport_events *events, void *owner,
                     struct uvws__transport **out) {
  static uv_once_t sigpipe_once = UV_ONCE_INIT;
  uv_once(&sigpipe_once, ignore_sigpipe);

  struct uvws__stream *s = uvws__calloc(env, sizeof *s);
  if (!s) return UV_ENOMEM;
  s->env = env;
  int err = has_req(s) ? handle_init(s, loop, kind) : UV_ENOMEM;
  if (err) {
    uvws__free(env, s->req);
    uvws__free(env, s);
    return err;
  }
  s->uv.handle.data = s;
  s->base.ops = &stream_ops;
  s->base.events = events;
  s->base.owner = owner;
  *out = &s->base;
  return 0;
}

void uvws__stream_on_connect(uv_connect_t *req, int status) {
  struct uvws__stream *s = req->data;
  struct uvws__detail detail;
  if (is_closing(s)) return;
  uvws__free(s->env, s->req);
  s->req = NULL;
  if (status == 0) {
    s->base.events->on_ready(s->base.owner);
    return;
  }
  uvws__explain(&detail, "no %s: %s", what(s), uv_strerror(status));
  tell_end(s, status, detail.text);
}
