/*
 * TLS in front of the scripted peer: accepts, takes TLS off and carries the plain bytes to a port
 * of 127.0.0.1, on the loop of the client under test, so that everything happens in one order. Its
 * handles are unreferenced, and fault.h is held while it works.
 */
#ifndef UVWS_TEST_TLS_FRONT_H
#define UVWS_TEST_TLS_FRONT_H

#include <openssl/ssl.h>
#include <uv.h>

#define FRONT_CONNS_MAX 8

struct tls_front {
  uv_loop_t *loop;
  uv_tcp_t listener;
  unsigned port;
  unsigned target;
  SSL_CTX *ctx; /* borrowed */
  struct front_conn *conns[FRONT_CONNS_MAX];
  size_t conn_count;
  size_t secured; /* handshakes that were done */
  size_t resumed;
};

void tls_front_init(struct tls_front *front, uv_loop_t *loop, SSL_CTX *ctx, unsigned target);
void tls_front_close(struct tls_front *front);
void tls_front_deinit(struct tls_front *front); /* once the loop has run */

#endif
