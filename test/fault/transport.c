/* The real transport with faults. Bytes that were read wait in `in` until the owner wants them. */
#include "fault/transport.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fault/fault.h"
#include "io/stream.h"

#define TURNS 3 /* that something is late */
#define IN_LEN 65536
#define HOUR_MS 3600000

/* What waits for its turn. */
enum {
  DUE_HAND_OVER = 1, /* to who dials */
  DUE_REST = 2,      /* of a write */
  DUE_WRITTEN = 4,
  DUE_SHUTDOWN = 8,
  DUE_READ = 16 /* what was read, or the end */
};

struct dial {
  struct uvws__dial *inner; /* NULL: it is done */
  const struct uvws__env *env;
  uv_loop_t *loop;
  uvws__dial_cb cb;
  void (*on_resolved)(void *arg);
  void *arg;
  struct link *link;
  int err; /* what is told instead of success */
};

struct link {
  struct uvws__transport base;
  struct uvws__transport *lower; /* NULL: closed */
  struct dial *dial;             /* until it is handed over */
  uv_idle_t later;
  uv_timer_t silence; /* a socket that is being read keeps the loop alive, however silent it is */
  int handles;        /* of ours, that are open */
  int turns;
  unsigned due;
  int is_closing;
  int is_silent;
  int is_broken; /* nothing can be written */

  int is_reading, is_lower_reading, is_bytewise;
  int end;       /* that is to be told; 0: none yet */
  int has_ended; /* it was */
  size_t in_at, in_len;
  uint8_t in[IN_LEN];

  int is_writing, written_status;
  uv_buf_t rest[UVWS__STREAM_BUFS_MAX]; /* of a write, not given to `lower` yet */
  unsigned rest_count;
};

static enum fault_way way;
static int is_slow;

static struct link *link_of(const struct uvws__transport *t) {
  return (struct link *)(uintptr_t)t;
}

/*
 * Later
 */

static void on_later(uv_idle_t *later);

static void do_later(struct link *link, unsigned what, int turns) {
  link->due |= what;
  if (turns > link->turns) link->turns = turns;
  uv_idle_start(&link->later, on_later);
}

static void on_silence(uv_timer_t *silence) {
  (void)silence;
}

/* From here on `err` is what reading ends with. */
static void end_reading(struct link *link, int err) {
  link->in_len = 0;
  if (!link->end) link->end = err;
  do_later(link, DUE_READ, 1);
}

/* What is due goes wrong for good; FAULT_SHORT and FAULT_LATER do not. */
static void break_down(struct link *link) {
  if (way == FAULT_SILENCE) {
    link->is_silent = 1;
    uv_timer_start(&link->silence, on_silence, HOUR_MS, 0);
  }
  if (way == FAULT_ERROR) end_reading(link, UV_ECONNRESET);
  if (way == FAULT_EOF) end_reading(link, UV_EOF);
  link->is_broken = way == FAULT_ERROR || way == FAULT_EOF || way == FAULT_DEAF;
}

/*
 * Reading
 */

/* Make `lower` read or not, as is due now. */
static int follow_reading(struct link *link) {
  int is_wanted = link->is_reading && !link->in_len && !link->end && !link->is_silent;
  if (link->is_closing || is_wanted == link->is_lower_reading) return 0;
  int err = is_wanted ? link->lower->ops->read_start(link->lower) : 0;
  if (!is_wanted) link->lower->ops->read_stop(link->lower);
  if (!err) link->is_lower_reading = is_wanted;
  return err;
}

static int may_deliver(const struct link *link) {
  return !link->is_closing && link->is_reading && !link->has_ended && !link->is_silent;
}

static void deliver_some(struct link *link) {
  uv_buf_t buf = uv_buf_init(NULL, 0);
  link->base.events->on_alloc(link->base.owner, &buf);
  size_t len = link->is_bytewise ? 1 : link->in_len;
  if (len > buf.len) len = buf.len;
  memcpy(buf.base, link->in + link->in_at, len);
  link->in_at += len;
  link->in_len -= len;
  link->base.events->on_data(link->base.owner, (uint8_t *)buf.base, len);
}

