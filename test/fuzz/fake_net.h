/*
 * A network that is not there: a dialler and transports for a context, driven step by step by a
 * fuzz target. It checks the rules of io/transport.h on the connection's side of the seam.
 */
#ifndef UVWS_TEST_FAKE_NET_H
#define UVWS_TEST_FAKE_NET_H

#include "conn/context.h"
#include "fuzz.h"

#define NET_DIALS 8 /* at a time; the next one is refused */

enum net_stage { NET_FREE, NET_DIALLING, NET_CANCELLED, NET_OPEN, NET_CLOSING };

/* One dial, and the transport that came of it. */
struct net_link {
  struct uvws__transport base;
  enum net_stage stage;
  void (*on_resolved)(void *arg);
  uvws__dial_cb cb;
  void *arg;
  int is_reading;
  int is_shut;
  int has_ended;
  const uv_buf_t *held; /* NULL: no write is under way */
  uv_buf_t bufs[64];
  unsigned held_count;
  size_t held_len;
  struct uvws__bytes out; /* what the connection wrote, up to NET_KEPT bytes */
};

#define NET_KEPT 4096 /* room for a request */

enum net_write { NET_WRITES_AT_ONCE, NET_WRITES_LATER, NET_WRITES_FAIL };

struct net {
  struct net_link links[NET_DIALS];
  enum net_write write;
  int refuses_dials;
  int refuses_reading;
  int inside;            /* an event is being told */
  void (*on_dial)(void); /* a link has work to do; may be NULL */
};

extern struct net fuzz_net; /* one: the dialler's hook has no argument of ours */

void net_init(uvws_context_t *ctx);
void net_deinit(void); /* all links must be gone */

/* Each does nothing when it does not fit the link's stage. */
void net_resolve(struct net_link *link);
void net_connect(struct net_link *link, int err);
void net_deliver(struct net_link *link, const uint8_t *data, size_t len);
void net_end(struct net_link *link, int err);
void net_written(struct net_link *link, int status);
void net_progress(struct net_link *link); /* the kernel took some of the write */
int net_finish(struct net_link *link);    /* a cancelled dial, a close: told. 1: something was */

#endif
