/* TLS settings: versions, files, client certificates, the cache. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/tls_world.h"

static struct test_cert server_cert, client_cert, client_root;
static char dir[] = "/tmp/uvws-settings-XXXXXX";

enum { FILE_CERT, FILE_KEY, FILE_LOCKED_KEY, FILE_BOTH, FILE_TEXT, FILE_OTHER_KEY, FILE_COUNT };
static char files[FILE_COUNT][64];

static int set_up(void **state) {
  (void)state;
  struct test_cert_spec spec = {.common_name = "x", .alt_names = "DNS:a.test"};
  struct test_cert_spec authority = {.common_name = "Client Root", .is_authority = 1};
  server_cert = test_cert_make(&spec, NULL);
  client_root = test_cert_make(&authority, NULL);
  client_cert = test_cert_make(&spec, &client_root);
  assert_non_null(mkdtemp(dir));
  for (int i = 0; i < FILE_COUNT; i++)
    snprintf(files[i], sizeof files[i], "%s/%d.pem", dir, i);
  test_cert_write(files[FILE_CERT], &client_cert);
  test_key_write(files[FILE_KEY], &client_cert, NULL);
  test_key_write(files[FILE_LOCKED_KEY], &client_cert, "secret");
  test_cert_and_key_write(files[FILE_BOTH], &client_cert);
  test_key_write(files[FILE_OTHER_KEY], &server_cert, NULL);
  FILE *file = fopen(files[FILE_TEXT], "w");
  assert_non_null(file);
  fputs("nothing of use\n", file);
  fclose(file);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  for (int i = 0; i < FILE_COUNT; i++)
    unlink(files[i]);
  rmdir(dir);
  test_cert_free(&server_cert);
  test_cert_free(&client_cert);
  test_cert_free(&client_root);
  return 0;
}

static const struct uvws__env plain_env = {.realloc = uvws__env_realloc};

static void expect_refusal(struct uvws__tls_options options, int err, const char *words,
                           const char *file) {
  struct uvws__tls_cache cache = {0};
  struct uvws__detail detail = {{0}};
  struct uvws__tls_settings *settings = NULL;
  int answer = uvws__tls_settings_get(&plain_env, &cache, &options, &detail, &settings);
  assert_int_equal(answer, err);
  assert_null(settings);
  assert_null(cache.first);
  if (!strstr(detail.text, words)) assert_string_equal(detail.text, words);
  if (file) assert_non_null(strstr(detail.text, file));
}

static void versions_out_of_order_are_refused(void **state) {
  (void)state;
  typedef struct uvws__tls_options options_t;
  expect_refusal((options_t){.min = UVWS_TLS_1_3, .max = UVWS_TLS_1_2}, UVWS_EOPTION,
                 "tls_max is older than tls_min", NULL);
  expect_refusal((options_t){.max = UVWS_TLS_1_1}, UVWS_EOPTION, "1.2 when it is not given", NULL);
  expect_refusal((options_t){.min = (uvws_tls_version_t)0x0300}, UVWS_EOPTION, "unknown", NULL);
  expect_refusal((options_t){.max = (uvws_tls_version_t)0x0305}, UVWS_EOPTION, "unknown", NULL);
}

static void a_file_that_cannot_be_used_is_named_with_its_option(void **state) {
  (void)state;
  typedef struct uvws__tls_options options_t;
  const char *none = "/nowhere/there.pem";
  expect_refusal((options_t){.ca_file = none}, UVWS_ETLS, "no such file", none);
  expect_refusal((options_t){.ca_file = files[FILE_TEXT]}, UVWS_ETLS, "ca_file", files[FILE_TEXT]);
  expect_refusal((options_t){.ca_file = ""}, UVWS_ETLS, "ca_file", NULL);
  expect_refusal((options_t){.ca_path = "/nowhere"}, UVWS_ETLS, "ca_path /nowhere: no such", NULL);
  expect_refusal((options_t){.ca_path = files[FILE_TEXT]}, UVWS_ETLS, "not a directory", NULL);
  expect_refusal((options_t){.cert_file = none}, UVWS_ETLS, "cert_file /nowhere", none);
  expect_refusal((options_t){.cert_file = files[FILE_TEXT]}, UVWS_ETLS, "no PEM certificate",
                 files[FILE_TEXT]);
  expect_refusal((options_t){.cert_file = files[FILE_CERT]}, UVWS_ETLS, "cert_file",
                 files[FILE_CERT]);
  expect_refusal((options_t){.cert_file = files[FILE_CERT], .key_file = none}, UVWS_ETLS,
                 "key_file", none);
  expect_refusal((options_t){.cert_file = files[FILE_CERT], .key_file = files[FILE_OTHER_KEY]},
                 UVWS_ETLS, "key values mismatch", files[FILE_OTHER_KEY]);
  expect_refusal((options_t){.key_file = files[FILE_KEY]}, UVWS_EOPTION, "without cert_file", NULL);
}

static void an_encrypted_key_is_refused_without_asking(void **state) {
  (void)state;
  struct uvws__tls_options options = {.cert_file = files[FILE_CERT],
                                      .key_file = files[FILE_LOCKED_KEY]};
  expect_refusal(options, UVWS_ETLS, "the key is encrypted", files[FILE_LOCKED_KEY]);
}

static struct uvws__tls_settings *get(struct uvws__tls_cache *cache,
                                      struct uvws__tls_options options) {
  struct uvws__tls_settings *settings = NULL;
  assert_int_equal(uvws__tls_settings_get(&plain_env, cache, &options, NULL, &settings), 0);
  return settings;
}

static void equal_options_share_settings_and_others_do_not(void **state) {
  (void)state;
  typedef struct uvws__tls_options options_t;
  struct uvws__tls_cache cache = {0};
  char copy[64];
  memcpy(copy, files[FILE_BOTH], sizeof copy);
  options_t variants[] = {
      {.insecure_skip_verify = 1},
      {.min = UVWS_TLS_1_3, .insecure_skip_verify = 1},
      {.max = UVWS_TLS_1_3, .insecure_skip_verify = 1},
      {.ca_file = files[FILE_CERT]},
      {.ca_path = dir},
      {.ca_path = dir, .insecure_skip_verify = 1},
      {.ca_file = files[FILE_CERT], .cert_file = files[FILE_BOTH]},
      {.ca_file = files[FILE_CERT], .cert_file = files[FILE_BOTH], .key_file = files[FILE_BOTH]},
  };
  enum { COUNT = sizeof variants / sizeof *variants };
  struct uvws__tls_settings *made[COUNT];
  for (size_t i = 0; i < COUNT; i++) {
    made[i] = get(&cache, variants[i]);
    for (size_t j = 0; j < i; j++)
      assert_ptr_not_equal(made[i], made[j]);
  }
  variants[6].cert_file = copy;
  for (size_t i = 0; i < COUNT; i++) {
    assert_ptr_equal(get(&cache, variants[i]), made[i]);
    uvws__tls_settings_release(made[i]);
  }
  uvws__tls_cache_deinit(&cache);
  for (size_t i = 0; i < COUNT; i++)
    uvws__tls_settings_release(made[i]); /* they outlive the cache */
  uvws__tls_settings_release(NULL);
}

