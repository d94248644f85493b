/*
 * The server's answer as bytes: every input of the table is fed whole, byte by byte and cut in two
 * at every place, and must give the same each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_env.h"
#include "proto/head.h"

#define OK_101 "HTTP/1.1 101 Switching Protocols\r\n"
#define OK_404 "HTTP/1.1 404 Not Found\r\n"

enum { UPGRADED = UVWS__HEAD_UPGRADED, REFUSED = UVWS__HEAD_REFUSED, MORE = UVWS__HEAD_MORE };

/* What may be done with the end of the stream. */
enum end { OPEN = 0, EOF_COMES = 1 };

static const struct row {
  const char *input;
  enum end end;
  int result;
  int status;
  const char *behind; /* UPGRADED: what the caller gets back */
  const char *fields; /* as "name=value|" and so on; NULL: not looked at */
  const char *body;   /* NULL: not looked at */
  const char *says;   /* a part of the detail when fed whole; NULL: not looked at */
} rows[] = {
    /* Upgrades */
    {OK_101 "\r\n", OPEN, UPGRADED, 101, "", "", NULL, NULL},
    {OK_101 "A: b\r\nC:d\r\n\r\n", OPEN, UPGRADED, 101, "", "A=b|C=d|", NULL, NULL},
    {OK_101 "A: b\r\n\r\n\x81\x02hi", OPEN, UPGRADED, 101, "\x81\x02hi", "A=b|", NULL, NULL},
    {OK_101 "A: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", OPEN, UPGRADED, 101, "HTTP/1.1 200 OK\r\n\r\n",
     "A=b|", NULL, NULL},
    {OK_101 "A: b\r\n\r\n\r\n\n", OPEN, UPGRADED, 101, "\r\n\n", "A=b|", NULL, NULL},
    {OK_101 "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x88", OPEN, UPGRADED, 101, "\x88",
     "Upgrade=websocket|Connection=Upgrade|", NULL, NULL},
    {OK_101 "Connection: close\r\nContent-Length: 5\r\n\r\nhello", OPEN, UPGRADED, 101, "hello",
     NULL, NULL, NULL},
    {OK_101 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", OPEN, UPGRADED, 101, "0\r\n\r\n", NULL,
     NULL, NULL},
    {"HTTP/1.1 101\r\nA: b\r\n\r\nx", OPEN, UPGRADED, 101, "x", "A=b|", NULL, NULL},
    {"HTTP/1.1 101 \r\nA: b\r\n\r\nx", OPEN, UPGRADED, 101, "x", "A=b|", NULL, NULL},
    {"HTTP/1.1 101 \xc3\xa9t\xc3\xa9 \t!\r\n\r\n", OPEN, UPGRADED, 101, "", "", NULL, NULL},
    /* Values: whitespace around them goes, inside it stays, and they may be empty */
    {OK_101 "A:\r\nB: \r\nC:\t \t\r\nD: \tx y\t z \t\r\n\r\n", OPEN, UPGRADED, 101, "",
     "A=|B=|C=|D=x y\t z|", NULL, NULL},
    {OK_101 "A:\r\n\r\n", OPEN, UPGRADED, 101, "", "A=|", NULL, NULL},
    {OK_101 "A: :b:\r\nB: caf\xe9\r\n\r\n", OPEN, UPGRADED, 101, "", "A=:b:|B=caf\xe9|", NULL,
     NULL},
    {OK_101 "!#$%&'*+-.^_`|~9zA: b\r\n\r\n", OPEN, UPGRADED, 101, "", "!#$%&'*+-.^_`|~9zA=b|", NULL,
     NULL},
    {OK_101 "A: 1\r\na: 2\r\nA: 3\r\n\r\n", OPEN, UPGRADED, 101, "", "A=1|a=2|A=3|", NULL, NULL},
    {OK_101 "Content-Length: 0\r\nConnection: keep-alive, Upgrade\r\n\r\nx", OPEN, UPGRADED, 101,
     "x", "Content-Length=0|Connection=keep-alive, Upgrade|", NULL, NULL},
    /* Interim answers are skipped */
    {"HTTP/1.1 100 Continue\r\n\r\n" OK_101 "A: b\r\n\r\nx", OPEN, UPGRADED, 101, "x", "A=b|", NULL,
     NULL},
    {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 P\r\nX: y\r\n\r\n" OK_101 "\r\nx",
     OPEN, UPGRADED, 101, "x", "", NULL, NULL},
    {"HTTP/1.1 100 C\r\nContent-Length: 3\r\n\r\n" OK_404 "Content-Length: 1\r\n\r\nx", OPEN,
     REFUSED, 404, NULL, "Content-Length=1|", "x", NULL},
    {"HTTP/1.1 100 Continue\r\n\r\n", OPEN, MORE, 0, NULL, "", "", NULL},
    {"HTTP/1.1 100 Continue\r\n\r\n", EOF_COMES, UVWS_EHTTP, 0, NULL, "", "", "hung up"},
    {"HTTP/1.1 100 Continue\r\n\r\nSSH", OPEN, UVWS_EHTTP, 0, NULL, "", "", "SSH"},
    /* Refusals with a body */
    {OK_404 "Content-Length: 5\r\n\r\nhello", OPEN, REFUSED, 404, NULL, "Content-Length=5|",
     "hello", NULL},
    {OK_404 "Content-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n", OPEN, REFUSED, 404, NULL, NULL,
     "hello", NULL},
    {OK_404 "Content-Length: 0\r\n\r\n", OPEN, REFUSED, 404, NULL, NULL, "", NULL},
    {OK_404 "Content-Length: 6\r\n\r\nhello", OPEN, MORE, 404, NULL, "Content-Length=6|", "hello",
     NULL},
    {OK_404 "Content-Length: 6\r\n\r\nhello", EOF_COMES, UVWS_EHTTP, 404, NULL, NULL, "hello",
     "hung up in the body of its answer (status 404)"},
    {OK_404 "\r\nuntil the end", OPEN, MORE, 404, NULL, "", "until the end", NULL},
    {OK_404 "\r\nuntil the end", EOF_COMES, REFUSED, 404, NULL, "", "until the end", NULL},
    {OK_404 "\r\n", EOF_COMES, REFUSED, 404, NULL, "", "", NULL},
    {OK_404 "Connection: close\r\n\r\nuntil", EOF_COMES, REFUSED, 404, NULL, NULL, "until", NULL},
    {OK_404 "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", OPEN, REFUSED,
     404, NULL, "Transfer-Encoding=chunked|", "abcde", NULL},
    {OK_404 "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n", OPEN, REFUSED,
     404, NULL, "Transfer-Encoding=chunked|", "abc", NULL},
    {OK_404 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", OPEN, REFUSED, 404, NULL, NULL, "",
     NULL},
    {OK_404 "Transfer-Encoding: chunked\r\n\r\n3\r\nab", EOF_COMES, UVWS_EHTTP, 404, NULL, NULL,
     "ab", "hung up in the body"},
    {OK_404 "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", OPEN, UVWS_EHTTP, 404, NULL, NULL, "",
     NULL},
    {OK_404 "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", OPEN, UVWS_EHTTP, 404, NULL, NULL,
     "abc", NULL},
    {OK_404 "Transfer-Encoding: gzip\r\n\r\nzz", EOF_COMES, REFUSED, 404, NULL, NULL, "zz", NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", OPEN, REFUSED, 200, NULL, NULL, "ok", NULL},
    {"HTTP/1.1 200 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 1\r\n\r\nx",
     OPEN, REFUSED, 200, NULL, NULL, "x", NULL},
    {"HTTP/1.1 204 No Content\r\n\r\n", OPEN, REFUSED, 204, NULL, "", "", NULL},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", OPEN, REFUSED, 304, NULL, NULL, "",
     NULL},
    {"HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", OPEN, REFUSED, 301, NULL,
     "Location=/x|Content-Length=0|", "", NULL},
    {"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
     "Content-Length: 3\r\n\r\nold",
     OPEN, REFUSED, 426, NULL, NULL, "old", NULL},
    {"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", OPEN,
     REFUSED, 401, NULL, "WWW-Authenticate=Basic|Content-Length=0|", "", NULL},
    {"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", OPEN, REFUSED, 999, NULL, NULL, "", NULL},
    /* Something else than HTTP/1.1 */
    {"", EOF_COMES, UVWS_EHTTP, 0, NULL, "", "", "without an answer"},
    {"SSH-2.0-OpenSSH_9.2\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", "\"SSH-2.0-OpenSSH_9.2\""},
    {"\x15\x03\x01", OPEN, UVWS_EHTTP, 0, NULL, "", "", "\"\\x15\\x03\\x01\" (that is TLS)"},
    {"\x16\x03\x03", OPEN, UVWS_EHTTP, 0, NULL, "", "", "(that is TLS)"},
    {"<html>", OPEN, UVWS_EHTTP, 0, NULL, "", "", "\"<html>\""},
    {"hello", OPEN, UVWS_EHTTP, 0, NULL, "", "", "\"hello\""},
    {"\r\nHTTP/1.1 101 X\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", NULL},
    {"\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", NULL},
    {" HTTP/1.1 101 X\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", NULL},
    {"http/1.1 101 X\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", "\"http/1.1 101 X\""},
    {"HTTP/1.0 101 X\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", "\"HTTP/1.0 101 X\""},
    {"HTTP/1.0 404 X\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", "\"HTTP/1.0 404 X\""},
    {"HTTP/2 200\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", "\"HTTP/2 200\""},
    {"HTTP/2.0 200 OK\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", "\"HTTP/2.0 200 OK\""},
    {"HTTP/1.2 200 OK\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", NULL},
    {"HTTP/1.10 200 OK\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", NULL},
    {"HTTP/11 200 OK\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", NULL},
    {"HTTP/1.1\t101 X\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", NULL},
    {"HTTP/1.1\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", NULL},
    {"HTTP/1.1  101 X\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", "line 1: the status"},
    {"HTTP/1.1 1O1 X\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", "line 1: the status"},
    {"HTTP/1.1 10 X\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", "line 1: the status"},
    {"HTTP/1.1 1010 X\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", "line 1: the status"},
    {"HTTP/1.1 001 X\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", "line 1: the status"},
    {"HTTP/1.1 -01 X\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", "line 1: the status"},
    {"HTTP/1.1 101\tX\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", "line 1: the status"},
    {"HTTP/1.1 101\n\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", "line 1: the status"},
    {"GET / HTTP/1.1\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", "\"GET / HTTP/1.1\""},
    /* Heads that are not shaped as RFC 9112 says */
    {"HTTP/1.1 101 X\n\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", "line 1: a line ends with LF"},
    {"HTTP/1.1 101 X\rY\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", "line 1: a CR without LF"},
    {"HTTP/1.1 101 X\x01\r\n\r\n", OPEN, UVWS_EHTTP, 0, NULL, "", "", "line 1: a control"},
    {OK_101 "A: b\n\r\n", OPEN, UVWS_EHTTP, 101, NULL, "", "", "line 2: a line ends with LF"},
    {OK_101 "A: b\r\n\n", OPEN, UVWS_EHTTP, 101, NULL, "", "", "line 3: a line ends with LF"},
    {OK_101 "A: b\r\r\n\r\n", OPEN, UVWS_EHTTP, 101, NULL, "", "", "line 2: a CR without LF"},
    {OK_101 "A: b\rB: c\r\n\r\n", OPEN, UVWS_EHTTP, 101, NULL, "", "", "line 2: a CR without LF"},
    {OK_101 "A: b\r\n\rX", OPEN, UVWS_EHTTP, 101, NULL, "", "", "line 3: a CR without LF"},
    {OK_101 "A: b\r\n c\r\n\r\n", OPEN, UVWS_EHTTP, 101, NULL, "", "", "line 3: a folded line"},
    {OK_101 "A: b\r\n\tc\r\n\r\n", OPEN, UVWS_EHTTP, 101, NULL, "", "", "line 3: a folded line"},
    {OK_101 " A: b\r\n\r\n", OPEN, UVWS_EHTTP, 101, NULL, "", "", "line 2: a folded line"},
    {OK_101 "A : b\r\n\r\n", OPEN, UVWS_EHTTP, 101, NULL, "", "", "line 2: whitespace"},
    {OK_101 "A\t: b\r\n\r\n", OPEN, UVWS_EHTTP, 101, NULL, "", "", "line 2: whitespace"},
    {OK_101 "A b: c\r\n\r\n", OPEN, UVWS_EHTTP, 101, NULL, "", "", "line 2: whitespace"},
    {OK_101 ": b\r\n\r\n", OPEN, UVWS_EHTTP, 101, NULL, "", "", "line 2: a field without a name"},
    {OK_101 "A\r\n\r\n", OPEN, UVWS_EHTTP, 101, NULL, "", "", "line 2: a line without a colon"},
    {OK_101 "A@b: c\r\n\r\n", OPEN, UVWS_EHTTP, 101, NULL, "", "", "line 2: a wrong character"},
    {OK_101 "(A: c\r\n\r\n", OPEN, UVWS_EHTTP, 101, NULL, "", "", "line 2: a wrong character"},
    {OK_101 "\xc3\xa9: c\r\n\r\n", OPEN, UVWS_EHTTP, 101, NULL, "", "",
     "line 2: a wrong character"},
    {OK_101 "A: b\x7f\r\n\r\n", OPEN, UVWS_EHTTP, 101, NULL, "", "", "line 2: a control character"},
    {OK_101 "A: b\x1b[0m\r\n\r\n", OPEN, UVWS_EHTTP, 101, NULL, "", "", "line 2: a control"},
    {OK_101 "A: b", EOF_COMES, UVWS_EHTTP, 101, NULL, "", "", "hung up in the head"},
    {OK_101 "A: b\r\n\r", EOF_COMES, UVWS_EHTTP, 101, NULL, "", "", "hung up in the head"},
    {"HTTP", EOF_COMES, UVWS_EHTTP, 0, NULL, "", "", "hung up in the head"},
    {OK_101 "A: b\r\n\r", OPEN, MORE, 101, NULL, "", "", NULL},
    {"HTTP/1.1 101 X\r", OPEN, MORE, 0, NULL, "", "", NULL},
    /* Framing that two readers would read in two ways */
    {OK_404 "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", OPEN, UVWS_EHTTP, 404, NULL, "",
     "", NULL},
    {OK_404 "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", OPEN, UVWS_EHTTP, 404, NULL,
     "", "", NULL},
    {OK_404 "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", OPEN, UVWS_EHTTP, 404, NULL,
     "", "", NULL},
    {OK_404 "Content-Length: -1\r\n\r\n", OPEN, UVWS_EHTTP, 404, NULL, "", "", NULL},
    {OK_404 "Content-Length: 0x5\r\n\r\n", OPEN, UVWS_EHTTP, 404, NULL, "", "", NULL},
    {OK_404 "Content-Length: 99999999999999999999999\r\n\r\n", OPEN, UVWS_EHTTP, 404, NULL, "", "",
     NULL},
};

