/* How a TCP connection begins; the rest is in stream.c. */
#include "io/tcp.h"

static struct uvws__stream *stream_of(struct uvws__transport *transport) {
  return (struct uvws__stream *)transport;
}

int uvws__tcp_new(const struct uvws__env *env, uv_loop_t *loop,
                  const struct uvws__transport_events *events, void *owner,
                  struct uvws__transport **out) {
  return uvws__stream_new(env, loop, UVWS__STREAM_TCP, events, owner, out);
}

int uvws__tcp_bind(struct uvws__transport *transport, const struct sockaddr *local) {
  return uv_tcp_bind(&stream_of(transport)->uv.tcp, local, 0);
}

int uvws__tcp_connect(struct uvws__transport *transport, const struct sockaddr *address) {
  struct uvws__stream *s = stream_of(transport);
  s->req->connect.data = s;
  return uv_tcp_connect(&s->req->connect, &s->uv.tcp, address, uvws__stream_on_connect);
}

/* libuv remembers only that this is wanted, not for how long, while there is no socket yet: hence
 * on connected ones. */
void uvws__tcp_keep_alive(struct uvws__transport *transport, unsigned idle_s) {
  uv_tcp_keepalive(&stream_of(transport)->uv.tcp, 1, idle_s);
}
