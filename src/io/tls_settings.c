/*
 * Settings by options, and the few that were used last. What is compared is a digest, so that no
 * key or password stays in memory longer than OpenSSL needs it; it takes in when each file was
 * changed, so that a new certificate or revocation list is seen by the next connection.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "io/tls_internal.h"

/* A program has a few; who makes settings for each connection shall not fill the memory. */
#define CACHE_MAX 16

static int add_text(const struct uvws__env *env, struct uvws__bytes *out, const char *text) {
  uint8_t is_given = text != NULL; /* NULL and "" differ, and no text can pretend to be two */
  int err = uvws__bytes_append(env, out, &is_given, 1);
  return !err && text ? uvws__bytes_append(env, out, text, strlen(text) + 1) : err;
}

/* Which file it is now; one that is not there is told of when it is to be loaded. */
static int add_file(const struct uvws__env *env, struct uvws__bytes *out, const char *path) {
  uint64_t marks[6] = {0};
  uv_fs_t req;
  if (path && uv_fs_stat(NULL, &req, path, NULL) == 0) {
    const uv_stat_t *stat = &req.statbuf;
    marks[0] = stat->st_dev;
    marks[1] = stat->st_ino;
    marks[2] = stat->st_size;
    marks[3] = (uint64_t)stat->st_mtim.tv_sec;
    marks[4] = (uint64_t)stat->st_mtim.tv_nsec;
    marks[5] = 1;
  }
  if (path) uv_fs_req_cleanup(&req);
  int err = add_text(env, out, path);
  return err ? err : uvws__bytes_append(env, out, marks, sizeof marks);
}

static int add_all(const struct uvws__env *env, struct uvws__bytes *out,
                   const struct uvws__tls_options *o) {
  const int numbers[] = {(int)o->min, (int)o->max, !!o->insecure_skip_verify,
                         !!o->require_ocsp_staple, !!o->no_session_resumption};
  const char *const files[] = {o->ca_file, o->cert_file, o->key_file, o->pkcs12_file, o->crl_file};
  const char *const texts[] = {o->ca_path,           o->ca_pem,     o->cert_pem,     o->key_pem,
                               o->key_password,      o->ciphers,    o->ciphersuites, o->alpn,
                               o->pinned_public_key, o->keylog_file};
  const uint64_t asked_id = o->on_key_password ? o->asked_id : 0;
  int err = uvws__bytes_append(env, out, numbers, sizeof numbers);
  if (!err) err = uvws__bytes_append(env, out, &asked_id, sizeof asked_id);
  for (size_t i = 0; i < sizeof files / sizeof *files && !err; i++)
    err = add_file(env, out, files[i]);
  for (size_t i = 0; i < sizeof texts / sizeof *texts && !err; i++)
    err = add_text(env, out, texts[i]);
  return err;
}

static int key_make(const struct uvws__env *env, const struct uvws__tls_options *o,
                    uint8_t out[UVWS__TLS_DIGEST_LEN]) {
  struct uvws__bytes all = {0};
  int err = add_all(env, &all, o);
  if (!err && !EVP_Digest(all.data, all.len, out, NULL, EVP_sha256(), NULL)) err = UV_ENOMEM;
  if (all.data) OPENSSL_cleanse(all.data, all.len);
  uvws__bytes_deinit(env, &all);
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
  if (o->insecure_skip_verify && o->crl_file)
    return uvws__fail(detail, UVWS_EOPTION, "crl_file: insecure_skip_verify asks nobody");
  if (o->insecure_skip_verify && o->require_ocsp_staple)
    return uvws__fail(detail, UVWS_EOPTION,
                      "require_ocsp_staple: insecure_skip_verify asks nobody");
  return uvws__tls_identity_check(o, detail);
}

static void close_keylog(struct uvws__tls_settings *s) {
  uv_fs_t req;
  if (s->keylog < 0) return;
  uv_fs_close(NULL, &req, s->keylog, NULL);
  uv_fs_req_cleanup(&req);
}

void uvws__tls_settings_release(struct uvws__tls_settings *s) {
  if (!s || --s->refs) return;
  uvws__tls_sessions_deinit(s);
  SSL_CTX_free(s->ctx);
  close_keylog(s);
  uvws__free(s->env, s->pins);
  uvws__free(s->env, s);
}

/* With one reference, the cache's. */
static int settings_new(const struct uvws__env *env, const struct uvws__tls_options *o,
                        struct uvws__detail *detail, struct uvws__tls_settings **out) {
  struct uvws__tls_settings *s = uvws__calloc(env, sizeof *s);
  if (!s) return UV_ENOMEM;
  s->env = env;
  s->refs = 1;
  s->keylog = -1;
  int err = uvws__tls_configure(s, o, detail);
  if (err) {
    uvws__tls_settings_release(s);
    return err;
  }
  *out = s;
  return 0;
}

/* Taken out of the cache; NULL when it is not there. */
static struct uvws__tls_settings *take(struct uvws__tls_cache *cache, const uint8_t *key) {
  struct uvws__tls_settings **at = &cache->first;
  while (*at && memcmp((*at)->key, key, sizeof(*at)->key) != 0)
    at = &(*at)->next;
  struct uvws__tls_settings *s = *at;
  if (s) *at = s->next;
  return s;
}

/* In front of the others; those at the end that are too many go. */
static void put(struct uvws__tls_cache *cache, struct uvws__tls_settings *s) {
  s->next = cache->first;
  cache->first = s;
  for (unsigned i = 1; s->next && i < CACHE_MAX; i++)
    s = s->next;
  struct uvws__tls_cache rest = {.first = s->next};
  s->next = NULL;
  uvws__tls_cache_deinit(&rest);
}

int uvws__tls_settings_get(const struct uvws__env *env, struct uvws__tls_cache *cache,
                           const struct uvws__tls_options *options, struct uvws__detail *detail,
                           struct uvws__tls_settings **out) {
  uint8_t key[UVWS__TLS_DIGEST_LEN];
  int err = check_options(options, detail);
  if (err) return err;
  err = key_make(env, options, key);
  struct uvws__tls_settings *s = err ? NULL : take(cache, key);
  if (!err && !s) {
    err = settings_new(env, options, detail, &s);
    if (!err) memcpy(s->key, key, sizeof key);
  }
  if (err == UV_ENOMEM) return uvws__fail(detail, err, "out of memory");
  if (err) return err;
  put(cache, s);
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