struct feeding {
  struct fake_env fake;
  struct uvws__head *head;
  struct uvws__detail detail;
  int result;
  size_t used;
};

static void begin(struct feeding *f, size_t max_head_size) {
  memset(f, 0, sizeof *f);
  fake_env_init(&f->fake);
  assert_int_equal(uvws__head_new(&f->fake.env, max_head_size, &f->head), 0);
}

/* In steps of `step` bytes, a first one of `first`; stops at an answer. */
static void feed(struct feeding *f, const char *input, size_t len, size_t first, size_t step) {
  size_t at = 0;
  for (size_t n = first; at < len && f->result == MORE; n = step) {
    size_t used;
    if (n > len - at) n = len - at;
    f->result = uvws__head_feed(f->head, (const uint8_t *)input + at, n, &f->detail, &used);
    assert_true(used <= n);
    if (f->result == MORE) assert_int_equal(used, n);
    f->used += used;
    at += n;
  }
}

static void finish(struct feeding *f) {
  uvws__head_free(f->head);
  assert_int_equal(f->fake.live, 0);
}

static const char *fields_of(const struct uvws__head *head, char out[1024]) {
  size_t count;
  const uvws_header_t *fields = uvws__head_fields(head, &count);
  out[0] = '\0';
  for (size_t i = 0; i < count; i++) {
    strcat(strcat(out, fields[i].name), "=");
    strcat(strcat(out, fields[i].value), "|");
  }
  return out;
}