static void settings_survive_each_failing_allocation(void **state) {
  (void)state;
  struct uvws__tls_options options = {.ca_file = files[FILE_CERT], .cert_file = files[FILE_BOTH]};
  int err = UV_ENOMEM;
  for (size_t n = 1; err; n++) {
    struct tls_world w;
    struct tls_plan plan = {.cert = &server_cert, .fail_at = n};
    struct uvws__tls_settings *settings = NULL;
    tls_world_init(&w, &plan);
    err = uvws__tls_settings_get(&w.env, &w.cache, &options, NULL, &settings);
    assert_true(err == 0 || err == UV_ENOMEM);
    uvws__tls_settings_release(settings);
    tls_world_deinit(&w);
  }
}

/* What becomes of a client's range against a server's. */
static void expect_version(int min, int max, int server_min, int server_max, int version) {
  struct tls_world w;
  struct tls_plan plan = {
      .cert = &server_cert,
      .server_min = server_min,
      .server_max = server_max,
      .options = {.min = (uvws_tls_version_t)min,
                  .max = (uvws_tls_version_t)max,
                  .insecure_skip_verify = 1},
  };
  tls_world_init(&w, &plan);
  assert_int_equal(tls_world_open(&w, &plan), 0);
  tls_world_turn(&w);
  if (version) {
    assert_string_equal(w.end_detail, "");
    assert_int_equal(w.ready, 1);
    assert_int_equal(SSL_version(w.server), version);
    assert_int_equal(tls_world_write(&w, "ping", 4), UVWS__WRITTEN);
    tls_world_serve(&w, "pong", 4);
    tls_world_turn(&w);
    assert_int_equal(w.got.len, 4);
    assert_int_equal(w.server_got.len, 4);
  } else {
    assert_int_equal(w.end_err, UVWS_ETLS_VERSION);
    assert_non_null(strstr(w.end_detail, "TLS"));
  }
  tls_world_deinit(&w);
}