static void deliver(struct link *link) {
  while (link->in_len && may_deliver(link))
    deliver_some(link);
  if (!link->in_len) link->is_bytewise = 0;
  if (link->end && may_deliver(link)) {
    link->has_ended = 1;
    link->base.events->on_end(link->base.owner, link->end, "the test ends it");
  }
  follow_reading(link);
}

static void on_lower_alloc(void *owner, uv_buf_t *out) {
  struct link *link = owner;
  *out = uv_buf_init((char *)link->in, IN_LEN);
}

static void on_lower_data(void *owner, uint8_t *data, size_t len) {
  struct link *link = owner;
  assert(data == link->in);
  link->in_at = 0;
  link->in_len = len;
  int is_due = fault_is_due(FAULT_TRANSPORT);
  if (is_due) break_down(link);
  link->is_bytewise = is_due && way == FAULT_SHORT;
  if (is_due && way == FAULT_LATER)
    do_later(link, DUE_READ, TURNS);
  else
    deliver(link);
  follow_reading(link);
}

static void on_lower_end(void *owner, int err, const char *detail) {
  struct link *link = owner;
  int is_due = fault_is_due(FAULT_TRANSPORT);
  (void)detail;
  link->is_lower_reading = 0;
  if (is_due) break_down(link);
  if (!link->end) link->end = err;
  do_later(link, DUE_READ, is_due && way == FAULT_LATER ? TURNS : 1);
}

static int link_read_start(struct uvws__transport *t) {
  struct link *link = link_of(t);
  if (link->is_reading || link->has_ended) return 0;
  if (fault_is_due(FAULT_TRANSPORT)) {
    break_down(link);
    if (way == FAULT_ERROR) return UV_ENOTCONN;
    if (way == FAULT_LATER) {
      link->is_reading = 1;
      do_later(link, DUE_READ, TURNS);
      return 0;
    }
  }
  link->is_reading = 1;
  if (link->in_len || link->end) do_later(link, DUE_READ, 1);
  int err = follow_reading(link);
  if (err) link->is_reading = 0;
  return err;
}

static void link_read_stop(struct uvws__transport *t) {
  link_of(t)->is_reading = 0;
  follow_reading(link_of(t));
}

/*
 * Writing
 */

static void tell_written(struct link *link, int status) {
  link->is_writing = 0;
  link->rest_count = 0;
  link->base.events->on_written(link->base.owner, status);
}

static void written(struct link *link, int status) {
  if (fault_is_due(FAULT_TRANSPORT)) {
    break_down(link);
    if (link->is_broken) status = UV_EPIPE;
    if (way == FAULT_LATER) {
      link->written_status = status;
      do_later(link, DUE_WRITTEN, TURNS);
      return;
    }
  }
  if (!link->is_silent) tell_written(link, status);
}

static void on_lower_written(void *owner, int status) {
  struct link *link = owner;
  if (link->rest_count && !status)
    do_later(link, DUE_REST, 1);
  else
    written(link, status);
}

static void write_rest(struct link *link) {
  unsigned count = link->rest_count;
  link->rest_count = 0;
  int answer = link->is_broken ? UV_EPIPE : link->lower->ops->write(link->lower, link->rest, count);
  if (answer != UVWS__WRITING) written(link, answer);
}

/* All of `bufs` but the first `skip` bytes. */
static void keep_rest(struct link *link, const uv_buf_t *bufs, unsigned count, size_t skip) {
  link->rest_count = 0;
  for (unsigned i = 0; i < count; i++) {
    uv_buf_t buf = bufs[i];
    if (i == 0) buf = uv_buf_init(buf.base + skip, (unsigned)(buf.len - skip));
    if (buf.len) link->rest[link->rest_count++] = buf;
  }
}

