/* What `uvws connect` tells about the connection itself: round trips, control frames, timing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/connect.h"

#define PING_WORD "uvws "

void cli_connect_watch_frame(struct connect *c, const char *what, const void *payload, size_t len) {
  char ours[64];
  if (!c->options.shows_control) return;
  snprintf(ours, sizeof ours, "%s, %zu bytes%s", what, len, len > 0 ? ": " : "");
  cli_connect_tell(c, ours, payload, len);
}

/* One Ping at a time: a Pong need not come for each of several (RFC 6455 5.5.3). */
static void send_ping(struct connect *c) {
  char payload[32];
  int len = snprintf(payload, sizeof payload, PING_WORD "%" PRIu64, c->pings_sent + 1);
  if (uvws_ping(c->ws, payload, (size_t)len) != 0) return;
  c->pings_sent++;
  c->pinged_ns = uv_hrtime();
  cli_connect_watch_frame(c, "> ping", payload, (size_t)len);
}

static double elapsed_ms(const struct connect *c) {
  return (double)(uv_hrtime() - c->started_ns) / 1e6;
}

static void on_trace(uvws_t *ws, const uvws_trace_event_t *event, void *arg) {
  (void)ws;
  struct connect *c = arg;
  const char *mark = event->kind == UVWS_TRACE_HEAD_OUT  ? "> "
                     : event->kind == UVWS_TRACE_HEAD_IN ? "< "
                                                         : "";
  char ours[48];
  snprintf(ours, sizeof ours, "%10.3f ms %s", elapsed_ms(c), mark);
  cli_connect_tell(c, ours, event->text, strlen(event->text));
}

void cli_connect_watch_start(struct connect *c) {
  c->started_ns = uv_hrtime();
  if (c->options.is_traced) uvws_context_trace(c->context, UVWS_LOG_FRAMES, on_trace, c);
}

static void tell_phases(struct connect *c) {
  uvws_stats_t stats = {.size = sizeof stats};
  char text[160];
  if (uvws_stats(c->ws, &stats) != 0) return;
  snprintf(text, sizeof text,
           "%10.3f ms open: resolve %.3f, connect %.3f, TLS %.3f, upgrade %.3f ms", elapsed_ms(c),
           (double)stats.resolve_us / 1e3, (double)stats.connect_us / 1e3,
           (double)stats.tls_us / 1e3, (double)stats.upgrade_us / 1e3);
  cli_connect_tell(c, text, NULL, 0);
}

static void on_ping_due(uv_timer_t *timer) {
  struct connect *c = timer->data;
  if (c->pings_sent == c->pongs_seen) send_ping(c);
}

void cli_connect_watch_open(struct connect *c) {
  if (c->options.is_traced) tell_phases(c);
  if (c->options.ping_ms == CLI_NO_PING) return;
  send_ping(c);
  if (c->options.ping_ms > 0)
    uv_timer_start(&c->ping, on_ping_due, c->options.ping_ms, c->options.ping_ms);
}

void cli_connect_watch_pong(struct connect *c, const uint8_t *data, size_t len) {
  char text[64];
  cli_connect_watch_frame(c, "< pong", data, len);
  if (c->pings_sent == c->pongs_seen) return;
  int expected = snprintf(text, sizeof text, PING_WORD "%" PRIu64, c->pings_sent);
  if (len != (size_t)expected || memcmp(data, text, len) != 0) return;
  c->pongs_seen++;
  snprintf(text, sizeof text, "ping: %.3f ms", (double)(uv_hrtime() - c->pinged_ns) / 1e6);
  cli_connect_tell(c, text, NULL, 0);
}

void cli_connect_watch_close(struct connect *c, const uvws_close_info_t *info) {
  char what[32];
  if (!c->options.shows_control || !info->was_clean) return;
  snprintf(what, sizeof what, "< close %d%s", info->code, info->reason_len > 0 ? " " : "");
  cli_connect_tell(c, what, info->reason, info->reason_len);
}
