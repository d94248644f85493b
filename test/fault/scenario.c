/* How a conversation is had while something fails in it. */
#include "fault/scenario.h"

#include <openssl/pem.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "fault/descriptors.h"
#include "fault/uv_calls.h"
#include "support/certs.h"

#define ROWS_MAX 600
#define TURNS_MAX 20000
#define TIMEOUT_MS 2000
#define PATIENCE 6     /* times that the clock moves, until the client is closed by its user */
#define HOPELESS 20    /* and until the test gives up */
#define QUIET_MS 2     /* of real time: what loopback may take to bring something */
#define LOOK_UP_MS 500 /* the same for the look-up's thread */

/*
 * TLS: certificates and servers are made once
 */

static struct {
  struct test_cert authority, certs[TLS_SERVERS], client;
  SSL_CTX *ctx[TLS_SERVERS];
  char ca_pem[4096];
  char client_pem[8192]; /* with its key */
  char crl_file[64], ca_file[64];
} tls;

static void put_pem(char *out, size_t cap, const struct test_cert *cert, int with_key) {
  BIO *bio = BIO_new(BIO_s_mem());
  assert_int_equal(PEM_write_bio_X509(bio, cert->x509), 1);
  if (with_key)
    assert_int_equal(PEM_write_bio_PrivateKey(bio, cert->key, NULL, NULL, 0, NULL, NULL), 1);
  int len = BIO_read(bio, out, (int)cap - 1);
  assert_in_range(len, 1, cap - 2);
  out[len] = '\0';
  BIO_free(bio);
}

static SSL_CTX *make_server(const struct test_cert *cert, int asks) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  assert_non_null(ctx);
  assert_int_equal(SSL_CTX_use_certificate(ctx, cert->x509), 1);
  assert_int_equal(SSL_CTX_use_PrivateKey(ctx, cert->key), 1);
  SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"test", 4);
  if (asks) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), tls.authority.x509);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  }
  return ctx;
}

