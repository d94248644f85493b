/*
 * The phases. Under valgrind's callgrind each leaves a dump of its own, whose counts script/bench
 * divides by the number of messages printed here; without valgrind the line has the time instead.
 */
#include "phase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "payload.h"

#if defined(BENCH_HAVE_CALLGRIND)
#include <valgrind/callgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#define CALLGRIND_TOGGLE_COLLECT (void)0
#define CALLGRIND_ZERO_STATS (void)0
#define CALLGRIND_DUMP_STATS_AT(text) (void)(text)
#endif

enum what { RECEIVE, SEND, SEND_ALONE };

static const struct {
  enum what what;
  const char *name;
  const char *unit; /* what is repeated until the message is full */
} kinds[] = {{RECEIVE, "receive binary", NULL},      {RECEIVE, "receive ascii", BENCH_ASCII},
             {RECEIVE, "receive utf-8", BENCH_UTF8}, {SEND, "send binary", NULL},
             {SEND, "send text", BENCH_ASCII},       {SEND_ALONE, "send alone", NULL}};

static const size_t sizes[] = {16, 125, 1024, 16384, 65536, 1048576};

#define KIND_COUNT (sizeof kinds / sizeof kinds[0])
#define SIZE_COUNT (sizeof sizes / sizeof sizes[0])
#define TURN_BYTES 262144  /* a turn moves this much, or one message, */
#define TURN_RECEIVED 2048 /* and so many messages at most */
#define TURN_SENT 64
#define WARM_TURNS 8u
#define WARM_TURNS_ALONE 256u /* of one call each: LuaJIT compiles what is called often */
#define TURNS (RUNNING_ON_VALGRIND ? 8u : 32u) /* instructions do not vary: few are enough */

static struct {
  uv_idle_t idle;
  struct bench_wire *wire;
  const struct bench_face *face;
  const uint64_t *allocations;
  void (*done)(void *face);
  size_t kind, size;
  unsigned turn;
  uint8_t *data; /* a payload, or frames to receive */
  size_t len;
  unsigned per_turn; /* messages */
  uint64_t allocations_before;
  uint64_t start_ns;
  uint64_t counted_ns;
} p;

static void count_on(void) {
  CALLGRIND_TOGGLE_COLLECT;
  p.start_ns = uv_hrtime();
}

static void count_off(void) {
  p.counted_ns += uv_hrtime() - p.start_ns;
  CALLGRIND_TOGGLE_COLLECT;
}

static size_t put_header(uint8_t *to, int is_text, size_t len) {
  to[0] = is_text ? 0x81 : 0x82;
  if (len <= 125) {
    to[1] = (uint8_t)len;
    return 2;
  }
  unsigned width = len <= 65535 ? 2 : 8;
  to[1] = width == 2 ? 126 : 127;
  for (unsigned i = 0; i < width; i++)
    to[2 + i] = (uint8_t)((uint64_t)len >> 8 * (width - 1 - i));
  return 2 + width;
}

static void *take(size_t len) {
  void *data = malloc(len);
  if (!data) abort(); /* a bench without memory has nothing to say */
  return data;
}

static unsigned messages_per_turn(size_t size, size_t most) {
  size_t count = size < TURN_BYTES ? TURN_BYTES / size : 1;
  return (unsigned)(count < most ? count : most);
}

static void make_frames(size_t size, const char *unit) {
  p.per_turn = messages_per_turn(size, TURN_RECEIVED);
  p.data = take(p.per_turn * (size + 10));
  p.len = 0;
  for (unsigned i = 0; i < p.per_turn; i++) {
    p.len += put_header(p.data + p.len, unit != NULL, size);
    bench_fill(p.data + p.len, size, unit);
    p.len += size;
  }
}

static void make_payload(size_t size, const char *unit, enum what what) {
  p.per_turn = messages_per_turn(size, what == SEND_ALONE ? 1 : TURN_SENT);
  p.len = size;
  p.data = take(size);
  bench_fill(p.data, size, unit);
}

static void begin_phase(void) {
  const char *unit = kinds[p.kind].unit;
  if (kinds[p.kind].what == RECEIVE)
    make_frames(sizes[p.size], unit);
  else
    make_payload(sizes[p.size], unit, kinds[p.kind].what);
}

static void begin_counting(void) {
  p.allocations_before = *p.allocations;
  p.counted_ns = 0;
  CALLGRIND_ZERO_STATS;
}

static void end_phase(void) {
  char name[96];
  unsigned messages = p.per_turn * TURNS;
  snprintf(name, sizeof name, "%s %s %zu", p.face->name, kinds[p.kind].name, sizes[p.size]);
  CALLGRIND_DUMP_STATS_AT(name);
  printf("%s messages %u allocations %llu", name, messages,
         (unsigned long long)(*p.allocations - p.allocations_before));
  if (!RUNNING_ON_VALGRIND) printf(" ns %.1f", (double)p.counted_ns / messages);
  printf("\n");
  free(p.data);
}

static int next_phase(void) {
  p.turn = 0;
  if (++p.size < SIZE_COUNT) return 1;
  p.size = 0;
  return ++p.kind < KIND_COUNT;
}

/* A sending turn is counted from its call of send to the next turn's: the flush at its end counts.
 */
static void take_turn(int is_counted) {
  if (kinds[p.kind].what == RECEIVE) {
    bench_wire_deliver(p.wire, p.data, p.len, is_counted ? count_on : NULL,
                       is_counted ? count_off : NULL);
    return;
  }
  if (is_counted) count_on();
  p.face->send(p.face->face, kinds[p.kind].unit != NULL, p.data, p.len, p.per_turn);
}

static void on_turn(uv_idle_t *idle) {
  unsigned warm = kinds[p.kind].what == SEND_ALONE ? WARM_TURNS_ALONE : WARM_TURNS;
  int is_sending = kinds[p.kind].what != RECEIVE;
  if (is_sending && p.turn > warm) count_off();
  if (p.turn == warm + TURNS) {
    end_phase();
    if (!next_phase()) {
      uv_close((uv_handle_t *)idle, NULL);
      p.done(p.face->face);
      return;
    }
  }
  if (p.turn == 0) begin_phase();
  if (p.turn == warm) begin_counting();
  take_turn(p.turn >= warm);
  p.turn++;
}

void bench_phases_start(uv_loop_t *loop, struct bench_wire *wire, const struct bench_face *face,
                        const uint64_t *allocations, void (*done)(void *face)) {
  memset(&p, 0, sizeof p);
  p.wire = wire;
  p.face = face;
  p.allocations = allocations;
  p.done = done;
  uv_idle_init(loop, &p.idle);
  uv_idle_start(&p.idle, on_turn);
}
