/*
 * Frame headers in and out. What comes in is cut at every place, in memory of just the size; what
 * goes out is read by a parser of our own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_env.h"
#include "proto/frame.h"
#include "util/errors.h"

/*
 * In
 */

struct reader {
  struct fake_env fake;
  struct uvws__framer *framer;
  int frames; /* that are whole */
  int result; /* of the last call */
  uint8_t fin, rsv, opcode, mask;
  uint64_t payload_len;
  size_t got;
  uint8_t payload[70000];
};

static void reader_begin(struct reader *r) {
  memset(r, 0, sizeof *r);
  fake_env_init(&r->fake);
  assert_int_equal(uvws__framer_new(&r->fake.env, &r->framer), 0);
}

static void reader_end(struct reader *r) {
  uvws__framer_free(&r->fake.env, r->framer);
  assert_int_equal(r->fake.live, 0);
}

static void take_piece(struct reader *r, const struct uvws__frame *piece) {
  if (piece->is_first) {
    r->fin = piece->fin;
    r->rsv = piece->rsv;
    r->opcode = piece->opcode;
    r->mask = piece->mask;
    r->payload_len = piece->payload_len;
    r->got = 0;
  }
  assert_true(r->got + piece->len <= sizeof r->payload);
  if (piece->len) memcpy(r->payload + r->got, piece->data, piece->len);
  r->got += piece->len;
  assert_int_equal(piece->is_last, r->got == r->payload_len);
  assert_int_equal(uvws__framer_awaited(r->framer), r->payload_len - r->got);
  r->frames += piece->is_last;
}

static void feed(struct reader *r, const uint8_t *data, size_t len) {
  uint8_t *copy = malloc(len + !len);
  const struct uvws__frame *piece;
  const uint8_t *left;
  assert_non_null(copy);
  if (len) memcpy(copy, data, len);
  uvws__framer_feed(r->framer, copy, len);
  while ((r->result = uvws__framer_next(r->framer, &piece)) == UVWS__FRAME_PIECE)
    take_piece(r, piece);
  if (r->result == UVWS__FRAME_MORE) assert_int_equal(uvws__framer_left(r->framer, &left), 0);
  free(copy);
}

static size_t put_header(uint8_t *out, uint8_t first, uint64_t len) {
  size_t size = len < 126 ? 0 : len < 65536 ? 2 : 8;
  out[0] = first;
  out[1] = (uint8_t)(size == 0 ? len : size == 2 ? 126 : 127);
  for (size_t i = 0; i < size; i++)
    out[2 + i] = (uint8_t)(len >> (8 * (size - 1 - i)));
  return 2 + size;
}

static const size_t sizes[] = {0, 1, 2, 3, 124, 125, 126, 127, 128, 65535, 65536};
#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])

static uint8_t wire[2 * (70000 + 14)];

static size_t put_frame(uint8_t *out, uint8_t first, size_t len) {
  size_t at = put_header(out, first, len);
  for (size_t i = 0; i < len; i++)
    out[at + i] = (uint8_t)(i * 5 + 1);
  return at + len;
}

static void check_frame(const struct reader *r, size_t len) {
  assert_int_equal(r->payload_len, len);
  assert_int_equal(r->got, len);
  for (size_t i = 0; i < len; i++)
    if (r->payload[i] != (uint8_t)(i * 5 + 1)) fail_msg("byte %zu of %zu", i, len);
}

static void frames_of_every_size_are_read_at_every_cut(void **state) {
  (void)state;
  static struct reader r;
  for (size_t i = 0; i < COUNT_OF(sizes); i++) {
    size_t len = put_frame(wire, 0xC2, sizes[i]);
    size_t step = len > 1000 ? len / 37 : 1;
    for (size_t cut = 0; cut <= len; cut += cut < 20 ? 1 : step) {
      reader_begin(&r);
      feed(&r, wire, cut);
      feed(&r, wire + cut, len - cut);
      assert_int_equal(r.frames, 1);
      assert_int_equal(r.fin, 1);
      assert_int_equal(r.rsv, UVWS__RSV1);
      assert_int_equal(r.opcode, UVWS__OP_BINARY);
      assert_int_equal(r.mask, 0);
      check_frame(&r, sizes[i]);
      assert_true(uvws__framer_is_idle(r.framer));
      reader_end(&r);
    }
  }
}

