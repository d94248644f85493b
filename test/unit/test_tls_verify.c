/* Which certificates are accepted, and in what words the others are refused. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/tls_world.h"

static struct test_cert root, other_root, middle, old_middle;
static char dir[] = "/tmp/uvws-verify-XXXXXX";
static char ca_file[64], leaf_file[64], middle_file[64];

static struct test_cert make(const char *alt_names, int from_days, int to_days,
                             const struct test_cert *issuer) {
  return test_cert_make(&(struct test_cert_spec){.common_name = "cn.test",
                                                 .alt_names = alt_names,
                                                 .from_days = from_days,
                                                 .to_days = to_days},
                        issuer);
}

static struct test_cert make_authority(const char *name, int to_days,
                                       const struct test_cert *issuer) {
  return test_cert_make(
      &(struct test_cert_spec){
          .common_name = name, .from_days = -10, .to_days = to_days, .is_authority = 1},
      issuer);
}

static int set_up(void **state) {
  (void)state;
  root = make_authority("Test Root", 10, NULL);
  other_root = make_authority("Other Root", 10, NULL);
  middle = make_authority("Test Middle", 10, &root);
  old_middle = make_authority("Old Middle", -1, &root);
  assert_non_null(mkdtemp(dir));
  snprintf(ca_file, sizeof ca_file, "%s/ca.pem", dir);
  snprintf(leaf_file, sizeof leaf_file, "%s/leaf.pem", dir);
  snprintf(middle_file, sizeof middle_file, "%s/middle.pem", dir);
  test_cert_write(ca_file, &root);
  test_cert_write(middle_file, &middle);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  test_cert_free(&root);
  test_cert_free(&other_root);
  test_cert_free(&middle);
  test_cert_free(&old_middle);
  unlink(ca_file);
  unlink(leaf_file);
  unlink(middle_file);
  rmdir(dir);
  return 0;
}

/* The handshake of `plan` ends with `err` (0: succeeds) and a detail that holds `words`. */
static void expect_plan(const struct tls_plan *plan, int err, const char *words) {
  struct tls_world w;
  tls_world_init(&w, plan);
  assert_int_equal(tls_world_open(&w, plan), 0);
  tls_world_turn(&w);
  if (w.end_err != err) print_error("%s\n", w.end_detail);
  assert_int_equal(w.end_err, err);
  assert_int_equal(w.ready, err == 0);
  assert_int_equal(w.server_failed, err != 0); /* it got our alert */
  if (!strstr(w.end_detail, words)) assert_string_equal(w.end_detail, words);
  tls_world_deinit(&w);
}

/* The same over 1.2 and 1.3, trusting the root. Takes `cert`. */
static void expect(struct test_cert cert, const char *host, int err, const char *words) {
  struct tls_plan plan = {.cert = &cert, .host = host, .options = {.ca_file = ca_file}};
  plan.server_max = TLS1_2_VERSION;
  expect_plan(&plan, err, words);
  plan.server_max = TLS1_3_VERSION;
  expect_plan(&plan, err, words);
  test_cert_free(&cert);
}

static void the_name_of_the_host_is_accepted(void **state) {
  (void)state;
  expect(make("DNS:a.test", 0, 0, &root), "a.test", 0, "");
  expect(make("DNS:b.test, DNS:a.test", 0, 0, &root), "a.test", 0, "");
  expect(make("DNS:A.Test", 0, 0, &root), "a.test", 0, "");
  expect(make("DNS:a.test", 0, 0, &root), "a.test.", 0, "");
}

static void another_host_is_refused_and_both_are_named(void **state) {
  (void)state;
  expect(make("DNS:a.test, DNS:b.test, IP:10.0.0.1", 0, 0, &root), "c.test", UVWS_ECERT_HOSTNAME,
         "certificate is for a.test, b.test, 10.0.0.1, not for c.test");
  expect(make("DNS:a.test", 0, 0, &root), "sub.a.test", UVWS_ECERT_HOSTNAME, "sub.a.test");
  expect(make("DNS:a.test", 0, 0, &root), "a.test.evil.test", UVWS_ECERT_HOSTNAME, "evil");
}

static void the_common_name_is_never_a_host(void **state) {
  (void)state;
  expect(make(NULL, 0, 0, &root), "cn.test", UVWS_ECERT_HOSTNAME,
         "certificate is for no host at all, not for cn.test");
  expect(make("DNS:a.test", 0, 0, &root), "cn.test", UVWS_ECERT_HOSTNAME, "a.test");
}

