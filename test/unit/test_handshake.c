/*
 * The opening handshake (RFC 6455 4.1): the caller's strings judged, the request to the byte, the
 * answer taken only when it proves what it must.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_env.h"
#include "proto/handshake.h"

/* The example of RFC 6455 1.3. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static struct fake_env fake;

static int fresh_env(void **state) {
  (void)state;
  fake_env_init(&fake);
  return 0;
}

static int nothing_leaked(void **state) {
  (void)state;
  return fake.live == 0 ? 0 : -1;
}

/* Key and Accept */

static void the_accept_of_the_rfc_example_is_the_one_given_there(void **state) {
  (void)state;
  char accept[UVWS__ACCEPT_LEN + 1];
  assert_int_equal(uvws__accept_make(KEY, accept), 0);
  assert_string_equal(accept, ACCEPT);
}

static void a_key_is_16_random_bytes_in_base64(void **state) {
  (void)state;
  char first[UVWS__KEY_LEN + 1], second[UVWS__KEY_LEN + 1];
  assert_int_equal(uvws__key_make(&fake.env, first), 0);
  assert_string_equal(first, "AAECAwQFBgcICQoLDA0ODw==");
  assert_int_equal(uvws__key_make(&fake.env, second), 0);
  assert_string_equal(second, "EBESExQVFhcYGRobHB0eHw==");
}

static void an_error_of_the_random_source_is_passed_on(void **state) {
  (void)state;
  char key[UVWS__KEY_LEN + 1];
  fake.random_error = -5;
  assert_int_equal(uvws__key_make(&fake.env, key), -5);
}

static void base64_pads_every_length_as_in_rfc_4648(void **state) {
  (void)state;
  static const char *const pairs[][2] = {{"", ""},
                                         {"f", "Zg=="},
                                         {"fo", "Zm8="},
                                         {"foo", "Zm9v"},
                                         {"foob", "Zm9vYg=="},
                                         {"fooba", "Zm9vYmE="},
                                         {"foobar", "Zm9vYmFy"}};
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    char out[16];
    size_t len = strlen(pairs[i][0]);
    uvws__base64_encode((const uint8_t *)pairs[i][0], len, out);
    assert_string_equal(out, pairs[i][1]);
    assert_int_equal(strlen(out), UVWS__BASE64_LEN(len));
  }
}

/* The request */

#define FIXED                                                                                      \
  "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " KEY                           \
  "\r\nSec-WebSocket-Version: 13\r\n"

/* Write the request for `text` with `request`'s other members, and compare. */
static void expect_request(const char *text, struct uvws__request request, const char *expected) {
  struct uvws__uri uri;
  struct uvws__bytes out = {0};
  struct uvws__detail detail = {{0}};
  assert_int_equal(uvws__uri_parse(&fake.env, text, &detail, &uri), 0);
  request.uri = &uri;
  if (!request.port) request.port = uri.port ? uri.port : uvws__uri_default_port(uri.is_secure);
  assert_int_equal(uvws__request_check(&request, &detail), 0);
  assert_int_equal(uvws__request_write(&fake.env, &request, KEY, &out), 0);
  assert_int_equal(uvws__bytes_append(&fake.env, &out, "", 1), 0);
  assert_string_equal((char *)out.data, expected);
  uvws__bytes_deinit(&fake.env, &out);
  uvws__uri_deinit(&fake.env, &uri);
}

static void a_plain_request_is_what_rfc_6455_asks_for(void **state) {
  (void)state;
  expect_request("ws://example.org/chat?room=1", (struct uvws__request){0},
                 "GET /chat?room=1 HTTP/1.1\r\nHost: example.org\r\n" FIXED "\r\n");
}

