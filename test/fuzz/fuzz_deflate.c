/*
 * Messages compressed by the library and expanded again, in fragments that the input chooses, must
 * come out as they went in, whatever the window, the takeover and the cuts.
 */
#include "fuzz.h"
#include "proto/inbound.h"

struct world {
  struct fake_env fake;
  struct uvws__inbound_shared shared;
  struct uvws__inbound in;
  struct uvws__framer *framer;
  struct uvws__deflater *deflater;
  struct uvws__deflater_options options;
  struct uvws__zstock stock;
};

/* One server frame. */
static void frame(struct uvws__bytes *wire, const struct uvws__env *env, uint8_t first,
                  const struct uvws__bytes *payload) {
  uint8_t header[4] = {first, (uint8_t)(payload->len < 126 ? payload->len : 126),
                       (uint8_t)(payload->len >> 8), (uint8_t)payload->len};
  MUST(payload->len < 65536);
  MUST(!uvws__bytes_append(env, wire, header, payload->len < 126 ? 2 : 4));
  MUST(!uvws__bytes_append(env, wire, payload->data, payload->len));
}

static void pack(struct world *w, const uint8_t *data, size_t len, uint32_t cuts,
                 struct uvws__bytes *wire) {
  struct uvws__bytes part = {0};
  const struct uvws__env *env = &w->fake.env;
  int is_first = 1;
  MUST(w->deflater || !uvws__deflater_take(env, &w->stock, &w->options, &w->deflater));
  do {
    size_t piece = len ? fuzz_cut(&cuts, len) * 16 : 0;
    if (piece > len) piece = len;
    int is_last = piece == len;
    part.len = 0;
    MUST(!uvws__deflate(w->deflater, data, piece, is_last, &part));
    frame(wire, env, (uint8_t)((is_last ? 0x80 : 0) | (is_first ? 0x42 : 0)), &part);
    data += piece;
    len -= piece;
    is_first = 0;
    if (is_last) break;
  } while (1);
  uvws__bytes_deinit(env, &part);
}

static void expect(struct world *w, const struct uvws__bytes *wire, uint32_t cuts,
                   const uint8_t *data, size_t len) {
  struct uvws__inbound_event event = {0};
  struct uvws__fault fault;
  int messages = 0;
  for (size_t at = 0; at < wire->len;) {
    size_t piece = fuzz_cut(&cuts, wire->len - at);
    uvws__inbound_feed(&w->in, w->framer, wire->data + at, piece);
    int type;
    while ((type = uvws__inbound_next(&w->in, w->framer, &event, &fault)) > 0) {
      MUST(type == UVWS__IN_MESSAGE && event.len == len && !memcmp(event.data, data, len));
      uvws__inbound_release(&w->in);
      messages++;
    }
    MUST(type == UVWS__IN_MORE);
    at += piece;
  }
  MUST(messages == 1);
}

static void converse(struct world *w, struct fuzz_input *in, int forgets) {
  while (in->len) {
    struct uvws__bytes wire = {0};
    uint32_t cuts = fuzz_byte(in);
    size_t len, want = fuzz_short(in) % 20000;
    uint8_t *data = fuzz_take(in, want, &len);
    pack(w, data, len, cuts, &wire);
    expect(w, &wire, cuts + 1, data, len);
    if (forgets) {
      uvws__deflater_give(&w->stock, w->deflater);
      w->deflater = NULL;
    }
    uvws__bytes_deinit(&w->fake.env, &wire);
    free(data);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  static const struct uvws__inbound_limits limits = {1 << 20, 65536};
  struct fuzz_input in = {data, len};
  struct world w = {0};
  uint8_t flags = fuzz_byte(&in);
  uint8_t forgets = flags & 1, bits = (uint8_t)(9 + (flags >> 1) % 7);
  fake_env_init(&w.fake);
  w.options = (struct uvws__deflater_options){bits, (uint8_t)(1 + (flags >> 4) % 9), 8};
  uvws__inbound_init(&w.in, &w.fake.env, &limits, &w.shared);
  w.in.terms = (struct uvws__deflate_terms){.is_agreed = 1,
                                            .server_no_context_takeover = forgets,
                                            .server_max_window_bits = bits,
                                            .client_max_window_bits = 15};
  MUST(!uvws__framer_new(&w.fake.env, &w.framer));
  converse(&w, &in, forgets);
  uvws__inbound_deinit(&w.in);
  uvws__inbound_shared_deinit(&w.fake.env, &w.shared);
  uvws__framer_free(&w.fake.env, w.framer);
  uvws__deflater_give(&w.stock, w.deflater);
  uvws__zstock_deinit(&w.stock);
  MUST(w.fake.live == 0);
  return 0;
}
