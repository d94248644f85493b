/* Times in buckets that are 1/64 of their value wide at most: percentiles of any number of samples
 * in 30 KiB. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define BENCH_HISTOGRAM_PARTS 64 /* buckets to each power of two */
#define BENCH_HISTOGRAM_BUCKETS (BENCH_HISTOGRAM_PARTS * 59)

struct bench_histogram {
  uint64_t count;
  uint64_t least, most;
  double sum;
  uint64_t buckets[BENCH_HISTOGRAM_BUCKETS];
};

void bench_histogram_clear(struct bench_histogram *h);
void bench_histogram_add(struct bench_histogram *h, uint64_t value);

/* The value that `percent` of the samples do not exceed, rounded up to its bucket's end; 0 without
 * samples. */
uint64_t bench_histogram_percentile(const struct bench_histogram *h, double percent);

#endif
