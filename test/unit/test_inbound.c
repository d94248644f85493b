/*
 * Frames into messages and control events. Every input is fed whole, byte by byte and cut in two at
 * every place, in memory of just the size, and must give the same events each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fake_env.h"
#include "proto/close_code.h"
#include "proto/inbound.h"

struct world {
  struct fake_env fake;
  struct uvws__inbound_shared shared;
  struct uvws__inbound in;
  struct uvws__framer *framer;
  struct uvws__fault fault;
  int result; /* of the last call */
  char diary[1024];
};

static const struct uvws__inbound_limits wide = {.max_message_size = 1 << 20, .max_fragments = 100};

static void begin(struct world *w, const struct uvws__inbound_limits *limits) {
  memset(w, 0, sizeof *w);
  fake_env_init(&w->fake);
  uvws__inbound_init(&w->in, &w->fake.env, limits, &w->shared);
  assert_int_equal(uvws__framer_new(&w->fake.env, &w->framer), 0);
}

static void end(struct world *w) {
  uvws__inbound_deinit(&w->in);
  uvws__inbound_shared_deinit(&w->fake.env, &w->shared);
  uvws__framer_free(&w->fake.env, w->framer);
  assert_int_equal(w->fake.live, 0);
}

static void note(struct world *w, const struct uvws__inbound_event *event) {
  static const char *const names[] = {"", "message", "chunk", "ping", "pong", "close"};
  size_t used = strlen(w->diary);
  int len = snprintf(w->diary + used, sizeof w->diary - used, "%s", names[w->result]);
  used += (size_t)len;
  if (w->result == UVWS__IN_MESSAGE)
    used += (size_t)snprintf(w->diary + used, sizeof w->diary - used, "%d", (int)event->kind);
  if (w->result == UVWS__IN_CLOSE)
    used += (size_t)snprintf(w->diary + used, sizeof w->diary - used, "%d", event->code);
  snprintf(w->diary + used, sizeof w->diary - used, "(%.*s) ", (int)event->len,
           event->len ? (const char *)event->data : "");
}

static void feed(struct world *w, const uint8_t *data, size_t len) {
  if (w->result < 0 || w->result == UVWS__IN_CLOSE) return;
  uint8_t *copy = malloc(len + !len);
  struct uvws__inbound_event event = {0};
  assert_non_null(copy);
  if (len) memcpy(copy, data, len);
  uvws__inbound_feed(&w->in, w->framer, copy, len);
  for (;;) {
    w->result = uvws__inbound_next(&w->in, w->framer, &event, &w->fault);
    if (w->result <= 0) break;
    note(w, &event);
    if (w->result == UVWS__IN_MESSAGE) uvws__inbound_release(&w->in);
    if (w->result == UVWS__IN_CLOSE) break;
  }
  free(copy);
}

/*
 * Rows
 */

static const struct row {
  const char *bytes;
  size_t len;
  const char *diary;
  int error; /* 0: none */
  int close_code;
} rows[] = {
#define BYTES(s) s, sizeof(s) - 1
#define BAD UVWS_EPROTOCOL, 1002
#define BAD_TEXT UVWS_EUTF8, 1007
    {BYTES("\x81\x02hi"), "message1(hi) ", 0, 0},
    {BYTES("\x82\x02hi\x81\x00\x82\x00"), "message2(hi) message1() message2() ", 0, 0},
    {BYTES("\x01\x02he\x00\x00\x80\x03llo"), "message1(hello) ", 0, 0},
    {BYTES("\x02\x00\x80\x00\x81\x01x"), "message2() message1(x) ", 0, 0},
    {BYTES("\x01\x01\x61\x89\x04ping\x8A\x00\x80\x01z"), "ping(ping) pong() message1(az) ", 0, 0},
    {BYTES("\x88\x00"), "close1005() ", 0, 0},
    {BYTES("\x88\x02\x03\xE8"), "close1000() ", 0, 0},
    {BYTES("\x01\x01x\x88\x05\x0F\xA1why"), "close4001(why) ", 0, 0},
    {BYTES("\x01\x01\xE2\x80\x02\x82\xAC"), "message1(\xE2\x82\xAC) ", 0, 0},

    {BYTES("\x81\x02hi\x80\x01x"), "message1(hi) ", BAD},
    {BYTES("\x00\x00"), "", BAD},
    {BYTES("\x01\x01x\x82\x00"), "", BAD},
    {BYTES("\xC1\x00"), "", BAD},
    {BYTES("\xA9\x00"), "", BAD},
    {BYTES("\x83\x00"), "", BAD},
    {BYTES("\x8B\x00"), "", BAD},
    {BYTES("\x81\x80\x00\x00\x00\x00"), "", BAD},
    {BYTES("\x88\x01\x03"), "", BAD},
    {BYTES("\x88\x02\x03\xED"), "", BAD},
    {BYTES("\x88\x02\x00\x00"), "", BAD},
    {BYTES("\x09\x00"), "", BAD},
    {BYTES("\x82\x7E\x00\x01"), "", BAD},
    {BYTES("\x81\x01\xFF"), "", BAD_TEXT},
    {BYTES("\x81\x02\xE2\x82"), "", BAD_TEXT},
    {BYTES("\x01\x02\xE2\x82\x80\x00"), "", BAD_TEXT},
    {BYTES("\x81\x7E\x01\x00xx\xC0"), "", BAD_TEXT}, /* 256 announced, 3 come */
    {BYTES("\x88\x04\x03\xE8\xC3\x28"), "", BAD_TEXT},
};

