/* The negotiation of permessage-deflate (RFC 7692 7.1), the one extension that is offered. */
#ifndef UVWS_PROTO_EXTENSION_H
#define UVWS_PROTO_EXTENSION_H

#include "util/errors.h"

#define UVWS__WINDOW_BITS_MIN 8
#define UVWS__WINDOW_BITS_MAX 15

/* What we wish for, in the offer's order. Bits: 0: not mentioned (the server's) or mentioned
 * without a value (ours: the server may choose). */
struct uvws__deflate_offer {
  int server_no_context_takeover;
  int client_no_context_takeover;
  int server_max_window_bits;
  int client_max_window_bits;
};

/* What was agreed. Zeroed: no compression. */
struct uvws__deflate_terms {
  uint8_t is_agreed;
  uint8_t server_no_context_takeover;
  uint8_t client_no_context_takeover;
  uint8_t server_max_window_bits; /* 8 to 15 */
  uint8_t client_max_window_bits;
};

#define UVWS__OFFER_MAX 160

/* The value of Sec-WebSocket-Extensions, with NUL. */
void uvws__extension_offer(const struct uvws__deflate_offer *offer, char out[UVWS__OFFER_MAX]);

/* Judge the server's answer to that offer: nothing unknown, unoffered or twice, window bits 8 to 15
 * and no larger than offered, what we asked of the server granted. Returns 0 or UVWS_EHANDSHAKE. */
int uvws__extension_answer(const char *answer, const struct uvws__deflate_offer *offer,
                           struct uvws__detail *detail, struct uvws__deflate_terms *out);

#endif