static int write_short(struct link *link, const uv_buf_t *bufs, unsigned count) {
  uv_buf_t one = uv_buf_init(bufs[0].base, 1);
  int answer = link->lower->ops->write(link->lower, &one, 1);
  if (answer < 0) return answer;
  keep_rest(link, bufs, count, 1);
  link->is_writing = 1;
  if (answer == UVWS__WRITTEN && link->rest_count) do_later(link, DUE_REST, 1);
  if (answer == UVWS__WRITTEN && !link->rest_count) do_later(link, DUE_WRITTEN, 1);
  return UVWS__WRITING;
}

static int write_badly(struct link *link, const uv_buf_t *bufs, unsigned count) {
  break_down(link);
  if (link->is_broken) return UV_EPIPE;
  if (way == FAULT_SHORT) return write_short(link, bufs, count);
  link->is_writing = 1;
  keep_rest(link, bufs, count, 0);
  if (way == FAULT_LATER) do_later(link, DUE_REST, TURNS);
  return UVWS__WRITING;
}

static int link_write(struct uvws__transport *t, const uv_buf_t *bufs, unsigned count) {
  struct link *link = link_of(t);
  assert(!link->is_writing && !link->is_closing);
  link->written_status = 0;
  if (fault_is_due(FAULT_TRANSPORT)) return write_badly(link, bufs, count);
  if (link->is_broken) return UV_EPIPE;
  int answer = UVWS__WRITING;
  if (is_slow && !link->is_silent) {
    keep_rest(link, bufs, count, 0);
    do_later(link, DUE_REST, 1);
  } else if (!link->is_silent)
    answer = link->lower->ops->write(link->lower, bufs, count);
  link->is_writing = answer == UVWS__WRITING;
  return answer;
}

static size_t link_unsent(const struct uvws__transport *t) {
  const struct link *link = link_of(t);
  size_t len = link->is_writing ? link->lower->ops->unsent(link->lower) : 0;
  for (unsigned i = 0; i < link->rest_count; i++)
    len += link->rest[i].len;
  return len;
}

static void link_shutdown(struct uvws__transport *t) {
  struct link *link = link_of(t);
  assert(!link->is_writing && !link->is_closing);
  if (fault_is_due(FAULT_TRANSPORT)) {
    break_down(link);
    if (way == FAULT_LATER) do_later(link, DUE_SHUTDOWN, TURNS);
    if (way != FAULT_SHORT) return;
  }
  if (!link->is_broken && !link->is_silent) link->lower->ops->shutdown(link->lower);
}

/*
 * The end
 */

static void maybe_gone(struct link *link) {
  if (link->lower || link->handles) return;
  struct uvws__transport base = link->base;
  free(link);
  base.events->on_closed(base.owner);
}

static void on_handle_closed(uv_handle_t *handle) {
  struct link *link = handle->data;
  link->handles--;
  maybe_gone(link);
}

static void on_lower_closed(void *owner) {
  struct link *link = owner;
  link->lower = NULL;
  maybe_gone(link);
}

static void link_close(struct uvws__transport *t) {
  struct link *link = link_of(t);
  if (link->is_closing) return;
  link->is_closing = 1;
  uv_close((uv_handle_t *)&link->later, on_handle_closed);
  uv_close((uv_handle_t *)&link->silence, on_handle_closed);
  link->lower->ops->close(link->lower);
}

static const struct uvws__transport_ops link_ops = {.read_start = link_read_start,
                                                    .read_stop = link_read_stop,
                                                    .write = link_write,
                                                    .unsent = link_unsent,
                                                    .shutdown = link_shutdown,
                                                    .close = link_close};

static const struct uvws__transport_events lower_events = {.on_alloc = on_lower_alloc,
                                                           .on_data = on_lower_data,
                                                           .on_end = on_lower_end,
                                                           .on_written = on_lower_written,
                                                           .on_closed = on_lower_closed};

/*
 * Dialling
 */

static void dial_done(struct dial *dial, int err, struct uvws__transport *t, const char *detail) {
  uvws__dial_cb cb = dial->cb;
  void *arg = dial->arg;
  free(dial);
  cb(arg, err, t, detail);
}

