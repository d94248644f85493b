/*
 * The message layer on the way in. A rule is applied as soon as the bytes that break it are there:
 * to a header before its payload, to text inside a frame that is not complete.
 */
#include "proto/inbound.h"

#include <string.h>

#include "proto/close_code.h"
#include "proto/expand.h"

#if defined(__GNUC__)
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE
#endif

/* A larger buffer goes back to the system as soon as its message is delivered. */
#define SPARE_MAX ((size_t)4 << 20)

void uvws__inbound_shared_deinit(const struct uvws__env *env, struct uvws__inbound_shared *shared) {
  uvws__bytes_deinit(env, &shared->spare);
  uvws__free(env, shared->chunk);
  uvws__zstock_deinit(&shared->zstock);
  shared->chunk = NULL;
}

void uvws__inbound_init(struct uvws__inbound *in, const struct uvws__env *env,
                        const struct uvws__inbound_limits *limits,
                        struct uvws__inbound_shared *shared) {
  memset(in, 0, sizeof *in);
  in->env = env;
  in->limits = *limits;
  in->shared = shared;
}

void uvws__inbound_deinit(struct uvws__inbound *in) {
  uvws__bytes_deinit(in->env, &in->message);
  uvws__free(in->env, in->control);
  if (in->inflater) uvws__inflater_give(&in->shared->zstock, in->inflater);
  in->inflater = NULL;
}

static int is_control(uint8_t opcode) {
  return (opcode & 0x8) != 0;
}

static int begin_message(struct uvws__inbound *in, const struct uvws__frame *frame) {
  in->kind = frame->opcode;
  in->is_compressed = frame->rsv == UVWS__RSV1;
  in->is_chunked = in->wants_chunks;
  in->is_begun = 0;
  in->total = 0;
  in->fragments = 0;
  memset(&in->utf8, 0, sizeof in->utf8);
  return in->is_compressed ? uvws__expand_begin(in) : 0;
}

/* The sum is judged before memory is taken (a limit per message, not per frame). What is compressed
 * is judged while it expands. */
static int check_limits(struct uvws__inbound *in, const struct uvws__frame *frame,
                        struct uvws__fault *fault) {
  uint64_t max = in->limits.max_message_size;
  if (max == UVWS_NO_LIMIT) max = UINT64_MAX;
  if (!in->is_compressed && (frame->payload_len > max || in->total > max - frame->payload_len))
    return uvws__fault_too_big(fault, in->limits.max_message_size);
  if (in->fragments >= in->limits.max_fragments)
    return uvws__fault_fragments(fault, in->limits.max_fragments);
  in->fragments++;
  return 0;
}

static int take_data_header(struct uvws__inbound *in, const struct uvws__frame *frame,
                            struct uvws__fault *fault) {
  if (frame->opcode == UVWS__OP_CONTINUATION) {
    if (!in->kind)
      return uvws__fault_protocol(fault, "a continuation frame without a message to continue");
  } else {
    if (in->kind) return uvws__fault_protocol(fault, "a new message inside a fragmented one");
    if (begin_message(in, frame) != 0) return uvws__fault_memory(fault);
  }
  return check_limits(in, frame, fault);
}

/* RFC 7692 6: RSV1 marks the first frame of a compressed message, when that was agreed. */
static int is_rsv_allowed(const struct uvws__inbound *in, const struct uvws__frame *frame) {
  if (!frame->rsv) return 1;
  return frame->rsv == UVWS__RSV1 && in->terms.is_agreed &&
         (frame->opcode == UVWS__OP_TEXT || frame->opcode == UVWS__OP_BINARY);
}

static int take_header(struct uvws__inbound *in, const struct uvws__frame *frame,
                       struct uvws__fault *fault) {
  if (frame->mask) return uvws__fault_protocol(fault, "a masked frame (RFC 6455 5.1)");
  if (!is_rsv_allowed(in, frame))
    return uvws__fault_protocol(fault, "reserved bits that nobody agreed on (RFC 6455 5.2)");
  switch (frame->opcode) {
  case UVWS__OP_CONTINUATION:
  case UVWS__OP_TEXT:
  case UVWS__OP_BINARY:
    return take_data_header(in, frame, fault);
  case UVWS__OP_CLOSE:
    if (frame->payload_len == 1)
      return uvws__fault_protocol(fault, "a Close frame with a payload of 1 byte");
    break;
  case UVWS__OP_PING:
  case UVWS__OP_PONG:
    break;
  default:
    return uvws__fault_protocol(fault, "a reserved opcode (RFC 6455 5.2)");
  }
  in->control_len = 0;
  return 0;
}