static void look_at_outcome(const struct feeding *f, const struct row *row) {
  char fields[1024];
  size_t body_len;
  if (f->result != row->result)
    fail_msg("%s: result %d, expected %d (%s)", row->input, f->result, row->result, f->detail.text);
  assert_int_equal(uvws__head_status(f->head), row->status);
  if (row->result == UPGRADED) assert_string_equal(row->input + f->used, row->behind);
  if (row->result < 0) assert_true(f->detail.text[0]);
  if (row->fields && f->result >= 0) assert_string_equal(fields_of(f->head, fields), row->fields);
  const uint8_t *body = uvws__head_body(f->head, &body_len);
  if (!row->body) return;
  assert_int_equal(body_len, strlen(row->body));
  if (body_len) assert_memory_equal(body, row->body, body_len);
}

static void run_row(const struct row *row, size_t first, size_t step) {
  struct feeding f;
  begin(&f, 65536);
  feed(&f, row->input, strlen(row->input), first, step);
  if (f.result == MORE && row->end == EOF_COMES) f.result = uvws__head_end(f.head, &f.detail);
  look_at_outcome(&f, row);
  if (row->says && first >= strlen(row->input) && !strstr(f.detail.text, row->says))
    fail_msg("%s: \"%s\" does not say \"%s\"", row->input, f.detail.text, row->says);
  finish(&f);
}

