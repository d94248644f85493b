/*
 * uvws-bench: a load generator for any WebSocket server (options.c has the help). All connections
 * live on one loop. Answers are taken to come in order, so each connection keeps the times at which
 * its unanswered messages were due or sent.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include "options.h"
#include "payload.h"
#include "report.h"

#define WAVE 200             /* connects under way at once */
#define LAST_ANSWERS_MS 2000 /* how long they are waited for at the end */

struct peer {
  uvws_t *ws;
  int is_open;
  uint64_t *due; /* a ring of `cap` times, `count` of them from `first` on */
  size_t cap, first, count;
};

enum stage { CONNECTING, RUNNING, ENDING, CLOSING };

static struct bench_load_options options;
static uv_loop_t loop;
static uvws_context_t *ctx;
static uvws_callbacks_t callbacks;
static uvws_options_t connect_options;
static uv_timer_t ticker, stopper, reporter;
static uv_signal_t interrupt;
static struct peer *peers;
static uint64_t started, turn; /* connects begun; whose turn it is to send at a rate */
static uint8_t *payload;
static struct bench_load_counts counts;
static struct bench_histogram all, recent;
static enum stage stage;
static uint64_t begin_ns, end_ns;
static uint64_t reported_received, reported_ns;
static int is_interrupted;

static void connect_next(void);
static void end(void);

static int push_due(struct peer *p, uint64_t when_ns) {
  if (p->count == p->cap) {
    size_t cap = p->cap ? p->cap * 2 : 8;
    uint64_t *due = malloc(cap * sizeof *due);
    if (!due) return -1;
    for (size_t i = 0; i < p->count; i++)
      due[i] = p->due[(p->first + i) % p->cap];
    free(p->due);
    p->due = due;
    p->cap = cap;
    p->first = 0;
  }
  p->due[(p->first + p->count++) % p->cap] = when_ns;
  return 0;
}

static int has_sent_all(void) {
  return options.messages && counts.sent >= options.messages;
}

static int send_one(struct peer *p, uint64_t due_ns) {
  if (!options.is_one_way && push_due(p, due_ns) != 0) return UV_ENOMEM;
  int err = uvws_send(p->ws, options.is_text ? UVWS_TEXT : UVWS_BINARY, payload,
                      (size_t)options.size, 0, NULL, NULL);
  if (err >= 0) counts.sent++;
  if (err < 0 && !options.is_one_way) p->count--;
  return err;
}

/* Without a rate: as many as may be in flight; one way: as many as the queue takes. */
static void fill(struct peer *p) {
  uint64_t now = uv_hrtime();
  while (stage == RUNNING && p->is_open && !has_sent_all()) {
    if (!options.is_one_way && p->count >= options.in_flight) return;
    if (send_one(p, now) != 0) return;
  }
  if (stage == RUNNING && has_sent_all()) end();
}

static struct peer *next_open(void) {
  for (uint64_t i = 0; i < options.connections; i++) {
    struct peer *p = &peers[turn++ % options.connections];
    if (p->is_open) return p;
  }
  return NULL;
}

/* At a rate: all that is due by now. */
static void on_tick(uv_timer_t *timer) {
  uint64_t now = uv_hrtime();
  (void)timer;
  while (stage == RUNNING && !has_sent_all()) {
    uint64_t due = begin_ns + (uint64_t)((double)counts.sent / options.rate * 1e9);
    if (due > now) return;
    struct peer *p = next_open();
    if (!p || send_one(p, due) < 0) return;
  }
  if (stage == RUNNING) end();
}

static void close_all(void) {
  stage = CLOSING;
  uv_close((uv_handle_t *)&stopper, NULL);
  uv_close((uv_handle_t *)&ticker, NULL);
  uv_close((uv_handle_t *)&reporter, NULL);
  uv_close((uv_handle_t *)&interrupt, NULL);
  for (uint64_t i = 0; i < started; i++) {
    counts.unanswered += peers[i].count;
    if (peers[i].ws) uvws_close(peers[i].ws, 1000, NULL, 0);
  }
}

static void on_last_answers(uv_timer_t *timer) {
  (void)timer;
  if (stage == ENDING) close_all();
}

static int is_all_answered(void) {
  if (options.is_one_way) return 1;
  return counts.received >= counts.sent;
}

static void end(void) {
  if (stage != RUNNING) return;
  stage = ENDING;
  end_ns = uv_hrtime();
  uv_timer_start(&stopper, on_last_answers, is_all_answered() ? 0 : LAST_ANSWERS_MS, 0);
}

static void on_time(uv_timer_t *timer) {
  (void)timer;
  end();
}

static void on_report(uv_timer_t *timer) {
  uint64_t now = uv_hrtime();
  (void)timer;
  if (stage != RUNNING) return;
  counts.seconds = (double)(now - begin_ns) / 1e9;
  if (!options.is_quiet)
    bench_load_progress(&counts, reported_received, (double)(now - reported_ns) / 1e9, &recent);
  bench_histogram_clear(&recent);
  reported_received = counts.received;
  reported_ns = now;
}

static void run(void) {
  stage = RUNNING;
  begin_ns = reported_ns = uv_hrtime();
  uv_timer_start(&stopper, on_time, (uint64_t)(options.duration_s * 1000), 0);
  uv_timer_start(&reporter, on_report, 1000, 1000);
  if (options.rate > 0) {
    uv_timer_start(&ticker, on_tick, 0, 1);
    return;
  }
  for (uint64_t i = 0; i < options.connections; i++)
    if (peers[i].is_open) fill(&peers[i]);
}

