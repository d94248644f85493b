/*
 * What every measured client in C and C++ is asked to do, and how it says what that cost:
 *
 *   CLIENT URI echo|send|receive text|binary SIZE IN_FLIGHT WARMUP COUNT
 *   CLIENT URI idle text 0 CONNECTIONS 0 0
 *
 * It prints one line of JSON: the CPU time (user and system, of the process) and the wall time from
 * the message behind the warm-up to the last one. `idle` opens that many connections and says what
 * each took, in time and in resident memory; the memory of the first does not count.
 */
#ifndef BENCH_JOB_H
#define BENCH_JOB_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum bench_job_mode { BENCH_JOB_ECHO, BENCH_JOB_SEND, BENCH_JOB_RECEIVE, BENCH_JOB_IDLE };

struct bench_job {
  const char *uri;
  char host[64];
  char port[8];
  char path[128];
  int is_secure;
  enum bench_job_mode mode;
  int is_text;
  size_t size;
  uint64_t in_flight; /* or connections */
  uint64_t warmup;
  uint64_t count;

  /* Where it stands. */
  uint64_t done; /* messages, warm-up included */
  int is_started;
  int is_finished;
  uint64_t cpu_ns, wall_ns; /* at the start, then the difference */
  long rss_kb;              /* at the start of `idle` */
};

void bench_job_parse(struct bench_job *job, int argc,
                     char **argv); /* ends the process on nonsense */

/* The payload to send: text or bytes, by the same rule as the server's; allocated once. */
uint8_t *bench_job_payload(const struct bench_job *job);

/* `n` more messages are done: starts and stops the clocks as they pass. 1: the job is finished. */
int bench_job_tick(struct bench_job *job, uint64_t n);

/* The same by hand, for `send` and `idle`. */
void bench_job_start(struct bench_job *job);
void bench_job_finish(struct bench_job *job);

uint64_t bench_job_total(const struct bench_job *job);

/* The line of JSON. 0, or 1: the job was not finished. */
int bench_job_report(const struct bench_job *job);

#ifdef __cplusplus
}
#endif

#endif