static void every_answer_gives_what_the_table_says(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    size_t len = strlen(rows[i].input);
    run_row(&rows[i], len, len);
    run_row(&rows[i], 1, 1);
    for (size_t cut = 1; cut < len; cut++)
      run_row(&rows[i], cut, len);
  }
}

static void garbage_fails_at_its_first_wrong_byte(void **state) {
  (void)state;
  static const struct {
    const char *input;
    size_t at;
  } cases[] = {{"SSH-2.0", 0},         {"HTTX", 3},      {"HTTP/1.0 200", 7},
               {"HTTP/2 200 OK", 5},   {"\x15\x03", 0},  {"HTTP/1.1 1x1", 10},
               {"HTTP/1.1 101\n", 12}, {OK_101 " ", 34}, {OK_101 "A b", 35}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct feeding f;
    begin(&f, 65536);
    feed(&f, cases[i].input, cases[i].at, SIZE_MAX, SIZE_MAX);
    assert_int_equal(f.result, MORE);
    feed(&f, cases[i].input + cases[i].at, 1, 1, 1);
    assert_int_equal(f.result, UVWS_EHTTP);
    finish(&f);
  }
}

static void a_nul_byte_in_the_head_is_refused(void **state) {
  (void)state;
  static const char *const inputs[] = {OK_101 "A: b?c\r\n\r\n", OK_101 "A?: b\r\n\r\n",
                                       "HTTP/1.1 101 ?\r\n\r\n", OK_101 "A: ?\r\n\r\n",
                                       "?HTTP/1.1 101 X\r\n\r\n"};
  for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
    char text[128];
    size_t len = strlen(inputs[i]);
    memcpy(text, inputs[i], len + 1);
    *strchr(text, '?') = '\0';
    for (size_t step = 1; step <= len; step += len - 1) {
      struct feeding f;
      begin(&f, 65536);
      feed(&f, text, len, step, step);
      assert_int_equal(f.result, UVWS_EHTTP);
      finish(&f);
    }
  }
}

