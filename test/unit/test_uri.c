/* WebSocket URIs: what is taken and how it comes apart, what is refused and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_env.h"
#include "proto/uri.h"

#define LABEL_63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

static const struct good {
  const char *text;
  int is_secure;
  const char *host;
  int is_ipv6;
  uint16_t port;
  const char *resource;
  const char *userinfo;
} good[] = {
    {"ws://example.org", 0, "example.org", 0, 0, "/", NULL},
    {"wss://example.org", 1, "example.org", 0, 0, "/", NULL},
    {"ws://example.org/", 0, "example.org", 0, 0, "/", NULL},
    {"WS://example.org/", 0, "example.org", 0, 0, "/", NULL},
    {"wSs://Example.ORG/Path", 1, "example.org", 0, 0, "/Path", NULL},
    {"ws://h", 0, "h", 0, 0, "/", NULL},
    {"ws://localhost:8080/echo", 0, "localhost", 0, 8080, "/echo", NULL},
    {"ws://localhost:/echo", 0, "localhost", 0, 0, "/echo", NULL},
    {"ws://localhost:1/", 0, "localhost", 0, 1, "/", NULL},
    {"ws://localhost:65535/", 0, "localhost", 0, 65535, "/", NULL},
    {"ws://localhost:00080/", 0, "localhost", 0, 80, "/", NULL},
    {"ws://localhost?x=1", 0, "localhost", 0, 0, "/?x=1", NULL},
    {"ws://localhost:9?x=1", 0, "localhost", 0, 9, "/?x=1", NULL},
    {"ws://localhost/?", 0, "localhost", 0, 0, "/?", NULL},
    {"ws://localhost/a?b?c/d", 0, "localhost", 0, 0, "/a?b?c/d", NULL},
    {"ws://localhost/a//b", 0, "localhost", 0, 0, "/a//b", NULL},
    {"ws://localhost//a", 0, "localhost", 0, 0, "//a", NULL},
    {"ws://localhost/../a/./b", 0, "localhost", 0, 0, "/../a/./b", NULL},
    {"ws://localhost/a%20b%0D%0a", 0, "localhost", 0, 0, "/a%20b%0D%0a", NULL},
    {"ws://localhost/a:b@c", 0, "localhost", 0, 0, "/a:b@c", NULL},
    {"ws://localhost/-._~!$&'()*+,;=:@", 0, "localhost", 0, 0, "/-._~!$&'()*+,;=:@", NULL},
    {"ws://localhost/?u=ws://a/b", 0, "localhost", 0, 0, "/?u=ws://a/b", NULL},
    {"ws://127.0.0.1:80/", 0, "127.0.0.1", 0, 80, "/", NULL},
    {"ws://255.255.255.255", 0, "255.255.255.255", 0, 0, "/", NULL},
    {"ws://[::1]", 0, "::1", 1, 0, "/", NULL},
    {"wss://[2001:DB8::A]:8443/x", 1, "2001:db8::a", 1, 8443, "/x", NULL},
    {"ws://[::ffff:192.0.2.1]:/", 0, "::ffff:192.0.2.1", 1, 0, "/", NULL},
    {"ws://[fe80::1%25eth0]/", 0, "fe80::1%eth0", 1, 0, "/", NULL},
    {"ws://u@[fe80::1%25Wlan-0.1_~]:9", 0, "fe80::1%Wlan-0.1_~", 1, 9, "/", "u"},
    {"ws://user:pass@h/", 0, "h", 0, 0, "/", "user:pass"},
    {"ws://user@h/", 0, "h", 0, 0, "/", "user"},
    {"ws://@h/", 0, "h", 0, 0, "/", NULL},
    {"ws://u%40x:p%3A%2f@h/", 0, "h", 0, 0, "/", "u@x:p:/"},
    {"ws://%C3%A9:%C3%A9@h/", 0, "h", 0, 0, "/", "\xc3\xa9:\xc3\xa9"},
    {"ws://:p:q@h/", 0, "h", 0, 0, "/", ":p:q"},
    {"ws://ex%61mple%2eORG/", 0, "example.org", 0, 0, "/", NULL},
    {"ws://example.org./", 0, "example.org.", 0, 0, "/", NULL},
    {"ws://my_host-1.a1b/", 0, "my_host-1.a1b", 0, 0, "/", NULL},
    {"ws://1.2.3.4.example/", 0, "1.2.3.4.example", 0, 0, "/", NULL},
    {"ws://0xy/", 0, "0xy", 0, 0, "/", NULL},
    {"ws://xn--bcher-kva.example/", 0, "xn--bcher-kva.example", 0, 0, "/", NULL},
    {"ws://" LABEL_63 "." LABEL_63 "." LABEL_63 ".com", 0,
     LABEL_63 "." LABEL_63 "." LABEL_63 ".com", 0, 0, "/", NULL},
};

/* `says` is a part of the detail. */
static const struct bad {
  const char *text;
  const char *says;
} bad[] = {
    {NULL, "empty"},
    {"", "empty"},
    {"example.org", "no scheme"},
    {"/path", "no scheme"},
    {"//example.org/", "no scheme"},
    {"?x", "no scheme"},
    {"http://example.org/", "the scheme http is not ws or wss"},
    {"https://example.org/", "the scheme https"},
    {"wsss://example.org/", "the scheme wsss"},
    {"w://example.org/", "the scheme w "},
    {"://example.org/", "the scheme  is not"},
    {"file:///etc/passwd", "the scheme file"},
    {"localhost:8080", "the scheme localhost"},
    {"ws:", "not followed by //"},
    {"ws:/", "not followed by //"},
    {"ws:/example.org", "not followed by //"},
    {"wss:example.org", "not followed by //"},
    {"ws://", "host is empty"},
    {"ws:///", "host is empty"},
    {"ws:///path", "host is empty"},
    {"ws://:80/", "host is empty"},
    {"ws://?x", "host is empty"},
    {"ws://user:pass@/", "host is empty"},
    {"ws://example.org/#top", "fragment"},
    {"ws://example.org#", "fragment"},
    {"ws://example.org/?a#b", "fragment"},
    {"ws://example.org:0/", "port"},
    {"ws://example.org:65536/", "port"},
    {"ws://example.org:99999999999999999999999/", "port"},
    {"ws://example.org:-1/", "malformed"},
    {"ws://example.org:8o/", "malformed"},
    {"ws://example.org:80:80/", "malformed"},
    {"ws://::1/", "malformed"},
    {" ws://example.org/", "byte 0x20 at offset 0"},
    {"ws://example.org/ ", "byte 0x20"},
    {"ws://example.org/a b", "byte 0x20"},
    {"ws://exam ple.org/", "byte 0x20"},
    {"ws://example.org/\r\nX: y", "byte 0x0d"},
    {"ws://example.org/\nX: y", "byte 0x0a"},
    {"ws://example.org\r\n/", "byte 0x0d"},
    {"ws://example.org/\t", "byte 0x09"},
    {"ws://example.org/\x7f", "byte 0x7f"},
    {"ws://example.org/\x01", "byte 0x01"},
    {"ws://example.org/<a>", "'<'"},
    {"ws://example.org/\"", "'\"'"},
    {"ws://example.org/{x}", "'{'"},
    {"ws://example.org/a|b", "'|'"},
    {"ws://example.org/a\\b", "'\\'"},
    {"ws:\\\\example.org\\a", "'\\'"},
    {"ws://example.org/^", "'^'"},
    {"ws://example.org/`", "'`'"},
    {"ws://example.org/[x]", "'['"},
    {"ws://example.org/?a[]=1", "'['"},
    {"ws://example.org/a]", "']'"},
    {"ws://example.org/%", "the % at offset 17"},
    {"ws://example.org/%4", "the % at"},
    {"ws://example.org/%4g", "the % at"},
    {"ws://example.org/%zz", "the % at"},
    {"ws://exam%ple.org/", "the % at"},
    {"ws://example.org/\xc3\xa9", "byte 0xc3"},
    {"ws://a%00b/", "control character"},
    {"ws://a%0d%0ab/", "control character"},
    {"ws://a%20b/", "character ' '"},
    {"ws://a%2fb/", "character '/'"},
    {"ws://a%40b/", "character '@'"},
    {"ws://a%3a80/", "character ':'"},
    {"ws://a,b/", "character ','"},
    {"ws://a*b/", "character '*'"},
    {"ws://$(x)/", "character '$'"},
    {"ws://a..b/", "empty label"},
    {"ws://.a/", "empty label"},
    {"ws://./", "empty label"},
    {"ws://a../", "empty label"},
    {"ws://" LABEL_63 "l.com/", "label of more than 63"},
    {"ws://" LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63 "/", "more than 253"},
    {"ws://1.2.3.256/", "looks like an IPv4"},
    {"ws://1.2.3/", "looks like an IPv4"},
    {"ws://1.2.3.4.5/", "looks like an IPv4"},
    {"ws://1.2.3.4./", "looks like an IPv4"},
    {"ws://127.0.0.01/", "looks like an IPv4"},
    {"ws://2130706433/", "looks like an IPv4"},
    {"ws://0x7f000001/", "looks like an IPv4"},
    {"ws://0x7f.0.0.0X1/", "looks like an IPv4"},
    {"ws://127.0.0.%31/", "looks like an IPv4"},
    {"ws://a.0x/", "looks like an IPv4"},
    {"ws://[::1/", "malformed"},
    {"ws://::1]/", "malformed"},
    {"ws://[]/", "malformed"},
    {"ws://[:::1]/", "malformed"},
    {"ws://[::g]/", "malformed"},
    {"ws://[1:2:3:4:5:6:7:8:9]/", "malformed"},
    {"ws://[1:2:3:4:5:6:7]/", "malformed"},
    {"ws://[::1]a/", "malformed"},
    {"ws://[127.0.0.1]/", "malformed"},
    {"ws://[example.org]/", "malformed"},
    {"ws://a[::1]/", "malformed"},
    {"ws://[v1.abc]/", "unknown IP version"},
    {"ws://[fe80::1%eth0]/", "the % at"},
    {"ws://[fe80::1%25]/", "zone id is empty"},
    {"ws://[fe80::1%25a%20]/", "zone id has"},
    {"ws://[fe80::1%25a/b]/", "']'"},
    {"ws://[v1.abc%25eth0]/", "zone id belongs"},
    {"ws://u\xc3\xa9:p@h/", "byte 0xc3"},
    {"ws://u%0d%0a:p@h/", "userinfo has a control character"},
    {"ws://u:p%00@h/", "userinfo has a control character"},
    {"ws://u%7f@h/", "userinfo has a control character"},
    {"ws://a%3Ab:p@h/", "colon"},
    {"ws://a%3ab@h/", "colon"},
    {"ws://a@b@h/", "malformed"},
    {"ws://a[b@h/", "malformed"},
};

