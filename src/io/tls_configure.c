/*
 * SSL_CTX from options. What is fixed here for all: the peer is verified unless
 * insecure_skip_verify, TLS 1.2 at least unless asked otherwise, no compression, no renegotiation
 * (a server may not make us shake hands anew), no buffers in idle connections, and OpenSSL's
 * security level 2 (112 bits: RSA of 2,048 bits, no SHA-1), whatever the system's default is; who
 * needs less says so in `ciphers`: "DEFAULT:@SECLEVEL=1".
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "io/tls_internal.h"

#define SECURITY_LEVEL 2

int uvws__tls_unusable(struct uvws__detail *detail, const char *option, const char *path,
                       const char *kind) {
  unsigned long code = ERR_peek_error();
  char text[128];
  if (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE) {
    snprintf(text, sizeof text, "there is no PEM %s in it", kind);
  } else {
    uvws__tls_queue_text(text, sizeof text);
  }
  ERR_clear_error();
  return uvws__fail(detail, UVWS_ETLS, "%s%s%s: %s", option, path ? " " : "", path ? path : "",
                    text);
}

static int set_ciphers(SSL_CTX *ctx, const struct uvws__tls_options *o,
                       struct uvws__detail *detail) {
  int is_old = o->min && o->min < UVWS_TLS_1_2;
  if (is_old)
    SSL_CTX_set_security_level(ctx, 0); /* 1.0 and 1.1 sign with MD5 and SHA-1 */
  else if (SSL_CTX_get_security_level(ctx) < SECURITY_LEVEL)
    SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
  if (o->ciphers && !SSL_CTX_set_cipher_list(ctx, o->ciphers))
    return uvws__fail(detail, UVWS_EOPTION, "ciphers: OpenSSL knows none of \"%.100s\"",
                      o->ciphers);
  if (o->ciphersuites && (!*o->ciphersuites || !SSL_CTX_set_ciphersuites(ctx, o->ciphersuites)))
    return uvws__fail(detail, UVWS_EOPTION, "ciphersuites: OpenSSL knows none of \"%.100s\"",
                      o->ciphersuites);
  return 0;
}

static int set_versions(SSL_CTX *ctx, const struct uvws__tls_options *o,
                        struct uvws__detail *detail) {
  int min = o->min ? (int)o->min : TLS1_2_VERSION;
  if (SSL_CTX_set_min_proto_version(ctx, min) &&
      (!o->max || SSL_CTX_set_max_proto_version(ctx, (int)o->max)))
    return set_ciphers(ctx, o, detail);
  return uvws__tls_unusable(detail, "tls_min, tls_max", NULL, "version");
}

/* "http/1.1,foo" as lengths and names (RFC 7301 3.1). */
static int set_alpn(struct uvws__tls_settings *s, const char *names, struct uvws__detail *detail) {
  while (*names) {
    size_t len = strcspn(names, ",");
    if (!len || len > 255 || s->alpn_len + len + 1 > sizeof s->alpn)
      return uvws__fail(detail, UVWS_EOPTION,
                        "alpn: names joined by \",\" are wanted, 255 bytes at most");
    s->alpn[s->alpn_len++] = (uint8_t)len;
    memcpy(s->alpn + s->alpn_len, names, len);
    s->alpn_len += len;
    names += len + (names[len] == ',' && names[len + 1]);
  }
  if (!s->alpn_len) return 0;
  return SSL_CTX_set_alpn_protos(s->ctx, s->alpn, (unsigned)s->alpn_len) == 0 ? 0 : UV_ENOMEM;
}

static int is_directory(const char *path, int *err) {
  uv_fs_t req;
  *err = uv_fs_stat(NULL, &req, path, NULL);
  int answer = *err == 0 && (req.statbuf.st_mode & 0170000 /* S_IFMT */) == 0040000 /* S_IFDIR */;
  uv_fs_req_cleanup(&req);
  return answer;
}

/* OpenSSL looks into the directory when it needs a certificate, and takes a wrong name in silence.
 */
static int load_ca_path(SSL_CTX *ctx, const char *path, struct uvws__detail *detail) {
  int err;
  if (!is_directory(path, &err))
    return uvws__fail(detail, UVWS_ETLS, "ca_path %s: %s", path,
                      err ? uv_strerror(err) : "not a directory");
  return SSL_CTX_load_verify_dir(ctx, path) ? 0 : UV_ENOMEM;
}

static int load_ca_pem(SSL_CTX *ctx, const char *pem, struct uvws__detail *detail) {
  X509_STORE *store = SSL_CTX_get_cert_store(ctx);
  BIO *bio = BIO_new_mem_buf(pem, -1);
  X509 *certificate;
  int count = 0, is_added = bio != NULL;
  while (is_added && (certificate = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) != NULL) {
    is_added = X509_STORE_add_cert(store, certificate);
    count++;
    X509_free(certificate);
  }
  BIO_free(bio);
  unsigned long code = ERR_peek_last_error();
  int is_end = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
  if (!is_added || !count || !is_end)
    return uvws__tls_unusable(detail, "ca_pem", NULL, "certificate");
  ERR_clear_error();
  return 0;
}