static void a_head_of_just_the_cap_passes_and_one_more_byte_does_not(void **state) {
  (void)state;
  static const char input[] = OK_101 "Name: value\r\n\r\n";
  size_t len = strlen(input);
  for (size_t step = 1; step <= len; step++) {
    struct feeding f;
    begin(&f, len);
    feed(&f, input, len, step, step);
    assert_int_equal(f.result, UPGRADED);
    finish(&f);
    begin(&f, len - 1);
    feed(&f, input, len, step, step);
    assert_int_equal(f.result, UVWS_EHEAD_TOO_LARGE);
    assert_non_null(strstr(f.detail.text, "larger than 48 bytes"));
    finish(&f);
  }
}

static void interim_answers_count_for_the_cap(void **state) {
  (void)state;
  static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
  struct feeding f;
  begin(&f, 1000);
  for (int i = 0; i < 40; i++)
    feed(&f, interim, strlen(interim), 7, 7);
  assert_int_equal(f.result, MORE);
  feed(&f, interim, 1, 1, 1);
  assert_int_equal(f.result, UVWS_EHEAD_TOO_LARGE);
  finish(&f);
}

static void a_header_of_70_kib_is_refused_with_no_more_memory_than_the_cap(void **state) {
  (void)state;
  size_t len = 70 * 1024;
  char *input = malloc(len);
  assert_non_null(input);
  memset(input, 'a', len);
  memcpy(input, OK_101 "Big: ", strlen(OK_101 "Big: "));
  for (size_t step = 1; step <= len; step = step == 1 ? 1000 : step == 1000 ? len : len + 1) {
    struct feeding f;
    begin(&f, 65536);
    feed(&f, input, len, step, step);
    assert_int_equal(f.result, UVWS_EHEAD_TOO_LARGE);
    assert_true(f.fake.largest <= 2 * 65536);
    finish(&f);
  }
  free(input);
}