static void frames_are_read_byte_by_byte(void **state) {
  (void)state;
  static struct reader r;
  reader_begin(&r);
  for (size_t i = 0; i < COUNT_OF(sizes) && sizes[i] < 1000; i++) {
    size_t len = put_frame(wire, 0x01, sizes[i]);
    for (size_t j = 0; j < len; j++) {
      feed(&r, wire + j, 1);
      assert_int_equal(uvws__framer_is_idle(r.framer), j + 1 == len);
    }
    assert_int_equal(r.frames, i + 1);
    assert_int_equal(r.fin, 0);
    check_frame(&r, sizes[i]);
  }
  reader_end(&r);
}

static void many_frames_come_in_one_read(void **state) {
  (void)state;
  static struct reader r;
  size_t len = 0;
  for (int i = 0; i < 500; i++)
    len += put_frame(wire + len, 0x82, (size_t)i % 130);
  reader_begin(&r);
  feed(&r, wire, len);
  assert_int_equal(r.frames, 500);
  check_frame(&r, 499 % 130);
  reader_end(&r);
}

static void header_is_told_before_its_payload(void **state) {
  (void)state;
  static struct reader r;
  static const uint8_t header[] = {0x82, 126, 0x10, 0x00};
  reader_begin(&r);
  feed(&r, header, sizeof header - 1);
  assert_int_equal(r.payload_len, 0);
  feed(&r, header + 3, 1);
  assert_int_equal(r.payload_len, 4096);
  assert_int_equal(r.got, 0);
  assert_int_equal(uvws__framer_awaited(r.framer), 4096);
  assert_false(uvws__framer_is_idle(r.framer));
  reader_end(&r);
}

static void masked_frame_is_told_as_such(void **state) {
  (void)state;
  static struct reader r;
  static const uint8_t bytes[] = {0x81, 0x82, 1, 2, 3, 4, 'x', 'y'};
  for (size_t cut = 0; cut <= sizeof bytes; cut++) {
    reader_begin(&r);
    feed(&r, bytes, cut);
    feed(&r, bytes + cut, sizeof bytes - cut);
    assert_int_equal(r.mask, 1);
    assert_int_equal(r.payload_len, 2);
    reader_end(&r);
  }
}

static const struct {
  const char *bytes;
  size_t len;
} malformed[] = {
#define BYTES(s)                                                                                   \
  { s, sizeof(s) - 1 }
    BYTES("\x82\x7E\x00\x7D"),
    BYTES("\x82\x7E\x00\x00"),
    BYTES("\x82\x7F\0\0\0\0\0\0\xFF\xFF"),
    BYTES("\x82\x7F\x80\0\0\0\0\0\0\0"),
    BYTES("\x82\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"),
    BYTES("\x09\x00"),
    BYTES("\x08\x00"),
    BYTES("\x89\x7E\x00\x7E"),
    BYTES("\x8A\x7F\0\0\0\0\0\x01\0\0"),
};

static void malformed_header_is_refused_at_every_cut(void **state) {
  (void)state;
  static struct reader r;
  for (size_t i = 0; i < COUNT_OF(malformed); i++)
    for (size_t cut = 0; cut < malformed[i].len; cut++) {
      const uint8_t *bytes = (const uint8_t *)malformed[i].bytes;
      reader_begin(&r);
      feed(&r, bytes, cut);
      if (r.result >= 0) feed(&r, bytes + cut, malformed[i].len - cut);
      assert_int_equal(r.result, UVWS_EPROTOCOL);
      assert_int_equal(r.frames, 0);
      assert_false(uvws__framer_is_idle(r.framer)); /* nobody else may use it */
      reader_end(&r);
    }
}

static void largest_length_is_awaited(void **state) {
  (void)state;
  static struct reader r;
  static const uint8_t header[] = {0x82, 127, 0x7F, 255, 255, 255, 255, 255, 255, 255, 'x'};
  reader_begin(&r);
  feed(&r, header, sizeof header);
  assert_int_equal(r.payload_len, INT64_MAX);
  assert_int_equal(uvws__framer_awaited(r.framer), INT64_MAX - 1);
  reader_end(&r);
}

