/*
 * SSL_CTX from options, and a cache of them. What is fixed here for all: the peer is verified
 * unless insecure_skip_verify, TLS 1.2 at least unless asked otherwise, no compression, no
 * renegotiation (a server may not make us shake hands anew), no buffers in idle connections.
 *
 * Sessions are not resumed yet: the client's session cache is off.
 */
#include <assert.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "io/tls_internal.h"

/* One run of bytes for all options; NULL and "" differ, and no text can pretend to be two. */
static int key_make(const struct uvws__env *env, const struct uvws__tls_options *o,
                    struct uvws__bytes *out) {
  int numbers[] = {(int)o->min, (int)o->max, !!o->insecure_skip_verify};
  const char *texts[] = {o->ca_file, o->ca_path, o->cert_file, o->key_file};
  int err = uvws__bytes_append(env, out, numbers, sizeof numbers);
  for (size_t i = 0; i < sizeof texts / sizeof *texts && !err; i++) {
    uint8_t is_given = texts[i] != NULL;
    err = uvws__bytes_append(env, out, &is_given, 1);
    if (!err && is_given) err = uvws__bytes_append(env, out, texts[i], strlen(texts[i]) + 1);
  }
  return err;
}

static int is_version(uvws_tls_version_t version) {
  return version == UVWS_TLS_DEFAULT || (version >= UVWS_TLS_1_0 && version <= UVWS_TLS_1_3);
}

static int check_options(const struct uvws__tls_options *o, struct uvws__detail *detail) {
  uvws_tls_version_t min = o->min ? o->min : UVWS_TLS_1_2;
  if (!is_version(o->min) || !is_version(o->max))
    return uvws__fail(detail, UVWS_EOPTION, "tls_min, tls_max: unknown TLS version");
  if (o->max && o->max < min)
    return uvws__fail(detail, UVWS_EOPTION, "tls_max is older than tls_min%s",
                      o->min ? "" : " (1.2 when it is not given)");
  if (o->key_file && !o->cert_file)
    return uvws__fail(detail, UVWS_EOPTION, "key_file without cert_file");
  return 0;
}

/* A file that OpenSSL could not use: name the option, the file and the reason. */
static int file_failed(struct uvws__detail *detail, const char *option, const char *path,
                       const char *kind) {
  unsigned long code = ERR_peek_error();
  char text[128];
  if (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE) {
    snprintf(text, sizeof text, "there is no PEM %s in it", kind);
  } else {
    uvws__tls_queue_text(text, sizeof text);
  }
  ERR_clear_error();
  return uvws__fail(detail, UVWS_ETLS, "%s %s: %s", option, path, text);
}

static int set_versions(SSL_CTX *ctx, const struct uvws__tls_options *o) {
  int min = o->min ? (int)o->min : TLS1_2_VERSION;
  if (!SSL_CTX_set_min_proto_version(ctx, min)) return UVWS_ETLS;
  if (o->max && !SSL_CTX_set_max_proto_version(ctx, (int)o->max)) return UVWS_ETLS;
  /* TLS 1.0 and 1.1 sign with MD5 and SHA-1, which OpenSSL 3 allows at this level only. */
  if (min < TLS1_2_VERSION && !SSL_CTX_set_cipher_list(ctx, "DEFAULT:@SECLEVEL=0"))
    return UVWS_ETLS;
  return 0;
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

static int load_trust(SSL_CTX *ctx, const struct uvws__tls_options *o,
                      struct uvws__detail *detail) {
  if (!o->ca_file && !o->ca_path) {
    /* The system's store is large: it takes milliseconds to load, and nobody would ask it. */
    if (o->insecure_skip_verify) return 0;
    if (SSL_CTX_set_default_verify_paths(ctx)) return 0;
    return file_failed(detail, "the system's", "certificate store", "certificate");
  }
  /* What the caller names is trusted as it stands, an issuer below the root or the server's own
   * certificate too. */
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
  if (o->ca_file && !SSL_CTX_load_verify_file(ctx, o->ca_file))
    return file_failed(detail, "ca_file", o->ca_file, "certificate");
  return o->ca_path ? load_ca_path(ctx, o->ca_path, detail) : 0;
}

/* Instead of OpenSSL's own, which asks on the terminal. */
static int on_passphrase(char *out, int cap, int is_writing, void *arg) {
  (void)out, (void)cap, (void)is_writing;
  *(int *)arg = 1;
  return -1;
}

static int load_key(SSL_CTX *ctx, const char *option, const char *path,
                    struct uvws__detail *detail) {
  int was_asked = 0;
  SSL_CTX_set_default_passwd_cb_userdata(ctx, &was_asked);
  int is_loaded = SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM);
  SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
  if (is_loaded) return 0;
  if (!was_asked) return file_failed(detail, option, path, "private key");
  ERR_clear_error();
  return uvws__fail(detail, UVWS_ETLS, "%s %s: the key is encrypted; uvws asks for no passphrase",
                    option, path);
}

