/* What uvws-bench tells. */
#include "report.h"

#include <stdio.h>

/* Three digits and a unit. */
static const char *duration(uint64_t ns, char text[16]) {
  double us = (double)ns / 1000;
  if (us < 1000)
    snprintf(text, 16, "%.1f us", us);
  else if (us < 1e6)
    snprintf(text, 16, "%.2f ms", us / 1000);
  else
    snprintf(text, 16, "%.2f s", us / 1e6);
  return text;
}

void bench_load_progress(const struct bench_load_counts *counts, uint64_t received_before,
                         double seconds, const struct bench_histogram *recent) {
  char p50[16], p99[16], most[16];
  fprintf(stderr, "%6.1f s  %llu connections  %9.0f msg/s  p50 %s  p99 %s  max %s\n",
          counts->seconds, (unsigned long long)(counts->opened - counts->lost),
          (double)(counts->received - received_before) / seconds,
          duration(bench_histogram_percentile(recent, 50), p50),
          duration(bench_histogram_percentile(recent, 99), p99), duration(recent->most, most));
}

static const double percents[] = {50, 75, 90, 99, 99.9, 99.99};
#define PERCENT_COUNT (sizeof percents / sizeof percents[0])

static void print_json(const struct bench_load_options *o, const struct bench_load_counts *c,
                       const struct bench_histogram *h) {
  printf(
      "{\"connections\": %llu, \"failed\": %llu, \"lost\": %llu, \"size\": %llu, \"sent\": %llu, "
      "\"received\": %llu, \"unanswered\": %llu, \"seconds\": %.3f, \"rate_asked\": %.0f, "
      "\"is_open_loop\": %s, \"latency_ns\": {",
      (unsigned long long)c->opened, (unsigned long long)c->failed, (unsigned long long)c->lost,
      (unsigned long long)o->size, (unsigned long long)c->sent, (unsigned long long)c->received,
      (unsigned long long)c->unanswered, c->seconds, o->rate, o->rate > 0 ? "true" : "false");
  for (size_t i = 0; i < PERCENT_COUNT; i++)
    printf("\"p%g\": %llu, ", percents[i],
           (unsigned long long)bench_histogram_percentile(h, percents[i]));
  printf("\"max\": %llu, \"mean\": %.0f}}\n", (unsigned long long)h->most,
         h->count ? h->sum / (double)h->count : 0);
}

static void print_latency(const struct bench_load_options *o, const struct bench_histogram *h) {
  char text[16];
  printf("latency     %s\n", o->rate > 0 ? "from when a message was due"
                                         : "from when a message was sent; the server set the pace "
                                           "(see --help on coordinated omission)");
  for (size_t i = 0; i < PERCENT_COUNT; i++)
    printf("  p%-8g %s\n", percents[i], duration(bench_histogram_percentile(h, percents[i]), text));
  printf("  max       %s\n", duration(h->most, text));
}

void bench_load_summary(const struct bench_load_options *o, const struct bench_load_counts *c,
                        const struct bench_histogram *h) {
  if (o->is_json) {
    print_json(o, c, h);
    return;
  }
  uint64_t through = o->is_one_way ? c->sent : c->received;
  printf("connections %llu opened, %llu failed, %llu lost\n", (unsigned long long)c->opened,
         (unsigned long long)c->failed, (unsigned long long)c->lost);
  printf("messages    %llu sent, %llu received, %llu unanswered, of %llu bytes\n",
         (unsigned long long)c->sent, (unsigned long long)c->received,
         (unsigned long long)c->unanswered, (unsigned long long)o->size);
  printf("throughput  %.0f msg/s, %.1f MB/s of payload each way, in %.2f s\n",
         (double)through / c->seconds, (double)through * (double)o->size / c->seconds / 1e6,
         c->seconds);
  if (h->count) print_latency(o, h);
}