static void every_good_uri_comes_apart_as_listed(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    struct fake_env fake;
    struct uvws__detail detail = {{0}};
    struct uvws__uri uri;
    fake_env_init(&fake);
    if (uvws__uri_parse(&fake.env, good[i].text, &detail, &uri))
      fail_msg("%s: %s", good[i].text, detail.text);
    assert_int_equal(uri.is_secure, good[i].is_secure);
    assert_string_equal(uri.host, good[i].host);
    assert_int_equal(uri.is_ipv6, good[i].is_ipv6);
    assert_int_equal(uri.port, good[i].port);
    assert_string_equal(uri.resource, good[i].resource);
    if (good[i].userinfo)
      assert_string_equal(uri.userinfo, good[i].userinfo);
    else
      assert_null(uri.userinfo);
    uvws__uri_deinit(&fake.env, &uri);
    assert_int_equal(fake.live, 0);
  }
}

static void every_bad_uri_is_refused_in_words(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct fake_env fake;
    struct uvws__detail detail = {{0}};
    struct uvws__uri uri, untouched;
    fake_env_init(&fake);
    memset(&uri, 0x5a, sizeof uri);
    untouched = uri;
    if (uvws__uri_parse(&fake.env, bad[i].text, &detail, &uri) != UVWS_EURI)
      fail_msg("%s was not refused", bad[i].text);
    if (!strstr(detail.text, bad[i].says))
      fail_msg("%s: \"%s\" does not say \"%s\"", bad[i].text, detail.text, bad[i].says);
    assert_memory_equal(&uri, &untouched, sizeof uri);
    assert_int_equal(fake.live, 0);
  }
}

