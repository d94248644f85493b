/*
 * Compressed messages through the message layer: each input whole, then byte by byte, as whole
 * messages and as chunks; limits while expanding; memory that grows with what came.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fake_env.h"
#include "proto/inbound.h"

#define BIG 300000

static struct fake_env fake;
static struct uvws__inbound_shared shared;
static struct uvws__bytes wire;
static uint8_t data[BIG];
static char diary[4096];

struct setup {
  int is_chunked;
  int no_takeover;
  size_t max_message_size;
  size_t step; /* bytes fed at a time */
};

/* What the user sees: "text(abc) " or, in chunks, "<abc> "; large ones by length. */
static void note(const char *format, ...) {
  size_t used = strlen(diary);
  va_list args;
  va_start(args, format);
  vsnprintf(diary + used, sizeof diary - used, format, args);
  va_end(args);
}

static size_t seen; /* bytes of the message at hand that were right */

static void check(const struct uvws__inbound_event *event) {
  assert_true(seen + event->len <= BIG);
  if (event->len > 32) assert_memory_equal(event->data, data + seen, event->len);
}

static void take_chunk(const struct uvws__inbound_event *event) {
  assert_true(event->len <= UVWS__CHUNK_SIZE);
  assert_int_equal(event->is_first, seen == 0);
  assert_true(event->len || event->is_last);
  if (event->len > 32 || seen > 32) check(event);
  seen += event->len;
  if (!event->is_last) return;
  note("%s[%zu] ", event->kind == UVWS_TEXT ? "text" : "binary", seen);
  seen = 0;
}

static void take(int type, const struct uvws__inbound_event *event) {
  const char *kind = event->kind == UVWS_TEXT ? "text" : "binary";
  if (type == UVWS__IN_CHUNK) take_chunk(event);
  if (type == UVWS__IN_MESSAGE) {
    check(event);
    if (event->len <= 32) assert_true(event->len == 0 || event->data);
    note("%s[%zu] ", kind, event->len);
  }
  if (type == UVWS__IN_PING) note("ping ");
}

/* Feed all of `wire`; the answer that ended it, 0 when nothing did. */
static int feed(struct uvws__inbound *in, struct uvws__framer *framer, size_t step,
                struct uvws__fault *fault) {
  struct uvws__inbound_event event;
  for (size_t at = 0; at < wire.len; at += step) {
    size_t n = wire.len - at < step ? wire.len - at : step;
    uint8_t *copy = malloc(n); /* so that a read too far is seen */
    memcpy(copy, wire.data + at, n);
    uvws__inbound_feed(in, framer, copy, n);
    int type;
    while ((type = uvws__inbound_next(in, framer, &event, fault)) > 0) {
      take(type, &event);
      if (type == UVWS__IN_MESSAGE) uvws__inbound_release(in);
    }
    free(copy);
    if (type < 0) return type;
  }
  return 0;
}

static int play(const struct setup *setup, struct uvws__fault *fault) {
  struct uvws__inbound_limits limits = {setup->max_message_size ? setup->max_message_size : BIG,
                                        100};
  struct uvws__framer *framer;
  struct uvws__inbound in;
  diary[0] = '\0';
  seen = 0;
  if (uvws__framer_new(&fake.env, &framer) != 0) return UVWS__ENOMEM;
  uvws__inbound_init(&in, &fake.env, &limits, &shared);
  in.terms = (struct uvws__deflate_terms){1, (uint8_t)setup->no_takeover, 0, 15, 15};
  in.wants_chunks = (uint8_t)setup->is_chunked;
  int err = feed(&in, framer, setup->step, fault);
  uvws__inbound_deinit(&in);
  uvws__framer_free(&fake.env, framer);
  return err;
}

static void expect(const char *what, int err) {
  static const size_t steps[] = {1 << 20, 1, 3, 1000};
  for (int i = 0; i < 16; i++) {
    struct setup setup = {i & 1, i >> 1 & 1, 0, steps[i >> 2]};
    struct uvws__fault fault = {0};
    assert_int_equal(play(&setup, &fault), err);
    if (!err) assert_string_equal(diary, what);
    if (err) assert_true(fault.close_code && fault.detail.text[0]);
  }
}