static int close_event(const uint8_t *data, size_t len, struct uvws__inbound_event *event,
                       struct uvws__fault *fault) {
  event->code = UVWS__CLOSE_NO_STATUS;
  event->data = data;
  event->len = 0;
  if (len == 0) return UVWS__IN_CLOSE;
  event->code = data[0] << 8 | data[1];
  event->data = data + 2;
  event->len = len - 2;
  if (!uvws__close_code_is_valid(event->code)) return uvws__fault_close_code(fault, event->code);
  if (!uvws__utf8_is_valid(event->data, event->len))
    return uvws__fault_utf8(fault, "a close reason");
  return UVWS__IN_CLOSE;
}

static int take_control(struct uvws__inbound *in, const struct uvws__frame *frame,
                        struct uvws__inbound_event *event, struct uvws__fault *fault) {
  const uint8_t *data = frame->data;
  size_t len = frame->len;
  if (!frame->is_first || !frame->is_last) {
    if (!in->control) in->control = uvws__alloc(in->env, UVWS__CONTROL_MAX);
    if (!in->control) return uvws__fault_memory(fault);
    if (frame->len) memcpy(in->control + in->control_len, frame->data, frame->len);
    in->control_len += (uint8_t)frame->len;
    data = in->control;
    len = in->control_len;
  }
  if (!frame->is_last) return UVWS__IN_MORE;
  if (frame->opcode == UVWS__OP_CLOSE) return close_event(data, len, event, fault);
  event->data = data;
  event->len = len;
  return frame->opcode == UVWS__OP_PING ? UVWS__IN_PING : UVWS__IN_PONG;
}

static void swap(struct uvws__bytes *a, struct uvws__bytes *b) {
  struct uvws__bytes c = *a;
  *a = *b;
  *b = c;
}

/* Payload that was read into the message's own room is in its place already. */
static int keep(struct uvws__inbound *in, const struct uvws__frame *frame) {
  struct uvws__bytes *m = &in->message;
  if (m->data && frame->data == m->data + m->len) {
    m->len += frame->len;
    return 0;
  }
  int err = uvws__inbound_borrow(in);
  return err ? err : uvws__bytes_append(in->env, m, frame->data, frame->len);
}

int uvws__inbound_judge(struct uvws__inbound *in, const uint8_t *data, size_t len, int is_whole,
                        struct uvws__fault *fault) {
  if (in->kind != UVWS__OP_TEXT) return 0;
  if (!uvws__utf8_feed(&in->utf8, data, len)) return uvws__fault_utf8(fault, "text");
  if (is_whole && !uvws__utf8_is_whole(&in->utf8)) return uvws__fault_utf8(fault, "text");
  return 0;
}

int uvws__inbound_chunk(struct uvws__inbound *in, const uint8_t *data, size_t len, int is_last,
                        struct uvws__inbound_event *event) {
  if (!len && !is_last) return UVWS__IN_MORE;
  event->kind = in->kind == UVWS__OP_TEXT ? UVWS_TEXT : UVWS_BINARY;
  event->is_first = !in->is_begun;
  event->is_last = is_last;
  event->data = data;
  event->len = len;
  in->is_begun = 1;
  if (is_last) in->kind = 0;
  return UVWS__IN_CHUNK;
}

int uvws__inbound_message(struct uvws__inbound *in, const uint8_t *data, size_t len,
                          struct uvws__inbound_event *event) {
  event->kind = in->kind == UVWS__OP_TEXT ? UVWS_TEXT : UVWS_BINARY;
  event->data = data;
  event->len = len;
  in->kind = 0;
  return UVWS__IN_MESSAGE;
}

int uvws__inbound_kept(struct uvws__inbound *in, struct uvws__inbound_event *event) {
  return uvws__inbound_message(in, in->message.data + UVWS__LEAD, in->message.len - UVWS__LEAD,
                               event);
}

static int take_data(struct uvws__inbound *in, const struct uvws__frame *frame,
                     struct uvws__inbound_event *event, struct uvws__fault *fault) {
  int is_whole = frame->fin && frame->is_last;
  int err = uvws__inbound_judge(in, frame->data, frame->len, is_whole, fault);
  if (err) return err;
  in->total += frame->len;
  if (in->is_chunked) return uvws__inbound_chunk(in, frame->data, frame->len, is_whole, event);
  if (is_whole && frame->is_first && in->fragments == 1)
    return uvws__inbound_message(in, frame->data, frame->len, event);
  if (keep(in, frame) != 0) return uvws__fault_memory(fault);
  if (!is_whole) return UVWS__IN_MORE;
  return uvws__inbound_kept(in, event);
}

