/* Where a redirect leads: references resolved (RFC 3986 5.4), and the rules. */
#include "proto/redirect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka needs the four above first. */
#include <cmocka.h>

#include "fake_env.h"

static const struct {
  const char *base;
  const char *location;
  int is_secure;
  const char *host;
  unsigned port; /* 0: none in it */
  const char *resource;
} good[] = {
    /* RFC 3986 5.4.1 and 5.4.2, as far as a WebSocket URI can have them. */
    {"ws://a/b/c/d;p?q", "http://g", 0, "g", 0, "/"},
    {"ws://a/b/c/d;p?q", "g", 0, "a", 80, "/b/c/g"},
    {"ws://a/b/c/d;p?q", "./g", 0, "a", 80, "/b/c/g"},
    {"ws://a/b/c/d;p?q", "g/", 0, "a", 80, "/b/c/g/"},
    {"ws://a/b/c/d;p?q", "/g", 0, "a", 80, "/g"},
    {"ws://a/b/c/d;p?q", "//g", 0, "g", 0, "/"},
    {"ws://a/b/c/d;p?q", "?y", 0, "a", 80, "/b/c/d;p?y"},
    {"ws://a/b/c/d;p?q", "g?y", 0, "a", 80, "/b/c/g?y"},
    {"ws://a/b/c/d;p?q", "#s", 0, "a", 80, "/b/c/d;p?q"},
    {"ws://a/b/c/d;p?q", "g#s", 0, "a", 80, "/b/c/g"},
    {"ws://a/b/c/d;p?q", ";x", 0, "a", 80, "/b/c/;x"},
    {"ws://a/b/c/d;p?q", "", 0, "a", 80, "/b/c/d;p?q"},
    {"ws://a/b/c/d;p?q", ".", 0, "a", 80, "/b/c/"},
    {"ws://a/b/c/d;p?q", "./", 0, "a", 80, "/b/c/"},
    {"ws://a/b/c/d;p?q", "..", 0, "a", 80, "/b/"},
    {"ws://a/b/c/d;p?q", "../g", 0, "a", 80, "/b/g"},
    {"ws://a/b/c/d;p?q", "../..", 0, "a", 80, "/"},
    {"ws://a/b/c/d;p?q", "../../g", 0, "a", 80, "/g"},
    {"ws://a/b/c/d;p?q", "../../../g", 0, "a", 80, "/g"},
    {"ws://a/b/c/d;p?q", "/./g", 0, "a", 80, "/g"},
    {"ws://a/b/c/d;p?q", "/../g", 0, "a", 80, "/g"},
    {"ws://a/b/c/d;p?q", "g.", 0, "a", 80, "/b/c/g."},
    {"ws://a/b/c/d;p?q", "..g", 0, "a", 80, "/b/c/..g"},
    {"ws://a/b/c/d;p?q", "./../g", 0, "a", 80, "/b/g"},
    {"ws://a/b/c/d;p?q", "g/./h", 0, "a", 80, "/b/c/g/h"},
    {"ws://a/b/c/d;p?q", "g/../h", 0, "a", 80, "/b/c/h"},
    {"ws://a/b/c/d;p?q", "g?y/../x", 0, "a", 80, "/b/c/g?y/../x"},
    {"ws://a", "g", 0, "a", 80, "/g"},
    {"ws://a:81/x", "/y", 0, "a", 81, "/y"},
    {"ws://[::1]:81/x", "y", 0, "::1", 81, "/y"},
    {"wss://a/x", "https://b:444/y?z#f", 1, "b", 444, "/y?z"},
    {"wss://a/x", "wss://b/y", 1, "b", 0, "/y"},
    {"ws://a/x", "HTTPS://B/y", 1, "b", 0, "/y"},
    {"ws://a/x", "wss://a/x", 1, "a", 0, "/x"},
    {"ws://a/x", "http://u:p@b/", 0, "b", 0, "/"},
};

static int resolve(struct fake_env *fake, const char *base, const char *location,
                   struct uvws__detail *detail, struct uvws__uri *out) {
  struct uvws__uri uri;
  assert_int_equal(uvws__uri_parse(&fake->env, base, NULL, &uri), 0);
  uint16_t port = uri.port ? uri.port : uvws__uri_default_port(uri.is_secure);
  int err = uvws__redirect_resolve(&fake->env, &uri, port, location, detail, out);
  uvws__uri_deinit(&fake->env, &uri);
  return err;
}