/*
 * What the server sends
 */

static void put(const void *bytes, size_t len) {
  assert_int_equal(uvws__bytes_append(&fake.env, &wire, bytes, len), 0);
}

static void put_frame(int first, const void *payload, size_t len) {
  uint8_t header[4] = {(uint8_t)first, (uint8_t)(len < 126 ? len : 126), (uint8_t)(len >> 8),
                       (uint8_t)len};
  assert_true(len < 65536);
  put(header, len < 126 ? 2 : 4);
  put(payload, len);
}

#define PUT(first, literal) put_frame(first, literal, sizeof(literal) - 1)

enum { TEXT = 0xC1, BINARY = 0xC2, TEXT_PART = 0x41, BINARY_PART = 0x42, PART = 0x00, LAST = 0x80 };

static void pack(size_t len, struct uvws__bytes *out) {
  static const struct uvws__deflater_options options = {15, 6, 8};
  struct uvws__deflater *d;
  assert_int_equal(uvws__deflater_take(&fake.env, &shared.zstock, &options, &d), 0);
  assert_int_equal(uvws__deflate(d, data, len, 1, out), 0);
  uvws__deflater_give(&shared.zstock, d);
}

/* A message of `len` bytes in frames of `cut` bytes. */
static void put_packed(size_t len, size_t cut) {
  struct uvws__bytes packed = {0};
  pack(len, &packed);
  for (size_t at = 0; at < packed.len; at += cut) {
    size_t n = packed.len - at < cut ? packed.len - at : cut;
    put_frame((at ? 0 : 0x42) | (at + n == packed.len ? 0x80 : 0), packed.data + at, n);
  }
  uvws__bytes_deinit(&fake.env, &packed);
}

static int fresh(void **state) {
  (void)state;
  fake_env_init(&fake);
  memset(&shared, 0, sizeof shared);
  memset(&wire, 0, sizeof wire);
  for (size_t i = 0; i < BIG; i++)
    data[i] = (uint8_t)(i * i >> 7);
  return 0;
}

static int nothing_leaked(void **state) {
  (void)state;
  uvws__bytes_deinit(&fake.env, &wire);
  uvws__inbound_shared_deinit(&fake.env, &shared);
  return fake.live == 0 ? 0 : -1;
}

/*
 * Tests
 */

static void compressed_messages_arrive(void **state) {
  (void)state;
  PUT(TEXT, "\xF2\x48\xCD\xC9\xC9\x07\x00");
  PUT(0x81, "plain");
  PUT(BINARY, "\x00");
  PUT(TEXT, "");
  PUT(TEXT, "\xF3\x48\xCD\xC9\xC9\x07\x00\x00");
  put_packed(5000, 60000);
  expect("text[5] text[5] binary[0] text[0] text[5] binary[5000] ", 0);
}

static void fragments_and_pings_between_them_arrive(void **state) {
  (void)state;
  PUT(TEXT_PART, "");
  PUT(PART, "\xF2\x48");
  PUT(0x89, "p");
  PUT(PART, "");
  PUT(PART, "\xCD\xC9\xC9");
  PUT(0x89, "");
  PUT(LAST, "\x07\x00");
  put_packed(20000, 700);
  expect("ping ping text[5] binary[20000] ", 0);
}

static void every_length_around_the_expanders_steps_arrives(void **state) {
  (void)state;
  static const size_t lens[] = {16383, 16384, 16385, 32768, 65535, 65536, 65537, 131072, BIG};
  for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
    char what[64];
    wire.len = 0;
    put_packed(lens[i], 60000);
    snprintf(what, sizeof what, "binary[%zu] ", lens[i]);
    expect(what, 0);
  }
}

