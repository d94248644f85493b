/* io/tls.h in a build without OpenSSL's TLS: the settings cannot be had, so nothing else is called
 * but what clears up. */
#include <string.h>

#include "io/tls.h"

void uvws__tls_cache_deinit(struct uvws__tls_cache *cache) {
  (void)cache;
}

int uvws__tls_settings_get(const struct uvws__env *env, struct uvws__tls_cache *cache,
                           const struct uvws__tls_options *options, struct uvws__detail *detail,
                           struct uvws__tls_settings **out) {
  (void)env, (void)cache, (void)options, (void)out;
  return uvws__fail(detail, UVWS_ETLS_UNAVAILABLE, "this build of uvws has no TLS");
}

void uvws__tls_settings_release(struct uvws__tls_settings *settings) {
  (void)settings;
}

void uvws__tls_scratch_init(struct uvws__tls_scratch *scratch, uv_loop_t *loop) {
  memset(scratch, 0, sizeof *scratch);
  scratch->loop = loop;
}

void uvws__tls_scratch_deinit(const struct uvws__env *env, struct uvws__tls_scratch *scratch) {
  uvws__free(env, scratch->cipher);
  uvws__bytes_deinit(env, &scratch->spare);
}

static void on_closed(void *owner) {
  (void)owner;
}

int uvws__tls_open(const struct uvws__env *env, struct uvws__tls_settings *settings,
                   struct uvws__tls_scratch *scratch, struct uvws__transport *lower,
                   const struct uvws__tls_peer *peer, const struct uvws__transport_events *events,
                   void *owner, struct uvws__transport **out) {
  static const struct uvws__transport_events none = {.on_closed = on_closed};
  (void)env, (void)settings, (void)scratch, (void)peer, (void)events, (void)owner, (void)out;
  lower->events = &none;
  lower->ops->close(lower);
  return UVWS_ETLS_UNAVAILABLE;
}

int uvws__tls_info_make(const struct uvws__env *env, const struct uvws__transport *transport,
                        struct uvws__tls_info **out) {
  (void)env, (void)transport, (void)out;
  return UVWS_ENOTOPEN;
}

void uvws__tls_info_free(const struct uvws__env *env, struct uvws__tls_info *info) {
  (void)env, (void)info;
}
