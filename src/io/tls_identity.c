/*
 * The client's own certificate and key, from files or memory, PEM or PKCS#12, the key encrypted or
 * not. OpenSSL never asks for a password on the terminal.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <string.h>

#include "io/tls_internal.h"

/* Where something comes from. */
struct source {
  const char *option;
  const char *path; /* NULL: from memory */
  const char *pem;
};

static BIO *source_open(const struct source *s) {
  return s->path ? BIO_new_file(s->path, "rb") : BIO_new_mem_buf(s->pem, -1);
}

int uvws__tls_identity_check(const struct uvws__tls_options *o, struct uvws__detail *detail) {
  int count = !!o->cert_file + !!o->cert_pem + !!o->pkcs12_file;
  if (count > 1)
    return uvws__fail(detail, UVWS_EOPTION,
                      "cert_file, cert_pem, pkcs12_file: one certificate is enough");
  if (o->key_file && o->key_pem)
    return uvws__fail(detail, UVWS_EOPTION, "key_file, key_pem: one key is enough");
  const char *key = o->key_file ? "key_file" : o->key_pem ? "key_pem" : NULL;
  if (key && !o->cert_file && !o->cert_pem)
    return uvws__fail(detail, UVWS_EOPTION, "%s without cert_file or cert_pem", key);
  if (o->key_password && !count)
    return uvws__fail(detail, UVWS_EOPTION,
                      "key_password without cert_file, cert_pem or pkcs12_file");
  return 0;
}

static struct source certificate_source(const struct uvws__tls_options *o) {
  if (o->cert_file) return (struct source){.option = "cert_file", .path = o->cert_file};
  return (struct source){.option = "cert_pem", .pem = o->cert_pem};
}

/* Without a key of its own it lies beside the certificate. */
static struct source key_source(const struct uvws__tls_options *o) {
  if (o->key_file) return (struct source){.option = "key_file", .path = o->key_file};
  if (o->key_pem) return (struct source){.option = "key_pem", .pem = o->key_pem};
  return certificate_source(o);
}

static int failed(struct uvws__detail *detail, const struct source *s, const char *kind) {
  return uvws__tls_unusable(detail, s->option, s->path, kind);
}

/* The certificates behind the first, up to the end of the file. */
static int read_chain(SSL_CTX *ctx, BIO *bio) {
  X509 *certificate;
  while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
    if (SSL_CTX_add0_chain_cert(ctx, certificate)) continue;
    X509_free(certificate);
    return 0;
  }
  unsigned long code = ERR_peek_last_error();
  int is_end = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
  if (is_end) ERR_clear_error();
  return is_end;
}

static int load_chain(SSL_CTX *ctx, const struct source *s, struct uvws__detail *detail) {
  BIO *bio = source_open(s);
  X509 *certificate = bio ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;
  int is_loaded = certificate && SSL_CTX_use_certificate(ctx, certificate) && read_chain(ctx, bio);
  X509_free(certificate);
  BIO_free(bio);
  return is_loaded ? 0 : failed(detail, s, "certificate");
}

struct password {
  const char *text; /* NULL: there is none */
  int was_asked;
};

/* Instead of OpenSSL's own, which asks on the terminal. */
static int on_password(char *out, int cap, int is_writing, void *arg) {
  struct password *password = arg;
  (void)is_writing;
  password->was_asked = 1;
  size_t len = password->text ? strlen(password->text) : 0;
  if (!password->text || len > (size_t)cap) return -1;
  memcpy(out, password->text, len);
  return (int)len;
}

static int key_failed(struct uvws__detail *detail, const struct source *s,
                      const struct password *password) {
  if (!password->was_asked) return failed(detail, s, "private key");
  ERR_clear_error();
  return uvws__fail(detail, UVWS_ETLS, "%s%s%s: %s", s->option, s->path ? " " : "",
                    s->path ? s->path : "",
                    password->text ? "key_password does not open the key"
                                   : "the key is encrypted, and there is no key_password");
}

static int load_key(SSL_CTX *ctx, const struct source *s, const char *password_text,
                    struct uvws__detail *detail) {
  struct password password = {.text = password_text};
  BIO *bio = source_open(s);
  EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, on_password, &password) : NULL;
  BIO_free(bio);
  if (!key) return key_failed(detail, s, &password);
  int is_used = SSL_CTX_use_PrivateKey(ctx, key) && SSL_CTX_check_private_key(ctx);
  EVP_PKEY_free(key);
  return is_used ? 0 : failed(detail, s, "private key");
}

static int use_pkcs12(SSL_CTX *ctx, PKCS12 *p12, const char *password) {
  EVP_PKEY *key = NULL;
  X509 *certificate = NULL;
  STACK_OF(X509) *chain = NULL;
  int is_used = PKCS12_parse(p12, password, &key, &certificate, &chain) && key && certificate &&
                SSL_CTX_use_cert_and_key(ctx, certificate, key, chain, 1);
  EVP_PKEY_free(key);
  X509_free(certificate);
  sk_X509_pop_free(chain, X509_free);
  return is_used;
}

static int load_pkcs12(SSL_CTX *ctx, const struct uvws__tls_options *o,
                       struct uvws__detail *detail) {
  const struct source s = {.option = "pkcs12_file", .path = o->pkcs12_file};
  BIO *bio = source_open(&s);
  PKCS12 *p12 = bio ? d2i_PKCS12_bio(bio, NULL) : NULL;
  BIO_free(bio);
  if (!p12) return failed(detail, &s, "certificate");
  int is_used = use_pkcs12(ctx, p12, o->key_password);
  PKCS12_free(p12);
  if (is_used) return 0;
  if (ERR_GET_REASON(ERR_peek_last_error()) != PKCS12_R_MAC_VERIFY_FAILURE)
    return failed(detail, &s, "certificate and key");
  ERR_clear_error();
  return uvws__fail(detail, UVWS_ETLS, "pkcs12_file %s: %s", o->pkcs12_file,
                    o->key_password ? "key_password does not open it"
                                    : "it is encrypted, and there is no key_password");
}

int uvws__tls_identity_load(SSL_CTX *ctx, const struct uvws__tls_options *o,
                            struct uvws__detail *detail) {
  if (o->pkcs12_file) return load_pkcs12(ctx, o, detail);
  if (!o->cert_file && !o->cert_pem) return 0;
  const struct source certificate = certificate_source(o), key = key_source(o);
  int err = load_chain(ctx, &certificate, detail);
  return err ? err : load_key(ctx, &key, o->key_password, detail);
}
