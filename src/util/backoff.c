/*
 * Full jitter: any time between now and the backoff, each as likely. When a server dies all its
 * clients notice at once; spread over the whole interval they come back as an even stream
 * (bench/reconnect_storm.c shows it).
 */
#include "util/backoff.h"

static uint64_t longest(const struct uvws__backoff *backoff, uint32_t attempt) {
  uint32_t doublings = attempt > 1 ? attempt - 1 : 0;
  if (doublings > 31) doublings = 31; /* far beyond any max_delay_ms */
  uint64_t ms = (uint64_t)backoff->delay_ms << doublings;
  return ms < backoff->max_delay_ms ? ms : backoff->max_delay_ms;
}

uint64_t uvws__backoff_ms(const struct uvws__backoff *backoff, uint32_t attempt,
                          uint64_t at_least_ms, uint32_t random) {
  uint64_t ms = longest(backoff, attempt);
  if (backoff->no_jitter) return ms > at_least_ms ? ms : at_least_ms;
  return at_least_ms + (((ms + 1) * random) >> 32);
}
