/* Compression both ways: what goes in comes out, however it is cut; what is not DEFLATE is refused;
 * every allocation may fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_env.h"
#include "proto/deflate.h"
#include "util/errors.h"

#define LEN 60000

static struct fake_env fake;
static struct uvws__zstock stock;
static struct uvws__bytes packed;
static uint8_t input[LEN];
static uint8_t output[LEN + 64];

static const struct uvws__deflater_options usual = {15, 6, 8};
/* "Hello" as RFC 7692 7.2.3.1 has it. */
static const uint8_t hello[] = {0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00};

static int fresh(void **state) {
  (void)state;
  fake_env_init(&fake);
  memset(&stock, 0, sizeof stock);
  memset(&packed, 0, sizeof packed);
  uint32_t random = 1;
  for (size_t i = 0; i < LEN; i++) {
    random = random * 1664525 + 1013904223;
    input[i] = (uint8_t)("abcdefgh"[random >> 29] + (i % 100 == 0 ? random >> 24 : 0));
  }
  return 0;
}

static int nothing_leaked(void **state) {
  (void)state;
  uvws__bytes_deinit(&fake.env, &packed);
  uvws__zstock_deinit(&stock);
  return fake.live == 0 ? 0 : -1;
}

/* A message's payload in pieces of `in_step` into rooms of `out_step`. Answers like uvws__inflate.
 */
static int expand(struct uvws__inflater *i, const uint8_t *data, size_t len, size_t in_step,
                  size_t out_step, size_t *out_len) {
  size_t used, more;
  int answer = UVWS__INFLATE_MORE;
  *out_len = 0;
  while (len) {
    size_t n = len < in_step ? len : in_step;
    size_t room = sizeof output - *out_len < out_step ? sizeof output - *out_len : out_step;
    answer = uvws__inflate(i, data, n, &used, output + *out_len, room, &more);
    if (answer < 0) return answer;
    assert_true(used || more);
    data += used;
    len -= used;
    *out_len += more;
  }
  do {
    answer = uvws__inflate_end(i, output + *out_len, out_step, &more);
    if (answer < 0) return answer;
    *out_len += more;
    assert_true(*out_len <= LEN);
  } while (answer == UVWS__INFLATE_FULL);
  return answer;
}

static void take(uint8_t bits, struct uvws__inflater **out) {
  assert_int_equal(uvws__inflater_take(&fake.env, &stock, bits, out), 0);
}

static void pack(struct uvws__deflater *d, const uint8_t *data, size_t len) {
  packed.len = 0;
  assert_int_equal(uvws__deflate(d, data, len, 1, &packed), 0);
}

static void messages_come_back_under_every_window_and_cut(void **state) {
  (void)state;
  static const size_t lens[] = {1, 5, 100, 4096, LEN, 0, 300, LEN};
  static const size_t steps[] = {1, 7, 4096, LEN + 64};
  for (uint8_t bits = 9; bits <= 15; bits++) {
    for (size_t s = 0; s < 4; s++) {
      struct uvws__deflater_options options = {bits, (uint8_t)(1 + s * 2), (uint8_t)(s * 2 + 1)};
      struct uvws__deflater *d;
      struct uvws__inflater *i;
      assert_int_equal(uvws__deflater_take(&fake.env, &stock, &options, &d), 0);
      take(bits, &i);
      for (size_t l = 0; l < sizeof lens / sizeof *lens; l++) {
        size_t len;
        pack(d, input, lens[l]);
        assert_int_equal(expand(i, packed.data, packed.len, steps[s], steps[3 - s], &len), 0);
        assert_int_equal(len, lens[l]);
        assert_memory_equal(output, input, len);
      }
      uvws__deflater_give(&stock, d);
      uvws__inflater_give(&stock, i);
    }
  }
}

