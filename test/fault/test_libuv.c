/*
 * Every conversation with the first, the second, ... call of libuv that can fail failing
 * (uv_calls.h), the callbacks of such calls too; and with libuv's own allocations failing.
 */
#include "fault/scenario.h"
#include "fault/uv_calls.h"

/* libuv's memory. What it grows with realloc is its array of watched descriptors, and libuv 1.44
 * aborts when that fails (maybe_resize in src/unix/core.c): so that is never failed. */
static void *uv_malloc(size_t size) {
  return fault_is_due(FAULT_UV_MEMORY) ? NULL : malloc(size);
}

static void *uv_calloc(size_t count, size_t size) {
  return fault_is_due(FAULT_UV_MEMORY) ? NULL : calloc(count, size);
}

static void use_try(struct world *w, const void *arg) {
  (void)w;
  uv_calls_try = *(const enum uv_try *)arg;
}

static const enum uv_try tries[] = {UV_TRY_FAILS, UV_TRY_WAITS, UV_TRY_SHORT, UV_TRY_NEVER};

#define TRY(how) .kind = FAULT_UV, .prepare = use_try, .arg = &tries[how]

static const struct scenario_faults faults[] = {
    {"each call of libuv that fails", TRY(UV_TRY_FAILS)},
    {"each call of libuv that fails and being freed then", TRY(UV_TRY_FAILS), .frees = 1},
    {"all calls of libuv failing from there on", TRY(UV_TRY_FAILS), .goes_on = 1},
    {"each call of libuv that fails, and writes that wait", TRY(UV_TRY_NEVER)},
    {"each call of libuv that fails or writes nothing", TRY(UV_TRY_WAITS)},
    {"each call of libuv that fails or writes a byte", TRY(UV_TRY_SHORT)},
    {"each allocation of libuv's that fails", .kind = FAULT_UV_MEMORY},
    {0}};

/* libuv allocates for look-ups and the paths of unix sockets, hardly else. */
static void check_rounds(const struct scenario *s, size_t rounds) {
  int is_small = s->way == WAY_UNIX || fault.kind == FAULT_UV_MEMORY;
  size_t least = !is_small ? 6 : s->way == WAY_NAME ? 1 : 0;
  assert_in_range(rounds, least, FAULT_ROUNDS_MAX);
}

int main(void) {
  uv_replace_allocator(uv_malloc, realloc, uv_calloc, free);
  return scenario_main("libuv", faults, check_rounds);
}