static int take_piece(struct uvws__inbound *in, const struct uvws__frame *frame,
                      struct uvws__inbound_event *event, struct uvws__fault *fault) {
  if (frame->is_first) {
    in->counts.frames++;
    if (in->on_frame) in->on_frame(in->on_frame_arg, frame);
    int err = take_header(in, frame, fault);
    if (err) return err;
  }
  if (is_control(frame->opcode)) return take_control(in, frame, event, fault);
  if (!in->is_compressed) return take_data(in, frame, event, fault);
  in->counts.compressed += frame->len;
  in->piece = (struct uvws__piece){frame->data, frame->len};
  in->is_last_piece = frame->fin && frame->is_last;
  in->is_expanding = 1;
  return uvws__expand(in, event, fault);
}

/* A message whose one frame is whole in the input needs none of the state above. */
static int take_whole(struct uvws__inbound *in, struct uvws__framer *framer,
                      struct uvws__inbound_event *event, struct uvws__fault *fault) {
  int opcode =
      uvws__framer_take_whole(framer, in->limits.max_message_size, &event->data, &event->len);
  if (!opcode) return UVWS__IN_MORE;
  if (opcode == UVWS__OP_TEXT && !uvws__utf8_is_valid(event->data, event->len))
    return uvws__fault_utf8(fault, "text");
  in->counts.frames++;
  event->kind = opcode == UVWS__OP_TEXT ? UVWS_TEXT : UVWS_BINARY;
  return UVWS__IN_MESSAGE;
}

/* By itself, so that the way of a whole message saves no registers for it. */
NOINLINE static int next_by_pieces(struct uvws__inbound *in, struct uvws__framer *framer,
                                   struct uvws__inbound_event *event, struct uvws__fault *fault) {
  const struct uvws__frame *frame;
  int answer = in->is_expanding ? uvws__expand(in, event, fault) : UVWS__IN_MORE;
  while (answer == UVWS__IN_MORE) {
    answer = uvws__framer_next(framer, &frame);
    if (answer == UVWS__FRAME_MORE) return UVWS__IN_MORE;
    if (answer < 0) return uvws__fault_protocol(fault, "a malformed header (RFC 6455 5.2, 5.5)");
    answer = take_piece(in, frame, event, fault);
  }
  return answer;
}

int uvws__inbound_next(struct uvws__inbound *in, struct uvws__framer *framer,
                       struct uvws__inbound_event *event, struct uvws__fault *fault) {
  if (!in->kind && !in->wants_chunks && !in->on_frame) {
    int answer = take_whole(in, framer, event, fault);
    if (answer) return answer;
  }
  return next_by_pieces(in, framer, event, fault);
}

/* A piece that is being expanded lies in front of what the framer has not looked at. */
void uvws__inbound_feed(struct uvws__inbound *in, struct uvws__framer *framer, const uint8_t *data,
                        size_t len) {
  size_t piece_len = in->is_expanding ? in->piece.len : 0;
  in->piece.data = data;
  uvws__framer_feed(framer, data + piece_len, len - piece_len);
}

size_t uvws__inbound_rest(const struct uvws__inbound *in, const struct uvws__framer *framer,
                          const uint8_t **data) {
  size_t len = uvws__framer_left(framer, data);
  if (!in->is_expanding) return len;
  *data = in->piece.data;
  return in->piece.len + len;
}

int uvws__inbound_borrow(struct uvws__inbound *in) {
  struct uvws__bytes *m = &in->message;
  if (!m->data) swap(m, &in->shared->spare);
  if (m->len) return 0;
  int err = uvws__bytes_reserve(in->env, m, UVWS__LEAD);
  if (!err) m->len = UVWS__LEAD;
  return err;
}

void uvws__inbound_release(struct uvws__inbound *in) {
  struct uvws__bytes *m = &in->message;
  if (!m->data || in->kind) return;
  m->len = 0;
  if (m->cap <= SPARE_MAX && m->cap > in->shared->spare.cap) swap(m, &in->shared->spare);
  uvws__bytes_deinit(in->env, m);
}

uint8_t *uvws__inbound_room(struct uvws__inbound *in, const struct uvws__framer *framer,
                            size_t least, size_t *room) {
  uint64_t awaited = uvws__framer_awaited(framer);
  struct uvws__bytes *m = &in->message;
  if (!in->kind || in->is_chunked || in->is_compressed || awaited < least || m->len <= UVWS__LEAD)
    return NULL;
  if (m->cap - m->len < least && uvws__bytes_reserve(in->env, m, least) != 0) return NULL;
  size_t free_room = m->cap - m->len;
  *room = awaited < free_room ? (size_t)awaited : free_room;
  return m->data + m->len;
}
