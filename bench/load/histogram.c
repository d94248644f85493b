/* Times in buckets. A value below 64 has a bucket of its own; above, its highest 7 bits choose. */
#include "histogram.h"

#include <string.h>

#define PARTS BENCH_HISTOGRAM_PARTS

void bench_histogram_clear(struct bench_histogram *h) {
  memset(h, 0, sizeof *h);
  h->least = UINT64_MAX;
}

static unsigned bucket_of(uint64_t value) {
  unsigned shift = 0;
  while (value >> shift >= 2 * PARTS)
    shift++;
  return value < PARTS ? (unsigned)value : shift * PARTS + (unsigned)(value >> shift);
}

static uint64_t end_of(unsigned bucket) {
  if (bucket < 2 * PARTS) return bucket;
  unsigned shift = bucket / PARTS - 1;
  return ((uint64_t)(bucket % PARTS + PARTS + 1) << shift) - 1;
}

void bench_histogram_add(struct bench_histogram *h, uint64_t value) {
  h->count++;
  h->sum += (double)value;
  if (value < h->least) h->least = value;
  if (value > h->most) h->most = value;
  h->buckets[bucket_of(value)]++;
}

uint64_t bench_histogram_percentile(const struct bench_histogram *h, double percent) {
  if (!h->count) return 0;
  double exact = percent / 100 * (double)h->count;
  uint64_t rank = (uint64_t)exact;
  if ((double)rank < exact) rank++;
  if (!rank) rank = 1;
  uint64_t seen = 0;
  for (unsigned i = 0; i < BENCH_HISTOGRAM_BUCKETS; i++) {
    seen += h->buckets[i];
    if (seen >= rank) return end_of(i) < h->most ? end_of(i) : h->most;
  }
  return h->most;
}
