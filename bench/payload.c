/* What messages are made of. */
#include "payload.h"

#include <string.h>

void bench_fill(uint8_t *to, size_t len, const char *unit) {
  size_t unit_len = unit ? strlen(unit) : 0;
  size_t i = 0;
  for (; unit && i + unit_len <= len; i += unit_len)
    memcpy(to + i, unit, unit_len);
  for (; i < len; i++)
    to[i] = unit ? '.' : (uint8_t)(i * 7 + 200);
}
