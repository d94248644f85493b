/*
 * The message layer on the way in. A rule is applied as soon as the bytes that break it are there:
 * to a header before its payload, to text inside a frame that is not complete.
 */
#include "proto/inbound.h"

#include <string.h>

#include "proto/close_code.h"

/* A larger buffer goes back to the system as soon as its message is delivered. */
#define SPARE_MAX ((size_t)4 << 20)

void uvws__inbound_init(struct uvws__inbound *in, const struct uvws__env *env,
                        const struct uvws__inbound_limits *limits, struct uvws__bytes *spare) {
  memset(in, 0, sizeof *in);
  in->env = env;
  in->limits = *limits;
  in->spare = spare;
}

void uvws__inbound_deinit(struct uvws__inbound *in) {
  uvws__bytes_deinit(in->env, &in->message);
}

static int protocol_fault(struct uvws__inbound_fault *fault, const char *text) {
  fault->close_code = UVWS__CLOSE_PROTOCOL_ERROR;
  return uvws__fail(&fault->detail, UVWS_EPROTOCOL, "%s", text);
}

static int utf8_fault(struct uvws__inbound_fault *fault, const char *what) {
  fault->close_code = UVWS__CLOSE_BAD_DATA;
  return uvws__fail(&fault->detail, UVWS_EUTF8, "%s is not valid UTF-8", what);
}

static int memory_fault(struct uvws__inbound_fault *fault) {
  fault->close_code = UVWS__CLOSE_INTERNAL_ERROR;
  return uvws__fail(&fault->detail, UVWS__ENOMEM, "no memory for a message");
}

static int is_control(uint8_t opcode) {
  return (opcode & 0x8) != 0;
}

/* The sum is judged before memory is taken (security: limit per message, not per frame). */
static int check_size(const struct uvws__inbound *in, const struct uvws__frame *frame,
                      struct uvws__inbound_fault *fault) {
  size_t max = in->limits.max_message_size;
  if (frame->payload_len <= max && in->message.len <= max - (size_t)frame->payload_len) return 0;
  fault->close_code = UVWS__CLOSE_TOO_BIG;
  return uvws__fail(&fault->detail, UVWS_EMESSAGE_TOO_BIG,
                    "a message is larger than max_message_size (%zu bytes)", max);
}

static int check_fragments(struct uvws__inbound *in, struct uvws__inbound_fault *fault) {
  if (in->fragments < in->limits.max_fragments) {
    in->fragments++;
    return 0;
  }
  fault->close_code = UVWS__CLOSE_TOO_BIG;
  return uvws__fail(&fault->detail, UVWS_ETOO_MANY_FRAGMENTS,
                    "a message has more than max_fragments (%zu) frames", in->limits.max_fragments);
}

static int take_data_header(struct uvws__inbound *in, const struct uvws__frame *frame,
                            struct uvws__inbound_fault *fault) {
  if (frame->opcode == UVWS__OP_CONTINUATION) {
    if (!in->kind)
      return protocol_fault(fault, "a continuation frame without a message to continue");
  } else {
    if (in->kind) return protocol_fault(fault, "a new message inside a fragmented one");
    in->kind = frame->opcode;
    in->fragments = 0;
    memset(&in->utf8, 0, sizeof in->utf8);
  }
  int err = check_size(in, frame, fault);
  return err ? err : check_fragments(in, fault);
}

static int take_header(struct uvws__inbound *in, const struct uvws__frame *frame,
                       struct uvws__inbound_fault *fault) {
  if (frame->mask) return protocol_fault(fault, "a masked frame (RFC 6455 5.1)");
  if (frame->rsv) return protocol_fault(fault, "reserved bits are set (RFC 6455 5.2)");
  switch (frame->opcode) {
  case UVWS__OP_CONTINUATION:
  case UVWS__OP_TEXT:
  case UVWS__OP_BINARY:
    return take_data_header(in, frame, fault);
  case UVWS__OP_CLOSE:
    if (frame->payload_len == 1)
      return protocol_fault(fault, "a Close frame with a payload of 1 byte");
    break;
  case UVWS__OP_PING:
  case UVWS__OP_PONG:
    break;
  default:
    return protocol_fault(fault, "a reserved opcode (RFC 6455 5.2)");
  }
  in->control_len = 0;
  return 0;
}