static void a_message_in_parts_is_one_message(void **state) {
  (void)state;
  struct uvws__deflater *d;
  struct uvws__inflater *i;
  size_t len;
  assert_int_equal(uvws__deflater_take(&fake.env, &stock, &usual, &d), 0);
  take(15, &i);
  for (int round = 0; round < 3; round++) {
    packed.len = 0;
    for (size_t at = 0; at < LEN; at += 6000) {
      assert_int_equal(uvws__deflate(d, input + at, 6000, 0, &packed), 0);
      assert_memory_equal(packed.data + packed.len - 4, "\0\0\xFF\xFF", 4);
      assert_int_equal(uvws__deflate(d, NULL, 0, 0, &packed), 0);
    }
    assert_int_equal(uvws__deflate(d, NULL, 0, 1, &packed), 0);
    assert_int_equal(packed.data[packed.len - 1], 0);
    assert_int_equal(expand(i, packed.data, packed.len, 1000, LEN, &len), 0);
    assert_int_equal(len, LEN);
    assert_memory_equal(output, input, LEN);
  }
  uvws__deflater_give(&stock, d);
  uvws__inflater_give(&stock, i);
}

static void an_empty_message_is_one_zero_byte(void **state) {
  (void)state;
  struct uvws__deflater *d;
  assert_int_equal(uvws__deflater_take(&fake.env, &stock, &usual, &d), 0);
  pack(d, NULL, 0);
  assert_int_equal(packed.len, 1);
  assert_int_equal(packed.data[0], 0);
  uvws__deflater_give(&stock, d);
}

struct payload {
  const char *bytes;
  size_t len;
  const char *text; /* NULL: refused */
};
#define PAYLOAD(bytes, text)                                                                       \
  { bytes, sizeof(bytes) - 1, text }

static const struct payload payloads[] = {
    PAYLOAD("\xF2\x48\xCD\xC9\xC9\x07\x00", "Hello"),
    PAYLOAD("\x00\x05\x00\xFA\xFFHello\x00", "Hello"),
    PAYLOAD("\xF3\x48\xCD\xC9\xC9\x07\x00\x00", "Hello"), /* BFINAL */
    PAYLOAD("\xF3\x48\xCD\xC9\xC9\x07\x00", "Hello"),     /* and nothing behind */
    PAYLOAD("\xF2\x48\x05\x00\x00\x00\xFF\xFF\xCA\xC9\xC9\x07\x00", "Hello"),
    PAYLOAD("\x01\x01\x00\xFE\xFF"
            "a\x01\x01\x00\xFE\xFF"
            "b\x01\x01\x00\xFE\xFF"
            "c\x00",
            "abc"),
    PAYLOAD("\x00", ""),
    PAYLOAD("", ""), /* not even the flush: nothing was there to flush */
    PAYLOAD("\xF2\x48\xCD\xC9\xC9\x07\x00\x00\x00\xFF\xFF", "Hello"), /* the tail left in */
    PAYLOAD("\x00\x05\x00\xFA\xFFHel", NULL),
    PAYLOAD("\x00\x05\x00\xFB\xFFHello", NULL),
    PAYLOAD("\xFF", NULL),
    PAYLOAD("\xF2\x48", NULL),
};

static void payloads_of_others_are_read_or_refused(void **state) {
  (void)state;
  for (size_t p = 0; p < sizeof payloads / sizeof *payloads; p++) {
    for (size_t step = 1; step < 20; step++) {
      const struct payload *payload = &payloads[p];
      struct uvws__inflater *i;
      size_t len;
      take(15, &i);
      for (int round = 0; round < 2; round++) {
        int answer = expand(i, (const uint8_t *)payload->bytes, payload->len, step, step, &len);
        assert_int_equal(answer, payload->text ? UVWS__INFLATE_MORE : UVWS_EPROTOCOL);
        if (!payload->text) break;
        assert_int_equal(len, strlen(payload->text));
        assert_memory_equal(output, payload->text, len);
      }
      uvws__inflater_give(&stock, i);
    }
  }
}

static void a_window_outlives_bfinal(void **state) {
  (void)state;
  /* "Hello" in a final block; then five bytes from five bytes back. */
  static const uint8_t again[] = {0x02, 0x13, 0x00, 0x00};
  struct uvws__inflater *i;
  size_t len;
  take(15, &i);
  assert_int_equal(expand(i, (const uint8_t *)payloads[3].bytes, payloads[3].len, 99, 99, &len), 0);
  int answer = expand(i, again, sizeof again, 1, 99, &len);
  assert_int_equal(answer, 0);
  assert_int_equal(len, 5);
  assert_memory_equal(output, "Hello", 5);
  uvws__inflater_give(&stock, i);
}

