/* A snapshot in Prometheus' text format (exposition format 0.0.4). */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "uvws.h"

/* One line of the table: a field, what it is called and what it means. */
struct metric {
  const char *name;
  const char *type;
  const char *help;
  size_t offset;
  int is_us; /* told in seconds, Prometheus' base unit */
};

#define COUNTER(field, help)                                                                       \
  { "uvws_" #field "_total", "counter", help, offsetof(uvws_stats_t, field), 0 }
#define GAUGE(field, help)                                                                         \
  { "uvws_" #field, "gauge", help, offsetof(uvws_stats_t, field), 0 }
#define SECONDS(name, field, help)                                                                 \
  { "uvws_" name "_seconds", "gauge", help, offsetof(uvws_stats_t, field), 1 }

static const struct metric metrics[] = {
    COUNTER(bytes_in, "Bytes read, handshakes included."),
    COUNTER(bytes_out, "Bytes handed to the kernel, handshakes included."),
    COUNTER(bytes_dropped, "Bytes queued that their connection did not live to send."),
    COUNTER(messages_in, "Messages received."),
    COUNTER(messages_out, "Messages queued to be sent."),
    COUNTER(frames_in, "Frames received."),
    COUNTER(frames_out, "Frames queued to be sent."),
    COUNTER(pings_in, "Pings received."),
    COUNTER(pings_out, "Pings queued to be sent."),
    COUNTER(pongs_in, "Pongs received."),
    COUNTER(pongs_out, "Pongs queued to be sent."),
    COUNTER(compressed_bytes_in, "Payload received compressed."),
    COUNTER(expanded_bytes_in, "What that payload became."),
    COUNTER(compressed_bytes_out, "Payload sent compressed."),
    COUNTER(plain_bytes_out, "What that payload was before."),
    COUNTER(connects, "Connections begun."),
    COUNTER(reconnects, "Connections begun by reconnection."),
    COUNTER(opens, "Connections that opened."),
    COUNTER(failures, "Connections that ended with an error."),
    GAUGE(clients, "Clients."),
    GAUGE(open, "Connections open."),
    GAUGE(buffered, "Bytes queued."),
    SECONDS("resolve", resolve_us, "Name look-up of the last handshake."),
    SECONDS("connect", connect_us, "TCP and proxy of the last handshake."),
    SECONDS("tls", tls_us, "TLS of the last handshake."),
    SECONDS("upgrade", upgrade_us, "HTTP upgrade of the last handshake."),
    SECONDS("rtt_last", rtt_last_us, "Last round trip of a Ping."),
    SECONDS("rtt_smoothed", rtt_smoothed_us, "Smoothed round trip of Pings."),
    SECONDS("rtt_min", rtt_min_us, "Shortest round trip of a Ping."),
};

static int is_known(const uvws_stats_t *stats, const struct metric *m) {
  return m->offset + sizeof(uint64_t) <= stats->size;
}

static int print_metric(char *out, size_t room, const uvws_stats_t *stats, const struct metric *m,
                        const char *labels) {
  uint64_t value;
  char number[40];
  memcpy(&value, (const char *)stats + m->offset, sizeof value);
  if (m->is_us)
    snprintf(number, sizeof number, "%llu.%06llu", (unsigned long long)(value / 1000000),
             (unsigned long long)(value % 1000000));
  else
    snprintf(number, sizeof number, "%llu", (unsigned long long)value);
  int has_labels = labels && *labels;
  return snprintf(out, room, "# HELP %s %s\n# TYPE %s %s\n%s%s%s%s %s\n", m->name, m->help, m->name,
                  m->type, m->name, has_labels ? "{" : "", has_labels ? labels : "",
                  has_labels ? "}" : "", number);
}

size_t uvws_stats_prometheus(const uvws_stats_t *stats, const char *labels, char *out, size_t cap) {
  size_t len = 0;
  if (cap) out[0] = '\0';
  for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
    if (!is_known(stats, &metrics[i])) continue;
    size_t room = len < cap ? cap - len : 0;
    int n = print_metric(room ? out + len : NULL, room, stats, &metrics[i], labels);
    if (n < 0) return 0;
    len += (size_t)n;
  }
  return len;
}
