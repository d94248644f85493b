/*
 * Frames from the server. Each row of bytes comes whole, byte by byte and glued to the 101, and
 * must give the same each time: what breaks RFC 6455 5 fails the connection with the right Close
 * code, once, and what does not is delivered.
 */
#include "support/fixture.h"

#include <stdio.h>

#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])

/*
 * Breaches
 */

struct breach {
  const char *name;
  const char *bytes;
  size_t len;
  int code; /* of our Close */
  const char *diary;
};

#define BYTES(s) s, sizeof(s) - 1
#define BAD 1002, "open error(UVWS_EPROTOCOL) close(1006) "
#define BAD_TEXT 1007, "open error(UVWS_EUTF8) close(1006) "

static const struct breach breaches[] = {
    {"rsv1_is_refused", BYTES("\xC1\x01x"), BAD},
    {"rsv2_is_refused", BYTES("\xA1\x01x"), BAD},
    {"rsv3_is_refused", BYTES("\x91\x01x"), BAD},
    {"rsv1_on_a_ping_is_refused", BYTES("\xC9\x00"), BAD},
    {"rsv1_on_a_close_is_refused", BYTES("\xC8\x02\x03\xE8"), BAD},
    {"rsv1_on_a_continuation_is_refused", BYTES("\x01\x01x\xC0\x01y"), BAD},
    {"opcode_3_is_refused", BYTES("\x83\x00"), BAD},
    {"opcode_4_is_refused", BYTES("\x84\x01x"), BAD},
    {"opcode_7_is_refused", BYTES("\x87\x00"), BAD},
    {"opcode_11_is_refused", BYTES("\x8B\x00"), BAD},
    {"opcode_12_is_refused", BYTES("\x8C\x01x"), BAD},
    {"opcode_15_is_refused", BYTES("\x8F\x00"), BAD},
    {"masked_text_is_refused", BYTES("\x81\x81\x01\x02\x03\x04y"), BAD},
    {"masked_empty_frame_is_refused", BYTES("\x82\x80\x00\x00\x00\x00"), BAD},
    {"masked_ping_is_refused", BYTES("\x89\x80\x01\x02\x03\x04"), BAD},
    {"fragmented_ping_is_refused", BYTES("\x09\x01x"), BAD},
    {"fragmented_pong_is_refused", BYTES("\x0A\x00"), BAD},
    {"fragmented_close_is_refused", BYTES("\x08\x02\x03\xE8"), BAD},
    {"ping_of_126_bytes_is_refused", BYTES("\x89\x7E\x00\x7E"), BAD},
    {"pong_of_65536_bytes_is_refused", BYTES("\x8A\x7F\0\0\0\0\0\x01\0\0"), BAD},
    {"close_of_126_bytes_is_refused", BYTES("\x88\x7E\x00\x7E"), BAD},
    {"continuation_of_nothing_is_refused", BYTES("\x80\x01x"), BAD},
    {"open_continuation_of_nothing_is_refused", BYTES("\x00\x00"), BAD},
    {"continuation_behind_a_whole_message_is_refused", BYTES("\x81\x01x\x80\x01y"), 1002,
     "open text(x) error(UVWS_EPROTOCOL) close(1006) "},
    {"text_inside_a_message_is_refused", BYTES("\x01\x01x\x81\x01y"), BAD},
    {"binary_inside_a_message_is_refused", BYTES("\x02\x01x\x02\x01y"), BAD},
    {"length_0_in_2_bytes_is_refused", BYTES("\x82\x7E\x00\x00"), BAD},
    {"length_125_in_2_bytes_is_refused", BYTES("\x82\x7E\x00\x7D"), BAD},
    {"length_125_in_8_bytes_is_refused", BYTES("\x82\x7F\0\0\0\0\0\0\0\x7D"), BAD},
    {"length_65535_in_8_bytes_is_refused", BYTES("\x82\x7F\0\0\0\0\0\0\xFF\xFF"), BAD},
    {"length_with_bit_63_is_refused", BYTES("\x82\x7F\x80\0\0\0\0\0\0\0"), BAD},
    {"length_of_all_ones_is_refused", BYTES("\x82\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), BAD},

    {"close_of_1_byte_is_refused", BYTES("\x88\x01\x03"), BAD},
    {"close_code_0_is_refused", BYTES("\x88\x02\x00\x00"), BAD},
    {"close_code_999_is_refused", BYTES("\x88\x02\x03\xE7"), BAD},
    {"close_code_1004_is_refused", BYTES("\x88\x02\x03\xEC"), BAD},
    {"close_code_1005_is_refused", BYTES("\x88\x02\x03\xED"), BAD},
    {"close_code_1006_is_refused", BYTES("\x88\x02\x03\xEE"), BAD},
    {"close_code_1015_is_refused", BYTES("\x88\x02\x03\xF7"), BAD},
    {"close_code_1016_is_refused", BYTES("\x88\x02\x03\xF8"), BAD},
    {"close_code_2999_is_refused", BYTES("\x88\x02\x0B\xB7"), BAD},
    {"close_code_5000_is_refused", BYTES("\x88\x02\x13\x88"), BAD},
    {"close_code_65535_is_refused", BYTES("\x88\x02\xFF\xFF"), BAD},
    {"close_reason_must_be_utf8", BYTES("\x88\x04\x03\xE8\xC3\x28"), BAD_TEXT},
    {"close_reason_must_not_be_cut", BYTES("\x88\x03\x03\xE8\xC3"), BAD_TEXT},

    {"text_must_be_utf8", BYTES("\x81\x02\xC3\x28"), BAD_TEXT},
    {"overlong_slash_is_refused", BYTES("\x81\x02\xC0\xAF"), BAD_TEXT},
    {"surrogate_is_refused", BYTES("\x81\x03\xED\xA0\x80"), BAD_TEXT},
    {"beyond_10FFFF_is_refused", BYTES("\x81\x04\xF4\x90\x80\x80"), BAD_TEXT},
    {"lone_continuation_byte_is_refused", BYTES("\x81\x01\x80"), BAD_TEXT},
    {"text_must_not_end_inside_a_character", BYTES("\x81\x02\xE2\x82"), BAD_TEXT},
    {"text_in_fragments_must_be_utf8", BYTES("\x01\x01\xC3\x80\x01\x28"), BAD_TEXT},
    {"text_in_fragments_must_not_end_inside_a_character", BYTES("\x01\x01x\x80\x01\xC3"), BAD_TEXT},
    /* 100 bytes are announced and 3 come: the rest need not be waited for. */
    {"wrong_byte_in_an_incomplete_frame_is_refused",
     BYTES("\x81\x64"
           "a\xFF"
           "b"),
     BAD_TEXT},
    {"wrong_byte_in_an_incomplete_message_is_refused",
     BYTES("\x01\x02"
           "a\xFF"),
     BAD_TEXT},
    {"good_message_before_a_breach_is_delivered", BYTES("\x81\x02hi\x83\x00"), 1002,
     "open text(hi) error(UVWS_EPROTOCOL) close(1006) "},
    {"nothing_behind_a_breach_is_delivered", BYTES("\x83\x00\x81\x02hi\x89\x00"), BAD},
};

static void check_wire(struct fixture *f, int code) {
  struct peer_conn *conn = fixture_conn(f);
  for (size_t i = 0; i < conn->frame_count; i++) {
    assert_true(conn->frames[i].is_masked);
    assert_int_equal(conn->frames[i].rsv, 0);
    assert_true(conn->frames[i].fin);
  }
  assert_int_equal(conn->in.len, 0);
  assert_int_equal(peer_close_code(conn), code);
  assert_int_equal(peer_count(conn, 8), 1);
  assert_int_equal(conn->frames[conn->frame_count - 1].opcode, 8); /* nothing behind the Close */
}

static void breach_fails_the_connection(void **state) {
  const struct breach *row = *state;
  for (int pace = 0; pace < PEER_PACES; pace++) {
    struct peer_plan plan = {.bytes = row->bytes, .len = row->len, .pace = (enum peer_pace)pace};
    struct fixture f;
    fixture_init(&f, &plan);
    player_connect(&f.players[0], NULL);
    fixture_run(&f);
    assert_diary(&f, row->diary);
    check_wire(&f, row->code);
    assert_string_equal(f.players[0].reason, f.players[0].error_message);
    fixture_end(&f);
  }
}

/*
 * What is right
 */

struct good {
  const char *name;
  const char *bytes; /* end with a Close of the server's, which ends the test */
  size_t len;
  const char *diary;
  int code; /* of our answer */
};

#define BYE "\x88\x00"
#define BYE_DIARY "close(1005,clean) "

static const struct good goods[] = {
    {"empty_text_is_delivered", BYTES("\x81\x00" BYE), "open text() " BYE_DIARY, 1005},
    {"empty_binary_is_delivered", BYTES("\x82\x00" BYE), "open binary() " BYE_DIARY, 1005},
    {"fragments_are_put_together", BYTES("\x01\x02he\x00\x02ll\x80\x01o" BYE),
     "open text(hello) " BYE_DIARY, 1005},
    {"binary_fragments_are_put_together",
     BYTES("\x02\x01"
           "a\x80\x01"
           "b" BYE),
     "open binary(ab) " BYE_DIARY, 1005},
    {"empty_fragments_are_put_together", BYTES("\x01\x00\x00\x00\x00\x01x\x80\x00" BYE),
     "open text(x) " BYE_DIARY, 1005},
    {"message_of_empty_fragments_is_empty", BYTES("\x01\x00\x00\x00\x80\x00" BYE),
     "open text() " BYE_DIARY, 1005},
    {"pings_between_fragments_come_first",
     BYTES("\x01\x01"
           "a\x89\x01p\x00\x01"
           "b\x8A\x01q\x80\x01"
           "c" BYE),
     "open ping(p) pong(q) text(abc) " BYE_DIARY, 1005},
    {"close_between_fragments_ends",
     BYTES("\x01\x01"
           "a" BYE),
     "open " BYE_DIARY, 1005},
    {"character_may_be_cut_by_fragments", BYTES("\x01\x01\xE2\x00\x01\x82\x80\x01\xAC" BYE),
     "open text(\xE2\x82\xAC) " BYE_DIARY, 1005},
    {"last_code_point_is_text", BYTES("\x81\x04\xF4\x8F\xBF\xBF" BYE),
     "open text(\xF4\x8F\xBF\xBF) " BYE_DIARY, 1005},
    {"binary_need_not_be_utf8", BYTES("\x82\x02\xC3\x28" BYE), "open binary(\xC3\x28) " BYE_DIARY,
     1005},
    {"unasked_pong_is_told", BYTES("\x8A\x00" BYE), "open pong() " BYE_DIARY, 1005},
    {"nothing_behind_a_close_is_delivered", BYTES(BYE "\x81\x02hi\x83\x00"), "open " BYE_DIARY,
     1005},
    {"close_with_a_reason_arrives",
     BYTES("\x88\x07\x03\xE8"
           "adieu"),
     "open close(1000,adieu,clean) ", 1000},
    {"close_with_a_long_character_in_its_reason_arrives", BYTES("\x88\x05\x03\xF4\xE2\x82\xAC"),
     "open close(1012,\xE2\x82\xAC,clean) ", 1012},
};

static void good_frames_are_delivered(void **state) {
  const struct good *row = *state;
  for (int pace = 0; pace < PEER_PACES; pace++) {
    struct peer_plan plan = {
        .bytes = row->bytes, .len = row->len, .pace = (enum peer_pace)pace, .manners = PEER_DROPS};
    struct fixture f;
    fixture_init(&f, &plan);
    player_connect(&f.players[0], NULL);
    fixture_run(&f);
    assert_diary(&f, row->diary);
    check_wire(&f, row->code);
    fixture_end(&f);
  }
}

static const int codes[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                            1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};

static void every_code_that_the_server_sends_arrives_and_is_echoed(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(codes); i++) {
    uint8_t bytes[] = {0x88, 5, (uint8_t)(codes[i] >> 8), (uint8_t)codes[i], 'b', 'y', 'e'};
    struct peer_plan plan = {.bytes = bytes, .len = sizeof bytes, .manners = PEER_DROPS};
    char diary[64];
    struct fixture f;
    fixture_init(&f, &plan);
    player_connect(&f.players[0], NULL);
    fixture_run(&f);
    snprintf(diary, sizeof diary, "open close(%d,bye,clean) ", codes[i]);
    assert_diary(&f, diary);
    check_wire(&f, codes[i]);
    fixture_end(&f);
  }
}

static void every_code_that_we_send_arrives_with_its_reason(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(codes); i++) {
    char diary[64];
    struct fixture f;
    fixture_init(&f, NULL);
    player_connect(&f.players[0], NULL);
    fixture_run_until(&f, is_open);
    assert_int_equal(player_close(&f.players[0], codes[i], "b\xC3\xBC"), 0);
    fixture_run(&f);
    snprintf(diary, sizeof diary, "open close(%d,clean) ", codes[i]);
    assert_diary(&f, diary);
    check_wire(&f, codes[i]);
    struct peer_conn *conn = fixture_conn(&f);
    assert_int_equal(conn->frames[0].len, 5);
    assert_memory_equal(conn->frames[0].data + 2, "b\xC3\xBC", 3);
    fixture_end(&f);
  }
}

