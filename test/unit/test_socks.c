/*
 * SOCKS, the client's side. Each talk is fed whole and byte by byte; replies that are wrong are a
 * table; random ones end in an answer and never read or write past a buffer (the sanitizers look).
 */
#include "proto/socks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka needs the four above first. */
#include <cmocka.h>

#include "fake_env.h"

struct talk {
  struct fake_env fake;
  struct uvws__socks socks;
  struct uvws__socks_target target;
  struct uvws__bytes out;
  struct uvws__detail detail;
  size_t used;
};

static struct uvws__socks_target target_5(void) {
  return (struct uvws__socks_target){
      .version = UVWS__SOCKS_5, .host = "example.org", .port = 0x1234};
}

static void start(struct talk *t, const struct uvws__socks_target *target) {
  memset(t, 0, sizeof *t);
  fake_env_init(&t->fake);
  t->target = *target;
}

static int begin(struct talk *t) {
  return uvws__socks_begin(&t->fake.env, &t->socks, &t->target, &t->detail, &t->out);
}

static void expect_out(struct talk *t, const void *data, size_t len) {
  assert_int_equal(t->out.len, len);
  assert_memory_equal(t->out.data, data, len);
  t->out.len = 0;
}

/* `step` bytes at a time, until an answer other than MORE. */
static int feed(struct talk *t, const void *data, size_t len, size_t step) {
  const uint8_t *bytes = data;
  t->used = 0;
  while (t->used < len) {
    size_t part = len - t->used < step ? len - t->used : step, used = 0;
    /* Memory of its very size, so that a byte too far is seen. */
    uint8_t *copy = malloc(part);
    assert_non_null(copy);
    memcpy(copy, bytes + t->used, part);
    int answer = uvws__socks_feed(&t->fake.env, &t->socks, copy, part, &t->detail, &t->out, &used);
    free(copy);
    assert_true(used <= part);
    t->used += used;
    if (answer != UVWS__SOCKS_MORE) return answer;
    assert_int_equal(used, part);
  }
  return UVWS__SOCKS_MORE;
}

static void finish(struct talk *t) {
  uvws__bytes_deinit(&t->fake.env, &t->out);
  assert_int_equal(t->fake.live, 0);
}

#define FEED(t, text, step) feed(t, text, sizeof(text) - 1, step)
#define EXPECT_OUT(t, text) expect_out(t, text, sizeof(text) - 1)

static void a_name_is_asked_for_without_authentication(void **state) {
  (void)state;
  for (size_t step = 1; step < 40; step += 38) {
    struct talk t;
    struct uvws__socks_target target = target_5();
    start(&t, &target);
    assert_int_equal(begin(&t), 0);
    EXPECT_OUT(&t, "\x05\x01\x00");
    assert_int_equal(FEED(&t, "\x05\x00", step), UVWS__SOCKS_MORE);
    EXPECT_OUT(&t, "\x05\x01\x00\x03\x0b"
                   "example.org\x12\x34");
    assert_int_equal(FEED(&t, "\x05\x00\x00\x01\x7f\0\0\1\x1f\x90rest", step), UVWS__SOCKS_DONE);
    assert_int_equal(t.used, 10);
    finish(&t);
  }
}

static void user_and_password_are_told_when_asked(void **state) {
  (void)state;
  for (size_t step = 1; step < 40; step += 38) {
    struct talk t;
    struct uvws__socks_target target = target_5();
    target.userinfo = "me:pa:ss";
    start(&t, &target);
    assert_int_equal(begin(&t), 0);
    EXPECT_OUT(&t, "\x05\x02\x00\x02");
    assert_int_equal(FEED(&t, "\x05\x02", step), UVWS__SOCKS_MORE);
    EXPECT_OUT(&t, "\x01\x02me\x05pa:ss");
    assert_int_equal(FEED(&t, "\x01\x00", step), UVWS__SOCKS_MORE);
    assert_true(t.out.len > 10);
    assert_int_equal(FEED(&t, "\x05\x00\x00\x03\x02xy\x00\x50", step), UVWS__SOCKS_DONE);
    finish(&t);
  }
}

