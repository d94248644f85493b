/* Proxy addresses: the authority is parsed and judged as that of a WebSocket URI is. */
#include "proto/proxy_uri.h"

#include <string.h>

#include "proto/token.h"
#include "util/bytes.h"

static const struct {
  const char *name;
  enum uvws__proxy_kind kind;
  uint16_t port;
} schemes[] = {
    {"http", UVWS__PROXY_HTTP, 80},         {"https", UVWS__PROXY_HTTPS, 443},
    {"socks5", UVWS__PROXY_SOCKS5, 1080},   {"socks5h", UVWS__PROXY_SOCKS5H, 1080},
    {"socks4a", UVWS__PROXY_SOCKS4A, 1080},
};

#define SCHEME_COUNT (sizeof schemes / sizeof *schemes)

static size_t find_scheme(const char *text, size_t len) {
  size_t i = 0;
  while (i < SCHEME_COUNT &&
         !(strlen(schemes[i].name) == len && uvws__ascii_begins(text, schemes[i].name)))
    i++;
  return i;
}

static int parse_authority(const struct uvws__env *env, const char *authority, const char *option,
                           struct uvws__detail *detail, struct uvws__uri *out) {
  struct uvws__bytes text = {0};
  struct uvws__detail why = {{0}};
  int err = uvws__bytes_append_str(env, &text, "ws://");
  if (!err) err = uvws__bytes_append(env, &text, authority, strlen(authority) + 1);
  if (!err) err = uvws__uri_parse(env, (const char *)text.data, &why, out);
  uvws__bytes_deinit(env, &text);
  if (err == UVWS_EURI) return uvws__fail(detail, UVWS_EOPTION, "%s: %s", option, why.text);
  return err;
}

int uvws__proxy_parse(const struct uvws__env *env, const char *text, const char *option,
                      struct uvws__detail *detail, struct uvws__proxy *out) {
  const char *mark = strstr(text, "://");
  size_t scheme = mark ? find_scheme(text, (size_t)(mark - text)) : 0;
  if (scheme == SCHEME_COUNT)
    return uvws__fail(detail, UVWS_EOPTION,
                      "%s: the scheme is not http, https, socks5, socks5h or socks4a", option);
  struct uvws__uri uri;
  int err = parse_authority(env, mark ? mark + 3 : text, option, detail, &uri);
  if (err) return err;
  if (strcmp(uri.resource, "/") != 0) {
    uvws__uri_deinit(env, &uri);
    return uvws__fail(detail, UVWS_EOPTION, "%s: a proxy has no path", option);
  }
  if (!uri.port) uri.port = schemes[scheme].port;
  out->kind = schemes[scheme].kind;
  out->uri = uri;
  return 0;
}

void uvws__proxy_deinit(const struct uvws__env *env, struct uvws__proxy *proxy) {
  uvws__uri_deinit(env, &proxy->uri);
}

int uvws__no_proxy_covers(const char *entry, size_t len, const char *host) {
  if (len == 1 && *entry == '*') return 1;
  if (len && *entry == '.') entry++, len--;
  if (len && entry[len - 1] == '.') len--;
  size_t host_len = strlen(host);
  if (host_len && host[host_len - 1] == '.') host_len--;
  if (len == 0 || len > host_len) return 0;
  const char *tail = host + host_len - len;
  for (size_t i = 0; i < len; i++)
    if (uvws__ascii_lower(tail[i]) != uvws__ascii_lower(entry[i])) return 0;
  return tail == host || tail[-1] == '.';
}
