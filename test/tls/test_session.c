/* What lasts beyond a handshake: sessions, shared settings, what is told of them, key logs; and the
 * caller's word on certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client.h"

static const uvws_options_t trusting = {.ca_file = "ca.pem", .server_name = "a.test"};

static char *read_text(const char *path) {
  static char text[8][16384];
  static unsigned next;
  char *out = text[next++ % 8];
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  out[fread(out, 1, sizeof text[0] - 1, file)] = '\0';
  fclose(file);
  return out;
}

static void assert_well(const struct client *c) {
  assert_string_equal(c->message, "");
  assert_int_equal(c->err, 0);
  assert_int_equal(c->messages, 1);
  assert_true(c->is_clean);
}

static void visit_well(struct client *c, const struct tls_peer *peer, const uvws_options_t *o) {
  client_visit(c, peer, o);
  assert_well(c);
}

static void expect_resumption(int version) {
  const struct tls_peer_plan plan = {.min = version, .max = version, .alpn = "http/1.1"};
  struct tls_peer peer;
  struct client c;
  tls_peer_start(&peer, &plan);
  client_init(&c, NULL);
  for (int i = 0; i < 5; i++) {
    visit_well(&c, &peer, &trusting);
    assert_int_equal(c.is_resumed, i > 0);
    assert_int_equal(c.certificates, 1);
    assert_string_equal(c.alpn, "http/1.1");
  }
  client_deinit(&c);
  tls_peer_stop(&peer);
  assert_int_equal(peer.resumed, 4);
}

static void a_second_connection_resumes_the_session(void **state) {
  (void)state;
  expect_resumption(TLS1_2_VERSION);
  expect_resumption(TLS1_3_VERSION);
}

static void nothing_is_resumed_when_it_was_turned_off(void **state) {
  (void)state;
  const struct tls_peer_plan plan = {0};
  struct tls_peer peer;
  struct client c;
  uvws_options_t off = trusting;
  off.no_session_resumption = 1;
  tls_peer_start(&peer, &plan);
  client_init(&c, NULL);
  visit_well(&c, &peer, &trusting);
  visit_well(&c, &peer, &off);
  visit_well(&c, &peer, &off);
  client_deinit(&c);
  tls_peer_stop(&peer);
  assert_int_equal(peer.resumed, 0);
}

/* Both servers have the same keys for their tickets: it is the client that must not offer. */
static void a_session_stays_with_its_host_and_its_options(void **state) {
  (void)state;
  const struct tls_peer_plan plan = {.cert = "other"};
  struct tls_peer peer;
  struct client c;
  uvws_options_t loose = {.insecure_skip_verify = 1, .server_name = "a.test"};
  uvws_options_t strict = trusting;
  tls_peer_start(&peer, &plan);
  client_init(&c, NULL);
  visit_well(&c, &peer, &loose);
  client_visit(&c, &peer, &strict); /* what nobody verified does not count as verified */
  assert_int_equal(c.err, UVWS_ECERT_HOSTNAME);
  loose.server_name = "b.test";
  visit_well(&c, &peer, &loose);
  assert_int_equal(c.is_resumed, 0);
  strict.server_name = "other.test";
  visit_well(&c, &peer, &strict);
  assert_int_equal(c.is_resumed, 0);
  client_visit(&c, &peer, &trusting);
  assert_int_equal(c.err, UVWS_ECERT_HOSTNAME);
  client_deinit(&c);
  tls_peer_stop(&peer);
  assert_int_equal(peer.resumed, 0);
}

