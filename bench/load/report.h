/* What uvws-bench tells: a line a second while it runs, and the summary. */
#ifndef BENCH_LOAD_REPORT_H
#define BENCH_LOAD_REPORT_H

#include "histogram.h"
#include "options.h"

struct bench_load_counts {
  uint64_t opened, failed, lost;
  uint64_t sent, received;
  uint64_t unanswered;     /* at the end */
  uint64_t bytes_received; /* payload */
  double seconds;
};

void bench_load_progress(const struct bench_load_counts *counts, uint64_t received_before,
                         double seconds, const struct bench_histogram *recent);
void bench_load_summary(const struct bench_load_options *o, const struct bench_load_counts *counts,
                        const struct bench_histogram *latency_ns);

#endif