static void close_without_a_code_is_1005_at_both_ends(void **state) {
  (void)state;
  struct fixture f;
  fixture_init(&f, NULL);
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_open);
  player_close(&f.players[0], 0, NULL);
  fixture_run(&f);
  assert_int_equal(peer_close_code(fixture_conn(&f)), 1005);
  fixture_end(&f);
  assert_diary(&f, "open close(1005,clean) ");
}

static void messages_that_come_while_we_close_are_delivered(void **state) {
  (void)state;
  static const uint8_t late[] = {0x81, 4, 'l', 'a', 't', 'e', 0x89, 1, 'p', 0x88, 2, 3, 0xE8};
  static const struct peer_plan mute = {.manners = PEER_MUTE};
  struct fixture f;
  fixture_init(&f, &mute);
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_open);
  player_close(&f.players[0], 1001, NULL);
  peer_send(fixture_conn(&f), late, sizeof late);
  peer_fin(fixture_conn(&f));
  fixture_run(&f);
  assert_int_equal(peer_count(fixture_conn(&f), 10), 0); /* no Pong behind our Close */
  check_wire(&f, 1001);
  fixture_end(&f);
  assert_diary(&f, "open text(late) ping(p) close(1000,clean) ");
}

static void breach_while_we_close_is_an_error_and_one_close_is_sent(void **state) {
  (void)state;
  static const uint8_t bad[] = {0x83, 0};
  static const struct peer_plan drops = {.manners = PEER_MUTE};
  struct fixture f;
  fixture_init(&f, &drops);
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_open);
  player_close(&f.players[0], 1001, NULL);
  peer_send(fixture_conn(&f), bad, sizeof bad);
  fixture_run(&f);
  check_wire(&f, 1001);
  fixture_end(&f);
  assert_diary(&f, "open error(UVWS_EPROTOCOL) close(1006) ");
}

