/*
 * A WebSocket server over TLS in a thread of its own, by OpenSSL and blocking sockets: it says
 * "hello", echoes, answers Pings and Close. It can be told to be old, weak, rude or cut off.
 */
#ifndef UVWS_TEST_TLS_PEER_H
#define UVWS_TEST_TLS_PEER_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum tls_quirk {
  QUIRK_NONE,
  QUIRK_NO_CLOSE_NOTIFY, /* after the closing handshake */
  QUIRK_TRUNCATES,       /* the end, right behind "hello", of TCP only */
  QUIRK_RENEGOTIATES,    /* demands a handshake of TLS 1.2 anew */
  QUIRK_KEY_UPDATES,     /* `key_updates`, each to be answered, before it reads anything */
};

/* Zero means the default. Files are in the current folder. */
struct tls_peer_plan {
  const char *cert; /* "good": good.pem and good.key */
  int min, max;     /* default: TLS 1.0 to 1.3 */
  const char *ciphers;
  const char *ciphersuites;
  const char *client_ca;  /* a certificate of this one is demanded */
  int is_client_optional; /* it is asked for only */
  const char *staple;     /* an OCSP response in DER */
  const char *alpn;       /* what is chosen if it was offered; "!x": x in any case */
  enum tls_quirk quirk;
  int key_updates;
  const char *location; /* where "/" is redirected to by a 302; "%u" in it: our port */
  int is_proxy; /* CONNECT comes first, and is agreed to; we are the server behind as well */
  int is_secure_behind; /* that server speaks TLS */
  int has_cut;          /* the stream to the client ends behind `cut_at` bytes */
};

struct tls_peer {
  const struct tls_peer_plan *plan;
  SSL_CTX *ctx;
  int listener;
  uint16_t port;
  pthread_t thread;
  size_t cut_at;     /* set between two connections */
  unsigned accepted; /* read behind tls_peer_stop */
  unsigned secured;
  unsigned resumed;
  unsigned certified; /* showed a certificate */
};

/* By cmocka's asserts. `plan` is borrowed. */
void tls_peer_start(struct tls_peer *peer, const struct tls_peer_plan *plan);
void tls_peer_stop(struct tls_peer *peer);

#endif
