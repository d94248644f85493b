/* The replies of a SOCKS proxy: whole and in pieces they come to the same. Those of an HTTP proxy
 * are fuzz_head.c's. */
#include "fuzz.h"
#include "proto/socks.h"

struct outcome {
  int result;
  size_t used;
  uint64_t sent;
};

static struct outcome socks(struct fuzz_input in, uint8_t flags, uint32_t cuts, size_t fail_at) {
  struct uvws__socks_target target = {.version = flags & 1 ? UVWS__SOCKS_5 : UVWS__SOCKS_4A,
                                      .host = "example.org",
                                      .port = 443,
                                      .ip_len = flags & 2 ? (flags & 4 ? 16 : 4) : 0,
                                      .userinfo = flags & 8 ? "user:password" : NULL};
  struct uvws__detail detail = {{0}};
  struct uvws__bytes out = {0};
  struct uvws__socks talk = {0};
  struct fake_env fake;
  struct outcome o = {.sent = 1};
  uint32_t state = cuts;
  fake_env_init(&fake);
  fake.fail_at = fail_at;
  o.result = uvws__socks_begin(&fake.env, &talk, &target, &detail, &out);
  while (in.len && o.result == UVWS__SOCKS_MORE) {
    size_t len, used = 0;
    uint8_t *piece = fuzz_take(&in, cuts ? fuzz_cut(&state, in.len) : in.len, &len);
    o.result = uvws__socks_feed(&fake.env, &talk, piece, len, &detail, &out, &used);
    free(piece);
    MUST(used <= len);
    if (o.result == UVWS__SOCKS_MORE) MUST(used == len);
    if (o.result >= 0) o.used += used;
  }
  MUST(o.result >= 0 || o.result == UVWS__ENOMEM || detail.text[0]);
  if (out.len) fuzz_hash(&o.sent, out.data, out.len);
  uvws__bytes_deinit(&fake.env, &out);
  MUST(fake.live == 0);
  return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct fuzz_input in = {data, len};
  uint8_t flags = fuzz_byte(&in);
  uint32_t cuts = fuzz_byte(&in) + 1u;
  struct outcome whole = socks(in, flags, 0, 0);
  struct outcome cut = socks(in, flags, cuts, 0);
  MUST(whole.result == cut.result);
  if (whole.result >= 0) MUST(whole.used == cut.used && whole.sent == cut.sent);
  if (flags >> 4) (void)socks(in, flags, cuts, flags >> 4);
  return 0;
}