static int feed_fields(size_t count) {
  struct feeding f;
  begin(&f, SIZE_MAX);
  feed(&f, OK_101, strlen(OK_101), SIZE_MAX, SIZE_MAX);
  for (size_t i = 0; i < count; i++)
    feed(&f, "A: b\r\n", 6, 4, 4);
  feed(&f, "\r\n", 2, 2, 2);
  size_t found;
  uvws__head_fields(f.head, &found);
  assert_int_equal(found, f.result == UPGRADED ? count : 0);
  if (f.result < 0) assert_non_null(strstr(f.detail.text, "512 header fields"));
  finish(&f);
  return f.result;
}

static void more_than_512_fields_are_refused(void **state) {
  (void)state;
  assert_int_equal(feed_fields(512), UPGRADED);
  assert_int_equal(feed_fields(513), UVWS_EHEAD_TOO_LARGE);
}

/* Feeds `head`, then `unit` until there is an answer, `limit` times at most. */
static void refuse_long(struct feeding *f, const char *head, const char *unit, size_t limit) {
  begin(f, 65536);
  feed(f, head, strlen(head), SIZE_MAX, SIZE_MAX);
  for (size_t i = 0; i < limit && f->result == MORE; i++)
    feed(f, unit, strlen(unit), SIZE_MAX, SIZE_MAX);
}

static void a_long_body_is_kept_up_to_64_kib(void **state) {
  (void)state;
  static const char *const heads[] = {OK_404 "\r\n", OK_404 "Content-Length: 1000000\r\n\r\n"};
  for (size_t i = 0; i < 2; i++) {
    struct feeding f;
    size_t len;
    refuse_long(&f, heads[i], "0123456789", 10000);
    assert_int_equal(f.result, REFUSED);
    const uint8_t *body = uvws__head_body(f.head, &len);
    assert_int_equal(len, UVWS__BODY_MAX);
    assert_memory_equal(body + len - 6, "012345", 6);
    assert_int_equal(f.used, strlen(heads[i]) + 65540);
    finish(&f);
  }
}

static void a_body_of_exactly_64_kib_is_whole(void **state) {
  (void)state;
  struct feeding f;
  size_t len;
  refuse_long(&f, OK_404 "Content-Length: 65536\r\n\r\n", "01234567", 8192);
  assert_int_equal(f.result, REFUSED);
  uvws__head_body(f.head, &len);
  assert_int_equal(len, UVWS__BODY_MAX);
  finish(&f);
}

static void chunks_of_one_byte_still_carry_64_kib(void **state) {
  (void)state;
  struct feeding f;
  size_t len;
  refuse_long(&f, OK_404 "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", 70000);
  assert_int_equal(f.result, REFUSED);
  uvws__head_body(f.head, &len);
  assert_int_equal(len, UVWS__BODY_MAX);
  finish(&f);
}

static void endless_trailers_and_chunk_extensions_come_to_an_end(void **state) {
  (void)state;
  static const char *const heads[] = {OK_404 "Transfer-Encoding: chunked\r\n\r\n0\r\n",
                                      OK_404 "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x="};
  static const char *const units[] = {"Trailer: value\r\n", "yyyyyyyy"};
  for (size_t i = 0; i < 2; i++) {
    struct feeding f;
    refuse_long(&f, heads[i], units[i], 100000);
    assert_int_equal(f.result, REFUSED);
    assert_true(f.used < 9 * UVWS__BODY_MAX);
    assert_true(f.fake.largest < 4096);
    finish(&f);
  }
}

static void an_answer_once_given_stays(void **state) {
  (void)state;
  static const char *const inputs[] = {OK_101 "\r\n", OK_404 "Content-Length: 0\r\n\r\n", "SSH"};
  for (size_t i = 0; i < 3; i++) {
    struct feeding f;
    size_t used = 99;
    begin(&f, 65536);
    feed(&f, inputs[i], strlen(inputs[i]), SIZE_MAX, SIZE_MAX);
    assert_int_not_equal(f.result, MORE);
    assert_int_equal(uvws__head_feed(f.head, (const uint8_t *)"x", 1, NULL, &used), f.result);
    assert_int_equal(used, 0);
    assert_int_equal(uvws__head_end(f.head, NULL), f.result);
    finish(&f);
  }
}

