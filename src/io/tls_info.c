/*
 * What was agreed with the server, put into plain strings: user code never meets OpenSSL. Made when
 * somebody asks, so that it costs nobody else anything.
 */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "io/tls_internal.h"

/* A piece of memory of an info. */
struct uvws__tls_text {
  struct uvws__tls_text *next;
  uint8_t data[];
};

struct maker {
  const struct uvws__env *env;
  struct uvws__tls_info *made;
  int err;
};

/* A copy that ends with NUL and lives as long as the info; NULL when memory ran out. */
static uint8_t *keep(struct maker *m, const void *data, size_t len) {
  struct uvws__tls_text *text = m->err ? NULL : uvws__alloc(m->env, sizeof *text + len + 1);
  if (!text) {
    m->err = UV_ENOMEM;
    return NULL;
  }
  if (data) memcpy(text->data, data, len);
  text->data[len] = '\0';
  text->next = m->made->texts;
  m->made->texts = text;
  return text->data;
}

static const char *keep_text(struct maker *m, const char *text) {
  return (const char *)keep(m, text, strlen(text));
}

static const char *keep_bio(struct maker *m, BIO *bio) {
  char *data;
  long len = BIO_get_mem_data(bio, &data);
  return (const char *)keep(m, data, len > 0 ? (size_t)len : 0);
}

/* "CN=example.org,O=Example" (RFC 4514); control characters and what is not ASCII are escaped. */
static const char *name_text(struct maker *m, const X509_NAME *name) {
  BIO *bio = BIO_new(BIO_s_mem());
  if (!bio || X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) < 0) m->err = UV_ENOMEM;
  const char *text = m->err ? NULL : keep_bio(m, bio);
  BIO_free(bio);
  return text;
}

static const char *pem_text(struct maker *m, X509 *certificate) {
  BIO *bio = BIO_new(BIO_s_mem());
  if (!bio || !PEM_write_bio_X509(bio, certificate)) m->err = UV_ENOMEM;
  const char *text = m->err ? NULL : keep_bio(m, bio);
  BIO_free(bio);
  return text;
}

void uvws__tls_time_text(const ASN1_TIME *time, char *out, size_t cap) {
  struct tm tm;
  if (!ASN1_TIME_to_tm(time, &tm)) {
    snprintf(out, cap, "unreadable");
    return;
  }
  snprintf(out, cap, "%04d-%02d-%02d %02d:%02d:%02d UTC", tm.tm_year + 1900, tm.tm_mon + 1,
           tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static const char *keep_time(struct maker *m, const ASN1_TIME *time) {
  char text[40];
  uvws__tls_time_text(time, text, sizeof text);
  return keep_text(m, text);
}

static const char *fingerprint(struct maker *m, X509 *certificate) {
  uint8_t digest[UVWS__TLS_DIGEST_LEN];
  char text[2 * UVWS__TLS_DIGEST_LEN + 1] = "";
  if (!X509_digest(certificate, EVP_sha256(), digest, NULL)) m->err = UV_ENOMEM;
  for (size_t i = 0; i < sizeof digest && !m->err; i++)
    snprintf(text + 2 * i, 3, "%02x", digest[i]);
  return keep_text(m, text);
}

static const char *pin_text(struct maker *m, X509 *certificate) {
  uint8_t digest[UVWS__TLS_DIGEST_LEN];
  char text[64] = "sha256//";
  if (!uvws__tls_key_digest(certificate, digest)) m->err = UV_ENOMEM;
  if (!m->err) EVP_EncodeBlock((unsigned char *)text + 8, digest, sizeof digest);
  return keep_text(m, text);
}

static void describe(struct maker *m, X509 *certificate, uvws_certificate_t *out) {
  int len = i2d_X509(certificate, NULL);
  uint8_t *der = keep(m, NULL, len > 0 ? (size_t)len : 0);
  unsigned char *end = der;
  if (der && len > 0) i2d_X509(certificate, &end);
  out->der = der;
  out->der_len = (size_t)(end - der);
  out->pem = pem_text(m, certificate);
  out->subject = name_text(m, X509_get_subject_name(certificate));
  out->issuer = name_text(m, X509_get_issuer_name(certificate));
  out->not_before = keep_time(m, X509_get0_notBefore(certificate));
  out->not_after = keep_time(m, X509_get0_notAfter(certificate));
  out->sha256 = fingerprint(m, certificate);
  out->public_key_pin = pin_text(m, certificate);
}

static void describe_all(struct maker *m, STACK_OF(X509) * shown, uvws_tls_info_t *info) {
  int count = sk_X509_num(shown);
  size_t size = count > 0 ? (size_t)count * sizeof(uvws_certificate_t) : 0;
  uvws_certificate_t *certificates = size ? uvws__calloc(m->env, size) : NULL;
  if (!size) return;
  if (!certificates) {
    m->err = UV_ENOMEM;
    return;
  }
  info->certificates = certificates;
  info->certificate_count = (size_t)count;
  for (int i = 0; i < count && !m->err; i++)
    describe(m, sk_X509_value(shown, i), &certificates[i]);
}

static void describe_session(struct maker *m, SSL *ssl, uvws_tls_info_t *info) {
  const unsigned char *name;
  unsigned len;
  if (!SSL_is_init_finished(ssl)) return;
  info->version = (uvws_tls_version_t)SSL_version(ssl);
  info->cipher = keep_text(m, SSL_get_cipher_name(ssl));
  info->is_resumed = SSL_session_reused(ssl);
  SSL_get0_alpn_selected(ssl, &name, &len);
  if (len) info->alpn = (const char *)keep(m, name, len);
}

int uvws__tls_info_of(const struct uvws__env *env, SSL *ssl, STACK_OF(X509) * shown,
                      struct uvws__tls_info **out) {
  struct maker m = {.env = env, .made = uvws__calloc(env, sizeof *m.made)};
  if (!m.made) return UV_ENOMEM;
  m.made->info.size = sizeof m.made->info;
  describe_session(&m, ssl, &m.made->info);
  describe_all(&m, shown, &m.made->info);
  if (m.err)
    uvws__tls_info_free(env, m.made);
  else
    *out = m.made;
  return m.err;
}

void uvws__tls_info_free(const struct uvws__env *env, struct uvws__tls_info *info) {
  if (!info) return;
  while (info->texts) {
    struct uvws__tls_text *text = info->texts;
    info->texts = text->next;
    uvws__free(env, text);
  }
  uvws__free(env, (void *)info->info.certificates);
  uvws__free(env, info);
}
