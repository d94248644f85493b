/*
 * The caller's options, copied whole. The same walk over the strings runs twice: once to measure,
 * once to copy.
 */
#include "conn/options.h"

#include <stdalign.h>
#include <string.h>

#define DEFAULT_CONNECT_TIMEOUT_MS 10000
#define DEFAULT_HANDSHAKE_TIMEOUT_MS 10000
#define DEFAULT_CLOSE_TIMEOUT_MS 5000
#define DEFAULT_MAX_MESSAGE_SIZE ((size_t)16 << 20)
#define DEFAULT_MAX_FRAGMENTS 65536
#define DEFAULT_MAX_HEAD_SIZE 65536
#define DEFAULT_COMPRESSION_LEVEL 6
#define DEFAULT_COMPRESSION_MEMORY_LEVEL 8
#define DEFAULT_COMPRESSION_THRESHOLD 1024
#define DEFAULT_PONG_TIMEOUT_MS 10000
#define DEFAULT_RETRY_DELAY_MS 1000
#define DEFAULT_RETRY_MAX_DELAY_MS 30000
#define DEFAULT_RETRY_STABLE_MS 10000
#define DEFAULT_HIGH_WATER_MARK ((size_t)1 << 20)

struct packer {
  uint8_t *base; /* NULL: only measure */
  size_t used;
};

static void *pack(struct packer *p, const void *data, size_t len, size_t align) {
  p->used = (p->used + align - 1) / align * align;
  void *to = p->base ? p->base + p->used : NULL;
  if (to && len) memcpy(to, data, len);
  p->used += len;
  return to;
}

static const char *pack_str(struct packer *p, const char *text) {
  return text ? pack(p, text, strlen(text) + 1, 1) : NULL;
}

static const uvws_header_t *pack_headers(struct packer *p, const uvws_header_t *in, size_t count) {
  uvws_header_t *copy = pack(p, in, count * sizeof *in, alignof(uvws_header_t));
  for (size_t i = 0; i < count; i++) {
    const char *name = pack_str(p, in[i].name);
    const char *value = pack_str(p, in[i].value);
    if (copy) copy[i] = (uvws_header_t){name, value};
  }
  return copy;
}

static const char *const *pack_strings(struct packer *p, const char *const *in, size_t count) {
  const char **copy = pack(p, in, count * sizeof *in, alignof(char *));
  for (size_t i = 0; i < count; i++) {
    const char *text = pack_str(p, in[i]);
    if (copy) copy[i] = text;
  }
  return copy;
}

static const uvws_reconnect_t *pack_reconnect(struct packer *p, const uvws_reconnect_t *in) {
  return in ? pack(p, in, sizeof *in, alignof(uvws_reconnect_t)) : NULL;
}

