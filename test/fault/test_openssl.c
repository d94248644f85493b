/*
 * Every conversation over TLS with the first, the second, ... allocation of OpenSSL's failing.
 */
#include "fault/scenario.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#define CACHES 20

static size_t live;

static void *ssl_malloc(size_t size, const char *file, int line) {
  (void)file, (void)line;
  if (!size || fault_is_due(FAULT_OPENSSL)) return NULL;
  live++;
  return malloc(size);
}

static void *ssl_realloc(void *ptr, size_t size, const char *file, int line) {
  (void)file, (void)line;
  if (fault_is_due(FAULT_OPENSSL)) return NULL;
  if (!ptr) live++;
  return realloc(ptr, size);
}

static void ssl_free(void *ptr, const char *file, int line) {
  (void)file, (void)line;
  if (ptr) live--;
  free(ptr);
}

/* Two parts, since the first is long and the same for all: OpenSSL's settings are made in
 * uvws_connect, all else comes later. */
static void in_connect(struct world *w, const void *arg) {
  (void)arg;
  w->on_connect = fault_disarm;
}

static void behind_connect(struct world *w, const void *arg) {
  (void)arg;
  fault_hold();
  w->on_connect = fault_let;
}

static int is_for_another_host(const struct scenario *s) {
  return s->tls_server == TLS_OTHER;
}

/* Nothing of a connection's stays with OpenSSL, whatever failed. Its caches of algorithms grow a
 * little when one is asked for on another way than usual: by 7 allocations in all with 3.0. */
static void check_leaks(void) {
  static size_t before;
  ERR_clear_error();
  if (!before) before = live;
  assert_in_range(live, before, before + CACHES);
}

#define BEHIND_CONNECT .kind = FAULT_OPENSSL, .prepare = behind_connect, .after = check_leaks
#define IN_CONNECT .kind = FAULT_OPENSSL, .prepare = in_connect, .after = check_leaks

/* A conversation takes 2,000 to 4,000 allocations, its settings as many again: a sample, in steps
 * that share no divisor with how OpenSSL goes about it. Of the host's name each. */
static const struct scenario_faults faults[] = {
    {"each allocation of OpenSSL's that fails", BEHIND_CONNECT, .concerns = is_for_another_host},
    {"a sample of OpenSSL's allocations that fail", BEHIND_CONNECT, .concerns = scenario_is_tls,
     .step = 23},
    {"a sample of allocations for its settings that fail", IN_CONNECT, .concerns = scenario_is_tls,
     .step = 97},
    {0}};

static void check_rounds(const struct scenario *s, size_t count) {
  (void)s;
  assert_in_range(count, 1500, FAULT_ROUNDS_MAX);
}

int main(void) {
  if (!CRYPTO_set_mem_functions(ssl_malloc, ssl_realloc, ssl_free)) return 2;
  return scenario_main("openssl", faults, check_rounds);
}
