/*
 * WebSocket URIs (RFC 6455 3): ws-URI and wss-URI of RFC 3986, and nothing else.
 *
 * liburiparser reads scheme and authority. The path and query, which can be long, are only ever
 * copied, and it descends into itself once per character: so they are judged here, by the table of
 * characters that RFC 3986 3.3 and 3.4 allow. Dot segments are left as they are: RFC 6455 sends the
 * resource name as it was given.
 *
 * No text in `detail` repeats the userinfo: messages end up in logs.
 */
#include "proto/uri.h"

#include <string.h>
#include <uriparser/Uri.h>

#include "proto/host.h"
#include "proto/idn.h"
#include "proto/token.h"

/* Bounds how deep liburiparser goes; long enough for a token as password. */
#define AUTHORITY_MAX_LEN 4096

/* What parsing holds on to until it is done. */
struct work {
  const struct uvws__env *env;
  struct uvws__detail *detail;
  UriMemoryManager memory;
  char *prefix; /* scheme and authority, the zone id cut out */
  char *zone;
  UriUriA parsed; /* points into prefix */
};

static void *memory_malloc(UriMemoryManager *memory, size_t size) {
  return uvws__alloc(memory->userData, size);
}

static void *memory_realloc(UriMemoryManager *memory, void *ptr, size_t size) {
  return uvws__realloc(memory->userData, ptr, size ? size : 1);
}

static void memory_free(UriMemoryManager *memory, void *ptr) {
  uvws__free(memory->userData, ptr);
}

static UriMemoryManager memory_of(const struct uvws__env *env) {
  return (UriMemoryManager){
      .malloc = memory_malloc,
      .calloc = uriEmulateCalloc,
      .realloc = memory_realloc,
      .reallocarray = uriEmulateReallocarray,
      .free = memory_free,
      .userData = (void *)env,
  };
}

static int hex_value(char c) {
  if (uvws__is_digit(c)) return c - '0';
  c = uvws__ascii_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int is_percent_triple(const char *text) {
  return text[0] == '%' && hex_value(text[1]) >= 0 && hex_value(text[2]) >= 0;
}

/* Unreserved, gen-delims and sub-delims (RFC 3986 2.2, 2.3). */
static int is_uri_character(char c) {
  return uvws__is_digit(c) || uvws__is_alpha(c) || (c && strchr("-._~:/?#[]@!$&'()*+,;=", c));
}

static int refuse_character(const char *text, size_t at, struct uvws__detail *detail) {
  unsigned char c = (unsigned char)text[at];
  if (c == '%')
    return uvws__fail(detail, UVWS_EURI, "the %% at offset %zu is not followed by two hex digits",
                      at);
  if (c > 0x20 && c < 0x7f)
    return uvws__fail(detail, UVWS_EURI, "the character '%c' at offset %zu must be percent-encoded",
                      c, at);
  return uvws__fail(detail, UVWS_EURI, "the byte 0x%02x at offset %zu may not stand in a URI", c,
                    at);
}

/* Before anything is parsed: where the authority would begin, were this a URI. */
static size_t authority_at(const char *text) {
  size_t at = strcspn(text, ":");
  return at + strspn(text + at, ":/");
}

static int check_characters(const char *text, struct uvws__detail *detail) {
  for (size_t i = 0; text[i]; i++)
    if (!is_uri_character(text[i]) && !is_percent_triple(text + i))
      return refuse_character(text, i, detail);
  return 0;
}

static int check_scheme(const char *text, struct uvws__detail *detail, int *is_secure) {
  size_t len = strcspn(text, ":/?#");
  if (text[len] != ':')
    return uvws__fail(detail, UVWS_EURI,
                      "there is no scheme: it should begin with ws:// or wss://");
  *is_secure = uvws__ascii_begins(text, "wss:");
  if (!*is_secure && !uvws__ascii_begins(text, "ws:"))
    return uvws__fail(detail, UVWS_EURI, "the scheme %.*s is not ws or wss",
                      len < 32 ? (int)len : 32, text);
  if (strncmp(text + len, "://", 3) != 0)
    return uvws__fail(detail, UVWS_EURI, "the scheme is not followed by // and a host");
  return 0;
}

static int check_len(const char *text, struct uvws__detail *detail) {
  if (!text || !*text) return uvws__fail(detail, UVWS_EURI, "the URI is empty");
  if (memchr(text, '\0', UVWS__URI_MAX + 1) == NULL)
    return uvws__fail(detail, UVWS_EURI, "the URI has more than %d bytes", UVWS__URI_MAX);
  return 0;
}

/* The host in `text`, behind any userinfo and before any port. */
static const char *find_host(const char *text, size_t *len) {
  const char *host = text + authority_at(text);
  const char *end = host + strcspn(host, "/?#");
  for (const char *c = host; c < end; c++)
    if (*c == '@') host = c + 1;
  *len = (size_t)(end - host);
  const char *colon = memchr(host, ':', *len);
  if (colon && *host != '[') *len = (size_t)(colon - host);
  return host;
}

/* 1: there are bytes beyond ASCII. */
static int is_unicode(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++)
    if ((unsigned char)text[i] >= 0x80) return 1;
  return 0;
}

