/*
 * A stream of frames, plain or with permessage-deflate, whole and with random cuts, as messages and
 * as chunks: what comes of it must be the same, text must be UTF-8, limits must hold, memory must
 * grow with what came and not with what was announced.
 */
#include "fuzz.h"
#include "proto/close_code.h"
#include "proto/inbound.h"

#define MESSAGE_MAX 100000
#define FRAGMENTS_MAX 20

/* When compressed data is found to be wrong depends on the cuts: zlib looks no farther back than it
 * has to, and what is too much and no DEFLATE is either. */
#define FAILED 0

struct plan {
  uint32_t cuts; /* 0: whole */
  int wants_chunks;
  int uses_room; /* payload is read to where the message layer says */
  size_t fail_at;
  struct uvws__deflate_terms terms;
};

struct world {
  struct fake_env fake;
  struct uvws__inbound_shared shared;
  struct uvws__inbound in;
  struct uvws__framer *framer;
  struct uvws__fault fault;
  uint64_t hash;
  uint64_t message; /* the hash of the message at hand */
  size_t message_len;
  int result;
};

static void note(struct world *w, int type, int detail, uint64_t what) {
  fuzz_hash(&w->hash, &type, sizeof type);
  fuzz_hash(&w->hash, &detail, sizeof detail);
  fuzz_hash(&w->hash, &what, sizeof what);
}

static void take_message(struct world *w, const struct uvws__inbound_event *event, int is_first,
                         int is_last) {
  if (is_first) w->message = 1, w->message_len = 0;
  fuzz_hash(&w->message, event->data, event->len);
  w->message_len += event->len;
  MUST(w->message_len <= MESSAGE_MAX);
  if (is_last) note(w, UVWS__IN_MESSAGE, (int)event->kind, w->message);
}

static void take(struct world *w, const struct uvws__inbound_event *event) {
  switch (w->result) {
  case UVWS__IN_MESSAGE:
    if (event->kind == UVWS_TEXT) MUST(uvws__utf8_is_valid(event->data, event->len));
    take_message(w, event, 1, 1);
    uvws__inbound_release(&w->in);
    return;
  case UVWS__IN_CHUNK:
    take_message(w, event, event->is_first, event->is_last);
    return;
  default:
    MUST(event->len <= UVWS__CONTROL_MAX);
    if (w->result == UVWS__IN_CLOSE)
      MUST(event->code == 1005 || uvws__close_code_is_valid(event->code));
    note(w, w->result, event->code, 0);
    fuzz_hash(&w->hash, event->data, event->len);
  }
}

static void feed(struct world *w, const uint8_t *data, size_t len) {
  struct uvws__inbound_event event = {0};
  uvws__inbound_feed(&w->in, w->framer, data, len);
  while ((w->result = uvws__inbound_next(&w->in, w->framer, &event, &w->fault)) > 0) {
    take(w, &event);
    if (w->result == UVWS__IN_CLOSE) return;
    memset(&event, 0, sizeof event);
  }
}

static size_t feed_room(struct world *w, const struct fuzz_input *in) {
  size_t room = 0;
  uint8_t *to = uvws__inbound_room(&w->in, w->framer, 16, &room);
  if (!to) return 0;
  MUST(room > 0);
  size_t len = room < in->len ? room : in->len;
  memcpy(to, in->data, len);
  feed(w, to, len);
  return len;
}

static void feed_all(struct world *w, struct fuzz_input in, const struct plan *plan) {
  uint32_t cuts = plan->cuts;
  while (in.len && w->result == UVWS__IN_MORE) {
    size_t len = plan->uses_room ? feed_room(w, &in) : 0;
    if (len) {
      in.data += len;
      in.len -= len;
      continue;
    }
    uint8_t *piece = fuzz_take(&in, plan->cuts ? fuzz_cut(&cuts, in.len) : in.len, &len);
    feed(w, piece, len);
    free(piece);
  }
}

/* The hash of what happened. */
static uint64_t run(struct fuzz_input in, const struct plan *plan) {
  static const struct uvws__inbound_limits limits = {MESSAGE_MAX, FRAGMENTS_MAX};
  struct world w = {.hash = 1};
  fake_env_init(&w.fake);
  w.fake.fail_at = plan->fail_at;
  uvws__inbound_init(&w.in, &w.fake.env, &limits, &w.shared);
  w.in.terms = plan->terms;
  w.in.wants_chunks = (uint8_t)plan->wants_chunks;
  if (!uvws__framer_new(&w.fake.env, &w.framer)) feed_all(&w, in, plan);
  if (w.result < 0) {
    MUST(w.fault.close_code && w.fault.detail.text[0]);
    note(&w, w.result, w.fault.close_code, 0);
    if (plan->terms.is_agreed) w.hash = FAILED;
  }
  /* Without compression nothing can be larger than twice what came, but for the tables. */
  if (!plan->terms.is_agreed && !plan->wants_chunks) MUST(w.fake.largest <= 2 * in.len + 16384);
  uvws__inbound_deinit(&w.in);
  uvws__inbound_shared_deinit(&w.fake.env, &w.shared);
  uvws__framer_free(&w.fake.env, w.framer);
  MUST(w.fake.live == 0);
  return w.hash;
}

static int is_same(uint64_t a, uint64_t b) {
  return a == b || a == FAILED || b == FAILED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct fuzz_input in = {data, len};
  uint8_t flags = fuzz_byte(&in), cuts = fuzz_byte(&in);
  struct plan plan = {0};
  if (flags & 1)
    plan.terms = (struct uvws__deflate_terms){.is_agreed = 1,
                                              .server_no_context_takeover = flags >> 1 & 1,
                                              .server_max_window_bits = 8 + (flags >> 5),
                                              .client_max_window_bits = 15};
  uint64_t whole = run(in, &plan);
  plan.cuts = cuts + 1u;
  MUST(is_same(run(in, &plan), whole));
  plan.uses_room = 1;
  MUST(is_same(run(in, &plan), whole));
  plan.uses_room = 0;
  plan.wants_chunks = 1;
  uint64_t chunks = run(in, &plan);
  plan.cuts = 0;
  MUST(is_same(run(in, &plan), chunks));
  plan.fail_at = (flags >> 2 & 7) + 1;
  plan.wants_chunks = cuts & 1;
  (void)run(in, &plan);
  return 0;
}
