/*
 * The client's own certificate and key, from files or memory, PEM or PKCS#12, the key encrypted or
 * not. OpenSSL never asks for a password on the terminal. Each is first opened with key_password or
 * without one; when that shows that it is encrypted, on_key_password is asked, outside of OpenSSL,
 * and it is opened again.
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
  if (o->key_password && o->on_key_password)
    return uvws__fail(detail, UVWS_EOPTION, "key_password, on_key_password: one is enough");
  if ((o->key_password || o->on_key_password) && !count)
    return uvws__fail(detail, UVWS_EOPTION, "%s without cert_file, cert_pem or pkcs12_file",
                      o->key_password ? "key_password" : "on_key_password");
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

/* What on_key_password answered. */
struct answer {
  char text[UVWS_PASSWORD_MAX + 1]; /* ends with NUL */
};

/* Not in words of the source's own: which option, which file. */
static int name_failure(struct uvws__detail *detail, const struct source *s, const char *what) {
  ERR_clear_error();
  return uvws__fail(detail, UVWS_ETLS, "%s%s%s: %s", s->option, s->path ? " " : "",
                    s->path ? s->path : "", what);
}

static int ask(const struct uvws__tls_options *o, const struct source *s, struct answer *answer,
               struct uvws__detail *detail) {
  ERR_clear_error();
  memset(answer, 0, sizeof *answer);
  int len = o->on_key_password(o->asked, answer->text, UVWS_PASSWORD_MAX);
  if (len < 0)
    return name_failure(detail, s, "the key is encrypted, and its password was not given");
  if (len == 0)
    return name_failure(detail, s,
                        "the key is encrypted, and on_key_password returned 0: it must write the "
                        "password and return its length");
  if (len > UVWS_PASSWORD_MAX)
    return name_failure(detail, s, "on_key_password returned a length beyond UVWS_PASSWORD_MAX");
  answer->text[len] = '\0'; /* whatever lies behind it */
  if (strlen(answer->text) != (size_t)len)
    return name_failure(detail, s, "the password from on_key_password has a NUL in it");
  return 0;
}

static int wrong_password(const struct uvws__tls_options *o, const struct source *s,
                          struct uvws__detail *detail) {
  if (o->on_key_password)
    return name_failure(detail, s, "the password from on_key_password does not open the key");
  if (o->key_password) return name_failure(detail, s, "key_password does not open the key");
  return name_failure(detail, s, "the key is encrypted, and there is no key_password");
}

struct password {
  const char *text; /* NULL: there is none */
  int was_wanted;
};

/* Instead of OpenSSL's own, which asks on the terminal. */
static int on_password(char *out, int cap, int is_writing, void *arg) {
  struct password *password = arg;
  (void)is_writing;
  password->was_wanted = 1;
  size_t len = password->text ? strlen(password->text) : 0;
  if (!password->text || len > (size_t)cap) return -1;
  memcpy(out, password->text, len);
  return (int)len;
}

static EVP_PKEY *read_key(const struct source *s, struct password *password) {
  BIO *bio = source_open(s);
  EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, on_password, password) : NULL;
  BIO_free(bio);
  return key;
}

static int open_key(const struct source *s, const struct uvws__tls_options *o,
                    struct uvws__detail *detail, EVP_PKEY **out) {
  struct password password = {.text = o->key_password};
  struct answer answer;
  *out = read_key(s, &password);
  if (*out) return 0;
  if (!password.was_wanted) return failed(detail, s, "private key");
  if (o->on_key_password) {
    int err = ask(o, s, &answer, detail);
    password.text = answer.text;
    if (!err) *out = read_key(s, &password);
    OPENSSL_cleanse(&answer, sizeof answer);
    if (err || *out) return err;
  }
  return wrong_password(o, s, detail);
}

static int load_key(SSL_CTX *ctx, const struct source *s, const struct uvws__tls_options *o,
                    struct uvws__detail *detail) {
  EVP_PKEY *key;
  int err = open_key(s, o, detail, &key);
  if (err) return err;
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

/* After use_pkcs12 has failed. */
static int is_password_wrong(void) {
  return ERR_GET_REASON(ERR_peek_last_error()) == PKCS12_R_MAC_VERIFY_FAILURE;
}

static int open_pkcs12(SSL_CTX *ctx, const struct source *s, PKCS12 *p12,
                       const struct uvws__tls_options *o, struct uvws__detail *detail) {
  struct answer answer;
  int is_used = use_pkcs12(ctx, p12, o->key_password);
  if (!is_used && is_password_wrong() && o->on_key_password) {
    int err = ask(o, s, &answer, detail);
    if (!err) is_used = use_pkcs12(ctx, p12, answer.text);
    OPENSSL_cleanse(&answer, sizeof answer);
    if (err) return err;
  }
  if (is_used) return 0;
  return is_password_wrong() ? wrong_password(o, s, detail)
                             : failed(detail, s, "certificate and key");
}

static int load_pkcs12(SSL_CTX *ctx, const struct uvws__tls_options *o,
                       struct uvws__detail *detail) {
  const struct source s = {.option = "pkcs12_file", .path = o->pkcs12_file};
  BIO *bio = source_open(&s);
  PKCS12 *p12 = bio ? d2i_PKCS12_bio(bio, NULL) : NULL;
  BIO_free(bio);
  if (!p12) return failed(detail, &s, "certificate");
  int err = open_pkcs12(ctx, &s, p12, o, detail);
  PKCS12_free(p12);
  return err;
}

int uvws__tls_identity_load(SSL_CTX *ctx, const struct uvws__tls_options *o,
                            struct uvws__detail *detail) {
  if (o->pkcs12_file) return load_pkcs12(ctx, o, detail);
  if (!o->cert_file && !o->cert_pem) return 0;
  const struct source certificate = certificate_source(o), key = key_source(o);
  int err = load_chain(ctx, &certificate, detail);
  return err ? err : load_key(ctx, &key, o, detail);
}
