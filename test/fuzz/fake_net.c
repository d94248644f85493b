/* See fake_net.h. */
#include "fake_net.h"

struct net fuzz_net;

static const struct uvws__env plain = {.realloc = uvws__env_realloc};

static struct net_link *link_of(const struct uvws__transport *t) {
  return (struct net_link *)(uintptr_t)t;
}

static void keep(struct net_link *link, const char *data, size_t len) {
  size_t room = NET_KEPT - link->out.len;
  MUST(!uvws__bytes_append(&plain, &link->out, data, len < room ? len : room));
}

static int link_read_start(struct uvws__transport *t) {
  MUST(link_of(t)->stage == NET_OPEN);
  if (fuzz_net.refuses_reading) return UV_ENOMEM;
  link_of(t)->is_reading = 1;
  return 0;
}

static void link_read_stop(struct uvws__transport *t) {
  MUST(link_of(t)->stage == NET_OPEN);
  link_of(t)->is_reading = 0;
}

static int link_write(struct uvws__transport *t, const uv_buf_t *bufs, unsigned count) {
  struct net_link *link = link_of(t);
  MUST(link->stage == NET_OPEN && !link->held && !link->is_shut);
  MUST(count > 0 && count <= 64);
  if (fuzz_net.write == NET_WRITES_FAIL) return UV_EPIPE;
  link->held_len = 0;
  for (unsigned i = 0; i < count; i++) {
    MUST(bufs[i].len > 0);
    keep(link, bufs[i].base, bufs[i].len);
    link->bufs[i] = bufs[i];
    link->held_len += bufs[i].len;
  }
  link->held_count = count;
  if (fuzz_net.write == NET_WRITES_AT_ONCE) return UVWS__WRITTEN;
  link->held = link->bufs;
  return UVWS__WRITING;
}

static size_t link_unsent(const struct uvws__transport *t) {
  return link_of(t)->held ? link_of(t)->held_len : 0;
}

static void link_shutdown(struct uvws__transport *t) {
  MUST(link_of(t)->stage == NET_OPEN && !link_of(t)->held && !link_of(t)->is_shut);
  link_of(t)->is_shut = 1;
}

static void link_close(struct uvws__transport *t) {
  MUST(link_of(t)->stage == NET_OPEN);
  link_of(t)->stage = NET_CLOSING;
}

static const struct uvws__transport_ops ops = {.read_start = link_read_start,
                                               .read_stop = link_read_stop,
                                               .write = link_write,
                                               .unsent = link_unsent,
                                               .shutdown = link_shutdown,
                                               .close = link_close};

static int dial_start(const struct uvws__env *env, uv_loop_t *loop,
                      struct uvws__deadlines *deadlines, const struct uvws__dial_options *options,
                      uvws__dial_cb cb, void *arg, struct uvws__dial **out) {
  (void)env, (void)loop, (void)deadlines;
  MUST(options->socket_path || (options->host && *options->host && options->port));
  for (int i = 0; i < NET_DIALS && !fuzz_net.refuses_dials; i++) {
    struct net_link *link = &fuzz_net.links[i];
    if (link->stage != NET_FREE) continue;
    link->stage = NET_DIALLING;
    link->cb = cb;
    link->arg = arg;
    link->on_resolved = options->on_resolved;
    *out = (struct uvws__dial *)link;
    if (fuzz_net.on_dial) fuzz_net.on_dial();
    return 0;
  }
  return UV_EMFILE;
}

static void dial_cancel(struct uvws__dial *dial) {
  struct net_link *link = (struct net_link *)dial;
  MUST(link->stage == NET_DIALLING);
  link->stage = NET_CANCELLED;
}

void net_init(uvws_context_t *ctx) {
  memset(&fuzz_net, 0, sizeof fuzz_net);
  ctx->dial_start = dial_start;
  ctx->dial_cancel = dial_cancel;
}

void net_deinit(void) {
  for (int i = 0; i < NET_DIALS; i++)
    MUST(fuzz_net.links[i].stage == NET_FREE);
}

void net_resolve(struct net_link *link) {
  if (link->stage != NET_DIALLING || !link->on_resolved) return;
  void (*on_resolved)(void *arg) = link->on_resolved;
  link->on_resolved = NULL;
  on_resolved(link->arg);
}

void net_connect(struct net_link *link, int err) {
  if (link->stage != NET_DIALLING) return;
  uvws__dial_cb cb = link->cb;
  link->stage = err ? NET_FREE : NET_OPEN;
  link->base.ops = &ops;
  cb(link->arg, err, err ? NULL : &link->base, err ? "refused" : "connected");
}

void net_deliver(struct net_link *link, const uint8_t *data, size_t len) {
  while (len && link->stage == NET_OPEN && link->is_reading && !link->has_ended) {
    uv_buf_t buf = {0};
    link->base.events->on_alloc(link->base.owner, &buf);
    MUST(link->stage == NET_OPEN && link->is_reading && buf.len > 0);
    size_t piece = len < buf.len ? len : buf.len;
    memcpy(buf.base, data, piece);
    link->base.events->on_data(link->base.owner, (uint8_t *)buf.base, piece);
    data += piece;
    len -= piece;
  }
}

void net_end(struct net_link *link, int err) {
  if (link->stage != NET_OPEN || !link->is_reading || link->has_ended) return;
  link->has_ended = 1;
  link->base.events->on_end(link->base.owner, err, "the end");
}

/* What the connection handed over must be there until now. */
static void touch(const struct net_link *link) {
  uint64_t hash = 1;
  for (unsigned i = 0; link->held && i < link->held_count; i++)
    fuzz_hash(&hash, link->bufs[i].base, link->bufs[i].len);
  MUST(hash != 0);
}

void net_written(struct net_link *link, int status) {
  if (link->stage != NET_OPEN || !link->held) return;
  touch(link);
  link->held = NULL;
  link->base.events->on_written(link->base.owner, status);
}

void net_progress(struct net_link *link) {
  if (link->held && link->held_len > 1) link->held_len--;
}

int net_finish(struct net_link *link) {
  enum net_stage stage = link->stage;
  if (stage != NET_CANCELLED && stage != NET_CLOSING) return 0;
  struct net_link was = *link;
  if (stage == NET_CLOSING) touch(link);
  uvws__bytes_deinit(&plain, &link->out);
  memset(link, 0, sizeof *link);
  if (stage == NET_CANCELLED)
    was.cb(was.arg, UV_ECANCELED, NULL, "cancelled");
  else
    was.base.events->on_closed(was.base.owner);
  return 1;
}