static int close_event(const uint8_t *data, size_t len, struct uvws__inbound_event *event,
                       struct uvws__inbound_fault *fault) {
  event->code = UVWS__CLOSE_NO_STATUS;
  event->data = data;
  event->len = 0;
  if (len == 0) return UVWS__IN_CLOSE;
  event->code = data[0] << 8 | data[1];
  event->data = data + 2;
  event->len = len - 2;
  if (!uvws__close_code_is_valid(event->code)) {
    fault->close_code = UVWS__CLOSE_PROTOCOL_ERROR;
    return uvws__fail(&fault->detail, UVWS_EPROTOCOL,
                      "a Close frame with the code %d, which may not be sent", event->code);
  }
  if (!uvws__utf8_is_valid(event->data, event->len))
    return utf8_fault(fault, "the reason of a Close frame");
  return UVWS__IN_CLOSE;
}

static int take_control(struct uvws__inbound *in, const struct uvws__frame *frame,
                        struct uvws__inbound_event *event, struct uvws__inbound_fault *fault) {
  const uint8_t *data = frame->data;
  size_t len = frame->len;
  if (!frame->is_first || !frame->is_last) {
    memcpy(in->control + in->control_len, frame->data, frame->len);
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

static int judge_text(struct uvws__inbound *in, const struct uvws__frame *frame, int is_whole,
                      struct uvws__inbound_fault *fault) {
  if (in->kind != UVWS__OP_TEXT) return 0;
  if (!uvws__utf8_feed(&in->utf8, frame->data, frame->len))
    return utf8_fault(fault, "a text message");
  if (is_whole && !uvws__utf8_is_whole(&in->utf8)) return utf8_fault(fault, "a text message");
  return 0;
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
  if (!m->data) swap(m, in->spare);
  return uvws__bytes_append(in->env, m, frame->data, frame->len);
}

static int take_data(struct uvws__inbound *in, const struct uvws__frame *frame,
                     struct uvws__inbound_event *event, struct uvws__inbound_fault *fault) {
  int is_whole = frame->fin && frame->is_last;
  int err = judge_text(in, frame, is_whole, fault);
  if (err) return err;
  event->kind = in->kind == UVWS__OP_TEXT ? UVWS_TEXT : UVWS_BINARY;
  if (is_whole && frame->is_first && in->fragments == 1) {
    event->data = frame->data;
    event->len = frame->len;
  } else {
    if (keep(in, frame) != 0) return memory_fault(fault);
    event->data = in->message.data;
    event->len = in->message.len;
  }
  if (!is_whole) return UVWS__IN_MORE;
  in->kind = 0;
  return UVWS__IN_MESSAGE;
}

int uvws__inbound_next(struct uvws__inbound *in, struct uvws__framer *framer,
                       struct uvws__inbound_event *event, struct uvws__inbound_fault *fault) {
  struct uvws__frame frame;
  for (;;) {
    int answer = uvws__framer_next(framer, &frame);
    if (answer == UVWS__FRAME_MORE) return UVWS__IN_MORE;
    if (answer < 0) return protocol_fault(fault, "a malformed frame header (RFC 6455 5.2, 5.5)");
    if (frame.is_first) {
      int err = take_header(in, &frame, fault);
      if (err) return err;
    }
    answer = is_control(frame.opcode) ? take_control(in, &frame, event, fault)
                                      : take_data(in, &frame, event, fault);
    if (answer != UVWS__IN_MORE) return answer;
  }
}

void uvws__inbound_release(struct uvws__inbound *in) {
  struct uvws__bytes *m = &in->message;
  if (!m->data || in->kind) return;
  m->len = 0;
  if (m->cap <= SPARE_MAX && m->cap > in->spare->cap) swap(m, in->spare);
  uvws__bytes_deinit(in->env, m);
}

uint8_t *uvws__inbound_room(struct uvws__inbound *in, const struct uvws__framer *framer,
                            size_t least, size_t *room) {
  uint64_t awaited = uvws__framer_awaited(framer);
  struct uvws__bytes *m = &in->message;
  if (!in->kind || awaited < least || m->len == 0) return NULL;
  if (m->cap - m->len < least && uvws__bytes_reserve(in->env, m, least) != 0) return NULL;
  size_t free_room = m->cap - m->len;
  *room = awaited < free_room ? (size_t)awaited : free_room;
  return m->data + m->len;
}