static char *long_uri(const char *prefix, char fill, size_t len, const char *suffix) {
  char *text = malloc(len + 1);
  assert_non_null(text);
  memset(text, fill, len);
  memcpy(text, prefix, strlen(prefix));
  memcpy(text + len - strlen(suffix), suffix, strlen(suffix));
  text[len] = '\0';
  return text;
}

static int parse_once(char *text, struct uvws__detail *detail) {
  struct fake_env fake;
  struct uvws__uri uri = {0};
  fake_env_init(&fake);
  int err = uvws__uri_parse(&fake.env, text, detail, &uri);
  uvws__uri_deinit(&fake.env, &uri);
  assert_int_equal(fake.live, 0);
  free(text);
  return err;
}

static void the_length_is_capped(void **state) {
  (void)state;
  struct uvws__detail detail;
  assert_int_equal(parse_once(long_uri("ws://h/", 'a', UVWS__URI_MAX, ""), &detail), 0);
  assert_int_equal(parse_once(long_uri("ws://h/", '/', UVWS__URI_MAX, ""), &detail), 0);
  assert_int_equal(parse_once(long_uri("ws://h/", 'a', UVWS__URI_MAX + 1, ""), &detail), UVWS_EURI);
  assert_non_null(strstr(detail.text, "16384"));
  assert_int_equal(parse_once(long_uri("ws://u:", 'p', 4096, "@h/"), &detail), 0);
  assert_int_equal(parse_once(long_uri("ws://u:", 'p', 4200, "@h/"), &detail), UVWS_EURI);
  assert_int_equal(parse_once(long_uri("ws://h:", '0', 4000, "80/"), &detail), 0);
  assert_int_equal(parse_once(long_uri("ws://", '1', 4000, "/"), &detail), UVWS_EURI);
}

