/* Messages piece by piece, both ways: on_chunk, and uvws_message_begin, _write and _end. */
#include "support/fixture.h"

#include <stdio.h>

#include "conn/conn.h"

#define AGREED                                                                                     \
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"              \
  "Sec-WebSocket-Accept: %A\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
#define BYTES(s) s, sizeof(s) - 1

static struct fixture f;

/*
 * In
 */

static char heard[8192]; /* "<text" + payload + "text>" */
static size_t chunk_bytes, largest_chunk;
static int is_inside_message;

static void on_chunk(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, unsigned part,
                     void *user) {
  const char *name = kind == UVWS_TEXT ? "text" : "binary";
  size_t used = strlen(heard);
  assert_ptr_equal(ws, ((struct player *)user)->ws);
  assert_int_equal(f.inside, 0);
  assert_int_equal(!(part & UVWS_FIRST), is_inside_message);
  assert_true(len || (part & UVWS_LAST));
  is_inside_message = !(part & UVWS_LAST);
  chunk_bytes += len;
  if (len > largest_chunk) largest_chunk = len;
  snprintf(heard + used, sizeof heard - used, "%s%.*s%s", part & UVWS_FIRST ? "<" : "",
           len > 64 ? 0 : (int)len, (const char *)data, part & UVWS_LAST ? name : "");
  if (part & UVWS_LAST) strncat(heard, "> ", sizeof heard - strlen(heard) - 1);
}

static void want_chunks(struct player *p) {
  uvws_callbacks_t callbacks = p->ws->callbacks;
  callbacks.on_chunk = on_chunk;
  uvws_set_callbacks(p->ws, &callbacks);
}

/* Hear `bytes` at each pace; a Close with 1000 is put behind them unless they fail. */
static void hear(const char *bytes, size_t len, const char *want, const char *diary) {
  for (enum peer_pace pace = PEER_WHOLE; pace < PEER_PACES; pace++) {
    struct peer_plan plan = {.answer = AGREED, .bytes = bytes, .len = len, .pace = pace};
    heard[0] = '\0';
    is_inside_message = 0;
    fixture_init(&f, &plan);
    want_chunks(&f.players[0]);
    assert_int_equal(player_connect(&f.players[0], NULL), 0);
    fixture_run_until(&f, is_over);
    assert_string_equal(heard, want);
    assert_diary(&f, diary);
    assert_int_equal(f.players[0].messages, 0);
    fixture_end(&f);
  }
}

#define CLOSED "open close(1000,clean) "
#define CLOSE "\x88\x02\x03\xE8"

static void chunks_of_plain_messages_come_in_order(void **state) {
  (void)state;
  hear(BYTES("\x81\x05Hello\x82\x03"
             "abc" CLOSE),
       "<Hellotext> <abcbinary> ", CLOSED);
}

static void chunks_of_fragments_come_in_order(void **state) {
  (void)state;
  hear(BYTES("\x01\x02He\x00\x00\x89\x01p\x00\x01l\x80\x02lo\x02\x00\x80\x00" CLOSE),
       "<Hellotext> <binary> ", "open ping(p) close(1000,clean) ");
}

static void an_empty_message_is_one_empty_chunk(void **state) {
  (void)state;
  hear(BYTES("\x81\x00\x82\x00\xC1\x01\x00" CLOSE), "<text> <binary> <text> ", CLOSED);
}

static void chunks_of_compressed_messages_come_expanded(void **state) {
  (void)state;
  hear(BYTES("\x41\x02\xF2\x48\x89\x00\x00\x03\xCD\xC9\xC9\x80\x02\x07\x00\xC2\x07\xF2\x48\xCD\xC9"
             "\xC9\x07\x00" CLOSE),
       "<Hellotext> <Hellobinary> ", "open ping() close(1000,clean) ");
}

static void text_is_judged_as_it_comes(void **state) {
  (void)state;
  hear(BYTES("\x81\x04good\x01\x02He\x00\x05\xC0"), "<goodtext> <He",
       "open error(UVWS_EUTF8) close(1006) ");
}

static void text_that_ends_inside_a_character_has_no_last_chunk(void **state) {
  (void)state;
  hear(BYTES("\x01\x02\xE2\x98\x80\x00"), "<\xE2\x98", "open error(UVWS_EUTF8) close(1006) ");
}

static void bad_compressed_text_has_no_last_chunk(void **state) {
  (void)state;
  hear(BYTES("\xC1\x08\x00\x02\x00\xFD\xFF"
             "a\xFF\x00"),
       "", "open error(UVWS_EUTF8) close(1006) ");
}