/*
 * Answers
 */

static void pings_are_answered_with_their_payload(void **state) {
  (void)state;
  uint8_t bytes[2 + 125 + 2 + 2 + 1] = {0x89, 125};
  memset(bytes + 2, 'x', 125);
  memcpy(bytes + 127, "\x89\x00\x89\x01y", 5);
  for (int pace = 0; pace < PEER_PACES; pace++) {
    struct peer_plan plan = {.bytes = bytes, .len = sizeof bytes, .pace = (enum peer_pace)pace};
    struct fixture f;
    fixture_init(&f, &plan);
    player_connect(&f.players[0], NULL);
    while (f.players[0].pings < 3)
      uv_run(&f.loop, UV_RUN_ONCE);
    player_close(&f.players[0], 1000, NULL);
    fixture_run(&f);
    struct peer_conn *conn = fixture_conn(&f);
    assert_int_equal(conn->frame_count, 4);
    assert_int_equal(conn->frames[0].opcode, 10);
    assert_int_equal(conn->frames[0].len, 125);
    assert_memory_equal(conn->frames[0].data, bytes + 2, 125);
    assert_int_equal(conn->frames[1].len, 0);
    assert_int_equal(conn->frames[2].len, 1);
    assert_int_equal(conn->frames[2].data[0], 'y');
    fixture_end(&f);
  }
}

