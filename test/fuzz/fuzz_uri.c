/* A URI of the caller's, the option that names a proxy, and the Location of a redirect. */
#include "fuzz.h"
#include "proto/proxy_uri.h"
#include "proto/redirect.h"
#include "proto/token.h"

static void check(const struct uvws__uri *uri) {
  MUST(uri->host && *uri->host && !uvws__has_control(uri->host));
  MUST(strlen(uri->host) <= UVWS__URI_MAX);
  MUST(uri->resource && *uri->resource == '/');
  MUST(!uvws__has_control(uri->resource) && !strchr(uri->resource, ' '));
  MUST(!strchr(uri->resource, '#'));
}

static void parse(struct fake_env *fake, const char *text) {
  struct uvws__detail detail = {{0}};
  struct uvws__uri uri = {0};
  int err = uvws__uri_parse(&fake->env, text, &detail, &uri);
  if (err) {
    MUST(err == UVWS_EURI || err == UVWS__ENOMEM);
    MUST(err == UVWS__ENOMEM || detail.text[0]);
    return;
  }
  check(&uri);
  uvws__uri_deinit(&fake->env, &uri);
}

static void redirect(struct fake_env *fake, const char *text) {
  for (int is_secure = 0; is_secure < 2; is_secure++) {
    struct uvws__detail detail = {{0}};
    struct uvws__uri base = {0}, to = {0};
    const char *from = is_secure ? "wss://a.example/b/c?d" : "ws://[::1]:81/b/c?d";
    if (uvws__uri_parse(&fake->env, from, &detail, &base)) return;
    uint16_t port = is_secure ? 443 : 81;
    if (!uvws__redirect_resolve(&fake->env, &base, port, text, &detail, &to)) {
      check(&to);
      MUST(to.is_secure || !is_secure); /* never from wss to ws */
      MUST(!to.userinfo);
      (void)uvws__is_same_origin(&base, port, &to);
      uvws__uri_deinit(&fake->env, &to);
    }
    uvws__uri_deinit(&fake->env, &base);
  }
}

static void proxy(struct fake_env *fake, const char *text) {
  struct uvws__detail detail = {{0}};
  struct uvws__proxy proxy = {0};
  if (!uvws__proxy_parse(&fake->env, text, "proxy", &detail, &proxy)) {
    MUST(proxy.uri.port != 0);
    MUST(proxy.uri.host && *proxy.uri.host);
    (void)uvws__no_proxy_covers(text, strlen(text), proxy.uri.host);
    uvws__proxy_deinit(&fake->env, &proxy);
  }
  (void)uvws__no_proxy_covers(text, strlen(text), "a.example");
  (void)uvws__no_proxy_covers(text, strlen(text), "10.1.2.3");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct fuzz_input in = {data, len};
  struct fake_env fake;
  fake_env_init(&fake);
  fake.fail_at = fuzz_byte(&in) % 32; /* 0: memory never fails */
  char *text = fuzz_text(&in);
  parse(&fake, text);
  redirect(&fake, text);
  proxy(&fake, text);
  free(text);
  MUST(fake.live == 0);
  return 0;
}
