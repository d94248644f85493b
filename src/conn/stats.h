/* The numbers of a client and of a context (conn/stats.c). */
#ifndef UVWS_CONN_STATS_H
#define UVWS_CONN_STATS_H

#include "uvws.h"

struct uvws__conn;

/* How long the parts of a handshake took, in microseconds. */
struct uvws__phases {
  uint64_t resolve_us;
  uint64_t connect_us; /* TCP, and a proxy's tunnel */
  uint64_t tls_us;
  uint64_t upgrade_us;
};

/* Round trips of our own Pings, in microseconds, at least 1; 0: none yet. */
struct uvws__rtt {
  uint64_t last_us;
  uint64_t smoothed_us;
  uint64_t min_us;
};

/* What a client has done in all its connections. On the hot path these are incremented and nothing
 * else; what a connection counts by itself is added when it is over. */
struct uvws__counters {
  uint64_t bytes_in;
  uint64_t bytes_out; /* of connections that are over */
  uint64_t bytes_dropped;
  uint64_t messages_in;
  uint64_t messages_out;
  uint64_t frames_in; /* of connections that are over */
  uint64_t frames_out;
  uint64_t pings_in;
  uint64_t pings_out;
  uint64_t pongs_in;
  uint64_t pongs_out;
  uint64_t compressed_bytes_in; /* of connections that are over, as the next one */
  uint64_t expanded_bytes_in;
  uint64_t compressed_bytes_out;
  uint64_t plain_bytes_out; /* that became these */
  uint64_t connects;
  uint64_t reconnects;
  uint64_t opens;
  uint64_t failures;
};

/* A connection is over: what it counted becomes its client's. */
void uvws__stats_take_conn(struct uvws__conn *c);
/* A client is over: what it counted becomes its context's. */
void uvws__stats_take_client(uvws_t *ws);

/* `out->size` says how much of it the caller knows. */
int uvws__client_stats(const uvws_t *ws, uvws_stats_t *out);
int uvws__context_stats(const uvws_context_t *ctx, uvws_stats_t *out);

#endif
