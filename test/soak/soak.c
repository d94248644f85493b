/*
 * soak CLIENTS AT_ONCE SECONDS CA_FILE URI ...: so many clients on one loop, AT_ONCE of them
 * started in one turn of the clock (a hundredth of a second), spread over the URIs, in mixed
 * traffic: most send a message now and then, some often, some large ones; one in a hundred of the
 * echoes makes its client close and connect again. Prints a header and a sample a second, fields
 * between tabs. Echoes are compared with what was sent.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include "uvws.h"

#define MUST(condition)                                                                            \
  ((condition) ? (void)0                                                                           \
               : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), abort()))
#define BUCKETS 40 /* of latency: powers of the square root of two, from 10 us */
#define TICK_MS 10
#define LARGEST 100000

struct client {
  uvws_t *ws;
  int number;
  int is_open, was_open;
  size_t len;       /* of the message under way; 0: none */
  uint64_t sent_at; /* ns */
};

static struct world {
  uv_loop_t loop;
  uv_timer_t tick, sample;
  uvws_context_t *ctx;
  struct client *clients;
  int count, at_once, started;
  char **uris;
  int uri_count;
  const char *ca_file;
  uint64_t begun, seconds, turn;
  uint64_t callbacks, echoes, closes, refused, errors;
  uint64_t buckets[BUCKETS];
  int is_ending;
  uint32_t random;
  uint8_t payload[LARGEST];
} world;

static uint32_t draw(uint32_t below) {
  world.random = world.random * 1664525 + 1013904223;
  return (world.random >> 8) % below;
}

static void connect_client(struct client *c) {
  uvws_options_t o = {.size = sizeof o,
                      .uri = world.uris[c->number % world.uri_count],
                      .ca_file = world.ca_file,
                      .connect_timeout_ms = 60000,
                      .handshake_timeout_ms = 60000,
                      .close_timeout_ms = 60000,
                      .ping_interval_ms = 5000,
                      .pong_timeout_ms = 60000};
  MUST(!uvws_connect(c->ws, &o));
}

static void send_one(struct client *c) {
  static const size_t largest[] = {64, 64, 64, 64, 1000, 1000, 10000, LARGEST};
  /* Also when the server has begun to close. */
  if (!c->is_open || c->len || world.is_ending || uvws_state(c->ws) != UVWS_STATE_OPEN) return;
  c->len = 1 + draw((uint32_t)largest[draw(8)]);
  c->sent_at = uv_hrtime();
  MUST(uvws_send_binary(c->ws, world.payload, c->len, NULL, NULL) >= 0);
}

static void on_open(uvws_t *ws, void *arg) {
  struct client *c = arg;
  (void)ws;
  world.callbacks++;
  c->is_open = c->was_open = 1;
}

static void count_latency(uint64_t ns) {
  int bucket = 0;
  for (double edge = 10e3; bucket < BUCKETS - 1 && (double)ns > edge; edge *= 1.41421356)
    bucket++;
  world.buckets[bucket]++;
}

static void on_message(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, void *arg) {
  struct client *c = arg;
  MUST(kind == UVWS_BINARY && len == c->len && !memcmp(data, world.payload, len));
  world.callbacks++;
  world.echoes++;
  c->len = 0;
  count_latency(uv_hrtime() - c->sent_at);
  if (draw(100) == 0) {
    c->is_open = 0;
    (void)uvws_close(ws, 1000, NULL, 0);
  }
  if (c->number % 10 == 0 && draw(4)) send_one(c); /* one of those that talk often */
}

static void on_error(uvws_t *ws, const uvws_error_t *error, void *arg) {
  struct client *c = arg;
  (void)ws;
  world.callbacks++;
  if (!c->was_open) world.refused++; /* a crowd's start: it tries again until it is let in */
  if (c->was_open && world.errors++ < 10) fprintf(stderr, "%s\n", error->message);
}

static void on_close(uvws_t *ws, const uvws_close_info_t *info, void *arg) {
  struct client *c = arg;
  (void)info;
  world.callbacks++;
  world.closes++;
  c->is_open = 0;
  c->len = 0;
  if (!world.is_ending) {
    connect_client(c);
    return;
  }
  c->ws = NULL;
  uvws_free(ws);
}

