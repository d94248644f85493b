/* Certificates for tests, made on the spot: the repository holds no keys. */
#ifndef UVWS_TEST_CERTS_H
#define UVWS_TEST_CERTS_H

#include <openssl/x509.h>

struct test_cert {
  X509 *x509;
  EVP_PKEY *key; /* ECDSA P-256 */
};

struct test_cert_spec {
  const char *common_name;
  const char *alt_names; /* as in openssl.cnf: "DNS:a.test, IP:127.0.0.1"; NULL: none */
  int from_days;         /* valid from so many days from now; 0: since yesterday */
  int to_days;           /* until; 0: tomorrow */
  int is_authority;
};

/* Signed by `issuer`, or by itself when that is NULL. Fails the test when it cannot. */
struct test_cert test_cert_make(const struct test_cert_spec *spec, const struct test_cert *issuer);
void test_cert_free(struct test_cert *cert);

/* PEM files. A passphrase (NULL: none) encrypts the key. */
void test_cert_write(const char *path, const struct test_cert *cert);
void test_key_write(const char *path, const struct test_cert *cert, const char *passphrase);
void test_cert_and_key_write(const char *path, const struct test_cert *cert);

#endif
