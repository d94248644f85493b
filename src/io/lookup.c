/* Looking a name up. */
#include "io/lookup.h"

#include <string.h>

static void on_lookup(uv_getaddrinfo_t *req, int status, struct addrinfo *list) {
  struct uvws__lookup *lookup = req->data;
  lookup->is_running = 0;
  if (lookup->is_cancelled) status = UV_ECANCELED;
  lookup->cb(lookup->arg, status, status ? NULL : list); /* `lookup` may be gone behind this */
  uv_freeaddrinfo(list);
}

static void on_later(uv_handle_t *handle) {
  struct uvws__lookup *lookup = handle->data;
  lookup->cb(lookup->arg, lookup->is_cancelled ? UV_ECANCELED : lookup->err, NULL);
}

/* Some names fail before a look-up (too long, not UTF-8). That too is told by the callback, which
 * has room for the reason. */
static void fail_later(struct uvws__lookup *lookup, uv_loop_t *loop, int err) {
  lookup->err = err;
  lookup->later.data = lookup;
  uv_idle_init(loop, &lookup->later);
  uv_close((uv_handle_t *)&lookup->later, on_later);
}

int uvws__lookup_start(struct uvws__lookup *lookup, const struct uvws__env *env, uv_loop_t *loop,
                       const char *host, uvws__lookup_cb cb, void *arg) {
  struct addrinfo hints;
  memset(&hints, 0, sizeof hints);
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  memset(lookup, 0, sizeof *lookup);
  lookup->cb = cb;
  lookup->arg = arg;
  lookup->req.data = lookup;
  int err = env->getaddrinfo(loop, &lookup->req, on_lookup, host, NULL, &hints);
  if (err == UV_ENOMEM) return err;
  if (err)
    fail_later(lookup, loop, err);
  else
    lookup->is_running = 1;
  return 0;
}

void uvws__lookup_cancel(struct uvws__lookup *lookup) {
  lookup->is_cancelled = 1;
  /* One that runs already cannot be stopped; then its answer is dropped when it comes. */
  if (lookup->is_running) uv_cancel((uv_req_t *)&lookup->req);
}