/* A list in a file, since crl_file is one. */
static void write_revocation_list(void) {
  X509_CRL *crl = X509_CRL_new();
  X509_REVOKED *revoked = X509_REVOKED_new();
  ASN1_TIME *now = X509_gmtime_adj(NULL, -60), *later = X509_gmtime_adj(NULL, 86400);
  X509_CRL_set_version(crl, X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(crl, X509_get_subject_name(tls.authority.x509));
  X509_CRL_set1_lastUpdate(crl, now);
  X509_CRL_set1_nextUpdate(crl, later);
  X509_REVOKED_set_serialNumber(revoked, X509_get_serialNumber(tls.certs[TLS_REVOKED].x509));
  X509_REVOKED_set_revocationDate(revoked, now);
  assert_int_equal(X509_CRL_add0_revoked(crl, revoked), 1);
  assert_true(X509_CRL_sign(crl, tls.authority.key, EVP_sha256()) > 0);
  snprintf(tls.crl_file, sizeof tls.crl_file, "fault_%d.crl", (int)getpid());
  FILE *file = fopen(tls.crl_file, "w");
  assert_non_null(file);
  assert_int_equal(PEM_write_X509_CRL(file, crl), 1);
  fclose(file);
  ASN1_TIME_free(now);
  ASN1_TIME_free(later);
  X509_CRL_free(crl);
}

/* What libuv, OpenSSL and the C library make once for the process is not counted. */
static void warm_up(void) {
  static const struct scenario_faults none = {0};
  fault_arm(FAULT_NONE, 0, 0);
  for (const struct scenario *s = scenarios; s->name; s++)
    if (s->way == WAY_NAME || s->way == WAY_TLS) scenario_run(s, &none);
}

int scenario_tls_set_up(void **state) {
  (void)state;
  static const struct test_cert_spec authority = {.common_name = "authority", .is_authority = 1};
  static const struct test_cert_spec nobody = {.common_name = "nobody", .is_authority = 1};
  static const struct test_cert_spec specs[TLS_SERVERS] = {
      [TLS_GOOD] = {.common_name = "a.test", .alt_names = "DNS:a.test, IP:127.0.0.1"},
      [TLS_STRANGER] = {.common_name = "a.test", .alt_names = "DNS:a.test"},
      [TLS_OTHER] = {.common_name = "b.test", .alt_names = "DNS:b.test"},
      [TLS_EXPIRED] = {.common_name = "a.test",
                       .alt_names = "DNS:a.test",
                       .from_days = -9,
                       .to_days = -1},
      [TLS_REVOKED] = {.common_name = "a.test", .alt_names = "DNS:a.test"},
      [TLS_ASKS] = {.common_name = "a.test", .alt_names = "DNS:a.test"}};
  static const struct test_cert_spec client = {.common_name = "client"};
  tls.authority = test_cert_make(&authority, NULL);
  struct test_cert stranger = test_cert_make(&nobody, NULL);
  for (int i = 0; i < TLS_SERVERS; i++) {
    tls.certs[i] = test_cert_make(&specs[i], i == TLS_STRANGER ? &stranger : &tls.authority);
    tls.ctx[i] = make_server(&tls.certs[i], i == TLS_ASKS);
  }
  test_cert_free(&stranger);
  tls.client = test_cert_make(&client, &tls.authority);
  put_pem(tls.ca_pem, sizeof tls.ca_pem, &tls.authority, 0);
  put_pem(tls.client_pem, sizeof tls.client_pem, &tls.client, 1);
  write_revocation_list();
  snprintf(tls.ca_file, sizeof tls.ca_file, "fault_%d.pem", (int)getpid());
  test_cert_write(tls.ca_file, &tls.authority);
  warm_up();
  return 0;
}

int scenario_tls_tear_down(void **state) {
  (void)state;
  for (int i = 0; i < TLS_SERVERS; i++) {
    SSL_CTX_free(tls.ctx[i]);
    test_cert_free(&tls.certs[i]);
  }
  test_cert_free(&tls.authority);
  test_cert_free(&tls.client);
  unlink(tls.crl_file);
  unlink(tls.ca_file);
  return 0;
}

int scenario_is_tls(const struct scenario *s) {
  return s->way == WAY_TLS || s->way == WAY_TLS_TUNNEL || s->way == WAY_TLS_IN_TLS;
}

/*
 * The way
 */

static void use_proxy(struct world *w, unsigned target) {
  const struct relay_plan plan = {.kind = (enum relay_kind)w->scenario->relay_kind};
  relay_init(&w->relay, &w->f.loop, target, &plan);
  snprintf(w->proxy, sizeof w->proxy, "%s://127.0.0.1:%u",
           plan.kind == RELAY_HTTP      ? "http"
           : plan.kind == RELAY_SOCKS4A ? "socks4a"
                                        : "socks5",
           w->relay.port);
  w->options.proxy = w->proxy;
}

static void use_tls_proxy(struct world *w) {
  use_proxy(w, w->front.port);
  tls_front_init(&w->proxy_front, &w->f.loop, tls.ctx[TLS_GOOD], w->relay.port);
  snprintf(w->proxy, sizeof w->proxy, "https://127.0.0.1:%u", w->proxy_front.port);
  w->options.proxy_ca_file = tls.ca_file;
}

static void use_tls(struct world *w) {
  tls_front_init(&w->front, &w->f.loop, tls.ctx[w->scenario->tls_server], w->f.peer.port);
  snprintf(w->uri, sizeof w->uri, "wss://127.0.0.1:%u/", w->front.port);
  w->options.uri = w->uri;
  w->options.server_name = "a.test";
  w->options.ca_pem = tls.ca_pem;
  if (w->scenario->tls_server == TLS_REVOKED) w->options.crl_file = tls.crl_file;
  if (w->scenario->tls_server == TLS_ASKS) w->options.cert_pem = tls.client_pem;
}

static void use_redirector(struct world *w) {
  snprintf(w->redirect, sizeof w->redirect,
           "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:%u/next\r\nContent-Length: 0\r\n\r\n",
           w->f.peer.port);
  const struct peer_plan plan = {.answer = w->redirect};
  peer_init(&w->redirector, &w->f.loop, &plan);
  snprintf(w->uri, sizeof w->uri, "ws://127.0.0.1:%u/", w->redirector.port);
  w->options.uri = w->uri;
  w->options.max_redirects = 2;
}

static void open_way(struct world *w) {
  enum scenario_way way = w->scenario->way;
  if (way == WAY_NAME) {
    snprintf(w->uri, sizeof w->uri, "ws://localhost:%u/", w->f.peer.port);
    w->options.uri = w->uri;
  }
  if (way == WAY_UNIX) w->options.socket_path = "./no such socket";
  if (way == WAY_REDIRECT) use_redirector(w);
  if (scenario_is_tls(w->scenario)) use_tls(w);
  if (way == WAY_HTTP_PROXY || way == WAY_SOCKS5) use_proxy(w, w->f.peer.port);
  if (way == WAY_TLS_TUNNEL) use_proxy(w, w->front.port);
  if (way == WAY_TLS_IN_TLS) use_tls_proxy(w);
}

static void close_way(struct world *w) {
  if (w->redirector.loop) peer_close(&w->redirector);
  if (w->relay.loop) relay_close(&w->relay);
  if (w->front.loop) tls_front_close(&w->front);
  if (w->proxy_front.loop) tls_front_close(&w->proxy_front);
}

static void deinit_way(struct world *w) {
  if (w->redirector.loop) peer_deinit(&w->redirector);
  if (w->relay.loop) relay_deinit(&w->relay);
  if (w->front.loop) tls_front_deinit(&w->front);
  if (w->proxy_front.loop) tls_front_deinit(&w->proxy_front);
}

/*
 * To an end
 */

/* Nobody who is told of a failure has to know how to close: the test does. */
static void give_up(struct fixture *f) {
  for (int i = 0; i < PLAYERS; i++) {
    struct player *p = &f->players[i];
    if (p->ws && p->connects > p->closes && player_close(p, 1000, "enough") != 0) player_free(p);
  }
}

static int how_long(void) {
  return uv_calls_look_ups ? LOOK_UP_MS : QUIET_MS;
}

/* Nothing is due, and nothing comes. */
static int is_quiet(struct world *w, int wait_ms) {
  uv_loop_t *loop = &w->f.loop;
  struct pollfd fd = {.fd = uv_backend_fd(loop), .events = POLLIN};
  if (uv_backend_timeout(loop) == 0) return 0;
  return poll(&fd, 1, wait_ms) == 0;
}

/* Turn the loop until nothing is active. When nothing moves any more, the clock does, to the next
 * deadline; without one nothing ever will. */
static void drive(struct world *w) {
  int turns = 0, steps = 0, still = 0;
  while (uv_run(&w->f.loop, UV_RUN_NOWAIT)) {
    assert_true(++turns < TURNS_MAX);
    still = is_quiet(w, still ? how_long() : 0) ? still + 1 : 0;
    if (still < 2) continue; /* the loop looks at new descriptors with its next turn */
    still = 0;
    if (++steps == HOPELESS) fail_msg("it never ends; so far: %s", w->f.diary);
    uint64_t delay_ms = uvws__deadlines_next_ms(&w->f.ctx->deadlines);
    if (delay_ms == UINT64_MAX || steps == PATIENCE)
      give_up(&w->f);
    else
      fixture_advance(&w->f, delay_ms);
  }
}

static void check_error(const struct player *p) {
  if (p->errors && strcmp(uvws_err_name(p->error), "UNKNOWN") == 0)
    fail_msg("an unknown error: %d", p->error);
}

/* One that must not open does not, whatever fails. */
static void check_trust(const struct world *w) {
  int is_trusted = strncmp(w->scenario->diary, "error(UVWS_ECERT", 16) != 0;
  if (!is_trusted && w->f.players[0].opens) fail_msg("it trusts %s", w->scenario->name);
}

static void check_diary(const struct world *w) {
  const struct scenario *s = w->scenario;
  if (s->other && strcmp(w->f.diary, s->other) == 0) return;
  if (strcmp(w->f.diary, s->diary) != 0) fail_msg("%s: %s", s->name, w->f.diary);
}

static void begin(struct world *w) {
  if (fixture_make_context(&w->f, &w->f.ctx) != 0) return;
  if (w->on_context) w->on_context(w->f.ctx);
  if (w->transport) fault_transport_use(w->f.ctx, w->transport);
  if (fixture_player(&w->f, 0, w->f.ctx) != 0) return;
  player_connect(&w->f.players[0], &w->options);
  if (w->on_connect) w->on_connect();
  drive(w);
}

static void hook(struct player *p, enum event event) {
  const struct world *w = p->f->arg;
  if (w->scenario->hook) w->scenario->hook(p, event);
  if (w->faults->frees && event == EVENT_ERROR && !p->is_freed) player_free(p);
}

int scenario_run(const struct scenario *s, const struct scenario_faults *faults) {
  static struct world world;
  struct world *w = &world;
  int descriptors = count_descriptors();
  memset(w, 0, sizeof *w);
  fault_hold();
  fixture_init_bare(&w->f, &s->plan);
  w->f.peer.on_frame = s->on_frame;
  w->scenario = s;
  w->options = s->options;
  w->options.connect_timeout_ms = w->options.handshake_timeout_ms = TIMEOUT_MS;
  w->options.close_timeout_ms = TIMEOUT_MS;
  w->faults = faults;
  w->f.hook = hook;
  w->f.arg = w;
  open_way(w);
  fault_let();
  if (faults->prepare) faults->prepare(w, faults->arg);
  begin(w);
  for (int i = 0; i < PLAYERS; i++)
    check_error(&w->f.players[i]);
  check_trust(w);
  assert_int_equal(w->fired, w->pending);
  int was_hit = fault.hits > 0 || w->f.memory.has_failed;
  if (!was_hit || (faults->is_harmless && !s->plan.end)) check_diary(w);
  close_way(w);
  fixture_end(&w->f);
  deinit_way(w);
  if (fault.at) assert_int_equal(count_descriptors(), descriptors);
  if (faults->after) faults->after();
  return was_hit;
}

/*
 * Programs
 */

struct row {
  char name[160];
  const struct scenario *scenario;
  const struct scenario_faults *faults;
  void (*check)(const struct scenario *s, size_t rounds);
};

static void repeat(void **state) {
  const struct row *row = *state;
  size_t n = 1;
  size_t step = row->faults->step && !getenv("UVWS_FAULT_EACH") ? row->faults->step : 1;
  for (;; n += step) {
    fault_arm(row->faults->kind, n, row->faults->goes_on);
    if (!scenario_run(row->scenario, row->faults)) break;
    if (n >= FAULT_ROUNDS_MAX) fail_msg("no end of faults");
  }
  row->check(row->scenario, n - 1);
}

int scenario_main(const char *name, const struct scenario_faults *faults,
                  void (*check)(const struct scenario *s, size_t rounds)) {
  static struct row rows[ROWS_MAX];
  static struct CMUnitTest tests[ROWS_MAX];
  size_t count = 0;
  for (; faults->words; faults++) {
    for (const struct scenario *s = scenarios; s->name && count < ROWS_MAX; s++) {
      if (faults->concerns && !faults->concerns(s)) continue;
      struct row *row = &rows[count++];
      *row = (struct row){.scenario = s, .faults = faults, .check = check};
      snprintf(row->name, sizeof row->name, "%s survives %s", s->name, faults->words);
      tests[count - 1] = ROW(row->name, repeat, row);
    }
  }
  return _cmocka_run_group_tests(name, tests, count, scenario_tls_set_up, scenario_tls_tear_down);
}