static void a_field_is_found_in_any_case_and_the_first_of_several(void **state) {
  (void)state;
  static const char input[] = OK_101 "Aa: 1\r\nB: 2\r\naA: 3\r\nEmpty:\r\n\r\n";
  struct feeding f;
  begin(&f, 65536);
  feed(&f, input, strlen(input), 1, 1);
  assert_string_equal(uvws__head_find(f.head, "AA"), "1");
  assert_string_equal(uvws__head_find(f.head, "b"), "2");
  assert_string_equal(uvws__head_find(f.head, "empty"), "");
  assert_null(uvws__head_find(f.head, "a"));
  assert_null(uvws__head_find(f.head, "Aaa"));
  assert_null(uvws__head_find(f.head, ""));
  finish(&f);
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  static const char input[] =
      "HTTP/1.1 100 C\r\nX: y\r\n\r\n" OK_404
      "Long: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n"
      "Content-Length: 100\r\n\r\n"
      "01234567890123456789012345678901234567890123456789"
      "01234567890123456789012345678901234567890123456789";
  size_t asked = 0;
  for (size_t n = 1; asked >= n - 1; n++) {
    struct feeding f = {.result = UVWS__ENOMEM};
    assert_true(n < 100);
    fake_env_init(&f.fake);
    f.fake.fail_at = n;
    if (uvws__head_new(&f.fake.env, 65536, &f.head) == 0) {
      f.result = MORE;
      feed(&f, input, strlen(input), 10, 10);
    }
    assert_true(f.result == UVWS__ENOMEM || f.result == REFUSED);
    asked = f.fake.asked;
    finish(&f);
  }
  assert_true(asked > 5);
}

static void fields_stay_where_they_are_when_they_are_taken(void **state) {
  (void)state;
  static const char input[] =
      OK_101 "Sec-WebSocket-Protocol: \t chat\r\nAa: b\r\nEmpty:\r\naa: c\r\n\r\n";
  struct uvws__fields fields;
  struct feeding f;
  begin(&f, 65536);
  feed(&f, input, strlen(input), 5, 5);
  assert_int_equal(f.result, UPGRADED);
  const char *protocol = uvws__head_find(f.head, "sec-websocket-protocol");
  uvws__head_take_fields(f.head, &fields);
  assert_null(uvws__head_find(f.head, "sec-websocket-protocol"));
  assert_ptr_equal(uvws__fields_find(&fields, "sec-websocket-protocol"), protocol);
  assert_string_equal(protocol, "chat");
  assert_string_equal(uvws__fields_find(&fields, "AA"), "b");
  assert_string_equal(uvws__fields_find(&fields, "empty"), "");
  assert_null(uvws__fields_find(&fields, "a"));
  uvws__free(&f.fake.env, fields.text);
  finish(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_answer_gives_what_the_table_says),
      cmocka_unit_test(garbage_fails_at_its_first_wrong_byte),
      cmocka_unit_test(a_nul_byte_in_the_head_is_refused),
      cmocka_unit_test(a_head_of_just_the_cap_passes_and_one_more_byte_does_not),
      cmocka_unit_test(interim_answers_count_for_the_cap),
      cmocka_unit_test(a_header_of_70_kib_is_refused_with_no_more_memory_than_the_cap),
      cmocka_unit_test(more_than_512_fields_are_refused),
      cmocka_unit_test(a_long_body_is_kept_up_to_64_kib),
      cmocka_unit_test(a_body_of_exactly_64_kib_is_whole),
      cmocka_unit_test(chunks_of_one_byte_still_carry_64_kib),
      cmocka_unit_test(endless_trailers_and_chunk_extensions_come_to_an_end),
      cmocka_unit_test(an_answer_once_given_stays),
      cmocka_unit_test(a_field_is_found_in_any_case_and_the_first_of_several),
      cmocka_unit_test(every_allocation_may_fail),
      cmocka_unit_test(fields_stay_where_they_are_when_they_are_taken),
  };
  return cmocka_run_group_tests_name("head", tests, NULL, NULL);
}