static void on_message_echoes(struct player *p, enum event event) {
  if (event == EVENT_MESSAGE) player_binary(p, "echo", 4, NULL, NULL);
}

static void echo_of_a_good_message_leaves_before_the_close_for_a_bad_one(void **state) {
  (void)state;
  static const uint8_t bytes[] = {0x81, 2, 'h', 'i', 0x83, 0};
  static const struct peer_plan plan = {.bytes = bytes, .len = sizeof bytes, .pace = PEER_GLUED};
  struct fixture f;
  fixture_init(&f, &plan);
  f.hook = on_message_echoes;
  player_connect(&f.players[0], NULL);
  fixture_run(&f);
  struct peer_conn *conn = fixture_conn(&f);
  assert_int_equal(conn->frame_count, 2);
  assert_memory_equal(conn->frames[0].data, "echo", 4);
  check_wire(&f, 1002);
  fixture_end(&f);
}

static void mask_keys_differ_from_frame_to_frame(void **state) {
  (void)state;
  enum { COUNT = 600 }; /* more than one pool of random bytes serves */
  struct fixture f;
  fixture_init(&f, NULL);
  f.is_quiet = 1;
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_open);
  for (int i = 0; i < COUNT; i++)
    player_binary(&f.players[0], "", 0, NULL, NULL);
  player_close(&f.players[0], 1000, NULL);
  fixture_run(&f);
  struct peer_conn *conn = fixture_conn(&f);
  assert_int_equal(conn->frame_count, COUNT + 1);
  for (int i = 0; i < COUNT; i++)
    for (int j = 0; j < i; j++)
      assert_memory_not_equal(conn->frames[i].key, conn->frames[j].key, 4);
  fixture_end(&f);
}