static void a_callback_set_in_the_middle_waits_for_the_next_message(void **state) {
  (void)state;
  static const char bytes[] = "\x01\x02He\x80\x03llo\x81\x04next" CLOSE;
  struct peer_plan plan = {.bytes = bytes, .len = 4};
  heard[0] = '\0';
  is_inside_message = 0;
  fixture_init(&f, &plan);
  assert_int_equal(player_connect(&f.players[0], NULL), 0);
  fixture_run_until(&f, is_open);
  while (f.players[0].ws->conn->inbound.kind == 0)
    uv_run(&f.loop, UV_RUN_ONCE);
  want_chunks(&f.players[0]);
  peer_send(fixture_conn(&f), bytes + 4, sizeof bytes - 5);
  fixture_run_until(&f, is_over);
  assert_string_equal(heard, "<nexttext> ");
  assert_diary(&f, "open text(Hello) close(1000,clean) ");
  fixture_end(&f);
}

static void a_message_beyond_every_buffer_passes_in_little_memory(void **state) {
  (void)state;
  enum { PIECES = 2000, PIECE = 65536 }; /* 125 MiB */
  static uint8_t piece[PIECE];
  uvws_options_t options = {.max_message_size = UVWS_NO_LIMIT};
  uint8_t header[10];
  heard[0] = '\0';
  chunk_bytes = largest_chunk = 0;
  fixture_init(&f, NULL);
  want_chunks(&f.players[0]);
  assert_int_equal(player_connect(&f.players[0], &options), 0);
  fixture_run_until(&f, is_open);
  struct peer_conn *conn = fixture_conn(&f);
  peer_send(conn, header, peer_frame_header(header, 0x82, (uint64_t)PIECES * PIECE));
  f.memory.peak = f.memory.bytes;
  for (int i = 0; i < PIECES; i++) {
    peer_send(conn, piece, PIECE);
    while (conn->writes > 8)
      uv_run(&f.loop, UV_RUN_ONCE);
  }
  peer_send(conn, CLOSE, 4);
  fixture_run_until(&f, is_over);
  assert_int_equal(chunk_bytes, (size_t)PIECES * PIECE);
  assert_true(largest_chunk <= 2 * PIECE);
  assert_true(f.memory.peak < 1 << 20);
  fixture_end(&f);
}

/*
 * Out
 */

static int begin(uvws_kind_t kind, unsigned flags) {
  return uvws_message_begin(f.players[0].ws, kind, flags);
}

static int put(const char *text) {
  return uvws_message_write(f.players[0].ws, text, strlen(text), NULL, NULL);
}

static int finish(void) {
  return uvws_message_end(f.players[0].ws, NULL, NULL);
}

static void open_with(const char *answer) {
  struct peer_plan plan = {.answer = answer};
  fixture_init(&f, &plan);
  assert_int_equal(player_connect(&f.players[0], NULL), 0);
  fixture_run_until(&f, is_open);
}

static int has_closed_frame(struct fixture *fixture) {
  return fixture_conn(fixture)->saw_close;
}

/* What the peer got: for each frame its opcode, "+" when more follows, "!" for RSV1, and text. */
static void assert_sent(const char *want) {
  char got[512] = "";
  fixture_run_until(&f, has_closed_frame);
  struct peer_conn *conn = fixture_conn(&f);
  for (size_t i = 0; i < conn->frame_count; i++) {
    const struct peer_frame *frame = &conn->frames[i];
    size_t used = strlen(got);
    assert_true(frame->is_masked);
    snprintf(got + used, sizeof got - used, "%x%s%s%s ", frame->opcode, frame->fin ? "" : "+",
             frame->rsv ? "!" : "", frame->rsv || frame->opcode == 8 ? "" : (char *)frame->data);
  }
  assert_string_equal(got, want);
  fixture_run_until(&f, is_over);
  fixture_end(&f);
}

static void a_message_in_pieces_is_a_fragment_each(void **state) {
  (void)state;
  open_with(NULL);
  assert_int_equal(begin(UVWS_TEXT, 0), 0);
  assert_int_equal(put("one"), 0);
  assert_int_equal(put(""), 0);
  assert_int_equal(put("two"), 0);
  assert_int_equal(finish(), 0);
  assert_int_equal(begin(UVWS_BINARY, 0), 0);
  assert_int_equal(finish(), 0);
  assert_int_equal(player_close(&f.players[0], 1000, NULL), 0);
  assert_sent("1+one 0+ 0+two 0 2 8 ");
}

static void a_ping_may_stand_between_pieces_and_another_message_not(void **state) {
  (void)state;
  open_with(NULL);
  assert_int_equal(begin(UVWS_TEXT, 0), 0);
  assert_int_equal(put("one"), 0);
  assert_int_equal(player_ping(&f.players[0], "p"), 0);
  assert_int_equal(player_text(&f.players[0], "no"), UVWS_EMESSAGE_OPEN);
  assert_int_equal(begin(UVWS_TEXT, 0), UVWS_EMESSAGE_OPEN);
  assert_int_equal(finish(), 0);
  assert_int_equal(player_text(&f.players[0], "yes"), 0);
  assert_int_equal(player_close(&f.players[0], 1000, NULL), 0);
  assert_sent("1+one 9p 0 1yes 8 ");
}