static void addresses_are_sent_as_addresses(void **state) {
  (void)state;
  struct talk t;
  struct uvws__socks_target target = target_5();
  memcpy(target.ip, "\x7f\0\0\1", 4);
  target.ip_len = 4;
  start(&t, &target);
  assert_int_equal(begin(&t), 0);
  t.out.len = 0;
  assert_int_equal(FEED(&t, "\x05\x00", 9), UVWS__SOCKS_MORE);
  EXPECT_OUT(&t, "\x05\x01\x00\x01\x7f\0\0\1\x12\x34");
  finish(&t);

  target.ip_len = 16;
  start(&t, &target);
  assert_int_equal(begin(&t), 0);
  t.out.len = 0;
  assert_int_equal(FEED(&t, "\x05\x00", 9), UVWS__SOCKS_MORE);
  EXPECT_OUT(&t, "\x05\x01\x00\x04\x7f\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\x12\x34");
  finish(&t);
}

static void socks4a_sends_the_name_behind_an_address_that_cannot_be(void **state) {
  (void)state;
  for (size_t step = 1; step < 40; step += 38) {
    struct talk t;
    struct uvws__socks_target target = target_5();
    target.version = UVWS__SOCKS_4A;
    target.userinfo = "me:secret";
    start(&t, &target);
    assert_int_equal(begin(&t), 0);
    EXPECT_OUT(&t, "\x04\x01\x12\x34\0\0\0\1me\0example.org\0");
    assert_int_equal(FEED(&t, "\x00\x5a\0\0\0\0\0\0!", step), UVWS__SOCKS_DONE);
    assert_int_equal(t.used, 8);
    finish(&t);
  }
}

static void a_host_has_255_bytes_at_most(void **state) {
  (void)state;
  for (size_t len = 255; len <= 256; len++) {
    for (int version = UVWS__SOCKS_4A; version <= UVWS__SOCKS_5; version++) {
      struct talk t;
      char host[257] = {0};
      memset(host, 'a', len);
      struct uvws__socks_target target = target_5();
      target.version = (enum uvws__socks_version)version;
      target.host = host;
      start(&t, &target);
      assert_int_equal(begin(&t), len == 255 ? 0 : UVWS_EPROXY);
      if (len == 255 && version == UVWS__SOCKS_5) {
        t.out.len = 0;
        assert_int_equal(FEED(&t, "\x05\x00", 9), UVWS__SOCKS_MORE);
        assert_int_equal(t.out.len, 5 + 255 + 2);
        assert_int_equal(t.out.data[4], 255);
      }
      if (len == 256) assert_non_null(strstr(t.detail.text, "255"));
      finish(&t);
    }
  }
}

static void user_and_password_have_255_bytes_at_most(void **state) {
  (void)state;
  for (size_t len = 255; len <= 256; len++) {
    for (int is_password = 0; is_password < 2; is_password++) {
      struct talk t;
      char userinfo[300] = {0};
      memset(userinfo, 'a', len + (size_t)(2 * is_password));
      if (is_password) userinfo[1] = ':';
      struct uvws__socks_target target = target_5();
      target.userinfo = userinfo;
      start(&t, &target);
      assert_int_equal(begin(&t), len == 255 ? 0 : UVWS_EPROXY);
      if (len == 255) assert_int_equal(FEED(&t, "\x05\x02", 9), UVWS__SOCKS_MORE);
      finish(&t);
    }
  }
}

static void socks4_cannot_say_ipv6(void **state) {
  (void)state;
  struct talk t;
  struct uvws__socks_target target = target_5();
  target.version = UVWS__SOCKS_4A;
  target.ip_len = 16;
  start(&t, &target);
  assert_int_equal(begin(&t), UVWS_EPROXY);
  finish(&t);
}

#define BYTES(text) text, sizeof(text) - 1