static void without_takeover_one_of_each_is_enough(void **state) {
  (void)state;
  struct uvws__deflater *d;
  struct uvws__inflater *i;
  size_t len, asked = 0;
  for (int round = 0; round < 5; round++) {
    if (round == 1) asked = fake.asked;
    assert_int_equal(uvws__deflater_take(&fake.env, &stock, &usual, &d), 0);
    take(12, &i);
    pack(d, input, 1000);
    assert_int_equal(expand(i, packed.data, packed.len, LEN, LEN, &len), 0);
    uvws__deflater_give(&stock, d);
    uvws__inflater_give(&stock, i);
  }
  assert_int_equal(fake.asked, asked);
}

static void what_is_given_back_has_forgotten(void **state) {
  (void)state;
  static const uint8_t again[] = {0x02, 0x13, 0x00, 0x00};
  struct uvws__inflater *i;
  size_t len;
  take(15, &i);
  assert_int_equal(expand(i, hello, sizeof hello, 99, 99, &len), 0);
  uvws__inflater_give(&stock, i);
  take(15, &i);
  assert_int_equal(expand(i, again, sizeof again, 99, 99, &len), UVWS_EPROTOCOL);
  uvws__inflater_give(&stock, i);
}

static void one_of_another_kind_is_made_anew(void **state) {
  (void)state;
  struct uvws__deflater_options other = usual;
  struct uvws__deflater *d;
  struct uvws__inflater *i;
  assert_int_equal(uvws__deflater_take(&fake.env, &stock, &usual, &d), 0);
  uvws__deflater_give(&stock, d);
  take(15, &i);
  uvws__inflater_give(&stock, i);
  size_t asked = fake.asked;
  other.window_bits = 9;
  assert_int_equal(uvws__deflater_take(&fake.env, &stock, &other, &d), 0);
  take(9, &i);
  assert_true(fake.asked > asked);
  uvws__deflater_give(&stock, d);
  uvws__inflater_give(&stock, i);
}

/* One message both ways, across BFINAL; 0 or an error. */
static int whole_story(void) {
  struct uvws__deflater *d = NULL;
  struct uvws__inflater *i = NULL;
  size_t len;
  int err = uvws__deflater_take(&fake.env, &stock, &usual, &d);
  if (!err) err = uvws__deflate(d, input, LEN, 1, &packed);
  if (!err) err = uvws__inflater_take(&fake.env, &stock, 15, &i);
  if (!err) err = expand(i, packed.data, packed.len, 999, 999, &len);
  if (!err) err = expand(i, (const uint8_t *)payloads[5].bytes, payloads[5].len, 1, 99, &len);
  uvws__deflater_give(&stock, d);
  uvws__inflater_give(&stock, i);
  uvws__zstock_deinit(&stock);
  uvws__bytes_deinit(&fake.env, &packed);
  return err;
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  assert_int_equal(whole_story(), 0);
  size_t count = fake.asked;
  assert_true(count > 10);
  for (size_t n = 1; n <= count; n++) {
    fake.asked = 0;
    fake.fail_at = n;
    assert_int_equal(whole_story(), UVWS__ENOMEM);
    assert_int_equal(fake.live, 0);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, nothing_leaked)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(messages_come_back_under_every_window_and_cut),
      TEST(a_message_in_parts_is_one_message),
      TEST(an_empty_message_is_one_zero_byte),
      TEST(payloads_of_others_are_read_or_refused),
      TEST(a_window_outlives_bfinal),
      TEST(without_takeover_one_of_each_is_enough),
      TEST(what_is_given_back_has_forgotten),
      TEST(one_of_another_kind_is_made_anew),
      TEST(every_allocation_may_fail),
  };
  return cmocka_run_group_tests_name("deflate", tests, NULL, NULL);
}
