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

static void on_ping_due(uv_timer_t *timer) {
  struct connect *c = timer->data;
  if (c->pings_sent == c->pongs_seen) send_ping(c);
}

void cli_connect_watch_open(struct connect *c) {
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
