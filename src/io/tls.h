/*
 * TLS: a transport over any transport (io/tls.c), by settings that are prepared once and shared
 * (io/tls_settings.c). The only code that knows OpenSSL.
 */
#ifndef UVWS_IO_TLS_H
#define UVWS_IO_TLS_H

#include "io/transport.h"
#include "util/bytes.h"

/* The caller's wishes; strings are borrowed during the call only. Zero means the default. */
struct uvws__tls_options {
  uvws_tls_version_t min; /* default 1.2 */
  uvws_tls_version_t max; /* default: the newest */
  const char *ca_file; /* without ca_file and ca_path: the system's store, SSL_CERT_FILE included */
  const char *ca_path;
  const char *ca_pem;
  const char *cert_file;
  const char *cert_pem;
  const char *key_file;
  const char *key_pem;
  const char *key_password;
  const char *pkcs12_file;

  /* Asked when the key or the PKCS#12 file turns out to be encrypted: writes up to `cap` bytes and
   * answers how many; 0 or less: there is no password. Called from inside uvws__tls_settings_get.
   * NULL: nobody is asked. Settings are then shared by equal `asked_id`s only, which name for good
   * who is asked: nobody gets a key that another one's password opened. */
  int (*on_key_password)(void *arg, char *out, size_t cap);
  void *asked;
  uint64_t asked_id;

  const char *ciphers;
  const char *ciphersuites;
  const char *alpn; /* "http/1.1" by default, "": none */
  const char *pinned_public_key;
  const char *crl_file;
  const char *keylog_file;
  int require_ocsp_staple;
  int no_session_resumption;
  int insecure_skip_verify;
};

/* Prepared settings (an SSL_CTX and the sessions made with it), counted by reference. Loading a CA
 * store costs milliseconds, so equal options share one, as long as the files that they name have
 * not changed. */
struct uvws__tls_settings;

/* The settings used last, for the clients of one context. A zeroed struct is an empty one. */
struct uvws__tls_cache {
  struct uvws__tls_settings *first; /* the one used last */
};
void uvws__tls_cache_deinit(struct uvws__tls_cache *cache);

/* Settings for `options`, from the cache or made now; one reference is the caller's. Returns 0,
 * UV_ENOMEM, UVWS_EOPTION or UVWS_ETLS with `detail` naming the option and the file. */
int uvws__tls_settings_get(const struct uvws__env *env, struct uvws__tls_cache *cache,
                           const struct uvws__tls_options *options, struct uvws__detail *detail,
                           struct uvws__tls_settings **out);
void uvws__tls_settings_release(struct uvws__tls_settings *settings); /* NULL is accepted */

/* What all TLS transports of one loop share, so that an idle one needs no memory of its own. */
struct uvws__tls_scratch {
  uv_loop_t *loop;
  uint8_t *cipher; /* what came from below, `cap` bytes; made when the first transport is opened */
  size_t cap;
  struct uvws__bytes spare; /* room for sealed records, lent to whoever writes */
};
void uvws__tls_scratch_init(struct uvws__tls_scratch *scratch, uv_loop_t *loop);
void uvws__tls_scratch_deinit(const struct uvws__env *env, struct uvws__tls_scratch *scratch);

/* Who is expected at the far end. */
struct uvws__tls_peer {
  const char *host; /* copied; a DNS name or an IP address */
  uint16_t port;    /* sessions are resumed with the same host and port only */

  /* The owner's own judgement, NULL for none: `err` is what the verification found, 0 for nothing,
   * `message` its words. Answers 0 to accept, or the error to end with. An event: it may close the
   * transport. No session is resumed, so that it is asked each time. */
  int (*on_verify)(void *owner, int err, const char *message, const uvws_tls_info_t *info);
};

/*
 * Secure `lower`, which becomes the new transport's own, also when this fails (then it is closed).
 * The peer's host is verified, and sent as SNI when it is a name. `*out` is handed over with
 * reading off. The handshake starts inside this call; on_ready or on_end follows from the loop.
 * Takes a reference on `settings`; `scratch` is borrowed until on_closed. Returns 0, UVWS_EOPTION
 * (no name that can be verified), UV_ENOMEM, or what `lower` answered.
 */
int uvws__tls_open(const struct uvws__env *env, struct uvws__tls_settings *settings,
                   struct uvws__tls_scratch *scratch, struct uvws__transport *lower,
                   const struct uvws__tls_peer *peer, const struct uvws__transport_events *events,
                   void *owner, struct uvws__transport **out);

/* What was agreed with the peer; `info` frees all that its members point to. Works from on_ready
 * until the transport is closed. Returns 0, UVWS_ENOTOPEN (no TLS, or not secured), UV_ENOMEM. */
struct uvws__tls_info {
  uvws_tls_info_t info;
  struct uvws__tls_text *texts; /* all memory that `info` points to */
};
int uvws__tls_info_make(const struct uvws__env *env, const struct uvws__transport *transport,
                        struct uvws__tls_info **out);
void uvws__tls_info_free(const struct uvws__env *env, struct uvws__tls_info *info);

#endif
