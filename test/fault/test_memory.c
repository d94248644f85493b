/*
 * Every conversation with the first, the second, ... allocation failing, and with all failing from
 * there on: those that go through the context's env, zlib's among them. And with its randomness
 * failing.
 */
#include "fault/scenario.h"

/* The fixture's memory fails by itself, and counts what the library holds. */
static void use_env(struct world *w, const void *arg) {
  (void)arg;
  w->f.memory.fail_at = fault.at;
  w->f.memory.fails_on = fault.goes_on;
}

/* Mask keys and the key of the handshake come from here, a pool at a time. */
static int (*real_random)(void *arg, void *out, size_t len);

static int random_bytes(void *arg, void *out, size_t len) {
  return fault_is_due(FAULT_RANDOM) ? UV_EIO : real_random(arg, out, len);
}

static void use_random(uvws_context_t *ctx) {
  real_random = ctx->env.random;
  ctx->env.random = random_bytes;
}

static void prepare_random(struct world *w, const void *arg) {
  (void)arg;
  w->on_context = use_random;
}

static const struct scenario_faults faults[] = {
    {"each allocation that fails", .prepare = use_env},
    {"memory that runs out", .prepare = use_env, .goes_on = 1},
    {"each allocation that fails and being freed then", .prepare = use_env, .frees = 1},
    {"each want of randomness", FAULT_RANDOM, .prepare = prepare_random},
    {"randomness that runs out", FAULT_RANDOM, .prepare = prepare_random, .goes_on = 1},
    {0}};

static void check_rounds(const struct scenario *s, size_t rounds) {
  size_t least = fault.kind == FAULT_RANDOM ? s->way != WAY_UNIX : 15;
  assert_in_range(rounds, least, FAULT_ROUNDS_MAX);
}

int main(void) {
  return scenario_main("memory", faults, check_rounds);
}