static const uvws_callbacks_t callbacks = {.size = sizeof callbacks,
                                           .on_open = on_open,
                                           .on_message = on_message,
                                           .on_error = on_error,
                                           .on_close = on_close};

static double percentile(double share) {
  uint64_t all = 0, so_far = 0;
  double edge = 10e3;
  for (int i = 0; i < BUCKETS; i++)
    all += world.buckets[i];
  for (int i = 0; i < BUCKETS; i++, edge *= 1.41421356)
    if ((double)(so_far += world.buckets[i]) >= share * (double)all) return edge / 1e3;
  return 0;
}

static size_t descriptors(void) {
  uv_fs_t req;
  int count = uv_fs_scandir(NULL, &req, "/proc/self/fd", 0, NULL);
  uv_fs_req_cleanup(&req);
  return count < 0 ? 0 : (size_t)count;
}

static void end(void) {
  world.is_ending = 1;
  uv_close((uv_handle_t *)&world.tick, NULL);
  uv_close((uv_handle_t *)&world.sample, NULL);
  for (int i = 0; i < world.started; i++)
    (void)uvws_close(world.clients[i].ws, 1000, NULL, 0);
}

static void on_sample(uv_timer_t *timer) {
  size_t rss = 0;
  uint64_t elapsed = (uv_now(timer->loop) - world.begun) / 1000;
  uvws_stats_t stats = {.size = sizeof stats};
  uv_resident_set_memory(&rss);
  uvws_context_stats(world.ctx, &stats);
  printf("%" PRIu64 "\t%zu\t%zu\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64
         "\t%" PRIu64 "\t%.0f\t%.0f\t%.0f\n",
         elapsed, rss / 1024, descriptors(), stats.open, world.callbacks, world.echoes,
         world.closes, world.refused, world.errors, percentile(0.5), percentile(0.99),
         percentile(0.999));
  fflush(stdout);
  memset(world.buckets, 0, sizeof world.buckets);
  if (elapsed >= world.seconds) end();
}

static void on_tick(uv_timer_t *timer) {
  (void)timer;
  for (int i = 0; i < world.at_once && world.started < world.count; i++) {
    struct client *c = &world.clients[world.started];
    c->number = world.started++;
    MUST(!uvws_new(world.ctx, &callbacks, c, &c->ws));
    connect_client(c);
  }
  /* Each sends about once in two seconds. */
  uint64_t step = 2000 / TICK_MS;
  for (uint64_t i = world.turn++ % step; i < (uint64_t)world.started; i += step)
    send_one(&world.clients[i]);
}

int main(int argc, char **argv) {
  if (argc < 6) return 2;
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  world.count = atoi(argv[1]);
  world.at_once = atoi(argv[2]);
  world.seconds = strtoull(argv[3], NULL, 10);
  world.ca_file = *argv[4] ? argv[4] : NULL;
  world.uris = argv + 5;
  world.uri_count = argc - 5;
  world.clients = calloc((size_t)world.count, sizeof *world.clients);
  for (int i = 0; i < LARGEST; i++)
    world.payload[i] = (uint8_t)(i * 31 + i / 251);
  MUST(world.clients && !uv_loop_init(&world.loop));
  MUST(!uvws_context_new(&world.loop, NULL, &world.ctx));
  uv_timer_init(&world.loop, &world.tick);
  uv_timer_init(&world.loop, &world.sample);
  uv_timer_start(&world.tick, on_tick, 0, TICK_MS);
  uv_timer_start(&world.sample, on_sample, 1000, 1000);
  world.begun = uv_now(&world.loop);
  printf("second\trss_kib\tdescriptors\topen\tcallbacks\techoes\tcloses\trefused\terrors\tp50_"
         "us\tp99_us\t"
         "p999_us\n");
  uv_run(&world.loop, UV_RUN_DEFAULT);
  uvws_context_free(world.ctx);
  uv_run(&world.loop, UV_RUN_DEFAULT);
  MUST(uv_loop_close(&world.loop) == 0);
  free(world.clients);
  return world.errors > 0;
}
