/* How a connection by a unix domain socket begins; the rest is in stream.c. */
#include "io/unix.h"

#include <string.h>

#if defined(_WIN32)
#define PATH_LEN_MAX 255 /* of a named pipe */
#else
#include <sys/un.h>
#define PATH_LEN_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)
#endif

int uvws__unix_new(const struct uvws__env *env, uv_loop_t *loop,
                   const struct uvws__transport_events *events, void *owner,
                   struct uvws__transport **out) {
  return uvws__stream_new(env, loop, UVWS__STREAM_UNIX, events, owner, out);
}

int uvws__unix_connect(struct uvws__transport *transport, const char *path) {
  struct uvws__stream *s = (struct uvws__stream *)transport;
  /* libuv cuts a longer one without a word, and another socket may be there. */
  if (strlen(path) > PATH_LEN_MAX) return UV_ENAMETOOLONG;
  s->req->connect.data = s;
  uv_pipe_connect(&s->req->connect, &s->uv.pipe, path, uvws__stream_on_connect);
  return 0;
}
