/* What messages are made of, the same on both sides. */
#ifndef BENCH_PAYLOAD_H
#define BENCH_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

/* `unit` again and again, or bytes of all values for NULL; a text ends with whole characters. */
void bench_fill(uint8_t *to, size_t len, const char *unit);

#define BENCH_ASCII "The quick brown fox. "
#define BENCH_UTF8 "Žluťoučký kůň, 日本語, καλημέρα 🙂 and plain words. "

#endif
