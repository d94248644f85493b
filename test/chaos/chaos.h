/*
 * Conversations through a network in trouble. Three parts on one loop: clients (chaos.c), a proxy
 * that delays, cuts, merges, resets, ends, swallows and spoils what passes (chaos_proxy.c), and an
 * echo server that is not the library's (chaos_server.c). Everything that is random comes from the
 * seed, so that a conversation which went wrong can be had again, as far as the kernel lets it.
 */
#ifndef UVWS_TEST_CHAOS_H
#define UVWS_TEST_CHAOS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define MUST(condition)                                                                            \
  ((condition) ? (void)0                                                                           \
               : (fprintf(stderr, "%s:%d: %s (seed %llu, conversation %u)\n", __FILE__, __LINE__,  \
                          #condition, (unsigned long long)chaos_seed, chaos_current),              \
                  abort()))

extern uint64_t chaos_seed;
extern unsigned chaos_current; /* the conversation that is being looked at */

enum chaos_fault {
  CHAOS_NONE, /* delays, cuts and merges only: everything must arrive */
  CHAOS_RESET,
  CHAOS_FIN,        /* both ways */
  CHAOS_HALF_CLOSE, /* towards the client */
  CHAOS_BLACK_HOLE, /* silence, and the connections stay */
  CHAOS_FLIP,       /* one bit */
  CHAOS_FAULTS
};

/* What becomes of conversation number `id`. */
struct chaos_plan {
  enum chaos_fault fault;
  uint32_t at; /* bytes forwarded, both ways, when it happens */
  unsigned messages;
  int is_compressed;
};
struct chaos_plan chaos_plan(unsigned id);

/* A generator for each purpose, so that one does not disturb the other. */
uint32_t chaos_random(uint64_t *state);
uint64_t chaos_state(unsigned id, unsigned purpose);

/* Message `number` of conversation `id`. */
#define CHAOS_MESSAGE_MAX 80000
size_t chaos_message(unsigned id, unsigned number, int *is_text, uint8_t out[CHAOS_MESSAGE_MAX]);

/* The number in "GET /NUMBER". */
unsigned chaos_id_of(const char *request);

unsigned chaos_server_open(uv_loop_t *loop); /* its port */
void chaos_server_close(void);
unsigned chaos_proxy_open(uv_loop_t *loop, unsigned server_port);
void chaos_proxy_close(void);
extern unsigned chaos_faults_done[CHAOS_FAULTS];

#endif
