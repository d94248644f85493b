/*
 * Redirects. The reference is resolved as RFC 3986 5.2 says, as text; the result is then parsed and
 * judged like any other URI, so nothing that uri.c refuses comes in by this door.
 */
#include "proto/redirect.h"

#include <string.h>

#include "proto/token.h"
#include "util/bytes.h"

int uvws__is_redirect(int status) {
  return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

static uint16_t effective_port(const struct uvws__uri *uri) {
  return uri->port ? uri->port : uvws__uri_default_port(uri->is_secure);
}

int uvws__is_same_origin(const struct uvws__uri *a, uint16_t port, const struct uvws__uri *b) {
  return a->is_secure == b->is_secure && port == effective_port(b) && strcmp(a->host, b->host) == 0;
}

/* The scheme of a reference, without its colon; 0: it has none (RFC 3986 4.2). */
static size_t scheme_len(const char *text) {
  size_t len = 0;
  if (!uvws__is_alpha(text[0])) return 0;
  while (uvws__is_alpha(text[len]) || uvws__is_digit(text[len]) ||
         (text[len] && strchr("+-.", text[len])))
    len++;
  return text[len] == ':' ? len : 0;
}

/* 1: secure, 0: not, -1: another scheme. */
static int scheme_security(const char *text) {
  if (uvws__ascii_begins(text, "https:") || uvws__ascii_begins(text, "wss:")) return 1;
  if (uvws__ascii_begins(text, "http:") || uvws__ascii_begins(text, "ws:")) return 0;
  return -1;
}

/* Drop the last segment of what was written from `begin` on, with the slash before it. */
static void drop_segment(struct uvws__bytes *out, size_t begin) {
  while (out->len > begin && out->data[--out->len] != '/')
    ;
}

/* RFC 3986 5.2.4, for a path that begins with a slash. */
static int append_path(const struct uvws__env *env, struct uvws__bytes *out, const char *path,
                       size_t len) {
  size_t begin = out->len;
  const char *end = path + len;
  while (path < end) {
    const char *next = memchr(path + 1, '/', (size_t)(end - path) - 1);
    size_t part = (size_t)((next ? next : end) - path);
    int is_dot = part == 2 && path[1] == '.';
    int is_dots = part == 3 && path[1] == '.' && path[2] == '.';
    if (is_dots) drop_segment(out, begin);
    int err = 0;
    if (!is_dot && !is_dots)
      err = uvws__bytes_append(env, out, path, part);
    else if (!next)
      err = uvws__bytes_append(env, out, "/", 1);
    if (err) return err;
    path += part;
  }
  return 0;
}

static int append_base_authority(const struct uvws__env *env, struct uvws__bytes *out,
                                 const struct uvws__uri *base, uint16_t port) {
  char text[16];
  size_t len = strcspn(base->host, "%");
  int err = base->is_ipv6 ? uvws__bytes_append(env, out, "[", 1) : 0;
  if (!err) err = uvws__bytes_append(env, out, base->host, len);
  if (!err && base->host[len]) err = uvws__bytes_append_str(env, out, "%25");
  if (!err && base->host[len]) err = uvws__bytes_append_str(env, out, base->host + len + 1);
  snprintf(text, sizeof text, "%s:%u", base->is_ipv6 ? "]" : "", (unsigned)port);
  return err ? err : uvws__bytes_append_str(env, out, text);
}

/* The path and query of a relative reference `ref` of `len` bytes. */
static int append_relative(const struct uvws__env *env, struct uvws__bytes *out,
                           const struct uvws__uri *base, const char *ref, size_t len) {
  struct uvws__bytes path = {0};
  size_t path_len = strcspn(ref, "?#");
  size_t base_len = strcspn(base->resource, "?");
  int err = 0;
  if (len == 0) return uvws__bytes_append_str(env, out, base->resource);
  if (path_len == 0)
    err = uvws__bytes_append(env, &path, base->resource, base_len);
  else if (*ref != '/') {
    while (base_len && base->resource[base_len - 1] != '/')
      base_len--;
    err = uvws__bytes_append(env, &path, base->resource, base_len);
  }
  if (!err) err = uvws__bytes_append(env, &path, ref, path_len);
  if (!err) err = append_path(env, out, (const char *)path.data, path.len);
  if (!err) err = uvws__bytes_append(env, out, ref + path_len, len - path_len);
  uvws__bytes_deinit(env, &path);
  return err;
}

/* The target as the text of a ws or wss URI, ending with NUL. */
static int resolve(const struct uvws__env *env, const struct uvws__uri *base, uint16_t port,
                   const char *location, struct uvws__detail *detail, struct uvws__bytes *out) {
  size_t scheme = scheme_len(location);
  int is_secure = scheme ? scheme_security(location) : base->is_secure;
  if (is_secure < 0)
    return uvws__fail(detail, UVWS_EREDIRECT, "the redirect leads to the scheme %.*s",
                      scheme < 32 ? (int)scheme : 32, location);
  const char *ref = location + (scheme ? scheme + 1 : 0);
  size_t len = strcspn(ref, "#");
  int has_authority = strncmp(ref, "//", 2) == 0;
  if (scheme && !has_authority)
    return uvws__fail(detail, UVWS_EREDIRECT, "the redirect has a scheme and no host");
  int err = uvws__bytes_append_str(env, out, is_secure ? "wss:" : "ws:");
  if (!err && has_authority) err = uvws__bytes_append(env, out, ref, len);
  if (!err && !has_authority) err = uvws__bytes_append_str(env, out, "//");
  if (!err && !has_authority) err = append_base_authority(env, out, base, port);
  if (!err && !has_authority) err = append_relative(env, out, base, ref, len);
  return err ? err : uvws__bytes_append(env, out, "", 1);
}

int uvws__redirect_resolve(const struct uvws__env *env, const struct uvws__uri *base, uint16_t port,
                           const char *location, struct uvws__detail *detail,
                           struct uvws__uri *out) {
  struct uvws__bytes text = {0};
  struct uvws__detail why = {{0}};
  struct uvws__uri uri;
  int err = resolve(env, base, port, location, detail, &text);
  if (!err) {
    err = uvws__uri_parse(env, (const char *)text.data, &why, &uri);
    if (err == UVWS_EURI)
      err = uvws__fail(detail, UVWS_EREDIRECT, "the redirect's Location is no good: %s", why.text);
  }
  uvws__bytes_deinit(env, &text);
  if (err) return err;
  if (base->is_secure && !uri.is_secure) {
    uvws__uri_deinit(env, &uri);
    return uvws__fail(detail, UVWS_EREDIRECT, "the redirect leads from wss to ws: not followed");
  }
  uvws__free(env, uri.userinfo);
  uri.userinfo = NULL;
  *out = uri;
  return 0;
}