static void check_row(const struct world *w, const struct row *row, size_t cut) {
  int result = row->error ? row->error : w->result;
  if (strcmp(w->diary, row->diary) != 0 || w->result != result)
    fail_msg("row %td, cut at %zu: %d, %s", row - rows, cut, w->result, w->diary);
  if (!row->error) return;
  assert_int_equal(w->fault.close_code, row->close_code);
  assert_true(w->fault.detail.text[0]);
}

static void events_are_the_same_at_every_cut(void **state) {
  (void)state;
  static struct world w;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const uint8_t *bytes = (const uint8_t *)rows[i].bytes;
    for (size_t cut = 0; cut <= rows[i].len; cut++) {
      begin(&w, &wide);
      feed(&w, bytes, cut);
      feed(&w, bytes + cut, rows[i].len - cut);
      check_row(&w, &rows[i], cut);
      end(&w);
    }
    begin(&w, &wide);
    for (size_t j = 0; j < rows[i].len; j++)
      feed(&w, bytes + j, 1);
    check_row(&w, &rows[i], SIZE_MAX);
    end(&w);
  }
}

/*
 * Limits
 */

static int result_of(const struct uvws__inbound_limits *limits, const char *bytes, size_t len) {
  static struct world w;
  begin(&w, limits);
  feed(&w, (const uint8_t *)bytes, len);
  int result = w.result;
  if (result < 0) assert_int_equal(w.fault.close_code, UVWS__CLOSE_TOO_BIG);
  end(&w);
  return result;
}

static void size_is_judged_by_the_header_and_by_the_sum(void **state) {
  (void)state;
  static const struct uvws__inbound_limits four = {4, 100};
  assert_int_equal(result_of(&four, BYTES("\x82\x04"
                                          "abcd")),
                   0);
  assert_int_equal(result_of(&four, BYTES("\x82\x05")), UVWS_EMESSAGE_TOO_BIG);
  assert_int_equal(result_of(&four, BYTES("\x02\x02xx\x80\x02yy")), 0);
  assert_int_equal(result_of(&four, BYTES("\x02\x02xx\x80\x03")), UVWS_EMESSAGE_TOO_BIG);
  assert_int_equal(result_of(&four, BYTES("\x02\x04xxxx\x80\x00\x82\x04yyyy")), 0);
  assert_int_equal(result_of(&four, BYTES("\x02\x01x\x80\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF")),
                   UVWS_EMESSAGE_TOO_BIG);
}

static void a_limit_above_short_frames_holds_for_them_too(void **state) {
  (void)state;
  static const struct uvws__inbound_limits limits[] = {{124, 1}, {125, 1}, {126, 1}};
  char bytes[2 + 125] = "\x82\x7D";
  assert_int_equal(result_of(&limits[0], bytes, sizeof bytes), UVWS_EMESSAGE_TOO_BIG);
  assert_int_equal(result_of(&limits[1], bytes, sizeof bytes), 0);
  assert_int_equal(result_of(&limits[2], bytes, sizeof bytes), 0);
}

static void no_limit_is_none(void **state) {
  (void)state;
  static const struct uvws__inbound_limits none = {UVWS_NO_LIMIT, UVWS_NO_LIMIT};
  assert_int_equal(result_of(&none, BYTES("\x82\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFFxyz")), 0);
}

static void fragments_are_counted_empty_ones_too(void **state) {
  (void)state;
  static const struct uvws__inbound_limits three = {100, 3};
  assert_int_equal(result_of(&three, BYTES("\x02\x00\x00\x00\x80\x00")), 0);
  assert_int_equal(result_of(&three, BYTES("\x02\x00\x00\x00\x00\x00\x80\x00")),
                   UVWS_ETOO_MANY_FRAGMENTS);
  assert_int_equal(result_of(&three, BYTES("\x02\x00\x89\x00\x89\x00\x89\x00\x80\x00")), 0);
}

/*
 * Memory
 */

static void announced_length_takes_no_memory(void **state) {
  (void)state;
  static const struct uvws__inbound_limits none = {UVWS_NO_LIMIT, 100};
  struct world w;
  begin(&w, &none);
  feed(&w, (const uint8_t *)"\x82\x7F\0\0\0\0\x40\0\0\0xyz", 13);
  assert_true(w.fake.largest < 16384);
  end(&w);
}

