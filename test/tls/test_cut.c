/*
 * The stream from the server, or from a proxy in TLS, is cut behind each of its bytes, from the
 * first of the TLS handshake to the last of "hello": an error each time, once, and nothing hangs or
 * leaks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client.h"

/* What the library takes from us, counted. */
static void *count_memory(void *arg, void *ptr, size_t size) {
  size_t *live = arg;
  if (size == 0) {
    *live -= ptr != NULL;
    free(ptr);
    return NULL;
  }
  void *out = realloc(ptr, size);
  if (!ptr && out) ++*live;
  return out;
}

static int is_told(int err) {
  return err == UVWS_ETLS || err == UVWS_ETLS_TRUNCATED || err == UV_ECONNRESET || err == UV_EPIPE;
}

/* The first cut that changes nothing ends it. */
static void cut_everywhere(int version) {
  struct tls_peer_plan plan = {.max = version, .has_cut = 1};
  uvws_options_t options = {
      .ca_file = "ca.pem", .server_name = "a.test", .no_session_resumption = 1};
  struct tls_peer peer;
  struct client c;
  size_t live = 0, cuts = 0;
  uvws_context_options_t memory = {
      .size = sizeof memory, .realloc_cb = count_memory, .realloc_arg = &live};
  tls_peer_start(&peer, &plan);
  client_init(&c, &memory);
  for (peer.cut_at = 0;; peer.cut_at++) {
    client_visit(&c, &peer, &options);
    if (c.messages) break;
    assert_true(c.message[0]);
    if (!is_told(c.err)) assert_string_equal(c.message, uvws_err_name(c.err));
    cuts++;
    assert_true(cuts < 4000);
  }
  assert_true(cuts > 100);
  client_deinit(&c);
  tls_peer_stop(&peer);
  assert_int_equal(live, 0);
}

static void a_handshake_of_tls_1_3_may_end_behind_every_byte(void **state) {
  (void)state;
  cut_everywhere(TLS1_3_VERSION);
}

static void a_handshake_of_tls_1_2_may_end_behind_every_byte(void **state) {
  (void)state;
  cut_everywhere(TLS1_2_VERSION);
}

static int is_told_of_proxy(int err) {
  return is_told(err) || err == UVWS_EPROXY || err == UVWS_ELOST || err == UVWS_EHTTP;
}

/* TLS to the proxy, its answer to CONNECT, the server behind it, in TLS of its own or not. A
 * context each time, so that no session is resumed and each handshake is as long as the last. */
static void cut_proxy_everywhere(int version, int is_secure_behind) {
  struct tls_peer_plan plan = {.cert = "ip",
                               .max = version,
                               .is_proxy = 1,
                               .is_secure_behind = is_secure_behind,
                               .has_cut = 1};
  char proxy[64];
  uvws_options_t options = {.uri = is_secure_behind ? "wss://127.0.0.1:1/" : "ws://127.0.0.1:1/",
                            .ca_file = "ca.pem",
                            .proxy = proxy,
                            .proxy_ca_file = "ca.pem"};
  struct tls_peer peer;
  size_t live = 0, cuts = 0, in_talk = 0, in_tls = 0;
  uvws_context_options_t memory = {
      .size = sizeof memory, .realloc_cb = count_memory, .realloc_arg = &live};
  tls_peer_start(&peer, &plan);
  snprintf(proxy, sizeof proxy, "https://127.0.0.1:%u", peer.port);
  int is_whole = 0;
  for (peer.cut_at = 0; !is_whole; peer.cut_at++) {
    struct client c;
    client_init(&c, &memory);
    client_visit(&c, &peer, &options);
    is_whole = c.messages == 1;
    if (!is_whole && !is_told_of_proxy(c.err))
      fail_msg("byte %zu: %s", peer.cut_at, uvws_err_name(c.err));
    if (!is_whole) assert_true(c.message[0]);
    assert_null(strstr(c.message, "Unknown")); /* so says libuv of our numbers */
    in_tls += strncmp(c.message, "proxy 127.0.0.1: ", 17) == 0;
    in_talk += strstr(c.message, "CONNECT") || strstr(c.message, "the proxy");
    client_deinit(&c);
    assert_int_equal(live, 0);
    cuts++;
    assert_true(cuts < 6000);
  }
  assert_true(in_tls + in_talk > 100);
  tls_peer_stop(&peer);
}

static void tls_to_a_proxy_may_end_behind_every_byte(void **state) {
  (void)state;
  cut_proxy_everywhere(TLS1_3_VERSION, 0);
  cut_proxy_everywhere(TLS1_2_VERSION, 0);
}

static void tls_within_the_tls_of_a_proxy_may_end_behind_every_byte(void **state) {
  (void)state;
  cut_proxy_everywhere(TLS1_3_VERSION, 1);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_handshake_of_tls_1_3_may_end_behind_every_byte),
      cmocka_unit_test(a_handshake_of_tls_1_2_may_end_behind_every_byte),
      cmocka_unit_test(tls_to_a_proxy_may_end_behind_every_byte),
      cmocka_unit_test(tls_within_the_tls_of_a_proxy_may_end_behind_every_byte),
  };
  if (argc < 2 || chdir(argv[1]) != 0) return 2;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