/*
 * Sizes
 */

static const size_t sizes[] = {0,     1,     124,    125,    126,    127,        16383,
                               16384, 16385, 65533,  65534,  65535,  65536,      65537,
                               65538, 70000, 131071, 131072, 131073, 262144 + 7, 1 << 20};

static uint8_t pattern(size_t i) {
  return (uint8_t)(i * 7 + (i >> 8) * 13);
}

static uint8_t *filled(size_t len) {
  uint8_t *data = malloc(len + 1);
  assert_non_null(data);
  for (size_t i = 0; i < len; i++)
    data[i] = pattern(i);
  return data;
}

struct sizes_seen {
  size_t count;
};

static void on_sized(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, void *user) {
  struct sizes_seen *seen = user;
  assert_int_equal(kind, UVWS_BINARY);
  assert_int_equal(len, sizes[seen->count]);
  for (size_t i = 0; i < len; i++)
    if (data[i] != pattern(i)) fail_msg("byte %zu of %zu is wrong", i, len);
  if (++seen->count == COUNT_OF(sizes)) uvws_close(ws, 1000, NULL, 0);
}

static void messages_of_every_size_come_back_whole(void **state) {
  (void)state;
  static const struct peer_plan echoing = {.echoes = 1};
  struct sizes_seen seen = {0};
  struct fixture f;
  uvws_t *ws;
  uvws_callbacks_t callbacks = {.size = sizeof callbacks, .on_message = on_sized};
  fixture_init(&f, &echoing);
  assert_int_equal(uvws_new(f.ctx, &callbacks, &seen, &ws), 0);
  for (size_t i = 0; i < COUNT_OF(sizes); i++) {
    uint8_t *data = filled(sizes[i]);
    assert_int_equal(uvws_send_binary(ws, data, sizes[i], NULL, NULL), 0);
    free(data);
  }
  assert_int_equal(
      uvws_connect(ws, &(uvws_options_t){.size = sizeof(uvws_options_t), .uri = f.uri}), 0);
  fixture_run(&f);
  assert_int_equal(seen.count, COUNT_OF(sizes));
  struct peer_conn *conn = fixture_conn(&f);
  for (size_t i = 0; i < COUNT_OF(sizes); i++)
    assert_int_equal(conn->frames[i].len, sizes[i]);
  uvws_free(ws);
  fixture_end(&f);
}