static void a_pin_accepts_its_key_and_info_tells_it(void **state) {
  (void)state;
  const struct tls_peer_plan plan = {0};
  struct tls_peer peer;
  struct client c;
  char pins[200];
  uvws_options_t pinned = {.insecure_skip_verify = 1, .pinned_public_key = pins};
  snprintf(pins, sizeof pins, "sha256//%s;sha256//%s", read_text("rsa.pin"), read_text("good.pin"));
  tls_peer_start(&peer, &plan);
  client_init(&c, NULL);
  visit_well(&c, &peer, &pinned);
  assert_string_equal(c.pin, strchr(pins, ';') + 1);
  assert_int_equal(c.version, UVWS_TLS_1_3);
  assert_string_equal(c.cipher, "TLS_AES_256_GCM_SHA384");
  assert_string_equal(c.alpn, "");
  client_deinit(&c);
  tls_peer_stop(&peer);
}

static void everything_can_come_from_memory(void **state) {
  (void)state;
  const struct tls_peer_plan plan = {.client_ca = "ca.pem"};
  struct tls_peer peer;
  struct client c;
  uvws_options_t o = {.ca_pem = read_text("ca.pem"),
                      .cert_pem = read_text("client.pem"),
                      .key_pem = read_text("client_locked.key"),
                      .key_password = "sesame",
                      .server_name = "a.test"};
  tls_peer_start(&peer, &plan);
  client_init(&c, NULL);
  visit_well(&c, &peer, &o);
  client_deinit(&c);
  tls_peer_stop(&peer);
}

/* The password of the client's key */

static struct {
  const char *text; /* NULL: there is none */
  int len;          /* 0: the text's */
  unsigned asked;
} keeper;

static int on_key_password(uvws_t *ws, char *out, size_t cap, void *user) {
  const struct client *c = user;
  assert_ptr_equal(ws, c->ws);
  assert_int_equal(uvws_state(ws), UVWS_STATE_CLOSED);
  assert_int_equal(cap, UVWS_PASSWORD_MAX);
  keeper.asked++;
  if (!keeper.text) return keeper.len;
  size_t len = keeper.len ? (size_t)keeper.len : strlen(keeper.text);
  memcpy(out, keeper.text, len < cap ? len : cap);
  return (int)len;
}

static uvws_options_t locked(void) {
  uvws_options_t o = trusting;
  o.cert_file = "client.pem";
  o.key_file = "client_locked.key";
  o.on_key_password = on_key_password;
  return o;
}

static void expect_asked(struct client *c, const struct tls_peer *peer, const uvws_options_t *o,
                         unsigned times) {
  keeper.text = "sesame";
  keeper.len = 0;
  keeper.asked = 0;
  visit_well(c, peer, o);
  assert_int_equal(keeper.asked, times);
}

static void the_password_is_asked_for_once_and_when_it_is_needed(void **state) {
  (void)state;
  const struct tls_peer_plan plan = {.client_ca = "ca.pem"};
  struct tls_peer peer;
  struct client c;
  uvws_options_t from_file = locked(), from_memory = locked(), pkcs12 = locked(), open = locked();
  from_memory.cert_file = from_memory.key_file = NULL;
  from_memory.cert_pem = read_text("client.pem");
  from_memory.key_pem = read_text("client_locked.key");
  pkcs12.cert_file = pkcs12.key_file = NULL;
  pkcs12.pkcs12_file = "client.p12";
  open.key_file = "client.key";
  tls_peer_start(&peer, &plan);
  client_init(&c, NULL);
  expect_asked(&c, &peer, &from_file, 1);
  expect_asked(&c, &peer, &from_file, 0);
  expect_asked(&c, &peer, &from_memory, 1);
  expect_asked(&c, &peer, &pkcs12, 1);
  expect_asked(&c, &peer, &open, 0);
  client_deinit(&c);
  tls_peer_stop(&peer);
}

/* Not even one with the same options in the same context. */
static void a_key_that_one_client_opened_is_closed_to_another(void **state) {
  (void)state;
  const struct tls_peer_plan plan = {.client_ca = "ca.pem"};
  const uvws_options_t o = locked();
  struct tls_peer peer;
  struct client c;
  tls_peer_start(&peer, &plan);
  client_init(&c, NULL);
  expect_asked(&c, &peer, &o, 1);
  uvws_t *first = c.ws;
  client_renew(&c);
  keeper.text = "open";
  client_visit(&c, &peer, &o);
  assert_int_equal(keeper.asked, 2);
  assert_string_equal(uvws_err_name(c.err), "UVWS_ETLS");
  expect_asked(&c, &peer, &o, 1);
  uvws_free(first);
  client_deinit(&c);
  tls_peer_stop(&peer);
}

