/*
 * bench_uvws: uvws as a measured client (job.h), through its public interface alone. With
 * UVWS_CONNECTIONS=N in the environment, `echo` runs on N connections at once and says how evenly;
 * with UVWS_COPY, large messages are copied and not lent; with UVWS_WHOLE, no TLS session is
 * resumed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "job.h"
#include "uvws.h"

#define LARGE 131072 /* what is longer may be lent */
#define WAVE 100     /* connects under way at once in `idle` */

struct peer {
  uvws_t *ws;
  uint64_t received;
};

static struct bench_job job;
static uint8_t *payload;
static unsigned send_flags;
static struct peer *peers;
static uint64_t peer_count = 1;
static uint64_t opened;
static uint64_t sent;
static uvws_context_t *ctx;
static uvws_callbacks_t callbacks;
static uvws_options_t options;

static void end_all(void) {
  for (uint64_t i = 0; i < peer_count; i++) {
    uvws_set_callbacks(peers[i].ws, NULL);
    uvws_free(peers[i].ws);
  }
}

static void on_returned(uvws_t *ws, int status, void *arg) {
  (void)ws, (void)status, (void)arg;
}

/* The payload never changes, so it can be lent. */
static int send_one(uvws_t *ws) {
  sent++;
  return uvws_send(ws, job.is_text ? UVWS_TEXT : UVWS_BINARY, payload, job.size, send_flags,
                   send_flags ? on_returned : NULL, NULL);
}

static void send_part(uvws_t *ws);

static void on_sent(uvws_t *ws, int status, void *arg) {
  (void)arg;
  if (status) return;
  if (!job.is_started) {
    bench_job_start(&job);
    send_part(ws);
  } else {
    bench_job_finish(&job);
    end_all();
  }
}

/* The last of each part tells when it is with the kernel. */
static void send_part(uvws_t *ws) {
  uint64_t stop = (job.is_started ? bench_job_total(&job) : job.warmup) - 1;
  while (sent < stop)
    if (send_one(ws) != 0) return;
  if (sent > stop) return;
  sent++;
  uvws_send(ws, job.is_text ? UVWS_TEXT : UVWS_BINARY, payload, job.size, send_flags, on_sent,
            NULL);
}

static void on_drain(uvws_t *ws, void *user) {
  (void)user;
  if (job.mode == BENCH_JOB_SEND) send_part(ws);
}

static void connect_one(void) {
  struct peer *peer = &peers[peer_count++];
  if (uvws_new(ctx, &callbacks, peer, &peer->ws) || uvws_connect(peer->ws, &options)) exit(1);
}

static void next_idle(void) {
  if (opened == 1) {
    bench_job_start(&job);
    for (unsigned i = 0; i < WAVE && peer_count < job.in_flight + 1; i++)
      connect_one();
  } else if (opened == job.in_flight + 1) {
    bench_job_finish(&job);
    bench_job_report(&job);
    end_all();
  } else if (peer_count < job.in_flight + 1) {
    connect_one();
  }
}

static void begin_echo(void) {
  if (opened < peer_count) return;
  for (uint64_t i = 0; i < peer_count; i++)
    for (uint64_t k = 0; k < job.in_flight; k++)
      send_one(peers[i].ws);
}

static void on_open(uvws_t *ws, void *user) {
  (void)user;
  opened++;
  if (job.mode == BENCH_JOB_ECHO) begin_echo();
  if (job.mode == BENCH_JOB_SEND) send_part(ws);
  if (job.mode == BENCH_JOB_IDLE) next_idle();
}

static void on_message(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, void *user) {
  struct peer *peer = user;
  (void)kind, (void)data, (void)len;
  peer->received++;
  if (bench_job_tick(&job, 1)) {
    end_all();
    return;
  }
  if (job.mode == BENCH_JOB_ECHO) send_one(ws);
}

static void on_error(uvws_t *ws, const uvws_error_t *error, void *user) {
  (void)ws, (void)user;
  fprintf(stderr, "bench_uvws: %s\n", error->message);
  exit(1);
}

static void report_fairness(void) {
  uint64_t least = UINT64_MAX, most = 0;
  for (uint64_t i = 0; i < peer_count; i++) {
    if (peers[i].received < least) least = peers[i].received;
    if (peers[i].received > most) most = peers[i].received;
  }
  fprintf(stderr, "fairness least %llu most %llu\n", (unsigned long long)least,
          (unsigned long long)most);
}

int main(int argc, char **argv) {
  uv_loop_t loop;
  bench_job_parse(&job, argc, argv);
  const char *count = getenv("UVWS_CONNECTIONS");
  uint64_t first = job.mode == BENCH_JOB_ECHO && count ? strtoull(count, NULL, 10) : 1;
  payload = bench_job_payload(&job);
  if (job.size > LARGE && !getenv("UVWS_COPY")) send_flags = UVWS_SEND_BORROWED;
  peers = calloc(first > job.in_flight + 1 ? first : job.in_flight + 1, sizeof *peers);
  callbacks = (uvws_callbacks_t){.size = sizeof callbacks,
                                 .on_open = on_open,
                                 .on_message = on_message,
                                 .on_drain = on_drain,
                                 .on_error = on_error};
  options = (uvws_options_t){.size = sizeof options,
                             .uri = job.uri,
                             .connect_timeout_ms = UVWS_NO_TIMEOUT,
                             .handshake_timeout_ms = UVWS_NO_TIMEOUT,
                             .max_message_size = UVWS_NO_LIMIT,
                             .insecure_skip_verify = 1};
  options.no_session_resumption = getenv("UVWS_WHOLE") != NULL;
  if (!getenv("UVWS_DEFLATE")) options.compression = UVWS_COMPRESSION_OFF;
  if (!peers || uv_loop_init(&loop) || uvws_context_new(&loop, NULL, &ctx)) return 1;
  peer_count = 0;
  for (uint64_t i = 0; i < first; i++)
    connect_one();
  uvws_context_free(ctx);
  uv_run(&loop, UV_RUN_DEFAULT);
  if (uv_loop_close(&loop)) fprintf(stderr, "bench_uvws: handles left open\n");
  if (job.mode == BENCH_JOB_IDLE) return !job.is_finished;
  if (count) report_fairness();
  return bench_job_report(&job);
}