static void references_are_resolved_as_rfc_3986_says(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    struct fake_env fake;
    struct uvws__uri uri;
    struct uvws__detail detail = {{0}};
    fake_env_init(&fake);
    int err = resolve(&fake, good[i].base, good[i].location, &detail, &uri);
    if (err) fail_msg("%s: %s", good[i].location, detail.text);
    assert_int_equal(uri.is_secure, good[i].is_secure);
    assert_string_equal(uri.host, good[i].host);
    assert_int_equal(uri.port, good[i].port);
    if (strcmp(uri.resource, good[i].resource) != 0)
      fail_msg("%s: %s, not %s", good[i].location, uri.resource, good[i].resource);
    assert_null(uri.userinfo);
    uvws__uri_deinit(&fake.env, &uri);
    assert_int_equal(fake.live, 0);
  }
}

static const struct {
  const char *base;
  const char *location;
  const char *words;
} bad[] = {
    {"wss://a/", "http://a/", "from wss to ws"},
    {"wss://a/", "ws://b/", "from wss to ws"},
    {"ws://a/", "ftp://a/", "scheme ftp"},
    {"ws://a/", "javascript:alert(1)", "scheme javascript"},
    {"ws://a/", "http:/b", "no host"},
    {"ws://a/", "http:b", "no host"},
    {"ws://a/", "//", "empty"},
    {"ws://a/", "http://b:99999/", "port"},
    {"ws://a/", "http://b c/", "0x20"},
    {"ws://a/", "/x y", "0x20"},
    {"ws://a/", "http://127.1/", "IPv4"},
    {"ws://a/", "/%zz", "the % at"},
};

static void bad_ones_are_refused_in_words(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct fake_env fake;
    struct uvws__uri uri;
    struct uvws__detail detail = {{0}};
    fake_env_init(&fake);
    int err = resolve(&fake, bad[i].base, bad[i].location, &detail, &uri);
    if (err != UVWS_EREDIRECT || !strstr(detail.text, bad[i].words))
      fail_msg("%s: %d, %s", bad[i].location, err, detail.text);
    assert_int_equal(fake.live, 0);
  }
}

static void an_origin_is_scheme_host_and_port(void **state) {
  static const struct {
    const char *a, *b;
    int is_same;
  } rows[] = {
      {"ws://a/x", "ws://a/y", 1},        {"ws://a/", "ws://a:80/", 1},
      {"ws://a:80/", "ws://A/", 1},       {"wss://a/", "wss://a:443/", 1},
      {"ws://a/", "ws://b/", 0},          {"ws://a/", "ws://a:81/", 0},
      {"ws://a:443/", "wss://a/", 0},     {"ws://a/", "ws://a.b/", 0},
      {"ws://u:p@a/", "ws://v:q@a/z", 1}, {"ws://a/", "ws://a./", 0},
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct fake_env fake;
    struct uvws__uri a, b;
    fake_env_init(&fake);
    assert_int_equal(uvws__uri_parse(&fake.env, rows[i].a, NULL, &a), 0);
    assert_int_equal(uvws__uri_parse(&fake.env, rows[i].b, NULL, &b), 0);
    uint16_t port = a.port ? a.port : uvws__uri_default_port(a.is_secure);
    assert_int_equal(uvws__is_same_origin(&a, port, &b), rows[i].is_same);
    uvws__uri_deinit(&fake.env, &a);
    uvws__uri_deinit(&fake.env, &b);
  }
}

static void five_statuses_are_redirects(void **state) {
  unsigned count = 0;
  (void)state;
  for (int status = 0; status < 1000; status++)
    count += uvws__is_redirect(status) != 0;
  assert_int_equal(count, 5);
  assert_true(uvws__is_redirect(301) && uvws__is_redirect(302) && uvws__is_redirect(303) &&
              uvws__is_redirect(307) && uvws__is_redirect(308));
}

static void each_allocation_may_fail(void **state) {
  (void)state;
  int is_done = 0;
  for (size_t n = 1; !is_done; n++) {
    struct fake_env fake;
    struct uvws__uri base, uri;
    fake_env_init(&fake);
    assert_int_equal(uvws__uri_parse(&fake.env, "ws://[::1]/a/b", NULL, &base), 0);
    fake.asked = 0;
    fake.fail_at = n;
    int err = uvws__redirect_resolve(&fake.env, &base, 80, "../c?d", NULL, &uri);
    assert_true(err == 0 || err == UVWS__ENOMEM);
    if (!err) uvws__uri_deinit(&fake.env, &uri);
    uvws__uri_deinit(&fake.env, &base);
    assert_int_equal(fake.live, 0);
    is_done = !err;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(references_are_resolved_as_rfc_3986_says),
      cmocka_unit_test(bad_ones_are_refused_in_words),
      cmocka_unit_test(an_origin_is_scheme_host_and_port),
      cmocka_unit_test(five_statuses_are_redirects),
      cmocka_unit_test(each_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