static int load_client_certificate(SSL_CTX *ctx, const struct uvws__tls_options *o,
                                   struct uvws__detail *detail) {
  if (!o->cert_file) return 0;
  int was_asked = 0;
  SSL_CTX_set_default_passwd_cb(ctx, on_passphrase);
  SSL_CTX_set_default_passwd_cb_userdata(ctx, &was_asked);
  if (!SSL_CTX_use_certificate_chain_file(ctx, o->cert_file))
    return file_failed(detail, "cert_file", o->cert_file, "certificate");
  const char *option = o->key_file ? "key_file" : "cert_file";
  const char *path = o->key_file ? o->key_file : o->cert_file;
  int err = load_key(ctx, option, path, detail);
  if (err) return err;
  if (SSL_CTX_check_private_key(ctx)) return 0;
  return file_failed(detail, option, path, "private key");
}

static int configure(struct uvws__tls_settings *s, const struct uvws__tls_options *o,
                     struct uvws__detail *detail) {
  ERR_clear_error();
  s->ctx = SSL_CTX_new(TLS_client_method());
  if (!s->ctx) return UV_ENOMEM;
  SSL_CTX_set_options(s->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_clear_options(s->ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(s->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                               SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(s->ctx, SSL_SESS_CACHE_OFF);
  s->is_verifying = !o->insecure_skip_verify;
  if (s->is_verifying) {
    SSL_CTX_set_verify(s->ctx, SSL_VERIFY_PEER, uvws__tls_on_verify);
  } else {
    SSL_CTX_set_verify(s->ctx, SSL_VERIFY_NONE, NULL);
  }
  int err = set_versions(s->ctx, o);
  if (err) return file_failed(detail, "tls_min,", "tls_max", "version");
  err = load_trust(s->ctx, o, detail);
  return err ? err : load_client_certificate(s->ctx, o, detail);
}

void uvws__tls_settings_release(struct uvws__tls_settings *s) {
  if (!s || --s->refs) return;
  SSL_CTX_free(s->ctx);
  uvws__bytes_deinit(s->env, &s->key);
  uvws__free(s->env, s);
}

/* With one reference, the cache's. Takes `key` when it succeeds. */
static int settings_new(const struct uvws__env *env, const struct uvws__tls_options *o,
                        const struct uvws__bytes *key, struct uvws__detail *detail,
                        struct uvws__tls_settings **out) {
  struct uvws__tls_settings *s = uvws__calloc(env, sizeof *s);
  if (!s) return UV_ENOMEM;
  s->env = env;
  s->refs = 1;
  int err = configure(s, o, detail);
  if (err) {
    uvws__tls_settings_release(s);
    return err;
  }
  s->key = *key;
  *out = s;
  return 0;
}

static struct uvws__tls_settings *find(const struct uvws__tls_cache *cache,
                                       const struct uvws__bytes *key) {
  struct uvws__tls_settings *s = cache->first;
  while (s && (s->key.len != key->len || memcmp(s->key.data, key->data, key->len) != 0))
    s = s->next;
  return s;
}

int uvws__tls_settings_get(const struct uvws__env *env, struct uvws__tls_cache *cache,
                           const struct uvws__tls_options *options, struct uvws__detail *detail,
                           struct uvws__tls_settings **out) {
  struct uvws__bytes key = {0};
  int err = check_options(options, detail);
  if (!err && key_make(env, options, &key)) err = UV_ENOMEM;
  struct uvws__tls_settings *s = err ? NULL : find(cache, &key);
  if (!err && !s) {
    err = settings_new(env, options, &key, detail, &s);
    if (!err) {
      memset(&key, 0, sizeof key); /* it is theirs now */
      s->next = cache->first;
      cache->first = s;
    }
  }
  uvws__bytes_deinit(env, &key);
  if (err == UV_ENOMEM) return uvws__fail(detail, err, "out of memory");
  if (err) return err;
  s->refs++;
  *out = s;
  return 0;
}

void uvws__tls_cache_deinit(struct uvws__tls_cache *cache) {
  while (cache->first) {
    struct uvws__tls_settings *s = cache->first;
    cache->first = s->next;
    uvws__tls_settings_release(s);
  }
}