/* What the callback itself may do */

enum deed {
  DEED_CONNECTS,
  DEED_CLOSES,
  DEED_FREES,
  DEED_CLOSES_ALL,
  DEED_USES_ANOTHER,
  DEED_COUNT
};
static enum deed deed;
static uvws_t *another;

static int on_rogue_password(uvws_t *ws, char *out, size_t cap, void *user) {
  struct client *c = user;
  const uvws_options_t elsewhere = {.size = sizeof elsewhere, .uri = "ws://127.0.0.1:1/"};
  (void)cap;
  keeper.asked++;
  if (deed == DEED_CONNECTS) assert_int_equal(uvws_connect(ws, &elsewhere), UVWS_EBUSY);
  if (deed == DEED_CLOSES) assert_int_equal(uvws_close(ws, 1000, NULL, 0), 0);
  if (deed == DEED_CLOSES_ALL)
    assert_int_equal(uvws_context_close_all(c->ctx, 1000, NULL, 0, 1000, NULL, NULL), 0);
  if (deed == DEED_USES_ANOTHER) assert_int_equal(uvws_connect(another, NULL), UV_EINVAL);
  if (deed == DEED_FREES) {
    uvws_free(ws);
    c->ws = NULL;
  }
  memcpy(out, "sesame", 6);
  return 6;
}

static int is_called_off(void) {
  return deed == DEED_CLOSES || deed == DEED_FREES || deed == DEED_CLOSES_ALL;
}

static void rogue(struct client *c, const struct tls_peer *peer, int has_reconnect) {
  const uvws_reconnect_t reconnect = {.size = sizeof reconnect};
  char uri[64];
  uvws_options_t o = locked();
  o.size = sizeof o;
  o.uri = uri;
  o.on_key_password = on_rogue_password;
  o.reconnect = has_reconnect ? &reconnect : NULL;
  snprintf(uri, sizeof uri, "wss://127.0.0.1:%u/", peer->port);
  keeper.asked = 0;
  int err = uvws_connect(c->ws, &o);
  assert_string_equal(uvws_err_name(err), is_called_off() ? "ECANCELED" : "OK");
  uv_run(&c->loop, UV_RUN_DEFAULT);
  assert_int_equal(keeper.asked, 1);
  assert_int_equal(c->closes, err == 0);
  assert_int_equal(c->messages, err == 0);
}

static void the_callback_may_call_off_what_it_is_asked_for(void **state) {
  (void)state;
  const struct tls_peer_plan plan = {.client_ca = "ca.pem"};
  struct tls_peer peer;
  tls_peer_start(&peer, &plan);
  for (deed = 0; deed < DEED_COUNT; deed++) {
    for (int has_reconnect = 0; has_reconnect < 2; has_reconnect++) {
      struct client c;
      client_init(&c, NULL);
      uvws_t *first = c.ws;
      client_renew(&c);
      another = first;
      assert_int_equal(uvws_send_text(c.ws, "x", 1, NULL, NULL), 0);
      rogue(&c, &peer, has_reconnect);
      uvws_free(first);
      client_deinit(&c);
    }
  }
  tls_peer_stop(&peer);
}

/* The first attempt, without a certificate, finds nobody; the second one has the key to open. */
static char later_uri[64];
static int bring_key(uvws_t *ws, uvws_options_t *options, uint32_t attempt, void *user) {
  (void)ws, (void)attempt, (void)user;
  options->uri = later_uri;
  options->ca_file = trusting.ca_file;
  options->server_name = trusting.server_name;
  options->cert_file = "client.pem";
  options->key_file = "client_locked.key";
  options->on_key_password = on_rogue_password;
  return 0;
}

