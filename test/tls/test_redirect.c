/* Redirects of a server over TLS: never to a place without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client.h"

static const uvws_options_t options = {
    .ca_file = "ca.pem", .server_name = "a.test", .max_redirects = 3};

/* The server counts who comes: a redirect that is refused makes no second connection. */
static void a_redirect_from_wss_to_ws_is_refused(void **state) {
  static const char *const places[] = {"ws://127.0.0.1:%u/", "http://127.0.0.1:%u/",
                                       "WS://127.0.0.1:%u/next", "http://127.0.0.1/"};
  (void)state;
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    const struct tls_peer_plan plan = {.location = places[i]};
    struct tls_peer peer;
    struct client c;
    tls_peer_start(&peer, &plan);
    client_init(&c, NULL);
    client_visit(&c, &peer, &options);
    assert_string_equal(uvws_err_name(c.err), "UVWS_EREDIRECT");
    if (!strstr(c.message, "wss")) assert_string_equal(c.message, "");
    assert_int_equal(c.opens, 0);
    client_deinit(&c);
    tls_peer_stop(&peer);
    assert_int_equal(peer.accepted, 1);
  }
}

static void a_redirect_that_stays_in_tls_is_followed(void **state) {
  static const char *const places[] = {"/next", "wss://127.0.0.1:%u/next",
                                       "https://127.0.0.1:%u/next", "//127.0.0.1:%u/next"};
  (void)state;
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    const struct tls_peer_plan plan = {.location = places[i]};
    struct tls_peer peer;
    struct client c;
    tls_peer_start(&peer, &plan);
    client_init(&c, NULL);
    client_visit(&c, &peer, &options);
    assert_string_equal(c.message, "");
    assert_int_equal(c.messages, 1);
    client_deinit(&c);
    tls_peer_stop(&peer);
    assert_int_equal(peer.accepted, 2);
    assert_int_equal(peer.secured, 2);
  }
}

static int on_key_password(uvws_t *ws, char *out, size_t cap, void *user) {
  (void)ws, (void)cap, (void)user;
  memcpy(out, "sesame", 6);
  return 6;
}

/* Neither is it shown, nor is the password of its key asked for. */
static void another_host_gets_no_client_certificate(void **state) {
  (void)state;
  for (int is_other = 0; is_other < 2; is_other++) {
    const struct tls_peer_plan plan = {.location = is_other ? "wss://localhost:%u/next" : "/next",
                                       .client_ca = "ca.pem",
                                       .is_client_optional = 1};
    const uvws_options_t o = {.insecure_skip_verify = 1,
                              .max_redirects = 1,
                              .cert_file = "client.pem",
                              .key_file = "client_locked.key",
                              .on_key_password = on_key_password};
    struct tls_peer peer;
    struct client c;
    tls_peer_start(&peer, &plan);
    client_init(&c, NULL);
    client_visit(&c, &peer, &o);
    assert_string_equal(c.message, "");
    assert_int_equal(c.messages, 1);
    client_deinit(&c);
    tls_peer_stop(&peer);
    assert_int_equal(peer.secured, 2);
    assert_int_equal(peer.certified, is_other ? 1 : 2);
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_redirect_from_wss_to_ws_is_refused),
      cmocka_unit_test(a_redirect_that_stays_in_tls_is_followed),
      cmocka_unit_test(another_host_gets_no_client_certificate),
  };
  if (argc < 2 || chdir(argv[1]) != 0) return 2;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
