/*
 * The message layer on the way in (RFC 6455 5.4 to 5.6): frames become messages, pings, pongs and a
 * Close. Pulled, not pushed: the connection asks for the next event, calls the user, asks again.
 */
#ifndef UVWS_PROTO_INBOUND_H
#define UVWS_PROTO_INBOUND_H

#include "proto/frame.h"
#include "proto/utf8.h"
#include "util/bytes.h"
#include "util/errors.h"

#define UVWS__CONTROL_MAX 125 /* payload of a control frame (RFC 6455 5.5) */

struct uvws__inbound_limits {
  size_t max_message_size;
  size_t max_fragments;
};

struct uvws__inbound {
  const struct uvws__env *env;
  struct uvws__inbound_limits limits;
  struct uvws__bytes *spare; /* a buffer that all messages of a loop take turns with */

  /* The message at hand. */
  uint8_t kind; /* UVWS__OP_TEXT or UVWS__OP_BINARY; 0: between messages */
  struct uvws__utf8 utf8;
  struct uvws__bytes message; /* what came so far, unless it is whole in the input */
  size_t fragments;

  /* The control frame at hand. */
  uint8_t control_len;
  uint8_t control[UVWS__CONTROL_MAX];
};

enum uvws__inbound_event_type {
  UVWS__IN_MORE = 0, /* the input is used up */
  UVWS__IN_MESSAGE,
  UVWS__IN_PING,
  UVWS__IN_PONG,
  UVWS__IN_CLOSE
};

struct uvws__inbound_event {
  uvws_kind_t kind;    /* of a message */
  int code;            /* of a Close: 1005 when it had none */
  const uint8_t *data; /* payload, or a Close's reason; valid until the next call */
  size_t len;
};

/* The answer for a peer that broke a rule: the code for our Close frame. */
struct uvws__inbound_fault {
  int close_code;
  struct uvws__detail detail;
};

void uvws__inbound_init(struct uvws__inbound *in, const struct uvws__env *env,
                        const struct uvws__inbound_limits *limits, struct uvws__bytes *spare);
void uvws__inbound_deinit(struct uvws__inbound *in);

/*
 * The next event out of the framer's input: one of the above, or UVWS_EPROTOCOL, UVWS_EUTF8,
 * UVWS_EMESSAGE_TOO_BIG, UVWS_ETOO_MANY_FRAGMENTS, UV_ENOMEM with `fault` filled in. After an
 * error, or IN_CLOSE, it must not be called again.
 */
int uvws__inbound_next(struct uvws__inbound *in, struct uvws__framer *framer,
                       struct uvws__inbound_event *event, struct uvws__inbound_fault *fault);

/* The message delivered last is done with: its memory becomes the spare one or is freed. */
void uvws__inbound_release(struct uvws__inbound *in);

/*
 * Room at the end of the message at hand, to read its payload into without a copy, when at least
 * `least` bytes of a frame are awaited; NULL otherwise. Memory grows with what has come, not with
 * what was announced. What is read there is then fed like any other input.
 */
uint8_t *uvws__inbound_room(struct uvws__inbound *in, const struct uvws__framer *framer,
                            size_t least, size_t *room);

#endif