static void a_close_may_stand_between_pieces(void **state) {
  (void)state;
  open_with(NULL);
  assert_int_equal(begin(UVWS_BINARY, 0), 0);
  assert_int_equal(put("one"), 0);
  assert_int_equal(player_close(&f.players[0], 1001, NULL), 0);
  assert_int_equal(put("two"), UVWS_ENOTOPEN);
  assert_int_equal(finish(), UVWS_ENOTOPEN);
  assert_sent("2+one 8 ");
}

static void pieces_need_a_begin_and_an_open_connection(void **state) {
  (void)state;
  fixture_init(&f, NULL);
  assert_int_equal(begin(UVWS_TEXT, 0), UVWS_ENOTOPEN);
  assert_int_equal(player_connect(&f.players[0], NULL), 0);
  assert_int_equal(begin(UVWS_TEXT, 0), UVWS_ENOTOPEN);
  fixture_run_until(&f, is_open);
  assert_int_equal(put("x"), UVWS_ENOMESSAGE);
  assert_int_equal(finish(), UVWS_ENOMESSAGE);
  assert_int_equal(begin((uvws_kind_t)3, 0), UV_EINVAL);
  assert_int_equal(begin(UVWS_TEXT, 4), UV_EINVAL);
  assert_int_equal(player_close(&f.players[0], 1000, NULL), 0);
  assert_sent("8 ");
}

static void pieces_are_compressed_when_asked_and_agreed(void **state) {
  (void)state;
  open_with(AGREED);
  assert_int_equal(begin(UVWS_TEXT, UVWS_SEND_COMPRESSED), 0);
  assert_int_equal(put("one"), 0);
  assert_int_equal(put("two"), 0);
  assert_int_equal(finish(), 0);
  assert_int_equal(player_close(&f.players[0], 1000, NULL), 0);
  fixture_run_until(&f, has_closed_frame);
  struct peer_conn *conn = fixture_conn(&f);
  struct uvws__env env = {.realloc = uvws__env_realloc};
  struct uvws__zstock stock = {0};
  struct uvws__inflater *inflater;
  uint8_t out[64];
  size_t used, more, len = 0;
  assert_int_equal(conn->frames[0].rsv, 4);
  assert_int_equal(conn->frames[1].rsv, 0);
  assert_int_equal(uvws__inflater_take(&env, &stock, 15, &inflater), 0);
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(uvws__inflate(inflater, conn->frames[i].data, conn->frames[i].len, &used,
                                   out + len, sizeof out - len, &more),
                     UVWS__INFLATE_MORE);
    len += more;
  }
  assert_int_equal(uvws__inflate_end(inflater, out + len, sizeof out - len, &more), 0);
  assert_int_equal(len, 6);
  assert_memory_equal(out, "onetwo", 6);
  uvws__inflater_give(&stock, inflater);
  uvws__zstock_deinit(&stock);
  fixture_run_until(&f, is_over);
  fixture_end(&f);
}

static void pieces_are_plain_when_nobody_agreed(void **state) {
  (void)state;
  open_with(NULL);
  assert_int_equal(begin(UVWS_TEXT, UVWS_SEND_COMPRESSED), 0);
  assert_int_equal(put("one"), 0);
  assert_int_equal(finish(), 0);
  assert_int_equal(player_close(&f.players[0], 1000, NULL), 0);
  assert_sent("1+one 0 8 ");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(chunks_of_plain_messages_come_in_order),
      cmocka_unit_test(chunks_of_fragments_come_in_order),
      cmocka_unit_test(an_empty_message_is_one_empty_chunk),
      cmocka_unit_test(chunks_of_compressed_messages_come_expanded),
      cmocka_unit_test(text_is_judged_as_it_comes),
      cmocka_unit_test(text_that_ends_inside_a_character_has_no_last_chunk),
      cmocka_unit_test(bad_compressed_text_has_no_last_chunk),
      cmocka_unit_test(a_callback_set_in_the_middle_waits_for_the_next_message),
      cmocka_unit_test(a_message_beyond_every_buffer_passes_in_little_memory),
      cmocka_unit_test(a_message_in_pieces_is_a_fragment_each),
      cmocka_unit_test(a_ping_may_stand_between_pieces_and_another_message_not),
      cmocka_unit_test(a_close_may_stand_between_pieces),
      cmocka_unit_test(pieces_need_a_begin_and_an_open_connection),
      cmocka_unit_test(pieces_are_compressed_when_asked_and_agreed),
      cmocka_unit_test(pieces_are_plain_when_nobody_agreed),
  };
  return cmocka_run_group_tests_name("streaming", tests, NULL, NULL);
}