static void hand_over(struct link *link) {
  struct dial *dial = link->dial;
  link->dial = NULL;
  dial_done(dial, 0, &link->base, "connected");
}

/* A connection that nobody gets is closed. */
static void on_dial_closed(void *owner) {
  struct dial *dial = owner;
  dial_done(dial, dial->err, NULL, "the test refuses");
}

static const struct uvws__transport_events dial_events = {.on_closed = on_dial_closed};

static void refuse(struct dial *dial, int err) {
  dial->err = err;
  dial->link->due = 0;
  dial->link->base.events = &dial_events;
  dial->link->base.owner = dial;
  link_close(&dial->link->base);
}

static struct link *link_new(struct dial *dial, struct uvws__transport *lower) {
  struct link *link = calloc(1, sizeof *link);
  assert(link);
  link->base.ops = &link_ops;
  link->dial = dial;
  link->lower = lower;
  lower->events = &lower_events;
  lower->owner = link;
  uv_idle_init(dial->loop, &link->later);
  uv_timer_init(dial->loop, &link->silence);
  link->later.data = link->silence.data = link;
  link->handles = 2;
  dial->link = link;
  return link;
}

static void on_dialled(void *arg, int err, struct uvws__transport *lower, const char *detail) {
  struct dial *dial = arg;
  dial->inner = NULL;
  if (err) {
    dial_done(dial, err, NULL, detail);
    return;
  }
  struct link *link = link_new(dial, lower);
  int is_due = fault_is_due(FAULT_TRANSPORT);
  if (is_due) break_down(link);
  if (is_due && way == FAULT_ERROR)
    refuse(dial, UV_ECONNREFUSED);
  else if (is_due && way == FAULT_LATER)
    do_later(link, DUE_HAND_OVER, TURNS);
  else
    hand_over(link);
}

static void on_resolved(void *arg) {
  struct dial *dial = arg;
  if (dial->on_resolved) dial->on_resolved(dial->arg);
}

static int dial_start(const struct uvws__env *env, uv_loop_t *loop,
                      struct uvws__deadlines *deadlines, const struct uvws__dial_options *options,
                      uvws__dial_cb cb, void *arg, struct uvws__dial **out) {
  if (way == FAULT_ERROR && fault_is_due(FAULT_TRANSPORT)) return UV_EMFILE;
  struct uvws__dial_options inner = *options;
  struct dial *dial = calloc(1, sizeof *dial);
  assert(dial);
  *dial = (struct dial){
      .env = env, .loop = loop, .cb = cb, .arg = arg, .on_resolved = options->on_resolved};
  inner.on_resolved = on_resolved;
  int err = uvws__dial_start(env, loop, deadlines, &inner, on_dialled, dial, &dial->inner);
  if (err)
    free(dial);
  else
    *out = (struct uvws__dial *)(void *)dial;
  return err;
}

static void dial_cancel(struct uvws__dial *opaque) {
  struct dial *dial = (struct dial *)(void *)opaque;
  if (dial->inner)
    uvws__dial_cancel(dial->inner);
  else
    refuse(dial, UV_ECANCELED);
}

/* Each step may close the link, whose memory stays until the loop has turned. */
static void on_later(uv_idle_t *later) {
  struct link *link = later->data;
  if (link->turns > 1) {
    link->turns--;
    return;
  }
  unsigned due = link->due;
  link->due = 0;
  link->turns = 0;
  uv_idle_stop(later);
  if (due & DUE_HAND_OVER) hand_over(link);
  if (!link->is_closing && (due & DUE_REST)) write_rest(link);
  if (!link->is_closing && (due & DUE_WRITTEN)) tell_written(link, link->written_status);
  if (!link->is_closing && (due & DUE_SHUTDOWN)) link->lower->ops->shutdown(link->lower);
  if (!link->is_closing && (due & DUE_READ)) deliver(link);
}

void fault_transport_use(uvws_context_t *ctx, const struct fault_transport *how) {
  way = how->way;
  is_slow = how->is_slow;
  ctx->dial_start = dial_start;
  ctx->dial_cancel = dial_cancel;
}