/* `text` with its host in ASCII, in memory of the caller's; NULL: it is already. */
static int host_to_ascii(const struct uvws__env *env, const char *text, struct uvws__detail *detail,
                         char **out) {
  size_t len;
  const char *host = find_host(text, &len);
  char *ascii;
  if (!is_unicode(host, len)) return 0;
  int err = uvws__idn_to_ascii(env, host, len, detail, &ascii);
  if (err) return err;
  size_t before = (size_t)(host - text), ascii_len = strlen(ascii), rest = strlen(host + len);
  *out = uvws__alloc(env, before + ascii_len + rest + 1);
  if (*out) {
    memcpy(*out, text, before);
    memcpy(*out + before, ascii, ascii_len);
    memcpy(*out + before + ascii_len, host + len, rest + 1);
  }
  uvws__free(env, ascii);
  return *out ? 0 : UVWS__ENOMEM;
}

/* `*rest` becomes the path and query inside `text`. */
static int check_text(const char *text, struct uvws__detail *detail, int *is_secure,
                      const char **rest) {
  int err = check_characters(text, detail);
  if (err) return err;
  err = check_scheme(text, detail, is_secure);
  if (err) return err;
  if (strchr(text, '#'))
    return uvws__fail(detail, UVWS_EURI, "a WebSocket URI has no fragment: write # as %%23");
  const char *authority = strstr(text, "://") + 3;
  *rest = authority + strcspn(authority, "/?");
  if (*rest - authority > AUTHORITY_MAX_LEN)
    return uvws__fail(detail, UVWS_EURI, "user, host and port have more than %d bytes",
                      AUTHORITY_MAX_LEN);
  size_t bad = strcspn(*rest, "[]");
  if ((*rest)[bad]) return refuse_character(text, (size_t)(*rest - text) + bad, detail);
  return 0;
}

static size_t range_len(const UriTextRangeA *range) {
  return (size_t)(range->afterLast - range->first);
}

/* Percent-decode into memory of the caller's; a control character fails, NUL among them. */
static int decode(const struct work *w, const UriTextRangeA *range, const char *what, char **out) {
  char *text = uvws__alloc(w->env, range_len(range) + 1);
  if (!text) return UVWS__ENOMEM;
  size_t len = 0;
  for (const char *c = range->first; c < range->afterLast; c++) {
    char byte = *c;
    if (byte == '%') {
      byte = (char)(hex_value(c[1]) * 16 + hex_value(c[2]));
      c += 2;
    }
    if (uvws__is_control(byte)) {
      uvws__free(w->env, text);
      return uvws__fail(w->detail, UVWS_EURI, "the %s has a control character in it", what);
    }
    text[len++] = byte;
  }
  text[len] = '\0';
  *out = text;
  return 0;
}

static int take_ipv6(const struct work *w, struct uvws__uri *uri) {
  size_t len = range_len(&w->parsed.hostText);
  size_t zone_len = w->zone ? strlen(w->zone) : 0;
  uri->host = uvws__alloc(w->env, len + zone_len + 2);
  if (!uri->host) return UVWS__ENOMEM;
  for (size_t i = 0; i < len; i++)
    uri->host[i] = uvws__ascii_lower(w->parsed.hostText.first[i]);
  /* Zone ids are the names of interfaces: their case counts. */
  if (zone_len) uri->host[len++] = '%';
  memcpy(uri->host + len, w->zone ? w->zone : "", zone_len + 1);
  uri->is_ipv6 = 1;
  return 0;
}

static int take_host(const struct work *w, struct uvws__uri *uri) {
  if (w->parsed.hostData.ip6) return take_ipv6(w, uri);
  if (w->parsed.hostData.ipFuture.first)
    return uvws__fail(w->detail, UVWS_EURI, "the host is an address of an unknown IP version");
  if (!w->parsed.hostText.first) return uvws__fail(w->detail, UVWS_EURI, "the host is empty");
  int err = decode(w, &w->parsed.hostText, "host", &uri->host);
  if (!err && is_unicode(uri->host, strlen(uri->host))) {
    char *name = uri->host;
    uri->host = NULL;
    err = uvws__idn_to_ascii(w->env, name, strlen(name), w->detail, &uri->host);
    uvws__free(w->env, name);
  }
  if (err) return err;
  return uvws__host_check(uri->host, w->parsed.hostData.ip4 != NULL, w->detail);
}

