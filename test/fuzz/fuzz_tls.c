/*
 * What reaches TLS from the network: garbage from the first byte, a real handshake with bytes
 * flipped, and garbage behind a handshake; cut anywhere, ended anywhere, with writes, pauses and a
 * close in between. The transport must keep the rules of io/transport.h (tls_world checks them).
 */
#include "support/tls_world.h"

#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

enum mode { GARBAGE, FLIPPED, BEHIND, MODES };

static void flip(struct tls_world *w, struct fuzz_input *in) {
  uint16_t place = fuzz_short(in);
  uint8_t mask = fuzz_byte(in);
  if (w->wire.len > w->wire_done)
    w->wire.data[w->wire_done + place % (w->wire.len - w->wire_done)] ^= mask;
}

static void garbage(struct tls_world *w, struct fuzz_input *in) {
  static const struct uvws__env plain = {.realloc = uvws__env_realloc};
  size_t len;
  uint8_t *data = fuzz_take(in, fuzz_byte(in), &len);
  MUST(!uvws__bytes_append(&plain, &w->wire, data, len));
  free(data);
}

static void use(struct tls_world *w, struct fuzz_input *in) {
  uint8_t what = fuzz_byte(in);
  if (!w->t || w->lower.is_closing) return;
  switch (what % 6) {
  case 0:
    if (w->ready && !w->ended && !w->lower.is_writing && !w->is_inside_op)
      (void)tls_world_write(w, "hello", 5);
    break;
  case 1:
    tls_world_read_stop(w);
    break;
  case 2:
    (void)tls_world_read_start(w);
    break;
  case 3:
    tls_world_serve(w, "from the server", 15);
    break;
  case 4:
    w->cut_at = w->delivered;
    break;
  default:
    tls_world_close(w);
    break;
  }
}

static void converse(struct tls_world *w, struct fuzz_input *in, enum mode mode) {
  for (int steps = 0; in->len && steps < 50; steps++) {
    if (mode == FLIPPED && fuzz_byte(in) & 1) flip(w, in);
    if (mode != FLIPPED) garbage(w, in);
    tls_world_turn(w);
    if (w->t && w->ready) use(w, in);
  }
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  setenv("CMOCKA_TEST_ABORT", "1", 1); /* a rule that tls_world sees broken is a crash */
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct fuzz_input in = {data, len};
  struct tls_world w;
  uint8_t flags = fuzz_byte(&in);
  enum mode mode = (enum mode)(flags % MODES);
  if (!tls_world_cert.x509) tls_world_set_up(NULL);
  struct tls_plan plan = tls_plan_for(flags & 0x10 ? TLS1_3_VERSION : TLS1_2_VERSION);
  tls_world_init(&w, &plan);
  w.chunk = flags & 0x20 ? (size_t)(1 + (flags >> 6) * 5) : SIZE_MAX;
  w.close_in = (flags & 0x40) ? (enum tls_event)(flags >> 2 & 7) % 6 : EVENT_NONE;
  if (w.close_in == EVENT_ALLOC) w.close_in = EVENT_NONE; /* not allowed there */
  if (mode == GARBAGE) w.server_is_deaf = 1;
  MUST(!tls_world_open(&w, &plan));
  if (mode == BEHIND) tls_world_turn(&w);
  converse(&w, &in, mode);
  w.server_is_deaf = 1;
  tls_world_deinit(&w);
  return 0;
}