static void whole_short_messages_are_taken_without_wslay_and_nothing_else_is(void **state) {
  (void)state;
  static struct reader r;
  const uint8_t *data;
  size_t len;
  for (unsigned first = 0; first < 256; first++)
    for (unsigned second = 0; second < 256; second++) {
      uint8_t bytes[2 + 125] = {(uint8_t)first, (uint8_t)second};
      int is_short = (first == 0x81 || first == 0x82) && second <= 125;
      reader_begin(&r);
      uvws__framer_feed(r.framer, bytes, sizeof bytes);
      int opcode = uvws__framer_take_whole(r.framer, SIZE_MAX, &data, &len);
      assert_int_equal(opcode, is_short ? (int)(first & 0x0F) : 0);
      if (is_short) assert_int_equal(len, second);
      if (is_short) assert_ptr_equal(data, bytes + 2);
      assert_int_equal(uvws__framer_left(r.framer, &data),
                       sizeof bytes - (is_short ? 2 + second : 0));
      reader_end(&r);
    }
}

static void way_without_wslay_waits_for_the_whole_frame(void **state) {
  (void)state;
  static struct reader r;
  const uint8_t *data;
  size_t len;
  const struct uvws__frame *piece;
  static const uint8_t bytes[] = {0x81, 3, 'a', 'b', 'c', 0x81, 0};
  for (size_t have = 0; have < 5; have++) {
    reader_begin(&r);
    uvws__framer_feed(r.framer, bytes, have);
    assert_int_equal(uvws__framer_take_whole(r.framer, SIZE_MAX, &data, &len), 0);
    while (uvws__framer_next(r.framer, &piece) == UVWS__FRAME_PIECE)
      take_piece(&r, piece);
    uvws__framer_feed(r.framer, bytes + have, sizeof bytes - have);
    if (have) assert_int_equal(uvws__framer_take_whole(r.framer, SIZE_MAX, &data, &len), 0);
    while (uvws__framer_next(r.framer, &piece) == UVWS__FRAME_PIECE)
      take_piece(&r, piece);
    assert_int_equal(r.frames, 2);
    reader_end(&r);
  }
}

static void way_without_wslay_takes_lengths_of_16_bits(void **state) {
  (void)state;
  static struct reader r;
  static uint8_t bytes[4 + 65535] = {0x82, 126};
  static const size_t lens[] = {0, 125, 126, 127, 65534, 65535};
  const uint8_t *data;
  size_t len;
  for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
    int is_minimal = lens[i] > 125;
    bytes[2] = (uint8_t)(lens[i] >> 8);
    bytes[3] = (uint8_t)lens[i];
    for (int is_cut = 0; is_cut < 2; is_cut++) {
      int is_whole = is_minimal && !is_cut;
      reader_begin(&r);
      uvws__framer_feed(r.framer, bytes, 4 + lens[i] - (size_t)is_cut);
      assert_int_equal(uvws__framer_take_whole(r.framer, lens[i] - 1, &data, &len), 0);
      assert_int_equal(uvws__framer_take_whole(r.framer, lens[i], &data, &len), is_whole ? 2 : 0);
      if (is_whole) assert_int_equal(len, lens[i]);
      if (is_whole) assert_ptr_equal(data, bytes + 4);
      reader_end(&r);
    }
  }
}

/*
 * Out
 */

struct written {
  struct fake_env fake;
  struct uvws__framer *framer;
  struct uvws__pool pool;
  struct uvws__chain chain;
  uint8_t bytes[140000];
  size_t len;
};

static void writer_begin(struct written *w) {
  memset(w, 0, sizeof *w);
  fake_env_init(&w->fake);
  uvws__pool_init(&w->pool, &w->fake.env);
  assert_int_equal(uvws__framer_new(&w->fake.env, &w->framer), 0);
}

static void writer_end(struct written *w) {
  uvws__chain_clear(&w->chain, &w->pool);
  uvws__pool_deinit(&w->pool);
  uvws__framer_free(&w->fake.env, w->framer);
  assert_int_equal(w->fake.live, 0);
}

static void drain(struct written *w) {
  for (struct uvws__block *b = w->chain.first; b; b = b->next) {
    memcpy(w->bytes + w->len, b->data + b->begin, b->end - b->begin);
    w->len += b->end - b->begin;
  }
  uvws__chain_clear(&w->chain, &w->pool);
}

static void check_wire(const struct written *w, uint8_t first, size_t len, const uint8_t key[4]) {
  uint8_t header[10];
  size_t at = put_header(header, first, len);
  header[1] |= 0x80;
  assert_int_equal(w->len, at + 4 + len);
  assert_memory_equal(w->bytes, header, at);
  assert_memory_equal(w->bytes + at, key, 4);
  for (size_t i = 0; i < len; i++)
    if ((w->bytes[at + 4 + i] ^ key[i % 4]) != (uint8_t)(i * 5 + 1)) fail_msg("byte %zu", i);
}

