/* Certificates by OpenSSL's API. */
#include "support/certs.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void add_extension(X509 *x509, const X509 *issuer, int nid, const char *value) {
  X509V3_CTX ctx;
  X509V3_set_ctx(&ctx, (X509 *)issuer, x509, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
  assert_non_null(extension);
  assert_int_equal(X509_add_ext(x509, extension, -1), 1);
  X509_EXTENSION_free(extension);
}

static void set_names(X509 *x509, const char *common_name, const X509 *issuer) {
  X509_NAME *name = X509_get_subject_name(x509);
  assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                              (const unsigned char *)common_name, -1, -1, 0),
                   1);
  X509_set_issuer_name(x509, issuer ? X509_get_subject_name(issuer) : name);
}

struct test_cert test_cert_make(const struct test_cert_spec *spec, const struct test_cert *issuer) {
  static long serial;
  struct test_cert cert = {.x509 = X509_new(), .key = EVP_EC_gen("P-256")};
  const X509 *above = issuer ? issuer->x509 : cert.x509;
  assert_non_null(cert.x509);
  assert_non_null(cert.key);
  X509_set_version(cert.x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.x509), ++serial);
  X509_time_adj_ex(X509_getm_notBefore(cert.x509), spec->from_days ? spec->from_days : -1, 0, NULL);
  X509_time_adj_ex(X509_getm_notAfter(cert.x509), spec->to_days ? spec->to_days : 1, 0, NULL);
  X509_set_pubkey(cert.x509, cert.key);
  set_names(cert.x509, spec->common_name, issuer ? issuer->x509 : NULL);
  add_extension(cert.x509, above, NID_subject_key_identifier, "hash");
  if (spec->is_authority)
    add_extension(cert.x509, above, NID_basic_constraints, "critical,CA:TRUE");
  if (spec->alt_names) add_extension(cert.x509, above, NID_subject_alt_name, spec->alt_names);
  assert_true(X509_sign(cert.x509, issuer ? issuer->key : cert.key, EVP_sha256()) > 0);
  return cert;
}

void test_cert_free(struct test_cert *cert) {
  X509_free(cert->x509);
  EVP_PKEY_free(cert->key);
  cert->x509 = NULL;
  cert->key = NULL;
}

static FILE *open_file(const char *path, const char *mode) {
  FILE *file = fopen(path, mode);
  assert_non_null(file);
  return file;
}

void test_cert_write(const char *path, const struct test_cert *cert) {
  FILE *file = open_file(path, "w");
  assert_int_equal(PEM_write_X509(file, cert->x509), 1);
  fclose(file);
}

static void write_key(FILE *file, const struct test_cert *cert, const char *passphrase) {
  const EVP_CIPHER *cipher = passphrase ? EVP_aes_128_cbc() : NULL;
  assert_int_equal(PEM_write_PrivateKey(file, cert->key, cipher, NULL, 0, NULL, (void *)passphrase),
                   1);
}

void test_key_write(const char *path, const struct test_cert *cert, const char *passphrase) {
  FILE *file = open_file(path, "w");
  write_key(file, cert, passphrase);
  fclose(file);
}

void test_cert_and_key_write(const char *path, const struct test_cert *cert) {
  test_cert_write(path, cert);
  FILE *file = open_file(path, "a");
  write_key(file, cert, NULL);
  fclose(file);
}
