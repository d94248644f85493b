/*
 * test_chaos [CONVERSATIONS [SEED [FIRST]]]: see chaos.h. A model knows what must have arrived:
 * what came back came once, in order and whole; a conversation that nothing but delays and cuts
 * disturbed ends cleanly with all of it; every conversation ends in exactly one on_close, and every
 * completion fires once.
 */
#include "chaos.h"
#include "uvws.h"

#define AT_ONCE 48
#define DEFAULT_CONVERSATIONS 1000
#define WINDOW 4 /* messages under way */

uint64_t chaos_seed = 1;
unsigned chaos_current;

struct talk {
  uvws_t *ws;
  unsigned id;
  struct chaos_plan plan;
  uint64_t random;
  unsigned sent, written, echoed, opens, errors;
  int err;
};

static struct world {
  uv_loop_t loop;
  uv_timer_t watchdog;
  uvws_context_t *ctx;
  unsigned proxy_port;
  unsigned next, last, running;
  unsigned clean, failed, messages;
  size_t live;
  uint8_t buffer[CHAOS_MESSAGE_MAX];
} world;

uint32_t chaos_random(uint64_t *state) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(*state >> 33);
}

uint64_t chaos_state(unsigned id, unsigned purpose) {
  uint64_t state = chaos_seed * UINT64_C(0x9E3779B97F4A7C15) + id * UINT64_C(1000003) + purpose;
  for (int i = 0; i < 4; i++)
    chaos_random(&state);
  return state;
}

struct chaos_plan chaos_plan(unsigned id) {
  uint64_t state = chaos_state(id, 0);
  struct chaos_plan plan = {.messages = 1 + chaos_random(&state) % 12};
  plan.is_compressed = (int)(chaos_random(&state) % 3 == 0);
  if (chaos_random(&state) % 2)
    plan.fault = (enum chaos_fault)(chaos_random(&state) % CHAOS_FAULTS);
  /* The head is where few would look: half of the faults are there. */
  plan.at = 1 + chaos_random(&state) % (chaos_random(&state) % 2 ? 400 : 100000);
  if (plan.fault == CHAOS_FLIP) plan.at += 32; /* the number in the request stays what it is */
  return plan;
}

size_t chaos_message(unsigned id, unsigned number, int *is_text, uint8_t out[CHAOS_MESSAGE_MAX]) {
  static const unsigned most[] = {10, 126, 130, 200, 3000, 3000, 20000, CHAOS_MESSAGE_MAX};
  uint64_t state = chaos_state(id, 100 + number);
  *is_text = (int)(chaos_random(&state) % 2);
  size_t len = chaos_random(&state) % most[chaos_random(&state) % 8];
  for (size_t i = 0; i < len; i++)
    out[i] = (uint8_t)('a' + chaos_random(&state) % 26);
  return len;
}

unsigned chaos_id_of(const char *request) {
  return strncmp(request, "GET /", 5) ? 0 : (unsigned)strtoul(request + 5, NULL, 10);
}

static void *counted_realloc(void *arg, void *ptr, size_t size) {
  (void)arg;
  if (!size) {
    world.live -= ptr != NULL;
    free(ptr);
    return NULL;
  }
  world.live += ptr == NULL;
  return realloc(ptr, size);
}

static void start_talks(void);

static void on_sent(uvws_t *ws, int status, void *arg) {
  struct talk *t = arg;
  (void)ws;
  chaos_current = t->id;
  MUST(++t->written <= t->sent);
  if (t->plan.fault == CHAOS_NONE) MUST(status == 0);
}

static void send_more(struct talk *t) {
  while (t->sent < t->plan.messages && t->sent - t->echoed < WINDOW) {
    int is_text;
    size_t len = chaos_message(t->id, t->sent, &is_text, world.buffer);
    t->sent++;
    if (uvws_send(t->ws, is_text ? UVWS_TEXT : UVWS_BINARY, world.buffer, len, 0, on_sent, t) < 0) {
      t->sent--;
      MUST(t->plan.fault != CHAOS_NONE);
      return;
    }
  }
}

static void on_open(uvws_t *ws, void *arg) {
  struct talk *t = arg;
  chaos_current = t->id;
  MUST(++t->opens == 1 && ws == t->ws);
  send_more(t);
}

static void check_echo(const struct talk *t, uvws_kind_t kind, const uint8_t *data, size_t len) {
  int is_text;
  MUST(t->echoed < t->sent);
  size_t expected = chaos_message(t->id, t->echoed, &is_text, world.buffer);
  MUST(kind == (is_text ? UVWS_TEXT : UVWS_BINARY));
  MUST(len == expected && !memcmp(data, world.buffer, len));
}

static void on_message(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, void *arg) {
  struct talk *t = arg;
  chaos_current = t->id;
  MUST(t->opens == 1);
  /* RFC 6455 has no sums: a flipped bit may change what arrives, and how much. */
  if (t->plan.fault != CHAOS_FLIP) check_echo(t, kind, data, len);
  if (t->echoed < t->sent) t->echoed++;
  world.messages++;
  uint32_t random = chaos_random(&t->random);
  if (random % 16 == 0) uvws_pause(ws);
  if (random % 16 == 0) uvws_resume(ws);
  if (random % 32 == 1) (void)uvws_ping(ws, "p", 1);
  send_more(t);
  if (t->echoed == t->plan.messages) (void)uvws_close(ws, 1000, "done", 4);
}

