/* The command line of uvws-bench. */
#ifndef BENCH_LOAD_OPTIONS_H
#define BENCH_LOAD_OPTIONS_H

#include <stdint.h>

#include "uvws.h"

#define BENCH_HEADERS_MAX 32

struct bench_load_options {
  const char *uri;
  uint64_t connections;
  uint64_t size;
  uint64_t in_flight; /* a connection, without a rate */
  double rate;        /* messages a second, of all connections; 0: as fast as answers come */
  double duration_s;
  uint64_t messages; /* 0: as many as the duration allows */
  int is_text;
  int is_one_way; /* no answers are expected */
  int is_insecure;
  int is_compressed;
  int is_quiet;
  int is_json;
  const char *ca_file;
  const char *protocol;
  uvws_header_t headers[BENCH_HEADERS_MAX];
  unsigned header_count;
};

/* 0: go on; 1: --help or --version was answered; 2: a mistake, told on standard error. */
int bench_load_options_parse(struct bench_load_options *o, int argc, char **argv);

#endif