static void an_attempt_may_be_called_off_by_the_callback_too(void **state) {
  (void)state;
  const struct tls_peer_plan plan = {.client_ca = "ca.pem"};
  const uvws_reconnect_t reconnect = {
      .size = sizeof reconnect, .delay_ms = 1, .before_attempt = bring_key};
  const uvws_options_t o = {.size = sizeof o, .uri = "ws://127.0.0.1:1/", .reconnect = &reconnect};
  struct tls_peer peer;
  tls_peer_start(&peer, &plan);
  snprintf(later_uri, sizeof later_uri, "wss://127.0.0.1:%u/", peer.port);
  for (deed = 0; deed < DEED_USES_ANOTHER; deed++) {
    struct client c;
    client_init(&c, NULL);
    keeper.asked = 0;
    assert_int_equal(uvws_connect(c.ws, &o), 0);
    uv_run(&c.loop, UV_RUN_DEFAULT);
    assert_int_equal(keeper.asked, 1);
    assert_int_equal(c.closes, 1);
    assert_int_equal(c.errors, 0);
    assert_int_equal(c.messages, deed == DEED_CONNECTS);
    client_deinit(&c);
  }
  tls_peer_stop(&peer);
}

static void expect_closed_key(uvws_options_t o, const char *text, int len, const char *message) {
  const struct tls_peer peer = {.port = 1};
  struct client c;
  keeper.text = text;
  keeper.len = len;
  keeper.asked = 0;
  client_init(&c, NULL);
  for (unsigned i = 1; i <= 2; i++) { /* a failure is not kept */
    client_visit(&c, &peer, &o);
    assert_int_equal(keeper.asked, i);
    assert_string_equal(uvws_err_name(c.err), "UVWS_ETLS");
    if (!strstr(c.message, message)) assert_string_equal(c.message, message);
  }
  client_deinit(&c);
}

static void a_password_that_opens_nothing_is_told_with_its_option(void **state) {
  (void)state;
  static char large[UVWS_PASSWORD_MAX];
  uvws_options_t o = locked(), pkcs12 = locked();
  pkcs12.cert_file = pkcs12.key_file = NULL;
  pkcs12.pkcs12_file = "client.p12";
  memset(large, 'x', sizeof large);
  const uvws_options_t both[] = {o, pkcs12};
  for (int i = 0; i < 2; i++) {
    expect_closed_key(both[i], NULL, 0, "it must write the password and return its length");
    expect_closed_key(both[i], NULL, -1, "the key is encrypted, and its password was not given");
    expect_closed_key(both[i], NULL, UVWS_PASSWORD_MAX + 1, "beyond UVWS_PASSWORD_MAX");
    expect_closed_key(both[i], "ses\0me", 6, "the password from on_key_password has a NUL in it");
    expect_closed_key(both[i], "open", 0,
                      "the password from on_key_password does not open the key");
    expect_closed_key(both[i], large, UVWS_PASSWORD_MAX, "does not open the key");
  }
  expect_closed_key(o, "open", 0, "key_file client_locked.key: ");
  expect_closed_key(pkcs12, "open", 0, "pkcs12_file client.p12: ");
}

/* The caller's word */

static struct {
  int answer; /* 1: the library's */
  int asked, err;
  char message[256], subject[64];
  int frees;
} verifier;

static int on_verify(uvws_t *ws, int err, const char *message, const uvws_tls_info_t *info,
                     void *user) {
  struct client *c = user;
  assert_ptr_equal(ws, c->ws);
  assert_int_equal(c->opens, 0);
  verifier.asked++;
  verifier.err = err;
  snprintf(verifier.message, sizeof verifier.message, "%s", message);
  snprintf(verifier.subject, sizeof verifier.subject, "%s",
           info->certificate_count ? info->certificates[0].subject : "");
  if (verifier.frees) {
    uvws_free(ws);
    c->ws = NULL;
  }
  return verifier.answer == 1 ? err : verifier.answer;
}