static int load_trust(SSL_CTX *ctx, const struct uvws__tls_options *o,
                      struct uvws__detail *detail) {
  if (!o->ca_file && !o->ca_path && !o->ca_pem) {
    /* The system's store is large: it takes milliseconds to load, and nobody would ask it. */
    if (o->insecure_skip_verify) return 0;
    if (SSL_CTX_set_default_verify_paths(ctx)) return 0;
    return uvws__tls_unusable(detail, "the system's certificate store", NULL, "certificate");
  }
  /* What the caller names is trusted as it stands, an issuer below the root or the server's own
   * certificate too. */
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
  if (o->ca_file && !SSL_CTX_load_verify_file(ctx, o->ca_file))
    return uvws__tls_unusable(detail, "ca_file", o->ca_file, "certificate");
  int err = o->ca_pem ? load_ca_pem(ctx, o->ca_pem, detail) : 0;
  return !err && o->ca_path ? load_ca_path(ctx, o->ca_path, detail) : err;
}

/* Every certificate of the chain below the root is looked up in the lists. */
static int load_crl(SSL_CTX *ctx, const char *path, struct uvws__detail *detail) {
  X509_STORE *store = SSL_CTX_get_cert_store(ctx);
  X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
  if (!lookup) return UV_ENOMEM;
  if (X509_load_crl_file(lookup, path, X509_FILETYPE_PEM) <= 0) {
    unsigned long code = ERR_peek_error();
    if (ERR_GET_LIB(code) == ERR_LIB_X509) { /* "no CRL found" in some releases */
      ERR_clear_error();
      return uvws__fail(detail, UVWS_ETLS, "crl_file %s: there is no PEM revocation list in it",
                        path);
    }
    return uvws__tls_unusable(detail, "crl_file", path, "revocation list");
  }
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  return 0;
}

static void on_keylog(const SSL *ssl, const char *line) {
  const struct uvws__tls *t = SSL_get_app_data(ssl);
  uv_buf_t bufs[2] = {uv_buf_init((char *)line, (unsigned)strlen(line)), uv_buf_init("\n", 1)};
  uv_fs_t req;
  if (!t || t->settings->keylog < 0) return;
  uv_fs_write(NULL, &req, t->settings->keylog, bufs, 2, -1, NULL); /* a lost line harms nobody */
  uv_fs_req_cleanup(&req);
}

/* Whoever reads the file can read the connections: it is for the owner alone. */
static int open_keylog(struct uvws__tls_settings *s, const char *path,
                       struct uvws__detail *detail) {
  uv_fs_t req;
  int answer =
      uv_fs_open(NULL, &req, path, UV_FS_O_WRONLY | UV_FS_O_CREAT | UV_FS_O_APPEND, 0600, NULL);
  uv_fs_req_cleanup(&req);
  if (answer < 0)
    return uvws__fail(detail, UVWS_ETLS, "keylog_file %s: %s", path, uv_strerror(answer));
  s->keylog = answer;
  SSL_CTX_set_keylog_callback(s->ctx, on_keylog);
  return 0;
}

static int set_verification(struct uvws__tls_settings *s, const struct uvws__tls_options *o,
                            struct uvws__detail *detail) {
  int err = o->pinned_public_key ? uvws__tls_pins_parse(s, o->pinned_public_key, detail) : 0;
  if (err) return err;
  s->is_verifying = !o->insecure_skip_verify;
  SSL_CTX_set_verify(s->ctx, s->is_verifying || s->pin_count ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                     uvws__tls_on_verify);
  SSL_CTX_set_cert_verify_callback(s->ctx, uvws__tls_on_certificate, NULL);
  if (!o->require_ocsp_staple) return 0;
  SSL_CTX_set_tlsext_status_type(s->ctx, TLSEXT_STATUSTYPE_ocsp);
  SSL_CTX_set_tlsext_status_cb(s->ctx, uvws__tls_on_staple);
  return 0;
}

/* OpenSSL's own store of sessions knows a server's only. */
static void set_sessions(struct uvws__tls_settings *s, const struct uvws__tls_options *o) {
  s->is_resuming = !o->no_session_resumption;
  SSL_CTX_set_session_cache_mode(s->ctx, s->is_resuming
                                             ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL
                                             : SSL_SESS_CACHE_OFF);
  if (s->is_resuming) SSL_CTX_sess_set_new_cb(s->ctx, uvws__tls_on_new_session);
}

int uvws__tls_configure(struct uvws__tls_settings *s, const struct uvws__tls_options *o,
                        struct uvws__detail *detail) {
  ERR_clear_error();
  s->ctx = SSL_CTX_new(TLS_client_method());
  if (!s->ctx) return UV_ENOMEM;
  SSL_CTX_set_options(s->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_clear_options(s->ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(s->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                               SSL_MODE_RELEASE_BUFFERS);
  set_sessions(s, o);
  int err = set_versions(s->ctx, o, detail);
  if (!err) err = set_alpn(s, o->alpn ? o->alpn : "http/1.1", detail);
  if (!err) err = set_verification(s, o, detail);
  if (!err) err = load_trust(s->ctx, o, detail);
  if (!err && o->crl_file) err = load_crl(s->ctx, o->crl_file, detail);
  if (!err) err = uvws__tls_identity_load(s->ctx, o, detail);
  return !err && o->keylog_file ? open_keylog(s, o->keylog_file, detail) : err;
}
