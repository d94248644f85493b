/*
 * The phases of the instruction bench and the machine that runs them, one step a turn of the loop:
 * some turns to warm up, then the turns that are counted. A face (C or Lua) is what sends.
 */
#ifndef BENCH_PHASE_H
#define BENCH_PHASE_H

#include "wire.h"

struct bench_face {
  const char *name;
  void (*send)(void *face, int is_text, const uint8_t *data, size_t len, unsigned count);
  void *face;
};

/* Run all phases against `wire`, whose connection is open, from now on out of the loop; `done`
 * fires at the end. `allocations` counts what the library asked of its allocator. */
void bench_phases_start(uv_loop_t *loop, struct bench_wire *wire, const struct bench_face *face,
                        const uint64_t *allocations, void (*done)(void *face));

#endif