static void judge(struct client *c, const char *cert, int version, int answer) {
  const struct tls_peer_plan plan = {.cert = cert, .max = version};
  struct tls_peer peer;
  uvws_options_t o = trusting;
  o.on_verify = on_verify;
  verifier.answer = answer;
  verifier.asked = 0;
  tls_peer_start(&peer, &plan);
  client_visit(c, &peer, &o);
  tls_peer_stop(&peer);
  assert_int_equal(verifier.asked, 1);
  assert_string_equal(verifier.subject, "CN=a.test");
}

static void on_verify_has_the_last_word(void **state) {
  (void)state;
  struct client c;
  client_init(&c, NULL);
  for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
    judge(&c, "good", version, 0);
    assert_well(&c);
    assert_int_equal(verifier.err, 0);
    assert_string_equal(verifier.message, "");
    judge(&c, "expired", version, 0);
    assert_well(&c);
    assert_int_equal(verifier.err, UVWS_ECERT_EXPIRED);
    judge(&c, "expired", version, 1);
    assert_int_equal(c.err, UVWS_ECERT_EXPIRED);
    assert_non_null(strstr(c.message, "has expired (notAfter"));
    judge(&c, "good", version, UVWS_ECERT_UNTRUSTED);
    assert_int_equal(c.err, UVWS_ECERT_UNTRUSTED);
    assert_string_equal(c.message, "on_verify refused the certificate of a.test");
    judge(&c, "good", version, 7);
    assert_int_equal(c.err, UVWS_ECERT);
  }
  client_deinit(&c);
}

static void a_client_may_be_freed_by_its_on_verify(void **state) {
  (void)state;
  struct client c;
  client_init(&c, NULL);
  verifier.frees = 1;
  judge(&c, "good", TLS1_3_VERSION, 0);
  verifier.frees = 0;
  assert_int_equal(c.opens, 0);
  assert_int_equal(c.errors, 0);
  client_deinit(&c);
}

static void on_verify_is_asked_each_time(void **state) {
  (void)state;
  const struct tls_peer_plan plan = {0};
  struct tls_peer peer;
  struct client c;
  uvws_options_t o = trusting;
  o.on_verify = on_verify;
  verifier.answer = 0;
  verifier.asked = 0;
  tls_peer_start(&peer, &plan);
  client_init(&c, NULL);
  visit_well(&c, &peer, &trusting);
  visit_well(&c, &peer, &o);
  visit_well(&c, &peer, &o);
  client_deinit(&c);
  tls_peer_stop(&peer);
  assert_int_equal(verifier.asked, 2);
  assert_int_equal(peer.resumed, 0);
}

/* Memory that fails when told. */
struct memory {
  size_t live, count, fail_at;
};

static void *fail_memory(void *arg, void *ptr, size_t size) {
  struct memory *m = arg;
  if (size == 0) {
    m->live -= ptr != NULL;
    free(ptr);
    return NULL;
  }
  if (++m->count == m->fail_at) return NULL;
  void *out = realloc(ptr, size);
  if (!ptr && out) m->live++;
  return out;
}

/* Answers whether the failure was met. */
static int visit_with_failure(const struct tls_peer *peer, const uvws_options_t *o,
                              size_t fail_at) {
  struct memory m = {.fail_at = 0};
  struct client c;
  uvws_context_options_t memory = {
      .size = sizeof memory, .realloc_cb = fail_memory, .realloc_arg = &m};
  client_init(&c, &memory);
  m.count = 0;
  m.fail_at = fail_at;
  for (int i = 0; i < 2; i++) {
    client_visit(&c, peer, o);
    if (c.err && c.err != UV_ENOMEM) assert_string_equal(c.message, "out of memory");
  }
  client_deinit(&c);
  assert_int_equal(m.live, 0);
  return m.count >= fail_at;
}