static const struct {
  enum uvws__socks_version version;
  const char *userinfo;
  const char *reply;
  size_t len;
  int err;
  const char *words;
} wrong[] = {
    {UVWS__SOCKS_5, NULL, BYTES("HTTP/1.1 400 Bad Request\r\n"), UVWS_EPROXY, "not SOCKS"},
    {UVWS__SOCKS_5, NULL, BYTES("\x04\x00"), UVWS_EPROXY, "not SOCKS"},
    {UVWS__SOCKS_5, NULL, BYTES("\x05\xff"), UVWS_EPROXY_AUTH, "user and password"},
    {UVWS__SOCKS_5, "u:p", BYTES("\x05\xff"), UVWS_EPROXY_AUTH, "another"},
    {UVWS__SOCKS_5, NULL, BYTES("\x05\x02"), UVWS_EPROXY, "not offered"},
    {UVWS__SOCKS_5, "u:p", BYTES("\x05\x01"), UVWS_EPROXY, "method 1"},
    {UVWS__SOCKS_5, "u:p", BYTES("\x05\x02\x01\x01"), UVWS_EPROXY_AUTH, "refused"},
    {UVWS__SOCKS_5, "u:p", BYTES("\x05\x02\x05\x00"), UVWS_EPROXY, "not SOCKS"},
    {UVWS__SOCKS_5, NULL, BYTES("\x05\x00\x04\x00"), UVWS_EPROXY, "not SOCKS"},
    {UVWS__SOCKS_5, NULL, BYTES("\x05\x00\x05\x00\x00\x02"), UVWS_EPROXY, "type 2"},
    {UVWS__SOCKS_5, NULL, BYTES("\x05\x00\x05\x00\x00\x00"), UVWS_EPROXY, "type 0"},
    {UVWS__SOCKS_5, NULL, BYTES("\x05\x00\x05\x01"), UVWS_EPROXY, "general failure"},
    {UVWS__SOCKS_5, NULL, BYTES("\x05\x00\x05\x02"), UVWS_EPROXY, "rules"},
    {UVWS__SOCKS_5, NULL, BYTES("\x05\x00\x05\x03"), UVWS_EPROXY, "network unreachable"},
    {UVWS__SOCKS_5, NULL, BYTES("\x05\x00\x05\x04"), UVWS_EPROXY, "host unreachable"},
    {UVWS__SOCKS_5, NULL, BYTES("\x05\x00\x05\x05"), UVWS_EPROXY, "connection refused (5)"},
    {UVWS__SOCKS_5, NULL, BYTES("\x05\x00\x05\x06"), UVWS_EPROXY, "time to live"},
    {UVWS__SOCKS_5, NULL, BYTES("\x05\x00\x05\x07"), UVWS_EPROXY, "command"},
    {UVWS__SOCKS_5, NULL, BYTES("\x05\x00\x05\x08"), UVWS_EPROXY, "address type"},
    {UVWS__SOCKS_5, NULL, BYTES("\x05\x00\x05\x09"), UVWS_EPROXY, "unknown failure (9)"},
    {UVWS__SOCKS_5, NULL, BYTES("\x05\x00\x05\xff"), UVWS_EPROXY, "unknown failure (255)"},
    {UVWS__SOCKS_4A, NULL, BYTES("\x04\x5a\0\0\0\0\0\0"), UVWS_EPROXY, "not SOCKS"},
    {UVWS__SOCKS_4A, NULL, BYTES("\x00\x5b\0\0\0\0\0\0"), UVWS_EPROXY, "(91)"},
    {UVWS__SOCKS_4A, NULL, BYTES("\x00\x5c\0\0\0\0\0\0"), UVWS_EPROXY_AUTH, "(92)"},
    {UVWS__SOCKS_4A, NULL, BYTES("\x00\x5d\0\0\0\0\0\0"), UVWS_EPROXY_AUTH, "(93)"},
    {UVWS__SOCKS_4A, NULL, BYTES("\x00\x00\0\0\0\0\0\0"), UVWS_EPROXY, "(0)"},
};