static void each_version_can_be_pinned(void **state) {
  (void)state;
  for (int version = TLS1_VERSION; version <= TLS1_3_VERSION; version++)
    expect_version(version, version, TLS1_VERSION, TLS1_3_VERSION, version);
}

static void the_default_is_1_2_or_newer(void **state) {
  (void)state;
  expect_version(0, 0, TLS1_VERSION, TLS1_3_VERSION, TLS1_3_VERSION);
  expect_version(0, 0, TLS1_VERSION, TLS1_2_VERSION, TLS1_2_VERSION);
  expect_version(0, 0, TLS1_VERSION, TLS1_1_VERSION, 0);
  expect_version(0, 0, TLS1_VERSION, TLS1_VERSION, 0);
}

static void no_version_in_common_is_told(void **state) {
  (void)state;
  for (int mine = TLS1_VERSION; mine <= TLS1_3_VERSION; mine++)
    for (int theirs = TLS1_VERSION; theirs <= TLS1_3_VERSION; theirs++)
      expect_version(mine, mine, theirs, theirs, mine == theirs ? mine : 0);
  expect_version(0, TLS1_2_VERSION, TLS1_3_VERSION, TLS1_3_VERSION, 0);
  expect_version(TLS1_3_VERSION, 0, TLS1_VERSION, TLS1_2_VERSION, 0);
}

static void connect_with_certificate(const char *cert_file, const char *key_file, int server_max) {
  struct tls_world w;
  struct tls_plan plan = {
      .cert = &server_cert,
      .server_max = server_max,
      .client_issuer = &client_root,
      .options = {.cert_file = cert_file, .key_file = key_file, .insecure_skip_verify = 1},
  };
  tls_world_connect(&w, &plan);
  X509 *seen = SSL_get1_peer_certificate(w.server);
  assert_int_equal(X509_cmp(seen, client_cert.x509), 0);
  X509_free(seen);
  tls_world_deinit(&w);
}

static void a_client_certificate_is_shown_to_a_server_that_asks(void **state) {
  (void)state;
  for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
    connect_with_certificate(files[FILE_CERT], files[FILE_KEY], version);
    connect_with_certificate(files[FILE_BOTH], NULL, version);
  }
}

static void a_missing_client_certificate_is_told_in_the_servers_words(void **state) {
  (void)state;
  for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
    struct tls_world w;
    struct tls_plan plan = {
        .cert = &server_cert,
        .server_max = version,
        .client_issuer = &client_root,
        .options = {.insecure_skip_verify = 1},
    };
    tls_world_init(&w, &plan);
    assert_int_equal(tls_world_open(&w, &plan), 0);
    tls_world_turn(&w);
    /* In TLS 1.3 the client is ready before the server has judged. */
    assert_int_equal(w.ready, version == TLS1_3_VERSION);
    assert_int_equal(w.end_err, UVWS_ETLS);
    assert_non_null(strstr(w.end_detail, "the server sent the TLS alert"));
    tls_world_deinit(&w);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(versions_out_of_order_are_refused),
      cmocka_unit_test(a_file_that_cannot_be_used_is_named_with_its_option),
      cmocka_unit_test(an_encrypted_key_is_refused_without_asking),
      cmocka_unit_test(equal_options_share_settings_and_others_do_not),
      cmocka_unit_test(settings_survive_each_failing_allocation),
      cmocka_unit_test(each_version_can_be_pinned),
      cmocka_unit_test(the_default_is_1_2_or_newer),
      cmocka_unit_test(no_version_in_common_is_told),
      cmocka_unit_test(a_client_certificate_is_shown_to_a_server_that_asks),
      cmocka_unit_test(a_missing_client_certificate_is_told_in_the_servers_words),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
