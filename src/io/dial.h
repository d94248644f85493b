/*
 * Dialling: a host name and a port, or the path of a unix domain socket, become a connected
 * transport.
 */
#ifndef UVWS_IO_DIAL_H
#define UVWS_IO_DIAL_H

#include "io/address.h"
#include "io/transport.h"
#include "util/deadline.h"

struct uvws__dial;

struct uvws__dial_options {
  const char *host; /* a name or an IP address, without brackets; copied */
  uint16_t port;
  const char *socket_path;          /* NULL: TCP; else host and port mean nothing; copied */
  const union uvws__address *local; /* connect from this address; NULL: any; copied */
  unsigned keep_alive_s;            /* of silence, before TCP probes; 0: none are sent */
  uint32_t attempt_timeout_ms;      /* for each address; 0 or UVWS_NO_TIMEOUT: none */
  void (*on_resolved)(void *arg);   /* the look-up is over and went well; may be NULL */
};

/* Exactly once, from the loop: 0 and a connected transport, owned by the callback (it sets `events`
 * and `owner` before it does anything else with it), or an error and NULL. `detail` (borrowed,
 * never NULL) says which address failed why. */
typedef void (*uvws__dial_cb)(void *arg, int err, struct uvws__transport *transport,
                              const char *detail);

/* Start. `*out` is the dialler's own, valid until `cb` has fired. Returns 0 or an error: then `cb`
 * does not fire. */
int uvws__dial_start(const struct uvws__env *env, uv_loop_t *loop,
                     struct uvws__deadlines *deadlines, const struct uvws__dial_options *options,
                     uvws__dial_cb cb, void *arg, struct uvws__dial **out);

/* How far it has come, before `cb` has fired: which address failed why and which is silent. */
void uvws__dial_explain(const struct uvws__dial *dial, struct uvws__detail *detail);

/* Stop: `cb` fires with UV_ECANCELED once nothing of the attempt is left. */
void uvws__dial_cancel(struct uvws__dial *dial);

#endif
