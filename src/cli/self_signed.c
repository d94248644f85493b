/* A self-signed certificate with what strict verifiers ask of one (RFC 5280 4.2.1). */
#include "cli/self_signed.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/x509v3.h>

#define HOUR 3600L
#define SERIAL_BITS 127 /* RFC 5280 4.1.2.2: positive, at most 20 bytes */

static const struct extension {
  int nid;
  const char *value;
} extensions[] = {
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,digitalSignature,keyCertSign"},
    {NID_ext_key_usage, "serverAuth"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
    {NID_subject_alt_name, "IP:127.0.0.1,IP:::1,DNS:localhost"},
};

static int set_serial(X509 *certificate) {
  BIGNUM *serial = BN_new();
  int ok = serial != NULL &&
           BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
           BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate)) != NULL;
  BN_free(serial);
  return ok;
}

/* An hour back, because clocks differ. */
static int set_validity(X509 *certificate) {
  return X509_gmtime_adj(X509_getm_notBefore(certificate), -HOUR) != NULL &&
         X509_gmtime_adj(X509_getm_notAfter(certificate), 24 * HOUR) != NULL;
}

static int set_names(X509 *certificate) {
  X509_NAME *name = X509_get_subject_name(certificate);
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                    (const unsigned char *)"uvws echo-server", -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, name) == 1;
}

static int add_extension(X509 *certificate, const struct extension *extension) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
  X509_EXTENSION *made = X509V3_EXT_nconf_nid(NULL, &context, extension->nid, extension->value);
  int ok = made != NULL && X509_add_ext(certificate, made, -1) == 1;
  X509_EXTENSION_free(made);
  return ok;
}

static int fill(X509 *certificate, EVP_PKEY *key) {
  if (X509_set_version(certificate, X509_VERSION_3) != 1 || !set_serial(certificate) ||
      !set_validity(certificate) || !set_names(certificate) ||
      X509_set_pubkey(certificate, key) != 1)
    return 0;
  for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++)
    if (!add_extension(certificate, &extensions[i])) return 0;
  return X509_sign(certificate, key, EVP_sha256()) > 0;
}

int cli_self_signed_make(EVP_PKEY **out_key, X509 **out_certificate) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *certificate = X509_new();
  if (key == NULL || certificate == NULL || !fill(certificate, key)) {
    EVP_PKEY_free(key);
    X509_free(certificate);
    return -1;
  }
  *out_key = key;
  *out_certificate = certificate;
  return 0;
}
