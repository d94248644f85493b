/*
 * Every conversation with the first, the second, ... operation or event of its transport going
 * wrong, in each way that transport.h knows; a way that harms nothing also from there on. TLS has
 * the trouble below it.
 */
#include "fault/transport.h"

#include "fault/scenario.h"

static void use_transport(struct world *w, const void *arg) {
  w->transport_way = arg;
}

static const enum fault_way ways[] = {FAULT_ERROR, FAULT_EOF, FAULT_SHORT, FAULT_LATER,
                                      FAULT_SILENCE};

#define USE(the_way) .kind = FAULT_TRANSPORT, .prepare = use_transport, .arg = &ways[the_way]

static const struct scenario_faults faults[] = {
    {"each operation that fails", USE(FAULT_ERROR)},
    {"each operation that fails and being freed then", USE(FAULT_ERROR), .frees = 1},
    {"each end of the stream", USE(FAULT_EOF)},
    {"each silence", USE(FAULT_SILENCE)},
    {"each short read and write", USE(FAULT_SHORT), .is_harmless = 1},
    {"short reads and writes from there on", USE(FAULT_SHORT), .is_harmless = 1, .goes_on = 1},
    {"each delay", USE(FAULT_LATER), .is_harmless = 1},
    {"delays from there on", USE(FAULT_LATER), .is_harmless = 1, .goes_on = 1},
    {0}};

/* Where nothing is connected only the dialler can fail. */
static void check_rounds(const struct scenario *s, size_t rounds) {
  assert_in_range(rounds, s->way == WAY_UNIX ? 0 : 3, FAULT_ROUNDS_MAX);
}

int main(void) {
  return scenario_main("transport", faults, check_rounds);
}