static void pack_tls(struct packer *p, uvws_options_t *o) {
  const char **const texts[] = {
      &o->ca_pem,       &o->cert_pem,    &o->key_pem,      &o->pkcs12_file,
      &o->key_password, &o->ciphers,     &o->alpn,         &o->pinned_public_key,
      &o->crl_file,     &o->keylog_file, &o->ciphersuites,
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    *texts[i] = pack_str(p, *texts[i]);
}

static uvws_options_t *pack_options(struct packer *p, const uvws_options_t *in) {
  uvws_options_t o = *in;
  uvws_options_t *copy = pack(p, in, sizeof *in, alignof(uvws_options_t));
  o.uri = pack_str(p, in->uri);
  o.headers = pack_headers(p, in->headers, in->header_count);
  o.protocols = pack_strings(p, in->protocols, in->protocol_count);
  o.origin = pack_str(p, in->origin);
  o.ca_file = pack_str(p, in->ca_file);
  o.ca_path = pack_str(p, in->ca_path);
  o.cert_file = pack_str(p, in->cert_file);
  o.key_file = pack_str(p, in->key_file);
  o.server_name = pack_str(p, in->server_name);
  o.socket_path = pack_str(p, in->socket_path);
  o.local_address = pack_str(p, in->local_address);
  o.proxy = pack_str(p, in->proxy);
  o.proxy_headers = pack_headers(p, in->proxy_headers, in->proxy_header_count);
  o.proxy_ca_file = pack_str(p, in->proxy_ca_file);
  o.bearer_token = pack_str(p, in->bearer_token);
  o.reconnect = pack_reconnect(p, in->reconnect);
  pack_tls(p, &o);
  if (copy) *copy = o;
  return copy;
}

static void fill_defaults(uvws_options_t *o) {
  if (!o->connect_timeout_ms) o->connect_timeout_ms = DEFAULT_CONNECT_TIMEOUT_MS;
  if (!o->handshake_timeout_ms) o->handshake_timeout_ms = DEFAULT_HANDSHAKE_TIMEOUT_MS;
  if (!o->close_timeout_ms) o->close_timeout_ms = DEFAULT_CLOSE_TIMEOUT_MS;
  if (!o->max_message_size) o->max_message_size = DEFAULT_MAX_MESSAGE_SIZE;
  if (!o->max_fragments) o->max_fragments = DEFAULT_MAX_FRAGMENTS;
  if (!o->max_head_size) o->max_head_size = DEFAULT_MAX_HEAD_SIZE;
  if (!o->compression_level) o->compression_level = DEFAULT_COMPRESSION_LEVEL;
  if (!o->compression_memory_level) o->compression_memory_level = DEFAULT_COMPRESSION_MEMORY_LEVEL;
  if (!o->compression_threshold) o->compression_threshold = DEFAULT_COMPRESSION_THRESHOLD;
  if (!o->high_water_mark) o->high_water_mark = DEFAULT_HIGH_WATER_MARK;
  if (!o->low_water_mark) o->low_water_mark = o->high_water_mark / 4;
  if (!o->max_buffered) o->max_buffered = UVWS_NO_LIMIT;
  if (!o->pong_timeout_ms) o->pong_timeout_ms = DEFAULT_PONG_TIMEOUT_MS;
  if (o->ping_interval_ms == UVWS_NO_TIMEOUT) o->ping_interval_ms = 0;
  if (o->idle_timeout_ms == UVWS_NO_TIMEOUT) o->idle_timeout_ms = 0;
}

static int is_tls_version(uvws_tls_version_t version) {
  return version == UVWS_TLS_DEFAULT || (version >= UVWS_TLS_1_0 && version <= UVWS_TLS_1_3);
}

static int check_tls(const uvws_options_t *o, struct uvws__detail *detail) {
  if (!is_tls_version(o->tls)) return uvws__fail(detail, UVWS_EOPTION, "tls is not a TLS version");
  if (!is_tls_version(o->tls_min))
    return uvws__fail(detail, UVWS_EOPTION, "tls_min is not a TLS version");
  if (!is_tls_version(o->tls_max))
    return uvws__fail(detail, UVWS_EOPTION, "tls_max is not a TLS version");
  if (o->tls && (o->tls_min || o->tls_max))
    return uvws__fail(detail, UVWS_EOPTION,
                      "tls pins one version: give it without tls_min and tls_max");
  if (o->tls_min && o->tls_max && o->tls_min > o->tls_max)
    return uvws__fail(detail, UVWS_EOPTION, "tls_min is newer than tls_max");
  if (o->on_verify && o->insecure_skip_verify)
    return uvws__fail(detail, UVWS_EOPTION, "on_verify: insecure_skip_verify asks nobody");
  return 0;
}

static int check_range(const char *name, int value, int low, int high,
                       struct uvws__detail *detail) {
  if (value == 0 || (value >= low && value <= high)) return 0;
  return uvws__fail(detail, UVWS_EOPTION, "%s is %d, not %d to %d", name, value, low, high);
}

static int check_compression(const uvws_options_t *o, struct uvws__detail *detail) {
  int err = check_range("compression", (int)o->compression, UVWS_COMPRESSION_OFF,
                        UVWS_COMPRESSION_OFF, detail);
  if (!err) err = check_range("compression_level", o->compression_level, 1, 9, detail);
  if (!err)
    err = check_range("compression_memory_level", o->compression_memory_level, 1, 9, detail);
  if (!err) err = check_range("client_max_window_bits", o->client_max_window_bits, 8, 15, detail);
  if (!err) err = check_range("server_max_window_bits", o->server_max_window_bits, 8, 15, detail);
  return err;
}

static int check_marks(const uvws_options_t *o, struct uvws__detail *detail) {
  size_t high = o->high_water_mark ? o->high_water_mark : DEFAULT_HIGH_WATER_MARK;
  if (o->low_water_mark >= high)
    return uvws__fail(detail, UVWS_EOPTION, "low_water_mark is not below high_water_mark");
  return 0;
}

static int check_headers(const char *name, const uvws_header_t *headers, size_t count,
                         struct uvws__detail *detail) {
  if (count && !headers) return uvws__fail(detail, UVWS_EOPTION, "%s is NULL", name);
  for (size_t i = 0; i < count; i++)
    if (!headers[i].name || !headers[i].value)
      return uvws__fail(detail, UVWS_EOPTION, "%s: a name or value is NULL", name);
  return 0;
}

static int check_arrays(const uvws_options_t *o, struct uvws__detail *detail) {
  int err = check_headers("headers", o->headers, o->header_count, detail);
  if (!err) err = check_headers("proxy_headers", o->proxy_headers, o->proxy_header_count, detail);
  if (err) return err;
  if (o->protocol_count && !o->protocols)
    return uvws__fail(detail, UVWS_EOPTION, "protocols is NULL");
  for (size_t i = 0; i < o->protocol_count; i++)
    if (!o->protocols[i]) return uvws__fail(detail, UVWS_EOPTION, "protocols: a name is NULL");
  return 0;
}

static int read_reconnect(const uvws_reconnect_t *in, struct uvws__detail *detail,
                          uvws_reconnect_t *out) {
  memset(out, 0, sizeof *out);
  if (in->size < sizeof in->size)
    return uvws__fail(detail, UVWS__EINVAL, "reconnect.size is not set");
  memcpy(out, in, in->size < sizeof *out ? in->size : sizeof *out);
  out->size = sizeof *out;
  if (!out->delay_ms) out->delay_ms = DEFAULT_RETRY_DELAY_MS;
  if (!out->max_delay_ms) out->max_delay_ms = DEFAULT_RETRY_MAX_DELAY_MS;
  if (!out->stable_ms) out->stable_ms = DEFAULT_RETRY_STABLE_MS;
  return 0;
}

int uvws__options_copy(const struct uvws__env *env, const uvws_options_t *in,
                       struct uvws__detail *detail, uvws_options_t **out) {
  /* A caller that was built against an older header has a shorter struct, one built against a newer
   * header a longer one whose end must say nothing we do not know. */
  uvws_options_t o = {0};
  if (!in || in->size < sizeof in->size)
    return uvws__fail(detail, UVWS__EINVAL, "options.size is not set");
  for (size_t i = sizeof o; i < in->size; i++)
    if (((const uint8_t *)in)[i])
      return uvws__fail(detail, UVWS_EOPTION, "an option that this version does not know");
  memcpy(&o, in, in->size < sizeof o ? in->size : sizeof o);
  o.size = sizeof o;
  int err = check_arrays(&o, detail);
  if (!err) err = check_tls(&o, detail);
  if (!err) err = check_compression(&o, detail);
  if (!err) err = check_marks(&o, detail);
  uvws_reconnect_t reconnect;
  if (!err && o.reconnect) err = read_reconnect(o.reconnect, detail, &reconnect);
  if (err) return err;
  fill_defaults(&o);
  if (o.reconnect) o.reconnect = &reconnect;
  struct packer measure = {0};
  pack_options(&measure, &o);
  struct packer fill = {.base = uvws__alloc(env, measure.used)};
  if (!fill.base) return UVWS__ENOMEM;
  *out = pack_options(&fill, &o);
  return 0;
}