/* An empty port, "host:", means none (RFC 3986 3.2.3). */
static int take_port(const struct work *w, struct uvws__uri *uri) {
  const UriTextRangeA *text = &w->parsed.portText;
  if (!text->first || range_len(text) == 0) return 0;
  unsigned long port = 0;
  for (const char *c = text->first; c < text->afterLast && port <= UINT16_MAX; c++)
    port = port * 10 + (unsigned long)(*c - '0');
  if (port == 0 || port > UINT16_MAX)
    return uvws__fail(w->detail, UVWS_EURI, "the port is not in 1..65535");
  uri->port = (uint16_t)port;
  return 0;
}

/* The name ends at the first colon once decoded (RFC 7617 2): one that hides in it as %3A would
 * move the border between name and password. */
static int has_hidden_colon(const UriTextRangeA *range) {
  for (const char *c = range->first; c < range->afterLast && *c != ':'; c++)
    if (uvws__ascii_begins(c, "%3a")) return 1;
  return 0;
}

static int take_userinfo(const struct work *w, struct uvws__uri *uri) {
  const UriTextRangeA *text = &w->parsed.userInfo;
  if (!text->first || range_len(text) == 0) return 0;
  if (has_hidden_colon(text))
    return uvws__fail(w->detail, UVWS_EURI, "the user name has a colon in it");
  return decode(w, text, "userinfo", &uri->userinfo);
}

static int take_resource(const struct work *w, const char *rest, struct uvws__uri *uri) {
  size_t len = strlen(rest);
  size_t slash = *rest != '/';
  uri->resource = uvws__alloc(w->env, len + slash + 1);
  if (!uri->resource) return UVWS__ENOMEM;
  uri->resource[0] = '/';
  memcpy(uri->resource + slash, rest, len + 1);
  return 0;
}

static int parse_prefix(struct work *w, const char *text, size_t len) {
  w->prefix = uvws__strndup(w->env, text, len);
  if (!w->prefix) return UVWS__ENOMEM;
  int err = uvws__host_cut_zone(w->env, w->prefix, w->detail, &w->zone);
  if (err) return err;
  const char *end = w->prefix + strlen(w->prefix);
  int result = uriParseSingleUriExMmA(&w->parsed, w->prefix, end, NULL, &w->memory);
  if (result == URI_ERROR_MALLOC) return UVWS__ENOMEM;
  if (result != URI_SUCCESS)
    return uvws__fail(w->detail, UVWS_EURI, "the user, host or port is malformed");
  if (w->zone && !w->parsed.hostData.ip6)
    return uvws__fail(w->detail, UVWS_EURI, "a zone id belongs behind an IPv6 address");
  return 0;
}

static int take_parts(struct work *w, const char *text, const char *rest, struct uvws__uri *uri) {
  int err = parse_prefix(w, text, (size_t)(rest - text));
  if (!err) err = take_host(w, uri);
  if (!err) err = take_port(w, uri);
  if (!err) err = take_userinfo(w, uri);
  if (!err) err = take_resource(w, rest, uri);
  return err;
}

static int parse_ascii(const struct uvws__env *env, const char *text, struct uvws__detail *detail,
                       struct uvws__uri *out) {
  struct uvws__uri uri = {0};
  const char *rest = text;
  int err = check_text(text, detail, &uri.is_secure, &rest);
  if (err) return err;
  struct work w = {.env = env, .detail = detail, .memory = memory_of(env)};
  err = take_parts(&w, text, rest, &uri);
  uriFreeUriMembersMmA(&w.parsed, &w.memory);
  uvws__free(env, w.zone);
  uvws__free(env, w.prefix);
  if (err) {
    uvws__uri_deinit(env, &uri);
    return err;
  }
  *out = uri;
  return 0;
}

int uvws__uri_parse(const struct uvws__env *env, const char *text, struct uvws__detail *detail,
                    struct uvws__uri *out) {
  char *ascii = NULL;
  int err = check_len(text, detail);
  if (!err) err = host_to_ascii(env, text, detail, &ascii);
  if (!err) err = parse_ascii(env, ascii ? ascii : text, detail, out);
  uvws__free(env, ascii);
  return err;
}

void uvws__uri_deinit(const struct uvws__env *env, struct uvws__uri *uri) {
  uvws__free(env, uri->host);
  uvws__free(env, uri->resource);
  uvws__free(env, uri->userinfo);
  memset(uri, 0, sizeof *uri);
}

uint16_t uvws__uri_default_port(int is_secure) {
  return is_secure ? 443 : 80;
}