static void on_error(uvws_t *ws, const uvws_error_t *error, void *arg) {
  struct talk *t = arg;
  (void)ws;
  chaos_current = t->id;
  if (t->plan.fault == CHAOS_NONE) fprintf(stderr, "conversation %u: %s\n", t->id, error->message);
  MUST(t->plan.fault != CHAOS_NONE);
  MUST(++t->errors == 1);
}

static void on_close(uvws_t *ws, const uvws_close_info_t *info, void *arg) {
  struct talk *t = arg;
  chaos_current = t->id;
  MUST(ws == t->ws && t->written == t->sent);
  if (t->plan.fault == CHAOS_NONE)
    MUST(info->was_clean && info->code == 1000 && t->echoed == t->plan.messages);
  if (info->was_clean)
    world.clean++;
  else
    world.failed++;
  t->ws = NULL; /* a second on_close would be seen */
  uvws_free(ws);
  free(t);
  world.running--;
  start_talks();
}

static const uvws_callbacks_t callbacks = {.size = sizeof callbacks,
                                           .on_open = on_open,
                                           .on_message = on_message,
                                           .on_error = on_error,
                                           .on_close = on_close};

static void start_talk(unsigned id) {
  struct talk *t = calloc(1, sizeof *t);
  char uri[64];
  MUST(t);
  t->id = chaos_current = id;
  t->plan = chaos_plan(id);
  t->random = chaos_state(id, 1);
  snprintf(uri, sizeof uri, "ws://127.0.0.1:%u/%u", world.proxy_port, id);
  /* Only where silence is what must be noticed may the clock decide. */
  int is_quick = t->plan.fault != CHAOS_NONE;
  uvws_options_t o = {.size = sizeof o,
                      .uri = uri,
                      .handshake_timeout_ms = is_quick ? 300 : 60000,
                      .connect_timeout_ms = 60000,
                      .close_timeout_ms = is_quick ? 200 : 60000,
                      .ping_interval_ms = is_quick ? 60 : 0,
                      .pong_timeout_ms = is_quick ? 150 : 0,
                      .idle_timeout_ms = is_quick ? 1500 : 0,
                      .compression_threshold = 100,
                      .client_no_context_takeover = 1,
                      .server_no_context_takeover = 1,
                      .compression =
                          t->plan.is_compressed ? UVWS_COMPRESSION_DEFAULT : UVWS_COMPRESSION_OFF};
  MUST(!uvws_new(world.ctx, &callbacks, t, &t->ws));
  MUST(!uvws_connect(t->ws, &o));
  world.running++;
}

static void start_talks(void) {
  while (world.running < AT_ONCE && world.next < world.last)
    start_talk(world.next++);
  if (world.running) return;
  chaos_proxy_close();
  chaos_server_close();
  uv_close((uv_handle_t *)&world.watchdog, NULL);
  uvws_context_free(world.ctx);
}

static void on_watchdog(uv_timer_t *timer) {
  (void)timer;
  fprintf(stderr, "hangs: %u running, next %u\n", world.running, world.next);
  MUST(!"in time");
}

static unsigned argument(int argc, char **argv, int place, unsigned otherwise) {
  return argc > place ? (unsigned)strtoul(argv[place], NULL, 10) : otherwise;
}

int main(int argc, char **argv) {
  static const char *const names[] = {"no fault",    "resets",      "ends",
                                      "half-closes", "black holes", "flipped bits"};
  unsigned count = argument(argc, argv, 1, DEFAULT_CONVERSATIONS);
  chaos_seed = argument(argc, argv, 2, 1);
  world.next = argument(argc, argv, 3, 0);
  world.last = world.next + count;
  printf("1..1\n# seed %llu, %u conversations\n", (unsigned long long)chaos_seed, count);
  fflush(stdout);
  uvws_context_options_t o = {.size = sizeof o, .realloc_cb = counted_realloc};
  MUST(!uv_loop_init(&world.loop));
  uv_timer_init(&world.loop, &world.watchdog);
  uv_timer_start(&world.watchdog, on_watchdog, 540000, 0);
  MUST(!uvws_context_new(&world.loop, &o, &world.ctx));
  world.proxy_port = chaos_proxy_open(&world.loop, chaos_server_open(&world.loop));
  start_talks();
  MUST(!uv_run(&world.loop, UV_RUN_DEFAULT));
  MUST(!uv_loop_close(&world.loop));
  MUST(world.live == 0);
  printf("# %u clean, %u not, %u messages", world.clean, world.failed, world.messages);
  for (int i = 1; i < CHAOS_FAULTS; i++)
    printf(", %u %s", chaos_faults_done[i], names[i]);
  printf("\nok 1 - every_conversation_ends_once_and_what_arrived_is_whole_and_in_order\n");
  return 0;
}
