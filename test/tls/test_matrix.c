/*
 * The certificate matrix: servers as they should be and as they should not, one row each, and what
 * a client makes of them: the verdict, its symbolic name and the words a person reads. The library
 * is asked, and the program `uvws connect`, which has to say the same.
 *
 * test_matrix CERTS PROGRAM: the folder that make-certs has filled, and `uvws`.
 */
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client.h"

extern char **environ;
static const char *program;

struct row {
  const char *name;
  struct tls_peer_plan server;
  uvws_options_t client; /* ca_file is ca.pem and server_name a.test unless they are given */
  int err;
  const char *message; /* NULL: it depends on the release of OpenSSL */
  int is_open;         /* it fails after it was open */
};

#define SYSTEM_STORE "" /* no ca_file */
#define NO_NAME ""      /* no server_name: the URI's 127.0.0.1 */
#define SOME_PIN "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static const struct row rows[] = {
    /* What is in order. */
    {"an ECDSA certificate is accepted", {0}, {0}, 0, ""},
    {"an RSA certificate is accepted", {.cert = "rsa"}, {0}, 0, ""},
    {"an Ed25519 certificate is accepted", {.cert = "ed25519"}, {0}, 0, ""},
    {"an address among the names is accepted", {.cert = "ip"}, {.server_name = NO_NAME}, 0, ""},
    {"a wildcard for one label is accepted",
     {.cert = "wildcard"},
     {.server_name = "a.b.test"},
     0,
     ""},
    {"a chain with its intermediate is accepted", {.cert = "below_chain"}, {0}, 0, ""},
    {"a trusted intermediate is enough", {.cert = "below"}, {.ca_file = "middle.pem"}, 0, ""},
    {"a self-signed certificate that is trusted is accepted",
     {.cert = "self"},
     {.ca_file = "self.pem"},
     0,
     ""},

    /* The certificate's own faults. */
    {"an expired certificate is refused",
     {.cert = "expired"},
     {0},
     UVWS_ECERT_EXPIRED,
     "certificate of a.test has expired (notAfter 2021-01-01 00:00:00 UTC)"},
    {"a certificate of the future is refused",
     {.cert = "future"},
     {0},
     UVWS_ECERT_NOT_YET_VALID,
     "certificate of a.test is not valid yet (notBefore 2040-01-01 00:00:00 UTC)"},
    {"a certificate for another host is refused",
     {.cert = "other"},
     {0},
     UVWS_ECERT_HOSTNAME,
     "certificate is for other.test, 127.0.0.2, not for a.test"},
    {"a certificate for another address is refused",
     {.cert = "other"},
     {.server_name = NO_NAME},
     UVWS_ECERT_HOSTNAME,
     "certificate is for other.test, 127.0.0.2, not for 127.0.0.1"},
    {"a wildcard covers one label only",
     {.cert = "wildcard"},
     {.server_name = "a.c.b.test"},
     UVWS_ECERT_HOSTNAME,
     "certificate is for *.b.test, not for a.c.b.test"},
    {"a wildcard does not cover its own domain",
     {.cert = "wildcard"},
     {.server_name = "b.test"},
     UVWS_ECERT_HOSTNAME,
     "certificate is for *.b.test, not for b.test"},
    {"the common name is no host name",
     {.cert = "cn_only"},
     {0},
     UVWS_ECERT_HOSTNAME,
     "certificate is for no host at all, not for a.test"},
    {"a NUL ends no name",
     {.cert = "nul"},
     {0},
     UVWS_ECERT_HOSTNAME,
     "certificate is for a.test?.evil.test, not for a.test"},
    {"a certificate for clients is refused",
     {.cert = "usage"},
     {0},
     UVWS_ECERT,
     "certificate of a.test was not accepted: its key usage does not allow it to be used by a "
     "server"},
    {"RSA of 1024 bits is refused",
     {.cert = "rsa1024"},
     {0},
     UVWS_ECERT,
     "certificate of a.test was not accepted: its key is too short to be safe"},
    {"a signature with SHA-1 is refused",
     {.cert = "sha1"},
     {0},
     UVWS_ECERT,
     "certificate of a.test was not accepted: it is signed with a hash that is broken (SHA-1 or "
     "worse)"},

    /* Who vouches for it. */
    {"a self-signed certificate is refused",
     {.cert = "self"},
     {0},
     UVWS_ECERT_SELF_SIGNED,
     "certificate of a.test is self-signed and not trusted here"},
    {"an unknown root is refused",
     {.cert = "untrusted"},
     {0},
     UVWS_ECERT_UNTRUSTED,
     "certificate of a.test is signed by nobody trusted here (unable to get local issuer "
     "certificate)"},
    {"the system does not trust the test's authority",
     {0},
     {.ca_file = SYSTEM_STORE},
     UVWS_ECERT_UNTRUSTED,
     "certificate of a.test is signed by nobody trusted here (unable to get local issuer "
     "certificate)"},
    {"a missing intermediate is an unknown issuer",
     {.cert = "below"},
     {0},
     UVWS_ECERT_UNTRUSTED,
     "certificate of a.test is signed by nobody trusted here (unable to get local issuer "
     "certificate)"},
    {"an authority may not step over its name constraints",
     {.cert = "constraints"},
     {0},
     UVWS_ECERT,
     "certificate of a.test was not accepted: its issuer is not allowed to vouch for this name "
     "(name constraints)"},

    /* Revocation. */
    {"without a list nobody knows of a revocation", {.cert = "revoked"}, {0}, 0, ""},
    {"a certificate in the list is refused",
     {.cert = "revoked"},
     {.crl_file = "ca.crl"},
     UVWS_ECERT_REVOKED,
     "certificate of a.test is revoked, says crl_file"},
    {"one that is not in the list is accepted", {0}, {.crl_file = "ca.crl"}, 0, ""},
    {"a list of another issuer does not do",
     {0},
     {.crl_file = "stranger.crl"},
     UVWS_ECERT,
     "certificate of a.test was not accepted: crl_file holds no revocation list of its issuer"},
    {"a good OCSP response is accepted",
     {.staple = "good.ocsp"},
     {.require_ocsp_staple = 1},
     0,
     ""},
    {"a missing OCSP response is refused when one is demanded",
     {0},
     {.require_ocsp_staple = 1},
     UVWS_ECERT,
     "a.test staples no OCSP response, which require_ocsp_staple asks for"},
    {"a revocation in the OCSP response is seen",
     {.cert = "revoked", .staple = "revoked.ocsp"},
     {.require_ocsp_staple = 1},
     UVWS_ECERT_REVOKED,
     "certificate of a.test is revoked, says the OCSP response of its issuer"},
    {"an OCSP response for another certificate does not do",
     {.cert = "revoked", .staple = "good.ocsp"},
     {.require_ocsp_staple = 1},
     UVWS_ECERT,
     "the OCSP response stapled by a.test is for something else"},
    {"an OCSP response signed by anybody does not do",
     {.staple = "strange.ocsp"},
     {.require_ocsp_staple = 1},
     UVWS_ECERT,
     "the OCSP response stapled by a.test is not signed by its issuer"},
    {"an OCSP response that is none does not do",
     {.staple = "ca.pem"},
     {.require_ocsp_staple = 1},
     UVWS_ECERT,
     "the OCSP response stapled by a.test cannot be read"},

    /* Pins. */
    {"a key that is not pinned is refused",
     {0},
     {.pinned_public_key = SOME_PIN},
     UVWS_ECERT_PIN,
     "the public key of a.test is none of pinned_public_key"},
    {"a pin does not make a bad certificate good",
     {.cert = "expired"},
     {.pinned_public_key = SOME_PIN},
     UVWS_ECERT_EXPIRED,
     "certificate of a.test has expired (notAfter 2021-01-01 00:00:00 UTC)"},
    {"without verification the pin is looked at all the same",
     {.cert = "self"},
     {.pinned_public_key = SOME_PIN, .insecure_skip_verify = 1},
     UVWS_ECERT_PIN,
     "the public key of a.test is none of pinned_public_key"},

    /* Our own certificate. */
    {"a client certificate is shown",
     {.client_ca = "ca.pem"},
     {.cert_file = "client.pem", .key_file = "client.key"},
     0,
     ""},
    {"a client certificate is shown to TLS 1.2 too",
     {.client_ca = "ca.pem", .max = TLS1_2_VERSION},
     {.cert_file = "client.pem", .key_file = "client.key"},
     0,
     ""},
    {"an encrypted key is opened",
     {.client_ca = "ca.pem"},
     {.cert_file = "client.pem", .key_file = "client_locked.key", .key_password = "sesame"},
     0,
     ""},
    {"a PKCS#12 file is opened",
     {.client_ca = "ca.pem"},
     {.pkcs12_file = "client.p12", .key_password = "sesame"},
     0,
     ""},
    {"a wrong password is told",
     {0},
     {.cert_file = "client.pem", .key_file = "client_locked.key", .key_password = "open"},
     UVWS_ETLS,
     "key_file client_locked.key: key_password does not open the key"},
    {"a missing password is told",
     {0},
     {.cert_file = "client.pem", .key_file = "client_locked.key"},
     UVWS_ETLS,
     "key_file client_locked.key: the key is encrypted, and there is no key_password"},
    {"a wrong password of a PKCS#12 file is told",
     {0},
     {.pkcs12_file = "client.p12", .key_password = "open"},
     UVWS_ETLS,
     "pkcs12_file client.p12: key_password does not open the key"},
    {"a missing client certificate is told",
     {.client_ca = "ca.pem"},
     {0},
     UVWS_ETLS,
     "the server sent the TLS alert \"certificate required\": it wants a client certificate "
     "(cert_file)"},
    {"a missing client certificate is told by TLS 1.2 too",
     {.client_ca = "ca.pem", .max = TLS1_2_VERSION},
     {0},
     UVWS_ETLS,
     "the server sent the TLS alert \"handshake failure\": it wants a client certificate "
     "(cert_file)"},
    {"a client certificate of the wrong issuer is told",
     {.client_ca = "ca.pem"},
     {.cert_file = "wrong_client.pem", .key_file = "wrong_client.key"},
     UVWS_ETLS,
     "the server sent the TLS alert \"unknown CA\""},

    /* Versions and ciphers. */
    {"a server of TLS 1.0 is refused",
     {.max = TLS1_VERSION},
     {0},
     UVWS_ETLS_VERSION,
     "no TLS version in common with the server (allowed here: 1.2 to 1.3)"},
    {"a server of TLS 1.1 is refused",
     {.max = TLS1_1_VERSION},
     {0},
     UVWS_ETLS_VERSION,
     "no TLS version in common with the server (allowed here: 1.2 to 1.3)"},
    {"a server of TLS 1.2 is accepted", {.max = TLS1_2_VERSION}, {0}, 0, ""},
    {"a server of TLS 1.3 is accepted", {.min = TLS1_3_VERSION}, {0}, 0, ""},
    {"TLS 1.0 can be pinned", {.cert = "rsa"}, {.tls = UVWS_TLS_1_0}, 0, ""},
    {"TLS 1.1 can be pinned", {.cert = "rsa"}, {.tls = UVWS_TLS_1_1}, 0, ""},
    {"TLS 1.2 can be pinned", {0}, {.tls = UVWS_TLS_1_2}, 0, ""},
    {"a server without the pinned version is told",
     {.max = TLS1_2_VERSION},
     {.tls = UVWS_TLS_1_3},
     UVWS_ETLS_VERSION,
     "the server does not speak TLS 1.3"},
    {"weak ciphers are refused",
     {.max = TLS1_2_VERSION, .ciphers = "NULL:aNULL", .cert = "rsa"},
     {0},
     UVWS_ETLS,
     "the server sent the TLS alert \"handshake failure\""},
    {"a cipher list of TLS 1.2 is kept to",
     {.max = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"},
     {.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384"},
     UVWS_ETLS,
     "the server sent the TLS alert \"handshake failure\""},
    {"a cipher list of TLS 1.3 is kept to",
     {.min = TLS1_3_VERSION, .ciphersuites = "TLS_AES_128_GCM_SHA256"},
     {.ciphersuites = "TLS_AES_256_GCM_SHA384"},
     UVWS_ETLS,
     "the server sent the TLS alert \"handshake failure\""},
    {"a cipher that nobody knows is refused",
     {0},
     {.ciphers = "ROT13"},
     UVWS_EOPTION,
     "ciphers: OpenSSL knows none of \"ROT13\""},
    {"a ciphersuite that nobody knows is refused",
     {0},
     {.ciphersuites = "TLS_ROT13"},
     UVWS_EOPTION,
     "ciphersuites: OpenSSL knows none of \"TLS_ROT13\""},
    {"ALPN chooses http/1.1", {.alpn = "http/1.1"}, {0}, 0, ""},
    {"a protocol that was not offered is refused",
     {.alpn = "!h2"},
     {0},
     UVWS_ETLS,
     NULL}, /* newer OpenSSLs say it before us */

    /* Manners. */
    {"a missing close_notify behind the closing handshake does not matter",
     {.quirk = QUIRK_NO_CLOSE_NOTIFY},
     {0},
     0,
     ""},
    {"an end of TCP alone is no end",
     {.quirk = QUIRK_TRUNCATES},
     {0},
     UVWS_ETLS_TRUNCATED,
     "connection lost: the connection ended without the server's close_notify",
     .is_open = 1},
    {"no handshake is done anew",
     {.quirk = QUIRK_RENEGOTIATES, .max = TLS1_2_VERSION},
     {0},
     UVWS_ETLS,
     "the server sent the TLS alert \"handshake failure\""},
    {"two thousand KeyUpdates at once are answered",
     {.quirk = QUIRK_KEY_UPDATES, .key_updates = 2000, .min = TLS1_3_VERSION},
     {0},
     0,
     ""},
    {"a flood of KeyUpdates that is deaf to the answers ends at the deadline",
     {.quirk = QUIRK_KEY_UPDATES, .key_updates = 1000000, .min = TLS1_3_VERSION},
     {.handshake_timeout_ms = 1000},
     UVWS_EHANDSHAKE_TIMEOUT,
     "no handshake within handshake_timeout_ms"},
};

static uvws_options_t options_of(const struct row *row) {
  uvws_options_t o = row->client;
  if (!o.ca_file)
    o.ca_file = "ca.pem";
  else if (!*o.ca_file)
    o.ca_file = NULL;
  if (!o.server_name)
    o.server_name = "a.test";
  else if (!*o.server_name)
    o.server_name = NULL;
  return o;
}

/* Its words are left in `message`. */
static void ask_library(const struct row *row, const struct tls_peer *peer, char message[256]) {
  struct client c;
  uvws_options_t options = options_of(row);
  client_init(&c, NULL);
  client_visit(&c, peer, &options);
  if (row->message) assert_string_equal(c.message, row->message);
  snprintf(message, 256, "%s", c.message);
  assert_string_equal(uvws_err_name(c.err), uvws_err_name(row->err));
  assert_int_equal(c.opens, row->err == 0 || row->is_open);
  if (!row->err) assert_true(c.is_clean && c.messages == 1);
  client_deinit(&c);
}

/* The program */

struct arguments {
  const char *items[48];
  size_t count;
};

static void add(struct arguments *a, const char *name, const char *value) {
  if (!value) return;
  a->items[a->count++] = name;
  if (*value) a->items[a->count++] = value;
}

static const char *version_text(uvws_tls_version_t version) {
  static const char *const texts[] = {"1.0", "1.1", "1.2", "1.3"};
  return version ? texts[version - UVWS_TLS_1_0] : NULL;
}

static void fill(struct arguments *a, const uvws_options_t *o, const char *uri) {
  add(a, program, "connect");
  add(a, "--ca", o->ca_file);
  add(a, "--server-name", o->server_name);
  add(a, "--insecure", o->insecure_skip_verify ? "" : NULL);
  add(a, "--crl", o->crl_file);
  add(a, "--ocsp-staple", o->require_ocsp_staple ? "" : NULL);
  add(a, "--pin", o->pinned_public_key);
  add(a, "--cert", o->cert_file);
  add(a, "--key", o->key_file);
  add(a, "--key-password", o->key_password);
  add(a, "--pkcs12", o->pkcs12_file);
  add(a, "--tls", version_text(o->tls));
  add(a, "--ciphers", o->ciphers);
  add(a, "--ciphersuites", o->ciphersuites);
  add(a, "--handshake-timeout", o->handshake_timeout_ms ? "1000" : NULL);
  add(a, uri, "");
}

/* What it writes to standard error, and its exit status. Its input is empty, and there is no
 * terminal that it could ask for a password. */
static int run(char *const argv[], char *out, size_t cap) {
  int pipe_ends[2], status;
  size_t len = 0;
  ssize_t got;
  pid_t pid;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  assert_int_equal(pipe(pipe_ends), 0);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", 1, 0);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], 2);
  posix_spawn_file_actions_addclose(&actions, pipe_ends[0]);
  posix_spawn_file_actions_addclose(&actions, pipe_ends[1]);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  assert_int_equal(posix_spawn(&pid, argv[0], &actions, &attributes, argv, environ), 0);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close(pipe_ends[1]);
  while (len + 1 < cap && (got = read(pipe_ends[0], out + len, cap - 1 - len)) > 0)
    len += (size_t)got;
  out[len] = '\0';
  close(pipe_ends[0]);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void ask_program(const struct row *row, const struct tls_peer *peer, const char *message) {
  struct arguments arguments = {.count = 0};
  uvws_options_t options = options_of(row);
  char uri[64], said[4096], wanted[512] = "";
  snprintf(uri, sizeof uri, "wss://127.0.0.1:%u/", peer->port);
  fill(&arguments, &options, uri);
  int status = run((char *const *)arguments.items, said, sizeof said);
  if (row->err) snprintf(wanted, sizeof wanted, "uvws: %s: %s\n", uvws_err_name(row->err), message);
  assert_string_equal(said, wanted);
  assert_int_equal(status, row->err ? 1 : 0);
}

static void row_holds(void **state) {
  const struct row *row = *state;
  struct tls_peer peer;
  char message[256];
  tls_peer_start(&peer, &row->server);
  ask_library(row, &peer, message);
  ask_program(row, &peer, message);
  tls_peer_stop(&peer);
}

int main(int argc, char **argv) {
  enum { COUNT = sizeof rows / sizeof *rows };
  static struct CMUnitTest tests[COUNT];
  if (argc != 3 || chdir(argv[1]) != 0) return 2;
  program = argv[2];
  for (size_t i = 0; i < COUNT; i++)
    tests[i] = (struct CMUnitTest){
        .name = rows[i].name, .test_func = row_holds, .initial_state = (void *)&rows[i]};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