static void a_wildcard_stands_for_one_whole_label(void **state) {
  (void)state;
  expect(make("DNS:*.a.test", 0, 0, &root), "x.a.test", 0, "");
  expect(make("DNS:*.a.test", 0, 0, &root), "a.test", UVWS_ECERT_HOSTNAME, "*.a.test");
  expect(make("DNS:*.a.test", 0, 0, &root), "x.y.a.test", UVWS_ECERT_HOSTNAME, "*.a.test");
  expect(make("DNS:f*.a.test", 0, 0, &root), "foo.a.test", UVWS_ECERT_HOSTNAME, "f*.a.test");
}

static void an_address_is_looked_for_among_the_addresses(void **state) {
  (void)state;
  expect(make("IP:127.0.0.1", 0, 0, &root), "127.0.0.1", 0, "");
  expect(make("IP:::1", 0, 0, &root), "::1", 0, "");
  expect(make("IP:fe80::1", 0, 0, &root), "fe80::1%eth0", 0, "");
  expect(make("IP:127.0.0.1", 0, 0, &root), "127.0.0.2", UVWS_ECERT_HOSTNAME,
         "certificate is for 127.0.0.1, not for 127.0.0.2");
  expect(make("IP:::2", 0, 0, &root), "::1", UVWS_ECERT_HOSTNAME,
         "certificate is for ::2, not for ::1");
  expect(make("DNS:127.0.0.1", 0, 0, &root), "127.0.0.1", UVWS_ECERT_HOSTNAME, "127.0.0.1");
}

static void a_certificate_out_of_its_time_is_refused_with_the_date(void **state) {
  (void)state;
  expect(make("DNS:a.test", -20, -10, &root), "a.test", UVWS_ECERT_EXPIRED,
         "certificate of a.test has expired (notAfter 20");
  expect(make("DNS:a.test", 10, 20, &root), "a.test", UVWS_ECERT_NOT_YET_VALID,
         "certificate of a.test is not valid yet (notBefore 20");
}

static void a_self_signed_certificate_is_refused_unless_trusted(void **state) {
  (void)state;
  expect(make("DNS:a.test", 0, 0, NULL), "a.test", UVWS_ECERT_SELF_SIGNED,
         "certificate of a.test is self-signed");
  struct test_cert cert = make("DNS:a.test", 0, 0, NULL);
  test_cert_write(leaf_file, &cert);
  struct tls_plan plan = {.cert = &cert, .options = {.ca_file = leaf_file}};
  expect_plan(&plan, 0, "");
  plan.host = "b.test";
  expect_plan(&plan, UVWS_ECERT_HOSTNAME, "not for b.test");
  test_cert_free(&cert);
}

static void an_issuer_that_nobody_trusts_is_refused(void **state) {
  (void)state;
  expect(make("DNS:a.test", 0, 0, &other_root), "a.test", UVWS_ECERT_UNTRUSTED,
         "certificate of a.test is signed by nobody trusted here");
  struct test_cert cert = make("DNS:a.test", 0, 0, &other_root);
  struct tls_plan plan = {.cert = &cert, .issuer = &other_root, .options = {.ca_file = ca_file}};
  expect_plan(&plan, UVWS_ECERT_UNTRUSTED, "nobody trusted");
  test_cert_free(&cert);
}

static void a_chain_needs_its_middle(void **state) {
  (void)state;
  struct test_cert cert = make("DNS:a.test", 0, 0, &middle);
  struct tls_plan plan = {.cert = &cert, .issuer = &middle, .options = {.ca_file = ca_file}};
  expect_plan(&plan, 0, "");
  plan.issuer = NULL;
  expect_plan(&plan, UVWS_ECERT_UNTRUSTED, "nobody trusted");
  plan.options.ca_file = middle_file;
  expect_plan(&plan, 0, "");
  test_cert_free(&cert);
}

static void a_fault_above_the_certificate_names_whose_it_is(void **state) {
  (void)state;
  struct test_cert cert = make("DNS:a.test", 0, 0, &old_middle);
  struct tls_plan plan = {.cert = &cert, .issuer = &old_middle, .options = {.ca_file = ca_file}};
  expect_plan(&plan, UVWS_ECERT_EXPIRED, "\"/CN=Old Middle\" in the chain of a.test has expired");
  test_cert_free(&cert);
  cert = make("DNS:a.test", 0, 0, &root);
  struct test_cert_spec spec = {.common_name = "below", .alt_names = "DNS:a.test"};
  struct test_cert below = test_cert_make(&spec, &cert); /* signed by one that may not */
  plan.cert = &below;
  plan.issuer = &cert;
  expect_plan(&plan, UVWS_ECERT_UNTRUSTED, "nobody trusted");
  test_cert_free(&below);
  test_cert_free(&cert);
}

