/*
 * Every conversation with the first, the second, ... operation or event of its transport going
 * wrong, in each way that transport.h knows; a way that harms nothing also from there on. TLS has
 * the trouble below it.
 */
#include "fault/transport.h"

#include "fault/scenario.h"

static void use_transport(struct world *w, const void *arg) {
  w->transport = arg;
}

static const struct fault_transport error = {FAULT_ERROR}, slow_error = {FAULT_ERROR, 1},
                                    end = {FAULT_EOF}, deaf = {FAULT_DEAF},
                                    slow_deaf = {FAULT_DEAF, 1}, slow_silence = {FAULT_SILENCE, 1},
                                    piecemeal = {FAULT_SHORT}, later = {FAULT_LATER},
                                    slow_later = {FAULT_LATER, 1};

#define USE(how) .kind = FAULT_TRANSPORT, .prepare = use_transport, .arg = &(how)

static const struct scenario_faults faults[] = {
    {"each operation that fails", USE(error)},
    {"each operation that fails, and slow writes", USE(slow_error)},
    {"each operation that fails, and being freed then", USE(slow_error), .frees = 1},
    {"each end of the stream", USE(end)},
    {"each end of writing", USE(deaf)},
    {"each end of writing, and slow writes", USE(slow_deaf)},
    {"each silence, and slow writes", USE(slow_silence)},
    {"each short read and write", USE(piecemeal), .is_harmless = 1},
    {"short reads and writes from there on", USE(piecemeal), .is_harmless = 1, .goes_on = 1},
    {"each delay", USE(later), .is_harmless = 1},
    /* An answer may come before the end of the write it answers, which no socket of libuv's does on
     * Unix: a proxy is then told off. */
    {"each delay, and slow writes", USE(slow_later)},
    {"delays from there on", USE(later), .is_harmless = 1, .goes_on = 1},
    {0}};

/* Where nothing is connected only the dialler can fail. */
static void check_rounds(const struct scenario *s, size_t rounds) {
  assert_in_range(rounds, s->way == WAY_UNIX ? 0 : 3, FAULT_ROUNDS_MAX);
}

int main(void) {
  return scenario_main("transport", faults, check_rounds);
}
