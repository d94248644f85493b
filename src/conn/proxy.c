/*
 * Which proxy: the option's, or, only when the option proxy_from_env asks for it, the environment's
 * by curl's rules. ws looks at ws_proxy and http_proxy, wss at wss_proxy and https_proxy, both then
 * at all_proxy; each in lower and upper case, but never HTTP_PROXY, which a web server sets from
 * a request's Proxy field when it runs a CGI program.
 */
#include <string.h>

#include "conn/tunnel.h"
#include "io/address.h"

#define VALUE_MAX 4096 /* of an environment variable; longer ones are as if not set */
#define NAMES_MAX 6

static const char *const names[2][NAMES_MAX + 1] = {
    {"ws_proxy", "WS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY", NULL},
    {"wss_proxy", "WSS_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL},
};

/* 1: the variable is set and not empty. */
static int read_variable(const char *name, char value[VALUE_MAX]) {
  size_t size = VALUE_MAX;
  return uv_os_getenv(name, value, &size) == 0 && *value;
}

/* An entry of no_proxy that is an address or, as 10.0.0.0/8, a block of them. */
static int covers_address(const char *entry, size_t len, const char *host) {
  union uvws__address address;
  return uvws__address_parse(host, 0, &address) && uvws__address_is_in(&address, entry, len);
}

/* Entries are separated by commas and blanks. */
static int is_excepted(const char *host) {
  char list[VALUE_MAX];
  if (!read_variable("no_proxy", list) && !read_variable("NO_PROXY", list)) return 0;
  for (const char *entry = list; *entry;) {
    size_t len = strcspn(entry, ", \t");
    if (uvws__no_proxy_covers(entry, len, host) || covers_address(entry, len, host)) return 1;
    entry += len;
    entry += strspn(entry, ", \t");
  }
  return 0;
}

static int choose_from_env(const struct uvws__env *env, const struct uvws__uri *uri,
                           struct uvws__detail *detail, struct uvws__proxy *out, int *found) {
  char value[VALUE_MAX];
  if (is_excepted(uri->host)) return 0;
  const char *const *name = names[uri->is_secure != 0];
  while (*name && !read_variable(*name, value))
    name++;
  if (!*name) return 0;
  int err = uvws__proxy_parse(env, value, *name, detail, out);
  *found = !err;
  return err;
}

int uvws__proxy_choose(const struct uvws__env *env, const uvws_options_t *options,
                       const struct uvws__uri *uri, struct uvws__detail *detail,
                       struct uvws__proxy *out, int *found) {
  *found = 0;
  if (options->socket_path) return 0;
  if (options->proxy) {
    int err = uvws__proxy_parse(env, options->proxy, "proxy", detail, out);
    *found = !err;
    return err;
  }
  return options->proxy_from_env ? choose_from_env(env, uri, detail, out, found) : 0;
}
