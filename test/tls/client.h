/* A client of a tls_peer: connects, waits for "hello", closes; and what it was told. */
#ifndef UVWS_TEST_TLS_CLIENT_H
#define UVWS_TEST_TLS_CLIENT_H

#include <uv.h>

#include "tls_peer.h"
#include "uvws.h"

struct client {
  uv_loop_t loop;
  uvws_context_t *ctx;
  uvws_t *ws;
  uv_timer_t watchdog;
  int opens, messages, errors, closes, is_clean;
  int err; /* of on_error, or of uvws_connect */
  char message[256];
  int has_info; /* the rest is of uvws_tls_info */
  int is_resumed;
  uvws_tls_version_t version;
  char cipher[64], alpn[64];
  char pin[64];
  size_t certificates;
  void (*on_open)(struct client *c); /* may be NULL */
};

/* `memory` may be NULL: the C library's. */
void client_init(struct client *c, const uvws_context_options_t *memory);
/* Another client in the place of `c->ws`, which becomes the caller's to free. */
void client_renew(struct client *c);
/* One connection from its beginning to its end. Proves the callback law for it. */
void client_visit(struct client *c, const struct tls_peer *peer, const uvws_options_t *options);
/* Proves that the loop closes unaided. */
void client_deinit(struct client *c);

#endif