static void no_detail_repeats_the_password(void **state) {
  (void)state;
  static const char *const texts[] = {"ws://u:secret@h:0/", "ws://u:secret@a..b/",
                                      "ws://u:secret@h:x/", "ws://u:secret%00@h/",
                                      "ws://u:secret@1.2/", "http://u:secret@h/"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    struct fake_env fake;
    struct uvws__detail detail;
    struct uvws__uri uri;
    fake_env_init(&fake);
    assert_int_equal(uvws__uri_parse(&fake.env, texts[i], &detail, &uri), UVWS_EURI);
    assert_null(strstr(detail.text, "secret"));
  }
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  static const char *const texts[] = {"wss://u:p@example.org:1/a/b/c?d", "ws://[fe80::1%25eth0]:9/",
                                      "ws://127.0.0.1"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    int err = UVWS__ENOMEM;
    for (size_t n = 1; err; n++) {
      struct fake_env fake;
      struct uvws__uri uri;
      fake_env_init(&fake);
      fake.fail_at = n;
      assert_true(n < 100);
      err = uvws__uri_parse(&fake.env, texts[i], NULL, &uri);
      if (err)
        assert_int_equal(err, UVWS__ENOMEM);
      else
        uvws__uri_deinit(&fake.env, &uri);
      assert_int_equal(fake.live, 0);
    }
  }
}

static void the_default_ports_are_80_and_443(void **state) {
  (void)state;
  assert_int_equal(uvws__uri_default_port(0), 80);
  assert_int_equal(uvws__uri_default_port(1), 443);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_good_uri_comes_apart_as_listed),
      cmocka_unit_test(every_bad_uri_is_refused_in_words),
      cmocka_unit_test(the_length_is_capped),
      cmocka_unit_test(no_detail_repeats_the_password),
      cmocka_unit_test(every_allocation_may_fail),
      cmocka_unit_test(the_default_ports_are_80_and_443),
  };
  return cmocka_run_group_tests_name("uri", tests, NULL, NULL);
}