static uint8_t *filled(size_t len) {
  uint8_t *data = malloc(len + !len);
  assert_non_null(data);
  for (size_t i = 0; i < len; i++)
    data[i] = (uint8_t)(i * 5 + 1);
  return data;
}

/* The chain already holds `before` bytes, so that a header may straddle two blocks. */
static void write_one(size_t len, size_t before, size_t part) {
  static struct written w;
  struct uvws__frame_out frame = {
      .fin = 1, .opcode = UVWS__OP_TEXT, .key = {9, 8, 7, 6}, .payload_len = len};
  uint8_t *data = filled(len);
  uint8_t *padding = filled(before);
  writer_begin(&w);
  assert_int_equal(uvws__pool_reserve(&w.pool, before), 0);
  uvws__chain_append(&w.chain, &w.pool, padding, before);
  assert_int_equal(uvws__pool_reserve(&w.pool, len + UVWS__HEADER_MAX), 0);
  size_t done = 0;
  do {
    size_t n = len - done < part ? len - done : part;
    uvws__framer_write(w.framer, &frame, data + done, n, &w.chain, &w.pool);
    done += n;
  } while (done < len);
  assert_int_equal(frame.offset, len);
  uvws__chain_consume(&w.chain, &w.pool, before);
  drain(&w);
  check_wire(&w, 0x81, len, frame.key);
  free(data);
  free(padding);
  writer_end(&w);
}

static void frames_of_every_size_are_written_masked(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(sizes); i++)
    write_one(sizes[i], 0, SIZE_MAX);
}

static void frames_are_written_wherever_the_chain_stands(void **state) {
  (void)state;
  for (size_t before = UVWS__BLOCK_SIZE - 16; before <= UVWS__BLOCK_SIZE; before++) {
    write_one(0, before, SIZE_MAX);
    write_one(5, before, SIZE_MAX);
    write_one(300, before, SIZE_MAX);
    write_one(40000, before, SIZE_MAX);
  }
}

static void payload_may_be_handed_over_in_parts(void **state) {
  (void)state;
  write_one(65536, 0, 1000);
  write_one(65536, 0, 16384);
  write_one(1000, 0, 1);
  write_one(100, 0, 33);
}

static void bits_of_the_first_byte_are_written(void **state) {
  (void)state;
  static struct written w;
  for (unsigned first = 0; first < 256; first++) {
    struct uvws__frame_out frame = {.fin = (uint8_t)(first >> 7),
                                    .rsv = (first >> 4) & 7,
                                    .opcode = first & 0x0F,
                                    .key = {1, 2, 3, 4}};
    if ((frame.opcode & 8) && !frame.fin) continue; /* no such frame */
    writer_begin(&w);
    assert_int_equal(uvws__pool_reserve(&w.pool, UVWS__HEADER_MAX), 0);
    uvws__framer_write(w.framer, &frame, NULL, 0, &w.chain, &w.pool);
    drain(&w);
    check_wire(&w, (uint8_t)first, 0, frame.key);
    writer_end(&w);
  }
}

static void framer_without_memory_is_an_error(void **state) {
  (void)state;
  struct fake_env fake;
  struct uvws__framer *framer;
  fake_env_init(&fake);
  fake.fail_at = 1;
  assert_int_equal(uvws__framer_new(&fake.env, &framer), UVWS__ENOMEM);
  uvws__framer_free(&fake.env, NULL);
  assert_int_equal(fake.live, 0);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(frames_of_every_size_are_read_at_every_cut),
      cmocka_unit_test(frames_are_read_byte_by_byte),
      cmocka_unit_test(many_frames_come_in_one_read),
      cmocka_unit_test(header_is_told_before_its_payload),
      cmocka_unit_test(masked_frame_is_told_as_such),
      cmocka_unit_test(malformed_header_is_refused_at_every_cut),
      cmocka_unit_test(largest_length_is_awaited),
      cmocka_unit_test(whole_short_messages_are_taken_without_wslay_and_nothing_else_is),
      cmocka_unit_test(way_without_wslay_waits_for_the_whole_frame),
      cmocka_unit_test(way_without_wslay_takes_lengths_of_16_bits),
      cmocka_unit_test(frames_of_every_size_are_written_masked),
      cmocka_unit_test(frames_are_written_wherever_the_chain_stands),
      cmocka_unit_test(payload_may_be_handed_over_in_parts),
      cmocka_unit_test(bits_of_the_first_byte_are_written),
      cmocka_unit_test(framer_without_memory_is_an_error),
  };
  return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
