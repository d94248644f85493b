/*
 * What a server sees that dies and comes back, from 10,000 clients that reconnect, with jitter and
 * without: attempts in each half second, by the library's own waits (util/backoff.c) and a clock
 * that is only counted. The server dies at 0, refuses connections until it is back, and then takes
 * so many a second; what comes beyond is refused as well.
 *
 *   reconnect_storm [DOWN_S [ACCEPTS_PER_S]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/backoff.h"

#define CLIENTS 10000
#define STEP_MS 500
#define STEPS 240
#define BAR_WIDTH 60

struct client {
  uint64_t at_ms; /* of its next attempt */
  uint32_t attempt;
  int is_back;
};

struct world {
  struct uvws__backoff backoff;
  uint64_t down_ms;
  unsigned accepts_per_step;
  uint64_t random;
  struct client clients[CLIENTS];
  unsigned arrivals[STEPS];
  unsigned peak_ms_arrivals; /* the most within one millisecond */
  unsigned back;
  uint64_t all_back_ms;
};

static uint32_t next_random(struct world *w) {
  w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(w->random >> 32);
}

static void wait_again(struct world *w, struct client *c, uint64_t now_ms) {
  c->attempt++;
  c->at_ms = now_ms + uvws__backoff_ms(&w->backoff, c->attempt, 0, next_random(w));
  if (c->at_ms == now_ms) c->at_ms++; /* an attempt takes time */
}

static void arrive(struct world *w, struct client *c, uint64_t now_ms, unsigned *accepts_left) {
  w->arrivals[now_ms / STEP_MS]++;
  if (now_ms < w->down_ms || *accepts_left == 0) {
    wait_again(w, c, now_ms);
    return;
  }
  --*accepts_left;
  c->is_back = 1;
  w->back++;
  w->all_back_ms = now_ms;
}

static void simulate(struct world *w) {
  unsigned accepts_left = 0;
  for (int i = 0; i < CLIENTS; i++)
    wait_again(w, &w->clients[i], 0);
  for (uint64_t now_ms = 0; now_ms < (uint64_t)STEPS * STEP_MS; now_ms++) {
    unsigned arrived = 0;
    if (now_ms % STEP_MS == 0) accepts_left = w->accepts_per_step;
    for (int i = 0; i < CLIENTS; i++) {
      struct client *c = &w->clients[i];
      if (c->is_back || c->at_ms != now_ms) continue;
      arrive(w, c, now_ms, &accepts_left);
      arrived++;
    }
    if (arrived > w->peak_ms_arrivals) w->peak_ms_arrivals = arrived;
  }
}

static unsigned peak_of(const struct world *w) {
  unsigned peak = 0;
  for (int i = 0; i < STEPS; i++)
    if (w->arrivals[i] > peak) peak = w->arrivals[i];
  return peak;
}

static void plot(const struct world *w) {
  unsigned peak = peak_of(w);
  uint64_t last = w->all_back_ms / STEP_MS;
  for (uint64_t i = 0; i <= last && i < STEPS; i++) {
    if (!w->arrivals[i]) continue;
    unsigned length = (w->arrivals[i] * BAR_WIDTH + peak - 1) / peak;
    printf("%6.1f s %6u ", (double)i * STEP_MS / 1000, w->arrivals[i]);
    for (unsigned j = 0; j < length; j++)
      putchar('#');
    putchar('\n');
  }
}

static void run(const char *name, int no_jitter, unsigned down_s, unsigned accepts_per_s) {
  static struct world w;
  memset(&w, 0, sizeof w);
  w.backoff = (struct uvws__backoff){1000, 30000, no_jitter};
  w.down_ms = (uint64_t)down_s * 1000;
  w.accepts_per_step = accepts_per_s * STEP_MS / 1000;
  w.random = 1;
  simulate(&w);
  printf("\n%s: attempts in each half second\n", name);
  plot(&w);
  printf("%s_peak_per_millisecond %u attempts\n", name, w.peak_ms_arrivals);
  printf("%s_peak_per_half_second %u attempts\n", name, peak_of(&w));
  printf("%s_back %u clients\n", name, w.back);
  printf("%s_last_back_after %.1f s\n", name, (double)w.all_back_ms / 1000);
}

int main(int argc, char **argv) {
  unsigned down_s = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 20;
  unsigned accepts_per_s = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1000;
  printf("%d clients; the server is down for %u s and then takes %u connections a second\n",
         CLIENTS, down_s, accepts_per_s);
  run("without_jitter", 1, down_s, accepts_per_s);
  run("with_jitter", 0, down_s, accepts_per_s);
  return 0;
}