/*
 * Limits
 */

struct limit {
  const char *name;
  uvws_options_t options;
  const char *bytes;
  size_t len;
  const char *diary; /* up to the end */
  int code;          /* of our Close; 0: the connection stays open */
};

#define TOO_BIG "open error(UVWS_EMESSAGE_TOO_BIG) close(1006) ", 1009
#define TOO_MANY "open error(UVWS_ETOO_MANY_FRAGMENTS) close(1006) ", 1009

static const struct limit limits[] = {
    {"message_of_the_limit_passes",
     {.max_message_size = 4},
     BYTES("\x81\x04"
           "abcd"),
     "open text(abcd) ",
     0},
    {"message_beyond_the_limit_is_refused",
     {.max_message_size = 4},
     BYTES("\x81\x05"
           "abcde"),
     TOO_BIG},
    {"header_beyond_the_limit_is_refused_before_its_payload",
     {.max_message_size = 4},
     BYTES("\x81\x05"),
     TOO_BIG},
    {"fragments_that_sum_up_to_the_limit_pass",
     {.max_message_size = 4},
     BYTES("\x01\x02"
           "ab\x80\x02"
           "cd"),
     "open text(abcd) ",
     0},
    {"fragments_that_sum_up_beyond_the_limit_are_refused",
     {.max_message_size = 4},
     BYTES("\x01\x02"
           "ab\x80\x03"),
     TOO_BIG},
    {"limit_is_of_each_message",
     {.max_message_size = 4},
     BYTES("\x81\x04"
           "abcd\x82\x04"
           "efgh"),
     "open text(abcd) binary(efgh) ",
     0},
    {"control_frames_do_not_count_for_the_limit",
     {.max_message_size = 1},
     BYTES("\x01\x01"
           "a\x89\x04ping\x80\x00"),
     "open ping(ping) text(a) ",
     0},
    {"announced_63_bits_are_refused",
     {.max_message_size = 4},
     BYTES("\x82\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"),
     TOO_BIG},
    {"announced_63_bits_behind_a_fragment_are_refused",
     {.max_message_size = 4},
     BYTES("\x02\x01x\x80\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"),
     TOO_BIG},
    {"fragments_up_to_the_limit_pass",
     {.max_fragments = 3},
     BYTES("\x01\x01"
           "a\x00\x01"
           "b\x80\x01"
           "c"),
     "open text(abc) ",
     0},
    {"fragments_beyond_the_limit_are_refused",
     {.max_fragments = 3},
     BYTES("\x01\x01"
           "a\x00\x01"
           "b\x00\x01"
           "c\x80\x00"),
     TOO_MANY},
    {"empty_fragments_count",
     {.max_fragments = 3},
     BYTES("\x01\x00\x00\x00\x00\x00\x00\x00"),
     TOO_MANY},
    {"single_frames_pass_a_limit_of_one_fragment",
     {.max_fragments = 1},
     BYTES("\x81\x01"
           "a\x81\x01"
           "b"),
     "open text(a) text(b) ",
     0},
};

static int is_limit_row_done(struct fixture *f) {
  const struct limit *row = f->arg;
  return strcmp(f->diary, row->diary) == 0 || f->players[0].closes;
}

static void limit_holds(void **state) {
  const struct limit *row = *state;
  for (int pace = 0; pace < PEER_PACES; pace++) {
    struct peer_plan plan = {.bytes = row->bytes, .len = row->len, .pace = (enum peer_pace)pace};
    struct fixture f;
    fixture_init(&f, &plan);
    f.arg = (void *)(uintptr_t)row;
    player_connect(&f.players[0], &row->options);
    fixture_run_until(&f, is_limit_row_done);
    assert_diary(&f, row->diary);
    player_close(&f.players[0], 1000, NULL);
    fixture_run(&f);
    check_wire(&f, row->code ? row->code : 1000);
    fixture_end(&f);
  }
}

