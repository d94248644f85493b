/* OpenSSL with buffers of our own, for the floor: nothing is verified, nothing copied twice. */
#ifndef BENCH_FLOOR_TLS_H
#define BENCH_FLOOR_TLS_H

#include <stddef.h>
#include <stdint.h>

struct floor_tls;

struct floor_tls *floor_tls_new(void);

/* Plain bytes into records; the result is borrowed until the next call. */
const uint8_t *floor_tls_seal(struct floor_tls *t, const uint8_t *data, size_t len,
                              size_t *out_len);

/* Bytes from the network: plain ones go to `take`. 1: the handshake has just ended. */
int floor_tls_open(struct floor_tls *t, const char *data, size_t len,
                   void (*take)(void *arg, const uint8_t *data, size_t len), void *arg);

/* What the handshake wants to be sent. */
const uint8_t *floor_tls_answer(struct floor_tls *t, size_t *len);

#endif