static void wrong_replies_are_refused_in_words(void **state) {
  (void)state;
  for (size_t i = 0; i < 2 * sizeof wrong / sizeof *wrong; i++) {
    struct talk t;
    struct uvws__socks_target target = target_5();
    target.version = wrong[i / 2].version;
    target.userinfo = wrong[i / 2].userinfo;
    start(&t, &target);
    assert_int_equal(begin(&t), 0);
    int err = feed(&t, wrong[i / 2].reply, wrong[i / 2].len, i % 2 ? 1 : 1000);
    if (err != wrong[i / 2].err || !strstr(t.detail.text, wrong[i / 2].words))
      fail_msg("row %zu: %d, %s", i / 2, err, t.detail.text);
    finish(&t);
  }
}

/* The name in a reply has 0 to 255 bytes; the byte behind the port is not the reply's. */
static void a_reply_with_a_name_of_any_length_ends_where_it_ends(void **state) {
  (void)state;
  for (size_t len = 0; len < 256; len++) {
    struct talk t;
    uint8_t reply[5 + 255 + 2 + 1] = {5, 0, 0, 3, (uint8_t)len};
    struct uvws__socks_target target = target_5();
    start(&t, &target);
    assert_int_equal(begin(&t), 0);
    assert_int_equal(FEED(&t, "\x05\x00", 9), UVWS__SOCKS_MORE);
    assert_int_equal(feed(&t, reply, 5 + len + 3, 1 + len % 7), UVWS__SOCKS_DONE);
    assert_int_equal(t.used, 5 + len + 2);
    finish(&t);
  }
}

static void random_replies_always_end_in_an_answer(void **state) {
  (void)state;
  uint32_t random = 1;
  for (int round = 0; round < 20000; round++) {
    struct talk t;
    uint8_t reply[600];
    struct uvws__socks_target target = target_5();
    target.version = round & 1 ? UVWS__SOCKS_5 : UVWS__SOCKS_4A;
    target.userinfo = round & 2 ? "u:p" : NULL;
    for (size_t i = 0; i < sizeof reply; i++) {
      random = random * 1664525 + 1013904223;
      reply[i] = (uint8_t)(random >> 24);
      if (i < 10 && random & 0x800000) reply[i] = (uint8_t[]){5, 0, 5, 0, 0, 3, 255, 1, 2, 90}[i];
    }
    start(&t, &target);
    assert_int_equal(begin(&t), 0);
    int answer = feed(&t, reply, sizeof reply, 1 + random % 50);
    assert_true(answer == UVWS__SOCKS_DONE || answer == UVWS_EPROXY || answer == UVWS_EPROXY_AUTH);
    finish(&t);
  }
}

static void each_allocation_may_fail(void **state) {
  (void)state;
  int is_done = 0;
  for (size_t n = 1; !is_done; n++) {
    struct talk t;
    struct uvws__socks_target target = target_5();
    target.userinfo = "u:p";
    start(&t, &target);
    t.fake.fail_at = n;
    int err = begin(&t);
    if (!err) {
      err = FEED(&t, "\x05\x02\x01\x00\x05\x00\x00\x01\0\0\0\0\0\0", 99);
    }
    assert_true(err == UVWS__ENOMEM || err == UVWS__SOCKS_DONE);
    is_done = err == UVWS__SOCKS_DONE;
    finish(&t);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_name_is_asked_for_without_authentication),
      cmocka_unit_test(user_and_password_are_told_when_asked),
      cmocka_unit_test(addresses_are_sent_as_addresses),
      cmocka_unit_test(socks4a_sends_the_name_behind_an_address_that_cannot_be),
      cmocka_unit_test(a_host_has_255_bytes_at_most),
      cmocka_unit_test(user_and_password_have_255_bytes_at_most),
      cmocka_unit_test(socks4_cannot_say_ipv6),
      cmocka_unit_test(wrong_replies_are_refused_in_words),
      cmocka_unit_test(a_reply_with_a_name_of_any_length_ends_where_it_ends),
      cmocka_unit_test(random_replies_always_end_in_an_answer),
      cmocka_unit_test(each_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
