/*
 * A proxy under the test's thumb: answers each step of its protocol as the test says, whole, byte
 * by byte or cut, and then carries bytes between the client and a port of 127.0.0.1. Its handles
 * are unreferenced, as those of the scripted peer are.
 */
#ifndef UVWS_TEST_RELAY_H
#define UVWS_TEST_RELAY_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define RELAY_STEPS 3
#define RELAY_REQUEST_MAX 1024
#define RELAY_CONNS_MAX 8

enum relay_kind { RELAY_HTTP, RELAY_SOCKS5, RELAY_SOCKS5_LOGIN, RELAY_SOCKS4A };

struct relay_plan {
  enum relay_kind kind;
  const void *answers[RELAY_STEPS]; /* NULL: the good one */
  size_t lens[RELAY_STEPS];
  int is_bytewise;
  int is_silent;
  int is_cut; /* behind `cut_at` bytes of its answers, the proxy hangs up */
  size_t cut_at;
};

struct relay {
  uv_loop_t *loop;
  uv_tcp_t listener;
  unsigned port;
  unsigned target; /* the port to lead to */
  struct relay_plan plan;
  struct relay_conn *conns[RELAY_CONNS_MAX];
  size_t conn_count;
  uint8_t requests[RELAY_STEPS][RELAY_REQUEST_MAX]; /* of the last connection; end with NUL */
  size_t request_lens[RELAY_STEPS];
};

void relay_init(struct relay *relay, uv_loop_t *loop, unsigned target,
                const struct relay_plan *plan);
void relay_close(struct relay *relay);
void relay_deinit(struct relay *relay); /* once the loop has run */

/* Send bytes to the client of the last connection. */
void relay_say(struct relay *relay, const void *data, size_t len);

/* How many bytes the good answers have. */
size_t relay_answers_len(enum relay_kind kind);

#endif