static void each_failing_allocation_is_survived(void **state) {
  (void)state;
  const struct tls_peer_plan plan = {.alpn = "http/1.1", .client_ca = "ca.pem"};
  struct tls_peer peer;
  char pin[64];
  snprintf(pin, sizeof pin, "sha256//%s", read_text("good.pin"));
  uvws_options_t o = trusting;
  o.cert_file = "client.pem";
  o.key_file = "client.key";
  o.pinned_public_key = pin;
  uvws_options_t judging = o;
  judging.on_verify = on_verify;
  verifier.answer = 0;
  tls_peer_start(&peer, &plan);
  for (size_t n = 1; visit_with_failure(&peer, &o, n); n++)
    assert_true(n < 2000);
  for (size_t n = 1; visit_with_failure(&peer, &judging, n); n++)
    assert_true(n < 2000);
  tls_peer_stop(&peer);
}

/* Files */

static void keys_are_logged_when_asked(void **state) {
  (void)state;
  const struct tls_peer_plan plan = {0};
  struct tls_peer peer;
  struct client c;
  uvws_options_t o = trusting, from_env = trusting;
  o.keylog_file = "test_keys.log";
  from_env.keylog_from_env = 1;
  unlink("test_keys.log");
  unlink("test_env_keys.log");
  setenv("SSLKEYLOGFILE", "test_env_keys.log", 1);
  tls_peer_start(&peer, &plan);
  client_init(&c, NULL);
  visit_well(&c, &peer, &trusting);
  assert_int_equal(access("test_env_keys.log", F_OK), -1);
  visit_well(&c, &peer, &o);
  visit_well(&c, &peer, &from_env);
  client_deinit(&c);
  tls_peer_stop(&peer);
  assert_non_null(strstr(read_text("test_keys.log"), "CLIENT_TRAFFIC_SECRET_0 "));
  assert_non_null(strstr(read_text("test_env_keys.log"), "CLIENT_TRAFFIC_SECRET_0 "));
  unsetenv("SSLKEYLOGFILE");
  unlink("test_keys.log");
  unlink("test_env_keys.log");
}

static void expect_trust(const struct tls_peer *peer, uvws_options_t o, int err) {
  struct client c; /* of its own: the directory is looked into when it is needed */
  o.server_name = "a.test";
  client_init(&c, NULL);
  client_visit(&c, peer, &o);
  assert_string_equal(uvws_err_name(c.err), uvws_err_name(err));
  assert_int_equal(c.messages, err == 0);
  client_deinit(&c);
}

static void trust_comes_from_a_directory_or_the_systems_store(void **state) {
  (void)state;
  typedef uvws_options_t o;
  const struct tls_peer_plan plan = {0};
  struct tls_peer peer;
  tls_peer_start(&peer, &plan);
  expect_trust(&peer, (o){.ca_path = "hashed"}, 0);
  expect_trust(&peer, (o){.ca_path = "hashed_stranger"}, UVWS_ECERT_UNTRUSTED);
  expect_trust(&peer, (o){.ca_path = "hashed_stranger", .ca_file = "ca.pem"}, 0);
  expect_trust(&peer, (o){.ca_path = "hashed", .ca_file = "stranger.pem"}, 0);
  expect_trust(&peer, (o){0}, UVWS_ECERT_UNTRUSTED);
  setenv("SSL_CERT_FILE", "ca.pem", 1); /* as OpenSSL finds it */
  expect_trust(&peer, (o){0}, 0);
  expect_trust(&peer, (o){.ca_file = "stranger.pem"}, UVWS_ECERT_UNTRUSTED);
  unsetenv("SSL_CERT_FILE");
  tls_peer_stop(&peer);
}

