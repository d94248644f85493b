/* Counters, added up when somebody asks. */
#include "conn/conn.h"

#include <string.h>

static void add_counters(struct uvws__counters *to, const struct uvws__counters *from) {
  uint64_t *a = (uint64_t *)to;
  const uint64_t *b = (const uint64_t *)from;
  for (size_t i = 0; i < sizeof *to / sizeof *a; i++)
    a[i] += b[i];
}

/* What a connection counts by itself. */
static void add_conn(struct uvws__counters *to, const struct uvws__conn *c) {
  to->bytes_out += c->written;
  to->frames_in += c->inbound.counts.frames;
  to->compressed_bytes_in += c->inbound.counts.compressed;
  to->expanded_bytes_in += c->inbound.counts.expanded;
}

void uvws__stats_take_conn(struct uvws__conn *c) {
  add_conn(&c->ws->counters, c);
  c->ws->counters.bytes_dropped += uvws__conn_queued(c);
}

void uvws__stats_take_client(uvws_t *ws) {
  add_counters(&ws->ctx->gone, &ws->counters);
}

static void fill_counters(uvws_stats_t *out, const struct uvws__counters *n) {
  out->bytes_in = n->bytes_in;
  out->bytes_out = n->bytes_out;
  out->bytes_dropped = n->bytes_dropped;
  out->messages_in = n->messages_in;
  out->messages_out = n->messages_out;
  out->frames_in = n->frames_in;
  out->frames_out = n->frames_out;
  out->pings_in = n->pings_in;
  out->pings_out = n->pings_out;
  out->pongs_in = n->pongs_in;
  out->pongs_out = n->pongs_out;
  out->compressed_bytes_in = n->compressed_bytes_in;
  out->expanded_bytes_in = n->expanded_bytes_in;
  out->compressed_bytes_out = n->compressed_bytes_out;
  out->plain_bytes_out = n->plain_bytes_out;
  out->connects = n->connects;
  out->reconnects = n->reconnects;
  out->opens = n->opens;
  out->failures = n->failures;
}

static void fill_phases(uvws_stats_t *out, const struct uvws__phases *phases) {
  out->resolve_us = phases->resolve_us;
  out->connect_us = phases->connect_us;
  out->tls_us = phases->tls_us;
  out->upgrade_us = phases->upgrade_us;
}

static void add_gauges(uvws_stats_t *out, const uvws_t *ws) {
  out->clients++;
  out->buffered += ws->conn ? uvws__conn_buffered(ws->conn) : ws->waiting_len;
  if (ws->conn && ws->conn->state == CONN_OPEN) out->open++;
}

/* A caller that was built against an older header knows less. */
static int hand_out(uvws_stats_t *all, uvws_stats_t *out) {
  size_t size = out->size < sizeof *all ? out->size : sizeof *all;
  if (out->size < sizeof out->size) return UV_EINVAL;
  all->size = out->size;
  memcpy(out, all, size);
  return 0;
}

int uvws__client_stats(const uvws_t *ws, uvws_stats_t *out) {
  uvws_stats_t all = {0};
  struct uvws__counters counters = ws->counters;
  if (ws->conn) add_conn(&counters, ws->conn);
  fill_counters(&all, &counters);
  fill_phases(&all, &ws->phases);
  add_gauges(&all, ws);
  all.rtt_last_us = ws->rtt.last_us;
  all.rtt_smoothed_us = ws->rtt.smoothed_us;
  all.rtt_min_us = ws->rtt.min_us;
  return hand_out(&all, out);
}

int uvws__context_stats(const uvws_context_t *ctx, uvws_stats_t *out) {
  uvws_stats_t all = {0};
  struct uvws__counters counters = ctx->gone;
  uint64_t smoothed_sum = 0;
  uint64_t smoothed_count = 0;
  for (const uvws_t *ws = ctx->clients; ws; ws = ws->next) {
    add_counters(&counters, &ws->counters);
    if (ws->conn) add_conn(&counters, ws->conn);
    add_gauges(&all, ws);
    if (!ws->rtt.last_us) continue;
    smoothed_sum += ws->rtt.smoothed_us;
    smoothed_count++;
    if (ws->rtt.last_us > all.rtt_last_us) all.rtt_last_us = ws->rtt.last_us;
    if (!all.rtt_min_us || ws->rtt.min_us < all.rtt_min_us) all.rtt_min_us = ws->rtt.min_us;
  }
  if (smoothed_count) all.rtt_smoothed_us = smoothed_sum / smoothed_count;
  fill_counters(&all, &counters);
  fill_phases(&all, &ctx->phases);
  return hand_out(&all, out);
}