static void host_has_the_port_only_when_it_is_not_the_default(void **state) {
  (void)state;
  static const struct {
    const char *uri;
    uint16_t port;
    const char *host;
  } cases[] = {
      {"ws://h", 0, "h"},
      {"ws://h:80", 0, "h"},
      {"ws://h:443", 0, "h:443"},
      {"wss://h:443", 0, "h"},
      {"wss://h:80", 0, "h:80"},
      {"wss://H.Example:65535", 0, "h.example:65535"},
      {"ws://h:8080", 9090, "h:9090"},
      {"ws://h:8080", 80, "h"},
      {"ws://127.0.0.1:81", 0, "127.0.0.1:81"},
      {"ws://[::1]", 0, "[::1]"},
      {"ws://[::1]:81", 0, "[::1]:81"},
      {"ws://[fe80::1%25eth0]:81", 0, "[fe80::1]:81"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char expected[512];
    snprintf(expected, sizeof expected, "GET / HTTP/1.1\r\nHost: %s\r\n" FIXED "\r\n",
             cases[i].host);
    expect_request(cases[i].uri, (struct uvws__request){.port = cases[i].port}, expected);
  }
}

static void everything_the_caller_adds_is_sent_in_order(void **state) {
  (void)state;
  static const uvws_header_t headers[] = {
      {"X-A", "1"}, {"Cookie", "a=b; c=d"}, {"x-a", "caf\xc3\xa9"}, {"Empty", ""}};
  static const char *const protocols[] = {"chat.v2", "chat"};
  expect_request("wss://h/",
                 (struct uvws__request){.headers = headers,
                                        .header_count = 4,
                                        .protocols = protocols,
                                        .protocol_count = 2,
                                        .origin = "https://example.org",
                                        .extensions = "permessage-deflate"},
                 "GET / HTTP/1.1\r\nHost: h\r\n" FIXED "Sec-WebSocket-Protocol: chat.v2, chat\r\n"
                 "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                 "Origin: https://example.org\r\n"
                 "X-A: 1\r\nCookie: a=b; c=d\r\nx-a: caf\xc3\xa9\r\nEmpty: \r\n\r\n");
}

static void userinfo_becomes_basic_authorization(void **state) {
  (void)state;
  static const char *const pairs[][2] = {
      {"ws://Aladdin:open%20sesame@h", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, /* RFC 7617 2 */
      {"ws://u@h", "dTo="},
      {"ws://:p@h", "OnA="},
      {"ws://u:p:q@h", "dTpwOnE="},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    char expected[512];
    snprintf(expected, sizeof expected,
             "GET / HTTP/1.1\r\nHost: h\r\n" FIXED "Authorization: Basic %s\r\n\r\n", pairs[i][1]);
    expect_request(pairs[i][0], (struct uvws__request){0}, expected);
  }
}

static void an_authorization_of_the_callers_wins_over_userinfo(void **state) {
  (void)state;
  static const uvws_header_t header = {"authorization", "Bearer x"};
  expect_request("ws://u:p@h", (struct uvws__request){.headers = &header, .header_count = 1},
                 "GET / HTTP/1.1\r\nHost: h\r\n" FIXED "authorization: Bearer x\r\n\r\n");
}

static void a_host_of_the_callers_takes_the_place_of_ours(void **state) {
  (void)state;
  static const uvws_header_t header = {"HOST", "virtual.example:81"};
  expect_request("ws://127.0.0.1:9", (struct uvws__request){.headers = &header, .header_count = 1},
                 "GET / HTTP/1.1\r\n" FIXED "HOST: virtual.example:81\r\n\r\n");
}

static void every_allocation_of_the_request_may_fail(void **state) {
  (void)state;
  static const uvws_header_t header = {"X", "0123456789012345678901234567890123456789"};
  struct uvws__uri uri;
  assert_int_equal(uvws__uri_parse(&fake.env, "ws://u:p@h:1/", NULL, &uri), 0);
  struct uvws__request request = {.uri = &uri, .port = 1, .headers = &header, .header_count = 1};
  int err = UVWS__ENOMEM;
  for (size_t n = 1; err; n++) {
    struct uvws__bytes out = {0};
    assert_true(n < 100);
    fake.fail_at = fake.asked + n;
    err = uvws__request_write(&fake.env, &request, KEY, &out);
    assert_true(err == 0 || err == UVWS__ENOMEM);
    uvws__bytes_deinit(&fake.env, &out);
  }
  uvws__uri_deinit(&fake.env, &uri);
}

/* The caller's strings */

static void refuse_header(const char *name, const char *value, const char *says) {
  const uvws_header_t header = {name, value};
  const struct uvws__request request = {.headers = &header, .header_count = 1};
  struct uvws__detail detail = {{0}};
  if (uvws__request_check(&request, &detail) != UVWS_EOPTION)
    fail_msg("%s: %s was not refused", name, value);
  if (!strstr(detail.text, says)) fail_msg("\"%s\" does not say \"%s\"", detail.text, says);
}

static void names_that_are_no_tokens_are_refused(void **state) {
  (void)state;
  static const char *const names[] = {NULL,    "",     " ",    "A ",       " A",    "A:",    "A B",
                                      "A\r\n", "A\nB", "A\tB", "A\x7f",    "A\xc3", "\"A\"", "A(",
                                      "A,B",   "A/B",  "A;B",  "A=B",      "A@B",   "[A]",   "{A}",
                                      "A\\",   "A?",   "<A>",  "X: y\r\nZ"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    refuse_header(names[i], "v", "not a token");
}

static void control_characters_in_values_are_refused(void **state) {
  (void)state;
  static const char *const values[] = {"a\r\nEvil: 1", "a\nb", "a\rb", "\r\n",
                                       "a\tb",         "\x01", "\x1b", "a\x7f"};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    refuse_header("X", values[i], "X has a control character");
    refuse_header("Host", values[i], "Host has a control character");
  }
  refuse_header("X", NULL, "X has no value");
}

static void fields_of_the_handshake_itself_are_refused(void **state) {
  (void)state;
  static const char *const names[] = {"Upgrade",
                                      "upgrade",
                                      "CONNECTION",
                                      "Sec-WebSocket-Key",
                                      "sec-websocket-version",
                                      "Sec-WebSocket-Protocol",
                                      "Sec-WebSocket-Extensions",
                                      "SEC-WEBSOCKET-ACCEPT",
                                      "Sec-WebSocket-Foo"};
  static const char *const bodies[] = {"Content-Length", "transfer-encoding", "Trailer", "Expect"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    refuse_header(names[i], "v", "belongs to the handshake");
  for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
    refuse_header(bodies[i], "v", "a body");
}

static void a_host_that_is_no_host_is_refused(void **state) {
  (void)state;
  static const char *const values[] = {"",    "a b",      "a/b", "a,\"b\"",
                                       "a#b", "\xc3\xa9", "a?b", "<a>"};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
    refuse_header("Host", values[i], "not a host and port");
}

static void single_fields_given_twice_are_refused(void **state) {
  (void)state;
  static const char *const names[] = {"Host", "Origin", "Authorization"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char lower[16] = {0};
    for (size_t j = 0; names[i][j]; j++)
      lower[j] = (char)(names[i][j] | 0x20);
    const uvws_header_t headers[] = {{names[i], "a"}, {"X", "a"}, {lower, "b"}};
    const struct uvws__request request = {.headers = headers, .header_count = 3};
    struct uvws__detail detail = {{0}};
    assert_int_equal(uvws__request_check(&request, &detail), UVWS_EOPTION);
    assert_non_null(strstr(detail.text, "given twice"));
  }
}

static void refuse_protocols(const char *first, const char *second, const char *says) {
  const char *const protocols[] = {first, second};
  const struct uvws__request request = {.protocols = protocols, .protocol_count = 2};
  struct uvws__detail detail = {{0}};
  assert_int_equal(uvws__request_check(&request, &detail), UVWS_EOPTION);
  if (!strstr(detail.text, says)) fail_msg("\"%s\" does not say \"%s\"", detail.text, says);
}

static void subprotocols_are_tokens_and_unique(void **state) {
  (void)state;
  static const char *const wrong[] = {NULL,  "",         "a b", "a,b", "a\r\nX: y",
                                      "a\n", "\xc3\xa9", "a/b", "a;b"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    refuse_protocols(wrong[i], "ok", "number 1 is not a token");
    refuse_protocols("ok", wrong[i], "number 2 is not a token");
  }
  refuse_protocols("chat", "chat", "chat is given twice");
  const char *const by_case[] = {"chat", "Chat"};
  const struct uvws__request request = {.protocols = by_case, .protocol_count = 2};
  assert_int_equal(uvws__request_check(&request, NULL), 0);
}

static void an_origin_is_refused_when_empty_controlled_or_given_twice(void **state) {
  (void)state;
  static const uvws_header_t header = {"ORIGIN", "https://a"};
  struct uvws__request request = {.origin = ""};
  assert_int_equal(uvws__request_check(&request, NULL), UVWS_EOPTION);
  request.origin = "https://a\r\nX: y";
  assert_int_equal(uvws__request_check(&request, NULL), UVWS_EOPTION);
  request.origin = "https://a";
  assert_int_equal(uvws__request_check(&request, NULL), 0);
  request.headers = &header;
  request.header_count = 1;
  assert_int_equal(uvws__request_check(&request, NULL), UVWS_EOPTION);
  request.origin = NULL;
  assert_int_equal(uvws__request_check(&request, NULL), 0);
}

/* The answer */

#define UP "Upgrade: websocket\r\n"
#define CON "Connection: Upgrade\r\n"
#define ACC "Sec-WebSocket-Accept: " ACCEPT "\r\n"

enum offer { NONE = 0, PROTOCOLS = 1, EXTENSIONS = 2 };

static const char *const offered[] = {"chat", "superchat"};

static const struct answer {
  const char *fields;
  unsigned offer;
  const char *says; /* NULL: the answer is good; else a part of the detail */
  const char *protocol;
  const char *extensions;
} answers[] = {
    {UP CON ACC, NONE, NULL, NULL, NULL},
    {UP CON ACC, PROTOCOLS | EXTENSIONS, NULL, NULL, NULL},
    {ACC CON UP "Server: x\r\nServer: y\r\n", NONE, NULL, NULL, NULL},
    {"uPGRADE: WebSocket\r\nconnection: upgrade\r\nsec-websocket-accept:" ACCEPT " \t\r\n", NONE,
     NULL, NULL, NULL},
    {UP "Connection: keep-alive, Upgrade\r\n" ACC, NONE, NULL, NULL, NULL},
    {UP "Connection: ,,UPGRADE ,x\r\n" ACC, NONE, NULL, NULL, NULL},
    {UP "Connection: keep-alive\r\nConnection: upgrade\r\n" ACC, NONE, NULL, NULL, NULL},
    {UP CON CON ACC, NONE, NULL, NULL, NULL},
    {UP CON ACC "Sec-WebSocket-Protocol: chat\r\n", PROTOCOLS, NULL, "chat", NULL},
    {UP CON ACC "Sec-WebSocket-Protocol:  superchat \r\n", PROTOCOLS, NULL, "superchat", NULL},
    {UP CON ACC "Sec-WebSocket-Extensions: permessage-deflate; x=1\r\n", EXTENSIONS, NULL, NULL,
     "permessage-deflate; x=1"},
    {CON ACC, NONE, "no Upgrade", NULL, NULL},
    {"Upgrade: h2c\r\n" CON ACC, NONE, "upgrades to \"h2c\"", NULL, NULL},
    {"Upgrade:\r\n" CON ACC, NONE, "upgrades to \"\"", NULL, NULL},
    {"Upgrade: websocket2\r\n" CON ACC, NONE, "upgrades to", NULL, NULL},
    {"Upgrade: web\r\n" CON ACC, NONE, "upgrades to", NULL, NULL},
    {"Upgrade: websocket, h2c\r\n" CON ACC, NONE, "upgrades to", NULL, NULL},
    {"Upgrade: websocket/13\r\n" CON ACC, NONE, "upgrades to", NULL, NULL},
    {UP UP CON ACC, NONE, "Upgrade twice", NULL, NULL},
    {UP ACC, NONE, "no Connection: Upgrade", NULL, NULL},
    {UP "Connection: close\r\n" ACC, NONE, "no Connection: Upgrade", NULL, NULL},
    {UP "Connection:\r\n" ACC, NONE, "no Connection: Upgrade", NULL, NULL},
    {UP "Connection: Upgraded\r\n" ACC, NONE, "no Connection: Upgrade", NULL, NULL},
    {UP "Connection: not-upgrade\r\n" ACC, NONE, "no Connection: Upgrade", NULL, NULL},
    {UP "Connection: keep-alive Upgrade\r\n" ACC, NONE, "no Connection: Upgrade", NULL, NULL},
    {UP "Connection: \"Upgrade\"\r\n" ACC, NONE, "no Connection: Upgrade", NULL, NULL},
    {UP CON, NONE, "no Sec-WebSocket-Accept", NULL, NULL},
    {UP CON "Sec-WebSocket-Accept:\r\n", NONE, "Sec-WebSocket-Accept is \"\"", NULL, NULL},
    {UP CON "Sec-WebSocket-Accept: " KEY "\r\n", NONE, "Sec-WebSocket-Accept is", NULL, NULL},
    {UP CON "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", NONE,
     "Sec-WebSocket-Accept is", NULL, NULL},
    {UP CON "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo\r\n", NONE,
     "Sec-WebSocket-Accept is", NULL, NULL},
    {UP CON "Sec-WebSocket-Accept: " ACCEPT "=\r\n", NONE, "Sec-WebSocket-Accept is", NULL, NULL},
    {UP CON ACC ACC, NONE, "Sec-WebSocket-Accept twice", NULL, NULL},
    {UP CON ACC "Sec-WebSocket-Protocol: chat\r\n", NONE, "subprotocol \"chat\"", NULL, NULL},
    {UP CON ACC "Sec-WebSocket-Protocol: other\r\n", PROTOCOLS, "subprotocol \"other\"", NULL,
     NULL},
    {UP CON ACC "Sec-WebSocket-Protocol: Chat\r\n", PROTOCOLS, "subprotocol \"Chat\"", NULL, NULL},
    {UP CON ACC "Sec-WebSocket-Protocol: chat, superchat\r\n", PROTOCOLS, "subprotocol", NULL,
     NULL},
    {UP CON ACC "Sec-WebSocket-Protocol:\r\n", PROTOCOLS, "subprotocol \"\"", NULL, NULL},
    {UP CON ACC "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n", PROTOCOLS,
     "Sec-WebSocket-Protocol twice", NULL, NULL},
    {UP CON ACC "Sec-WebSocket-Extensions: permessage-deflate\r\n", NONE, "none was offered", NULL,
     NULL},
    {UP CON ACC "Sec-WebSocket-Extensions:\r\n", NONE, "none was offered", NULL, NULL},
    {UP CON ACC "Sec-WebSocket-Extensions: a\r\nSec-WebSocket-Extensions: b\r\n", EXTENSIONS,
     "Sec-WebSocket-Extensions twice", NULL, NULL},
};

static struct uvws__head *read_head(const char *fields) {
  struct uvws__head *head;
  char text[1024];
  size_t used;
  int len = snprintf(text, sizeof text, "HTTP/1.1 101 Switching Protocols\r\n%s\r\n", fields);
  assert_int_equal(uvws__head_new(&fake.env, 65536, &head), 0);
  assert_int_equal(uvws__head_feed(head, (const uint8_t *)text, (size_t)len, NULL, &used),
                   UVWS__HEAD_UPGRADED);
  return head;
}

static void expect_text(const char *found, const char *expected) {
  if (expected && found)
    assert_string_equal(found, expected);
  else
    assert_ptr_equal(found, expected);
}

static void every_answer_is_judged_as_the_table_says(void **state) {
  (void)state;
  static const char untouched[] = "untouched";
  for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
    const struct answer *a = &answers[i];
    struct uvws__request request = {
        .protocols = offered,
        .protocol_count = a->offer & PROTOCOLS ? 2 : 0,
        .extensions = a->offer & EXTENSIONS ? "permessage-deflate" : NULL,
    };
    struct uvws__head *head = read_head(a->fields);
    struct uvws__detail detail = {{0}};
    const char *protocol = untouched, *extensions = untouched;
    int err = uvws__answer_check(head, &request, KEY, &detail, &protocol, &extensions);
    if (err != (a->says ? UVWS_EHANDSHAKE : 0)) fail_msg("%s: %d, %s", a->fields, err, detail.text);
    if (a->says && !strstr(detail.text, a->says))
      fail_msg("%s: \"%s\" does not say \"%s\"", a->fields, detail.text, a->says);
    expect_text(protocol, a->says ? untouched : a->protocol);
    expect_text(extensions, a->says ? untouched : a->extensions);
    uvws__head_free(head);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh_env, nothing_leaked)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_accept_of_the_rfc_example_is_the_one_given_there),
      TEST(a_key_is_16_random_bytes_in_base64),
      TEST(an_error_of_the_random_source_is_passed_on),
      TEST(base64_pads_every_length_as_in_rfc_4648),
      TEST(a_plain_request_is_what_rfc_6455_asks_for),
      TEST(host_has_the_port_only_when_it_is_not_the_default),
      TEST(everything_the_caller_adds_is_sent_in_order),
      TEST(userinfo_becomes_basic_authorization),
      TEST(an_authorization_of_the_callers_wins_over_userinfo),
      TEST(a_host_of_the_callers_takes_the_place_of_ours),
      TEST(every_allocation_of_the_request_may_fail),
      TEST(names_that_are_no_tokens_are_refused),
      TEST(control_characters_in_values_are_refused),
      TEST(fields_of_the_handshake_itself_are_refused),
      TEST(a_host_that_is_no_host_is_refused),
      TEST(single_fields_given_twice_are_refused),
      TEST(subprotocols_are_tokens_and_unique),
      TEST(an_origin_is_refused_when_empty_controlled_or_given_twice),
      TEST(every_answer_is_judged_as_the_table_says),
  };
  return cmocka_run_group_tests_name("handshake", tests, NULL, NULL);
}