static void a_range_of_versions_is_kept_to(void **state) {
  (void)state;
  typedef uvws_options_t o;
  static const struct {
    uvws_tls_version_t min, max, of_server, agreed; /* 0: the newest; `agreed` 0: none */
  } rows[] = {
      {UVWS_TLS_1_2, UVWS_TLS_1_2, 0, UVWS_TLS_1_2},
      {UVWS_TLS_1_2, 0, 0, UVWS_TLS_1_3},
      {UVWS_TLS_1_3, 0, UVWS_TLS_1_2, 0},
      {UVWS_TLS_1_0, UVWS_TLS_1_1, 0, UVWS_TLS_1_1},
      {UVWS_TLS_1_0, 0, UVWS_TLS_1_0, UVWS_TLS_1_0},
      {0, UVWS_TLS_1_2, 0, UVWS_TLS_1_2},
      {0, UVWS_TLS_1_3, UVWS_TLS_1_1, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct tls_peer_plan plan = {.cert = "rsa", .max = (int)rows[i].of_server};
    struct tls_peer peer;
    struct client c;
    o options = trusting;
    options.tls_min = rows[i].min;
    options.tls_max = rows[i].max;
    tls_peer_start(&peer, &plan);
    client_init(&c, NULL);
    client_visit(&c, &peer, &options);
    assert_string_equal(uvws_err_name(c.err), rows[i].agreed ? "OK" : "UVWS_ETLS_VERSION");
    if (rows[i].agreed) assert_int_equal(c.version, rows[i].agreed);
    client_deinit(&c);
    tls_peer_stop(&peer);
  }
}

static void write_text(const char *path, const char *text) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static void a_file_that_changed_is_read_again(void **state) {
  (void)state;
  const struct tls_peer_plan plan = {0};
  struct tls_peer peer;
  struct client c;
  uvws_options_t o = trusting;
  o.ca_file = "test_ca.pem";
  o.no_session_resumption = 1;
  tls_peer_start(&peer, &plan);
  client_init(&c, NULL);
  write_text("test_ca.pem", read_text("stranger.pem"));
  client_visit(&c, &peer, &o);
  assert_int_equal(c.err, UVWS_ECERT_UNTRUSTED);
  write_text("test_new_ca.pem", read_text("ca.pem"));
  assert_int_equal(rename("test_new_ca.pem", "test_ca.pem"), 0);
  visit_well(&c, &peer, &o);
  unlink("test_ca.pem");
  client_deinit(&c);
  tls_peer_stop(&peer);
}

static void any_number_of_settings_comes_and_goes(void **state) {
  (void)state;
  const struct tls_peer_plan plan = {0};
  struct tls_peer peer;
  struct client c;
  char name[16];
  uvws_options_t o = trusting;
  tls_peer_start(&peer, &plan);
  client_init(&c, NULL);
  for (int i = 0; i < 40; i++) {
    snprintf(name, sizeof name, "x%d", i);
    o.alpn = name;
    visit_well(&c, &peer, &o);
  }
  client_deinit(&c);
  tls_peer_stop(&peer);
  assert_int_equal(peer.accepted, 40);
}

/* Options */

static void expect_refusal(uvws_options_t o, int err, const char *message) {
  const struct tls_peer peer = {.port = 1};
  struct client c;
  client_init(&c, NULL);
  client_visit(&c, &peer, &o);
  if (!strstr(c.message, message)) assert_string_equal(c.message, message);
  assert_string_equal(uvws_err_name(c.err), uvws_err_name(err));
  client_deinit(&c);
}

static void wrong_options_are_refused_by_name(void **state) {
  (void)state;
  typedef uvws_options_t o;
  expect_refusal((o){.pinned_public_key = "sha256//abc"}, UVWS_EOPTION, "pinned_public_key: ");
  expect_refusal((o){.pinned_public_key = "sha1//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
                 UVWS_EOPTION, "pinned_public_key: ");
  expect_refusal((o){.pinned_public_key = ""}, UVWS_EOPTION, "pinned_public_key: ");
  expect_refusal((o){.alpn = ",http/1.1"}, UVWS_EOPTION, "alpn: ");
  expect_refusal((o){.ciphersuites = ""}, UVWS_EOPTION, "ciphersuites: ");
  expect_refusal((o){.ca_pem = "nothing"}, UVWS_ETLS, "ca_pem: there is no PEM certificate in it");
  expect_refusal((o){.cert_pem = "nothing"}, UVWS_ETLS,
                 "cert_pem: there is no PEM certificate in it");
  expect_refusal((o){.key_pem = "x"}, UVWS_EOPTION, "key_pem without cert_file or cert_pem");
  expect_refusal((o){.key_password = "x"}, UVWS_EOPTION, "key_password without cert_file");
  expect_refusal((o){.on_key_password = on_key_password}, UVWS_EOPTION,
                 "on_key_password without cert_file");
  expect_refusal(
      (o){.cert_file = "client.pem", .key_password = "x", .on_key_password = on_key_password},
      UVWS_EOPTION, "key_password, on_key_password: one is enough");
  expect_refusal((o){.cert_file = "client.pem", .pkcs12_file = "client.p12"}, UVWS_EOPTION,
                 "cert_file, cert_pem, pkcs12_file: one certificate is enough");
  expect_refusal((o){.pkcs12_file = "ca.pem"}, UVWS_ETLS, "pkcs12_file ca.pem: ");
  expect_refusal((o){.crl_file = "ca.pem"}, UVWS_ETLS, "crl_file ca.pem: ");
  expect_refusal((o){.crl_file = "nowhere"}, UVWS_ETLS, "crl_file nowhere: no such file");
  expect_refusal((o){.crl_file = "ca.crl", .insecure_skip_verify = 1}, UVWS_EOPTION, "crl_file: ");
  expect_refusal((o){.require_ocsp_staple = 1, .insecure_skip_verify = 1}, UVWS_EOPTION,
                 "require_ocsp_staple: ");
  expect_refusal((o){.on_verify = on_verify, .insecure_skip_verify = 1}, UVWS_EOPTION,
                 "on_verify: ");
  expect_refusal((o){.keylog_file = "/nowhere/keys"}, UVWS_ETLS, "keylog_file /nowhere/keys: ");
}

static void without_tls_there_is_no_info(void **state) {
  (void)state;
  const uvws_tls_info_t *info;
  struct client c;
  client_init(&c, NULL);
  assert_int_equal(uvws_tls_info(c.ws, &info), UVWS_ENOTOPEN);
  assert_int_equal(uvws_tls_info(c.ws, NULL), UV_EINVAL);
  client_deinit(&c);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_second_connection_resumes_the_session),
      cmocka_unit_test(nothing_is_resumed_when_it_was_turned_off),
      cmocka_unit_test(a_session_stays_with_its_host_and_its_options),
      cmocka_unit_test(a_pin_accepts_its_key_and_info_tells_it),
      cmocka_unit_test(everything_can_come_from_memory),
      cmocka_unit_test(the_password_is_asked_for_once_and_when_it_is_needed),
      cmocka_unit_test(a_key_that_one_client_opened_is_closed_to_another),
      cmocka_unit_test(a_password_that_opens_nothing_is_told_with_its_option),
      cmocka_unit_test(the_callback_may_call_off_what_it_is_asked_for),
      cmocka_unit_test(an_attempt_may_be_called_off_by_the_callback_too),
      cmocka_unit_test(on_verify_has_the_last_word),
      cmocka_unit_test(a_client_may_be_freed_by_its_on_verify),
      cmocka_unit_test(on_verify_is_asked_each_time),
      cmocka_unit_test(each_failing_allocation_is_survived),
      cmocka_unit_test(keys_are_logged_when_asked),
      cmocka_unit_test(trust_comes_from_a_directory_or_the_systems_store),
      cmocka_unit_test(a_range_of_versions_is_kept_to),
      cmocka_unit_test(a_file_that_changed_is_read_again),
      cmocka_unit_test(any_number_of_settings_comes_and_goes),
      cmocka_unit_test(wrong_options_are_refused_by_name),
      cmocka_unit_test(without_tls_there_is_no_info),
  };
  if (argc < 2 || chdir(argv[1]) != 0) return 2;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
