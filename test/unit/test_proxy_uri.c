/* Proxy addresses, the exceptions to them, and the CONNECT request. */
#include "proto/proxy_uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka needs the four above first. */
#include <cmocka.h>

#include "fake_env.h"
#include "proto/http_connect.h"

static const struct {
  const char *text;
  enum uvws__proxy_kind kind;
  const char *host;
  unsigned port;
  const char *userinfo;
} good[] = {
    {"http://p:3128", UVWS__PROXY_HTTP, "p", 3128, NULL},
    {"http://p:3128/", UVWS__PROXY_HTTP, "p", 3128, NULL},
    {"HTTP://p", UVWS__PROXY_HTTP, "p", 80, NULL},
    {"p:3128", UVWS__PROXY_HTTP, "p", 3128, NULL},
    {"https://p", UVWS__PROXY_HTTPS, "p", 443, NULL},
    {"socks5://p", UVWS__PROXY_SOCKS5, "p", 1080, NULL},
    {"socks5h://u:p@[::1]:1", UVWS__PROXY_SOCKS5H, "::1", 1, "u:p"},
    {"socks4a://u@p", UVWS__PROXY_SOCKS4A, "p", 1080, "u"},
    {"http://a%40b:c%3Ad@p:1", UVWS__PROXY_HTTP, "p", 1, "a@b:c:d"},
};

static void proxies_are_parsed(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    struct fake_env fake;
    struct uvws__proxy proxy;
    struct uvws__detail detail = {{0}};
    fake_env_init(&fake);
    int err = uvws__proxy_parse(&fake.env, good[i].text, "proxy", &detail, &proxy);
    if (err) fail_msg("%s: %s", good[i].text, detail.text);
    assert_int_equal(proxy.kind, good[i].kind);
    assert_string_equal(proxy.uri.host, good[i].host);
    assert_int_equal(proxy.uri.port, good[i].port);
    if (good[i].userinfo)
      assert_string_equal(proxy.uri.userinfo, good[i].userinfo);
    else
      assert_null(proxy.uri.userinfo);
    uvws__proxy_deinit(&fake.env, &proxy);
    assert_int_equal(fake.live, 0);
  }
}

static void bad_proxies_are_refused_by_name_and_without_their_password(void **state) {
  static const char *const bad[] = {
      "",
      "http://",
      "ftp://p",
      "socks4://p",
      "socks://p",
      "http://p/x",
      "http://p?x",
      "http://p:0",
      "http://p:99999",
      "http://u:secret@p:x",
      "http:// p",
      "http://u:secret@",
      "http://p\r\nX:",
      "//p",
      "http://127.1:1",
      "://p",
      "http://p#f",
      "ws://p",
      "http://[::1",
      "http://u%0a:secret@p",
  };
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct fake_env fake;
    struct uvws__proxy proxy;
    struct uvws__detail detail = {{0}};
    fake_env_init(&fake);
    int err = uvws__proxy_parse(&fake.env, bad[i], "all_proxy", &detail, &proxy);
    if (err != UVWS_EOPTION) fail_msg("%s: %d", bad[i], err);
    assert_memory_equal(detail.text, "all_proxy: ", 11);
    assert_null(strstr(detail.text, "secret"));
    assert_int_equal(fake.live, 0);
  }
}

static void no_proxy_covers_names_and_the_domains_below(void **state) {
  static const struct {
    const char *entry, *host;
    int covers;
  } rows[] = {
      {"*", "a.b", 1},     {"a.b", "a.b", 1},
      {"a.b", "x.a.b", 1}, {".a.b", "x.a.b", 1},
      {".a.b", "a.b", 1},  {"a.b", "xa.b", 0},
      {"a.b", "b", 0},     {"A.B", "a.b", 1},
      {"a.b.", "a.b", 1},  {"a.b", "a.b.", 1},
      {"", "a", 0},        {".", "a", 0},
      {"*.b", "a.b", 0},   {"127.0.0.1", "127.0.0.1", 1},
      {"::1", "::1", 1},   {"a", "", 0},
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (uvws__no_proxy_covers(rows[i].entry, strlen(rows[i].entry), rows[i].host) != rows[i].covers)
      fail_msg("%s, %s", rows[i].entry, rows[i].host);
}

static void expect_request(const struct uvws__connect_request *request, const char *expected) {
  int is_done = 0;
  for (size_t n = 1; !is_done; n++) {
    struct fake_env fake;
    struct uvws__bytes out = {0};
    fake_env_init(&fake);
    fake.fail_at = n;
    int err = uvws__connect_request_write(&fake.env, request, &out);
    assert_true(err == 0 || err == UVWS__ENOMEM);
    is_done = !err;
    if (is_done) assert_int_equal(out.len, strlen(expected));
    if (is_done) assert_memory_equal(out.data, expected, out.len);
    uvws__bytes_deinit(&fake.env, &out);
    assert_int_equal(fake.live, 0);
  }
}

static void the_request_names_host_and_port_twice(void **state) {
  static const uvws_header_t headers[] = {{"X-A", "1"}, {"proxy-authorization", "Token t"}};
  (void)state;
  expect_request(&(struct uvws__connect_request){.host = "example.org", .port = 443},
                 "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n");
  expect_request(&(struct uvws__connect_request){.host = "fe80::1%eth0", .is_ipv6 = 1, .port = 80},
                 "CONNECT [fe80::1]:80 HTTP/1.1\r\nHost: [fe80::1]:80\r\n\r\n");
  expect_request(&(struct uvws__connect_request){.host = "h",
                                                 .port = 1,
                                                 .userinfo = "Aladdin:open sesame",
                                                 .headers = headers,
                                                 .header_count = 1},
                 "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n"
                 "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\nX-A: 1\r\n\r\n");
  expect_request(
      &(struct uvws__connect_request){
          .host = "h", .port = 1, .userinfo = "u:p", .headers = headers, .header_count = 2},
      "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\nX-A: 1\r\nproxy-authorization: Token t\r\n\r\n");
}

static void fields_that_break_the_request_are_refused(void **state) {
  static const uvws_header_t bad[] = {
      {"Host", "x"},    {"a b", "x"},
      {"", "x"},        {"X\r\nY", "x"},
      {"X", "a\r\nb"},  {"content-length", "1"},
      {"Upgrade", "x"}, {"Transfer-Encoding", "chunked"},
      {"X", "\x7f"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct uvws__detail detail = {{0}};
    assert_int_equal(uvws__connect_request_check(&bad[i], 1, &detail), UVWS_EOPTION);
    assert_memory_equal(detail.text, "proxy_headers: ", 15);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(proxies_are_parsed),
      cmocka_unit_test(bad_proxies_are_refused_by_name_and_without_their_password),
      cmocka_unit_test(no_proxy_covers_names_and_the_domains_below),
      cmocka_unit_test(the_request_names_host_and_port_twice),
      cmocka_unit_test(fields_that_break_the_request_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