/* One connection has opened or failed: when all have, it begins. */
static void settled(void) {
  uint64_t count = counts.opened + counts.failed;
  if (stage != CONNECTING) return;
  if (count < options.connections) {
    connect_next();
  } else if (counts.opened) {
    run();
  } else {
    close_all();
  }
}

static void on_open(uvws_t *ws, void *user) {
  struct peer *p = user;
  (void)ws;
  p->is_open = 1;
  counts.opened++;
  if (stage == CLOSING)
    uvws_close(ws, 1000, NULL, 0);
  else
    settled();
}

static void on_message(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, void *user) {
  struct peer *p = user;
  (void)ws, (void)kind, (void)data;
  counts.bytes_received += len;
  if (!p->count) return; /* said without being asked */
  uint64_t took = uv_hrtime() - p->due[p->first];
  p->first = (p->first + 1) % p->cap;
  p->count--;
  counts.received++;
  bench_histogram_add(&all, took);
  bench_histogram_add(&recent, took);
  if (stage == RUNNING && options.rate <= 0) fill(p);
  if (stage == ENDING && is_all_answered()) uv_timer_start(&stopper, on_last_answers, 0, 0);
}

static void on_drain(uvws_t *ws, void *user) {
  (void)ws;
  if (stage == RUNNING && options.is_one_way && options.rate <= 0) fill(user);
}

static void on_error(uvws_t *ws, const uvws_error_t *error, void *user) {
  (void)ws, (void)user;
  static int told;
  if (told++ < 5) fprintf(stderr, "uvws-bench: %s\n", error->message);
}

static void on_close(uvws_t *ws, const uvws_close_info_t *info, void *user) {
  struct peer *p = user;
  int was_open = p->is_open;
  (void)info;
  p->is_open = 0;
  p->ws = NULL;
  uvws_free(ws);
  if (stage == CLOSING) return;
  if (was_open) {
    counts.lost++;
    if (counts.lost == counts.opened) end();
  } else {
    counts.failed++;
    settled();
  }
}

static void connect_next(void) {
  while (started < options.connections && started < counts.opened + counts.failed + WAVE) {
    struct peer *p = &peers[started++];
    int err = uvws_new(ctx, &callbacks, p, &p->ws);
    if (!err) err = uvws_connect(p->ws, &connect_options);
    if (!err) continue;
    fprintf(stderr, "uvws-bench: %s\n", p->ws ? uvws_last_error(p->ws) : uvws_strerror(err));
    exit(2);
  }
}

static void on_interrupt(uv_signal_t *handle, int number) {
  (void)handle, (void)number;
  is_interrupted = 1;
  if (stage == RUNNING)
    end();
  else if (stage == CONNECTING)
    close_all();
}

static void raise_limits(void) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

static void set_up(void) {
  raise_limits();
  uv_timer_init(&loop, &ticker);
  uv_timer_init(&loop, &stopper);
  uv_timer_init(&loop, &reporter);
  uv_signal_init(&loop, &interrupt);
  uv_signal_start(&interrupt, on_interrupt, SIGINT);
  uv_unref((uv_handle_t *)&interrupt);
  bench_histogram_clear(&all);
  bench_histogram_clear(&recent);
  callbacks = (uvws_callbacks_t){.size = sizeof callbacks,
                                 .on_open = on_open,
                                 .on_message = on_message,
                                 .on_drain = on_drain,
                                 .on_error = on_error,
                                 .on_close = on_close};
  connect_options = (uvws_options_t){.size = sizeof connect_options,
                                     .uri = options.uri,
                                     .headers = options.headers,
                                     .header_count = options.header_count,
                                     .protocols = &options.protocol,
                                     .protocol_count = options.protocol ? 1 : 0,
                                     .ca_file = options.ca_file,
                                     .insecure_skip_verify = options.is_insecure,
                                     .compression = options.is_compressed ? UVWS_COMPRESSION_DEFAULT
                                                                          : UVWS_COMPRESSION_OFF,
                                     .max_message_size = UVWS_NO_LIMIT};
}

static int verdict(void) {
  if (is_interrupted) return 130;
  return counts.failed || counts.lost || counts.unanswered || !counts.opened;
}

int main(int argc, char **argv) {
  int status = bench_load_options_parse(&options, argc, argv);
  if (status) return status == 1 ? 0 : status;
  payload = malloc((size_t)options.size + 1);
  peers = calloc((size_t)options.connections, sizeof *peers);
  if (!payload || !peers || uv_loop_init(&loop) || uvws_context_new(&loop, NULL, &ctx)) return 1;
  bench_fill(payload, (size_t)options.size, options.is_text ? BENCH_ASCII : NULL);
  set_up();
  connect_next();
  uvws_context_free(ctx);
  uv_run(&loop, UV_RUN_DEFAULT);
  counts.seconds = end_ns > begin_ns ? (double)(end_ns - begin_ns) / 1e9 : 0.001;
  bench_load_summary(&options, &counts, &all);
  for (uint64_t i = 0; i < options.connections; i++)
    free(peers[i].due);
  free(peers);
  free(payload);
  if (uv_loop_close(&loop)) fprintf(stderr, "uvws-bench: handles were left open\n");
  return verdict();
}
