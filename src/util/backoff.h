/* How long to wait before the next attempt: exponential backoff with full jitter. */
#ifndef UVWS_UTIL_BACKOFF_H
#define UVWS_UTIL_BACKOFF_H

#include <stdint.h>

struct uvws__backoff {
  uint32_t delay_ms;     /* the longest wait before the first attempt */
  uint32_t max_delay_ms; /* before any attempt */
  int no_jitter;         /* 1: always the longest */
};

/* The wait before attempt `attempt` (the first is 1), with `random` from all 32 bits. A server that
 * named a time itself (`at_least_ms`, else 0) is not asked before it, and not by all its clients at
 * once behind it. */
uint64_t uvws__backoff_ms(const struct uvws__backoff *backoff, uint32_t attempt,
                          uint64_t at_least_ms, uint32_t random);

#endif