static void announced_gigabyte_takes_no_memory(void **state) {
  (void)state;
  static const uint8_t bytes[] = {0x82, 127, 0, 0, 0, 0, 0x40, 0, 0, 0, 'x'};
  struct peer_plan plan = {.bytes = bytes, .len = sizeof bytes};
  struct fixture f;
  fixture_init(&f, &plan);
  player_connect(&f.players[0], &(uvws_options_t){.max_message_size = UVWS_NO_LIMIT});
  fixture_run_until(&f, is_open);
  size_t before = f.memory.bytes;
  f.memory.peak = before;
  while (!fixture_conn(&f)->is_ended)
    uv_run(&f.loop, UV_RUN_ONCE);
  for (int i = 0; i < 4; i++)
    uv_run(&f.loop, UV_RUN_NOWAIT);
  assert_true(f.memory.peak < before + 65536);
  player_free(&f.players[0]);
  fixture_end(&f);
}

/* A peer that pings without end and never reads. What is not in the kernel's buffers is ours. */
static void ping_flood_of_a_peer_that_does_not_read_is_bounded(void **state) {
  (void)state;
  enum { FLOOD = 64 << 20, PIECE = 1 << 20 };
  static const struct peer_plan deaf = {.is_deaf = 1, .receive_buffer = 4096};
  struct fixture f;
  size_t most = 0;
  fixture_init(&f, &deaf);
  f.is_quiet = 1;
  player_connect(&f.players[0], NULL);
  fixture_run_until(&f, is_open);
  uint8_t *pings = malloc(PIECE);
  assert_non_null(pings);
  /* 127 bytes a Ping, header and all. */
  for (size_t i = 0; i < PIECE; i++)
    pings[i] = i % 127 == 0 ? 0x89 : i % 127 == 1 ? 125 : 'p';
  const size_t whole = PIECE / 127 * 127;
  struct peer_conn *conn = fixture_conn(&f);
  for (int sent = 0; sent < FLOOD / PIECE && conn->writes < 2; sent++) {
    peer_send(conn, pings, whole);
    for (int i = 0; i < 50; i++) {
      uv_run(&f.loop, UV_RUN_NOWAIT);
      if (uvws_buffered(f.players[0].ws) > most) most = uvws_buffered(f.players[0].ws);
    }
  }
  free(pings);
  assert_true(conn->writes >= 1); /* the client has stopped reading */
  assert_true(most > 0);
  assert_true(most < 512 * 1024);
  assert_true(f.memory.peak < 1024 * 1024);
  player_free(&f.players[0]);
  fixture_end(&f);
}

static const struct CMUnitTest single_tests[] = {
    cmocka_unit_test(every_code_that_the_server_sends_arrives_and_is_echoed),
    cmocka_unit_test(every_code_that_we_send_arrives_with_its_reason),
    cmocka_unit_test(close_without_a_code_is_1005_at_both_ends),
    cmocka_unit_test(messages_that_come_while_we_close_are_delivered),
    cmocka_unit_test(breach_while_we_close_is_an_error_and_one_close_is_sent),
    cmocka_unit_test(pings_are_answered_with_their_payload),
    cmocka_unit_test(echo_of_a_good_message_leaves_before_the_close_for_a_bad_one),
    cmocka_unit_test(mask_keys_differ_from_frame_to_frame),
    cmocka_unit_test(messages_of_every_size_come_back_whole),
    cmocka_unit_test(announced_gigabyte_takes_no_memory),
    cmocka_unit_test(ping_flood_of_a_peer_that_does_not_read_is_bounded),
};

int main(void) {
  struct CMUnitTest
      tests[COUNT_OF(single_tests) + COUNT_OF(breaches) + COUNT_OF(goods) + COUNT_OF(limits)];
  size_t count = 0;
  for (size_t i = 0; i < COUNT_OF(breaches); i++)
    tests[count++] = ROW(breaches[i].name, breach_fails_the_connection, &breaches[i]);
  for (size_t i = 0; i < COUNT_OF(goods); i++)
    tests[count++] = ROW(goods[i].name, good_frames_are_delivered, &goods[i]);
  for (size_t i = 0; i < COUNT_OF(limits); i++)
    tests[count++] = ROW(limits[i].name, limit_holds, &limits[i]);
  for (size_t i = 0; i < COUNT_OF(single_tests); i++)
    tests[count++] = single_tests[i];
  return _cmocka_run_group_tests("frames", tests, count, NULL, NULL);
}