static void what_is_not_deflate_is_refused_before_the_frame_ends(void **state) {
  (void)state;
  put("\xC1\x7E\x10\x00\xFF\xFF", 6);
  expect("", UVWS_EPROTOCOL);
}

static void a_message_that_is_cut_in_a_block_is_refused(void **state) {
  (void)state;
  PUT(TEXT, "\x00\x05\x00\xFA\xFFHel");
  expect("", UVWS_EPROTOCOL);
}

static void bad_text_is_refused_before_the_frame_ends(void **state) {
  (void)state;
  put("\xC1\x7E\x10\x00\x00\x03\x00\xFC\xFF"
      "a\xC0\x80",
      12);
  expect("", UVWS_EUTF8);
}

static void text_that_ends_inside_a_character_is_refused(void **state) {
  (void)state;
  PUT(TEXT, "\x00\x02\x00\xFD\xFF\xE2\x98\x00");
  expect("", UVWS_EUTF8);
}

static void a_bomb_is_refused_with_little_memory(void **state) {
  (void)state;
  memset(data, 0, sizeof data);
  put_packed(BIG, 60000); /* 300 bytes */
  assert_true(wire.len < 1000);
  for (size_t step = 1; step < 2000; step *= 10) {
    for (int is_chunked = 0; is_chunked < 2; is_chunked++) {
      struct setup setup = {is_chunked, 0, 40000, step};
      struct uvws__fault fault = {0};
      fake.largest = 0;
      assert_int_equal(play(&setup, &fault), UVWS_EMESSAGE_TOO_BIG);
      assert_int_equal(fault.close_code, 1009);
      assert_true(fake.largest <= 2 * UVWS__CHUNK_SIZE);
    }
  }
}

static void the_limit_is_of_what_is_expanded(void **state) {
  (void)state;
  put_packed(40000, 60000);
  struct uvws__fault fault = {0};
  assert_int_equal(play(&(struct setup){0, 0, 40000, 1000}, &fault), 0);
  assert_int_equal(play(&(struct setup){0, 0, 39999, 1000}, &fault), UVWS_EMESSAGE_TOO_BIG);
  assert_int_equal(play(&(struct setup){1, 0, 40000, 1000}, &fault), 0);
  assert_int_equal(play(&(struct setup){1, 0, 39999, 1000}, &fault), UVWS_EMESSAGE_TOO_BIG);
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  PUT(TEXT_PART, "\xF2\x48");
  PUT(LAST, "\xCD\xC9\xC9\x07\x00");
  put_packed(50000, 60000);
  for (int i = 0; i < 4; i++) {
    struct setup setup = {i & 1, i >> 1, 0, 100};
    struct uvws__fault fault = {0};
    fake.asked = fake.fail_at = 0;
    uvws__inbound_shared_deinit(&fake.env, &shared);
    memset(&shared, 0, sizeof shared);
    assert_int_equal(play(&setup, &fault), 0);
    size_t count = fake.asked;
    for (size_t n = 1; n <= count; n++) {
      uvws__inbound_shared_deinit(&fake.env, &shared);
      memset(&shared, 0, sizeof shared);
      fake.asked = 0;
      fake.fail_at = n;
      assert_int_equal(play(&setup, &fault), UVWS__ENOMEM);
    }
    fake.fail_at = 0;
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, nothing_leaked)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(compressed_messages_arrive),
      TEST(fragments_and_pings_between_them_arrive),
      TEST(every_length_around_the_expanders_steps_arrives),
      TEST(what_is_not_deflate_is_refused_before_the_frame_ends),
      TEST(a_message_that_is_cut_in_a_block_is_refused),
      TEST(bad_text_is_refused_before_the_frame_ends),
      TEST(text_that_ends_inside_a_character_is_refused),
      TEST(a_bomb_is_refused_with_little_memory),
      TEST(the_limit_is_of_what_is_expanded),
      TEST(every_allocation_may_fail),
  };
  return cmocka_run_group_tests_name("expand", tests, NULL, NULL);
}
