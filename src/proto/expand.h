/* Compressed messages on the way in (RFC 7692 7.2.2), a part of the message layer: proto/inbound.c.
 */
#ifndef UVWS_PROTO_EXPAND_H
#define UVWS_PROTO_EXPAND_H

#include "proto/inbound.h"

/* A compressed message begins. 0 or UV_ENOMEM. */
int uvws__expand_begin(struct uvws__inbound *in);

/* Go on with the piece at hand; answers like uvws__inbound_next, IN_MORE when it is used up. */
int uvws__expand(struct uvws__inbound *in, struct uvws__inbound_event *event,
                 struct uvws__fault *fault);

/* Of inbound.c: text is judged; events are made; the message takes over the loop's spare buffer.
 */
int uvws__inbound_judge(struct uvws__inbound *in, const uint8_t *data, size_t len, int is_whole,
                        struct uvws__fault *fault);
int uvws__inbound_chunk(struct uvws__inbound *in, const uint8_t *data, size_t len, int is_last,
                        struct uvws__inbound_event *event);
int uvws__inbound_message(struct uvws__inbound *in, const uint8_t *data, size_t len,
                          struct uvws__inbound_event *event);
int uvws__inbound_kept(struct uvws__inbound *in,
                       struct uvws__inbound_event *event); /* it is whole */
int uvws__inbound_borrow(struct uvws__inbound *in);        /* 0 or UV_ENOMEM */

#endif