static void memory_of_messages_in_pieces_is_used_again(void **state) {
  (void)state;
  static struct world w;
  begin(&w, &wide);
  for (int i = 0; i < 100; i++) {
    size_t asked = w.fake.asked;
    feed(&w,
         (const uint8_t *)"\x02\x03"
                          "abc\x80\x03"
                          "def",
         10);
    if (i) assert_int_equal(w.fake.asked, asked);
    w.diary[0] = '\0';
  }
  end(&w);
}

static void message_without_memory_is_an_error_of_ours(void **state) {
  (void)state;
  struct world w;
  begin(&w, &wide);
  w.fake.fail_at = w.fake.asked + 1;
  feed(&w,
       (const uint8_t *)"\x02\x03"
                        "abc",
       5);
  assert_int_equal(w.result, UVWS__ENOMEM);
  assert_int_equal(w.fault.close_code, UVWS__CLOSE_INTERNAL_ERROR);
  end(&w);
}

/* As a connection reads: into the room when there is some. */
static void large_message_is_read_into_its_place(void **state) {
  (void)state;
  enum { LEN = 500000, LEAST = 65536 };
  static struct world w;
  static uint8_t first[4 + 6 + 1000];
  struct uvws__inbound_event event;
  size_t room = 0, in_place = 0;
  begin(&w, &wide);
  memcpy(first, "\x82\x7F\0\0\0\0\0\x07\xA1\x20", 10);
  assert_null(uvws__inbound_room(&w.in, w.framer, LEAST, &room));
  feed(&w, first, 10);
  assert_null(uvws__inbound_room(&w.in, w.framer, LEAST, &room)); /* nothing has come yet */
  feed(&w, first + 10, 1000);
  size_t came = 1000;
  while (came < LEN) {
    uint8_t *to = uvws__inbound_room(&w.in, w.framer, LEAST, &room);
    if (!to) break;
    assert_true(room >= LEAST && room <= LEN - came);
    size_t n = room < 70000 ? room : 70000;
    for (size_t i = 0; i < n; i++)
      to[i] = (uint8_t)(came + i);
    uvws__inbound_feed(&w.in, w.framer, to, n);
    w.result = uvws__inbound_next(&w.in, w.framer, &event, &w.fault);
    came += n;
    in_place += n;
    if (came < LEN) assert_int_equal(w.result, UVWS__IN_MORE);
    assert_true(w.fake.largest <= 2 * (came + LEAST));
  }
  assert_true(in_place > LEN / 2);
  while (came < LEN) {
    uint8_t byte = (uint8_t)came++;
    uvws__inbound_feed(&w.in, w.framer, &byte, 1);
    w.result = uvws__inbound_next(&w.in, w.framer, &event, &w.fault);
  }
  assert_int_equal(w.result, UVWS__IN_MESSAGE);
  assert_int_equal(event.len, LEN);
  for (size_t i = 1000; i < LEN; i++)
    if (event.data[i] != (uint8_t)i) fail_msg("byte %zu is wrong", i);
  uvws__inbound_release(&w.in);
  end(&w);
}

static void connections_in_the_middle_of_messages_do_not_share_memory(void **state) {
  (void)state;
  static struct world w;
  struct uvws__inbound other;
  struct uvws__inbound_event event;
  struct uvws__framer *framer;
  begin(&w, &wide);
  uvws__inbound_init(&other, &w.fake.env, &wide, &w.shared);
  assert_int_equal(uvws__framer_new(&w.fake.env, &framer), 0);
  feed(&w, (const uint8_t *)"\x02\x03one\x80\x01.", 8);
  feed(&w, (const uint8_t *)"\x02\x03one", 5);
  uvws__inbound_feed(&other, framer, (const uint8_t *)"\x02\x03two", 5);
  assert_int_equal(uvws__inbound_next(&other, framer, &event, &w.fault), UVWS__IN_MORE);
  feed(&w, (const uint8_t *)"\x80\x01!", 3);
  assert_string_equal(w.diary, "message2(one.) message2(one!) ");
  uvws__inbound_feed(&other, framer, (const uint8_t *)"\x80\x01?", 3);
  assert_int_equal(uvws__inbound_next(&other, framer, &event, &w.fault), UVWS__IN_MESSAGE);
  assert_memory_equal(event.data, "two?", 4);
  uvws__inbound_release(&other);
  uvws__inbound_deinit(&other);
  uvws__framer_free(&w.fake.env, framer);
  end(&w);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(events_are_the_same_at_every_cut),
      cmocka_unit_test(size_is_judged_by_the_header_and_by_the_sum),
      cmocka_unit_test(a_limit_above_short_frames_holds_for_them_too),
      cmocka_unit_test(no_limit_is_none),
      cmocka_unit_test(fragments_are_counted_empty_ones_too),
      cmocka_unit_test(announced_length_takes_no_memory),
      cmocka_unit_test(memory_of_messages_in_pieces_is_used_again),
      cmocka_unit_test(message_without_memory_is_an_error_of_ours),
      cmocka_unit_test(large_message_is_read_into_its_place),
      cmocka_unit_test(connections_in_the_middle_of_messages_do_not_share_memory),
  };
  return cmocka_run_group_tests_name("inbound", tests, NULL, NULL);
}
