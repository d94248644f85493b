/* Host names beyond ASCII in URIs. */
#include "proto/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka needs the four above first. */
#include <cmocka.h>

#include "fake_env.h"

static const struct {
  const char *uri;
  const char *host;
  const char *resource;
} good[] = {
    {"ws://b\xc3\xbc"
     "cher.example/",
     "xn--bcher-kva.example", "/"},
    {"ws://B\xc3\x9c"
     "CHER.example/x?y",
     "xn--bcher-kva.example", "/x?y"},
    {"ws://b%C3%BCcher.example", "xn--bcher-kva.example", "/"},
    /* Decomposed: u and a combining diaeresis. */
    {"ws://bu\xcc\x88"
     "cher.example/",
     "xn--bcher-kva.example", "/"},
    {"wss://u:p@\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88:8443/",
     "xn--r8jz45g.xn--zckzah", "/"},
    /* Non-transitional: sharp s is not ss. */
    {"ws://fa\xc3\x9f.example/", "xn--fa-hia.example", "/"},
    /* The ideographic full stop is a dot. */
    {"ws://\xc3\xa9\xe3\x80\x82"
     "example/",
     "xn--9ca.example", "/"},
};

static void names_beyond_ascii_become_their_xn_form(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    struct fake_env fake;
    struct uvws__uri uri;
    struct uvws__detail detail = {{0}};
    fake_env_init(&fake);
    int err = uvws__uri_parse(&fake.env, good[i].uri, &detail, &uri);
    if (err) fail_msg("%s: %s", good[i].uri, detail.text);
    assert_string_equal(uri.host, good[i].host);
    assert_string_equal(uri.resource, good[i].resource);
    uvws__uri_deinit(&fake.env, &uri);
    assert_int_equal(fake.live, 0);
  }
}

static const char *const bad[] = {
    "ws://\xff/", /* not UTF-8 */
    "ws://a\xe2\x80\x8e"
    "b/",                             /* a direction mark */
    "ws://\xe2\x98\x83\xe2\x80\xae/", /* right-to-left override */
    "ws://\xc3\xa9..example/",        /* an empty label */
    "ws://%C3/",                      /* half a character */
    "ws://\xe2\x81\xa4/",             /* invisible */
    "ws://\xef\xbc\x8f"
    "evil.example/", /* a full-width slash */
    "ws://\xc3\xa9\xef\xbc\xa0"
    "evil/",                                        /* a full-width @ */
    "ws://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.1/", /* becomes 127.1 */
};

static void names_that_are_none_are_refused(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct fake_env fake;
    struct uvws__uri uri;
    struct uvws__detail detail = {{0}};
    fake_env_init(&fake);
    int err = uvws__uri_parse(&fake.env, bad[i], &detail, &uri);
    if (err != UVWS_EURI) fail_msg("%s was not refused", bad[i]);
    assert_true(detail.text[0]);
    assert_int_equal(fake.live, 0);
  }
}

static void each_allocation_may_fail(void **state) {
  static const char *const uris[] = {"ws://b%C3%BCcher.example/", "ws://\xc3\xa9/"};
  (void)state;
  for (size_t which = 0; which < 2; which++) {
    int err = UVWS__ENOMEM;
    for (size_t n = 1; err; n++) {
      struct fake_env fake;
      struct uvws__uri uri;
      struct uvws__detail detail = {{0}};
      fake_env_init(&fake);
      fake.fail_at = n;
      err = uvws__uri_parse(&fake.env, uris[which], &detail, &uri);
      assert_true(err == 0 || err == UVWS__ENOMEM);
      if (!err) uvws__uri_deinit(&fake.env, &uri);
      assert_int_equal(fake.live, 0);
      assert_true(n < 100);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_beyond_ascii_become_their_xn_form),
      cmocka_unit_test(names_that_are_none_are_refused),
      cmocka_unit_test(each_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
