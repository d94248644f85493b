/* What every measured client is asked to do, and how it says what that cost. */
#include "job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "payload.h"

static uint64_t now_ns(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static long resident_kb(void) {
  long size = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file) return 0;
  if (fscanf(file, "%ld %ld", &size, &resident) != 2) resident = 0;
  fclose(file);
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void usage(void) {
  fprintf(stderr,
          "usage: CLIENT URI echo|send|receive|idle text|binary SIZE IN_FLIGHT WARMUP COUNT\n");
  exit(2);
}

static int parse_mode(struct bench_job *job, const char *name) {
  static const char *const names[] = {"echo", "send", "receive", "idle"};
  for (unsigned i = 0; i < 4; i++)
    if (!strcmp(name, names[i])) {
      job->mode = (enum bench_job_mode)i;
      return 0;
    }
  return -1;
}

static void raise_limits(void) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

void bench_job_parse(struct bench_job *job, int argc, char **argv) {
  memset(job, 0, sizeof *job);
  if (argc != 8 || parse_mode(job, argv[2]) != 0) usage();
  job->uri = argv[1];
  job->is_secure = !strncmp(job->uri, "wss:", 4);
  if (sscanf(job->uri, "%*[a-z]://%63[^:]:%7[0-9]%127s", job->host, job->port, job->path) != 3)
    usage();
  job->is_text = !strcmp(argv[3], "text");
  job->size = strtoull(argv[4], NULL, 10);
  job->in_flight = strtoull(argv[5], NULL, 10);
  job->warmup = strtoull(argv[6], NULL, 10);
  job->count = strtoull(argv[7], NULL, 10);
  raise_limits();
}

uint8_t *bench_job_payload(const struct bench_job *job) {
  uint8_t *data = malloc(job->size + 1);
  if (!data) exit(1);
  bench_fill(data, job->size, job->is_text ? BENCH_ASCII : NULL);
  return data;
}

uint64_t bench_job_total(const struct bench_job *job) {
  return job->warmup + job->count;
}

void bench_job_start(struct bench_job *job) {
  job->is_started = 1;
  job->rss_kb = resident_kb();
  job->cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
  job->wall_ns = now_ns(CLOCK_MONOTONIC);
}

void bench_job_finish(struct bench_job *job) {
  if (job->is_finished) return;
  job->is_finished = 1;
  job->cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - job->cpu_ns;
  job->wall_ns = now_ns(CLOCK_MONOTONIC) - job->wall_ns;
}

/* The batch in which the warm-up ends belongs to it: what is counted begins behind it. */
int bench_job_tick(struct bench_job *job, uint64_t n) {
  job->done += n;
  if (job->is_finished) return 1;
  if (!job->is_started) {
    if (job->done < job->warmup) return 0;
    job->warmup = job->done;
    bench_job_start(job);
    return 0;
  }
  if (job->done < bench_job_total(job)) return 0;
  job->count = job->done - job->warmup;
  bench_job_finish(job);
  return 1;
}

int bench_job_report(const struct bench_job *job) {
  if (!job->is_finished) {
    fprintf(stderr, "ended after %llu messages\n", (unsigned long long)job->done);
    return 1;
  }
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("{\"messages\": %llu, \"cpu_ns\": %llu, \"wall_ns\": %llu, \"rss_kb\": %ld, "
         "\"rss_growth_kb\": %ld}\n",
         (unsigned long long)(job->mode == BENCH_JOB_IDLE ? job->in_flight : job->count),
         (unsigned long long)job->cpu_ns, (unsigned long long)job->wall_ns, usage.ru_maxrss,
         resident_kb() - job->rss_kb);
  return 0;
}
