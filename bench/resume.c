/*
 * What resuming TLS sessions saves: COUNT connections to a wss:// URI, one after the other, each
 * opened and cut; first with whole handshakes, then resumed. Prints `name value unit` lines.
 *
 *   resume URI [COUNT [CA_FILE [TLS_VERSION [SERVER_NAME]]]]
 *
 * Certificates are not verified without CA_FILE.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include "uvws.h"

struct run {
  uvws_options_t options;
  uvws_t *ws;
  int left, opened, resumed, failed;
};

static double cpu_us(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return 1e6 * (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void on_open(uvws_t *ws, void *user) {
  struct run *run = user;
  const uvws_tls_info_t *info;
  run->opened++;
  run->resumed += uvws_tls_info(ws, &info) == 0 && info->is_resumed;
  uvws_close(ws, 1000, NULL, 0);
}

static void on_error(uvws_t *ws, const uvws_error_t *error, void *user) {
  struct run *run = user;
  (void)ws;
  if (!run->failed++) fprintf(stderr, "%s\n", error->message);
}

static void on_close(uvws_t *ws, const uvws_close_info_t *info, void *user) {
  struct run *run = user;
  (void)info;
  if (--run->left > 0 && !run->failed && uvws_connect(ws, &run->options)) run->failed++;
}

static int measure(const char *name, const uvws_options_t *options, int count) {
  static const uvws_callbacks_t callbacks = {
      .size = sizeof callbacks, .on_open = on_open, .on_error = on_error, .on_close = on_close};
  struct run run = {.options = *options, .left = count};
  uv_loop_t loop;
  uvws_context_t *ctx;
  uv_loop_init(&loop);
  if (uvws_context_new(&loop, NULL, &ctx) || uvws_new(ctx, &callbacks, &run, &run.ws)) return 1;
  double cpu = cpu_us();
  uint64_t from = uv_hrtime();
  if (uvws_connect(run.ws, &run.options)) {
    fprintf(stderr, "%s\n", uvws_last_error(run.ws));
    return 1;
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  double took_us = (double)(uv_hrtime() - from) / 1000, spent_us = cpu_us() - cpu;
  uvws_free(run.ws);
  uvws_context_free(ctx);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  if (!run.opened) return 1;
  printf("%s_resumed %.1f %%\n", name, 100.0 * run.resumed / run.opened);
  printf("%s_cpu %.0f us/connection\n", name, spent_us / run.opened);
  printf("%s_rate %.0f connections/s\n", name, 1e6 * run.opened / took_us);
  return run.failed != 0;
}

static uvws_tls_version_t version_of(const char *text) {
  return strcmp(text, "1.2") == 0 ? UVWS_TLS_1_2 : UVWS_TLS_1_3;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  int count = argc > 2 ? atoi(argv[2]) : 1000;
  uvws_options_t options = {.size = sizeof options, .uri = argv[1]};
  options.ca_file = argc > 3 && *argv[3] ? argv[3] : NULL;
  options.insecure_skip_verify = !options.ca_file;
  if (argc > 4) options.tls = version_of(argv[4]);
  if (argc > 5) options.server_name = argv[5];
  options.no_session_resumption = 1;
  int status = measure("whole", &options, count);
  options.no_session_resumption = 0;
  return status | measure("resumed", &options, count);
}
