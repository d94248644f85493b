/* The server's answer to an offer of permessage-deflate. */
#include "fuzz.h"
#include "proto/extension.h"

static void check(const struct uvws__deflate_offer *offer,
                  const struct uvws__deflate_terms *terms) {
  MUST(terms->server_max_window_bits >= 8 && terms->server_max_window_bits <= 15);
  MUST(terms->client_max_window_bits >= 8 && terms->client_max_window_bits <= 15);
  if (offer->server_no_context_takeover) MUST(terms->server_no_context_takeover);
  if (offer->client_no_context_takeover) MUST(terms->client_no_context_takeover);
  if (offer->server_max_window_bits)
    MUST(terms->server_max_window_bits <= offer->server_max_window_bits);
  if (offer->client_max_window_bits)
    MUST(terms->client_max_window_bits <= offer->client_max_window_bits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct fuzz_input in = {data, len};
  uint8_t flags = fuzz_byte(&in);
  struct uvws__deflate_offer offer = {.server_no_context_takeover = flags & 1,
                                      .client_no_context_takeover = flags >> 1 & 1,
                                      .server_max_window_bits = flags & 4 ? 8 + (flags >> 5) : 0,
                                      .client_max_window_bits = flags & 8 ? 8 + (flags >> 5) : 0};
  struct uvws__deflate_terms terms = {0};
  struct uvws__detail detail = {{0}};
  char *answer = fuzz_text(&in);
  int err = uvws__extension_answer(answer, &offer, &detail, &terms);
  free(answer);
  if (!err) check(&offer, &terms);
  MUST(err == 0 || (err == UVWS_EHANDSHAKE && detail.text[0]));
  return 0;
}
