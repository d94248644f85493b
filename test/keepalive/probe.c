/*
 * A client that does nothing but live, for tests with peers that die: it tells what happens to it,
 * a line each, and ends after on_close.
 *
 *   probe URI PING_MS PONG_MS RUN_MS     closes by itself after RUN_MS of being open
 */
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>
#include <uvws.h>

struct probe {
  uvws_t *ws;
  uv_timer_t timer;
  uint64_t run_ms;
  uint64_t opened_ns;
};

static unsigned long long since_open_ms(const struct probe *p) {
  return (unsigned long long)(p->opened_ns ? (uv_hrtime() - p->opened_ns) / 1000000 : 0);
}

static void on_timer(uv_timer_t *timer) {
  struct probe *p = timer->data;
  uvws_close(p->ws, 1000, NULL, 0);
}

static void on_open(uvws_t *ws, void *user) {
  struct probe *p = user;
  (void)ws;
  p->opened_ns = uv_hrtime();
  printf("open\n");
  uv_timer_start(&p->timer, on_timer, p->run_ms, 0);
}

static void on_error(uvws_t *ws, const uvws_error_t *error, void *user) {
  (void)ws;
  printf("error %s %llu\n", uvws_err_name(error->code), since_open_ms(user));
}

static void on_close(uvws_t *ws, const uvws_close_info_t *info, void *user) {
  struct probe *p = user;
  uvws_stats_t stats = {.size = sizeof stats};
  uvws_stats(ws, &stats);
  printf("pings %llu rtt_us %llu\n", (unsigned long long)stats.pings_out,
         (unsigned long long)stats.rtt_smoothed_us);
  printf("close %d %llu\n", info->code, since_open_ms(p));
  uvws_free(ws);
  uv_close((uv_handle_t *)&p->timer, NULL);
}

int main(int argc, char **argv) {
  struct probe p = {0};
  uv_loop_t *loop = uv_default_loop();
  uvws_callbacks_t callbacks = {
      .size = sizeof callbacks, .on_open = on_open, .on_error = on_error, .on_close = on_close};
  uvws_context_t *context;
  if (argc != 5) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  uvws_options_t options = {.size = sizeof options,
                            .uri = argv[1],
                            .ping_interval_ms = (uint32_t)strtoul(argv[2], NULL, 10),
                            .pong_timeout_ms = (uint32_t)strtoul(argv[3], NULL, 10)};
  p.run_ms = strtoul(argv[4], NULL, 10);
  if (uvws_context_new(loop, NULL, &context) != 0) return 1;
  if (uvws_new(context, &callbacks, &p, &p.ws) != 0) return 1;
  uvws_context_free(context);
  uv_timer_init(loop, &p.timer);
  p.timer.data = &p;
  if (uvws_connect(p.ws, &options) != 0) return 1;
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) == 0 ? 0 : 1;
}
