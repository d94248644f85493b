/*
 * Every conversation with the first, the second, ... allocation failing, and with all failing from
 * there on: those that go through the context's env, zlib's among them.
 */
#include "fault/scenario.h"

/* The fixture's memory fails by itself, and counts what the library holds. */
static void use_env(struct world *w, const void *arg) {
  (void)arg;
  w->f.memory.fail_at = fault.at;
  w->f.memory.fails_on = fault.goes_on;
}

static const struct scenario_faults faults[] = {
    {"each allocation that fails", .prepare = use_env},
    {"memory that runs out", .prepare = use_env, .goes_on = 1},
    {"each allocation that fails and being freed then", .prepare = use_env, .frees = 1},
    {0}};

static void check_rounds(const struct scenario *s, size_t rounds) {
  (void)s;
  assert_in_range(rounds, 15, FAULT_ROUNDS_MAX);
}

int main(void) {
  return scenario_main("memory", faults, check_rounds);
}