static void the_systems_store_is_used_without_ca_options(void **state) {
  (void)state;
  struct test_cert cert = make("DNS:a.test", 0, 0, &root);
  struct tls_plan plan = {.cert = &cert};
  expect_plan(&plan, UVWS_ECERT_UNTRUSTED, "nobody trusted");
  setenv("SSL_CERT_FILE", ca_file, 1);
  expect_plan(&plan, 0, "");
  unsetenv("SSL_CERT_FILE");
  test_cert_free(&cert);
}

static void insecure_skip_verify_accepts_anything(void **state) {
  (void)state;
  struct test_cert cert = make("DNS:other.test", -20, -10, NULL);
  struct tls_plan plan = {.cert = &cert, .options = {.insecure_skip_verify = 1}};
  static const char *const hosts[] = {"a.test", "127.0.0.1", "::1", ".a.test"};
  for (size_t i = 0; i < 4; i++) {
    plan.host = hosts[i];
    expect_plan(&plan, 0, "");
  }
  test_cert_free(&cert);
}

static void a_name_that_cannot_be_verified_is_refused_at_once(void **state) {
  (void)state;
  struct test_cert cert = make("DNS:x.a.test", 0, 0, &root);
  char long_name[300];
  memset(long_name, 'a', sizeof long_name - 1);
  long_name[sizeof long_name - 1] = '\0';
  const char *hosts[] = {"", ".", ".a.test", long_name};
  for (size_t i = 0; i < 4; i++) {
    struct tls_world w;
    struct tls_plan plan = {.cert = &cert, .host = hosts[i], .options = {.ca_file = ca_file}};
    tls_world_init(&w, &plan);
    assert_int_equal(tls_world_open(&w, &plan), UVWS_EOPTION);
    tls_world_deinit(&w);
  }
  test_cert_free(&cert);
}

static void expect_sni(const struct test_cert *cert, const char *host, const char *sni) {
  struct tls_world w;
  struct tls_plan plan = {.cert = cert, .host = host, .options = {.ca_file = ca_file}};
  tls_world_connect(&w, &plan);
  const char *name = SSL_get_servername(w.server, TLSEXT_NAMETYPE_host_name);
  if (sni) {
    assert_string_equal(name, sni);
  } else {
    assert_null(name);
  }
  tls_world_deinit(&w);
}

static void names_are_sent_as_sni_and_addresses_are_not(void **state) {
  (void)state;
  struct test_cert cert = make("DNS:a.test, IP:127.0.0.1, IP:::1", 0, 0, &root);
  expect_sni(&cert, "a.test", "a.test");
  expect_sni(&cert, "a.test.", "a.test");
  expect_sni(&cert, "127.0.0.1", NULL);
  expect_sni(&cert, "::1", NULL);
  test_cert_free(&cert);
}

static void control_characters_of_a_certificate_are_not_repeated(void **state) {
  (void)state;
  struct test_cert cert = make("DNS:a\033[2J.test", 0, 0, &root);
  struct tls_plan plan = {.cert = &cert, .options = {.ca_file = ca_file}};
  expect_plan(&plan, UVWS_ECERT_HOSTNAME, "certificate is for a?[2J.test, not for a.test");
  test_cert_free(&cert);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_name_of_the_host_is_accepted),
      cmocka_unit_test(another_host_is_refused_and_both_are_named),
      cmocka_unit_test(the_common_name_is_never_a_host),
      cmocka_unit_test(a_wildcard_stands_for_one_whole_label),
      cmocka_unit_test(an_address_is_looked_for_among_the_addresses),
      cmocka_unit_test(a_certificate_out_of_its_time_is_refused_with_the_date),
      cmocka_unit_test(a_self_signed_certificate_is_refused_unless_trusted),
      cmocka_unit_test(an_issuer_that_nobody_trusts_is_refused),
      cmocka_unit_test(a_chain_needs_its_middle),
      cmocka_unit_test(a_fault_above_the_certificate_names_whose_it_is),
      cmocka_unit_test(the_systems_store_is_used_without_ca_options),
      cmocka_unit_test(insecure_skip_verify_accepts_anything),
      cmocka_unit_test(a_name_that_cannot_be_verified_is_refused_at_once),
      cmocka_unit_test(names_are_sent_as_sni_and_addresses_are_not),
      cmocka_unit_test(control_characters_of_a_certificate_are_not_repeated),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
